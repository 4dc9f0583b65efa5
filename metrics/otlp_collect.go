package metrics

import (
	"context"
	runtimemetrics "runtime/metrics"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// producer gives all numbers to OpenTelemetry, under its own names.
type producer struct{ m *Metrics }

// Produce is part of OpenTelemetry's metric.Producer.
func (p producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	s := &otlpSink{start: p.m.start, now: time.Now(), by: map[*instrument]*metricdata.Metrics{}}
	p.m.collect(s)
	s.runtime()
	out := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: "millrace"}}
	for _, m := range s.order {
		out.Metrics = append(out.Metrics, *m)
	}
	return []metricdata.ScopeMetrics{out}, nil
}

// otlpSink is one collection.
type otlpSink struct {
	start, now time.Time
	by         map[*instrument]*metricdata.Metrics
	order      []*metricdata.Metrics
}

// family is the family of i, made when its first number comes.
func (s *otlpSink) family(i *instrument) *metricdata.Metrics {
	m := s.by[i]
	if m == nil {
		m = &metricdata.Metrics{Name: i.name, Description: i.help, Unit: i.unit}
		s.by[i] = m
		s.order = append(s.order, m)
	}
	return m
}

// labels are a point's.
func labels(i *instrument, values []string) attribute.Set {
	out := make([]attribute.KeyValue, len(values))
	for n, v := range values {
		out[n] = attribute.String(i.labels[n], v)
	}
	return attribute.NewSet(out...)
}

// number is part of sink.
func (s *otlpSink) number(i *instrument, v float64, values ...string) {
	m := s.family(i)
	point := metricdata.DataPoint[float64]{Attributes: labels(i, values), StartTime: s.start, Time: s.now, Value: v}
	if i.kind == counter {
		sum, _ := m.Data.(metricdata.Sum[float64])
		sum.Temporality, sum.IsMonotonic = metricdata.CumulativeTemporality, true
		sum.DataPoints = append(sum.DataPoints, point)
		m.Data = sum
		return
	}
	point.StartTime = time.Time{}
	g, _ := m.Data.(metricdata.Gauge[float64])
	g.DataPoints = append(g.DataPoints, point)
	m.Data = g
}

// clientDuration is the convention's own name for how long operations at a database take.
// (https://opentelemetry.io/docs/specs/semconv/db/database-metrics/.)
var clientDuration = instrument{"db.client.operation.duration", histogram, "s", "Duration of database client operations.", []string{"db.operation.name", "error.type"}}

// distribution is part of sink. The backend's goes by the convention's name too.
func (s *otlpSink) distribution(i *instrument, d distribution, values ...string) {
	s.point(i, d, labels(i, values))
	if i == &backendDuration {
		about := []attribute.KeyValue{attribute.String("db.system.name", "aws.dynamodb"), attribute.String("db.operation.name", values[0])}
		if values[1] != OK.String() {
			about = append(about, attribute.String("error.type", values[1]))
		}
		s.point(&clientDuration, d, attribute.NewSet(about...))
	}
}

// point adds a histogram.
func (s *otlpSink) point(i *instrument, d distribution, about attribute.Set) {
	m := s.family(i)
	h, _ := m.Data.(metricdata.Histogram[float64])
	h.Temporality = metricdata.CumulativeTemporality
	h.DataPoints = append(h.DataPoints, metricdata.HistogramDataPoint[float64]{
		Attributes: about, StartTime: s.start, Time: s.now,
		Count: d.total, Sum: d.sum.Seconds(), Bounds: bounds, BucketCounts: append([]uint64(nil), d.counts[:]...),
	})
	m.Data = h
}

// runtimeNumbers are what is told of Go's runtime, by the conventions' names.
// (https://opentelemetry.io/docs/specs/semconv/runtime/go-metrics/.)
var runtimeNumbers = []struct {
	from string
	as   instrument
}{
	{"/sched/goroutines:goroutines", instrument{"go.goroutine.count", gauge, "{goroutine}", "Count of live goroutines.", nil}},
	{"/memory/classes/total:bytes", instrument{"go.memory.used", gauge, "By", "Memory used by the Go runtime.", nil}},
	{"/gc/heap/allocs:bytes", instrument{"go.memory.allocated", counter, "By", "Memory allocated to the heap by the application.", nil}},
	{"/gc/heap/goal:bytes", instrument{"go.memory.gc.goal", gauge, "By", "Heap size target for the end of the GC cycle.", nil}},
	{"/cpu/classes/user:cpu-seconds", instrument{"go.cpu.user", counter, "s", "CPU time spent running user Go code, estimated by the runtime.", nil}},
	{"/cpu/classes/gc/total:cpu-seconds", instrument{"go.cpu.gc", counter, "s", "CPU time spent on garbage collection, estimated by the runtime.", nil}},
}

// runtime adds Go's runtime.
func (s *otlpSink) runtime() {
	samples := make([]runtimemetrics.Sample, len(runtimeNumbers))
	for i := range runtimeNumbers {
		samples[i].Name = runtimeNumbers[i].from
	}
	runtimemetrics.Read(samples)
	for i := range samples {
		switch v := samples[i].Value; v.Kind() {
		case runtimemetrics.KindUint64:
			s.number(&runtimeNumbers[i].as, float64(v.Uint64()))
		case runtimemetrics.KindFloat64:
			s.number(&runtimeNumbers[i].as, v.Float64())
		}
	}
}
