package loadtest

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range of latencies that are told apart, and how finely: to three significant digits. What is longer counts as longest.
const (
	shortestLatency = 100 * time.Nanosecond
	longestLatency  = 10 * time.Minute
	digits          = 3
)

// histogram counts latencies.
type histogram struct{ h *hdrhistogram.Histogram }

// newHistogram makes an empty one.
func newHistogram() histogram {
	return histogram{hdrhistogram.New(int64(shortestLatency), int64(longestLatency), digits)}
}

// add counts one.
func (h histogram) add(d time.Duration) {
	// Only what is out of range is an error.
	_ = h.h.RecordValue(int64(min(max(d, 0), longestLatency)))
}

// at is the latency that a share q, from 0 to 1, of all did not exceed.
func (h histogram) at(q float64) time.Duration {
	if h.count() == 0 {
		return 0
	}
	return time.Duration(h.h.ValueAtPercentile(q * 100))
}

// max is the greatest, mean the average.
func (h histogram) max() time.Duration  { return time.Duration(h.h.Max()) }
func (h histogram) mean() time.Duration { return time.Duration(h.h.Mean()) }

// count is how many there are.
func (h histogram) count() int64 { return h.h.TotalCount() }

// stats is what is known of one target. One goroutine adds and reads.
type stats struct {
	labels []string
	// corrected is latency from the intended start, uncorrected from the sending: what a closed loop sees. Both have what was
	// answered; corrected also has what timed out or was dropped, by how long it was waited for, since that is the least.
	corrected, uncorrected histogram
	// refusals have exceptions, whose speed would flatter.
	refusals histogram
	// ownLag is how late the client sent what a lane was waiting for.
	ownLag histogram

	// span is how long is to be measured, ran how long was.
	span     time.Duration
	ran      time.Duration
	total    counts
	byLabel  []labelStats
	byCache  [numCacheResults]histogram
	errors   map[string]int
	interval time.Duration
	series   []*slot
}

// counts are sums over arrivals.
type counts struct {
	arrivals int
	outcomes [numOutcomes]int
	// late were sent more than lateBy after they were due, queued found all lanes busy.
	late, queued int
	// reads that said what the cache did, the keys they were about and the hits among these.
	cacheReads, keys, hits int
	missing, unprocessed   int
}

// labelStats is about one kind of request.
type labelStats struct {
	counts
	corrected histogram
}

// slot is one interval of the run.
type slot struct {
	counts
	corrected *hdrhistogram.Histogram
}

// lateBy is from when on an arrival counts as late.
const lateBy = time.Millisecond

// maxSlots bounds the length of a series.
const maxSlots = 150

// intervalOf is a round interval that cuts span into at most maxSlots.
func intervalOf(span time.Duration) time.Duration {
	for _, d := range []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
		10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute} {
		if span <= d*maxSlots && (span <= 20*time.Second || d >= time.Second) {
			return d
		}
	}
	return time.Hour
}

// newStats makes one for a schedule of that length with those kinds of requests.
func newStats(labels []string, span time.Duration) *stats {
	s := &stats{labels: labels, corrected: newHistogram(), uncorrected: newHistogram(), refusals: newHistogram(), ownLag: newHistogram(),
		errors: map[string]int{}, span: span, interval: intervalOf(span)}
	s.byLabel = make([]labelStats, len(labels))
	for i := range s.byLabel {
		s.byLabel[i].corrected = newHistogram()
	}
	for i := range s.byCache {
		s.byCache[i] = newHistogram()
	}
	return s
}

// add counts a sample; at is when it was due since measuring began.
func (s *stats) add(p *sample, at time.Duration) {
	of := &s.byLabel[p.label]
	slot := s.slot(at)
	for _, c := range [...]*counts{&s.total, &of.counts, &slot.counts} {
		c.add(p)
	}
	if p.idle {
		s.ownLag.add(p.lag)
	}
	switch p.outcome {
	case refused:
		s.refusals.add(p.latency)
		return
	case broken:
		return
	case answered:
		s.uncorrected.add(p.service)
		if p.reads {
			s.byCache[p.cache].add(p.latency)
		}
	}
	s.corrected.add(p.latency)
	of.corrected.add(p.latency)
	_ = slot.corrected.RecordValue(int64(min(max(p.latency, 0), longestLatency)))
}

// add counts a sample.
func (c *counts) add(p *sample) {
	c.arrivals++
	c.outcomes[p.outcome]++
	if p.lag > lateBy {
		c.late++
	}
	if !p.idle && p.outcome != broken {
		c.queued++
	}
	if p.outcome != answered {
		return
	}
	if p.reads && p.cache != noCache {
		c.cacheReads++
		c.keys += int(p.keys)
		c.hits += int(p.hits)
	}
	if p.missing {
		c.missing++
	}
	if p.unprocessed {
		c.unprocessed++
	}
}

// failures are arrivals without a success.
func (c *counts) failures() int { return c.arrivals - c.outcomes[answered] }

// hitShare is the share of keys that the cache answered, from 0 to 1; -1 if no answer said anything.
func (c *counts) hitShare() float64 {
	if c.keys == 0 {
		return -1
	}
	return float64(c.hits) / float64(c.keys)
}

// slot gives the interval at a time.
func (s *stats) slot(at time.Duration) *slot {
	i := max(0, int(at/s.interval))
	for len(s.series) <= i {
		s.series = append(s.series, &slot{corrected: hdrhistogram.New(int64(time.Microsecond), int64(longestLatency), 2)})
	}
	return s.series[i]
}
