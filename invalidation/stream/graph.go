package stream

import (
	"cmp"
	"slices"
	"time"

	"millrace/cache/coherence"
)

// shard is what is known of one shard.
type shard struct {
	id, parent string
	phase      phase
	closed     bool
	old        bool // closed before the tailer began, and not read

	from     Start  // where reading began
	iterator string // empty while it is asked for
	last     string // sequence number of the last record read
	fails    int    // failures in a row

	// watermark is up to when every commit to the shard's items is applied.
	watermark coherence.Time
	tip       bool
	empties   int
	active    coherence.Time // when the last read with records was sent
	asked     coherence.Time // when the last read was sent that showed all there was; 0 is none

	ended     coherence.Time // when its end was read
	child     coherence.Time // when the first listing that showed a child was sent
	confirmed bool           // a listing showed all its children
	looks     int            // listings in vain
}

// phase is how far the tailer is with a shard.
type phase uint8

// The phases, in order; passed is for good.
const (
	// waiting: its parent is not read to its end. The order of one item's records is kept that way.
	waiting phase = iota
	// reading: records are read, or the iterator is asked for.
	reading
	// ended: it is read to its end and holds the watermark where it was, until its children are read (R30).
	ended
	// passed: it has nothing that is not in its children.
	passed
)

// list has shards listed after a delay: all, or the children of parent.
func (t *Tailer) list(now coherence.Time, parent string, delay time.Duration) {
	due := now + coherence.Time(delay)
	if t.listing != 0 && t.listing <= due {
		return
	}
	t.listing = max(due, 1)
	t.looks++
	if t.noFilter {
		parent = ""
	}
	t.do(Action{Kind: List, Shard: parent, Delay: delay, look: t.looks})
}

// listed takes a listing.
func (t *Tailer) listed(e Event) {
	current := e.Of.look == t.looks
	if current {
		t.listing = 0
	}
	if e.Failure != None {
		if current {
			t.listFailed(e)
		}
		return
	}
	t.fails = 0
	fresh, ok := t.admit(e)
	if !ok {
		return // a gap
	}
	t.confirmStart(e, fresh)
	if e.Of.Shard == "" {
		t.walked = e.Sent
		t.forget(e.Shards)
		if !e.Enabled {
			t.check(e.Now)
		}
	}
	for _, s := range t.shards {
		t.confirm(s, e)
	}
	t.plan(e.Now)
}

// listFailed decides what follows a listing that failed.
func (t *Tailer) listFailed(e Event) {
	again := e.Now + coherence.Time(t.backoff(t.fails+1))
	switch {
	case e.Failure == Unsupported && e.Of.Shard != "":
		// Not every upstream knows ShardFilter.
		t.noFilter = true
		t.list(e.Now, "", 0)
		return
	case t.fail(e, &t.fails):
	default:
		t.check(e.Now)
		e.Of.Delay = t.backoff(t.fails)
		t.do(e.Of)
	}
	if e.Failure != Forbidden {
		t.listing = again
	}
}

// admit takes up the shards of a listing that are not known yet, and reports whether there were any. ok is false when
// they show a gap.
func (t *Tailer) admit(e Event) (fresh, ok bool) {
	var unknown []Shard
	for _, x := range e.Shards {
		if s := t.shards[x.ID]; s != nil {
			s.closed = s.closed || x.Closed
		} else {
			unknown = append(unknown, x)
		}
	}
	for _, x := range t.inOrder(unknown) {
		if t.shards[x.ID] != nil {
			continue // listed twice
		}
		s := &shard{id: x.ID, parent: x.Parent, closed: x.Closed}
		t.shards[x.ID] = s
		parent := t.shards[x.Parent]
		switch {
		case parent != nil && parent.phase != passed && (t.began || !x.Closed || !parent.old):
			if s.from = Horizon; !t.rules.Horizon {
				s.from = Latest
			}
			if parent.phase == ended {
				t.follow(parent, s, e.Now)
			}
		case t.began && t.rules.Late:
			// Its parent counts as followed, or was never seen: commits may have gone to it and not been read.
			t.gap(e.Now, "shard "+x.ID+" was listed late")
			return true, false
		case !x.Closed:
			t.open(s)
		default:
			// It was closed before the tailer began. What of its line is open is read from now on.
			s.phase, s.ended, s.old = ended, e.Now, true
		}
	}
	if !t.began {
		for _, s := range t.shards {
			if s.phase == ended && s.old && (t.hasChild(s) || !t.rules.Childless) {
				s.phase = passed
			}
		}
	}
	return len(unknown) > 0, true
}

// inOrder puts shards in the order in which they are to be admitted. To begin with open ones come first: what was before
// them does not matter then. Later on parents come before their children, so that a child is known by its parent.
func (t *Tailer) inOrder(shards []Shard) []Shard {
	if !t.began {
		slices.SortStableFunc(shards, func(a, b Shard) int { return cmp.Compare(rank(a.Closed), rank(b.Closed)) })
		return shards
	}
	left := make(map[string]Shard, len(shards))
	for _, x := range shards {
		left[x.ID] = x
	}
	out := make([]Shard, 0, len(shards))
	var take func(id string)
	take = func(id string) {
		if x, ok := left[id]; ok {
			delete(left, id)
			take(x.Parent)
			out = append(out, x)
		}
	}
	for _, x := range shards {
		take(x.ID)
	}
	return out
}

// rank is false before true.
func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hasChild reports whether a child of s is known.
func (t *Tailer) hasChild(s *shard) bool {
	for _, x := range t.shards {
		if x.parent == s.id {
			return true
		}
	}
	return false
}

// confirmStart notes whether a listing shows that those before it were complete: it is one of all shards, has nothing more, and was
// sent long enough after the last that had. One that shows more, of whatever shards, shows that they were not.
func (t *Tailer) confirmStart(e Event, fresh bool) {
	settle := coherence.Time(t.config.Settle)
	if !t.rules.Siblings {
		settle = 0
	}
	if fresh && (e.Of.Shard == "" || t.rules.More) || t.listedNew == 0 {
		t.listedNew, t.confirmed = max(e.Sent, 1), settle == 0 || t.confirmed && !t.rules.More
		return
	}
	t.confirmed = t.confirmed || e.Of.Shard == "" && e.Sent >= t.listedNew+settle
}

// open gets s read.
func (t *Tailer) open(s *shard) {
	s.phase = reading
	t.iterate(s, 0)
}

// follow gets s read, a child of parent.
func (t *Tailer) follow(parent, s *shard, now coherence.Time) {
	if s.phase != waiting {
		return
	}
	s.watermark = parent.watermark
	if !t.rules.Inherit {
		s.watermark = now - coherence.Time(t.lag.Bound())
	}
	t.open(s)
}

// end notes that s was read to its end.
func (t *Tailer) end(s *shard, now coherence.Time) {
	s.phase, s.ended = ended, now
	for _, x := range t.shards {
		if x.parent == s.id {
			t.follow(s, x, now)
		}
	}
	if s.confirmed || !t.rules.Freeze {
		s.phase = passed
	}
	t.plan(now)
}

// confirm notes what a listing says of the children of s, and passes s when they are complete. A second listing must
// say so, for the first may have shown one of two.
func (t *Tailer) confirm(s *shard, e Event) {
	if s.phase == passed || s.phase == waiting || e.Of.Shard != "" && e.Of.Shard != s.id {
		return
	}
	if !t.hasChild(s) {
		if s.phase != ended {
			return
		}
		s.looks++
		t.check(e.Now)
		if t.config.Orphan > 0 && e.Sent-s.ended >= coherence.Time(t.config.Orphan) {
			s.phase = passed
		}
		return
	}
	if s.child == 0 {
		s.child = max(e.Sent, 1)
	}
	if t.config.Settle == 0 || !t.rules.Siblings || e.Sent >= s.child+coherence.Time(t.config.Settle) {
		s.confirmed = true
	}
	if s.confirmed && s.phase == ended {
		s.phase = passed
	}
}

// forget drops shards that are over and no longer listed.
func (t *Tailer) forget(listed []Shard) {
	known := make(map[string]bool, len(listed))
	for _, x := range listed {
		known[x.ID] = true
	}
	for id, s := range t.shards {
		if s.phase == passed && !known[id] {
			delete(t.shards, id)
		}
	}
}

// plan has shards listed when it is next of use.
func (t *Tailer) plan(now coherence.Time) {
	if t.listedNew == 0 {
		return
	}
	parent, due := "", coherence.Time(0)
	sooner := func(p string, at coherence.Time) {
		at = max(at, now)
		switch {
		case due == 0 || at < due:
			parent, due = p, at
		case at == due:
			parent = "" // more than one is wanted to know
		}
	}
	if t.rules.Walk {
		sooner("", t.walked+coherence.Time(t.config.Walk))
	}
	if !t.began && !t.confirmed {
		sooner("", t.listedNew+coherence.Time(t.config.Settle))
	}
	if len(t.shards) == 0 {
		sooner("", now+coherence.Time(t.backoff(5))) // a stream that is being made
	}
	for _, s := range t.shards {
		if s.phase != ended {
			continue
		}
		switch {
		case s.child != 0:
			sooner(s.id, s.child+coherence.Time(t.config.Settle))
		case s.looks == 0:
			sooner(s.id, now)
		default:
			sooner(s.id, now+coherence.Time(t.backoff(s.looks)))
		}
	}
	if due != 0 {
		t.list(now, parent, time.Duration(due-now))
	}
}
