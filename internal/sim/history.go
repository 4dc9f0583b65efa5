package sim

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"millrace/cache/coherence"
)

// The table: one partition of numKeys sort keys, read by item and by numPages page requests over the base table, an index
// partitioned by the value's parity, and scans.
const (
	numKeys  = 5
	numPages = len(requests)
)

// absent is the value of an item that does not exist.
const absent = -1

// state is the table at one moment: a value per sort key.
type state [numKeys]int

// request is one page request.
type request struct {
	index  string // "", "x" (strongly readable), "g" (not so, outside the embedded engine)
	parity int    // partition of the index
	lo, hi int    // sort keys, hi exclusive; -1 is open
	limit  int    // items scanned; 0 is no limit
	odd    bool   // filter: odd values only
	scan   bool
}

// requests are the pages that are asked for.
var requests = [...]request{
	{lo: -1, hi: -1},
	{lo: 1, hi: 3},
	{lo: -1, hi: -1, limit: 2},
	{lo: 2, hi: -1, limit: 1},
	{lo: -1, hi: -1, limit: 3, odd: true},
	{index: "x", parity: 0, lo: -1, hi: -1},
	{index: "x", parity: 1, lo: 1, hi: -1, limit: 2},
	{index: "g", parity: 1, lo: -1, hi: -1},
	{lo: -1, hi: -1, scan: true},
	{lo: -1, hi: -1, scan: true, limit: 2},
}

// span is the request's whole condition.
func (q *request) span() coherence.Span {
	s := coherence.Span{Index: q.index, Eventual: q.index == "g"}
	if !q.scan {
		s.Partition = partition(q.index, q.parity)
	}
	if q.lo >= 0 {
		s.Lo = []byte{byte(q.lo)}
	}
	if q.hi >= 0 {
		s.Hi = []byte{byte(q.hi)}
	}
	return s
}

// partition is the canonical partition key.
func partition(index string, parity int) []byte {
	if index == "" {
		return []byte("p")
	}
	return []byte{'0' + byte(parity)}
}

// page evaluates q on st: the body, and the interval that determines it.
func (q *request) page(st *state) ([]byte, coherence.Span) {
	var body []byte
	scanned, n := q.span(), 0
	for k, v := range st {
		if v == absent || k < q.lo || q.hi >= 0 && k >= q.hi || q.index != "" && v&1 != q.parity {
			continue
		}
		if !q.odd || v&1 == 1 {
			body = fmt.Appendf(body, "%d:%d ", k, v)
		}
		if n++; n == q.limit {
			scanned.Hi = []byte{byte(k), 0}
			body = fmt.Appendf(body, "last=%d", k)
			break
		}
	}
	return body, scanned
}

// pageImage is the image of a page body.
func pageImage(body []byte) coherence.Image {
	h := sha256.Sum256(body)
	return coherence.Image{Bytes: bytes.Clone(body), Sum: [16]byte(h[:16])}
}

// itemImage is the image of an item: its key and value, so that another item's image is seen to be that.
func itemImage(k, v int) coherence.Image {
	if v == absent {
		return coherence.Image{Absent: true}
	}
	img := coherence.Image{Bytes: fmt.Appendf(nil, "%d:%d", k, v)}
	copy(img.Sum[:], img.Bytes)
	return img
}

// itemKeys, pageKeys and spans are what itemKey, pageKey and span make, made once.
var itemKeys, pageKeys, spans = func() (items, pages [][]byte, spans []coherence.Span) {
	for k := range numKeys {
		items = append(items, itemKey(k))
	}
	for i := range requests {
		pages, spans = append(pages, pageKey(i)), append(spans, requests[i].span())
	}
	return items, pages, spans
}()

// itemKey is the canonical key of sort key k.
func itemKey(k int) []byte { return []byte{'p', byte(k)} }

// pageKey is the canonical request of page n.
func pageKey(n int) []byte { return []byte{'q', byte(n)} }

// positions are where a change of key k from old to new touches the indexes.
func positions(k, old, new int) []coherence.Position {
	pos := []byte{byte(k)}
	out := []coherence.Position{{Partition: partition("", 0), Pos: pos}}
	for _, index := range []string{"x", "g"} {
		for i, v := range []int{old, new} {
			if v != absent && !(i == 1 && old != absent && old&1 == new&1) {
				out = append(out, coherence.Position{Index: index, Partition: partition(index, v&1), Pos: pos})
			}
		}
	}
	return out
}

// commit is one entry of the history.
type commit struct {
	at    int
	key   int // -1: any
	state state
}

// history is everything that was ever committed, in order. Entry 0 is the beginning.
type history struct {
	commits []commit
	items   [numKeys][]version
	pages   [numPages][]version
}

// version is what an item or a page was from one commit on, until the next version's.
type version struct {
	from     int
	body     []byte
	negative bool
	scanned  coherence.Span // of a page: what determined it
}

// add appends a commit.
func (h *history) add(c commit) {
	h.commits = append(h.commits, c)
	n := h.last()
	for k, v := range c.state {
		if n == 0 || h.commits[n-1].state[k] != v {
			img := itemImage(k, v)
			h.items[k] = append(h.items[k], version{from: n, body: img.Bytes, negative: img.Absent})
		}
	}
	for i := range requests {
		body, scanned := requests[i].page(&c.state)
		if list := h.pages[i]; len(list) == 0 || !bytes.Equal(list[len(list)-1].body, body) {
			h.pages[i] = append(list, version{from: n, body: body, scanned: scanned})
		}
	}
}

// last is the number of the latest commit.
func (h *history) last() int { return len(h.commits) - 1 }

// current is the state now.
func (h *history) current() *state { return &h.commits[h.last()].state }

// at is the number of the latest commit at or before a tick.
func (h *history) at(tick int) int {
	n := h.last()
	for n > 0 && h.commits[n].at > tick {
		n--
	}
	return n
}

// before is the number of the commit that was current when a tick began: what was seen within the tick, ahead of its own
// commits, was current in it.
func (h *history) before(tick int) int { return h.at(tick - 1) }

// findItem returns the first commit from lo on after which key k had the value that a body shows, or -1.
func (h *history) findItem(k int, body []byte, negative bool, lo int) int {
	list := h.items[k]
	i := len(list) - 1
	for i > 0 && list[i].from > lo {
		i--
	}
	for ; i < len(list); i++ {
		if list[i].negative == negative && bytes.Equal(list[i].body, body) {
			return max(lo, list[i].from)
		}
	}
	return -1
}

// findPage returns the latest commit after which page i had the given body, or -1, and what determined it.
func (h *history) findPage(i int, body []byte) (int, coherence.Span) {
	list, to := h.pages[i], h.last()
	for j := len(list) - 1; j >= 0; j-- {
		if bytes.Equal(list[j].body, body) {
			return to, list[j].scanned
		}
		to = list[j].from - 1
	}
	return -1, coherence.Span{}
}
