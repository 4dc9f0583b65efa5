package metrics

import (
	"sync"
	"sync/atomic"
	"time"
)

// Streams counts what is read of tables' streams to keep the caches right. A nil one counts nothing.
type Streams struct {
	mu sync.Mutex

	tables map[string]*Stream
}

// Stream is one table's stream. A nil one counts nothing.
type Stream struct {
	watermark atomic.Int64 // in Unix nanoseconds; 0 is none yet
	requests  atomic.Uint64
	records   atomic.Uint64
	gaps      atomic.Uint64
	lag       histograms
	indexLag  atomic.Int64 // in nanoseconds; 0 is not told
}

// Table is the counters of the stream of a table; past the cap they are shared.
func (s *Streams) Table(name string) *Stream {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tables == nil {
		s.tables = map[string]*Stream{}
	}
	if s.tables[name] == nil && len(s.tables) >= maxTables {
		name = OtherTable
	}
	x := s.tables[name]
	if x == nil {
		x = &Stream{lag: newHistograms(1)}
		s.tables[name] = x
	}
	return x
}

// Watermark notes that every change committed before at has been applied; its age is what is shown.
func (x *Stream) Watermark(at time.Time) {
	if x != nil {
		x.watermark.Store(at.UnixNano())
	}
}

// Asked notes a GetRecords request that is sent.
func (x *Stream) Asked() {
	if x != nil {
		x.requests.Add(1)
	}
}

// Applied notes records that were applied, the oldest of them so long after its commit.
func (x *Stream) Applied(records int, lag time.Duration) {
	if x == nil {
		return
	}
	x.records.Add(uint64(records))
	x.lag.observe(stripe(), 0, lag)
}

// IndexLag notes how far the table's global indexes are assumed to lag behind it.
func (x *Stream) IndexLag(d time.Duration) {
	if x != nil {
		x.indexLag.Store(int64(d))
	}
}

// Gap notes that the position was lost and the table was forgotten for it.
func (x *Stream) Gap() {
	if x != nil {
		x.gaps.Add(1)
	}
}

// each calls fn for every table's stream.
func (s *Streams) each(fn func(table string, x *Stream)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for table, x := range s.tables {
		fn(table, x)
	}
}
