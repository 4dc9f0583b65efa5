package cache

import (
	"cmp"
	"time"

	"millrace/cache/coherence"
)

// Coverage is how the caches of a table learn of writes that others make.
type Coverage string

const (
	// Embedded: the engine in this process announces every commit.
	Embedded Coverage = "embedded"
	// Stream: the table's stream is read. Foreign writes are seen within Delta.
	Stream Coverage = "stream"
	// TTL: not at all. Foreign writes are seen when what they changed is past its time to live.
	TTL Coverage = "ttl"
	// DAXCompatible: as TTL, and own writes do not touch pages either.
	DAXCompatible Coverage = "dax-compatible"
)

// The assumptions about indexes that lag, see Config.
const (
	defaultIndexLag    = time.Second
	defaultProvisional = 200 * time.Millisecond
	defaultIndexWatch  = time.Minute
)

// uncovered is the coverage of a table whose stream is not read.
func (s *Store) uncovered(settings TableSettings) Coverage {
	switch {
	case s.authoritative:
		return Embedded
	case settings.DAXCompatible:
		return DAXCompatible
	}
	return TTL
}

// options are what the coverage of t means for the core. delta is what Delta is at least, for a stream that is slower than
// the settings think.
func (s *Store) options(settings TableSettings, t *storedTable, delta time.Duration) coherence.TableOptions {
	o := coherence.TableOptions{NoInstallOnWrite: !settings.Items}
	if t.coverage == Embedded {
		o.Authoritative = true
		return o
	}
	o.Fill, o.IndexLag, o.Provisional, o.IndexWatch = settings.Fill, t.assumed.Lag, t.assumed.Moment, t.assumed.Watch
	o.Covered = t.coverage == Stream
	if o.Covered {
		o.Delta = cmp.Or(delta, settings.Delta)
		o.Provisional = min(o.Provisional, o.Delta) // an index page is no staler than the index plus Delta
	}
	o.PagesUntilTTL = t.coverage == DAXCompatible
	return o
}

// Cover sets how a table's caches learn of foreign writes from now on, Stream or TTL, and forgets what they hold, for between
// one and the other something may have gone by. Call it with Stream when the records of every later commit are certain to
// come. delta is 0 for the table's own. What it was is returned; an embedded or dax-compatible table stays as it is.
func (s *Store) Cover(scope, name string, coverage Coverage, delta time.Duration) (was Coverage) {
	full := scope + "\x00" + name
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.demand(full, name)
	was = t.coverage
	if was == Embedded || was == DAXCompatible {
		return was
	}
	t.coverage, t.halted = coverage, false
	if coverage == Stream {
		s.tellIndexLag(t)
	}
	s.core.Configure(t.table, s.options(s.Settings().Table(name), t, delta))
	s.core.Lost(s.clock(), t.table)
	return was
}

// CoverageOf is how a table's caches learn of foreign writes now.
func (s *Store) CoverageOf(scope, name string) Coverage {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.tables[scope+"\x00"+name]; t != nil {
		return t.coverage
	}
	return s.uncovered(s.Settings().Table(name))
}

// Advance says that every commit to a table up to watermark was applied. It counts for nothing once the table or its stream
// is known to be another one, until Cover is called for that: the reader of the old stream may well see the end of it.
func (s *Store) Advance(scope, name string, watermark coherence.Time) {
	s.mu.RLock()
	t := s.tables[scope+"\x00"+name]
	ok := t != nil && !t.halted
	s.mu.RUnlock()
	if ok {
		s.core.Advance(t.table, watermark)
		s.relag(t.table, 0)
	}
}

// halt makes Advance count for nothing until the next Cover.
func (s *Store) halt(scope, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.demand(scope+"\x00"+name, name).halted = true
}

// Lost makes everything forgotten that is cached of a table, because commits to it may have gone by unseen; why is for the log.
func (s *Store) Lost(scope, name, why string) {
	s.core.Lost(s.clock(), s.Table(scope, name))
	s.log.Warn("commits may have gone by unseen; table forgotten", "table", name, "reason", why)
}
