package coherence

import (
	"bytes"

	"millrace/cache/moments"
	"millrace/cache/shelf"
	"millrace/cache/trail"
)

// Position is where a write touches an index of a table.
type Position struct {
	// Index is the index's name, "" for the base table.
	Index string
	// Partition is the canonical partition key; nil when it is not known, which means anywhere in the index.
	Partition []byte
	// Pos is the position within the partition, in the order of Span's bounds; nil means anywhere in the partition.
	Pos []byte
}

// Effect is what a write may change.
type Effect struct {
	Table *Table
	// Key is the item's canonical key; nil when it is not known, which means the whole table.
	Key []byte
	// Positions are where its pages may change, as far as is known when the write begins.
	Positions []Position
}

// Result is how a write to one item ended.
type Result uint8

const (
	// Applied: the backend acknowledged it.
	Applied Result = iota + 1
	// NotApplied: definitely not applied, and nothing learned of the item (validation, throttle, unprocessed).
	NotApplied
	// ConditionFailed: not applied, because the item is not what the writer thought.
	ConditionFailed
	// Ambiguous: it may have been applied, or may yet be.
	Ambiguous
)

// Write is one write under way, from Begin to End. Its methods are the core's; use it from one goroutine.
type Write struct {
	start   Time
	effects []Effect
	held    []heldEffect
	one     [1]heldEffect // memory for held
}

// heldEffect is a write's hold on one effect.
type heldEffect struct {
	slot    *slot // fenced; nil on an authoritative table or without a key
	epoch   uint64
	remote  bool
	settled bool
	had     bool  // whether old is known
	old     Image // of the entry at Begin
}

// Begin opens a write before it is sent. It keeps effects, which the caller must not change until End.
//
// On an authoritative table it only notes the write: Pending and Settled say exactly what changes and when, so flights need
// no fence from here, and nothing is ever installed by Settle.
func (c *Core) Begin(now Time, effects []Effect) *Write {
	w := &Write{start: now, effects: effects}
	if w.held = w.one[:]; len(effects) != len(w.one) {
		w.held = make([]heldEffect, len(effects))
	}
	for i := range effects {
		e, h := &effects[i], &w.held[i]
		h.epoch, h.remote = e.Table.epoch.now(), !e.Table.authoritative()
		if !h.remote || e.Key == nil {
			continue
		}
		sh, hash := c.lock(e.Table.items, e.Key)
		s := c.shelf.Demand(sh, hash, e.Table.items, e.Key)
		b := s.Busy
		b.overlap = b.overlap || b.fences > 0 && c.rules.R11 // R11
		b.dirty = b.dirty || b.flights > 0 && c.rules.R13    // R13
		b.fences++
		h.slot = s
		if c.servable(now, e.Table, s.Entry, b, &ReadOptions{}) == serve {
			h.had, h.old = true, s.Entry.Image
			h.old.Bytes = bytes.Clone(h.old.Bytes)
		}
		c.unlock(sh, s)
	}
	return w
}

// Settle ends the write's i-th effect, before its writer is answered. img is the item as the write left it, or nil if not
// known (with ConditionFailed: as the backend showed it). extra are positions that only the answer told. Only the first call for
// an effect counts. What is told is of the only attempt that may have been applied: a backend that sends a write again after one of
// which it does not know what became must say Ambiguous, whatever the last one brought (R17).
//
// Everything a later reader could be told wrongly is undone before the writer is answered: the entry goes or is replaced
// (P1), flights are voided (R1) and no longer joined (R3), the quarantine opens (R4), pages and scans go (R42, R48).
func (c *Core) Settle(now Time, w *Write, i int, r Result, img *Image, extra []Position) {
	h, e := &w.held[i], &w.effects[i]
	if h.settled {
		return
	}
	h.settled = true
	t := e.Table
	late := r == Ambiguous
	silent := r == NotApplied
	if !h.remote {
		// Its commit, if any, is announced; only what is not known to have been is dropped.
		silent = r != Ambiguous
	}
	silent = silent || r == ConditionFailed && !c.rules.R16 // R16
	if e.Key != nil {
		c.settleItem(now, w, i, silent, late, r, img)
	} else if !silent {
		t.epoch.advance()
		moments.Raise(&t.quarAt, now)
		if late && c.opensWindow(now, t) {
			moments.Raise(&t.ambItems, now.after(c.cfg.Tamb))
			moments.Raise(&t.quarAt, now.after(c.cfg.Tamb))
		}
	}
	if silent || t.options.Load().PagesUntilTTL {
		return
	}
	t.writes.advance() // R48
	moments.Raise(&t.lastWrite, now)
	late = late && c.opensWindow(now, t)
	if late {
		moments.Raise(&t.ambScans, now.after(c.cfg.Tamb))
		moments.Raise(&t.lastWrite, now.after(c.cfg.Tamb))
	}
	for _, at := range [2][]Position{e.Positions, extra} {
		c.touch(now, t, at, late, c.rules.R42, c.rules.Fills) // R42
	}
}

// opensWindow reports whether a write of unknown outcome to t bars fills for Tamb (R17). On a covered table it need not,
// for its commit, whenever it comes, is a record like any other; the window is noted in case coverage ends, and before
// asking, so that either Lost sees the note or this sees that coverage has ended.
func (c *Core) opensWindow(now Time, t *Table) bool {
	if t.authoritative() || !c.rules.R17 { // R17
		return false
	}
	moments.Raise(&t.lateUntil, now.after(c.cfg.Tamb))
	return !t.options.Load().Covered
}

// Old returns the item of the i-th effect as it was cached when w began, its bytes appended to dst: exists is false for the
// knowledge that there was none, known for no knowledge, or for what was forgotten with the table since (R25): a write that went by
// unseen, or a late one of which no record will tell, may have changed it. A foreign write not heard of yet may have, too.
func (c *Core) Old(w *Write, i int, dst []byte) (image []byte, exists, known bool) {
	h := &w.held[i]
	known = h.had && (!c.rules.Epoch || w.effects[i].Table.epoch.same(h.epoch)) // R25
	return append(dst, h.old.Bytes...), known && !h.old.Absent, known
}

// settleItem is Settle for the item of effect i.
//
// An own image is stored only if it is certainly the newest value anyone may know: no other own write
// (R11) and no backend read of the key (R13) overlapped this one, no ambiguous write may still land on
// top of it, counted from when this one was sent (R17own), and the table is still the same.
func (c *Core) settleItem(now Time, w *Write, i int, silent, late bool, r Result, img *Image) {
	h, e := &w.held[i], &w.effects[i]
	t := e.Table
	sh, hash := c.lock(t.items, e.Key)
	s := h.slot
	alone := false
	if s != nil {
		b := s.Busy
		alone = !b.overlap && !b.dirty
		if b.fences--; b.fences == 0 {
			b.overlap, b.dirty = false, false
		}
	} else {
		s = c.shelf.Find(sh, hash, t.items, e.Key)
	}
	if s != nil && !silent {
		own := img != nil && !img.Transient && h.remote && alone && !late && (r == Applied || r == ConditionFailed) &&
			(!c.rules.Epoch || t.epoch.same(h.epoch)) && // R25
			!(c.rules.R17own && c.ambiguous(hash, t, w.start)) // R17
		if own {
			c.shelf.Install(sh, s, &entry{Image: *img, ValidAt: int64(w.start), Epoch: h.epoch})
			c.note(now, hash, trail.Written)
		} else {
			c.shelf.Remove(sh, s, shelf.Invalidated) // R16, R17, and any write whose image is not certain
			c.note(now, hash, trail.Unsure)
		}
		c.void(s) // R1, R3
	}
	if !silent && h.remote {
		if c.rules.R4 { // R4
			c.quar.Raise(hash, now)
		}
		if late && c.opensWindow(now, t) {
			c.windows.Open(hash, now, now.after(c.cfg.Tamb))
			c.quar.Raise(hash, now.after(c.cfg.Tamb)) // replicas may lag behind the late commit too
		}
	}
	c.unlock(sh, s)
}

// End closes w. What was not settled is settled as Ambiguous: an unknown outcome is not a failure.
func (c *Core) End(now Time, w *Write) {
	for i := range w.held {
		c.Settle(now, w, i, Ambiguous, nil, nil)
	}
}
