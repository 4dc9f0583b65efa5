package main

import (
	"log/slog"
	"os"
	"runtime/debug"

	"millrace/internal/cgroup"
	"millrace/internal/node"
)

// memoryLimit is what the process may use where it runs in a container or another group that is limited; 0 is no limit.
func memoryLimit() (int64, error) { return cgroup.MemoryLimit(os.DirFS("/")) }

// heedMemoryLimit makes the collector keep n within the process's limit, or without one near the budget of its caches, unless
// GOMEMLIMIT says what to keep to.
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
	n.KeepWithin(soft, debug.SetMemoryLimit)
}
