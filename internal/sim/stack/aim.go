package stack

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Some rules show only in rare company: an answer that is under way when the node stands still for longer than Delta, and
// a reader who comes between it and the next; a page that is asked for again over the place that an item leaves; a write of
// unknown outcome of which no record tells; one write to a quiet partition of an index that lags, and the part of a page that lacks
// it; a table that its own clients delete and make anew among its readers. Every eighth world is made for them.

// aim makes the worlds of some seeds what the rare needs.
func (s *Scenario) aim() {
	if s.Seed%8 != 5 {
		return
	}
	if s.Behind = s.Seed/8%8 == 3; s.Behind {
		s.Slow, s.Stream, s.Late, s.Faults, s.View, s.PublishLag = true, true, false, 0, "NEW_AND_OLD_IMAGES", publishLag
		return
	}
	if s.Remade = s.Seed/8%8 == 6; s.Remade {
		s.Nodes, s.Stream, s.Late, s.PublishLag = 1, false, false, publishLag
		return
	}
	if s.Alone = s.Seed/8%2 == 0; s.Alone {
		s.Nodes, s.Stream, s.Late, s.Faults, s.PublishLag = 1, false, false, 12+int(s.Seed/16%2)*18, publishLag
		return
	}
	s.Tardy, s.Stream, s.Late, s.PublishLag = true, true, false, publishLag
}

// aimed is an episode that is made for one rule. In a world of one writer nobody else does anything.
func (s *Scenario) aimed(r *rand.Rand, at time.Duration, hot int, id *int) (out []*Op) {
	node := r.IntN(s.Nodes)
	add := func(after time.Duration, k Kind, wanted func(*Op) bool) *Op {
		*id++
		o := &Op{At: at + after, Kind: k, Node: node, Key: hot, ID: *id}
		for o.Pick = r.Uint64() >> 8; wanted != nil && !wanted(o); o.Pick = r.Uint64() >> 8 {
		}
		out = append(out, o)
		return o
	}
	ms := time.Millisecond
	switch kind := r.IntN(3); {
	case kind == 0 && s.Tardy: // the node stands still with an answer in hand, and its readers with it
		for range 3 {
			add(time.Duration(r.Int64N(int64(200*ms))), opGet, nil)
		}
		pause := 6*time.Second + time.Duration(r.Int64N(int64(5*time.Second)))
		add(300*ms, opPause, nil).Pick = uint64(pause / ms)
		add(400*ms+time.Duration(r.Int64N(int64(500*ms))), opForeign, nil)
		for range 6 {
			add(pause-time.Duration(r.Int64N(int64(500*ms))), opGet, nil)
		}
	case kind == 0 && s.Alone: // what was read, then a write that much may happen to
		for range 3 {
			add(time.Duration(r.Int64N(int64(50*ms))), opGet, nil)
		}
		add(60*ms, opRough, nil).Pick = 400
		for range 2 {
			add(70*ms+time.Duration(r.Int64N(int64(300*ms))), []Kind{opPut, opUpdate, opDelete}[r.IntN(3)], nil)
		}
		for range 4 {
			add(500*ms+time.Duration(r.Int64N(int64(9*time.Second))), opGet, nil)
		}
	default: // a page over a part of an index, an item that moves out of it or into it, and the page again
		page := add(0, opQuery, func(o *Op) bool { return o.bit(4, 4) >= 2 && (o.bit(12, 4) == 0 || o.bit(20, 3) > 0) })
		again := func(after time.Duration) { add(after, opQuery, nil).Pick = page.Pick }
		again(60 * ms)
		add(120*ms, opUpdate, func(o *Op) bool {
			return o.bit(0, 3) > 0 && slices.Contains([]int{1, 3}, o.bit(12, 5)) && o.bit(20, 7) < 4
		})
		for range 6 {
			again(150*ms + time.Duration(r.Int64N(int64(400*ms))))
		}
	}
	return out
}

// behind is an episode before indexes that are behind. One write reaches a partition of which a node has known all for longer than
// an index may lag; pages are read in parts when its record has come and the index may not show it yet, and again when it must.
// That an item is missing from a part does not tell how far the index lags.
func (s *Scenario) behind(r *rand.Rand, at time.Duration, hot int, id *int) (out []*Op) {
	ms := time.Millisecond
	soon := func(span time.Duration) time.Duration { return time.Duration(r.Int64N(int64(span))) }
	add := func(after time.Duration, k Kind, node, key int, wanted func(*Op) bool) *Op {
		*id++
		o := &Op{At: at + after, Kind: k, Node: node, Key: key, ID: *id}
		for o.Pick = r.Uint64() >> 8; !wanted(o); o.Pick = r.Uint64() >> 8 {
		}
		out = append(out, o)
		return o
	}
	var pages []*Op
	for n := range 2 * s.Nodes { // an index in pages of one item or two, unfiltered, to make the nodes remember
		pages = append(pages, add(soon(50*ms), opQuery, n/2, hot, func(o *Op) bool {
			return o.bit(4, 4) == 3 && o.bit(12, 4) > 0 && o.bit(20, 3) > 0 && o.bit(28, 6) > 0
		}))
	}
	again := func(after time.Duration) {
		for _, p := range pages {
			add(after+soon(1500*ms), opQuery, p.Node, hot, func(*Op) bool { return true }).Pick = p.Pick
		}
	}
	beside := func(o *Op) bool { return o.bit(0, 4) > 0 && o.bit(8, 16)%4 == 1 && o.bit(8, 16)/4 == 2-hot%2 }
	for k := range numKeys { // three others are in the partition
		wanted := func(o *Op) bool { return o.bit(0, 4) == 0 }
		if slices.Contains([]int{1, 4, 8}, (k-hot+numKeys)%numKeys) {
			wanted = beside
		}
		add(100*ms+time.Duration(k)*ms, opForeign, 0, k, wanted)
	}
	written := 9*time.Second + soon(time.Second)
	add(written, opForeign, 0, hot, beside)
	again(written + 2300*ms)
	again(written + 10500*ms)
	return out
}

// remade is an episode about a table's end: what was read through the node that deletes the table and makes it anew is read again
// there, before something else that tells of the change has made the node forget.
func (s *Scenario) remade(r *rand.Rand, at time.Duration, hot int, id *int) (out []*Op) {
	ms := time.Millisecond
	add := func(after time.Duration, k Kind, key int) {
		*id++
		out = append(out, &Op{At: at + after, Kind: k, Key: key, ID: *id, Pick: r.Uint64() >> 8})
	}
	reads := func(from time.Duration) {
		for k := range perPart {
			add(from+time.Duration(r.Int64N(int64(40*ms))), opGet, hot/perPart*perPart+k)
			add(from+time.Duration(r.Int64N(int64(40*ms))), opQuery, hot)
		}
	}
	reads(0)
	add(200*ms, opDrop, hot)
	for n := range 5 {
		reads(210*ms + time.Duration(n)*150*ms)
	}
	return out
}
