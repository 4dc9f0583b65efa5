package policy

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestCountsAreRightOnAverage checks that what was counted by chance in a byte is what was used.
func TestCountsAreRightOnAverage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, uses := range []int{1, 2, 3, 10, 100, 1000} {
		sum := 0.0
		const times = 400
		for range times {
			v := uint8(0)
			for range uses {
				v = used(v, uint16(r.Uint32()))
			}
			sum += countOf(int(v))
		}
		if mean := sum / times; math.Abs(mean/float64(uses)-1) > 0.05 {
			t.Errorf("%d uses are counted as %.2f", uses, mean)
		}
	}
}

func TestCountsAgeByHalf(t *testing.T) {
	v := uint8(200)
	if got, want := countOf(int(aged(v, ticksPerHalfLife, 0))), countOf(int(v))/2; got != want {
		t.Errorf("after a half-life %.2f is left, want %.2f", got, want)
	}
	// In steps of single ticks, too, on average.
	sum, r := 0.0, rand.New(rand.NewPCG(1, 1))
	for range 100 {
		v := uint8(200)
		for range ticksPerHalfLife {
			v = aged(v, 1, uint16(r.Uint32())%ticksPerStep)
		}
		sum += float64(v)
	}
	if mean := sum / 100; math.Abs(mean-200+stepsPerOctave) > 1 {
		t.Errorf("after a half-life of ticks the count is %.1f on average, want %d", mean, 200-stepsPerOctave)
	}
	if got := aged(10, 1<<15, 0); got != 0 {
		t.Errorf("after 128 half-lives %d is left", got)
	}
}

func TestOneLessTakesOneMoreBack(t *testing.T) {
	for v := onceUsed; v < 120; v++ {
		if got, want := countOf(int(oneLess[v]))+1, countOf(v); v > onceUsed && math.Abs(got/want-1) > 0.15 {
			t.Errorf("one less than %.2f is %.2f", want, got-1)
		}
	}
	if oneLess[onceUsed] != 0 || oneLess[0] != 0 {
		t.Error("one less than one is something")
	}
}

func TestLogsGrow(t *testing.T) {
	last := -1
	for n := uint64(1); n < 1<<40; n += 1 + n/64 {
		got := logOf(n)
		if want := scorePerOctave * math.Log2(float64(n)); math.Abs(float64(got)-want) > 3 || got < last {
			t.Fatalf("logOf(%d) = %d, want %.1f, not less than %d", n, got, want, last)
		}
		last = got
	}
}

// TestScoreOrders checks who goes first of two.
func TestScoreOrders(t *testing.T) {
	less := func(what string, a, b int) {
		t.Helper()
		if a >= b {
			t.Errorf("%s: %d is not less than %d", what, a, b)
		}
	}
	for _, m := range modes {
		score := func(v uint8, ticks uint16, cost uint32) int { return scoreOf(v, ticks, cost, m.silence) }
		less("used less", score(70, 10, 500), score(90, 10, 500))
		less("used longer ago", score(70, 2000, 500), score(70, 1000, 500))
		less("larger", score(70, 10, 50_000), score(70, 10, 500))
		less("larger and used as much more", score(70, 10, 2000), score(70+2*stepsPerOctave, 10, 2*2000))
		// What came often and comes no more is worth less than what comes seldom.
		less("out of use", score(160, 1000, 500), score(110, 20, 500))
	}
}

// TestHistoryRemembers checks that counts are told from each other, age, and that the least goes first.
func TestHistoryRemembers(t *testing.T) {
	h := newHistory(1000)
	r := rand.New(rand.NewPCG(1, 1))
	keys := make([]uint64, 300)
	for i := range keys {
		keys[i] = r.Uint64()
		h.note(keys[i], 0, uint8(onceUsed+i%2*8))
	}
	wrong := 0
	for i, key := range keys {
		if got := h.recall(key, 0); got != uint8(onceUsed+i%2*8) {
			wrong++
		}
		if got := h.recall(key, 0); got != 0 {
			wrong++
		}
	}
	if wrong > 15 {
		t.Errorf("%d of 600 answers were wrong", wrong)
	}
	h.note(keys[0], 0, onceUsed+stepsPerOctave)
	if got := h.recall(keys[0], ticksPerHalfLife); got != onceUsed {
		t.Errorf("after a half-life a count of %d is %d, want %d", onceUsed+stepsPerOctave, got, onceUsed)
	}
	small := newHistory(1)
	small.note(1, 0, 120)
	for i := range uint64(ghostsPerLine * 3) {
		small.note(i+2, 0, onceUsed)
	}
	if got := small.recall(1, 0); got != 120 {
		t.Errorf("who was used most is remembered as %d after many that were used once, want 120", got)
	}
	if got := small.recall(2, 0); got != 0 {
		t.Errorf("the oldest of those used once is remembered as %d", got)
	}
}
