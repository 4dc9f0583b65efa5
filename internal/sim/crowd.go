package sim

import "millrace/cache/coherence"

// crowdFills are the choices of how many of a crowd's misses lead a read of the backend: one in so many.
var crowdFills = [...]int{1, 2, 6}

// crowd is, in a dense world, a reader of every item and every page at every node at this tick, so that no state of the core is
// left unread. A hit is judged like any other, and cheaply. Of misses some read the backend, as the seed says; the
// others are readers whose backend read fails at once.
func (w *world) crowd() {
	fills := crowdFills[w.sc.Seed/3%uint64(len(crowdFills))]
	for _, n := range w.nodes {
		for key := range numKeys {
			n.crowdItem(key, fills)
		}
		for page := range numPages {
			n.crowdPage(page, fills)
		}
	}
}

// crowdItem is one reader of an item.
func (w *node) crowdItem(key, fills int) {
	ro := w.options(&Op{Pick: w.now})
	p := w.itemPromise(key, &ro)
	r := w.core.ReadItem(w.time(), w.table, itemKeys[key], ro, w.buf[:0])
	w.count(&ro, r.Outcome, &w.res.Reads, &w.res.Hits)
	switch {
	case w.itemHit(key, &r, p):
	case r.Outcome == coherence.Lead && w.chance(300+key, fills) > 0:
		w.core.Fail(w.time(), r.Flight)
	default:
		w.itemMiss(w.crowdOp(key, 310), r, p)
	}
}

// crowdPage is one reader of a page.
func (w *node) crowdPage(page, fills int) {
	q := &requests[page]
	ro := w.options(&Op{Pick: w.now})
	p := w.pagePromise(q, &ro)
	r := w.core.ReadPage(w.time(), w.table, pageKeys[page], spans[page], ro, w.buf[:0])
	w.count(&ro, r.Outcome, &w.res.PageReads, &w.res.PageHits)
	switch {
	case w.pageHit(page, &r, p):
	case r.Outcome == coherence.Lead && w.chance(320+page, fills) > 0:
		w.core.Fail(w.time(), r.Flight)
	default:
		w.pageMiss(w.crowdOp(page, 340), r, p)
	}
}

// crowdOp is the operation of a reader who misses. It has its chances from the seed, the time and which.
func (w *node) crowdOp(key, which int) *Op {
	which += 100*w.id + key
	return &Op{
		At: w.now, Kind: opRead, Key: key, Node: w.id, Pick: w.chance(which, 1<<20),
		D:    [4]int{w.chance(which+1000, 8), w.chance(which+2000, 12)},
		Fail: w.chance(which+3000, 16) == 0,
	}
}
