package coherence

import (
	"fmt"
	"slices"
)

// pageModel is a world of one partition with the sort keys 1 to 4: pages of it are read, items put and deleted by an own writer
// and by others.
type pageModel struct {
	modelCore
	requests []pageRequest
	// writes and theirs are the sort keys that own and foreign writes are to; below zero is a delete.
	writes, theirs []int8
	// vague has nobody know where in the index a write was.
	vague bool
	// lagging makes the pages those of an index that follows the table a tick later, or at once.
	lagging bool
	// slow is how many ticks more it may take to follow.
	slow Time

	log     []pageVersion
	acked   uint32 // the own writes that were acknowledged, a bit for each version
	readers [2]pageReader
	flights []*pageFlightState
	writers [2]pageWriter
	records []int
	shown   int // the version that the index shows, if it lags
}

// pageRequest is what a page is asked for by: what comes after a sort key, up to a number of items; or all of a scan.
type pageRequest struct {
	after, limit int8
	scan         bool
}

// partition4 is which value is at the sort keys; 0 is none.
type partition4 [5]byte

// pageVersion is what the partition was from a moment on, and which sort key was written.
type pageVersion struct {
	at    Time
	key   int8
	state partition4
}

// pageReader is one who waits for a flight.
type pageReader struct {
	flight *Flight
	page   int8
	inv    Time
	due    uint32 // the versions that it must be shown
}

// pageFlightState is a backend read under way.
type pageFlightState struct {
	*Flight
	page    int8
	done    bool
	version int
	// lo and hi are the least and the greatest sort key touched since it began; shared is set when another read of the
	// page was under way with it, and doubt when something else may rightly keep it from being stored.
	lo, hi        int8
	shared, doubt bool
}

// pageWriter is an own write.
type pageWriter struct {
	write     *Write
	mutations []Mutation
	key       int8
	version   int
}

// The partition and, if the pages are an index's, its name.
var (
	modelPartition = []byte("p")
	modelIndex     = "g"
)

// newPageModel makes one.
func newPageModel(rules Rules, o TableOptions, left modelBudget, requests ...pageRequest) *pageModel {
	return &pageModel{modelCore: newModelCore(rules, o, left), requests: requests}
}

// reset is part of modelWorld. At the start there are items at 2 and 3.
func (m *pageModel) reset() {
	m.modelCore.reset()
	m.left, m.acked, m.shown = m.start, 0, 0
	m.log = append(m.log[:0], pageVersion{state: partition4{0, 0, 1, 1, 0}})
	m.readers, m.writers = [2]pageReader{}, [2]pageWriter{}
	m.flights, m.records = m.flights[:0], m.records[:0]
}

// last is the newest version.
func (m *pageModel) last() int { return len(m.log) - 1 }

// page is what request r shows of a version, and what was scanned for it.
func (m *pageModel) page(r int8, version int) (Image, Span) {
	q, state := m.requests[r], m.log[version].state
	span := m.span(r)
	var img Image
	n := int8(0)
	for k := q.after + 1; k <= 4; k++ {
		if state[k] == 0 {
			continue
		}
		img.Bytes = append(img.Bytes, byte(k), state[k])
		if n++; n == q.limit {
			if !q.scan {
				span.Hi = []byte{byte(k) + 1}
			}
			img.Bytes = append(img.Bytes, 0xfd) // LastEvaluatedKey
			break
		}
	}
	// The sum tells the page in two bytes: two versions of the same page are one.
	sum := uint16(7)
	for _, x := range img.Bytes {
		sum = sum*31 + uint16(x)
	}
	img.Sum[0], img.Sum[1] = byte(sum), byte(sum>>8)
	return img, span
}

// span is what a request may depend on.
func (m *pageModel) span(r int8) Span {
	q := m.requests[r]
	s := Span{Index: m.index()}
	if m.lagging {
		s.Eventual = true
	}
	if !q.scan {
		s.Partition, s.Lo = modelPartition, []byte{byte(q.after + 1)}
	}
	return s
}

// index is the index whose pages are read.
func (m *pageModel) index() string {
	if m.lagging {
		return modelIndex
	}
	return ""
}

// positions are where a write to a sort key touches.
func (m *pageModel) positions(key int8) []Position {
	if m.vague {
		return []Position{{Index: m.index()}}
	}
	return []Position{{Index: m.index(), Partition: modelPartition, Pos: []byte{byte(key)}}}
}

// target is the sort key of a write.
func target(w int8) int8 { return max(w, -w) }

// commit makes a version.
func (m *pageModel) commit(w int8) int {
	v := pageVersion{at: m.now, key: target(w), state: m.log[m.last()].state}
	v.state[v.key] = 0
	if w > 0 {
		v.state[v.key] = byte(len(m.log) + 1)
	}
	m.log = append(m.log, v)
	if m.table.Covered() {
		m.records = append(m.records, m.last())
	}
	return m.last()
}

// touch notes that the core was told of a write.
func (m *pageModel) touch(key int8) {
	for _, f := range m.flights {
		if f.lo == 0 || key < f.lo {
			f.lo = key
		}
		f.hi = max(f.hi, key)
		f.doubt = f.doubt || m.vague || m.requests[f.page].scan
	}
}

// steps is part of modelWorld.
func (m *pageModel) steps(out []modelStep) []modelStep {
	add := offer(&out)
	for i := range m.readers {
		if m.readers[i].flight == nil {
			for r := range m.requests {
				add(m.left.reads > 0, stepRead, i, r)
			}
			break
		}
	}
	for i, f := range m.flights {
		if f.done {
			add(true, stepAnswer, i, 0)
			continue
		}
		add(m.left.fails > 0, stepFail, i, 0)
		add(m.left.weak > 0 && f.Strong, stepWeaken, i, 0)
		if m.lagging {
			add(true, stepExecute, i, m.shown)
			continue
		}
		for v := range m.log {
			add(v == m.last() || !f.Strong && !m.table.authoritative() && m.log[v+1].at >= m.now-modelTq, stepExecute, i, v)
		}
	}
	began := false
	for i := range m.writers {
		w := &m.writers[i]
		switch {
		case w.write == nil:
			for n := range m.writes {
				add(m.left.writes > 0 && !began, stepBegin, i, n)
			}
			began = true
		case w.version == 0:
			add(true, stepCommit, i, 0)
		default:
			add(true, stepAck, i, 0)
		}
	}
	for n := range m.theirs {
		add(m.left.foreign > 0, stepForeign, n, 0)
	}
	add(len(m.records) > 0, stepRecord, 0, 0)
	add(m.table.Covered() && m.claim() > m.core.Watermark(m.table), stepAdvance, 0, 0)
	add(m.left.ticks > 0, stepTick, 0, 0)
	add(m.lagging && m.shown < m.last(), stepLate, 0, 0)
	for r := range m.requests {
		add(m.left.evicts > 0 && m.core.Entries() > 0, stepEvict, r, 0)
	}
	add(m.left.losses > 0, stepLose, 0, 0)
	return out
}

// claim is up to when every commit is applied.
func (m *pageModel) claim() Time {
	if len(m.records) > 0 {
		return m.log[m.records[0]].at - 1
	}
	return m.now
}

// pageKey is the canonical request.
func modelPageKey(r int8) []byte { return []byte{byte(r)} }

// do is part of modelWorld.
func (m *pageModel) do(s modelStep) {
	c, l := m.core, &m.left
	switch s.kind {
	case stepRead:
		m.read(&m.readers[s.a], s.b)
	case stepExecute:
		f := m.flights[s.a]
		f.done, f.version = true, int(s.b)
	case stepAnswer:
		f := m.flights[s.a]
		m.flights = slices.Delete(m.flights, int(s.a), int(s.a)+1)
		img, scanned := m.page(f.page, f.version)
		body := slices.Clone(img.Bytes)
		stored := c.DonePage(m.now, f.Flight, img, scanned)
		m.useful(f, stored, scanned)
		for i := range m.readers {
			if r := &m.readers[i]; r.flight == f.Flight {
				m.judge(body, r)
				*r = pageReader{}
			}
		}
	case stepFail:
		l.fails--
		f := m.flights[s.a]
		m.flights = slices.Delete(m.flights, int(s.a), int(s.a)+1)
		c.Fail(m.now, f.Flight)
		for i := range m.readers {
			if m.readers[i].flight == f.Flight {
				m.readers[i] = pageReader{}
			}
		}
	case stepWeaken:
		l.weak--
		m.flights[s.a].doubt = m.core.Weaken(m.now, m.flights[s.a].Flight) || m.flights[s.a].doubt
	case stepBegin:
		l.writes--
		w := &m.writers[s.a]
		w.key = m.writes[s.b]
		key := []byte{'k', byte(target(w.key))}
		w.write = c.Begin(m.now, []Effect{{Table: m.table, Key: key, Positions: m.positions(target(w.key))}})
		if m.table.authoritative() {
			w.mutations = []Mutation{{Table: m.table, Key: key, Positions: m.positions(target(w.key))}}
			c.Pending(m.now, w.mutations)
			m.touch(target(w.key))
		}
	case stepCommit:
		w := &m.writers[s.a]
		w.version = m.commit(w.key)
	case stepAck:
		w := &m.writers[s.a]
		m.acked |= 1 << w.version
		if w.mutations != nil {
			c.Settled(m.now, w.mutations)
		}
		c.Settle(m.now, w.write, 0, Applied, nil, nil)
		c.End(m.now, w.write)
		m.touch(target(w.key))
		*w = pageWriter{}
	case stepForeign:
		l.foreign--
		m.commit(m.theirs[s.a])
	case stepRecord:
		v := m.log[m.records[0]]
		m.records = slices.Delete(m.records, 0, 1)
		c.Record(m.now, []Record{{Table: m.table, Key: []byte{'k', byte(v.key)}, Positions: m.positions(v.key)}})
		m.touch(v.key)
	case stepAdvance:
		c.Advance(m.table, m.claim())
	case stepTick:
		l.ticks--
		m.now++
		if m.lagging { // the index's lag has a bound
			for m.shown < m.last() && m.log[m.shown+1].at <= m.now-modelLag-m.slow-1 {
				m.shown++
			}
		}
	case stepLate:
		m.shown++
	case stepEvict:
		l.evicts--
		c.Evict(c.shelf.Hash(m.table.pages, modelPageKey(s.a)))
	case stepLose:
		l.losses--
		m.records = m.records[:0]
		c.Lost(m.now, m.table)
		for _, f := range m.flights {
			f.doubt = true
		}
	}
}

// read is a reader who arrives.
func (m *pageModel) read(r *pageReader, page int8) {
	m.left.reads--
	*r = pageReader{page: page, inv: m.now, due: m.due(m.now)}
	got := m.core.ReadPage(m.now, m.table, modelPageKey(page), m.span(page), m.bounds(), nil)
	switch got.Outcome {
	case Hit:
		m.judge(got.Body, r)
		*r = pageReader{}
	case Lead:
		f := &pageFlightState{Flight: got.Flight, page: page}
		for _, o := range m.flights {
			if o.page == page {
				o.shared, f.shared = true, true
			}
		}
		for i := range m.writers { // an announced commit counts from before
			if w := &m.writers[i]; w.mutations != nil {
				f.doubt = true
			}
		}
		r.flight = got.Flight
		m.flights = append(m.flights, f)
	case Joined:
		r.flight = got.Flight
	}
}

// due are the versions that a reader who arrives at inv must be shown, where they touch the page: what was acknowledged to this
// process, and what is older than the bound.
func (m *pageModel) due(inv Time) uint32 {
	if m.table.authoritative() {
		return 1<<len(m.log) - 1
	}
	due, bound := m.acked, Time(modelTTL)
	if m.table.Covered() {
		bound = modelDelta
	}
	if m.lagging { // P8
		due, bound = 0, max(bound, modelProv)+modelLag+m.slow
	}
	for v := range m.log {
		if m.log[v].at < inv-bound {
			due |= 1 << v
		}
	}
	return due
}

// judge checks a page: it is that of some version after which nothing that is due touched what was scanned (P7, P8).
func (m *pageModel) judge(body []byte, r *pageReader) {
	known := false
	for v := range m.log {
		img, scanned := m.page(r.page, v)
		if string(img.Bytes) != string(body) {
			continue
		}
		known = true
		if !m.misses(v, r.due, scanned) {
			return
		}
	}
	if !known {
		m.fail("P6: page %d is shown as %v, which it never was", r.page, body)
		return
	}
	m.fail("P7: a reader who came at %d is shown page %d as %v, without some of versions %b", r.inv, r.page, body, r.due)
}

// misses reports whether one of the versions due after v touched what was scanned.
func (m *pageModel) misses(v int, due uint32, scanned Span) bool {
	for n := v + 1; n < len(m.log); n++ {
		key := byte(m.log[n].key)
		if due&(1<<n) != 0 && (scanned.Partition == nil || key >= scanned.Lo[0] && (scanned.Hi == nil || key < scanned.Hi[0])) {
			return true
		}
	}
	return false
}

// useful checks that a page is stored when nothing kept it from being: no write in the scanned interval, as far as the
// least and the greatest position tell (R45).
func (m *pageModel) useful(f *pageFlightState, stored bool, scanned Span) {
	if stored || f.doubt || f.shared || scanned.Partition == nil || m.lagging {
		return
	}
	if f.lo == 0 || f.hi < int8(scanned.Lo[0]) || scanned.Hi != nil && f.lo >= int8(scanned.Hi[0]) {
		m.fail("useful: page %d is not stored, though nothing was written to what was scanned for it", f.page)
	}
}

// wrong is part of modelWorld. Beside the readers' answers it looks at what others would be answered now.
func (m *pageModel) wrong() string {
	for r := range m.requests {
		if got, ok := m.core.PeekPage(m.now, m.table, modelPageKey(int8(r)), m.bounds(), nil); ok {
			m.judge(got.Body, &pageReader{page: int8(r), inv: m.now, due: m.due(m.now)})
		}
	}
	return m.fault
}

// print is part of modelWorld.
func (m *pageModel) print(b []byte) []byte {
	b = m.left.append(b)
	b = append(b, byte(len(m.log)), byte(m.acked), byte(m.acked>>8), byte(m.shown), byte(len(m.records)))
	for _, v := range m.log {
		b = append(append(b, byte(m.age(v.at)), byte(v.key)), v.state[1:]...)
	}
	for _, v := range m.records {
		b = append(b, byte(v))
	}
	var flights [8]*Flight
	under := flights[:0]
	for _, f := range m.flights {
		under = append(under, f.Flight)
		b = m.printFlight(append(b, byte(f.page), flags(f.done, f.shared, f.doubt), byte(f.version), byte(f.lo), byte(f.hi)), f.Flight)
	}
	for i := range m.readers {
		r := &m.readers[i]
		if r.flight == nil {
			b = append(b, 0xf0)
			continue
		}
		b = append(b, byte(slices.Index(under, r.flight)), byte(r.page), byte(m.age(r.inv)), byte(r.due), byte(r.due>>8))
	}
	for i := range m.writers {
		w := &m.writers[i]
		if w.write == nil {
			b = append(b, 0xf1)
			continue
		}
		b = m.printWrite(append(b, byte(w.version), byte(w.key)), w.write)
	}
	b = m.printNode(m.printTable(b, "", modelIndex), m.index(), modelPartition)
	for r := range m.requests {
		b = m.printSlot(b, true, modelPageKey(int8(r)), under)
	}
	return b
}

// settle is part of modelWorld; see itemModel.settle.
func (m *pageModel) settle() string {
	m.left = modelBudget{}
	for i := range m.writers {
		if w := &m.writers[i]; w.write != nil {
			if w.version == 0 {
				m.do(modelStep{stepCommit, int8(i), 0})
			}
			m.do(modelStep{stepAck, int8(i), 0})
		}
	}
	for len(m.flights) > 0 {
		if f := m.flights[0]; !f.done {
			f.done, f.version = true, m.last()
			if m.lagging {
				f.version = m.shown
			}
		}
		m.do(modelStep{stepAnswer, 0, 0})
	}
	for len(m.records) > 0 {
		m.do(modelStep{stepRecord, 0, 0})
	}
	m.shown = m.last()
	m.quiet(modelTq + modelLag + modelProv + 1)
	for r := range m.requests {
		want, _ := m.page(int8(r), m.last())
		if got, ok := m.core.PeekPage(m.now, m.table, modelPageKey(int8(r)), m.bounds(), nil); ok && string(got.Body) != string(want.Bytes) {
			return fmt.Sprintf("P5: when all is quiet page %d is served as %v, and is %v", r, got.Body, want.Bytes)
		}
	}
	if wrong := m.leaks(); wrong != "" {
		return wrong
	}
	for r := range m.requests {
		m.left.reads = 1
		m.do(modelStep{stepRead, 0, int8(r)})
		for len(m.flights) > 0 {
			m.flights[0].done, m.flights[0].version = true, m.last()
			m.do(modelStep{stepAnswer, 0, 0})
		}
		if _, ok := m.core.PeekPage(m.now, m.table, modelPageKey(int8(r)), m.bounds(), nil); !ok {
			return fmt.Sprintf("live: page %d, read when all is quiet, is not served", r)
		}
	}
	m.core.Shed(1 << 40)
	if st := m.core.Stats(); st.Nodes != 0 || st.Pages != 0 || st.Slots != 0 {
		return fmt.Sprintf("leak: emptied core still holds %+v", st)
	}
	return m.fault
}
