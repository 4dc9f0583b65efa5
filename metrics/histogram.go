package metrics

import (
	"math/bits"
	"time"
)

// A histogram has buckets finite ones; bucket i ends at, and includes, firstBucket<<i: 1 µs to 16.8 s. A cached answer
// takes a few microseconds and a remote one milliseconds, so that doubling tells them and their tails apart.
const (
	buckets     = 25
	firstBucket = time.Microsecond
)

// bounds are the buckets' upper ends in seconds.
var bounds = func() (out []float64) {
	for i := range buckets {
		out = append(out, (firstBucket << i).Seconds())
	}
	return out
}()

// histograms are histograms of times by index.
type histograms struct{ rows rows }

// newHistograms makes n empty ones.
func newHistograms(n int) histograms { return histograms{newRows(n, buckets+2)} }

// observe counts a time in histogram i and copy s. A clock that went back counts as no time.
func (h *histograms) observe(s uint32, i int, d time.Duration) {
	b := 0
	if d > firstBucket {
		b = min(bits.Len64(uint64((d-1)/firstBucket)), buckets)
	}
	v := h.rows.row(i)
	v.add(s, b, 1)
	v.add(s, buckets+1, uint64(max(d, 0)))
}

// distribution is what a histogram holds.
type distribution struct {
	counts [buckets + 1]uint64
	total  uint64
	sum    time.Duration
}

// read is histogram i; ok is false when it is empty.
func (h *histograms) read(i int) (d distribution, ok bool) {
	v := h.rows.made(i)
	if v == nil {
		return d, false
	}
	for b := range d.counts {
		d.counts[b] = v.sum(b)
		d.total += d.counts[b]
	}
	d.sum = time.Duration(v.sum(buckets + 1))
	return d, d.total > 0
}

// merge adds o to d.
func (d *distribution) merge(o distribution) {
	for b, n := range o.counts {
		d.counts[b] += n
	}
	d.total += o.total
	d.sum += o.sum
}

// quantile estimates the time that a share q of what was counted did not exceed, linearly within its bucket.
func (d *distribution) quantile(q float64) time.Duration {
	if d.total == 0 {
		return 0
	}
	rank, below := q*float64(d.total), 0.0
	for b, n := range d.counts[:buckets] {
		if below+float64(n) >= rank && n > 0 {
			lo := time.Duration(0)
			if b > 0 {
				lo = firstBucket << (b - 1)
			}
			return lo + time.Duration(float64((firstBucket<<b)-lo)*(rank-below)/float64(n))
		}
		below += float64(n)
	}
	return firstBucket << (buckets - 1) // and more
}
