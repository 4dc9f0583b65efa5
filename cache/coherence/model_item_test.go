package coherence

import (
	"fmt"
	"slices"
)

// stepKind is what kind of thing happens.
type stepKind int8

// The steps of the models. Readers, flights and writers are told by number.
const (
	stepRead    stepKind = iota // a reader arrives; strongly if b is 1
	stepExecute                 // flight a reads version b at the backend
	stepAnswer                  // and brings it
	stepFail                    // or nothing
	stepBegin                   // own writer a begins
	stepCommit                  // and is applied
	stepAck                     // and acknowledged
	stepRefuse                  // or its condition fails
	stepTimeout                 // or nobody knows
	stepLate                    // what nobody knew of is applied
	stepForeign                 // somebody else writes
	stepRecord                  // the next record comes
	stepRepeat                  // record a comes again
	stepAdvance                 // all records up to a moment are known to have come
	stepTick                    // time passes
	stepEvict                   // the entry is evicted
	stepLose                    // the reader's place in the stream is lost, with all that it has not told
	stepChange                  // the table is another one
	stepWeaken                  // flight a, which is to be read strongly, is to be read eventually if it may
)

// stepNames are the words for steps.
var stepNames = map[stepKind]string{
	stepRead: "read", stepExecute: "execute", stepAnswer: "answer", stepFail: "fail", stepBegin: "begin", stepCommit: "commit", stepAck: "ack",
	stepRefuse: "refuse", stepTimeout: "timeout", stepLate: "late", stepForeign: "foreign", stepRecord: "record", stepRepeat: "repeat",
	stepAdvance: "advance", stepTick: "tick", stepEvict: "evict", stepLose: "lose", stepChange: "change", stepWeaken: "weaken",
}

// modelBudget is how often things may still happen.
type modelBudget struct {
	reads, strong, fails, writes, refusals, timeouts, foreign, repeats, ticks, evicts, losses, changes, weak int8
}

// append appends the budget to a print.
func (l modelBudget) append(b []byte) []byte {
	return append(b, byte(l.reads), byte(l.strong), byte(l.fails), byte(l.writes), byte(l.refusals), byte(l.timeouts),
		byte(l.foreign), byte(l.repeats), byte(l.ticks), byte(l.evicts), byte(l.losses), byte(l.changes), byte(l.weak))
}

// itemModel is a world of one item: two readers, two own writers, others, the item's stream.
type itemModel struct {
	modelCore
	// values is how many values there are; 0 makes each version's another, so that an answer tells its version.
	values int
	// absent makes there be no item at the start, which is known for a shorter time.
	absent bool
	// uncovers has coverage end when the reader's place is lost, or not.
	uncovers bool
	// nameless leaves records without images, and silent acknowledgements.
	nameless, silent bool

	log     []itemVersion
	floor   int // no reader who arrives from now on may be shown an older version
	weak    int // likewise, one whose read is weak: those that were weak do not count
	readers [2]modelReader
	flights []*itemFlight
	writers [2]itemWriter
	late    []Time // until when a write that nobody knew of may be applied
	records []int  // versions whose records have not come
	told    int    // versions whose records have
}

// itemVersion is what the item was from a moment on.
type itemVersion struct {
	at    Time
	value byte
}

// modelReader is one who waits for a flight.
type modelReader struct {
	flight *Flight // nil while there is nobody
	inv    Time
	floor  int
	weak   int // instead of floor, if the flight becomes weak
}

// itemFlight is a backend read under way.
type itemFlight struct {
	*Flight
	asked   bool // strongly, by its client
	done    bool
	version int
}

// itemWriter is an own write.
type itemWriter struct {
	write     *Write     // nil while there is none
	mutations []Mutation // what is announced of it, on an authoritative table
	value     byte       // then
	version   int        // 0 until it is applied
}

// modelKey is the item's key.
var modelKey = []byte("k")

// newItemModel makes one.
func newItemModel(rules Rules, o TableOptions, left modelBudget) *itemModel {
	return &itemModel{modelCore: newModelCore(rules, o, left)}
}

// reset is part of modelWorld.
func (m *itemModel) reset() {
	m.modelCore.reset()
	m.left = m.start
	m.log, m.floor, m.weak = append(m.log[:0], itemVersion{}), 0, 0
	m.readers, m.writers = [2]modelReader{}, [2]itemWriter{}
	m.flights, m.late, m.records, m.told = m.flights[:0], m.late[:0], m.records[:0], 0
}

// value is what version v holds.
func (m *itemModel) value(v int) [2]byte { return [2]byte{m.log[v].value, 'v'} }

// image is the image of a value.
func (m *itemModel) image(v [2]byte) Image {
	if m.absent && v[0] == 0 {
		return Image{Absent: true}
	}
	return modelImage(v)
}

// shown is the value that a hit shows.
func (m *itemModel) shown(r Read) [2]byte {
	if r.Outcome == Negative {
		return m.value(0)
	}
	return [2]byte(r.Body)
}

// bounds are the options of a reader.
func (m *itemModel) bounds() ReadOptions {
	o := m.modelCore.bounds()
	if m.absent {
		o.NegativeTTL = modelNegativeTTL
	}
	return o
}

// last is the newest version.
func (m *itemModel) last() int { return len(m.log) - 1 }

// commit makes a version.
func (m *itemModel) commit() int {
	v := len(m.log)
	if m.values > 0 {
		v %= m.values
	}
	return m.commitValue(byte(v))
}

// commitValue makes a version of a value.
func (m *itemModel) commitValue(v byte) int {
	m.log = append(m.log, itemVersion{m.now, v})
	if m.table.Covered() {
		m.records = append(m.records, m.last())
	}
	return m.last()
}

// current reports whether version v was so at some moment from at on.
func (m *itemModel) current(v int, at Time) bool { return v == m.last() || m.log[v+1].at >= at }

// steps is part of modelWorld.
func (m *itemModel) steps(out []modelStep) []modelStep {
	add := offer(&out)
	auth := m.table.authoritative()
	for i := range m.readers {
		if m.readers[i].flight == nil {
			add(m.left.reads > 0, stepRead, i, 0)
			add(m.left.strong > 0, stepRead, i, 1)
			break
		}
	}
	for i, f := range m.flights {
		if f.done {
			add(true, stepAnswer, i, 0)
			continue
		}
		add(m.left.fails > 0, stepFail, i, 0)
		add(m.left.weak > 0 && f.Strong && !f.asked, stepWeaken, i, 0)
		for v := range m.log {
			add(v == m.last() || !f.Strong && !auth && m.current(v, m.now-modelTq), stepExecute, i, v)
		}
	}
	began := false
	for i := range m.writers {
		w := &m.writers[i]
		switch {
		case w.write == nil:
			add(m.left.writes > 0 && !began, stepBegin, i, 0)
			began = true
		case w.version == 0:
			add(true, stepCommit, i, 0)
			add(m.left.refusals > 0 && !auth, stepRefuse, i, 0)
			add(m.left.timeouts > 0 && !auth, stepTimeout, i, 0)
		default:
			add(true, stepAck, i, 0)
			add(m.left.timeouts > 0 && !auth, stepTimeout, i, 0)
		}
	}
	for i, until := range m.late {
		add(m.now <= until, stepLate, i, 0)
	}
	add(m.left.foreign > 0, stepForeign, 0, 0)
	add(len(m.records) > 0, stepRecord, 0, 0)
	for v := 1; v <= m.told && m.left.repeats > 0; v++ {
		add(true, stepRepeat, v, 0)
	}
	add(m.table.Covered() && m.claim() > m.core.Watermark(m.table), stepAdvance, 0, 0)
	add(m.left.ticks > 0, stepTick, 0, 0)
	add(m.left.evicts > 0 && m.core.Entries() > 0, stepEvict, 0, 0)
	add(m.left.losses > 0, stepLose, 0, 0)
	add(m.left.losses > 0 && m.uncovers, stepLose, 0, 1)
	add(m.left.changes > 0, stepChange, 0, 0)
	return out
}

// claim is up to when every commit is applied.
func (m *itemModel) claim() Time {
	if len(m.records) > 0 {
		return m.log[m.records[0]].at - 1
	}
	return m.now
}

// do is part of modelWorld.
func (m *itemModel) do(s modelStep) {
	c, l := m.core, &m.left
	switch s.kind {
	case stepRead:
		m.read(&m.readers[s.a], s.b == 1)
	case stepExecute:
		f := m.flights[s.a]
		f.done, f.version = true, int(s.b)
	case stepAnswer:
		f := m.flights[s.a]
		m.flights = slices.Delete(m.flights, int(s.a), int(s.a)+1)
		c.Done(m.now, f.Flight, m.image(m.value(f.version)))
		m.answer(f)
	case stepFail:
		l.fails--
		f := m.flights[s.a]
		m.flights = slices.Delete(m.flights, int(s.a), int(s.a)+1)
		c.Fail(m.now, f.Flight)
		for i := range m.readers {
			if m.readers[i].flight == f.Flight {
				m.readers[i] = modelReader{}
			}
		}
	case stepWeaken:
		l.weak--
		c.Weaken(m.now, m.flights[s.a].Flight)
	case stepForeign:
		l.foreign--
		m.commit()
	case stepRecord:
		m.told = m.records[0]
		m.records = slices.Delete(m.records, 0, 1)
		m.record(m.told)
	case stepRepeat:
		l.repeats--
		m.record(int(s.a))
	case stepAdvance:
		c.Advance(m.table, m.claim())
	case stepTick:
		l.ticks--
		m.now++
	case stepEvict:
		l.evicts--
		c.Evict(c.shelf.Hash(m.table.items, modelKey))
	case stepLose:
		l.losses--
		if n := len(m.records); n > 0 {
			m.told = m.records[n-1]
		}
		m.records = m.records[:0]
		if s.b == 1 {
			o := m.o
			o.Covered, o.Delta = false, 0
			c.Configure(m.table, o)
		}
		c.Lost(m.now, m.table)
	case stepChange:
		l.changes--
		m.commit()
		m.records = m.records[:0] // the old table's stream tells nothing more
		m.floor, m.weak = m.last(), m.last()
		c.Forget(m.table)
	default:
		m.write(s)
	}
}

// record is the record of version v.
func (m *itemModel) record(v int) {
	r := Record{Table: m.table, Key: modelKey}
	if !m.nameless {
		img := m.image(m.value(v))
		r.Image = &img
	}
	m.core.Record(m.now, []Record{r})
}

// write does the steps of own writers.
func (m *itemModel) write(s modelStep) {
	c, l := m.core, &m.left
	if s.kind == stepLate {
		m.late = slices.Delete(m.late, int(s.a), int(s.a)+1)
		m.commit()
		return
	}
	w := &m.writers[s.a]
	settle := func(r Result, img *Image) {
		if w.mutations != nil {
			c.Settled(m.now, w.mutations)
		}
		c.Settle(m.now, w.write, 0, r, img, nil)
		c.End(m.now, w.write)
		*w = itemWriter{}
	}
	switch s.kind {
	case stepBegin:
		l.writes--
		w.write = c.Begin(m.now, []Effect{{Table: m.table, Key: modelKey}})
		if m.table.authoritative() {
			w.value = byte(100 + l.writes)
			img := modelImage([2]byte{w.value, 'v'})
			w.mutations = []Mutation{{Table: m.table, Key: modelKey, New: &img}}
			c.Pending(m.now, w.mutations)
		}
	case stepCommit:
		if w.mutations != nil {
			w.version = m.commitValue(w.value)
		} else {
			w.version = m.commit()
		}
	case stepAck:
		img := m.image(m.value(w.version))
		shown := &img
		if m.silent {
			shown = nil
		}
		m.raise(w.version)
		settle(Applied, shown)
	case stepRefuse:
		l.refusals--
		m.raise(m.last()) // the writer knows that the item is not what it was
		settle(ConditionFailed, nil)
	case stepTimeout:
		l.timeouts--
		if w.version == 0 {
			m.late = append(m.late, m.now+modelTamb)
		}
		settle(Ambiguous, nil)
	}
}

// read is a reader who arrives.
func (m *itemModel) read(r *modelReader, strong bool) {
	o := m.bounds()
	o.Strong = strong
	r.inv, r.floor, r.weak = m.now, m.floor, m.weak
	if strong {
		m.left.strong--
	} else {
		m.left.reads--
	}
	if strong || m.table.authoritative() {
		r.floor, r.weak = m.last(), m.last()
	}
	got := m.core.ReadItem(m.now, m.table, modelKey, o, nil)
	switch got.Outcome {
	case Hit, Negative:
		m.judge(m.shown(got), r)
		*r = modelReader{}
	case Lead:
		r.flight = got.Flight
		m.flights = append(m.flights, &itemFlight{Flight: got.Flight, asked: strong})
	case Joined:
		r.flight = got.Flight
	}
}

// answer gives what f brought to those who wait for it.
func (m *itemModel) answer(f *itemFlight) {
	for i := range m.readers {
		if r := &m.readers[i]; r.flight == f.Flight {
			m.judge(m.value(f.version), r)
			*r = modelReader{}
		}
	}
}

// isWeak reports whether the reader's flight became weak.
func (r *modelReader) isWeak() bool { return r.flight != nil && r.flight.Weak }

// least is the oldest version that the reader may be shown.
func (r *modelReader) least() int {
	if r.isWeak() {
		return r.weak
	}
	return r.floor
}

// raise lets no reader who arrives from now on be shown anything older than version n.
func (m *itemModel) raise(n int) { m.floor, m.weak = max(m.floor, n), max(m.weak, n) }

// judge checks an answer, and raises the floor of those who come after.
func (m *itemModel) judge(v [2]byte, r *modelReader) {
	bound := Time(modelTTL)
	if m.table.Covered() {
		bound = modelDelta
	}
	if m.absent && v[0] == 0 {
		bound = min(bound, modelNegativeTTL)
	}
	if m.table.authoritative() {
		bound = modelOld
	}
	old, known := r.inv-bound, false
	for n := range m.log {
		if m.value(n) != v {
			continue
		}
		known = true
		if least := r.least(); n >= least && m.current(n, old) {
			m.floor = max(m.floor, n)
			if !r.isWeak() {
				m.weak = max(m.weak, n)
			}
			return
		}
	}
	switch {
	case !known:
		m.fail("P6: a reader is shown %v, which was never committed", v)
	default:
		m.fail("P1-P4, P9: a reader who came at %d is shown %v; the oldest it may be shown is version %d, or one that was current at %d", r.inv, v, r.least(), old)
	}
}

// wrong is part of modelWorld. Beside the readers' answers it looks at what another would be answered now.
func (m *itemModel) wrong() string {
	if got, ok := m.core.PeekItem(m.now, m.table, modelKey, m.bounds(), nil); ok {
		floor, weak := m.floor, m.weak
		r := &modelReader{inv: m.now, floor: floor}
		if m.table.authoritative() {
			r.floor = m.last()
		}
		m.judge(m.shown(got), r)
		m.floor, m.weak = floor, weak
	}
	return m.fault
}

// print is part of modelWorld.
func (m *itemModel) print(b []byte) []byte {
	b = m.left.append(b)
	b = append(b, byte(len(m.log)), byte(m.floor), byte(m.weak), byte(m.told), byte(len(m.records)))
	for _, v := range m.log {
		b = append(b, byte(m.age(v.at)), v.value)
	}
	for _, v := range m.records {
		b = append(b, byte(v))
	}
	b = append(b, byte(len(m.late)))
	for _, until := range m.late {
		b = append(b, byte(m.age(until)))
	}
	var flights [8]*Flight
	under := flights[:0]
	for _, f := range m.flights {
		under = append(under, f.Flight)
		b = m.printFlight(append(b, flags(f.done, f.asked), byte(f.version)), f.Flight)
	}
	for i := range m.readers {
		r := &m.readers[i]
		if r.flight == nil {
			b = append(b, 0xf0)
			continue
		}
		b = append(b, byte(slices.Index(under, r.flight)), byte(m.age(r.inv)), byte(r.floor), byte(r.weak))
	}
	for i := range m.writers {
		w := &m.writers[i]
		if w.write == nil {
			b = append(b, 0xf1)
			continue
		}
		b = m.printWrite(append(b, byte(w.version), w.value), w.write)
	}
	return m.printSlot(m.printTable(b), false, modelKey, under)
}

// settle is part of modelWorld: writes end, flights are answered, records come, time passes. Then what is served must be the
// newest version (P5), and what is read be served after (live), and nothing be left (leak).
func (m *itemModel) settle() string {
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
		if !m.flights[0].done {
			m.do(modelStep{stepExecute, 0, int8(m.last())})
		}
		m.do(modelStep{stepAnswer, 0, 0})
	}
	for len(m.records) > 0 {
		m.do(modelStep{stepRecord, 0, 0})
	}
	m.quiet(modelTamb + modelTq)
	if wrong := m.wrong(); wrong != "" {
		return wrong + " (when all is quiet)"
	}
	if got, ok := m.core.PeekItem(m.now, m.table, modelKey, m.bounds(), nil); ok && m.shown(got) != m.value(m.last()) {
		return fmt.Sprintf("P5: when all is quiet %v is served, and version %d is stored", got.Body, m.last())
	}
	if wrong := m.leaks(); wrong != "" {
		return wrong
	}
	m.now += modelTq + 1
	m.core.Evict(m.core.shelf.Hash(m.table.items, modelKey))
	m.left.reads = 1
	m.do(modelStep{stepRead, 0, 0})
	for len(m.flights) > 0 {
		m.do(modelStep{stepExecute, 0, int8(m.last())})
		m.do(modelStep{stepAnswer, 0, 0})
	}
	if _, ok := m.core.PeekItem(m.now, m.table, modelKey, m.bounds(), nil); !ok {
		return "live: an item read when all is quiet is not served"
	}
	return m.fault
}
