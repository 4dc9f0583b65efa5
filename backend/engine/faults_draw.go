package engine

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Latency is how long a request is held up: always Min when Max is not greater. Otherwise it is drawn: from Min to Max alike,
// or with Skewed from a log-normal distribution with median Min and 99th percentile Max, as services show it.
type Latency struct {
	Min, Max time.Duration
	Skewed   bool
}

// ParseLatency reads what String writes: "5ms", "2ms-20ms" for alike, "2ms~40ms" for skewed. Empty is none.
func ParseLatency(text string) (Latency, error) {
	var l Latency
	if text == "" {
		return l, nil
	}
	low, high, ranged := strings.Cut(text, "-")
	if !ranged {
		low, high, l.Skewed = strings.Cut(text, "~")
	}
	fault := fmt.Errorf(`latency %q is neither "5ms" nor "2ms-20ms" nor "2ms~40ms" (median and 99th percentile)`, text)
	var err error
	if l.Min, err = time.ParseDuration(strings.TrimSpace(low)); err != nil {
		return Latency{}, fault
	}
	if ranged || l.Skewed {
		if l.Max, err = time.ParseDuration(strings.TrimSpace(high)); err != nil {
			return Latency{}, fault
		}
		if l.Max <= l.Min {
			return Latency{}, fault
		}
	}
	if l.validate() != nil {
		return Latency{}, fault
	}
	return l, nil
}

// String is the text that ParseLatency reads.
func (l Latency) String() string {
	switch {
	case l == Latency{}:
		return ""
	case l.Max <= l.Min:
		return l.Min.String()
	case l.Skewed:
		return l.Min.String() + "~" + l.Max.String()
	}
	return l.Min.String() + "-" + l.Max.String()
}

// validate reports what cannot be drawn.
func (l Latency) validate() error {
	if l.Min < 0 || l.Max < 0 || l.Skewed && l.Min == 0 {
		return fmt.Errorf("latency is from %v to %v, must not be negative, and above 0 when skewed", l.Min, l.Max)
	}
	return nil
}

// p99 is the 99th percentile of the standard normal distribution.
const p99 = 2.3263478740408408

// draw is the latency that the n-th draw of seed gives.
func (l Latency) draw(seed, n uint64) time.Duration {
	switch {
	case l.Max <= l.Min:
		return l.Min
	case !l.Skewed:
		return between(l.Min, l.Max, uniform(seed, n))
	}
	// Uniform draws are in steps of 2^-53, so that the quantile is finite but for 0.
	z := math.Sqrt2 * math.Erfinv(2*max(uniform(seed, n), 0x1p-54)-1)
	spread := math.Log(float64(l.Max)/float64(l.Min)) / p99
	return time.Duration(float64(l.Min) * math.Exp(spread*z))
}

// between is the part u, from 0 to 1, of the way from low to high.
func between(low, high time.Duration, u float64) time.Duration {
	return low + time.Duration(u*float64(high-low))
}

// uniform is the n-th draw of a seed: a number from 0 up to but not including 1. Draws are computed, not drawn one after the
// other, so that concurrent requests need no lock and repeat by number.
func uniform(seed, n uint64) float64 { return float64(mix(seed+n*0x9e3779b97f4a7c15)>>11) / (1 << 53) }

// mix is the output function of SplitMix64. (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.)
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// seedOf makes a seed for what is called name.
func seedOf(seed uint64, name string) uint64 {
	h := mix(seed + 0x9e3779b97f4a7c15)
	for i := range len(name) {
		h = mix(h ^ uint64(name[i]))
	}
	return h
}
