package cache

import (
	"sync"
	"time"

	"millrace/cache/coherence"
)

// How far global indexes lag behind their table (Tgsi) is bounded by nobody. What rests on it is in two parts.
//
// The promise that a page is no staler than the index itself plus Delta rests on the watch, a time that is long beside any lag: of
// a partition that something was written to within it, pages are served for Delta after they were read, whatever the
// watermark says, and so are as good as the index was then. Only pages that were read later count as complete.
//
// How soon a page shows a write rests on the lag that is assumed: within it pages are served for a moment only, to be read again.
// It begins at a floor, rises at once when an index is seen to lag for longer, and falls slowly. It also carries the watch, which is
// never less than watchLags times as long.

// The parts of what is assumed, beside the lag that was seen.
const (
	lagMargin = 1.5
	watchLags = 4
	// lagPeriod is how long it takes what was seen to lose a quarter of its weight.
	lagPeriod = 5 * time.Minute
)

// IndexLag is what is assumed of a table's global indexes.
type IndexLag struct {
	// Seen is the longest lag that was seen, less what time has taken from it; 0 is none.
	Seen time.Duration
	// Lag is how far the indexes are assumed to lag, Moment how long pages are served within it, Watch how long what was written
	// may be missing from an index.
	Lag, Moment, Watch time.Duration
}

// seenLag is the longest lag that was seen of a table's indexes, falling by a quarter in each period in which none was as long.
type seenLag struct {
	mu sync.Mutex

	longest time.Duration
	since   coherence.Time
}

// saw notes a lag, 0 for none, and returns the longest as of now.
func (l *seenLag) saw(now coherence.Time, d time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ; l.longest > 0 && now-l.since >= coherence.Time(lagPeriod); l.since += coherence.Time(lagPeriod) {
		if l.longest -= l.longest / 4; l.longest < time.Millisecond {
			l.longest = 0
		}
	}
	if d > 0 && d >= l.longest {
		l.longest, l.since = d, now
	}
	return l.longest
}

// none reports whether no lag is remembered, so that time changes nothing.
func (l *seenLag) none() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.longest == 0
}

// assumed is what follows from a lag that was seen.
func (s *Store) assumed(seen time.Duration) IndexLag {
	a := IndexLag{Seen: seen, Lag: max(s.indexLag, time.Duration(lagMargin*float64(seen)))}
	a.Moment = time.Duration(float64(s.provisional) * float64(a.Lag) / float64(s.indexLag))
	a.Watch = max(s.indexWatch, watchLags*a.Lag)
	return a
}

// IndexLagged tells that a global index of a table was seen to lag by d behind it. Pages that were taken for complete too early are
// forgotten.
func (s *Store) IndexLagged(t *coherence.Table, d time.Duration) { s.relag(t, d) }

// relag applies what is assumed of a table's indexes now that a lag of d, 0 for none, was seen.
func (s *Store) relag(t *coherence.Table, d time.Duration) {
	s.mu.RLock()
	st := s.tables[t.Name()]
	s.mu.RUnlock()
	if st == nil || d == 0 && st.lag.none() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := st.lag.saw(s.clock(), d)
	if a := s.assumed(seen); a != st.assumed {
		if a.Watch > st.assumed.Watch && a.Watch >= 2*st.warned { // not each time that one which grows is seen
			st.warned = a.Watch
			s.log.Warn("a global index lags so far behind its table that pages of it were taken for complete too early; they are forgotten",
				"table", st.name, "lag", d, "watch", a.Watch)
		}
		st.assumed = a
		s.tellIndexLag(st)
		s.core.SetIndexLag(t, a.Lag, a.Watch, a.Moment)
	}
}

// Used is the core's state for a table that has been used, nil for another.
func (s *Store) Used(scope, name string) *coherence.Table { return s.known(scope, name) }

// tellIndexLag tells the metrics what is assumed of a table's indexes.
func (s *Store) tellIndexLag(t *storedTable) {
	if s.metrics != nil {
		s.metrics.Streams.Table(t.name).IndexLag(t.assumed.Lag)
	}
}

// IndexLag is what is assumed of the global indexes of a table.
func (s *Store) IndexLag(t *coherence.Table) IndexLag {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if st := s.tables[t.Name()]; st != nil {
		return st.assumed
	}
	return s.assumed(0)
}
