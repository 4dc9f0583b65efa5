package loadtest

import (
	"testing"
	"time"

	"millrace/ddb"
)

// benchPlan is a plan to take requests from.
func benchPlan(b *testing.B, name string) *plan {
	b.Helper()
	w, err := LoadWorkload(name)
	if err != nil {
		b.Fatal(err)
	}
	m, err := w.compile("", 1)
	if err != nil {
		b.Fatal(err)
	}
	times, err := arrivals(Poisson, 10_000, time.Second, 1)
	if err != nil {
		b.Fatal(err)
	}
	return newPlan(m, times, 1, time.Unix(0, 0), map[*kind]int{})
}

// BenchmarkBuild is what a request costs before it is due: choosing its key, making its body and its head.
func BenchmarkBuild(b *testing.B) {
	for _, name := range []string{"ycsb-b", "single-table"} {
		b.Run(name, func(b *testing.B) {
			p := benchPlan(b, name)
			w := newWriter(newFill(1))
			target, err := newRawTarget("http://127.0.0.1:1", clock{time.Now()}, time.Second, nil)
			if err != nil {
				b.Fatal(err)
			}
			s := newStub(nil)
			target.dial = s.pipe
			c := newRawConn(target)
			var r request
			b.ReportAllocs()
			k := 0
			for b.Loop() {
				p.build(w, k%len(p.times), &r)
				if err := c.prepare(r.op, r.body); err != nil {
					b.Fatal(err)
				}
				k++
			}
			c.close()
			s.wg.Wait()
		})
	}
}

// BenchmarkRecord is what a sample costs when it is counted.
func BenchmarkRecord(b *testing.B) {
	s := newStats([]string{"get"}, time.Minute)
	p := sample{latency: 150 * time.Microsecond, service: 130 * time.Microsecond, lag: 20 * time.Microsecond, idle: true, reads: true, cache: cacheHit, hits: 1, keys: 1}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.latency = time.Duration(100_000 + i%50_000)
		s.add(&p, time.Duration(i%60)*time.Second)
	}
}

// Building and sending a request, once its memory has grown, allocates nothing: the collector must not be seen in the tail.
func TestBuildingAllocatesNothing(t *testing.T) {
	for _, name := range WorkloadNames() {
		w, err := LoadWorkload(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := w.compile("", 0.01)
		if err != nil {
			t.Fatal(err)
		}
		times, err := arrivals(Constant, 1000, time.Second, 1)
		if err != nil {
			t.Fatal(err)
		}
		p := newPlan(m, times, 1, time.Unix(0, 0), map[*kind]int{})
		wr := newWriter(newFill(1))
		r := request{body: make([]byte, 0, 1<<20), then: make([]byte, 0, 1<<20)}
		k := 0
		allocs := testing.AllocsPerRun(500, func() {
			p.build(wr, k%len(times), &r)
			k++
		})
		// A batch's closures are the exception: one or two small ones.
		if allocs > 1 {
			t.Errorf("%s: building allocates %v times a request", name, allocs)
		}
		if r.op == ddb.UnknownOperation {
			t.Errorf("%s: nothing was built", name)
		}
	}
}
