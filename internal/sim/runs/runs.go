// Package runs is what the simulators have alike: which seeds they are asked to run, that fewer are a failure, what their documentation
// says of mutants, and what must not be left in a core at rest.
package runs

import (
	"flag"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Seeds are the flags of a test that runs seeds.
type Seeds struct {
	// One is the only seed to run, with its script and trace; negative is none.
	One *int64
	// From is the first seed.
	From *uint64

	count *int
	last  *time.Duration
}

// Flags has a test ask for so many seeds unless it is told otherwise.
func Flags(count int) Seeds {
	return Seeds{
		One:   flag.Int64("seed", -1, "run only this seed, with its script and trace"),
		From:  flag.Uint64("from", 0, "the first seed"),
		count: flag.Int("seeds", count, "number of seeds to run"),
		last:  flag.Duration("for", 0, "without -seeds: run seeds for so long; with it: fail if they take longer; 0 is no limit"),
	}
}

// Asked is how many seeds are to be run: those of -seeds, and if only a time was given, as many as begin within it.
func (s Seeds) Asked() int {
	given := *s.last <= 0
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "seeds" })
	if given {
		return *s.count
	}
	return math.MaxInt
}

// InTime reports whether there is time left for what began then.
func (s Seeds) InTime(began time.Time) bool { return *s.last <= 0 || time.Since(began) < *s.last }

// Ran fails a run that was asked for more seeds than it did.
func (s Seeds) Ran(t *testing.T, n int) {
	t.Helper()
	if want := s.Asked(); n < want && want < math.MaxInt {
		t.Errorf("%d seeds of the %d asked for in %v", n, want, *s.last)
	}
}

// FailIfTooFew starts a test of this binary once more with less time than its seeds take, and demands that it fails.
func FailIfTooFew(t *testing.T, test string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), self, "-test.run", "^"+test+"$", "-seeds", "1000000", "-for", "1ms").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "of the 1000000 asked for in 1ms") {
		t.Errorf("seeds that are not run pass: %v\n%s", err, out)
	}
}
