package policy

import (
	"math"
	"sync/atomic"
)

// mode is a way to choose.
type mode struct {
	// silence is the logarithm of patience times the ticks after which an entry with a count of 1 is due: one that is not used
	// for longer is taken for less used than its count says. Less patience forgets sooner what has gone out of use, and makes
	// worse use of counts that are right.
	silence int
	// window is the share of the memory, in per cent, that newcomers have to themselves.
	window int64
	// credit is what a newcomer's count is taken for.
	credit *[256]uint8
}

// modes are the two that there are. The first is for keys that are always asked for about as often: the count decides, and the use that
// made an entry of a newcomer does not count, so that what is asked for once takes nobody's place, nor do those who come round in a
// loop too large push each other out. The second is for keys that are asked for again soon or never.
var modes = [2]mode{
	{silence: silenceOf(1.25), window: 1, credit: &oneLess},
	{silence: silenceOf(0.3), window: 30, credit: &asItIs},
}

// asItIs takes each count for itself.
var asItIs = func() (t [256]uint8) {
	for v := range t {
		t[v] = uint8(v)
	}
	return t
}()

// silenceOf is a mode's silence.
func silenceOf(patience float64) int { return logOf(uint64(math.Round(patience * ticksPerUse))) }

// duel finds out which mode misses less: a few shards lead, always in one, and the others follow whichever leaders miss less. (Qureshi
// et al., "Adaptive Insertion Policies for High Performance Caching", ISCA 2007: set dueling.)
type duel struct {
	misses [2]atomic.Int64 // of the leaders of each, the past weighing less
	winner atomic.Int32
}

const (
	// leadEvery is of how many shards one leads in the first mode and one in the second.
	leadEvery = 16
	// duelMisses is after how many misses of leaders there is a verdict.
	duelMisses = 1024
	// secondWins is how many misses the second mode may have, in hundredths of the first's, to win, and firstWins to lose again.
	secondWins, firstWins = 89, 96
)

// leadOf is the mode in which shard i of n leads, plus one. Where there are few nobody does.
func leadOf(i, n int) int {
	switch {
	case n < leadEvery:
		return 0
	case i%leadEvery == 0:
		return 1
	case i%leadEvery == leadEvery/2:
		return 2
	}
	return 0
}

// missed counts a newcomer to a shard that leads.
func (d *duel) missed(leads int) {
	if leads == 0 {
		return
	}
	d.misses[leads-1].Add(1)
	first, second := d.misses[0].Load(), d.misses[1].Load()
	if first+second < duelMisses {
		return
	}
	// Those who count meanwhile may be forgotten.
	d.misses[0].Store(first / 2)
	d.misses[1].Store(second / 2)
	if 100*second < secondWins*first {
		d.winner.Store(1)
	} else if 100*second > firstWins*first {
		d.winner.Store(0)
	}
}

// mode is the way in which s chooses now.
func (s *shard) mode(p *Policy) *mode {
	if s.leads > 0 {
		return &modes[s.leads-1]
	}
	return &modes[p.duel.winner.Load()]
}
