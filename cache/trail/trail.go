// Package trail remembers what happened lately to what is cached, for those who look into an answer that was wrong. It holds
// hashes and moments, no keys and no values, in memory that is fixed when a ring is made.
package trail

import "unsafe"

// Event is what happened.
type Event uint8

// The events.
const (
	// Filled: what a read of the backend showed was stored.
	Filled Event = iota
	// Unfit: what a read of the backend showed was not stored.
	Unfit
	// Contradicted: a read showed something else, and the entry went (R6).
	Contradicted
	// Refused: a reader was refused the entry, which went (R8).
	Refused
	// Written: an own write's image was stored.
	Written
	// Unsure: after an own write, or one that failed or of unknown outcome, nothing certain was known, and what there was went.
	Unsure
	// Echoed: a record of the same image as the entry's came, and it stayed (R29).
	Echoed
	// Recorded: a record of another image came, or of none, and what there was went.
	Recorded
	// Struck: a write to a page's interval was told, and the page went.
	Struck
	numEvents
)

// words are the words for events.
var words = [numEvents]string{
	"filled by a read", "a read's answer not stored", "removed for a read that showed otherwise", "refused to a reader and removed",
	"stored by an own write", "removed by an own write", "a record of the same image", "a record of another image",
	"removed by a write in its interval",
}

// String is the words for e.
func (e Event) String() string { return words[e] }

// Mark is one event.
type Mark struct {
	Hash  uint64 // of what it happened to
	At    int64  // on the owner's clock
	Event Event
}

// MarkBytes is the memory of a mark.
const MarkBytes = int64(unsafe.Sizeof(Mark{}))

// Ring is the latest marks, guarded by its owner's lock. Make one with New.
type Ring struct {
	marks []Mark
	next  int
}

// New makes a ring of n marks.
func New(n int) Ring { return Ring{marks: make([]Mark, n)} }

// Bytes is the memory of the ring.
func (r *Ring) Bytes() int64 { return int64(len(r.marks)) * MarkBytes }

// Rings are a ring to each of so many locks of their owner's, a power of two, by hash. Make them with NewRings.
type Rings []Ring

// What rings take: a share of the owner's memory, between so many marks each.
const (
	share              = 512
	leastMarks, atMost = 16, 1024
)

// NewRings makes n rings for an owner that has so much memory.
func NewRings(memory int64, n int) Rings {
	marks := memory / share / MarkBytes / int64(n)
	r := make(Rings, n)
	for i := range r {
		r[i] = New(int(max(leastMarks, min(marks, atMost))))
	}
	return r
}

// At is the ring of hash.
func (r Rings) At(hash uint64) *Ring { return &r[hash&uint64(len(r)-1)] }

// Bytes is the memory of all rings.
func (r Rings) Bytes() int64 { return int64(len(r)) * r[0].Bytes() }

// Note adds a mark, in place of the oldest. It allocates nothing.
func (r *Ring) Note(hash uint64, at int64, e Event) {
	r.marks[r.next] = Mark{hash, at, e}
	if r.next++; r.next == len(r.marks) {
		r.next = 0
	}
}

// Of returns the marks of hash, oldest first, at most so many of the latest. A mark at 0 is none.
func (r *Ring) Of(hash uint64, most int) []Mark {
	out := make([]Mark, 0, most)
	for i := range r.marks {
		m := r.marks[(r.next+i)%len(r.marks)]
		if m.Hash != hash || m.At == 0 {
			continue
		}
		if len(out) == most {
			out = append(out[:0], out[1:]...)
		}
		out = append(out, m)
	}
	return out
}
