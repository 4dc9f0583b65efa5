package node

import (
	"runtime"
	"time"

	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
	"millrace/proxy"
)

// metricNames are the labels of what the front counts.
func metricNames() metrics.Names {
	caches := map[ddb.Operation]string{ddb.GetItem: "item", ddb.BatchGetItem: "item", ddb.Query: "query", ddb.Scan: "scan"}
	names := metrics.Names{CacheOf: func(op int) string { return caches[ddb.Operation(op)] }}
	for op := range ddb.NumOperations {
		name := op.String()
		if op == ddb.UnknownOperation {
			name = "Unknown"
		}
		names.Operations = append(names.Operations, name)
	}
	for r := range proxy.NumResults {
		names.Results = append(names.Results, r.String())
		names.Lookups = append(names.Lookups, r != proxy.Forward && r != proxy.Bypass)
		names.Hits = append(names.Hits, r == proxy.Hit || r == proxy.Negative)
	}
	return names
}

// sources are what the metrics read from the rest of the node.
func (n *Node) sources(version string) metrics.Sources {
	return metrics.Sources{
		Version: version, GoVersion: runtime.Version(), Backend: n.config.Backend,
		Connections: func() metrics.Connections {
			return metrics.Connections{Open: n.front.Connections(), Accepted: n.front.Accepted(), Cut: n.front.Cut()}
		},
		Draining: n.front.Quiescing,
		Caches:   n.caches,
		CertificateEnds: func() time.Time {
			if n.certificate == nil {
				return time.Time{}
			}
			return n.certificate.ends()
		},
	}
}

// caches are what the caches hold and what left them.
func (n *Node) caches() metrics.Caches {
	core := n.store.Core()
	out := metrics.Caches{MaxBytes: int64(n.config.Cache.Memory)}
	for _, h := range []struct {
		cache string
		held  func() (entries, bytes int64)
	}{{"item", core.Items}, {"query", core.Pages}} {
		entries, bytes := h.held()
		out.Held = append(out.Held, metrics.Held{Cache: h.cache, Entries: entries, Bytes: bytes})
	}
	core.EachDeparture(func(r coherence.Reason, entries, bytes uint64) {
		out.Left = append(out.Left, metrics.Left{Reason: r.String(), Entries: entries, Bytes: bytes})
	})
	return out
}
