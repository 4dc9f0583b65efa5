package node

import (
	"context"
	"fmt"
	"time"

	"millrace/internal/units"
)

// What a node that does nothing needs, and the shares of the rest that the parts get by default where the process's
// memory is limited. The caches get four tenths because they need half as much again for what is on its way into and
// out of them. (Idle resident memory: docs/PERFORMANCE.md.)
const (
	idleMemory      = 32 << 20
	cacheShare      = 0.4
	blockCacheShare = 1.0 / 16
	memTableShare   = 1.0 / 64
	softMemoryShare = 0.8
	leastPart       = 1 << 20
)

// Where the process's memory is not limited the caches' budget sets what it should stay below, with this much for requests
// under way: a fixed part, and a share of the budget, without which the collector would run too often to keep what it does
// not find garbage in. leastHeap is what the collector is left in any case.
const (
	workingMemory = 96 << 20
	workingShare  = 16
	leastHeap     = 48 << 20
)

// While the caches have not filled their budget, garbage may take a quarter of what is left of it, up to mostGarbage, before it is
// collected. A collection makes requests slower for some tens of milliseconds, and a small heap is collected with every few
// thousand misses. Once the budget is full there may be half as much garbage as there is live: collections are cheap, since what is
// cached lies outside of the heap, and the budget is a promise.
const (
	garbageShare = 4
	mostGarbage  = 64 << 20
	// mostPercent bounds what is set, since it goes by what was live at the last collection, and the next may find much more.
	mostPercent  = 1000
	leastPercent = 50
	// leastLive is what is taken to be live at least.
	leastLive = 4 << 20
)

// heapPeriod is how often the heap's limit is looked at: caches fill by some hundred megabytes a second at most.
const heapPeriod = 250 * time.Millisecond

// fit makes the defaults of what takes memory fit into limit, which the process may not exceed. The caches grow with
// the limit; the engine's buffers only shrink, since its defaults are all that it has a use for.
func (l *Loaded) fit(limit units.Bytes) {
	origin := fmt.Sprintf("from the limit of %v", limit)
	part := func(share float64) units.Bytes {
		n := units.Bytes(share * float64(max(0, limit-idleMemory)))
		return max(leastPart, n>>20<<20)
	}
	for _, p := range []struct {
		name    string
		setting *units.Bytes
		value   units.Bytes
	}{
		{"cache.memory", &l.Config.Cache.Memory, part(cacheShare)},
		{"engine.block_cache", &l.Config.Engine.BlockCache, min(l.Config.Engine.BlockCache, part(blockCacheShare))},
		{"engine.mem_table", &l.Config.Engine.MemTable, min(l.Config.Engine.MemTable, part(memTableShare))},
	} {
		if *p.setting != p.value {
			*p.setting = p.value
			l.Origins[p.name] = origin
		}
	}
}

// SoftMemoryLimit is what Go's runtime should try to stay below in a process that may use limit bytes: the collector
// then works harder instead of the kernel ending the process. What is left is for memory that the runtime does not
// count, such as the engine's blocks where it is built with cgo, and for a moment's excess. (Go, runtime/debug,
// SetMemoryLimit: "leave an additional 5-10% of headroom".)
func SoftMemoryLimit(limit int64) int64 { return int64(softMemoryShare * float64(limit)) }

// NaturalMemory is SoftMemoryLimit where there is no limit: what a process with this configuration should stay below; 0 is
// nothing in particular, without caches.
func (c *Config) NaturalMemory() int64 {
	if !c.Cache.Enabled {
		return 0
	}
	caches := int64(c.Cache.Memory)
	total := caches + caches/workingShare + workingMemory
	if c.Backend == "embedded" {
		total += int64(c.Engine.BlockCache) + 3*int64(c.Engine.MemTable)
	}
	return total
}

// Heap is what is asked and told of the collector's heap.
type Heap struct {
	// Limit puts a limit on it into force: debug.SetMemoryLimit.
	Limit func(int64) int64
	// Percent says how much garbage there may be beside what is live: debug.SetGCPercent. Nil leaves that as it is.
	Percent func(int) int
	// Live is how much was live at the last collection.
	Live func() int64
}

// KeepWithin has the collector keep the process below total bytes while Run runs, what the caches have mapped outside of its
// heap included. Call it before Run.
func (n *Node) KeepWithin(total int64, heap Heap) { n.within, n.heap = total, heap }

// paceHeap puts the heap's limit into force at each tick at which the caches have mapped much more or less than at the last time,
// and says how much garbage there may be when that has changed by an eighth.
func (n *Node) paceHeap(ctx context.Context, ticks <-chan time.Time) {
	last, percent := int64(-1), int64(100)
	for {
		if mapped := n.store.Core().Mapped(); last < 0 || max(mapped-last, last-mapped) > n.within/64 {
			n.heap.Limit(max(leastHeap, n.within-mapped))
			last = mapped
		}
		if n.heap.Percent != nil {
			want := garbagePercent(n.store.Memory()-n.store.Held(), n.heap.Live())
			if max(want-percent, percent-want) > percent/8 || want == leastPercent && percent != leastPercent {
				n.heap.Percent(int(want))
				percent = want
			}
		}
		select {
		case <-ticks:
		case <-ctx.Done():
			return
		}
	}
}

// garbagePercent is how much garbage there may be beside so much that is live, in percent of that, while so much is left of the caches'
// budget.
func garbagePercent(left, live int64) int64 {
	room := min(max(0, left)/garbageShare, mostGarbage)
	return min(max(leastPercent, 100*room/max(live, leastLive)), mostPercent)
}
