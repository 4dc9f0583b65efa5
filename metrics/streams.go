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

	mu sync.Mutex

	following [numFollowing]int // how many tables stand so; past the cap, and under one name, there are several
}

// Following says how it stands with a table's stream.
type Following uint8

// The ways it may stand.
const (
	Unwanted   Following = iota // there is none to be followed: there was none since the start, they are switched off, or the table is gone
	Unfollowed                  // it is not followed yet, or no longer, and should be
	Followed                    // the caches count on it
	numFollowing
)

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

// Follows notes that it stands otherwise with the stream of a table that counts here. What was applied is told no longer of one that is not
// followed: nobody waits for it to go on.
func (x *Stream) Follows(before, now Following) {
	if x == nil || before == now {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.following[before]--
	x.following[now]++
	if before == Followed {
		x.watermark.Store(0)
	}
}

// stands tells how it stands with the streams that count here, and that is as with the worst of them.
func (x *Stream) stands() Following {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.following[Unfollowed] > 0:
		return Unfollowed
	case x.following[Followed] > 0:
		return Followed
	}
	return Unwanted
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
