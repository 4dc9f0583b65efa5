package loadtest

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// distribution says which of the numbers below n a request is about. It is immutable.
type distribution struct {
	kind string
	// zipf draws ranks for zipfian, latest and shifting.
	zipf *zipfian
	// hotKeys and hotOps are hotspot's: the share of keys that gets that share of requests.
	hotKeys, hotOps float64
	// every is how often shifting moves.
	every time.Duration
}

// The kinds of distributions.
const (
	uniformKeys  = "uniform"
	zipfianKeys  = "zipfian"
	latestKeys   = "latest"
	hotspotKeys  = "hotspot"
	shiftingKeys = "shifting"
)

// defaultTheta is YCSB's skew. (Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", 2010.)
const defaultTheta = 0.99

// scrambledRanks is the number of ranks that a scrambled zipfian draws from before they are hashed onto the keys: YCSB's
// constant, so that popularity does not depend on the number of keys. (YCSB, ScrambledZipfianGenerator.)
const scrambledRanks = 10_000_000_000

// parseDistribution reads such as "uniform", "zipfian 0.9", "latest", "hotspot 0.1 0.9" or "shifting 10s" over n keys.
func parseDistribution(text string, n int) (*distribution, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		words = []string{uniformKeys}
	}
	d := &distribution{kind: words[0]}
	args := words[1:]
	theta := defaultTheta
	var err error
	number := func(i int, low, high float64) float64 {
		v, parseErr := strconv.ParseFloat(args[i], 64)
		if parseErr != nil || !(v > low && v < high) {
			err = fmt.Errorf("keys %q: %s must be between %v and %v", text, args[i], low, high)
		}
		return v
	}
	switch {
	case d.kind == uniformKeys && len(args) == 0:
	case (d.kind == zipfianKeys || d.kind == latestKeys) && len(args) <= 1:
		if len(args) == 1 {
			theta = number(0, 0, 1)
		}
		ranks := uint64(scrambledRanks)
		if d.kind == latestKeys {
			ranks = uint64(max(n, 2))
		}
		d.zipf = newZipfian(ranks, theta)
	case d.kind == hotspotKeys && (len(args) == 0 || len(args) == 2):
		d.hotKeys, d.hotOps = 0.2, 0.8
		if len(args) == 2 {
			d.hotKeys, d.hotOps = number(0, 0, 1), number(1, 0, 1)
		}
	case d.kind == shiftingKeys && len(args) <= 1:
		d.every, d.zipf = 10*time.Second, newZipfian(scrambledRanks, theta)
		if len(args) == 1 {
			if d.every, err = time.ParseDuration(args[0]); err == nil && d.every <= 0 {
				err = fmt.Errorf("keys %q: the time must be above zero", text)
			}
		}
	default:
		err = fmt.Errorf("keys %q, must be uniform, zipfian [skew], latest [skew], hotspot [share of keys, share of requests] or shifting [time]", text)
	}
	return d, err
}

// pick draws one of n numbers for a request that is due at the given time. Latest favours the greatest; grown of the n
// are newer than the distribution.
func (d *distribution) pick(random *rand.Rand, n int, at time.Duration) int {
	if n <= 1 {
		return 0
	}
	switch d.kind {
	case zipfianKeys:
		return scatter(d.zipf.rank(random.Float64()), 0, n)
	case shiftingKeys:
		// What was hot turns cold at once, and other keys hot.
		return scatter(d.zipf.rank(random.Float64()), uint64(at/d.every), n)
	case latestKeys:
		return n - 1 - int(min(d.zipf.rank(random.Float64()), uint64(n-1)))
	case hotspotKeys:
		hot := max(1, int(d.hotKeys*float64(n)))
		if hot == n || random.Float64() < d.hotOps {
			return random.IntN(hot)
		}
		return hot + random.IntN(n-hot)
	}
	return random.IntN(n)
}

// scatter hashes a rank onto the keys, differently in each era, so that popular keys do not lie next to each other. (FNV-1a,
// as YCSB does.)
func scatter(rank, era uint64, n int) int {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], rank^era<<40)
	h := fnv.New64a()
	_, _ = h.Write(b[:])
	return int(h.Sum64() % uint64(n))
}

// zipfian draws ranks from 0, each by the power law rank^-theta. (Gray et al., "Quickly Generating Billion-Record Synthetic
// Databases", 1994, figure 1.)
type zipfian struct {
	n                             float64
	alpha, zetaN, eta, secondRank float64
}

// newZipfian prepares a zipfian over n ranks, at least 2; theta is between 0 and 1.
func newZipfian(n uint64, theta float64) *zipfian {
	z := &zipfian{n: float64(n), alpha: 1 / (1 - theta), zetaN: zeta(n, theta), secondRank: 1 + math.Pow(0.5, theta)}
	z.eta = (1 - math.Pow(2/z.n, 1-theta)) / (1 - z.secondRank/z.zetaN)
	return z
}

// rank is the rank at u, which is uniform in [0, 1).
func (z *zipfian) rank(u float64) uint64 {
	scaled := u * z.zetaN
	switch {
	case scaled < 1:
		return 0
	case scaled < z.secondRank:
		return 1
	}
	return min(uint64(z.n*math.Pow(z.eta*u-z.eta+1, z.alpha)), uint64(z.n)-1)
}

// zeta is the sum of i^-theta for i from 1 to n: the first terms are added up, the rest comes from the Euler-Maclaurin
// formula, whose error is far below what a float can hold here.
func zeta(n uint64, theta float64) float64 {
	const exact = 10_000
	sum := 0.0
	m := min(n, exact)
	for i := uint64(1); i <= m; i++ {
		sum += math.Pow(float64(i), -theta)
	}
	if n == m {
		return sum
	}
	a, b := float64(m), float64(n)
	return sum + (math.Pow(b, 1-theta)-math.Pow(a, 1-theta))/(1-theta) + (math.Pow(b, -theta)-math.Pow(a, -theta))/2 +
		theta*(math.Pow(a, -theta-1)-math.Pow(b, -theta-1))/12
}
