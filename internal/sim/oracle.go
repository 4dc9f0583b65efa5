package sim

import (
	"bytes"

	"millrace/cache/coherence"
	"millrace/internal/sim/runs"
)

// promise is what a reader must be shown at least.
type promise struct {
	inv    int  // when it arrived
	least  int  // commit
	weak   int  // likewise, of an item that is read weakly: what weak reads showed does not count
	acks   int  // of a page: those of the first so many acknowledged writes that lie in it
	old    int  // how much older than inv the answer may be; -1 is no bound
	oldNeg int  // the same for the absence of an item
	silent bool // the reader gave up P1 and P2, for itself and whoever learns from it
	isWeak bool // the answer was read weakly
}

// weakly is the promise to a reader whose answer was read weakly.
func (p promise) weakly() promise {
	p.least, p.isWeak = p.weak, true
	return p
}

// promise is what holds for any reader arriving now.
func (w *node) promise(ro *coherence.ReadOptions) promise {
	p := promise{inv: w.now, old: -1, oldNeg: -1, silent: ro.Thrift}
	if w.sc.Foreign || w.sc.Stream { // P4
		p.old, p.oldNeg = ttl, negTTL
	}
	if w.reader.covered { // P3
		p.old, p.oldNeg = min(p.old, w.sc.Delta), min(p.oldNeg, w.sc.Delta)
	}
	return p
}

// itemPromise is what a reader of key arriving now must be shown.
func (w *node) itemPromise(key int, ro *coherence.ReadOptions) promise {
	p := w.promise(ro)
	switch {
	case ro.Strong || w.sc.Authoritative: // P9: linearizable
		p.least = w.log.last()
		p.weak = p.least
	case !ro.Thrift: // P1, P2
		p.weak = max(w.acked[key], w.read[key])
		p.least = max(p.weak, w.readWeak[key])
	}
	return p
}

// judgeItem checks an answer and raises the floor of later readers.
func (w *node) judgeItem(key int, body []byte, negative bool, p promise, what string) {
	n := w.log.findItem(key, body, negative, p.least)
	if n < 0 {
		kind := "P1/P2/P9"
		if w.log.findItem(key, body, negative, 0) < 0 {
			kind = "P6"
		}
		w.fail("%s: %s of key %d begun at %d answers %q negative=%v, older than commit %d", kind, what, key, p.inv, body, negative, p.least)
		return
	}
	bound := p.old
	if negative {
		bound = p.oldNeg
	}
	if bound >= 0 {
		if old := w.log.before(p.inv - bound); w.log.findItem(key, body, negative, max(old, p.least)) < 0 {
			w.fail("P3/P4: %s of key %d begun at %d answers %q negative=%v, not current since %d", what, key, p.inv, body, negative, p.inv-bound)
		}
	}
	switch {
	case p.silent:
	case p.isWeak:
		w.readWeak[key] = max(w.readWeak[key], n)
	default:
		w.read[key] = max(w.read[key], n)
	}
}

// pagePromise is what a reader of q arriving now must be shown: everything visible for a linearizable read, else the
// acknowledged writes as they are now. They are matched with the page's interval when it is judged.
func (w *node) pagePromise(q *request, ro *coherence.ReadOptions) promise {
	p := w.promise(ro)
	switch {
	case ro.Strong || w.sc.Authoritative:
		p.least = w.log.last()
	case q.index == "g": // P8: no read-your-writes, and the index's own lag comes on top
		switch {
		case w.reader.covered:
			p.old = min(ttl, max(w.sc.Delta, provisional)) + w.sc.indexLag()
		case p.old >= 0:
			p.old += max(lag, w.sc.indexLag())
		}
	case !ro.Thrift:
		p.acks = len(w.acks)
	}
	return p
}

// judgePage checks a page: it is the page of some moment not before the writes to its interval that were acknowledged
// when the reader arrived (P7).
func (w *node) judgePage(page int, body []byte, p promise) {
	q := &requests[page]
	n, scanned := w.log.findPage(page, body)
	if n < 0 {
		w.fail("P6: page %d answers %q, which never was", page, body)
		return
	}
	least := p.least
	if p.old >= 0 {
		least = max(least, w.log.before(p.inv-p.old)) // P3, P4, P8
	}
	for i := p.acks - 1; i >= 0 && w.acks[i].upTo > max(n, least); i-- {
		if a := w.acks[i]; a.seq > least && q.touches(a, scanned) {
			least = a.seq
		}
	}
	if n < least {
		w.fail("P7: page %d begun at %d answers %q, older than commit %d", page, p.inv, body, least)
	}
}

// touches reports whether an acknowledged write lies in the interval that determined a page.
func (q *request) touches(a ack, scanned coherence.Span) bool {
	if q.scan || a.key < 0 {
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
func (w *node) undisturbed(inv int, scanned coherence.Span) bool {
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
	if w.sc.Stream {
		// Every record has come and the indexes have caught up; what is servable soon after must be right already.
		served := provisional
		if w.sc.Slow {
			served = w.sc.Delta
		}
		w.now += max(publishLag, w.sc.indexLag()+served) + 1
		for _, n := range w.nodes {
			n.catchUp()
			if n.reader.covered {
				n.probe("P5", false)
			}
		}
	}
	w.now += 2*tamb + 2*tq
	foreign := w.sc.Foreign || len(w.nodes) > 1
	for _, n := range w.nodes {
		if n.starts > 1 { // a write under way then may have been applied, and nobody was left who knew of it
			foreign = true
		}
		n.catchUp()
	}
	if foreign {
		w.now += ttl
		for _, n := range w.nodes {
			n.catchUp()
		}
	}
	for _, n := range w.nodes {
		n.rest()
	}
}

// rest is quiesce for one node.
func (w *node) rest() {
	w.harmed("rest")
	w.leaks()
	w.harmed("P5")
	w.probe("P5", false)
	w.core.Shed(1 << 30) // so that all is of one age
	w.probe("", true)
	w.harmed("live")
	w.probe("live", false)
	if w.reader.covered {
		w.now += w.sc.Delta + 1
		w.catchUp()
		w.harmed("live after Delta")
		w.probe("live", false)
	}
	w.harmed("leaks")
	w.leaks()
	w.harmed("memory")
	if st := w.core.Stats(); st.Bytes != w.policy.total() {
		w.fail("memory: the policy was told %d bytes, the core holds %d", w.policy.total(), st.Bytes)
	}
	for w.core.Stats().Entries > 0 {
		w.core.Shed(1 << 30)
	}
	w.harmed("emptied")
	if st := w.core.Stats(); runs.Holding(&st) || len(w.policy) != 0 {
		w.fail("leak, emptied: %+v, and %d in the policy", st, len(w.policy))
	}
}

// harmed lets a test of the checks at rest break what they look at.
func (w *node) harmed(check string) {
	if w.harm != nil {
		w.harm(w, check)
	}
}

// leaks checks that nothing is under way.
func (w *node) leaks() {
	if st := w.core.Stats(); runs.Busy(&st) {
		w.fail("leak: %+v", st)
	}
}

// probe reads everything. Hits must be current. What misses is filled if fill is set; under the name live it must not miss.
func (w *node) probe(name string, fill bool) {
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
	ro := w.options(&Op{Pick: 1})
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
