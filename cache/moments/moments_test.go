package moments

import (
	"sync"
	"sync/atomic"
	"testing"
)

// moment is a user's own type of moments.
type moment int64

func TestRaiseNeverLowers(t *testing.T) {
	t.Parallel()
	var v atomic.Int64
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 1000 {
				Raise(&v, moment(n*4+i))
				if got := v.Load(); got < int64(n*4+i) {
					t.Errorf("%d after it was raised to %d", got, n*4+i)
				}
			}
		})
	}
	wg.Wait()
	if Raise(&v, moment(1)); v.Load() != 3999 {
		t.Errorf("raised to %d, want 3999", v.Load())
	}
}

func TestStripesRememberTheLatest(t *testing.T) {
	t.Parallel()
	s := NewStripes[moment](4)
	s.Raise(1, 7)
	s.Raise(5, 9) // of the same stripe
	s.Raise(1, 8)
	s.Raise(2, 3)
	for h, want := range []moment{0, 9, 3, 0, 0, 9} {
		if got := s.At(uint64(h)); got != want {
			t.Errorf("of hash %d %d is remembered, want %d", h, got, want)
		}
	}
}

func TestWindowsStayInProportion(t *testing.T) {
	t.Parallel()
	var w Windows[moment]
	if got := w.End(1); got != 0 {
		t.Errorf("a window that was never opened is open until %d", got)
	}
	w.Open(1, 0, 10)
	w.Open(1, 1, 5)
	if got := w.End(1); got != 10 {
		t.Errorf("a window until 10 and then until 5 is open until %d", got)
	}
	for n := range moment(10_000) {
		w.Open(uint64(n), n, n+20)
	}
	if n := w.Len(); n > 64 {
		t.Errorf("%d windows remembered of which 20 are open", n)
	}
	for n := uint64(9980); n < 10_000; n++ {
		if got := w.End(n); got != moment(n+20) {
			t.Errorf("window %d is open until %d", n, got)
		}
	}
}
