package metrics

import (
	"cmp"
	"slices"
	"time"
)

// Snapshot is the numbers that people look at first.
type Snapshot struct {
	Started          time.Time
	Total            Traffic
	Refused, Panics  uint64
	Slow             uint64
	Operations       []OperationTraffic // those asked for, the most frequent first
	Tables           []TableTraffic     // likewise
	BatchHits        uint64             // keys of batches that the cache had
	BatchMisses      uint64
	BackendInFlight  int64
	UpstreamInFlight int64
	Invalidations    map[string]uint64
	ReloadFailed     bool
	ReloadedAt       time.Time
}

// Traffic counts requests. Lookups are those that a cache looked for, Hits those that it answered wholly.
type Traffic struct {
	Requests, User, Throttle, Fault uint64
	Lookups, Hits                   uint64
}

// OperationTraffic is one operation's.
type OperationTraffic struct {
	Operation string
	Traffic
	Median, P99 time.Duration
}

// TableTraffic is one table's.
type TableTraffic struct {
	Table string
	Traffic
}

// add adds o.
func (t *Traffic) add(o Traffic) {
	t.Requests += o.Requests
	t.User += o.User
	t.Throttle += o.Throttle
	t.Fault += o.Fault
	t.Lookups += o.Lookups
	t.Hits += o.Hits
}

// Snapshot sums everything up.
func (m *Metrics) Snapshot() Snapshot {
	s := Snapshot{
		Started: m.start, Refused: m.plain.sum(refused), Panics: m.plain.sum(panics), Slow: m.Slow.seen.Load(),
		BatchHits: m.plain.sum(batchHits), BatchMisses: m.plain.sum(batchMisses),
		BackendInFlight: m.Backend.inFlight.Load(), UpstreamInFlight: m.Upstream.inFlight.Load(),
		Invalidations: map[string]uint64{},
		ReloadFailed:  m.Reloads.failed.Load(), ReloadedAt: time.Unix(0, m.Reloads.at.Load()),
	}
	for i, name := range sourceNames {
		s.Invalidations[name] = m.Invalidations.counts[i].Load()
	}
	byOperation := make([]Traffic, len(m.names.Operations))
	for _, t := range m.tables.all() {
		table := TableTraffic{Table: t.Name}
		for op := range m.names.Operations {
			if row := t.requests.made(op); row != nil {
				n := m.traffic(op, row)
				byOperation[op].add(n)
				table.add(n)
			}
		}
		if table.Requests > 0 {
			s.Tables = append(s.Tables, table)
			s.Total.add(table.Traffic)
		}
	}
	for op, n := range byOperation {
		if n.Requests == 0 {
			continue
		}
		var all distribution
		for r := range m.names.Results {
			if d, ok := m.latency.read(op*len(m.names.Results) + r); ok {
				all.merge(d)
			}
		}
		s.Operations = append(s.Operations, OperationTraffic{m.names.Operations[op], n, all.quantile(0.5), all.quantile(0.99)})
	}
	slices.SortStableFunc(s.Operations, func(a, b OperationTraffic) int { return cmp.Compare(b.Requests, a.Requests) })
	slices.SortStableFunc(s.Tables, func(a, b TableTraffic) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Table, b.Table))
	})
	return s
}

// traffic reads a row.
func (m *Metrics) traffic(op int, row *vector) (t Traffic) {
	results := len(m.names.Results)
	byClass := [numClasses]*uint64{User: &t.User, Throttle: &t.Throttle, Fault: &t.Fault}
	for class := range int(numClasses) {
		for r := range results {
			n := row.sum(class*results + r)
			t.Requests += n
			if byClass[class] != nil {
				*byClass[class] += n
			}
			if m.names.CacheOf(op) == "" || r >= len(m.names.Lookups) {
				continue
			}
			if m.names.Lookups[r] {
				t.Lookups += n
			}
			if m.names.Hits[r] {
				t.Hits += n
			}
		}
	}
	return t
}
