package stream

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/invalidation"
	"millrace/metrics"
)

// Config is what a Manager is told. Get one from ConfigFor.
type Config struct {
	// Clock is the caches' clock. It must be the store's.
	Clock func() coherence.Time
	// Wall tells the time of day, for the dates of records only; nil is time.Now.
	Wall func() time.Time
	// LagFloor is L as long as nothing longer is measured. Too small, and a stream that is slower makes answers older than
	// Delta; too large costs hits where Delta is not much more.
	LagFloor time.Duration
	// Poll is the time between two reads of a shard that has records; without any it goes up to Idle. Too long shows in how
	// late foreign writes are seen, too short in requests.
	Poll, Idle time.Duration
	// Reads bounds the reads a second of one table's shards together; 0 does not.
	Reads int
	// Full is how many records make an answer that others are taken to follow at once; 0 is 500.
	Full int
	// Settle and Orphan are TailerConfig's.
	Settle, Orphan time.Duration
	// KeysOnly trusts only the keys of records, for upstreams whose images and event names are not those of the commit.
	KeysOnly bool
	// Describe is the time between two looks at a table's description, Walk that between two complete listings of a
	// stream's shards, Forgive how long a permission that was missing is not asked for again.
	Describe, Walk, Forgive time.Duration
	// Kept is how long the stream keeps records at least; 0 is half a day.
	Kept time.Duration
	// Jitter is TailerConfig's; nil is chance.
	Jitter func() float64
	// Rules are TailerConfig's, for tests.
	Rules Rules
	// Retry is the pause after a request that failed; it doubles up to RetryMax. Too short adds to what a throttled upstream
	// has to refuse, too long lets an outage end unnoticed.
	Retry, RetryMax time.Duration
	// Timeout bounds one request.
	Timeout time.Duration
	// Metrics counts; nil does not.
	Metrics *metrics.Streams
	// Log is for operators; nil discards.
	Log *slog.Logger
}

// ConfigFor is the configuration for an upstream of the given kind, "aws", "alternator" or another.
func ConfigFor(kind string) Config {
	c := Config{
		LagFloor: 500 * time.Millisecond, Poll: 10 * time.Millisecond, Idle: 250 * time.Millisecond, Reads: 2000, Orphan: 30 * time.Second,
		Describe: 30 * time.Second, Walk: time.Minute, Forgive: time.Minute,
		Retry: 100 * time.Millisecond, RetryMax: 5 * time.Second, Timeout: 10 * time.Second,
	}
	switch kind {
	case "aws":
		c.LagFloor, c.Poll, c.Settle, c.Orphan = 2*time.Second, 250*time.Millisecond, time.Second, 0
	case "alternator":
		// Records show after ten seconds by default, ranges merge, and images are not always those of the commit.
		// (ScyllaDB, "Alternator: compatibility", DynamoDB Streams.)
		c.LagFloor, c.Poll, c.Settle, c.KeysOnly = 12*time.Second, 250*time.Millisecond, time.Second, true
	}
	return c
}

// kept is how long records are kept for sure: half of what the streams say. (Developer Guide, "Data retention limit for
// DynamoDB Streams": 24 hours.)
const kept = 12 * time.Hour

// tailer is the part of the configuration that the step machine needs.
func (c *Config) tailer(lag *Lag) TailerConfig {
	return TailerConfig{
		Lag: lag, Poll: c.Poll, Idle: c.Idle, Reads: c.Reads, Walk: c.Walk, Settle: c.Settle, Orphan: c.Orphan, Kept: cmp.Or(c.Kept, kept),
		Retry: c.Retry, RetryMax: c.RetryMax, Jitter: c.Jitter, Rules: c.Rules,
	}
}

// Manager follows the streams of all tables whose schemas are learned.
type Manager struct {
	config Config
	guard  *invalidation.Guard
	inv    sink
	counts counts
	wake   chan struct{} // has a token when learned has grown

	mu sync.Mutex

	learned []*cache.Schema
	tables  map[tableRef]*table
}

// sink is told of changes, and of what is known of them. It is the Invalidator, behind a test's eyes if need be.
type sink interface {
	Apply(changes []ddb.Change)
	Cover(scope, table string, c invalidation.Coverage)
	Advance(scope, table string, watermark coherence.Time)
	Lost(scope, table, why string)
	AckedAt(c *ddb.Change) (coherence.Time, bool)
}

var _ sink = (*invalidation.Invalidator)(nil)

// tableRef names a table.
type tableRef struct{ scope, name string }

// New makes a manager that hears of tables from guard and tells inv of their changes. It starts nothing; see Run.
func New(config Config, guard *invalidation.Guard, inv *invalidation.Invalidator) *Manager {
	if config.Wall == nil {
		config.Wall = time.Now
	}
	if config.Jitter == nil {
		config.Jitter = rand.Float64
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	m := &Manager{config: config, guard: guard, inv: inv, wake: make(chan struct{}, 1), tables: map[tableRef]*table{}}
	guard.Schemas().OnLearn(m.learn)
	return m
}

// learn hears of a schema. It must return at once.
func (m *Manager) learn(s *cache.Schema) {
	m.mu.Lock()
	m.learned = append(m.learned, s)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Run follows until ctx ends, and returns nil when everything it started has ended. What is covered then is so no longer.
func (m *Manager) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-m.wake:
				m.start(ctx, g)
			}
		}
	})
	return g.Wait()
}

// start gives every schema that was learned to its table.
func (m *Manager) start(ctx context.Context, g *errgroup.Group) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.learned {
		ref := tableRef{s.Scope, s.Name}
		t := m.tables[ref]
		if t == nil {
			if !s.Settings.Items {
				continue // nothing of it is cached
			}
			t = newTable(m, s)
			m.tables[ref] = t
			g.Go(func() error {
				t.run(ctx)
				return nil
			})
			continue
		}
		t.learned.put(s)
	}
	m.learned = nil
}

// leave drops t, whose table is gone, unless it was learned again meanwhile.
func (m *Manager) leave(t *table) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(t.learned) > 0 {
		return false
	}
	delete(m.tables, t.ref)
	return true
}

// mailbox holds the newest of what was put into it and not taken yet. One goroutine puts.
type mailbox[T any] chan T

// newMailbox makes an empty one.
func newMailbox[T any]() mailbox[T] { return make(mailbox[T], 1) }

// put replaces what is there.
func (m mailbox[T]) put(v T) {
	for {
		select {
		case m <- v:
			return
		default:
		}
		select {
		case <-m:
		default:
		}
	}
}
