package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// maxRequests bounds one stretch of load in number, as its duration bounds it in time.
const maxRequests = 2_000_000

// outcome is what a stretch of load came to.
type outcome struct {
	requests int
	// asked is how many requests a stub got meanwhile, those of the warm-up among them, where there is one.
	asked int
	took  time.Duration
	// clientCPU is what this process used meanwhile, for all its work.
	clientCPU time.Duration
	// serverCPU is what the server used, where that was looked at.
	serverCPU time.Duration
	// latencies are in ascending order.
	latencies []time.Duration
	// each are the requests, in no order, and from and until the time in which they were due, where that is noted.
	each        []timed
	from, until time.Time
	// late are how late requests were sent by the client's own fault, in ascending order, where that is known.
	late []time.Duration
}

// rate is requests a second.
func (o outcome) rate() float64 { return float64(o.requests) / o.took.Seconds() }

// quantile is the latency that a share q of all requests did not exceed.
func (o outcome) quantile(q float64) time.Duration { return quantile(o.latencies, q) }

// quantile is what a share q of ascending values does not exceed.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	return values[min(len(values)-1, int(q*float64(len(values))))]
}

// drive keeps n workers in this process busy for a while, each calling do again as soon as it returns: a closed loop, as a
// fleet's. The first error ends it.
func drive(ctx context.Context, n int, span time.Duration, do func(worker int) error) (outcome, error) {
	var (
		wg       sync.WaitGroup
		requests atomic.Int64
		failed   = make([]error, n)
		cpu      = processCPU()
		start    = time.Now()
	)
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	for w := range n {
		wg.Go(func() {
			for ctx.Err() == nil && requests.Load() < maxRequests {
				if failed[w] = do(w); failed[w] != nil {
					cancel()
					return
				}
				requests.Add(1)
			}
		})
	}
	wg.Wait()
	return outcome{requests: int(requests.Load()), took: time.Since(start), clientCPU: processCPU() - cpu}, errors.Join(failed...)
}

// loader fills and empties tables over a few connections.
type loader struct{ clients []*client }

// newLoader connects to endpoint.
func newLoader(endpoint string) (*loader, error) {
	clients, err := dialAll(endpoint, 8)
	return &loader{clients}, err
}

// close hangs up.
func (l *loader) close() { closeAll(l.clients) }

// call sends one request and returns a copy of its answer.
func (l *loader) call(operation, body string) (string, error) {
	b, err := l.clients[0].do(httpRequest(operation, body))
	if err != nil {
		return "", fmt.Errorf("%s: %w", operation, err)
	}
	return string(b), nil
}

// batches sends the batch that body makes of a size for keys from <= i < to, all connections at once. to-from is a
// multiple of batchSize, or what is over is sent in smaller batches by body of that size.
func (l *loader) batches(ctx context.Context, from, to uint64, body func(n int) string) error {
	var (
		wg     sync.WaitGroup
		next   atomic.Uint64
		failed = make([]error, len(l.clients))
	)
	next.Store(from)
	for w, c := range l.clients {
		wg.Go(func() {
			s := newSource(w)
			full := newTemplate("BatchWriteItem", body(batchSize))
			for ctx.Err() == nil {
				at := next.Add(batchSize) - batchSize
				if at >= to {
					return
				}
				t := full
				if to-at < batchSize {
					t = newTemplate("BatchWriteItem", body(int(to-at)))
				}
				if _, err := c.do(t.fill(s, at, 1)); err != nil {
					failed[w] = fmt.Errorf("BatchWriteItem: %w", err)
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(append(failed, ctx.Err())...)
}

// processCPU is the time this process has used so far.
func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
