package engine

import (
	"sync"
	"time"
)

// record writes the events of a request that is being admitted into the shards they belong to in cat, in order.
func (c *committer) record(events []streamEvent, cat *catalog, b *batch) {
	for i := range events {
		ev := &events[i]
		s := cat.streams.byNumber[ev.stream]
		sh := s.shardFor(ev.hash)
		n := c.sequence.next()
		b.set(logKey(s.number, sh.number, n), ev.body)
		c.heat.add(shardOf{s.number, sh.number}, n)
	}
}

// shardOf names a shard in the store.
type shardOf struct{ stream, shard uint32 }

// heatWindow is the time over which a shard's records are counted. A shorter one would split shards for a burst that is
// over when the children are there.
const heatWindow = 10 * time.Second

// heat counts the records of open shards and remembers those that are to be split.
type heat struct {
	// limit is the most records in a window that leave a shard alone; 0 is any.
	limit int64
	// counts belongs to the committer.
	counts map[shardOf]heatCount
	// wake has a token when hot has grown, or the clock was moved.
	wake chan struct{}

	mu sync.Mutex

	hot map[shardOf]bool
}

// heatCount is the records since a moment, in milliseconds of the Unix epoch.
type heatCount struct {
	since   int64
	records int64
}

// newHeat starts counting.
func newHeat(rate int) *heat {
	return &heat{
		limit:  int64(rate) * int64(heatWindow/time.Second),
		counts: make(map[shardOf]heatCount), wake: make(chan struct{}, 1), hot: make(map[shardOf]bool),
	}
}

// add counts the record with sequence number n.
func (h *heat) add(id shardOf, n uint64) {
	if h.limit == 0 {
		return
	}
	count, now := h.counts[id], sequenceMilli(n)
	if now-count.since >= heatWindow.Milliseconds() {
		count = heatCount{since: now}
	}
	count.records++
	h.counts[id] = count
	// Once a window.
	if count.records != h.limit+1 {
		return
	}
	h.mu.Lock()
	h.hot[id] = true
	h.mu.Unlock()
	h.poke()
}

// poke has the streams looked at now, if Run is running.
func (h *heat) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// forget drops the count of a shard that takes no more records. It is the committer's.
func (h *heat) forget(id shardOf) { delete(h.counts, id) }

// take returns the hot shards of all streams and forgets that they were.
func (h *heat) take() map[shardOf]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	hot := h.hot
	h.hot = make(map[shardOf]bool)
	return hot
}
