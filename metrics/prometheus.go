package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves all numbers, and those of the process and of Go's runtime, in the format the scraper asks for.
func (m *Metrics) Handler() http.Handler {
	r := prometheus.NewRegistry()
	c := scraper{m, map[*instrument]*prometheus.Desc{}}
	for _, i := range instruments {
		c.descs[i] = prometheus.NewDesc(i.prometheus(), i.help, i.labels, nil)
	}
	r.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// scraper collects for Prometheus.
type scraper struct {
	m     *Metrics
	descs map[*instrument]*prometheus.Desc
}

// Describe is part of prometheus.Collector.
func (c scraper) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (c scraper) Collect(ch chan<- prometheus.Metric) { c.m.collect(scrape{c, ch}) }

// scrape is one collection.
type scrape struct {
	scraper
	ch chan<- prometheus.Metric
}

// number is part of sink.
func (s scrape) number(i *instrument, v float64, labels ...string) {
	kind := prometheus.GaugeValue
	if i.kind == counter {
		kind = prometheus.CounterValue
	}
	s.ch <- prometheus.MustNewConstMetric(s.descs[i], kind, v, labels...)
}

// distribution is part of sink.
func (s scrape) distribution(i *instrument, d distribution, labels ...string) {
	cumulative := make(map[float64]uint64, buckets)
	var n uint64
	for b, end := range bounds {
		n += d.counts[b]
		cumulative[end] = n
	}
	s.ch <- prometheus.MustNewConstHistogram(s.descs[i], d.total, d.sum.Seconds(), cumulative, labels...)
}
