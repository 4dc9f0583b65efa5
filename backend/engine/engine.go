// Package engine is the embedded DynamoDB: tables, items and indexes on an ordered store on disk.
//
// An acknowledged write is on stable storage, unless Config says otherwise. Every read is of one published view:
// the state after some commit that was synced, so that nothing is ever shown that a crash could take back, and a
// table and its indexes always agree. A write takes the locks of its items, reads the newest view, checks its
// conditions and hands its mutations to the one committer, which writes everything that waits in one synced batch.
//
// The engine knows nothing of caches: it tells CommitHooks what it is about to show and what it has shown.
package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace/ddb"
)

// ops is what the engine serves; an operation without a row is answered as unknown.
var ops = [ddb.NumOperations]func(*Engine, context.Context, *ddb.Request) (*ddb.Response, error){
	// Tables.
	ddb.CreateTable:        (*Engine).createTable,
	ddb.DescribeTable:      (*Engine).describeTable,
	ddb.ListTables:         (*Engine).listTables,
	ddb.UpdateTable:        (*Engine).updateTable,
	ddb.DeleteTable:        (*Engine).deleteTable,
	ddb.UpdateTimeToLive:   (*Engine).updateTimeToLive,
	ddb.DescribeTimeToLive: (*Engine).describeTimeToLive,
	// Items.
	ddb.GetItem:        (*Engine).getItem,
	ddb.PutItem:        (*Engine).putItem,
	ddb.UpdateItem:     (*Engine).updateItem,
	ddb.DeleteItem:     (*Engine).deleteItem,
	ddb.Query:          (*Engine).query,
	ddb.Scan:           (*Engine).scan,
	ddb.BatchGetItem:   (*Engine).batchGetItem,
	ddb.BatchWriteItem: (*Engine).batchWriteItem,
	// Transactions.
	ddb.TransactGetItems:   (*Engine).transactGetItems,
	ddb.TransactWriteItems: (*Engine).transactWriteItems,
	// Backups.
	ddb.CreateBackup:           (*Engine).createBackup,
	ddb.DescribeBackup:         (*Engine).describeBackup,
	ddb.ListBackups:            (*Engine).listBackups,
	ddb.DeleteBackup:           (*Engine).deleteBackup,
	ddb.RestoreTableFromBackup: (*Engine).restoreTableFromBackup,

	ddb.DescribeContinuousBackups: (*Engine).describeContinuousBackups,
	ddb.UpdateContinuousBackups:   (*Engine).updateContinuousBackups,
	ddb.RestoreTableToPointInTime: (*Engine).restoreTableToPointInTime,
	// Tags, and what the service tells of itself.
	ddb.TagResource:        (*Engine).tagResource,
	ddb.UntagResource:      (*Engine).untagResource,
	ddb.ListTagsOfResource: (*Engine).listTagsOfResource,
	ddb.DescribeLimits:     (*Engine).describeLimits,
	ddb.DescribeEndpoints:  (*Engine).describeEndpoints,
	// What is not here: see cloud.go.
	ddb.CreateGlobalTable:                   cloudOperation((*Engine).createGlobalTable),
	ddb.DescribeGlobalTable:                 cloudOperation((*Engine).describeGlobalTable),
	ddb.DescribeGlobalTableSettings:         cloudOperation((*Engine).globalTable),
	ddb.ListGlobalTables:                    cloudOperation((*Engine).listGlobalTables),
	ddb.UpdateGlobalTable:                   cloudOperation((*Engine).globalTable),
	ddb.UpdateGlobalTableSettings:           cloudOperation((*Engine).globalTable),
	ddb.DescribeTableReplicaAutoScaling:     cloudOperation((*Engine).replicaAutoScaling),
	ddb.UpdateTableReplicaAutoScaling:       cloudOperation((*Engine).replicaAutoScaling),
	ddb.DescribeContributorInsights:         cloudOperation((*Engine).contributorInsights),
	ddb.ListContributorInsights:             cloudOperation((*Engine).listContributorInsights),
	ddb.UpdateContributorInsights:           cloudOperation((*Engine).updateContributorInsights),
	ddb.DescribeKinesisStreamingDestination: cloudOperation((*Engine).describeKinesis),
	ddb.EnableKinesisStreamingDestination:   cloudOperation((*Engine).enableKinesis),
	ddb.DisableKinesisStreamingDestination:  cloudOperation((*Engine).disableKinesis),
	ddb.UpdateKinesisStreamingDestination:   cloudOperation((*Engine).updateKinesis),
	ddb.ExportTableToPointInTime:            cloudOperation((*Engine).exportTable),
	ddb.DescribeExport:                      cloudOperation((*Engine).describeExport),
	ddb.ListExports:                         cloudOperation((*Engine).listExports),
	ddb.ImportTable:                         cloudOperation((*Engine).importTable),
	ddb.DescribeImport:                      cloudOperation((*Engine).describeImport),
	ddb.ListImports:                         cloudOperation((*Engine).listImports),
	ddb.GetResourcePolicy:                   cloudOperation((*Engine).getResourcePolicy),
	ddb.PutResourcePolicy:                   cloudOperation((*Engine).putResourcePolicy),
	ddb.DeleteResourcePolicy:                cloudOperation((*Engine).deleteResourcePolicy),
	// Statements.
	ddb.ExecuteStatement:      (*Engine).executeStatement,
	ddb.BatchExecuteStatement: (*Engine).batchExecuteStatement,
	ddb.ExecuteTransaction:    (*Engine).executeTransaction,
	// Streams.
	ddb.ListStreams:      (*Engine).listStreams,
	ddb.DescribeStream:   (*Engine).describeStream,
	ddb.GetShardIterator: (*Engine).getShardIterator,
	ddb.GetRecords:       (*Engine).getRecords,
}

// Durability says what an acknowledged write has survived.
type Durability uint8

const (
	// Sync acknowledges a write when it is on stable storage.
	Sync Durability = iota
	// Async acknowledges, and shows, a write when it is in the log's buffer: a crash of the machine or the process takes back
	// what was written in the last AsyncWindow, reads included.
	Async
)

// Config is how an Engine is opened. DefaultConfig has everything but Dir.
type Config struct {
	// Dir is the data folder; it is created if need be. Not used when InMemory is set.
	Dir string
	// InMemory keeps everything in memory: it is gone with the process.
	InMemory bool
	// Durability is Sync or Async, and AsyncWindow the longest time between two syncs under Async.
	Durability  Durability
	AsyncWindow time.Duration
	// Region and AccountID appear in ARNs. The account is one that could be: DynamoDB takes an ARN of 000000000000 for
	// somebody else's, and so do clients' tests.
	Region, AccountID string
	// Isolate gives every Request.Scope its own tables. Otherwise all requests see one set of tables.
	Isolate bool
	// CacheBytes is the most memory for blocks read from disk: too small, and reads that miss the caches above go to
	// the disk; it is used only as blocks are read. MemTableBytes is the size at which recent writes are moved to a table on disk;
	// up to four of them may wait: too small costs write throughput, too large costs memory and start-up after a crash.
	CacheBytes, MemTableBytes int64
	// SweepInterval is the time between two looks for expired items. DynamoDB deletes within a few days.
	// (Developer Guide, "Using time to live (TTL) in DynamoDB".)
	SweepInterval time.Duration
	// Streams is how streams are cut into shards.
	Streams StreamConfig
	// Throttle limits provisioned tables and their global indexes to their throughput. On-demand tables are not limited.
	Throttle bool
	// Faults are the test aids to begin with; SetFaults changes them.
	Faults Faults

	// Clock tells the time of the world, to expire items by and to date tables with; SetClockOffset moves it. nil is time.Now.
	Clock func() time.Time
	// Random is where table ids come from. nil is crypto/rand.
	Random io.Reader
	// Hooks hears of commits. nil is nobody.
	Hooks CommitHooks
	// Logger is used at debug but for trouble in background work. nil is silence.
	Logger *slog.Logger
	// OnFatal is called once, from any goroutine, when the store could not be written and takes no more writes. The
	// process is to end then: what was promised stays true only in a new one. Writes in flight end in an error that leaves
	// their outcome open, later ones fail at once, reads go on. nil is to do nothing.
	OnFatal func(error)
	// FS replaces the operating system's files. For tests.
	FS storeFS
}

// DefaultConfig is durable, and small enough for a laptop.
func DefaultConfig() Config {
	return Config{
		AsyncWindow:   100 * time.Millisecond,
		Region:        "us-east-1",
		AccountID:     "123456789012",
		CacheBytes:    64 << 20,
		MemTableBytes: 16 << 20,
		SweepInterval: time.Second,
		Streams:       defaultStreamConfig(),
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	switch {
	case c.Dir == "" && !c.InMemory:
		return errors.New("a data folder is needed unless the engine is in memory")
	case c.Durability == Async && c.AsyncWindow <= 0:
		return errors.New("async durability needs a window greater than zero")
	case c.CacheBytes < 0:
		return errors.New("the engine's block cache cannot be negative")
	case c.MemTableBytes < 64<<10 || c.MemTableBytes > 1<<30:
		return errors.New("the engine's write buffer must be from 64 KiB to 1 GiB")
	case c.SweepInterval <= 0:
		return errors.New("the time between two sweeps for expired items must be greater than zero")
	}
	if err := c.Faults.Validate(); err != nil {
		return fmt.Errorf("faults: %w", err)
	}
	return c.Streams.validate()
}

// Engine is an open store of tables. It is safe for concurrent use.
type Engine struct {
	cfg       Config
	store     *store
	locks     *lockTable
	committer *committer
	// current is the newest view; the committer replaces it.
	current atomic.Pointer[view]
	// expiries has a token when time to live was enabled somewhere, choresDue when there is something for work to do.
	expiries, choresDue chan struct{}
	copies              copies
	// stepItems is fillBatch, but for tests.
	stepItems int
	// served counts clients' requests, for those who give way to them.
	served atomic.Uint64
	// secret seals what clients are given to hand back.
	secret []byte

	// clock is behind Config.Clock, throttle nil when nothing is throttled.
	clock    *worldClock
	throttle *throttle
	// faults and lag are nil when there are none.
	faults atomic.Pointer[faults]
	lag    atomic.Pointer[lag]
	states tableStates
	aids   struct {
		mu sync.Mutex

		settings Faults
	}

	// done is closed by Close.
	done chan struct{}

	// gate is held for reading while the engine is being used, so that Close waits.
	gate sync.RWMutex

	closed bool
}

// Open opens or creates the store that cfg names. Its errors are one sentence for the operator and have changed
// nothing. Call Close, and Run for what happens in the background.
func Open(cfg Config) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.InMemory {
		cfg.Dir, cfg.FS = "/", newMemoryFS()
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	clock := &worldClock{base: cfg.Clock}
	cfg.Clock = clock.now
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Hooks == nil {
		cfg.Hooks = noHooks{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := openStore(storeOptions{
		dir: cfg.Dir, fs: cfg.FS, volatile: cfg.InMemory, cacheBytes: cfg.CacheBytes, memTableBytes: cfg.MemTableBytes,
		log: cfg.Logger, onFatal: cfg.OnFatal,
	})
	if err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, store: s, locks: newLockTable(), expiries: make(chan struct{}, 1), done: make(chan struct{}),
		clock: clock, throttle: newThrottle(cfg.Throttle, cfg.Clock),
		choresDue: make(chan struct{}, 1), copies: copies{byNumber: make(map[uint32]*copying)}, stepItems: fillBatch,
	}
	e.states.clock = cfg.Clock
	cat, counters, sequence, err := loadCatalog(s, cfg.Dir)
	if err != nil {
		_ = s.close()
		return nil, err
	}
	if e.secret, err = loadSecret(s, cfg.Random); err != nil {
		_ = s.close()
		return nil, fmt.Errorf("data folder %q has no secret: %w", cfg.Dir, err)
	}
	first := newView(s.snapshot(), cat)
	first.states = &e.states
	e.current.Store(first)
	e.useFaults(cfg.Faults)
	synced := cfg.Durability == Sync && !cfg.InMemory
	e.committer = &committer{
		store: s, hooks: cfg.Hooks, sync: synced, publish: e.publish,
		quit: make(chan struct{}), wake: make(chan struct{}, 1), applied: make(chan *commitGroup, maxAhead),
		cat: cat, counters: counters, garbage: newGarbage(),
		streams: cfg.Streams, sequence: sequencer{cfg.Clock, sequence}, heat: newHeat(cfg.Streams.SplitRate),
	}
	window := cfg.AsyncWindow
	if synced || cfg.InMemory {
		window = 0
	}
	go e.committer.run(window)
	if synced {
		go e.committer.acknowledgeAll()
	}
	return e, nil
}

// loadCatalog reads the tables, their counters, their streams and the last sequence number, and begins an empty store.
func loadCatalog(s *store, dir string) (*catalog, map[counterID]counter, uint64, error) {
	snap := s.snapshot()
	defer snap.close()
	if err := checkFormat(s, snap, dir); err != nil {
		return nil, nil, 0, err
	}
	cat := newCatalog()
	counters := make(map[counterID]counter)
	err := snap.each([]byte{familyTable}, func(k, value []byte) error {
		t, err := decodeTable(tableOf(k), value)
		if err == nil {
			cat = cat.with(t)
		}
		return err
	})
	if err == nil {
		err = snap.each([]byte{familyCounter}, func(k, value []byte) error {
			n, err := decodeCounter(value)
			counters[counterIDOf(k)] = n
			return err
		})
	}
	if err == nil {
		cat.nextTable, err = readNumber(snap, systemNextTable)
	}
	if err == nil {
		cat.lastBackup, err = readNumber(snap, systemLastBackup)
	}
	if err == nil {
		err = snap.each([]byte{familyBackup}, func(k, value []byte) error {
			b, err := decodeBackup(tableOf(k), value)
			if err == nil {
				cat = cat.withBackup(b)
			}
			return err
		})
	}
	var sequence uint64
	if err == nil {
		cat.streams, sequence, err = loadStreams(snap)
	}
	if err != nil {
		return nil, nil, 0, fmt.Errorf("data folder %q holds a damaged store: %w", dir, firstLine(err))
	}
	return cat, counters, sequence, nil
}

// checkFormat refuses a store that another program, or a newer version of this one, has written, and signs a new one.
func checkFormat(s *store, snap *snapshot, dir string) error {
	value, done, found, err := snap.get([]byte(systemFormat))
	if err != nil {
		return fmt.Errorf("data folder %q holds a damaged store: %w", dir, firstLine(err))
	}
	if found {
		text := string(value)
		_ = done.Close()
		n, err := strconv.Atoi(text)
		switch {
		case err != nil:
			return fmt.Errorf("data folder %q holds a damaged store: its format is %q", dir, text)
		case n > layoutFormat:
			return fmt.Errorf("data folder %q was written by a newer version of millrace (format %d; this one reads up to %d)", dir, n, layoutFormat)
		}
		return nil
	}
	if err := snap.each(nil, func(_, _ []byte) error { return errDamaged }); err != nil {
		return fmt.Errorf("data folder %q holds a store that is not millrace's", dir)
	}
	b := s.newBatch()
	defer b.release()
	b.set([]byte(systemFormat), []byte(strconv.Itoa(layoutFormat)))
	// Not synced: no write can be durable before it, and without any the store is signed again.
	if err := s.apply(b, false); err != nil {
		return fmt.Errorf("data folder %q is not writable: %w", dir, err)
	}
	return nil
}

// readNumber reads a decimal system value; 0 if it was never written.
func readNumber(snap *snapshot, key string) (uint32, error) {
	value, done, found, err := snap.get([]byte(key))
	if err != nil || !found {
		return 0, err
	}
	defer done.Close()
	n, err := strconv.ParseUint(string(value), 10, 32)
	return uint32(n), err
}

// Do executes one operation. A *ddb.Error means that nothing was applied; any other error that the outcome of a write is
// unknown. A write that was begun runs to its end and is answered truly even if ctx ends meanwhile.
func (e *Engine) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	if req.Op >= ddb.NumOperations || ops[req.Op] == nil {
		return nil, ddb.UnknownOperationError()
	}
	if f := e.faults.Load(); f != nil {
		return f.do(ctx, e, req)
	}
	return e.execute(ctx, req)
}

// execute executes an operation that is served.
func (e *Engine) execute(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	if !e.enter() {
		return nil, errClosed
	}
	defer e.gate.RUnlock()
	e.served.Add(1)
	return ops[req.Op](e, ctx, req)
}

// enter keeps the engine open until gate.RUnlock; false if it is closed already.
func (e *Engine) enter() bool {
	e.gate.RLock()
	if e.closed {
		e.gate.RUnlock()
		return false
	}
	return true
}

// scopeOf is the scope whose tables req sees.
func (e *Engine) scopeOf(req *ddb.Request) string {
	if e.cfg.Isolate {
		return req.Scope
	}
	return ""
}

// Run expires items, fills the queues that they are expired from, clears what deletes leave behind, rolls and trims
// streams, fills indexes, and writes and restores backups, until ctx ends or the engine is closed. It returns nil then.
func (e *Engine) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return e.expire(ctx) })
	g.Go(func() error { return e.collect(ctx) })
	g.Go(func() error { return e.forgetTokens(ctx) })
	g.Go(func() error { return e.tendStreams(ctx) })
	g.Go(func() error { return e.work(ctx) })
	err := g.Wait()
	if errors.Is(err, context.Canceled) || errors.Is(err, errClosed) {
		return nil
	}
	return err
}

// Close waits for what was begun, makes it durable and gives the folder free. Only the first call does anything.
func (e *Engine) Close() error {
	e.gate.Lock()
	defer e.gate.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	close(e.done)
	e.committer.close()
	var err error
	if !e.committer.sync && !e.cfg.InMemory {
		err = e.store.sync()
	}
	if l := e.lag.Load(); l != nil {
		l.close()
	}
	e.copies.close()
	e.current.Load().release()
	if closeErr := e.store.close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close store: %w", closeErr)
	}
	return err
}
