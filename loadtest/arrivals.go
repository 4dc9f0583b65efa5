package loadtest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// The ways in which requests can arrive.
const (
	// Poisson arrivals are independent of each other, as those of many users are.
	Poisson = "poisson"
	// Constant arrivals have the same gap between any two.
	Constant = "constant"
)

// maxArrivals bounds one schedule, which is held in memory as a whole.
const maxArrivals = 100_000_000

// arrivals are the times, from the schedule's begin and in ascending order, at which requests are due within span. They
// depend on the arguments alone.
func arrivals(how string, rate float64, span time.Duration, seed uint64) ([]time.Duration, error) {
	expected := rate * span.Seconds()
	if expected > maxArrivals {
		return nil, fmt.Errorf("%.0f requests a second for %v are %.0f arrivals, more than the %d that are kept in memory", rate, span, expected, maxArrivals)
	}
	due := make([]time.Duration, 0, int(expected*1.02)+16)
	if how == Constant {
		for k := 0; ; k++ {
			at := time.Duration(float64(k) / rate * float64(time.Second))
			if at >= span {
				return due, nil
			}
			due = append(due, at)
		}
	}
	random := rand.New(rand.NewPCG(seed, streamArrivals))
	for at := 0.0; ; {
		at += random.ExpFloat64() / rate
		if d := time.Duration(at * float64(time.Second)); d < span {
			due = append(due, d)
		} else {
			return due, nil
		}
	}
}

// The streams of random numbers that one seed gives, so that none depends on how much another has drawn.
const (
	streamArrivals = iota + 1<<40
	streamMix
	streamFill
	streamItems
	streamRequests
)
