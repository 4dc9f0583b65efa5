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

// knownItem is an item as of a commit; at is 0 for one that is not held.
type knownItem struct {
	commit int
	at     time.Duration
}

// knownPage is a page.
type knownPage struct {
	body string
	at   time.Duration
}

// Share is how many reads of one sort an omniscient cache, and this one, would have answered.
type Share struct{ Omniscient, Hits int }

// add counts a read.
func (s *Share) add(omniscient, hit bool) {
	if omniscient {
		s.Omniscient++
	}
	if hit {
		s.Hits++
	}
}

// useItem counts a read of an item in a calm world.
func (n *node) useItem(q *request, k int, hit bool) {
	m := n.model
	m.mu.Lock()
	defer m.mu.Unlock()
	if !n.sc.Calm || n.healed {
		return
	}
	h := n.known.items[k]
	held := h.at > 0 && ddb.EqualItems(m.log[h.commit].state[k], m.current()[k]) && n.now()-h.at < itemTTL
	if m.current()[k] == nil {
		held = held && n.now()-h.at < negTTL
	}
	n.res.Items.add(held, hit)
	if !held || !hit {
		n.known.items[k] = knownItem{q.visible, q.begun + 1}
	}
}

// wrote notes an own write.
func (n *node) wrote(k, commit int) { n.known.items[k] = knownItem{commit, n.now()} }

// usePage counts a read of a page in a calm world. The model is locked.
func (n *node) usePage(read *pageRead, name string, hit bool) {
	if !n.sc.Calm || n.healed {
		return
	}
	share, ttl := &n.res.Base, queryTTL
	if read.index == global || read.index == keysIn {
		share, ttl = &n.res.Index, indexTTL
	} else if read.scan {
		share = &n.res.Scans
	}
	now := string(read.body(read.read(n.model.current())))
	h, ok := n.known.pages[name]
	held := ok && h.body == now && n.now()-h.at < ttl
	share.add(held, hit)
	if !held || !hit {
		if n.known.pages == nil {
			n.known.pages = map[string]knownPage{}
		}
		n.known.pages[name] = knownPage{now, n.now()}
	}
}
