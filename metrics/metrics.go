// Package metrics counts. Recording is a few atomic adds on memory that cores do not fight over, without locks,
// allocation or a look-up by label; Prometheus sees the sums when it scrapes. It is a leaf: the names of
// operations and results are handed in, and nothing here reaches back into what is counted. Labels come from
// closed sets, never from tables' names, keys or errors' texts.
package metrics

import (
	"math/bits"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
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

// classNames are the values of label "class".
var classNames = [numClasses]string{"ok", "user", "throttle", "fault"}

// buckets is how many finite buckets a latency histogram has; bucket i ends at firstBucket<<i.
const (
	buckets     = 20
	firstBucket = 25 * time.Microsecond
)

// Names are the label values of the matrices, by index. CacheOf gives the "cache" label of an operation, empty
// for one that no cache serves.
type Names struct {
	Operations []string
	Results    []string
	CacheOf    func(operation int) string
}

// Metrics is one process's instruments.
type Metrics struct {
	names    Names
	shards   []shard
	registry *prometheus.Registry
}

// shard is one of several copies of all counters. Which one a goroutine uses is left to chance; the sums are right.
type shard struct {
	requests []atomic.Uint64 // operation × class
	results  []atomic.Uint64 // operation × result
	latency  []atomic.Uint64 // operation × (buckets + 1)
	nanos    []atomic.Uint64 // operation
	received atomic.Uint64
	sent     atomic.Uint64
	panics   atomic.Uint64
	refused  atomic.Uint64
	_        [64]byte
}

// New makes instruments that nobody has counted with.
func New(names Names) *Metrics {
	n := 1 << bits.Len(uint(runtime.GOMAXPROCS(0)*2-1))
	m := &Metrics{names: names, shards: make([]shard, n), registry: prometheus.NewRegistry()}
	ops := len(names.Operations)
	for i := range m.shards {
		s := &m.shards[i]
		s.requests = make([]atomic.Uint64, ops*int(numClasses))
		s.results = make([]atomic.Uint64, ops*len(names.Results))
		s.latency = make([]atomic.Uint64, ops*(buckets+1))
		s.nanos = make([]atomic.Uint64, ops)
	}
	m.registry.MustRegister(collector{m}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts one answered request: which operation and cache result (an index into Names.Results, or -1),
// how it ended, how long it took from its last byte read to its answer made, and the bytes of both bodies.
func (m *Metrics) Request(operation, result int, class Class, took time.Duration, in, out int) {
	s := m.shard()
	s.requests[operation*int(numClasses)+int(class)].Add(1)
	if result >= 0 {
		s.results[operation*len(m.names.Results)+result].Add(1)
	}
	took = max(took, 0)
	b := min(bits.Len64(uint64((took-1)/firstBucket)), buckets)
	if took <= firstBucket {
		b = 0
	}
	s.latency[operation*(buckets+1)+b].Add(1)
	s.nanos[operation].Add(uint64(took))
	s.received.Add(uint64(in))
	s.sent.Add(uint64(out))
}

// Refused counts a request that was answered before its operation was known.
func (m *Metrics) Refused() { m.shard().refused.Add(1) }

// Panic counts a request that ended in a panic.
func (m *Metrics) Panic() { m.shard().panics.Add(1) }

// shard picks one without asking which core this is.
func (m *Metrics) shard() *shard { return &m.shards[rand.Uint32()&uint32(len(m.shards)-1)] }

// sum adds one counter up over all shards.
func (m *Metrics) sum(of func(*shard) uint64) float64 {
	var n uint64
	for i := range m.shards {
		n += of(&m.shards[i])
	}
	return float64(n)
}

// Register adds a collector of another part of the process, such as GaugeFunc makes; its names must be new.
func (m *Metrics) Register(c prometheus.Collector) error { return m.registry.Register(c) }

// Handler serves the metrics in the format the scraper asks for.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}
