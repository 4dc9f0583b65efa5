package node

import (
	"fmt"

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
