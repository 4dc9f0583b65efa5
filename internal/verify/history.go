package verify

import (
	"sync"
	"time"
)

// never is the end of an operation whose outcome nobody knows.
const never = time.Duration(1<<63 - 1)

// Op is what one client did to one item: wrote a version of it, or read one. Versions of an item count from 1 and have a
// single writer, one after the other, unless they are swaps; version 0 is the item before its first.
type Op struct {
	// Client is the lane it is drawn in; Name the operation in DynamoDB's words.
	Client string `json:"client"`
	Name   string `json:"name"`
	Write  bool   `json:"write,omitempty"`
	// Swap is a write on the condition that the item is at the version before. Several clients may try the same one, and
	// one may succeed.
	Swap bool `json:"swap,omitempty"`
	// Version was written or shown. Absent tells that it is a version without the item; the version of a read that
	// showed nothing is not known, and is 0 here.
	Version int  `json:"version"`
	Absent  bool `json:"absent,omitempty"`
	// Start is when the request was sent, End when the reply was there, from the start of the run on one clock.
	Start time.Duration `json:"start_ns"`
	End   time.Duration `json:"end_ns"`
	// Strong is a read that promises the latest; Origin one at the writer's endpoint, which is evidence and not judged.
	Strong bool `json:"strong,omitempty"`
	Origin bool `json:"origin,omitempty"`
	// Index is a read of an index, which may lack an item while it moves there.
	Index bool `json:"index,omitempty"`
	// Cache is what X-Millrace-Cache said.
	Cache string `json:"cache,omitempty"`
	// Mark is "offending", "missed", "shown" or "contradicted" in a history that is shown.
	Mark string `json:"mark,omitempty"`
	// LeftOut is how many operations on the item before this one are not shown.
	LeftOut int `json:"left_out,omitempty"`
}

// register is one item and everything that was done to it.
type register struct {
	name string
	sk   int

	mu sync.Mutex

	version int
	ops     []Op
}

// next begins a version.
func (r *register) next() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version++
	return r.version
}

// record adds an operation.
func (r *register) record(op Op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op)
}

// taken is a copy of the operations.
func (r *register) taken() []Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Op(nil), r.ops...)
}

// History is a piece of an item's history that shows a promise broken.
type History struct {
	Item string `json:"item"`
	// Says is what is wrong, in a sentence.
	Says string `json:"says"`
	Ops  []Op   `json:"ops"`
}
