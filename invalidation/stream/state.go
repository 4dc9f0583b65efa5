package stream

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
)

// TableState is what a table's stream is like at one moment.
type TableState struct {
	// Scope and Table name the table.
	Scope, Table string
	// Mode is cache.Stream when the stream is followed, cache.TTL when not, and Why says why not.
	Mode cache.Coverage
	Why  string
	// Lost is when the table was found not to have the stream any more that had been followed; zero if it has one, or never had.
	Lost time.Time
	// ARN is the stream's, View what its records carry.
	ARN, View string
	// Shards are read; Waiting were read to their ends, and their children are not complete.
	Shards, Waiting int
	// Watermark is up to when every commit is applied, on the caches' clock, and Age how long ago that was. Both are 0
	// as long as nothing can be said.
	Watermark coherence.Time
	Age       time.Duration
	// Lag is L, Samples how many own writes in the last hour it was measured by, Delta what answers may be old: with a Lag
	// of nearly that and more nothing is served for long.
	Lag     time.Duration
	Samples uint64
	Delta   time.Duration
	// Gaps is how often the position was lost, Records how many were applied.
	Gaps, Records uint64
	// LastError is the newest error and LastErrorAt its time; both are empty if there was none.
	LastError   string
	LastErrorAt time.Time
}

// Lag is how long a table's stream is taken to lag behind it at most; 0 if it is not followed.
func (m *Manager) Lag(scope, name string) time.Duration {
	m.mu.Lock()
	t := m.tables[tableRef{scope, name}]
	m.mu.Unlock()
	if t == nil {
		return 0
	}
	return t.snapshot().Lag
}

// Late tells that a change of a table was found not to show in its stream for as long as d: so much, and half of it more, is
// what the stream is taken to lag behind for the next hour.
func (m *Manager) Late(scope, name string, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.tables[tableRef{scope, name}]; t != nil {
		t.late.put(d)
	}
}

// Tables are the states of all tables, in the order of their names. It is safe for concurrent use.
func (m *Manager) Tables() []TableState {
	m.mu.Lock()
	tables := make([]*table, 0, len(m.tables))
	for _, t := range m.tables {
		tables = append(tables, t)
	}
	m.mu.Unlock()
	now := m.config.Clock()
	out := make([]TableState, 0, len(tables))
	for _, t := range tables {
		s := t.snapshot()
		if s.Watermark > 0 {
			s.Age = time.Duration(now - s.Watermark)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b TableState) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Table, b.Table))
	})
	return out
}

// Counters is what has been done for all tables since the start.
type Counters struct {
	// Reads, Listings and Descriptions are requests: GetRecords; DescribeStream; DescribeTable.
	Reads, Listings, Descriptions uint64
	// Records were applied.
	Records uint64
	// Gaps are positions lost, Throttled and Failed requests that ended so.
	Gaps, Throttled, Failed uint64
}

// counts are the Counters as they are counted.
type counts struct {
	reads, listings, descriptions, records, gaps, throttled, failed atomic.Uint64
}

// Counters is safe for concurrent use.
func (m *Manager) Counters() Counters {
	c := &m.counts
	return Counters{
		Reads: c.reads.Load(), Listings: c.listings.Load(), Descriptions: c.descriptions.Load(), Records: c.records.Load(),
		Gaps: c.gaps.Load(), Throttled: c.throttled.Load(), Failed: c.failed.Load(),
	}
}
