package cache

import (
	"testing"
	"time"

	"millrace/cache/coherence"
)

// second is one on the caches' clock.
const second = coherence.Time(time.Second)

// A cold table makes as many strong fills as its budget allows for, and a warm one any number.
func TestColdTablesKeepTheirBudget(t *testing.T) {
	t.Parallel()
	const rate, held = 100, 500
	now := 5 * second
	// burst asks so many times a second, for some seconds, and tells how many strong fills there were.
	burst := func(r *refill, epoch uint64, seconds, each int) (strong int) {
		for range seconds * each {
			now += second / coherence.Time(each)
			if r.spend(now, epoch, rate, held) {
				strong++
			}
		}
		return strong
	}
	r := newRefill()
	if n := burst(r, 1, 20, 1000); n < 19*rate || n > 21*rate {
		t.Errorf("%d strong fills in the 20 s after the start, want %d", n, 20*rate)
	}
	// It has made all that it owed by then, and more than it ever held.
	burst(r, 1, 60, 1000)
	if n := burst(r, 1, 1, 5000); n != 5000 {
		t.Errorf("%d of 5000 misses are read strongly when the table is warm", n)
	}
	// It was dropped: a table that is asked for little is warm again after some time.
	if n := burst(r, 2, 9, 20); n != 9*20 {
		t.Errorf("%d of %d misses within the budget are read strongly", n, 9*20)
	}
	if n := burst(r, 2, 2, 20) + burst(r, 2, 1, 5000); n != 2*20+5000 {
		t.Errorf("%d of %d misses are read strongly, want all: the table asked for less than its budget for over %v", n, 2*20+5000, coldLeast)
	}
	if r.cold(now, 2, rate) || !r.cold(now, 3, rate) {
		t.Error("a table is cold when it is warm, or warm when it was just dropped")
	}
	// What must be strong is taken from what follows, a second's budget at most.
	burst(r, 3, 1, 1000)
	for range 10 * rate {
		r.force(rate)
	}
	if n := burst(r, 3, 3, 1000); n < 2*rate-1 || n > 2*rate+1 {
		t.Errorf("%d strong fills in 3 s after many beyond the budget, want %d", n, 2*rate)
	}
	if !r.cold(now, 3, rate) || r.cold(now+2*coherence.Time(coldLeast), 3, rate) {
		t.Error("a table that nobody asks for is not cold, or still cold after some time")
	}
}
