// Package cache keeps items, the absence of items, and pages of queries and scans in memory, and learns the key
// schemas of tables. What may be served when is decided by the coherence core beneath it; what is worth keeping
// by an eviction policy beside that, which can only remove.
//
// It promises never to hold more than its budget but for what is being installed at that moment, to count what it holds,
// garbage and the policy included, and to keep nothing that aliases a caller's bytes. It never talks to a backend.
package cache

import (
	"cmp"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"millrace/cache/coherence"
	"millrace/cache/policy"
	"millrace/metrics"
)

// entryBytes is how large an entry is assumed to be when the policy is sized.
const entryBytes = 512

// Config is the memory and the rules of a Store.
type Config struct {
	// Memory is the budget in bytes: of keys, images, bookkeeping and the eviction policy, as they are held, with what is
	// unused between them. 0 means 256 MiB. When it is too small hits are lost.
	Memory int64
	// Tables says what is cached of which tables, by glob; see NewSettings.
	Tables map[string]TableConfig
	// Authoritative is true when every commit is announced by the backend (the embedded engine).
	Authoritative bool
	// IndexLag is how far a remote backend's global indexes are assumed to lag behind their tables (Tgsi) at least; 0 means 1 s.
	// Too small: a page of an index misses a write for longer. Too large: index pages are cached less.
	IndexLag time.Duration
	// Provisional is how long a page of such an index is served that was read within IndexLag after a write (τ); 0 means
	// 200 ms. It is added to how old an index page may be.
	Provisional time.Duration
	// IndexWatch is how long after a write pages of such an index are taken for no more than what the index showed when they were
	// read; 0 means a minute. Too small: where an index lags for longer, a page may miss a write until its TTL. Too large: pages of
	// partitions that are written to now and then are read anew every Delta.
	IndexWatch time.Duration
	// Logger hears of what an operator should know; nil is nobody.
	Logger *slog.Logger
	// Clock is monotonic; nil is the process's own.
	Clock func() coherence.Time
	// Metrics counts by table and finds the hot keys; nil does neither.
	Metrics *metrics.Metrics
	// Core configures the coherence core; Observer and NewCall are filled in.
	Core coherence.Config
}

// Store is what the item cache and the query cache share: the core, the policy, the clock and the settings.
type Store struct {
	core          *coherence.Core
	policy        *policy.Policy
	memory        int64
	beside        atomic.Int64 // what Beside tells
	clock         func() coherence.Time
	settings      atomic.Pointer[Settings]
	authoritative bool
	indexLag      time.Duration
	provisional   time.Duration
	indexWatch    time.Duration
	log           *slog.Logger
	metrics       *metrics.Metrics

	mu     sync.RWMutex
	tables map[string]*storedTable
}

// storedTable is a table that has been used.
type storedTable struct {
	table    *coherence.Table
	coverage Coverage
	halted   bool // what reads its stream reads the wrong one
	name     string
	lag      seenLag
	assumed  IndexLag
	// warned is how long its index writes were watched when that was last warned of.
	warned time.Duration
	refill *refill
}

// NewStore makes a store. Close it.
func NewStore(config Config) (*Store, error) {
	if config.Memory == 0 {
		config.Memory = 256 << 20
	}
	if config.Memory < 0 {
		return nil, fmt.Errorf("cache memory is %d bytes", config.Memory)
	}
	settings, err := NewSettings(config.Tables)
	if err != nil {
		return nil, err
	}
	victims := policy.New(config.Memory, entryBytes)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Clock == nil {
		start := time.Now()
		// The core's time starts above 0, which it takes for never.
		config.Clock = func() coherence.Time { return coherence.Time(time.Since(start)) + 1 }
	}
	config.Core.Start = config.Clock()
	config.Core.Observer = victims
	config.Core.NewCall = newCall
	config.Core.Memory = config.Memory
	s := &Store{
		core: coherence.New(config.Core), policy: victims, memory: config.Memory, clock: config.Clock,
		authoritative: config.Authoritative,
		indexLag:      cmp.Or(config.IndexLag, defaultIndexLag), provisional: cmp.Or(config.Provisional, defaultProvisional),
		indexWatch: cmp.Or(config.IndexWatch, defaultIndexWatch),
		log:        config.Logger, tables: map[string]*storedTable{},
		metrics: config.Metrics,
	}
	s.settings.Store(settings)
	s.policy.Limit(config.Memory - s.policy.Held() - s.core.Reserve())
	return s, nil
}

// Account is where a table's units are entered; nil where nobody counts, and with the embedded engine, which charges
// nothing.
func (s *Store) Account(table string) *metrics.Account {
	if s.metrics == nil || s.authoritative {
		return nil
	}
	return s.metrics.Ledger.Table(table)
}

// Core is the coherence core, for the invalidator.
func (s *Store) Core() *coherence.Core { return s.core }

// Settings are the rules by table that are in force.
func (s *Store) Settings() *Settings { return s.settings.Load() }

// Metrics is what the caches are counted with; nil for nothing.
func (s *Store) Metrics() *metrics.Metrics { return s.metrics }

// Now is the store's time.
func (s *Store) Now() coherence.Time { return s.clock() }

// Authoritative reports whether the backend announces every commit.
func (s *Store) Authoritative() bool { return s.authoritative }

// Items is the item cache.
func (s *Store) Items() *ItemCache {
	c := &ItemCache{store: s}
	if s.metrics != nil {
		c.hot = &s.metrics.HotKeys
	}
	return c
}

// Pages is the query cache.
func (s *Store) Pages() *QueryCache { return &QueryCache{store: s} }

// Table is the core's state for a table, made at its first use.
func (s *Store) Table(scope, name string) *coherence.Table {
	full := scope + "\x00" + name
	s.mu.RLock()
	t := s.tables[full]
	s.mu.RUnlock()
	if t != nil {
		return t.table
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.demand(full, name).table
}

// refillOf is the budget of strong fills of a table, which has been used; nil where reading strongly costs nothing.
func (s *Store) refillOf(scope, name string) *refill {
	if s.authoritative {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tables[scope+"\x00"+name].refill
}

// known is the core's state for a table that has been used, or nil.
func (s *Store) known(scope, name string) *coherence.Table {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.tables[scope+"\x00"+name]; t != nil {
		return t.table
	}
	return nil
}

// Unseen tells that something became known of a table whose schema is not: commits to it may have gone by unseen. It keeps
// nothing of a table that has not been used, which need not exist.
func (s *Store) Unseen(scope, name string) {
	now := s.clock()
	s.core.Unseen(now) // before looking: who makes the table afterwards sees it
	if t := s.known(scope, name); t != nil {
		s.core.Known(now, t)
		s.core.Lost(now, t)
	}
}

// Forget forgets what is cached of a table, if it has been used.
func (s *Store) Forget(scope, name string) {
	if t := s.known(scope, name); t != nil {
		s.core.Forget(t)
	}
}

// demand is the state for a table, made at its first use. s.mu is held.
func (s *Store) demand(full, name string) *storedTable {
	t := s.tables[full]
	if t == nil {
		settings := s.Settings().Table(name)
		t = &storedTable{table: s.core.Table(full), coverage: s.uncovered(settings), name: name, assumed: s.assumed(0), refill: newRefill()}
		s.core.Configure(t.table, s.options(settings, t, 0))
		s.tables[full] = t
	}
	return t
}

// EachTable calls fn for every table that has been used, in no order.
func (s *Store) EachTable(fn func(*coherence.Table)) {
	s.mu.RLock()
	tables := make([]*coherence.Table, 0, len(s.tables))
	for _, t := range s.tables {
		tables = append(tables, t.table)
	}
	s.mu.RUnlock()
	for _, t := range tables {
		fn(t)
	}
}

// Relieve evicts what the policy has given up and brings the store within its budget. Everyone who may have
// installed something calls it, holding no lock.
func (s *Store) Relieve() {
	s.limitPolicy()
	s.evict()
	// What is left above the budget was installed meanwhile by others, who come by here too, unless the policy has
	// lost count. The budget holds in any case.
	if over := s.Held() - s.memory; over > s.memory/64 {
		s.core.Shed(over)
	}
}

// limitPolicy tells the policy how much entries may cost: the budget, less what is held beside. That
// differs a little from what the entries' costs allow for, by what comes together in a segment.
func (s *Store) limitPolicy() {
	beside := s.core.Held() - s.core.Bytes() + s.beside.Load()
	limit := s.memory - max(beside, s.core.Reserve()/2) - s.policy.Held()
	if was := s.policy.Allowed(); max(limit-was, was-limit) > s.memory/256 {
		s.policy.Limit(limit)
	}
}

// Held is the memory that the caches take: the budget's measure.
func (s *Store) Held() int64 { return s.core.Held() + s.policy.Held() + s.beside.Load() }

// Memory is the budget.
func (s *Store) Memory() int64 { return s.memory }

// Beside tells that others hold so many bytes more, or fewer, for what is cached. They count towards the budget.
func (s *Store) Beside(bytes int64) { s.beside.Add(bytes) }

// evict removes the policy's victims.
func (s *Store) evict() {
	for _, hash := range s.policy.Take() {
		s.core.Evict(hash)
	}
}
