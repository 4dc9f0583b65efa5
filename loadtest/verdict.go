package loadtest

import (
	"fmt"
	"time"
)

// Where the client's own share of what it measures becomes large enough to say so.
const (
	// lagShare is the part of a target's median latency that the client's own lag, at its 99th percentile, may have.
	lagFloor = 500 * time.Microsecond
	// busyClient is the share of all cores that the client may use.
	busyClient = 0.7
	// busyMachine is the share of all cores that may be in use.
	busyMachine = 0.92
	// stolenMachine is the share of all cores that the host may withhold.
	stolenMachine = 0.05
	// queuedShare is the share of arrivals that may find every connection busy.
	queuedShare = 0.01
)

// clientLimits says in words what of a run was the client's limit and not the target's. own is true for what makes the
// figures wrong, as against what only explains them.
func clientLimits(targets []*targetRun, l load, cores int) (own []string) {
	for _, t := range targets {
		s := t.stats
		lag := s.ownLag.at(0.99)
		if lag > max(lagFloor, s.uncorrected.at(0.99)/5) {
			own = append(own, fmt.Sprintf("%s: the client sent 1 %% of requests %s or more after they were due although a connection was free: "+
				"for this rate it gets too little of this machine, and latencies have that lag in them", t.name, text(lag)))
		}
	}
	if used := l.cores() / float64(cores); used > busyClient {
		own = append(own, fmt.Sprintf("the client itself used %.0f %% of all %d cores: lower the rate, or run it on a machine of its own", 100*used, cores))
	} else if l.busy > busyMachine {
		own = append(own, fmt.Sprintf("all %d cores were busy for %.0f %% of the time, %.0f %% by the client: what runs here competes with it, and targets on this machine too",
			cores, 100*l.busy, 100*used))
	}
	if l.stolen > stolenMachine {
		own = append(own, fmt.Sprintf("the host withheld %.0f %% of this virtual machine's processor time", 100*l.stolen))
	}
	return own
}

// notes says in words what a reader of a target's figures must know.
func (t *targetRun) notes(connections int) (notes []string) {
	c := &t.stats.total
	n := float64(max(1, c.arrivals))
	if q := float64(c.queued) / n; q > queuedShare {
		notes = append(notes, fmt.Sprintf("%.1f %% of requests were due while all %d connections were busy and waited for one: that wait is in the latency. "+
			"The target does not keep up; if it would with more clients, raise --connections", 100*q, connections))
	}
	if d := c.outcomes[dropped]; d > 0 {
		notes = append(notes, fmt.Sprintf("%d requests were dropped: no connection was free for them until the end. They count with the time they had waited, which is the least that they would have taken", d))
	}
	if d := c.outcomes[timedOut]; d > 0 {
		notes = append(notes, fmt.Sprintf("%d requests had no answer in time. They count with the time they were waited for, which is the least that they would have taken", d))
	}
	if d := c.outcomes[refused]; d > 0 {
		notes = append(notes, fmt.Sprintf("%d requests (%.2f %%) were refused; their latency is not among the others", d, 100*float64(d)/n))
	}
	if d := c.outcomes[broken]; d > 0 {
		notes = append(notes, fmt.Sprintf("%d requests (%.2f %%) ended with a broken connection; they have no latency", d, 100*float64(d)/n))
	}
	if c.unprocessed > 0 {
		notes = append(notes, fmt.Sprintf("%d batches came back with some of their items unprocessed", c.unprocessed))
	}
	return notes
}

// text is a duration for people: three digits and a unit.
func text(d time.Duration) string {
	switch us := float64(d) / 1e3; {
	case d == 0:
		return "0"
	case us < 1000:
		return fmt.Sprintf("%s us", three(us))
	case us < 1e6:
		return fmt.Sprintf("%s ms", three(us/1e3))
	default:
		return fmt.Sprintf("%s s", three(us/1e6))
	}
}

// three is a number with three significant digits.
func three(v float64) string {
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}
