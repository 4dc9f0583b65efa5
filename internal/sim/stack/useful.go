package stack

import (
	"time"

	"millrace/ddb"
)

// known is what an omniscient cache would hold: what was read or written through the node, until it changes.
type known struct {
	items [numKeys]knownItem
	pages map[string]knownPage
}

// knownItem is an item as of a commit; at is 0 for one that is not held. own says that it was written, and not read since.
type knownItem struct {
	commit int
	at     time.Duration
	own    bool
}

// knownPage is a page.
type knownPage struct {
	read *pageRead
	body string
	at   time.Duration
}

// held is what such a cache holds when a request begins, the request's own page among it. A request that begins while what
// would answer it is still on its way finds nothing.
type held struct {
	items, own [numKeys]bool
	page       bool
}

// Share is how many reads of one sort an omniscient cache would have answered, and how many of these this one did. What this
// one answers beside them, which is a moment old, does not count.
type Share struct{ Omniscient, Hits int }

// add counts a read.
func (s *Share) add(omniscient, hit bool) {
	if !omniscient {
		return
	}
	s.Omniscient++
	if hit {
		s.Hits++
	}
}

// measured reports whether what is useful counts: in a calm world, until it comes to rest.
func (n *node) measured() bool { return n.sc.Calm && !n.healed }

// holds is what an omniscient cache holds now; page names the one that is asked for.
func (n *node) holds(page string) (h held) {
	m := n.model
	m.mu.Lock()
	defer m.mu.Unlock()
	if !n.measured() {
		return h
	}
	now := m.current()
	for k, x := range n.known.items {
		ttl := itemTTL
		if now[k] == nil {
			ttl = negTTL
		}
		h.items[k] = x.at > 0 && ddb.EqualItems(m.log[x.commit].state[k], now[k]) && n.now()-x.at < ttl
		h.own[k] = h.items[k] && x.own
	}
	if x, ok := n.known.pages[page]; ok {
		_, ttl := n.sort(x.read)
		h.page = x.body == string(x.read.body(x.read.read(now))) && n.now()-x.at < ttl
	}
	return h
}

// useItem counts a read of an item in a calm world.
func (n *node) useItem(q *request, k int, hit bool) {
	m := n.model
	m.mu.Lock()
	defer m.mu.Unlock()
	if !n.measured() {
		return
	}
	n.res.Items.add(q.held.items[k], hit)
	n.res.Own.add(q.held.own[k], hit)
	if !q.held.items[k] || !hit {
		n.known.items[k] = knownItem{commit: q.visible, at: q.begun + 1}
	}
}

// learn notes an item that a batch has read. Which of its items were hits its answer does not tell, so none is counted.
func (n *node) learn(q *request, k int) {
	m := n.model
	m.mu.Lock()
	defer m.mu.Unlock()
	if n.measured() && !q.held.items[k] {
		n.known.items[k] = knownItem{commit: q.visible, at: q.begun + 1}
	}
}

// wrote notes an own write.
func (n *node) wrote(k, commit int) {
	n.known.items[k] = knownItem{commit: commit, at: n.now(), own: true}
}

// sort is where a page counts, and how long it is held.
func (n *node) sort(read *pageRead) (*Share, time.Duration) {
	switch {
	case read.index == global || read.index == keysIn:
		return &n.res.Index, indexTTL
	case read.scan:
		return &n.res.Scans, queryTTL
	}
	return &n.res.Base, queryTTL
}

// usePage counts a read of a page in a calm world. The model is locked.
func (n *node) usePage(q *request, read *pageRead, name string, hit bool) {
	if !n.measured() {
		return
	}
	share, _ := n.sort(read)
	share.add(q.held.page, hit)
	if !q.held.page || !hit {
		if n.known.pages == nil {
			n.known.pages = map[string]knownPage{}
		}
		n.known.pages[name] = knownPage{read, string(read.body(read.read(&n.model.log[q.visible].state))), q.begun + 1}
	}
}
