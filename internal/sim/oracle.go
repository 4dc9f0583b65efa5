package sim

import (
	"bytes"

	"millrace/cache/coherence"
)

// itemFloor is the least commit that a reader of key arriving now may be shown.
func (w *world) itemFloor(key int, strong bool) int {
	if strong || w.sc.Authoritative { // P9: linearizable
		return w.log.last()
	}
	return max(w.acked[key], w.read[key]) // P1, P2
}

// judgeItem checks an answer and raises the floor of later readers.
func (w *world) judgeItem(key int, body []byte, negative bool, floor, inv int, what string) {
	n := w.log.findItem(key, body, negative, floor)
	if n < 0 {
		kind := "P1/P2/P9"
		if w.log.findItem(key, body, negative, 0) < 0 {
			kind = "P6"
		}
		w.fail("%s: %s of key %d begun at %d answers %q negative=%v, older than commit %d", kind, what, key, inv, body, negative, floor)
		return
	}
	if w.sc.Foreign {
		bound := ttl
		if negative {
			bound = negTTL
		}
		if old := w.log.at(inv - bound); w.log.findItem(key, body, negative, max(old, floor)) < 0 {
			w.fail("P4: %s of key %d begun at %d answers %q negative=%v, not current since %d", what, key, inv, body, negative, inv-bound)
		}
	}
	w.read[key] = max(w.read[key], n)
}

// pageFloor is the set of commits that a reader of q arriving now must be shown: everything visible for a linearizable
// read, else the acknowledged writes as they are now. They are matched with the page's interval when it is judged.
func (w *world) pageFloor(q *request, strong bool) floor {
	if strong || w.sc.Authoritative {
		return floor{least: w.log.last()}
	}
	if q.index == "g" {
		return floor{} // P8: no read-your-writes
	}
	return floor{acks: len(w.acks)}
}

// floor is what a page must show: the commit least, and those of the first acks acknowledged writes that lie in it.
type floor struct{ least, acks int }

// judgePage checks a page: it is the page of some moment not before the writes to its interval that were acknowledged
// when the reader arrived (P7).
func (w *world) judgePage(page int, body []byte, f floor, inv int) {
	q := &requests[page]
	least := f.least
	n := w.log.findPage(q, body, 0)
	if n < 0 {
		w.fail("P6: page %d answers %q, which never was", page, body)
		return
	}
	_, scanned := q.page(&w.log[n].state)
	for _, a := range w.acks[:f.acks] {
		if a.seq > least && q.touches(a, scanned) {
			least = a.seq
		}
	}
	if w.sc.Foreign {
		least = max(least, w.log.at(inv-ttl)) // P4
	}
	if n < least {
		w.fail("P7: page %d begun at %d answers %q, older than commit %d", page, inv, body, least)
	}
}

// touches reports whether an acknowledged write lies in the interval that determined a page.
func (q *request) touches(a ack, scanned coherence.Span) bool {
	if q.scan {
		return true
	}
	pos := []byte{byte(a.key)}
	if bytes.Compare(pos, scanned.Lo) < 0 || scanned.Hi != nil && bytes.Compare(pos, scanned.Hi) >= 0 {
		return false
	}
	in := func(v int) bool { return v != absent && v&1 == q.parity }
	return q.index == "" || in(a.old) || in(a.new)
}

// disturbance is something that keeps fills from being stored.
type disturbance struct {
	from, to  int
	key       int // -1: everything
	positions []coherence.Position
}

// disturb records a disturbance.
func (w *world) disturb(from, to, key int, positions []coherence.Position) {
	if w.sc.Authoritative {
		w.disturbed = append(w.disturbed, disturbance{from, to, key, positions})
	}
}

// undisturbed reports whether a page fill begun at inv must be stored now: on an authoritative table, nothing else than
// writes outside the scanned interval may have happened. The core keeps the hull of the positions, so the hull counts.
func (w *world) undisturbed(inv int, scanned coherence.Span) bool {
	if !w.sc.Authoritative || w.sc.Committers > 1 || scanned.Partition == nil || w.engine.busy > 0 {
		return false
	}
	var lo, hi []byte
	for _, d := range w.disturbed {
		if d.to < inv {
			continue
		}
		if d.key < 0 {
			return false
		}
		for _, p := range d.positions {
			if p.Index != scanned.Index {
				continue
			}
			if p.Partition == nil {
				return false
			}
			if !bytes.Equal(p.Partition, scanned.Partition) {
				continue
			}
			if lo == nil || bytes.Compare(p.Pos, lo) < 0 {
				lo = p.Pos
			}
			if bytes.Compare(p.Pos, hi) > 0 {
				hi = p.Pos
			}
		}
	}
	return lo == nil || bytes.Compare(hi, scanned.Lo) < 0 || scanned.Hi != nil && bytes.Compare(lo, scanned.Hi) >= 0
}

// quiesce is the end: everything was answered, and long enough ago. What is servable must equal a strong read (P5), what
// is read once must be a hit then, and nothing may be left behind.
func (w *world) quiesce() {
	w.now += 2*tamb + 2*tq
	if w.sc.Foreign {
		w.now += ttl
	}
	w.leaks()
	w.probe("P5", false)
	w.probe("", true)
	w.probe("live", false)
	w.leaks()
	if st := w.core.Stats(); st.Bytes != w.policy.total() {
		w.fail("memory: the policy was told %d bytes, the core holds %d", w.policy.total(), st.Bytes)
	}
	for w.core.Stats().Entries > 0 {
		w.core.Shed(1 << 30)
	}
	if st := w.core.Stats(); st.Slots != 0 || st.Nodes != 0 || st.Pages != 0 || st.Bytes != 0 || len(w.policy) != 0 {
		w.fail("leak: emptied core still holds %+v", st)
	}
}

// leaks checks that nothing is under way.
func (w *world) leaks() {
	if st := w.core.Stats(); st.Flights+st.Fences+st.Pending+st.Fills != 0 || st.Slots != st.Entries {
		w.fail("leak: %+v", st)
	}
}

// probe reads everything. Hits must be current. What misses is filled if fill is set; under the name live it must not miss.
func (w *world) probe(name string, fill bool) {
	check := func(what string, n int, r coherence.Read, want coherence.Image, scanned coherence.Span) {
		switch r.Outcome {
		case coherence.Hit, coherence.Negative:
			if (r.Outcome == coherence.Negative) != want.Absent || !bytes.Equal(r.Body, want.Bytes) {
				w.fail("P5: %s %d is served as %q at rest, stored is %q absent=%v", what, n, r.Body, want.Bytes, want.Absent)
			}
		case coherence.Lead:
			switch {
			case name == "live":
				w.fail("live: %s %d is not cached though read at rest", what, n)
				w.core.Fail(w.time(), r.Flight)
			case !fill:
				w.core.Fail(w.time(), r.Flight)
			case scanned.Index != "none":
				w.core.DonePage(w.time(), r.Flight, want, scanned)
			default:
				w.core.Done(w.time(), r.Flight, want)
			}
		default:
			w.fail("leak: %s %d joins a flight at rest", what, n)
		}
	}
	ro := w.options(&Op{})
	for k := range numKeys {
		r := w.core.ReadItem(w.time(), w.table, itemKey(k), ro, nil)
		check("item", k, r, itemImage(k, w.log.current()[k]), coherence.Span{Index: "none"})
	}
	for n := range requests {
		q := &requests[n]
		body, scanned := q.page(w.log.current())
		r := w.core.ReadPage(w.time(), w.table, pageKey(n), q.span(), ro, nil)
		check("page", n, r, pageImage(body), scanned)
	}
}

// Shrink deletes operations from a failing scenario as long as it keeps failing, and returns what is left.
func Shrink(sc *Scenario, rules coherence.Rules) *Scenario {
	best := *sc
	for size := len(best.Ops) / 2; size > 0; size /= 2 {
		for from := 0; from+size <= len(best.Ops); {
			try := best
			try.Ops = append(append([]Op(nil), best.Ops[:from]...), best.Ops[from+size:]...)
			if len(Run(&try, rules, false).Violations) > 0 {
				best = try
			} else {
				from += size
			}
		}
	}
	return &best
}
