package coherence

// Weaken makes f, which would be read strongly though its client does not ask for that, a flight that is read eventually and not
// stored, and reports whether it did. Call it before the eventual read is sent.
//
// What such a read brings keeps P1, and P2 towards all reads that were not weak, if every replica shows by now what those may know: if
// nothing became known of the item or the partition within Tq (R59). Weak reads of an item promise one another nothing: where fills
// are strong they do not open the quarantine, or the second reader of an item would have no answer for as long as strong reads
// have none. That the place in the stream was lost within that time is no obstacle: of what went by unseen nobody here knows, and
// the wrong would be to store an answer that lacks it.
func (c *Core) Weaken(now Time, f *Flight) bool {
	t, h := f.table, f.slot.Hash()
	known := [4]Time{c.quar.At(h), Time(t.quarAt.Load())}
	if p := f.page; p != nil {
		known = c.pageStamps(t, p, false)
	}
	if t.authoritative() || f.page != nil && f.page.eventual || c.rules.Weak && c.recent(now, c.cfg.Tq, known[:]...) { // R59
		return false
	}
	sh := c.shelf.Shard(h)
	sh.Mu.Lock()
	f.Strong, f.Weak, f.barred = false, true, true
	sh.Mu.Unlock()
	return true
}
