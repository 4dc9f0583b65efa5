package main

import (
	"slices"
	"time"
)

// absence is a time in which a core was not there: a host ran something else on it.
type absence struct{ from, to time.Time }

// What an absence spoils beside itself: what was sent shortly before and is under way when it comes, and what comes after while
// what has piled up is worked off, which at 70 % of capacity takes three times as long as the absence.
const (
	leastAbsence    = 200 * time.Microsecond
	spoiltBefore    = 2 * stubDelay
	spoiltAfter     = time.Millisecond
	spoiltByBacklog = 3
)

// spoiltBy are the times that absences spoil, one after the other.
func spoiltBy(all []absence) (spoilt []absence) {
	for _, a := range all {
		spoilt = append(spoilt, absence{a.from.Add(-spoiltBefore), a.to.Add(spoiltAfter + spoiltByBacklog*a.to.Sub(a.from))})
	}
	slices.SortFunc(spoilt, func(a, b absence) int { return a.from.Compare(b.from) })
	n := 0
	for _, s := range spoilt {
		if n > 0 && !s.from.After(spoilt[n-1].to) {
			spoilt[n-1].to = latest(spoilt[n-1].to, s.to)
			continue
		}
		spoilt[n] = s
		n++
	}
	return spoilt[:n]
}

// latest is the later one.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earliest is the earlier one.
func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// timed is a request: when it was due, and how long after that it was answered.
type timed struct {
	due     time.Time
	latency time.Duration
}

// clean are the latencies of what was due outside the spoilt times, in no order, and for how long there were others between from
// and until. What is left out depends on when requests were due alone, not on how they fared.
func clean(requests []timed, spoilt []absence, from, until time.Time) (latencies []time.Duration, span time.Duration) {
	span = until.Sub(from)
	for _, s := range spoilt {
		span -= max(0, earliest(s.to, until).Sub(latest(s.from, from)))
	}
	for _, r := range requests {
		at, _ := slices.BinarySearchFunc(spoilt, r.due, func(s absence, due time.Time) int {
			if s.to.Before(due) {
				return -1
			}
			return 1
		})
		if at == len(spoilt) || r.due.Before(spoilt[at].from) {
			latencies = append(latencies, r.latency)
		}
	}
	return latencies, span
}
