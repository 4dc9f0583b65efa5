package metrics

import (
	"cmp"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Of the keys that are read and written one in hotSample is looked at, and of those looked at the hotCounters most
// frequent are counted by the space-saving algorithm (Metwally, Agrawal and El Abbadi, "Efficient computation of frequent
// and top-k elements in data streams", 2005): a key that has more than 1/hotCounters of the whole is among them for certain.
// Every hotPeriod all counts are halved, so that what is shown is about the last few minutes. A key that was seen fewer than
// hotEvidence times is not shown: it may have been chance.
const (
	hotSample   = 256
	hotCounters = 128
	hotPeriod   = time.Minute
	hotEvidence = 8
)

// HotKeys finds the keys that are asked for most. A nil one finds none.
type HotKeys struct {
	seed maphash.Seed
	// plain keeps keys as they are; else only their hashes are kept.
	plain atomic.Bool
	off   atomic.Bool

	mu sync.Mutex

	counters [hotCounters]hotCounter
	used     int
	total    uint64
	halved   time.Time
}

// hotCounter is one key that is counted.
type hotCounter struct {
	table *Table
	hash  uint64
	count uint64
	// over is how much of count may belong to keys that were here before.
	over uint64
	key  string
}

// init makes hashes that nobody outside this process can compute.
func (h *HotKeys) init() { h.seed = maphash.MakeSeed() }

// Configure says whether keys are looked at, and whether they are kept as they are.
func (h *HotKeys) Configure(on, plain bool) {
	h.off.Store(!on)
	if h.plain.Swap(plain) == plain && on {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counters, h.used, h.total = [hotCounters]hotCounter{}, 0, 0
}

// Touch notes that a key of a table, in canonical bytes that are borrowed, was asked for.
func (h *HotKeys) Touch(t *Table, key []byte) {
	if h != nil && rand.Uint32()%hotSample == 0 {
		h.sample(t, key)
	}
}

// Hash is what stands for a key where keys are not shown. It is another one after a restart.
func (h *HotKeys) Hash(key []byte) uint64 { return maphash.Bytes(h.seed, key) }

// sample counts a key that was drawn.
func (h *HotKeys) sample(t *Table, key []byte) {
	if h.off.Load() || t == nil {
		return
	}
	hash := h.Hash(key)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.age(time.Now())
	h.total++
	least := 0
	for i := range h.used {
		c := &h.counters[i]
		if c.hash == hash && c.table == t {
			c.count++
			return
		}
		if c.count < h.counters[least].count {
			least = i
		}
	}
	if h.used < hotCounters {
		least = h.used
		h.used++
	}
	c := &h.counters[least]
	*c = hotCounter{table: t, hash: hash, count: c.count + 1, over: c.count}
	if h.plain.Load() {
		c.key = string(key)
	}
}

// age halves all counts for every period that has passed; h.mu is held.
func (h *HotKeys) age(now time.Time) {
	if h.halved.IsZero() {
		h.halved = now
	}
	n := min(now.Sub(h.halved)/hotPeriod, 63)
	if n <= 0 {
		return
	}
	h.halved = now
	h.total >>= n
	for i := range h.used {
		h.counters[i].count >>= n
		h.counters[i].over >>= n
	}
}

// HotKey is one of the keys asked for most.
type HotKey struct {
	// Table is its table's name.
	Table string
	// Hash stands for the key, and Key is its canonical bytes, empty unless they may be shown.
	Hash uint64
	Key  string
	// Share is its share of all keys asked for in the last minutes, at least that.
	Share float64
}

// Top are the n hottest keys, the hottest first.
func (h *HotKeys) Top(n int) []HotKey {
	h.mu.Lock()
	h.age(time.Now())
	total := h.total
	list := slices.Clone(h.counters[:h.used])
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b hotCounter) int {
		return cmp.Or(cmp.Compare(b.count-b.over, a.count-a.over), cmp.Compare(a.hash, b.hash))
	})
	var out []HotKey
	for _, c := range list[:min(n, len(list))] {
		if sure := c.count - c.over; sure >= hotEvidence {
			out = append(out, HotKey{Table: c.table.Name, Hash: c.hash, Key: c.key, Share: float64(sure) / float64(total)})
		}
	}
	return out
}
