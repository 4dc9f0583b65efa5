// Package moments remembers, by hash, when something last happened and until when something may. It reads no clock: what a moment
// is, its user says. All methods are safe for concurrent use.
package moments

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Raise lifts v to now unless it is there already.
func Raise[T ~int64](v *atomic.Int64, now T) {
	for {
		old := v.Load()
		if old >= int64(now) || v.CompareAndSwap(old, int64(now)) {
			return
		}
	}
}

// Stripes remember the latest moment of every stripe of hashes, in memory that is fixed when they are made. Hashes that meet share
// their moments. Make them with NewStripes.
type Stripes[T ~int64] []atomic.Int64

// NewStripes makes n stripes, a power of two.
func NewStripes[T ~int64](n int) Stripes[T] { return make(Stripes[T], n) }

// Raise lifts the moment of h's stripe to now, which may lie in the future.
func (s Stripes[T]) Raise(h uint64, now T) { Raise(&s[h&uint64(len(s)-1)], now) }

// At is the latest moment of h's stripe, 0 for none.
func (s Stripes[T]) At(h uint64) T { return T(s[h&uint64(len(s)-1)].Load()) }

// Windows are hashes of which something may happen, and until when. The zero value has none.
type Windows[T ~int64] struct {
	some atomic.Bool // whether there has been any: most users never have one, and need not lock for it

	mu    sync.Mutex
	until map[uint64]T
}

// Open opens the window of h until a moment, or for longer than it is open. Windows that have passed are swept whenever their number
// reaches a power of two, so it stays in proportion to those that are open.
func (w *Windows[T]) Open(h uint64, now, until T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.until == nil {
		w.until = map[uint64]T{}
	}
	if n := len(w.until); n >= 16 && n&(n-1) == 0 {
		maps.DeleteFunc(w.until, func(_ uint64, end T) bool { return end < now })
	}
	w.until[h] = max(w.until[h], until)
	w.some.Store(true)
}

// End is until when the window of h is open; 0 is never.
func (w *Windows[T]) End(h uint64) T {
	if !w.some.Load() {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.until[h]
}

// Len is the number of windows that are remembered, some of which may have passed.
func (w *Windows[T]) Len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.until)
}
