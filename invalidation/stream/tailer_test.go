package stream

import (
	"testing"

	"millrace/cache/coherence"
)

// TestALossIsToldWhileReadsAreLostToo has every read be answered that its records are gone, and before anything that was asked at the same
// time. The new positions are held none the less, so that what was cached is known to be lost, again and again.
func TestALossIsToldWhileReadsAreLostToo(t *testing.T) {
	tailer, now := NewTailer(modelConfig(Rules{})), coherence.Time(1)
	begun, lost := 0, 0
	pending := tailer.Start(now)
	for step := 0; begun < 5; step++ {
		if step == 1000 {
			t.Fatalf("coverage has begun %d times when %d positions were lost", begun, lost)
		}
		next := 0
		for i, a := range pending {
			if a.Kind == Read {
				next = i
			}
		}
		a := pending[next]
		pending = append(pending[:next:next], pending[next+1:]...)
		now += coherence.Time(a.Delay) + 1
		e := Event{Of: a, Sent: now, Now: now + 1}
		switch a.Kind {
		case Begin:
			begun++
			continue
		case List:
			e.Enabled, e.Shards = true, []Shard{{ID: "a"}, {ID: "b"}, {ID: "c"}}
		case Iterate:
			e.Iterator = "at the tip"
		case Read:
			e.Failure = Trimmed
			lost++
		}
		pending = append(pending, tailer.Step(e)...)
	}
}
