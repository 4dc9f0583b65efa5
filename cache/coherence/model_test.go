package coherence

import (
	"flag"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"testing"

	"millrace/cache/moments"
)

// The models go through every interleaving of a small world's steps around the real core, breadth first, to a stated depth,
// and know states again by a canonical print, so that each is expanded once. model_item_test.go is a world of one key,
// model_page_test.go one of a partition with four sort keys. The core cannot be copied, so a state is reached by doing the
// steps to it again.

// modelDepth adds to the depth to which the models are explored.
var modelDepth = flag.Int("model-depth", 0, "explore the models so much deeper than the tests do")

// The time limits of the models, in ticks. As in the core, they are inclusive.
const (
	modelTq    = 1
	modelTamb  = 1
	modelDelta = 2
	modelTTL   = 4
	// modelNegativeTTL is that of the knowledge that there is no item.
	modelNegativeTTL = 2
	modelLag         = 1 // of an index that cannot be read strongly
	modelProv        = 1
	// modelOld is an age past which all are alike.
	modelOld = modelTTL + modelTamb + modelTq + 2
	// modelStart is the time at the start; all that matters was long before.
	modelStart = 1000
)

// modelStep is something that can happen, to one or two of the world's parts.
type modelStep struct {
	kind stepKind
	a, b int8
}

// modelWorld is a model. It remembers nothing over a reset.
type modelWorld interface {
	// reset goes back to the start.
	reset()
	// steps appends what can happen.
	steps(out []modelStep) []modelStep
	// do lets it happen.
	do(s modelStep)
	// wrong says which promise is broken, if any.
	wrong() string
	// print appends the state: equal prints have equal futures.
	print(b []byte) []byte
	// settle lets happen what must when all else is quiet, and says what is wrong then.
	settle() string
}

// modelNode is a state, told by the last step to it.
type modelNode struct {
	from *modelNode
	step modelStep
}

// path is the steps to n.
func (n *modelNode) path() []modelStep {
	var out []modelStep
	for ; n.from != nil; n = n.from {
		out = append(out, n.step)
	}
	slices.Reverse(out)
	return out
}

// tell is a path in words.
func tell(path []modelStep) string {
	words := make([]string, len(path))
	for i, s := range path {
		words[i] = fmt.Sprintf("%s %d,%d", stepNames[s.kind], s.a, s.b)
	}
	return strings.Join(words, "; ")
}

// found is what an exploration came to.
type found struct {
	states, steps int
	violation     string
}

// exploreModel goes through every interleaving of w up to depth, until something is wrong.
func exploreModel(w modelWorld, depth int) found {
	seeds := [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	var buffer []byte
	sum := func() [2]uint64 {
		buffer = w.print(buffer[:0])
		return [2]uint64{maphash.Bytes(seeds[0], buffer), maphash.Bytes(seeds[1], buffer)}
	}
	replay := func(path []modelStep) {
		w.reset()
		for _, s := range path {
			w.do(s)
		}
	}
	w.reset()
	seen := map[[2]uint64]struct{}{sum(): {}}
	level, out := []*modelNode{{}}, found{states: 1}
	for range depth {
		var next []*modelNode
		for _, n := range level {
			path := n.path()
			replay(path)
			for i, s := range w.steps(nil) {
				if i > 0 {
					replay(path)
				}
				w.do(s)
				out.steps++
				wrong := w.wrong()
				if wrong == "" {
					key := sum()
					if _, ok := seen[key]; ok {
						continue
					}
					seen[key] = struct{}{}
					out.states++
					wrong = w.settle()
				}
				if wrong != "" {
					out.violation = fmt.Sprintf("%s\nafter %s", wrong, tell(append(path, s)))
					return out
				}
				next = append(next, &modelNode{n, s})
			}
		}
		level = next
	}
	return out
}

// modelCore is the core of a model and its table, and what both models have beside.
type modelCore struct {
	core        *Core
	table       *Table
	o           TableOptions
	now         Time
	fault       string
	start, left modelBudget // of what may happen, at the start and now
}

// newModelCore makes a core with one table.
func newModelCore(rules Rules, o TableOptions, start modelBudget) modelCore {
	c := New(Config{Shards: 1, Tq: modelTq, Tamb: modelTamb, QuarantineStripes: 16, Rules: rules, FixedHash: 16})
	m := modelCore{core: c, table: c.Table("t"), o: o, start: start}
	c.Configure(m.table, o)
	return m
}

// reset empties the core.
func (m *modelCore) reset() {
	m.now, m.fault = modelStart, ""
	c, t := m.core, m.table
	c.Shed(math.MaxInt64)
	c.shelf.Reset()
	c.windows = moments.Windows[Time]{}
	c.nodes.Reset()
	clear(c.quar)
	o := m.o
	t.options.Store(&o)
	t.epoch.pending.Store(0)
	t.writes.pending.Store(0)
	t.lastWrite.Store(0)
	t.quarAt.Store(0)
	t.lostAt.Store(0)
	t.ambItems.Store(0)
	t.ambScans.Store(0)
	t.lateUntil.Store(0)
	t.watermark.Store(0)
	for _, x := range t.indexes {
		x.epoch.pending.Store(0)
		x.quarAt.Store(0)
		x.amb.Store(0)
	}
}

// offer makes what appends a step that can happen to out.
func offer(out *[]modelStep) func(ok bool, kind stepKind, a, b int) {
	return func(ok bool, kind stepKind, a, b int) {
		if ok {
			*out = append(*out, modelStep{kind, int8(a), int8(b)})
		}
	}
}

// quiet lets time pass when nothing is under way: wait, and the time to live where others may have written unheard.
func (m *modelCore) quiet(wait Time) {
	m.now += wait
	if m.start.foreign > 0 && !m.table.Covered() {
		m.now += modelTTL
	}
	if m.table.Covered() {
		m.core.Advance(m.table, m.now)
	}
}

// fail notes the first promise broken.
func (m *modelCore) fail(format string, args ...any) {
	if m.fault == "" {
		m.fault = fmt.Sprintf(format, args...)
	}
}

// bounds are the options of a reader.
func (m *modelCore) bounds() ReadOptions {
	return ReadOptions{TTL: modelTTL, NegativeTTL: modelTTL}
}

// age is how long ago t was, as far as that can matter; times to come are below zero.
func (m *modelCore) age(t Time) int8 { return int8(max(-modelOld, min(modelOld, m.now-t))) }

// printTable appends the state of the table and its indexes.
func (m *modelCore) printTable(b []byte, indexes ...string) []byte {
	t := m.table
	o := t.options.Load()
	b = append(b, flags(o.Covered, t.epoch.pending.Load() > 0, t.writes.pending.Load() > 0))
	for _, at := range []int64{t.lastWrite.Load(), t.quarAt.Load(), t.lostAt.Load(), t.ambItems.Load(), t.ambScans.Load(), t.lateUntil.Load(), t.watermark.Load()} {
		b = append(b, byte(m.age(Time(at))))
	}
	for _, name := range indexes {
		x := m.core.index(t, name)
		b = append(b, flags(x.epoch.pending.Load() > 0), byte(m.age(Time(x.quarAt.Load()))), byte(m.age(Time(x.amb.Load()))))
	}
	return b
}

// printSlot appends the state of an item or page: what is cached, and what is under way, flights by their place in flights.
func (m *modelCore) printSlot(b []byte, page bool, key []byte, flights []*Flight) []byte {
	in := m.table.items
	if page {
		in = m.table.pages
	}
	h := m.core.shelf.Hash(in, key)
	if !page {
		b = append(b, byte(m.age(m.core.quar.At(h))), byte(m.age(m.core.windows.End(h))))
	}
	s := m.core.shelf.Find(m.core.shelf.Shard(h), h, in, key)
	if s == nil {
		return append(b, 0)
	}
	b = append(b, 1)
	if e := s.Entry; e != nil {
		b = append(b, 2, e.Sum[0], e.Sum[1], flags(e.Absent, m.table.epoch.n.Load() == e.Epoch), byte(m.age(Time(e.ValidAt))))
		if p := e.Page; p != nil {
			stamps := m.core.stampsOf(p)
			b = append(m.printStamps(b, &stamps), byte(m.age(p.until)))
			if !p.scan {
				ns := m.core.nodes.Shard(p.at)
				if n, r := ns.Page(p.at, p.id); r != nil {
					b = append(append(append(b, r.Lo...), 0xfe), r.Hi...)
					ns.Settle(n)
				}
			}
			b = append(b, 0xff)
		}
	}
	k := s.Busy
	if k == nil {
		return append(b, 3)
	}
	b = append(b, 4, byte(k.flights), byte(k.fences), byte(k.pending), byte(slices.Index(flights, k.open)),
		flags(k.overlap, k.dirty, k.crossed, k.wanted, k.reads == 0, m.table.epoch.n.Load() == k.pendedAt), k.run.sum[0], k.run.sum[1], flags(k.run.absent))
	return b
}

// printFlight appends the state of a flight. What has happened since it began is read off differences; see busy.
func (m *modelCore) printFlight(b []byte, f *Flight) []byte {
	k := f.slot.Busy
	b = append(b, byte(m.age(f.start)), flags(f.Strong, f.barred, f.Thrift, f.gen == k.gen, f.reads == k.reads, k.runFrom <= f.reads+1, f.epoch == m.table.epoch.n.Load()))
	if p := f.page; p != nil {
		b = append(m.printStamps(b, &p.stamps), byte(m.age(p.until)))
		b = append(p.hull.Print(b), 0xff)
	}
	return b
}

// printStamps appends what of a page's stamps is still the same.
func (m *modelCore) printStamps(b []byte, st *stamps) []byte {
	return append(b, flags(st.scan, st.epoch == st.index.epoch.n.Load(), st.writes == m.table.writes.n.Load()))
}

// printNode appends the state of a partition.
func (m *modelCore) printNode(b []byte, index string, partition []byte) []byte {
	idx := m.core.index(m.table, index)
	ns, h := m.core.nodeShard(idx, partition)
	b = append(b, byte(m.age(m.core.quar.At(h))), byte(m.age(m.core.windows.End(h))))
	n := ns.Find(h, idx.id, partition)
	if n == nil {
		return append(b, 0)
	}
	defer ns.Settle(n)
	return append(n.Hull.Print(append(b, 1, byte(n.Pending))), 0xff)
}

// printWrite appends the state of a write.
func (m *modelCore) printWrite(b []byte, w *Write) []byte {
	return append(b, byte(m.age(w.start)), flags(w.held[0].settled, w.held[0].epoch == m.table.epoch.n.Load()))
}

// flags packs up to eight truths.
func flags(of ...bool) byte {
	var b byte
	for i, x := range of {
		if x {
			b |= 1 << i
		}
	}
	return b
}

// modelImage is the image of a value, which two bytes tell.
func modelImage(v [2]byte) Image {
	img := Image{Bytes: []byte{v[0], v[1]}}
	img.Sum[0], img.Sum[1] = v[0], v[1]
	return img
}

// leaks says what is left though nothing is under way.
func (m *modelCore) leaks() string {
	if st := m.core.Stats(); st.Flights+st.Fences+st.Pending+st.Fills != 0 {
		return fmt.Sprintf("leak: %+v", st)
	}
	return ""
}

// runModel explores a world and reports.
func runModel(t *testing.T, w modelWorld, depth int) {
	t.Helper()
	f := exploreModel(w, depth+*modelDepth-modelLess)
	if f.violation != "" {
		t.Fatal(f.violation)
	}
	t.Logf("%d states, %d steps to depth %d", f.states, f.steps, depth+*modelDepth-modelLess)
}
