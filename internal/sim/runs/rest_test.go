package runs

import (
	"testing"

	"millrace/cache/coherence"
)

// Whatever is left in a core is a leak.
func TestEveryLeakCounts(t *testing.T) {
	for what, leak := range map[string]func(st *coherence.Stats){
		"flights": func(st *coherence.Stats) { st.Flights = 1 }, "fences": func(st *coherence.Stats) { st.Fences = 1 },
		"pending": func(st *coherence.Stats) { st.Pending = 1 }, "fills": func(st *coherence.Stats) { st.Fills = 1 },
		"slots": func(st *coherence.Stats) { st.Slots = 1 },
	} {
		st := coherence.Stats{}
		if leak(&st); !Busy(&st) {
			t.Errorf("%s are not missed", what)
		}
	}
	for what, leak := range map[string]func(st *coherence.Stats){
		"slots": func(st *coherence.Stats) { st.Slots = 1 }, "nodes": func(st *coherence.Stats) { st.Nodes = 1 },
		"pages": func(st *coherence.Stats) { st.Pages = 1 }, "bytes": func(st *coherence.Stats) { st.Bytes = 1 },
	} {
		st := coherence.Stats{}
		if leak(&st); !Holding(&st) {
			t.Errorf("%s are not missed", what)
		}
	}
	if st := (coherence.Stats{}); Busy(&st) || Holding(&st) {
		t.Error("nothing is taken for a leak")
	}
}
