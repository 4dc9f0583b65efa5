package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// The instruments of the front, by operation.
var (
	requestsDesc = prometheus.NewDesc("millrace_requests_total",
		"Requests answered, by operation and how they ended.", []string{"operation", "class"}, nil)
	durationDesc = prometheus.NewDesc("millrace_request_duration_seconds",
		"Time from a request read to its answer made.", []string{"operation"}, nil)
	resultsDesc = prometheus.NewDesc("millrace_cache_requests_total",
		"Requests by cache and by what the cache did; the words are those of the X-Millrace-Cache header.",
		[]string{"cache", "operation", "result"}, nil)
	receivedDesc = prometheus.NewDesc("millrace_network_receive_bytes_total", "Bytes of request bodies.", nil, nil)
	sentDesc     = prometheus.NewDesc("millrace_network_transmit_bytes_total", "Bytes of response bodies before compression.", nil, nil)
	panicsDesc   = prometheus.NewDesc("millrace_panics_total", "Requests that ended in a panic; each is logged with its stack.", nil, nil)
	refusedDesc  = prometheus.NewDesc("millrace_requests_refused_total",
		"Requests refused before their operation was known: broken HTTP, unsigned, too large.", nil, nil)
)

// The instruments of the process.
var (
	buildDesc = prometheus.NewDesc("millrace_build_info", "Always 1; the labels say what runs.", []string{"version", "goversion"}, nil)
)

// Build is a collector of the constant millrace_build_info.
func Build(version, goVersion string) prometheus.Collector {
	return constant{prometheus.MustNewConstMetric(buildDesc, prometheus.GaugeValue, 1, version, goVersion)}
}

// Connections is a collector of the clients' open connections.
func Connections(open func() int) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "millrace_client_connections", Help: "Open client connections."},
		func() float64 { return float64(open()) })
}

// CacheSize is a collector of what the caches hold and may hold, in bytes, and of their entries.
func CacheSize(bytes, entries func() int64, budget int64) []prometheus.Collector {
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	return []prometheus.Collector{
		gauge("millrace_cache_bytes", "Bytes held by all caches.", func() float64 { return float64(bytes()) }),
		gauge("millrace_cache_entries", "Entries held by all caches.", func() float64 { return float64(entries()) }),
		gauge("millrace_cache_max_bytes", "Bytes that all caches may hold.", func() float64 { return float64(budget) }),
	}
}

// constant is a collector of one metric that never changes.
type constant struct{ metric prometheus.Metric }

// Describe is part of prometheus.Collector.
func (c constant) Describe(ch chan<- *prometheus.Desc) { ch <- c.metric.Desc() }

// Collect is part of prometheus.Collector.
func (c constant) Collect(ch chan<- prometheus.Metric) { ch <- c.metric }

// collector sums the shards up at every scrape. Operations never asked for are left out.
type collector struct{ m *Metrics }

// Describe is part of prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{requestsDesc, durationDesc, resultsDesc, receivedDesc, sentDesc, panicsDesc, refusedDesc} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	m := c.m
	count := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	for op, name := range m.names.Operations {
		var finite [buckets]uint64
		var total uint64
		for i := range buckets + 1 {
			total += uint64(m.sum(func(s *shard) uint64 { return s.latency[op*(buckets+1)+i].Load() }))
			if i < buckets {
				finite[i] = total
			}
		}
		if total == 0 {
			continue
		}
		cumulative := make(map[float64]uint64, buckets)
		for i, n := range finite {
			cumulative[(firstBucket << i).Seconds()] = n
		}
		seconds := m.sum(func(s *shard) uint64 { return s.nanos[op].Load() }) / 1e9
		ch <- prometheus.MustNewConstHistogram(durationDesc, total, seconds, cumulative, name)
		for class, label := range classNames {
			if v := m.sum(func(s *shard) uint64 { return s.requests[op*int(numClasses)+class].Load() }); v > 0 {
				count(requestsDesc, v, name, label)
			}
		}
		cache := m.names.CacheOf(op)
		for r, result := range m.names.Results {
			v := m.sum(func(s *shard) uint64 { return s.results[op*len(m.names.Results)+r].Load() })
			if v > 0 && cache != "" {
				count(resultsDesc, v, cache, name, result)
			}
		}
	}
	count(receivedDesc, m.sum(func(s *shard) uint64 { return s.received.Load() }))
	count(sentDesc, m.sum(func(s *shard) uint64 { return s.sent.Load() }))
	count(panicsDesc, m.sum(func(s *shard) uint64 { return s.panics.Load() }))
	count(refusedDesc, m.sum(func(s *shard) uint64 { return s.refused.Load() }))
}
