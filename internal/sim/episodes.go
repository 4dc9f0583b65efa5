package sim

import "math/rand/v2"

// Some rules matter only when several things come together that a random script seldom brings together. An episode
// brings them near each other after a quiet time and leaves the moments to chance.

// lastEpisode is the number of the episode that only shows when nothing comes after it.
const lastEpisode = 5

// episode makes the operations of episode number which, about key, that begins at a time.
func (s *Scenario) episode(r *rand.Rand, at, key, which int) []Op {
	node := r.IntN(s.Nodes)
	op := func(after int, kind Kind, d0, d1 int) Op {
		return Op{At: at + after, Kind: kind, Key: key, Node: node, Pick: r.IntN(1 << 20), D: [4]int{d0, d1, 1 + r.IntN(4), 1 + r.IntN(4)}}
	}
	reads := func(from, span, n int) (out []Op) {
		for range n {
			out = append(out, op(from+r.IntN(span), opRead, r.IntN(3), r.IntN(4)))
		}
		return out
	}
	foreign := op(0, opForeign, 0, 0)
	foreign.Val = 1 + r.IntN(1<<20)
	if !s.Stream {
		// An own write is acknowledged while an earlier one of unknown outcome may still be applied, and is.
		late := op(0, opWrite, r.IntN(3), r.IntN(3))
		late.Fate, late.Val = fateLate, 1+r.IntN(1<<20)
		late.Pick = late.Pick/tamb*tamb + 20 + r.IntN(tamb-20)
		own := op(7, opWrite, r.IntN(3), r.IntN(3))
		own.Val = 1 + r.IntN(1<<20)
		return append([]Op{late, own}, reads(late.Pick%tamb, 60, 3)...)
	}
	switch which {
	case 0:
		// A record is lost with the place in the stream, and reads follow while replicas lag.
		lose := op(publishLag-2+r.IntN(6), opLose, r.IntN(3), r.IntN(3))
		return append([]Op{foreign, lose}, reads(publishLag, 16, 6)...)
	case 1:
		// A read hangs while the reader of the stream stands still, and others come who might join it.
		pause := op(0, opPause, 0, 0)
		pause.Pick = s.Delta + 60 + r.IntN(60)
		hangs := op(1, opRead, 1, s.Delta+20+r.IntN(60))
		foreign.At = at + 4 + r.IntN(8)
		return append([]Op{pause, hangs, foreign}, reads(s.Delta, 60, 5)...)
	case 2:
		// The record of a write after an own one overtakes the own one's answer.
		own := op(0, opWrite, 2, 14+r.IntN(20))
		own.Val = 1 + r.IntN(1<<20)
		foreign.At = at + 3 + r.IntN(6)
		return append([]Op{own, foreign}, reads(20, 40, 4)...)
	case 3:
		// Pages of the lagging index are read right after a write is known of; where it is slow, when its window has passed, and
		// those again when it has caught up for longer than Delta.
		foreign.Val |= 1
		out := []Op{foreign}
		for n := range 6 {
			from, span := 8, 34
			if s.Slow {
				from, span = []int{indexWindow + publishLag/2, slowIndex + s.Delta}[n%2], 50
			}
			page := op(from+r.IntN(span), opPage, r.IntN(3), r.IntN(4))
			page.Key = 7
			out = append(out, page)
		}
		return out
	case 4:
		// Reads follow a record while replicas do not show its write yet.
		return append([]Op{foreign}, reads(2, 32, 8)...)
	}
	// Coverage ends around an own write that is applied late, and reads follow before it is.
	own := op(0, opWrite, r.IntN(4), r.IntN(4))
	own.Fate, own.Val = fateLate, 1+r.IntN(1<<20)
	own.Pick = own.Pick/tamb*tamb + tamb/2 + r.IntN(tamb/2)
	end := op(r.IntN(14), opCover, 1, 1)
	return append([]Op{own, end}, reads(8, 24, 5)...)
}
