package invalidation

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// indexWatch holds pages of global indexes against the records of their table, which tell what the pages should show.
//
// A page that shows all that is remembered of its interval, as far back as an index may lag, is complete: no write that is known
// is missing from it. A page that shows an item as it was before a record is behind that, or ahead of a further write that brought
// the same back and whose record is yet to come. Which of the two, the stream tells: once every commit of until the page came was
// applied, and none was to that item, the index lagged at least from the record to the page.
//
// It looks at pages that millrace reads anyway. Its memory is bounded; where it falls short, nothing is complete. It knows records
// with both images only.
type indexWatch struct {
	// wanted is set once a page of a global index was read: until then nothing is remembered.
	wanted atomic.Bool
	// most is how many bytes a generation may take, and held is told what all take.
	most int64
	held func(bytes int64)

	mu sync.Mutex

	// young and old are what is remembered, by the partition's digest; a full young becomes old.
	young, old generation
	suspects   []*indexWrite
	// begun says since when the records of a table are remembered, and whether they tell all.
	begun map[*coherence.Table]beginning
}

// beginning is since when there is memory of a table.
type beginning struct {
	at    coherence.Time
	blind bool
	// covered is when coverage began, while the watermark is behind that: a record may then be of a commit from before, and what came
	// after that to its item by way of a shard of which the position was taken later.
	covered coherence.Time
}

// generation is what was remembered in a time.
type generation struct {
	since  coherence.Time
	writes int
	bytes  int64
	places map[uint64]*indexPlace
}

// indexPlace is what records changed about a partition of an index: the latest of each item.
type indexPlace struct {
	list []*indexWrite
	// full is when there were too many to remember.
	full coherence.Time
}

// indexWrite is a record's change of one item in a partition.
type indexWrite struct {
	table *coherence.Table
	place uint64         // the partition's digest
	at    coherence.Time // when it was applied
	seq   string         // the record's SequenceNumber
	key   []byte         // of the item
	pos   []byte         // where it stood, or stands now
	// before and after are what the index showed of the item there; nil is nothing.
	before, after *[16]byte
	// shown is when the latest page was asked for that showed it as before, 0 for none, and answered when that came.
	shown, answered coherence.Time
}

// The bounds of what is remembered: 4 MB with keys of 40 bytes, and in any case a share of the caches' memory, within which it counts.
const (
	indexWrites   = 1 << 13 // of a generation
	placeWrites   = 32      // of a partition
	indexSuspects = 64
	// indexShare is which part of the caches' memory both generations take at most, and indexLeast what one may take however little there is.
	indexShare = 64
	indexLeast = 32 << 10
)

// within has w share the memory of store.
func (w *indexWatch) within(store *cache.Store) {
	w.most, w.held = max(store.Memory()/indexShare/2, indexLeast), store.Beside
}

// bytes is about what e takes, with its part of the map and the list that hold it.
func (e *indexWrite) bytes() int64 { return int64(240 + len(e.seq) + len(e.key) + len(e.pos)) }

// placeDigest stands for a partition. It is FNV-1a, the same in every process, so that a simulation repeats; partitions that meet
// know of each other's writes, which does no harm but to completeness.
func placeDigest(t *coherence.Table, index string, partition []byte) uint64 {
	d := uint64(14695981039346656037)
	for _, text := range [][]byte{[]byte(t.Name()), []byte(index), partition} {
		for _, x := range text {
			d = (d ^ uint64(x)) * 1099511628211
		}
		d *= 1099511628211
	}
	return d
}

// note remembers what a record, applied at now, changed about the table's global indexes. watch is how far they may lag.
func (w *indexWatch) note(now coherence.Time, watch time.Duration, t *coherence.Table, l *cache.Layout, c *ddb.Change) {
	if !w.wanted.Load() {
		w.forget(now, t, false)
		return
	}
	key, ok := l.AppendKey(nil, c.Key)
	if !ok || c.OldUnknown || c.NewUnknown {
		w.forget(now, t, true)
		return
	}
	for _, x := range l.Indexes {
		if !x.Global {
			continue
		}
		var from, to, left, taken []byte
		var before, after *[16]byte
		if c.HasOld {
			if from, left, ok = x.Place(c.Old); ok {
				before = shownSum(x, c.Old)
			}
		}
		if c.HasNew {
			if to, taken, ok = x.Place(c.New); ok {
				after = shownSum(x, c.New)
			}
		}
		if before != nil && after != nil && bytes.Equal(from, to) && bytes.Equal(left, taken) {
			if sameSum(before, after) {
				continue
			}
			w.keep(now, watch, &indexWrite{table: t, place: placeDigest(t, x.Name, from), at: now, seq: c.Sequence, key: key, pos: left, before: before, after: after})
			continue
		}
		if before != nil {
			w.keep(now, watch, &indexWrite{table: t, place: placeDigest(t, x.Name, from), at: now, seq: c.Sequence, key: key, pos: left, before: before})
		}
		if after != nil {
			w.keep(now, watch, &indexWrite{table: t, place: placeDigest(t, x.Name, to), at: now, seq: c.Sequence, key: key, pos: taken, after: after})
		}
	}
}

// shownSum is the sum of what an index shows of an item.
func shownSum(x *cache.IndexLayout, item ddb.Item) *[16]byte {
	sum := cache.ItemImage(x.Shows(item), true).Sum
	return &sum
}

// of reports whether two changes are of one item in one partition.
func (e *indexWrite) of(o *indexWrite) bool {
	return e.place == o.place && e.table == o.table && bytes.Equal(e.key, o.key)
}

// replaces reports whether moreover they are of one position: an item that moves within its partition leaves one and takes another.
func (e *indexWrite) replaces(o *indexWrite) bool { return e.of(o) && bytes.Equal(e.pos, o.pos) }

// laterRecord reports whether a record is later than another of the same item, by their sequence numbers, which grow.
// (API Reference, StreamRecord: SequenceNumber, up to 40 digits.)
func laterRecord(a, b string) bool { return len(a) > len(b) || len(a) == len(b) && a > b }

// keep remembers e.
func (w *indexWatch) keep(now coherence.Time, watch time.Duration, e *indexWrite) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun[e.table].blind {
		return
	}
	if w.young.places == nil || w.young.writes >= indexWrites || w.young.bytes >= w.most || time.Duration(now-w.young.since) > watch {
		w.held(-w.old.bytes)
		w.old = w.young
		w.young = generation{since: now, places: map[uint64]*indexPlace{}}
	}
	p := w.young.places[e.place]
	if p == nil {
		p = &indexPlace{}
		w.young.places[e.place] = p
		w.young.writes++
	}
	for _, s := range w.suspects {
		if s.of(e) {
			s.shown = 0 // whatever page showed it may have been ahead of this record
		}
	}
	if old := w.old.places[e.place]; old != nil && slices.ContainsFunc(old.list, func(have *indexWrite) bool { return have.replaces(e) && laterRecord(have.seq, e.seq) }) {
		return // it came before
	}
	for i, have := range p.list {
		if have.replaces(e) {
			if !laterRecord(have.seq, e.seq) {
				p.list[i] = e
			}
			return
		}
	}
	if len(p.list) >= placeWrites {
		p.list, p.full = nil, now
	}
	p.list = append(p.list, e)
	w.young.writes++
	w.young.bytes += e.bytes()
	w.held(e.bytes())
}

// each calls fn for the latest change of each item of a partition of t. w is locked.
func (w *indexWatch) each(t *coherence.Table, place uint64, fn func(*indexWrite)) (full coherence.Time) {
	begun := w.begun[t]
	if begun.blind {
		return 0
	}
	young, old := w.young.places[place], w.old.places[place]
	if young != nil {
		full = young.full
		for _, e := range young.list {
			if e.table == t && e.at >= begun.at {
				fn(e)
			}
		}
	}
	if old == nil {
		return full
	}
	for _, e := range old.list {
		again := young != nil && (young.full > 0 || slices.ContainsFunc(young.list, e.replaces))
		if e.table == t && e.at >= begun.at && !again {
			fn(e)
		}
	}
	return max(full, old.full)
}

// concerns reports whether anything is remembered that bears on a page of a partition, asked for then, that covers scanned; and if
// nothing is, whether that is because nothing happened for watch before.
func (w *indexWatch) concerns(t *coherence.Table, index string, scanned coherence.Span, asked, answered coherence.Time, watch time.Duration) (concerned, complete bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun == nil {
		w.begun = map[*coherence.Table]beginning{}
	}
	begun, ok := w.begun[t]
	if !ok {
		begun.at = answered // until when nothing was remembered, perhaps
		w.begun[t] = begun
	}
	since := w.old.since
	if w.old.places == nil {
		since = w.young.since
	}
	full := w.each(t, placeDigest(t, index, scanned.Partition), func(e *indexWrite) { concerned = concerned || e.bears(scanned, asked) })
	reaches := time.Duration(asked-max(since, begun.at)) >= watch
	return concerned, reaches && !begun.blind && (full == 0 || time.Duration(asked-full) > watch)
}

// bears reports whether e bears on a page asked for then that covers scanned.
func (e *indexWrite) bears(scanned coherence.Span, asked coherence.Time) bool {
	return e.at < asked && bytes.Compare(e.pos, scanned.Lo) >= 0 && (scanned.Hi == nil || bytes.Compare(e.pos, scanned.Hi) < 0)
}

// saw takes a page of a partition and reports whether it shows every change of at most watch before it was asked for. scanned is
// the interval that it covers; alone says that all of the partition's condition fits on it.
func (w *indexWatch) saw(t *coherence.Table, l *cache.Layout, x *cache.IndexLayout, scanned coherence.Span, alone bool, items []ddb.Item, asked, answered coherence.Time, watch time.Duration) bool {
	type standing struct{ key, pos string }
	shown := make(map[standing]*[16]byte, len(items))
	for _, item := range items {
		key, ok := l.AppendItemKey(nil, item)
		pos, placed := x.AppendPosition(nil, item)
		if !ok || !placed {
			return false
		}
		sum := cache.ItemImage(item, true).Sum
		shown[standing{string(key), string(pos)}] = &sum
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	all := true
	w.each(t, placeDigest(t, x.Name, scanned.Partition), func(e *indexWrite) {
		if !e.bears(scanned, asked) {
			return
		}
		now := shown[standing{string(e.key), string(e.pos)}]
		if time.Duration(asked-e.at) <= watch && !sameSum(now, e.after) {
			all = false
		}
		if !sameSum(now, e.before) || e.before == nil && !alone {
			return // of one of several items in one position a page with more to come may end before it
		}
		if e.shown == 0 {
			if len(w.suspects) >= indexSuspects {
				return
			}
			w.suspects = append(w.suspects, e)
		}
		e.shown, e.answered = asked, answered
	})
	return all
}

// sameSum compares what is shown of an item, nil for nothing.
func sameSum(a, b *[16]byte) bool { return a == b || a != nil && b != nil && *a == *b }

// settle looks into the suspects of t once every commit to it up to watermark was applied, and calls lagged with the lags that are
// certain.
func (w *indexWatch) settle(now coherence.Time, t *coherence.Table, watermark coherence.Time, lagged func(lag time.Duration)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b := w.begun[t]; b.covered > 0 && watermark >= b.covered {
		w.begun[t] = beginning{at: now, blind: b.blind}
	}
	left := w.suspects[:0]
	for _, s := range w.suspects {
		begun := w.begun[s.table]
		switch {
		case s.shown == 0 || begun.blind || s.at < begun.at: // a further record came, or may have gone by
		case s.table != t || s.answered > watermark || begun.covered > 0:
			left = append(left, s)
		default:
			lagged(time.Duration(s.shown - s.at))
			s.shown = 0
		}
	}
	clear(w.suspects[len(left):])
	w.suspects = left
}

// forget forgets what is remembered of t: records of it may have gone by. blind says that those to come do not tell all.
func (w *indexWatch) forget(now coherence.Time, t *coherence.Table, blind bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun == nil {
		w.begun = map[*coherence.Table]beginning{}
	}
	if b := w.begun[t]; !blind || !b.blind {
		w.begun[t] = beginning{at: now, blind: blind, covered: b.covered}
	}
}

// cover forgets what is remembered of t, for coverage begins, or the positions in its stream are others now.
func (w *indexWatch) cover(now coherence.Time, t *coherence.Table) {
	w.forget(now, t, false)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun[t] = beginning{at: now, covered: now}
}

// IndexPage takes a page of a global index's partition that shows whole items of the index, and all that stand in the interval
// scanned. It reports whether the page shows every write to that interval of which a record has come, as far back as the index may
// lag; and how far the index lags is learned from it. asked is when it was asked for, on the store's clock; body is a Query's
// response, alone whether there are no pages before and after it.
func (g *Guard) IndexPage(s *cache.Schema, x *cache.IndexLayout, scanned coherence.Span, alone bool, asked coherence.Time, body []byte) (complete bool) {
	w, watch := &g.inv.indexes, g.store.IndexLag(s.Table).Watch
	w.wanted.Store(true)
	answered := g.store.Now()
	concerned, complete := w.concerns(s.Table, x.Name, scanned, asked, answered, watch)
	if concerned && s.Table.Covered() {
		var page ddb.QueryOutput
		if ddb.DecodeShape(body, &page) != nil {
			return false
		}
		all := w.saw(s.Table, s.Layout, x, scanned, alone, page.Items, asked, answered, watch)
		complete = complete && (all || !g.config.Rules.Shown) // R58
	}
	return complete
}
