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

// heedMemoryLimit makes the collector keep the process within its limit, unless GOMEMLIMIT says what to keep to.
func heedMemoryLimit(log *slog.Logger) {
	limit, err := memoryLimit()
	if err != nil {
		log.Warn("the memory limit of this process cannot be read; the defaults do not heed it", "error", err)
		return
	}
	if limit == 0 || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	soft := node.SoftMemoryLimit(limit)
	debug.SetMemoryLimit(soft)
	log.Info("memory is limited", "limit", limit, "soft_limit", soft)
}
