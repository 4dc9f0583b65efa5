package stream

import (
	"math"
	"math/bits"
	"time"

	"millrace/cache/coherence"
)

// lagWindow is how long a sample counts at least; lagWindow/2 more at most.
const lagWindow = time.Hour

// The bound is lagFactor times the lag that lagQuantile of the samples stay under.
const (
	lagQuantile = 0.999
	lagFactor   = 1.5
)

// Lag learns L, the bound on how long after its commit a change shows in the stream. DynamoDB states none; every own
// write that changed data is a free probe, from its acknowledgement to its record (R60). It must be used by one goroutine at a time.
type Lag struct {
	floor time.Duration
	// halves are the samples of this half window and of the one or two before.
	halves [3]lagSamples
	since  coherence.Time
	bound  time.Duration
	// raised is a lag that was shown to be real otherwise than by a sample, and counts until raisedUntil.
	raised      time.Duration
	raisedUntil coherence.Time
}

// lagSamples counts samples by size: four buckets for each doubling, from a millisecond on.
type lagSamples struct {
	n       uint64
	buckets [lagBuckets]uint64
}

// lagBuckets reach to more than a week.
const lagBuckets = 4 * 30

// NewLag makes one that is never below floor.
func NewLag(floor time.Duration) *Lag { return &Lag{floor: floor, bound: floor} }

// Bound is L.
func (l *Lag) Bound() time.Duration { return l.bound }

// Samples is how many samples L is made from.
func (l *Lag) Samples() uint64 { return l.halves[0].n + l.halves[1].n + l.halves[2].n }

// Learn takes samples that came in at now.
func (l *Lag) Learn(now coherence.Time, samples []time.Duration) {
	if l.since == 0 {
		l.since = max(now, 1)
	}
	if len(samples) == 0 && now-l.since < coherence.Time(lagWindow/2) && (l.raised == 0 || now < l.raisedUntil) {
		return
	}
	if now >= l.raisedUntil {
		l.raised = 0
	}
	for i := 0; i < len(l.halves) && now-l.since >= coherence.Time(lagWindow/2); i++ {
		l.since += coherence.Time(lagWindow / 2)
		copy(l.halves[1:], l.halves[:len(l.halves)-1])
		l.halves[0] = lagSamples{}
	}
	if now-l.since >= coherence.Time(lagWindow/2) {
		l.since = now
	}
	for _, d := range samples {
		l.halves[0].n++
		l.halves[0].buckets[lagBucket(d)]++
	}
	l.bound = max(l.floor, l.raised, time.Duration(lagFactor*float64(l.Quantile(lagQuantile))))
}

// Raise tells that a change was found not to show for as long as d. L stays above that for as long as a sample counts at
// least, whatever own writes show: one that is missing altogether is no sample.
func (l *Lag) Raise(now coherence.Time, d time.Duration) {
	l.raised = max(l.raised, time.Duration(lagFactor*float64(d)))
	l.raisedUntil = now + coherence.Time(lagWindow)
	l.bound = max(l.bound, l.raised)
}

// Quantile is what the given share of the samples stay under, rounded up by at most a quarter; 0 without samples.
func (l *Lag) Quantile(q float64) time.Duration {
	over := l.Samples() - uint64(math.Ceil(q*float64(l.Samples())))
	for b := lagBuckets - 1; b >= 0; b-- {
		n := l.halves[0].buckets[b] + l.halves[1].buckets[b] + l.halves[2].buckets[b]
		if n > over {
			return lagBucketEnd(b)
		}
		over -= n
	}
	return 0
}

// lagBucket is the bucket of d.
func lagBucket(d time.Duration) int {
	ms := uint64(max(d, 0)+time.Millisecond-1) / uint64(time.Millisecond)
	if ms <= 4 {
		return int(ms)
	}
	double := bits.Len64(ms-1) - 3 // ms-1 is in [4<<double, 8<<double)
	return min(1+4*double+int((ms-1)>>double), lagBuckets-1)
}

// lagBucketEnd is the longest lag in a bucket.
func lagBucketEnd(b int) time.Duration {
	if b <= 4 {
		return time.Duration(b) * time.Millisecond
	}
	double, quarter := (b-5)/4, (b-5)%4
	return time.Duration(uint64(5+quarter)<<double) * time.Millisecond
}
