package sim

import (
	"fmt"

	"millrace/cache/coherence"
)

// writeRemote is an own write to a table that others may write too. The item's position in index "x" is not known at
// once, as after an UpdateItem.
func (w *node) writeRemote(o *Op) {
	effect := coherence.Effect{Table: w.table, Key: itemKey(o.Key)}
	pos := []byte{byte(o.Key)}
	if o.Pick%5 == 0 {
		pos = nil // only the partition is told
	}
	base := coherence.Position{Partition: partition("", 0), Pos: pos}
	unknown := []coherence.Position{{Index: "x"}, {Index: "g"}}
	var extra []coherence.Position
	if o.Pick%2 == 0 {
		effect.Positions = append([]coherence.Position{base}, unknown...)
	} else {
		effect.Positions, extra = []coherence.Position{base}, unknown
	}
	if o.Fate == fateWholeTable {
		effect.Key, effect.Positions, extra = nil, nil, nil
	}
	write, life := w.core.Begin(w.time(), []coherence.Effect{effect}), w.starts
	settle := func(r coherence.Result, img *coherence.Image) {
		if !w.alive(life) {
			return
		}
		w.note("settle write of key %d at %d: %d", o.Key, o.At, r)
		if w.sc.Stream && o.Pick%2 == 1 && o.Fate != fateWholeTable {
			extra = w.indexPlaces(write, o)
		}
		w.core.Settle(w.time(), write, 0, r, img, extra)
		w.core.End(w.time(), write)
	}
	own := itemImage(o.Key, o.Val)
	switch o.Fate {
	case fateApplied, fateUnknownImage, fateWholeTable:
		w.in(o.D[0], func() {
			old := w.log.current()[o.Key]
			n := w.commit(o.Key, o.Val)
			w.in(o.D[1], func() {
				img := &own
				if o.Fate != fateApplied {
					img = nil
				}
				settle(coherence.Applied, img)
				w.acknowledge(life, n, o.Key, old, o.Val)
			})
		})
	case fateCondition:
		w.in(o.D[0], func() {
			n, old := w.log.last(), w.log.current()[o.Key]
			w.in(o.D[1], func() {
				var img *coherence.Image
				if o.Pick%3 == 0 { // ReturnValuesOnConditionCheckFailure
					seen := itemImage(o.Key, old)
					img = &seen
				}
				settle(coherence.ConditionFailed, img)
				w.acknowledge(life, n, o.Key, old, old)
			})
		})
	case fateRejected:
		w.in(o.D[0]+o.D[1], func() { settle(coherence.NotApplied, nil) })
	case fateLost:
		w.in(o.D[0]+o.D[1], func() { settle(coherence.Ambiguous, nil) })
	case fateTimedOut:
		w.in(o.D[0], func() { w.commit(o.Key, o.Val) })
		w.in(o.D[0]+o.D[1], func() { settle(coherence.Ambiguous, nil) })
	case fateLate:
		w.in(o.D[0]+o.D[1], func() {
			settle(coherence.Ambiguous, nil)
			w.in(o.Pick%tamb, func() { w.commit(o.Key, o.Val) })
		})
	case fateRepeated:
		w.in(o.D[0]+o.D[1], func() {
			settle(coherence.Ambiguous, nil)
			again := *o
			again.Fate = fateApplied
			w.writeRemote(&again)
			w.in(o.Pick%tamb, func() { w.commit(o.Key, o.Val) })
		})
	}
}

// indexPlaces are the places in indexes of a write whose old image is what was cached, if anything was. That may be wrong,
// which an index that is read strongly must not suffer from.
func (w *node) indexPlaces(write *coherence.Write, o *Op) []coherence.Position {
	image, exists, known := w.core.Old(write, 0, nil)
	if !known || o.Fate == fateUnknownImage {
		return []coherence.Position{{Index: "x"}, {Index: "g"}}
	}
	old := absent
	if exists {
		var key int
		if _, err := fmt.Sscanf(string(image), "%d:%d", &key, &old); err != nil || key != o.Key {
			w.fail("P6: Old of key %d is %q", o.Key, image)
		}
	}
	out := []coherence.Position{{Index: "x"}}
	for _, p := range positions(o.Key, old, o.Val) {
		if p.Index == "g" {
			out = append(out, p)
		}
	}
	return out
}

// acknowledge raises the floors: the writer was answered.
func (w *node) acknowledge(life, n, key, old, new int) {
	if !w.alive(life) {
		return // nobody was answered
	}
	w.acked[key] = max(w.acked[key], n)
	w.promised(ack{seq: n, key: key, old: old, new: new})
}

// engine is an authoritative store: commits are announced, become visible, are settled, and are then acknowledged, each
// at its own time, and a number of them may be under way at once.
type engine struct {
	queue []*commitOp
	busy  int
}

// commitOp is one write waiting for its commit; write is nil unless the Guard knows of it.
type commitOp struct {
	op     *Op
	write  *coherence.Write
	gaveUp bool
}

// writeEngine is an own write to an authoritative table.
func (w *node) writeEngine(o *Op) {
	effect := coherence.Effect{Table: w.table, Key: itemKey(o.Key)}
	write := w.core.Begin(w.time(), []coherence.Effect{effect})
	finish := func(r coherence.Result) {
		w.core.Settle(w.time(), write, 0, r, nil, nil)
		w.core.End(w.time(), write)
	}
	switch o.Fate {
	case fateCondition, fateRejected:
		r := coherence.ConditionFailed
		if o.Fate == fateRejected {
			r = coherence.NotApplied
		}
		w.in(o.D[0], func() { finish(r) })
	case fateLost, fateTimedOut, fateLate:
		// The client goes away; the commit takes its course.
		c := &commitOp{op: o, write: write, gaveUp: true}
		w.in(o.D[3], func() { finish(coherence.Ambiguous); w.disturb(w.now, w.now, -1, nil) })
		w.in(o.D[0], func() { w.engine.enqueue(w, c) })
	default:
		w.in(o.D[0], func() { w.engine.enqueue(w, &commitOp{op: o, write: write}) })
	}
}

// enqueue hands a write to the committers.
func (e *engine) enqueue(w *node, c *commitOp) {
	e.queue = append(e.queue, c)
	e.next(w)
}

// next starts a commit of what waits, if a committer is free: up to three writes of different keys.
func (e *engine) next(w *node) {
	if e.busy >= w.sc.Committers || len(e.queue) == 0 {
		return
	}
	e.busy++
	var group, rest []*commitOp
	for _, c := range e.queue {
		taken := len(group) >= 3
		for _, g := range group {
			taken = taken || g.op.Key == c.op.Key
		}
		if taken {
			rest = append(rest, c)
		} else {
			group = append(group, c)
		}
	}
	e.queue = rest
	w.commitGroup(group)
}

// commitGroup takes a group through its commit. The old images are those of the moment of announcing; with two committers
// they may be outdated when the group becomes visible, so both partitions of the index are told then.
func (w *node) commitGroup(group []*commitOp) {
	muts := make([]coherence.Mutation, len(group))
	olds := make([]int, len(group))
	for i, c := range group {
		o := c.op
		img := itemImage(o.Key, o.Val)
		old := w.log.current()[o.Key]
		olds[i] = old
		m := coherence.Mutation{Table: w.table, Key: itemKey(o.Key), New: &img, Positions: positions(o.Key, old, o.Val)}
		if w.sc.Committers > 1 {
			m.Positions = append(positions(o.Key, 0, 1), positions(o.Key, 1, 0)...)
		}
		switch {
		case o.Fate == fateWholeTable:
			m.Key, m.New, m.Positions = nil, nil, nil
		case o.Pick%7 == 0:
			m.Positions = []coherence.Position{m.Positions[0], {Index: "x"}, {Index: "g"}}
		case o.Pick%7 == 1:
			m.New = nil
		}
		muts[i] = m
	}
	announced := w.now
	w.note("pending %d", len(muts))
	w.core.Pending(w.time(), muts)
	first := group[0].op
	w.in(first.D[1], func() {
		numbers := make([]int, len(group))
		for i, c := range group {
			numbers[i] = w.commit(c.op.Key, c.op.Val)
		}
		w.in(first.D[2], func() {
			w.note("settled %d", len(muts))
			w.core.Settled(w.time(), muts)
			for i := range muts {
				key := group[i].op.Key
				if muts[i].Key == nil {
					key = -1
				}
				w.disturb(announced, w.now, key, muts[i].Positions)
			}
			w.engine.busy--
			w.engine.next(w)
			for i, c := range group {
				if c.write == nil || c.gaveUp {
					continue
				}
				w.in(c.op.D[3], func() {
					w.core.Settle(w.time(), c.write, 0, coherence.Applied, nil, nil)
					w.core.End(w.time(), c.write)
					w.acknowledge(w.starts, numbers[i], c.op.Key, olds[i], c.op.Val)
				})
			}
		})
	})
}
