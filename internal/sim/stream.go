package sim

import (
	"millrace/cache/coherence"
)

// The table's stream: every commit is a record of the shard of its key, published some time later, in order by shard, and
// never later than publishLag (A1). Each node reads it by itself. The stream ends with its table.
const (
	streamShards = 2
	publishLag   = 12
	batch        = 3 // records of one answer
)

// view is what a record carries of the item.
type view uint8

const (
	viewBoth view = iota
	viewNew
	viewKeys
	views
)

// streamRecord is one commit as the stream tells it.
type streamRecord struct {
	key, old, new int
	published     int
}

// streams are the streams of the table and of those of its name before it, by shard.
type streams [][streamShards][]streamRecord

// publish adds a commit's record.
func (w *world) publish(key, old, new int) {
	if !w.sc.Stream || old == new { // a write that changes nothing has no record (R23)
		return
	}
	shard := &w.streams[len(w.streams)-1][key%streamShards]
	at := w.now + w.chance(key, publishLag+1)
	if n := len(*shard); n > 0 {
		at = max(at, (*shard)[n-1].published)
	}
	*shard = append(*shard, streamRecord{key, old, new, at})
}

// chance is a number below n that the seed, the time and which determine, so that it stays when the script shrinks.
func (w *world) chance(which, n int) int {
	h := w.sc.Seed*0x9e3779b97f4a7c15 + uint64(w.now)*0xbf58476d1ce4e5b9 + uint64(which)*0x94d049bb133111eb
	h ^= h >> 31
	h *= 0xd6e8feb86659fd93
	return int((h ^ h>>32) % uint64(n))
}

// reader is how a node reads the stream.
type reader struct {
	covered bool // the core counts on it
	wanted  bool // it is, or will be when all iterators are there
	turn    int  // changes with every loss and restart; what was begun in another turn is void
	stream  int  // which of streams
	shards  [streamShards]struct {
		next   int // record
		tip    int // every commit until here was applied; 0 is not known
		paused int // until then nothing is asked for
	}
}

// cover begins to read the stream at its latest record, or anew after a loss: iterators of all shards first, then
// everything is forgotten, then reading. d are the times that takes.
func (w *node) cover(d [4]int) {
	rd := &w.reader
	rd.turn++
	rd.wanted = true
	turn, life := rd.turn, w.starts
	w.in(d[0], func() {
		if rd.turn != turn || !w.alive(life) {
			return
		}
		rd.stream = len(w.streams) - 1
		for s := range rd.shards {
			list, at := w.streams[rd.stream][s], 0
			for at < len(list) && list[at].published <= w.now {
				at++
			}
			rd.shards[s].next, rd.shards[s].tip = at, 0
		}
		w.in(d[1], func() {
			if rd.turn != turn || !w.alive(life) {
				return
			}
			w.note("node %d covered", w.id)
			rd.covered = true
			w.core.Configure(w.table, w.tableOptions(true))
			w.core.Lost(w.time(), w.table)
			for s := range rd.shards {
				w.poll(s, turn)
			}
		})
	})
}

// uncover stops reading: the stream is switched off, or may not be read any more.
func (w *node) uncover() {
	w.reader.turn++
	w.reader.covered, w.reader.wanted = false, false
	w.note("node %d uncovered", w.id)
	w.core.Configure(w.table, w.tableOptions(false))
	w.core.Lost(w.time(), w.table)
}

// poll asks for records of a shard, again and again as long as anything else happens.
func (w *node) poll(s, turn int) {
	rd := &w.reader
	if rd.turn != turn {
		return
	}
	sh := &rd.shards[s]
	wait := 2 + w.chance(100+10*w.id+s, 7)
	if w.now < sh.paused || rd.stream != len(w.streams)-1 { // the shards of a table that is gone have ended
		if w.planned > 0 {
			w.aside(wait, func() { w.poll(s, turn) })
		}
		return
	}
	sent, list := w.now, w.streams[rd.stream][s]
	to := sh.next
	for to < len(list) && to < sh.next+batch && list[to].published <= sent {
		to++
	}
	records, atTip := list[sh.next:to], to == len(list) || list[to].published > sent
	w.aside(w.chance(200+10*w.id+s, 6), func() {
		if rd.turn != turn {
			return
		}
		w.apply(records)
		sh.next = max(sh.next, to)
		if atTip {
			sh.tip = sent - publishLag
			w.advance()
		}
		if w.planned > 0 || !atTip {
			w.aside(wait, func() { w.poll(s, turn) })
		}
	})
}

// advance tells the core how far all shards were read.
func (w *node) advance() {
	least := w.reader.shards[0].tip
	for _, sh := range w.reader.shards {
		if sh.tip == 0 {
			return
		}
		least = min(least, sh.tip)
	}
	w.core.Advance(w.table, coherence.Time(epochAt+least))
}

// apply gives records to the core, with what the stream's view lets them tell.
func (w *node) apply(list []streamRecord) {
	for _, r := range list {
		w.note("node %d hears of key %d: %d, then %d", w.id, r.key, r.old, r.new)
		c := coherence.Record{Table: w.table, Key: itemKey(r.key)}
		all := positions(r.key, r.old, r.new)
		if img := itemImage(r.key, r.new); w.sc.View != viewKeys || img.Absent {
			c.Image = &img
		}
		c.Positions = all
		if w.sc.View != viewBoth {
			c.Positions = []coherence.Position{all[0], {Index: "x"}, {Index: "g"}}
		}
		w.core.Record(w.time(), []coherence.Record{c})
	}
}

// repeat applies old records again, in any order.
func (w *node) repeat(pick int) {
	if !w.reader.covered {
		return
	}
	sh := &w.reader.shards[pick%streamShards]
	list := w.streams[w.reader.stream][pick%streamShards][:sh.next]
	for i := len(list) - 1; i >= 0 && i > len(list)-4; i-- {
		w.apply(list[i : i+1])
	}
}

// catchUp reads all there is, at the end.
func (w *node) catchUp() {
	if !w.reader.covered {
		return
	}
	for s := range w.reader.shards {
		sh := &w.reader.shards[s]
		w.apply(w.streams[w.reader.stream][s][sh.next:])
		sh.next, sh.tip = len(w.streams[w.reader.stream][s]), w.now
	}
	w.advance()
}

// recreate makes the table another one of the same name, without items. Nodes notice some time later; one that did it itself
// forgets the old one before it answers.
func (w *node) recreate(o *Op) {
	st := *w.log.current()
	for k := range st {
		st[k] = absent
	}
	w.log.add(commit{at: w.now, key: -1, state: st})
	w.streams = append(w.streams, [streamShards][]streamRecord{})
	seq := w.log.last()
	w.born = seq
	w.note("commit %d: the table is another one", seq)
	if life := w.starts; o.Pick%2 == 0 {
		w.in(o.D[1], func() {
			if !w.alive(life) {
				return
			}
			w.core.Forget(w.table)
			for k := range w.acked {
				w.acked[k] = max(w.acked[k], seq)
			}
			w.promised(ack{seq: seq, key: -1})
		})
	}
	for i, x := range w.nodes {
		x.in(o.D[2]+o.Pick>>i%60, func() {
			if !x.reader.wanted {
				x.core.Lost(x.time(), x.table)
				return
			}
			x.cover(o.D)
		})
	}
}
