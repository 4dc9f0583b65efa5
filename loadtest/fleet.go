package loadtest

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// fleet sends a schedule's requests to one target over a fixed number of lanes. Each arrival is taken and readied by a lane
// before it is due, and let go by the pacer when it is. Where all lanes are busy arrivals wait, and their latency with them.
type fleet struct {
	clock    clock
	schedule schedule
	lanes    []*lane
	next     atomic.Int64
	// sleep makes what the pacer waits with, on the pacer's goroutine.
	sleep func() func(time.Duration)

	mu sync.Mutex

	// released is the number of the first arrival that the pacer has not come to. waiting holds the lanes that wait for
	// arrivals from there on, by number modulo length: they are fewer than lanes, and their numbers follow each other.
	released int
	waiting  []*lane
	// stopped keeps lanes from waiting for an arrival that will not be released.
	stopped bool
}

// segment is a stretch of a schedule that is sent in one go.
type segment struct {
	from, to int
	// origin is the time in the schedule at which the segment begins, span how long it is.
	origin, span time.Duration
	// start is when that is, by the fleet's clock; drain how long arrivals may wait for a lane after the segment's end.
	start, drain time.Duration
}

// lane is a connection and the goroutine that uses it.
type lane struct {
	fleet  *fleet
	conn   connection
	writer *writer
	req    request

	mu sync.Mutex

	samples, spare []sample
	errors         map[string]int
}

// sample is what became of one arrival.
type sample struct {
	// at is when it was due, in the schedule.
	at time.Duration
	// latency is from when it was due to its answer, service from when it was sent; lag is the difference.
	latency, service, lag time.Duration
	label                 uint8
	outcome               outcome
	// idle tells that a lane was waiting for it, so that lag is the client's own.
	idle, reads, missing, unprocessed bool
	cache                             cacheResult
	hits, keys                        uint8
}

// outcome is how an arrival ended.
type outcome uint8

// The outcomes.
const (
	// answered with a success.
	answered outcome = iota
	// refused by an exception.
	refused
	// timedOut: no answer in time; the latency is how long it was waited for.
	timedOut
	// broken: the connection could not be had or did not last.
	broken
	// dropped: no lane was free in time, so it was never sent; the latency is how long it had waited.
	dropped

	numOutcomes
)

// outcomeWords are indexed by outcome.
var outcomeWords = [numOutcomes]string{"answered", "refused", "timed out", "broken", "dropped"}

// abortGrace is how long answers are waited for after a run was interrupted.
const abortGrace = time.Second

// longestSleep bounds how late the pacer notices an interruption.
const longestSleep = 20 * time.Millisecond

// newFleet makes n lanes over connections that connect makes.
func newFleet(c clock, n int, fill []byte, connect func() connection) *fleet {
	f := &fleet{clock: c, waiting: make([]*lane, n), sleep: preciseSleep}
	for range n {
		f.lanes = append(f.lanes, &lane{fleet: f, conn: connect(), writer: newWriter(fill), errors: map[string]int{}})
	}
	return f
}

// close hangs up.
func (f *fleet) close() {
	for _, l := range f.lanes {
		l.conn.close()
	}
}

// run sends a segment of s and returns when every arrival has come to its end, or soon after ctx has; then some have no
// sample.
func (f *fleet) run(ctx context.Context, s schedule, seg segment) {
	f.schedule = s
	f.next.Store(int64(seg.from))
	f.mu.Lock()
	f.released, f.stopped = seg.from, false
	f.mu.Unlock()
	var wg sync.WaitGroup
	for _, l := range f.lanes {
		wg.Go(func() { l.run(seg) })
	}
	// The pacer is one of those that end: it gives its thread up with its goroutine.
	wg.Go(func() { f.pace(ctx, seg) })
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	f.stop()
	timer := time.NewTimer(abortGrace)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		for _, l := range f.lanes {
			l.conn.abort()
		}
		<-ended
	}
}

// pace lets arrivals go when they are due, until ctx ends.
func (f *fleet) pace(ctx context.Context, seg segment) {
	sleep := f.sleep()
	due := f.schedule.due()
	for k := seg.from; k < seg.to; k++ {
		at := seg.start + due[k] - seg.origin
		for d := at - f.clock.now(); d > 0; d = at - f.clock.now() {
			if ctx.Err() != nil {
				f.stop()
				return
			}
			sleep(min(d, longestSleep))
		}
		if l := f.take(k); l != nil {
			l.conn.release()
		}
	}
}

// take marks arrival k as due and gives the lane that waits for it, if there is one.
func (f *fleet) take(k int) *lane {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.released = k + 1
	slot := &f.waiting[k%len(f.waiting)]
	l := *slot
	*slot = nil
	return l
}

// What wait says.
const (
	// mustRelease: the arrival is due already.
	mustRelease = iota
	// willRelease: the pacer will let it go.
	willRelease
	// mustStop: there will be no more.
	mustStop
)

// wait puts a lane down for arrival k.
func (f *fleet) wait(l *lane, k int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.stopped:
		return mustStop
	case f.released > k:
		return mustRelease
	}
	f.waiting[k%len(f.waiting)] = l
	return willRelease
}

// withdraw takes a lane back, unless the pacer has it already.
func (f *fleet) withdraw(l *lane, k int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	slot := &f.waiting[k%len(f.waiting)]
	if *slot != l {
		return false
	}
	*slot = nil
	return true
}

// stop takes back what waits.
func (f *fleet) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	for i, l := range f.waiting {
		if l != nil {
			l.conn.interrupt()
			f.waiting[i] = nil
		}
	}
}

// run takes arrivals until there are no more.
func (l *lane) run(seg segment) {
	f := l.fleet
	due := f.schedule.due()
	for {
		k := int(f.next.Add(1) - 1)
		if k >= seg.to {
			return
		}
		at := seg.start + due[k] - seg.origin
		s := sample{at: due[k], label: uint8(f.schedule.label(k))}
		if now := f.clock.now(); now > seg.start+seg.span+seg.drain {
			s.outcome, s.latency = dropped, now-at
			l.add(s, "")
			continue
		}
		f.schedule.build(l.writer, k, &l.req)
		s.reads = l.req.reads
		if !l.ask(k, at, &s) {
			return
		}
	}
}

// ask sends one arrival and adds what became of it. It returns false if the run was stopped before.
func (l *lane) ask(k int, at time.Duration, s *sample) bool {
	f := l.fleet
	var a answer
	for {
		if err := l.conn.prepare(l.req.op, l.req.body); err != nil {
			return l.unreachable(k, at, s, err)
		}
		how := f.wait(l, k)
		if how == mustStop {
			return false
		}
		s.idle = how == willRelease
		if how == mustRelease {
			l.conn.release()
		}
		var err error
		a, err = l.conn.await()
		if errors.Is(err, errInterrupted) {
			return false
		}
		if errors.Is(err, errIdle) {
			if f.withdraw(l, k) {
				continue
			}
			// The pacer has it in hand and is about to let it go.
			for l.conn.released() == 0 && !f.isStopped() {
				runtime.Gosched()
			}
		}
		sent := l.conn.released()
		if err == nil && l.req.thenOp != 0 && a.code == "" {
			if err = l.conn.prepare(l.req.thenOp, l.req.then); err == nil {
				l.conn.release()
				var then answer
				then, err = l.conn.await()
				a.code = then.code
			}
		}
		l.finish(at, sent, s, a, err)
		return true
	}
}

// isStopped tells whether the run is being stopped.
func (f *fleet) isStopped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopped
}

// unreachable counts an arrival for which there is no connection, but not before it is due.
func (l *lane) unreachable(k int, at time.Duration, s *sample, err error) bool {
	for d := at - l.fleet.clock.now(); d > 0; d = at - l.fleet.clock.now() {
		if l.fleet.isStopped() {
			return false
		}
		time.Sleep(min(d, longestSleep))
	}
	l.finish(at, at, s, answer{}, err)
	return true
}

// finish completes a sample and adds it.
func (l *lane) finish(at, sent time.Duration, s *sample, a answer, err error) {
	now := l.fleet.clock.now()
	s.latency, s.service, s.lag = now-at, now-sent, sent-at
	s.cache, s.hits, s.keys = a.cache, uint8(min(a.hits, 255)), uint8(min(a.keys, 255))
	s.missing, s.unprocessed = l.req.finds && !a.found, a.unprocessed
	name := ""
	switch {
	case errors.Is(err, errTimeout):
		s.outcome = timedOut
	case err != nil:
		s.outcome, name = broken, reason(err)
	case a.code != "":
		s.outcome, name = refused, a.code
	}
	l.add(*s, name)
}

// reason is what broke a connection, without the addresses that make each one's text its own.
func reason(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// add keeps a sample until it is collected; name is an error's.
func (l *lane) add(s sample, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples = append(l.samples, s)
	if name != "" {
		l.errors[name]++
	}
}

// collect hands over what was added since the last time.
func (f *fleet) collect(each func(*sample), failed func(name string, n int)) {
	for _, l := range f.lanes {
		l.mu.Lock()
		samples := l.samples
		l.samples, l.spare = l.spare[:0], nil
		errs := l.errors
		if len(errs) > 0 {
			l.errors = map[string]int{}
		}
		l.mu.Unlock()
		for i := range samples {
			each(&samples[i])
		}
		for name, n := range errs {
			failed(name, n)
		}
		l.mu.Lock()
		l.spare = samples[:0]
		l.mu.Unlock()
	}
}
