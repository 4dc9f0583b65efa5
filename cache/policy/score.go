package policy

import (
	"math"
	"math/bits"
)

// How often an entry is used is kept as one byte, the logarithm of a count whose past weighs ever less: half after each
// half-life. So ageing is a subtraction, which can wait until somebody looks, and a byte reaches from rarer than once in four
// half-lives to four thousand times. (Counting with few bits by chance: Morris, "Counting large numbers of events in small
// registers", CACM 1978. Ranking by exponentially aged counts: Lee et al., "LRFU", IEEE Trans. Computers 2001.)
const (
	// stepsPerOctave is how many steps of that byte double the count, and onceUsed the byte of the count 1.
	stepsPerOctave = 16
	onceUsed       = 64
	// ticksPerHalfLife divides time, so that a tick tells too how long ago the last use was.
	ticksPerHalfLife = 256
	ticksPerStep     = ticksPerHalfLife / stepsPerOctave
	// halfLife is in uses of the shard for each entry it has. Longer tells apart better which keys are asked for a little more than
	// others, shorter forgets sooner what is not any more.
	halfLife = 20
	// ticksPerUse is how long after another the uses of a count of 1 come.
	ticksPerUse = ticksPerHalfLife / math.Ln2
	// scorePerOctave is the resolution of scores.
	scorePerOctave = ticksPerHalfLife
	// unitBytes is what a read of the table pays for at least. (Developer Guide, "DynamoDB read requests": an item is up to
	// 4 KB for a unit, larger ones cost more.)
	unitBytes = 4096
)

// step is what one more use makes of a count: at least to, and one more in so many of 65536 cases.
type step struct {
	to     uint8
	chance uint16
}

// uses are the counts' tables: after one use more, and, as a logarithm, after one use less.
var (
	oneMore = makeOneMore()
	oneLess = makeOneLess()
	logs    = makeLogs()
)

// countOf is the count that byte v stands for.
func countOf(v int) float64 { return math.Exp2(float64(v-onceUsed) / stepsPerOctave) }

// makeOneMore makes oneMore.
func makeOneMore() (t [256]step) {
	for v := range t {
		count := 1.0
		if v > 0 {
			count += countOf(v)
		}
		exact := onceUsed + stepsPerOctave*math.Log2(count)
		whole := min(math.Floor(exact), 255)
		// By chance so that the mean of the counts, not of their logarithms, is right.
		part := (count - countOf(int(whole))) / (countOf(int(whole)+1) - countOf(int(whole)))
		if whole == 255 {
			part = 0
		}
		t[v] = step{uint8(whole), uint16(part * 65535)}
	}
	return t
}

// makeOneLess makes oneLess.
func makeOneLess() (t [256]uint8) {
	for v := range t {
		if count := countOf(v) - 1; count > 0 {
			t[v] = uint8(max(0, math.Round(onceUsed+stepsPerOctave*math.Log2(count))))
		}
	}
	return t
}

// makeLogs makes logs, see logOf.
func makeLogs() (t [256]int16) {
	for i := range t {
		t[i] = int16(math.Round(scorePerOctave * math.Log2(1+float64(i)/256)))
	}
	return t
}

// logOf is the logarithm of n, at least 1, in scorePerOctave.
func logOf(n uint64) int {
	top := bits.Len64(n) - 1
	if top > 8 {
		return top*scorePerOctave + int(logs[n>>(top-8)&255])
	}
	return top*scorePerOctave + int(logs[n<<(8-top)&255])
}

// since is how many ticks after tick now is. Ticks come round after 256 half-lives; a tick that is a little later than now is that of
// a use that has just met.
func since(now, tick uint16) uint16 {
	if ticks := now - tick; ticks < 1<<16-ticksPerHalfLife {
		return ticks
	}
	return 0
}

// aged is what is left of count v after so many ticks; dice, below ticksPerStep, rounds.
func aged(v uint8, ticks, dice uint16) uint8 {
	return uint8(max(0, int(v)-int(ticks+dice)/ticksPerStep))
}

// used is count v after one use more; dice are anything.
func used(v uint8, dice uint16) uint8 {
	s := oneMore[v]
	if dice < s.chance {
		return s.to + 1
	}
	return s.to
}

// scoreOf is what an entry is worth for each byte, as a logarithm: of how often it will be used, going by its count v at its last use,
// so many ticks ago, times what each use saves, by its cost. silence is how soon it counts as out of use; see mode.
func scoreOf(v uint8, ticks uint16, cost uint32, silence int) int {
	const stepScore = scorePerOctave / stepsPerOctave
	often := int(v)*stepScore - int(ticks)
	if ticks > 0 {
		often = min(often, onceUsed*stepScore+silence-logOf(uint64(ticks)))
	}
	return often + worth(cost)
}

// worth is what a use saves for each byte of an entry, as a logarithm: something for every use, and more for what is larger.
func worth(cost uint32) int {
	return logOf(unitBytes+uint64(cost)) - logOf(max(1, uint64(cost)))
}
