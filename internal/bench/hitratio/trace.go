package main

import (
	"math"
	"math/rand/v2"
	"sort"
)

// A trace is the keys that are asked for, one after the other; scan tells that a key is asked for only this once.
type trace struct {
	name string
	// next is the i-th key.
	next func(i int) (key uint64, scan bool)
	// bound is the share of hits, scans aside, of a cache that always holds the k entries most asked for; 0 where there are none
	// such.
	bound func(k int) float64
}

// zipf draws from n keys, of which the i-th is asked for in proportion to i^-skew.
type zipf struct {
	sums []float64 // of probabilities
	r    *rand.Rand
}

// newZipf makes the sums.
func newZipf(n int, skew float64, seed uint64) *zipf {
	z := &zipf{sums: make([]float64, n), r: rand.New(rand.NewPCG(seed, 1))}
	total := 0.0
	for i := range z.sums {
		total += math.Pow(float64(i+1), -skew)
		z.sums[i] = total
	}
	for i := range z.sums {
		z.sums[i] /= total
	}
	return z
}

// draw is the rank of a key, from 0.
func (z *zipf) draw() uint64 {
	return uint64(sort.SearchFloat64s(z.sums, z.r.Float64()))
}

// top is the share of the k first keys.
func (z *zipf) top(k int) float64 { return z.sums[min(k, len(z.sums))-1] }

// scanBit sets keys that are asked for once apart from the others.
const scanBit = 1 << 40

// traces are all of them over a universe of n keys and caches of k entries.
func traces(n, k int) []trace {
	plain, scanned, moving := newZipf(n, 0.99, 1), newZipf(n, 0.99, 2), newZipf(n, 0.99, 3)
	return []trace{
		{"zipf 0.99", func(int) (uint64, bool) { return plain.draw(), false }, plain.top},
		{"zipf 0.99, 30 % one-shot scans", func(i int) (uint64, bool) {
			// Runs of thirty in a hundred.
			if i%100 < 30 {
				return scanBit + uint64(i), true
			}
			return scanned.draw(), false
		}, scanned.top},
		{"loop over about 1.3 times what fits", func(i int) (uint64, bool) { return uint64(i % (k * 3 / 2)), false },
			func(held int) float64 { return float64(held) / float64(k*3/2) }},
		{"zipf 0.99 whose hot keys change every 200 000", func(i int) (uint64, bool) {
			return (moving.draw() + uint64(i/200_000)*7919) % uint64(n), false
		}, moving.top},
	}
}
