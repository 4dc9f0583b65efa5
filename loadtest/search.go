package loadtest

import (
	"context"
	"fmt"
	"time"
)

// searchStep is one try of a search.
type searchStep struct {
	rate   float64
	stats  *stats
	load   load
	passed bool
	// why it did not pass; ofClient tells that the client was the reason.
	why      string
	ofClient bool
}

// The bounds of a search: how close the highest rate that passes and the lowest that fails come, how many tries a target
// has, the lowest and the highest rate.
const (
	searchPrecision = 1.05
	maxTries        = 40
	lowestRate      = 1.0
	highestRate     = 1e6
)

// allowedFailures is the share of requests that a passing try may fail.
const allowedFailures = 0.001

// hunt is a target's search.
type hunt struct {
	target *targetRun
	rate   float64
	// best is the highest rate that passed, worst the lowest that failed twice; 0 for none.
	best, worst float64
	// again tells that the rate failed once: a neighbour's burst is no limit.
	again bool
	done  bool
}

// search looks for the highest rate at which each target meets the goals. Targets take turns, try by try, so that what
// changes on the machine meanwhile changes for all.
func (r *runner) search(ctx context.Context) error {
	var hunts []*hunt
	for _, t := range r.targets {
		hunts = append(hunts, &hunt{target: t, rate: r.config.Rate})
	}
	for try, open := 0, true; open && try < maxTries && ctx.Err() == nil; try++ {
		open = false
		for _, h := range hunts {
			if h.done || ctx.Err() != nil {
				continue
			}
			if err := r.try(ctx, h, uint64(try)); err != nil {
				return err
			}
			open = open || !h.done
		}
	}
	for _, t := range r.targets {
		// The report's figures are those of the best try, or of the last one.
		for _, s := range t.steps {
			if s.passed || t.stats == nil {
				t.stats, r.load = s.stats, s.load
			}
		}
		if t.stats == nil {
			return ErrInterrupted
		}
	}
	return nil
}

// warmupOfStep is what part of a step load runs before it.
const warmupOfStep = 5

// try sends at h's rate for one step and chooses the next.
func (r *runner) try(ctx context.Context, h *hunt, number uint64) error {
	c := r.config
	warmup := c.Step / warmupOfStep
	times, err := arrivals(c.Arrivals, h.rate, warmup+c.Step, c.Seed+number)
	if err != nil {
		return err
	}
	t := h.target
	s := newPlan(r.mix, times, c.Seed+number, r.started.Add(time.Duration(number)*c.Step), t.grown)
	t.stats = newStats(s.labels(), c.Step)
	step := searchStep{rate: h.rate, stats: t.stats}
	step.load = r.play(ctx, func(*targetRun) schedule { return s }, []*targetRun{t}, warmup, c.Step)
	if interrupted(ctx) {
		return nil
	}
	r.judge(t, &step, len(times))
	t.steps = append(t.steps, step)
	said := "meets the goals"
	if !step.passed {
		said = "fails: " + step.why
	}
	r.progress.say("%s: %s requests a second %s", t.name, three(h.rate), said)
	h.next(step.passed)
	return nil
}

// judge decides whether a try passed.
func (r *runner) judge(t *targetRun, s *searchStep, planned int) {
	c := &s.stats.total
	switch {
	case c.arrivals == 0:
		s.why = "nothing was due in the time of a step"
	case c.outcomes[dropped] > 0:
		s.why = fmt.Sprintf("%d of %d requests found no free connection until the end", c.outcomes[dropped], planned)
	case float64(c.failures()) > allowedFailures*float64(c.arrivals):
		s.why = fmt.Sprintf("%d of %d requests failed", c.failures(), c.arrivals)
	}
	for _, g := range r.config.Goals {
		if got := s.stats.corrected.at(g.Percentile / 100); got > g.Latency && s.why == "" {
			s.why = fmt.Sprintf("p%v is %s", g.Percentile, text(got))
		}
	}
	s.passed = s.why == ""
	if limits := clientLimits([]*targetRun{t}, s.load, r.cores()); !s.passed && len(limits) > 0 {
		s.ofClient = true
		s.why += "; the client may be the reason: " + limits[0]
	}
}

// next chooses what to try after a pass or a failure.
func (h *hunt) next(passed bool) {
	if !passed && !h.again {
		h.again = true
		return
	}
	h.again = false
	if passed {
		h.best = h.rate
	} else {
		h.worst = h.rate
	}
	switch {
	case h.worst == 0:
		h.rate *= 2
	case h.best == 0:
		h.rate /= 2
	default:
		h.rate = (h.best + h.worst) / 2
	}
	h.done = h.rate > highestRate || h.rate < lowestRate || h.best > 0 && h.worst > 0 && h.worst < h.best*searchPrecision
}

// interrupted reports whether the run was told to end, which is no error: what was measured until then is reported.
func interrupted(ctx context.Context) bool { return ctx.Err() != nil }
