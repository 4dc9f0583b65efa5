package main

import (
	"log/slog"
	"os"
	"runtime/debug"
	"runtime/metrics"

	"millrace/internal/cgroup"
	"millrace/internal/node"
)

// memoryLimit is what the process may use where it runs in a container or another group that is limited; 0 is no limit.
func memoryLimit() (int64, error) { return cgroup.MemoryLimit(os.DirFS("/")) }

// heedMemoryLimit makes the collector keep n within the process's limit, or without one near the budget of its caches, unless
// GOMEMLIMIT says what to keep to. How often it collects is ours to say unless GOGC does.
func heedMemoryLimit(n *node.Node, config *node.Config, log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit, err := memoryLimit()
	if err != nil {
		log.Warn("the memory limit of this process cannot be read; the defaults do not heed it", "error", err)
	}
	soft := config.NaturalMemory()
	if limit > 0 {
		soft = node.SoftMemoryLimit(limit)
		log.Info("memory is limited", "limit", limit, "soft_limit", soft)
	}
	heap := node.Heap{Limit: debug.SetMemoryLimit, Live: liveHeap}
	if os.Getenv("GOGC") == "" {
		heap.Percent = debug.SetGCPercent
	}
	n.KeepWithin(soft, heap)
}

// liveHeap is how many bytes of the heap the last collection found to be in use.
func liveHeap() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
