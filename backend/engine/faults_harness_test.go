package engine

import (
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"millrace/ddb"
)

// aided is an engine in memory, with a clock that stands still until it is moved.
type aided struct {
	*harness
	// ahead is how far the clock is past aidedStart, in nanoseconds.
	ahead atomic.Int64
}

// aidedStart is when an aided engine begins.
var aidedStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newAided opens an engine with what setUp adds to the configuration; nil adds nothing.
func newAided(t testing.TB, setUp func(*Config)) *aided {
	t.Helper()
	h := &aided{}
	cfg := DefaultConfig()
	cfg.InMemory = true
	cfg.Clock = func() time.Time { return aidedStart.Add(time.Duration(h.ahead.Load())) }
	if setUp != nil {
		setUp(&cfg)
	}
	e, err := Open(cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	h.harness = &harness{t: t, e: e}
	return h
}

// openAided is newAided closed with the test.
func openAided(t *testing.T, setUp func(*Config)) *aided {
	t.Helper()
	h := newAided(t, setUp)
	t.Cleanup(h.close)
	return h
}

// close closes the engine; Pebble panics if a view was not given back.
func (h *aided) close() {
	if err := h.e.Close(); err != nil {
		h.t.Errorf("Close: %v", err)
	}
}

// wait moves the clock.
func (h *aided) wait(d time.Duration) { h.ahead.Add(int64(d)) }

// chores does what Run does in the background until nothing is left to be done.
func (h *aided) chores() {
	h.t.Helper()
	for more := true; more; {
		var err error
		if more, err = h.e.workOnce(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
}

// faults puts f into force.
func (h *aided) faults(f Faults) {
	h.t.Helper()
	if err := h.e.SetFaults(f); err != nil {
		h.t.Fatalf("SetFaults(%+v): %v", f, err)
	}
}

// batchAnswer is what tests look at in the answer to a BatchGetItem.
type batchAnswer struct {
	Responses        map[string][]json.RawMessage
	UnprocessedKeys  json.RawMessage
	ConsumedCapacity []ddb.ConsumedCapacity
}

// decodeBatch reads an answer.
func (h *aided) decodeBatch(body string) batchAnswer {
	h.t.Helper()
	var out batchAnswer
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		h.t.Fatalf("%s: %v", body, err)
	}
	return out
}

// field is the member called name of a JSON answer.
func (h *aided) field(body, name string) string {
	h.t.Helper()
	var out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		h.t.Fatalf("%s: %v", body, err)
	}
	return string(out[name])
}
