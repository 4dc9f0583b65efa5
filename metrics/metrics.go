// Package metrics counts, traces and says so. Recording is a few atomic adds on memory that cores do not fight over,
// without locks, allocation or a look-up by label; Prometheus and OpenTelemetry see the sums when they collect. Labels come
// from closed sets, of which tables' names are one that is capped; never from keys or errors' texts.
//
// It is a leaf: the names of operations and results are handed in, and nothing here reaches back into what is counted.
// A nil recorder is one that nobody reads, so that what records need not ask.
package metrics

import (
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"
)

// Class says how a request ended, in the words of DAX's error metrics.
type Class uint8

// The classes of an answer.
const (
	OK       Class = iota
	User           // the client's fault: HTTP 4xx
	Throttle       // told to slow down
	Fault          // ours: HTTP 5xx
	numClasses
)

// String is the value of label "class".
func (c Class) String() string { return classNames[c] }

// classNames are the values of label "class".
var classNames = [numClasses]string{"ok", "user", "throttle", "fault"}

// Names are the label values of the matrices, by index. CacheOf gives the "cache" label of an operation, empty
// for one that no cache serves.
type Names struct {
	Operations []string
	Results    []string
	CacheOf    func(operation int) string
	// Lookups tells of each result whether a cache looked, Hits whether it answered all by itself; for Snapshot.
	Lookups, Hits []bool
}

// Metrics is one process's instruments.
type Metrics struct {
	// HotKeys are what is read and written most.
	HotKeys HotKeys
	// Slow are the latest requests that took long.
	Slow SlowRequests
	// Backend counts what is asked of the backend.
	Backend Backend
	// Upstream counts what the backend sends to Amazon.
	Upstream Upstream
	// Streams counts what is read of tables' streams.
	Streams Streams
	// Ledger counts read and write units.
	Ledger Ledger
	// Observations counts what mode observe sees.
	Observations Observations
	// Audited counts what comparing hits with the backend found.
	Audited Audited
	// Invalidations counts what made the caches forget.
	Invalidations Invalidations
	// Reloads tells how reading the configuration anew went.
	Reloads Reloads

	names   Names
	start   time.Time
	tables  tables
	latency histograms // operation × result
	plain   *vector    // indexed by the constants below
	sources atomic.Pointer[Sources]
}

// The cells of Metrics.plain.
const (
	received = iota
	sent
	panics
	refused
	batchHits
	batchMisses
	numPlain
)

// New makes instruments that nobody has counted with.
func New(names Names) *Metrics {
	m := &Metrics{
		names: names, start: time.Now(),
		latency: newHistograms(len(names.Operations) * len(names.Results)),
		plain:   newVector(numPlain),
	}
	m.tables.init(len(names.Operations), len(names.Results))
	m.HotKeys.init()
	m.Slow.init()
	m.Backend.init(names)
	m.Ledger.init(names)
	m.Upstream.init(names)
	m.Reloads.init(m.start)
	return m
}

// Started is when counting began.
func (m *Metrics) Started() time.Time { return m.start }

// Request counts one answered request: its operation and result (indexes into Names), how it ended, the table it was
// about (nil for none or several), how long it took from its last byte read to its answer made, and the bytes of both
// bodies.
func (m *Metrics) Request(operation, result int, class Class, t *Table, took time.Duration, in, out int) {
	if t == nil {
		t = m.tables.none
	}
	s := stripe()
	t.row(operation).add(s, int(class)*t.results+result, 1)
	m.latency.observe(s, operation*t.results+result, took)
	m.plain.add(s, received, uint64(in))
	m.plain.add(s, sent, uint64(out))
}

// Batch counts the keys of a BatchGetItem that the cache had, and had not.
func (m *Metrics) Batch(hits, misses int) {
	s := stripe()
	m.plain.add(s, batchHits, uint64(hits))
	m.plain.add(s, batchMisses, uint64(misses))
}

// Refused counts a request that was answered before its operation was known.
func (m *Metrics) Refused() { m.plain.add(stripe(), refused, 1) }

// Panic counts a request that ended in a panic.
func (m *Metrics) Panic() { m.plain.add(stripe(), panics, 1) }

// stripes is how many copies there are of each counter that every request adds to: a power of two above the cores.
var stripes = 1 << bits.Len(uint(runtime.NumCPU()*2-1))

// stripe picks a copy without asking which core this is. The sums are right whichever it is.
func stripe() uint32 { return rand.Uint32() & uint32(stripes-1) }

// vector is a row of counters in several copies that share no cache line.
type vector struct {
	cells  []atomic.Uint64
	stride int
}

// newVector makes a row of n counters.
func newVector(n int) *vector {
	stride := (n + 7) &^ 7 // 64 bytes
	return &vector{make([]atomic.Uint64, stripes*stride), stride}
}

// add counts in copy s.
func (v *vector) add(s uint32, i int, n uint64) { v.cells[int(s)*v.stride+i].Add(n) }

// sum is the value of counter i.
func (v *vector) sum(i int) uint64 {
	var n uint64
	for ; i < len(v.cells); i += v.stride {
		n += v.cells[i].Load()
	}
	return n
}

// rows are rows that are made when somebody first counts in them, for most never are.
type rows struct {
	of    []atomic.Pointer[vector]
	width int
}

// newRows makes room for n rows of width counters.
func newRows(n, width int) rows { return rows{make([]atomic.Pointer[vector], n), width} }

// row is row i.
func (r *rows) row(i int) *vector {
	if v := r.of[i].Load(); v != nil {
		return v
	}
	v := newVector(r.width)
	if !r.of[i].CompareAndSwap(nil, v) {
		v = r.of[i].Load()
	}
	return v
}

// made is row i, or nil if nobody has counted in it.
func (r *rows) made(i int) *vector { return r.of[i].Load() }
