package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// fleet is many clients of one server on one loop, each a keep-alive connection with at most one request in flight, so that
// they cost less than any server and the same for all: all load is made with it. In a closed loop each asks again as soon as
// it was answered. In an open one requests are due at times that nothing moves: one that finds no free connection waits for
// one, and its latency counts from when it was due. Connections stay from one load to the next.
type fleet struct {
	loop *loop
	// next makes a request, which is written before the call after it, and the number that whole knows it by.
	next func() (i int, request []byte)
	// whole returns the length of the answer to request i at the beginning of buf, 0 if it is not all there yet, and an
	// error if it is not the right one.
	whole func(i int, buf []byte) (int, error)

	// What follows belongs to the loop's thread, while there is load.
	load    load
	callers []*caller
	idle    []*caller
	free    time.Time   // since when one is idle
	owed    []time.Time // when requests were due that wait for one
	// nextDue is when the next request is due in an open loop, or when a closed one ends; the zero time once that is over.
	nextDue time.Time
	from    time.Time // from when on it is measured
	until   time.Time
	sent    int
	cpu     time.Duration // what the thread had used when the load began
	out     outcome
	failed  error
	running bool
	done    chan struct{}

	// answered counts answers of all loads; anybody may look.
	answered atomic.Int64
}

// caller is one of the connections.
type caller struct {
	socket
	// request is the number of the one in flight; due is since when it counts.
	request int
	due     time.Time
}

// load is what a fleet is to do.
type load struct {
	// span is how long requests are sent and counted, after warmUp, in which they are sent and not counted.
	span, warmUp time.Duration
	// rate is how many are due a second; 0 is a closed loop.
	rate float64
	// draw draws the times between requests, as of many independent callers; nil spaces them evenly.
	draw *rand.Rand
}

// stallTimeout is how long a server may answer nobody before it counts as broken.
const stallTimeout = 10 * time.Second

// connect opens n connections to address, a host and a port.
func (f *fleet) connect(address string, n int) error {
	for range n {
		c, err := net.DialTimeout("tcp", address, answerTimeout)
		if err != nil {
			return err
		}
		fd, err := descriptor(c)
		if err != nil {
			return err
		}
		k := &caller{socket: socket{fd: fd}}
		k.got = func(in []byte) (int, error) { return f.answer(k, in), nil }
		k.hungUp = func() error {
			f.fail(errors.New("read answer: the server hung up"))
			return nil
		}
		f.callers = append(f.callers, k)
	}
	return f.onLoop(func() error {
		for _, k := range f.callers {
			if err := f.loop.open(&k.socket); err != nil {
				return err
			}
		}
		return nil
	})
}

// close hangs up.
func (f *fleet) close() error {
	return f.onLoop(func() error {
		for _, k := range f.callers {
			if f.loop.sockets[k.fd] == &k.socket {
				f.loop.shut(&k.socket)
			}
		}
		return nil
	})
}

// drive connects n clients to endpoint, an http URL without a path, puts load on it and hangs up.
func (f *fleet) drive(ctx context.Context, endpoint string, n int, l load) (outcome, error) {
	if err := f.connect(strings.TrimPrefix(endpoint, "http://"), n); err != nil {
		return outcome{}, err
	}
	o, err := f.run(ctx, l)
	if closeErr := f.close(); err == nil {
		err = closeErr
	}
	return o, err
}

// onLoop runs do on the loop's thread and waits for it.
func (f *fleet) onLoop(do func() error) error {
	result := make(chan error, 1)
	if err := f.loop.post(func() { result <- do() }); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case err := <-f.loop.ended:
		f.loop.ended <- err
		return err
	}
}

// run puts load on the server and tells what came of it: of all that was asked for after the warm-up, which is waited for.
// The first wrong answer ends it, and the fleet is of no use then. An error of ctx's own says that nothing but ctx ended it.
func (f *fleet) run(ctx context.Context, l load) (outcome, error) {
	done := make(chan struct{})
	if err := f.onLoop(func() error { return f.begin(l, done) }); err != nil {
		return outcome{}, err
	}
	progress := time.NewTicker(stallTimeout)
	defer progress.Stop()
	ended, seen := ctx.Done(), int64(-1)
	for {
		select {
		case <-done:
			o := f.out
			o.latencies, o.late, o.each = slices.Clone(o.latencies), slices.Clone(o.late), slices.Clone(o.each)
			slices.Sort(o.latencies)
			slices.Sort(o.late)
			switch {
			case f.failed != nil:
				return o, f.failed
			case o.requests == 0:
				return o, errors.Join(fmt.Errorf("no request was answered in %v: the machine is too busy, or -for is too short", l.span), ctx.Err())
			}
			return o, ctx.Err()
		case err := <-f.loop.ended:
			f.loop.ended <- err
			return outcome{}, err
		case <-ended:
			ended = nil
			if err := f.loop.post(func() { f.until, f.nextDue, f.owed = time.Now(), time.Now(), nil }); err != nil {
				return outcome{}, err
			}
		case <-progress.C:
			now := f.answered.Load()
			if now == seen {
				err := fmt.Errorf("no answer for %v", stallTimeout)
				return outcome{}, errors.Join(err, f.onLoop(func() error { f.fail(err); return nil }))
			}
			seen = now
		}
	}
}

// begin starts the load, on the loop's thread as all that follows.
func (f *fleet) begin(l load, done chan struct{}) error {
	if f.failed != nil {
		return f.failed
	}
	now := time.Now()
	f.load, f.done, f.running, f.sent = l, done, true, 0
	f.from = now.Add(l.warmUp)
	f.until = f.from.Add(l.span)
	f.idle, f.owed, f.free = append(f.idle[:0], f.callers...), f.owed[:0], now
	f.out = outcome{latencies: f.out.latencies[:0], late: f.out.late[:0], each: f.out.each[:0], from: f.from, until: f.until}
	f.cpu = threadCPU()
	f.loop.alarms = append(f.loop.alarms, f)
	f.nextDue = now
	if l.rate == 0 {
		f.nextDue = f.until
		for _, k := range f.callers {
			f.ask(k, now)
		}
		f.idle = f.idle[:0]
	}
	return nil
}

// due is part of alarm.
func (f *fleet) due() time.Time { return f.nextDue }

// ring is part of alarm: what is due is sent. After the end nothing more is due, but what was is still sent and answered.
func (f *fleet) ring(now time.Time) error {
	for f.running && !f.nextDue.IsZero() && !now.Before(f.nextDue) {
		if !f.nextDue.Before(f.until) || f.sent+len(f.owed) >= maxRequests {
			f.nextDue = time.Time{}
			f.endIfIdle(now)
			return nil
		}
		if n := len(f.idle); n > 0 {
			k := f.idle[n-1]
			f.idle = f.idle[:n-1]
			f.noteLate(f.nextDue, min(now.Sub(f.nextDue), now.Sub(f.free)))
			f.ask(k, f.nextDue)
		} else {
			f.owed = append(f.owed, f.nextDue)
		}
		gap := 1.0
		if f.load.draw != nil {
			gap = f.load.draw.ExpFloat64()
		}
		f.nextDue = f.nextDue.Add(time.Duration(gap / f.load.rate * float64(time.Second)))
	}
	return nil
}

// noteLate notes how late a request was sent though a connection was free.
func (f *fleet) noteLate(due time.Time, late time.Duration) {
	if !due.Before(f.from) {
		f.out.late = append(f.out.late, late)
	}
}

// ask sends the next request over k. It counts from when it was due.
func (f *fleet) ask(k *caller, due time.Time) {
	i, request := f.next()
	k.request, k.due = i, due
	f.sent++
	if err := k.write(request); err != nil {
		f.fail(fmt.Errorf("write request: %w", err))
	}
}

// answer takes an answer in, sends what is next, and tells how much of in it was.
func (f *fleet) answer(k *caller, in []byte) (used int) {
	if !f.running {
		return len(in) // the load has failed
	}
	length, err := f.whole(k.request, in)
	switch {
	case err == nil && length == 0:
		return 0
	case err == nil && length < len(in):
		err = fmt.Errorf("%d bytes came after an answer of %d", len(in)-length, length)
	}
	if err != nil {
		f.fail(err)
		return len(in)
	}
	now := time.Now()
	f.answered.Add(1)
	if !k.due.Before(f.from) {
		f.out.requests++
		f.out.latencies = append(f.out.latencies, now.Sub(k.due))
		f.out.each = append(f.out.each, timed{k.due, now.Sub(k.due)})
	}
	switch {
	case len(f.owed) > 0:
		due := f.owed[0]
		f.owed = f.owed[:copy(f.owed, f.owed[1:])]
		f.noteLate(due, 0)
		f.ask(k, due)
		return length
	case f.load.rate == 0 && now.Before(f.until) && f.sent < maxRequests:
		f.ask(k, now)
		return length
	case len(f.idle) == 0:
		f.free = now
	}
	f.idle = append(f.idle, k)
	f.endIfIdle(now)
	return length
}

// endIfIdle ends the load once nothing more is due and nothing under way.
func (f *fleet) endIfIdle(now time.Time) {
	if f.running && len(f.idle) == len(f.callers) && (f.nextDue.IsZero() || f.load.rate == 0) {
		f.out.took, f.out.clientCPU = now.Sub(f.from), threadCPU()-f.cpu
		f.end()
	}
}

// fail ends the load at the first thing that goes wrong.
func (f *fleet) fail(err error) {
	if f.failed == nil {
		f.failed = err
	}
	if f.running {
		f.end()
	}
}

// end tells run that the load is over.
func (f *fleet) end() {
	f.running = false
	f.loop.alarms = slices.DeleteFunc(f.loop.alarms, func(a alarm) bool { return a == alarm(f) })
	close(f.done)
}
