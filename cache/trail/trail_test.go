package trail

import (
	"slices"
	"testing"
)

// TestRingKeepsTheLatest checks what is told of a hash among others, when the ring has gone round, and in which order.
func TestRingKeepsTheLatest(t *testing.T) {
	r := New(8)
	if got := r.Of(0, 4); len(got) != 0 {
		t.Errorf("an empty ring tells %v", got)
	}
	for at := range int64(20) {
		r.Note(uint64(at%3), at+1, Event(at%int64(numEvents)))
	}
	at := func(marks []Mark) (out []int64) {
		for _, m := range marks {
			out = append(out, m.At)
		}
		return out
	}
	if got, want := at(r.Of(1, 4)), []int64{14, 17, 20}; !slices.Equal(got, want) {
		t.Errorf("Of(1, 4) is of %v, want %v", got, want)
	}
	if got, want := at(r.Of(1, 2)), []int64{17, 20}; !slices.Equal(got, want) {
		t.Errorf("Of(1, 2) is of %v, want %v", got, want)
	}
	if n := testing.AllocsPerRun(100, func() { r.Note(1, 1, Filled) }); n != 0 {
		t.Errorf("Note allocates %v times", n)
	}
}

func TestEveryEventHasWords(t *testing.T) {
	for e := range numEvents {
		if e.String() == "" {
			t.Errorf("event %d has no words", e)
		}
	}
}
