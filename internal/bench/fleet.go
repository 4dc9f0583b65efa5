package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// fleet is many clients on one loop, each a keep-alive connection with at most one request in flight. In a closed loop each
// asks again as soon as it was answered. In an open one requests are due at times drawn beforehand, as those of many
// independent callers are: a request that finds no free connection waits for one, and its latency counts from when it was due.
type fleet struct {
	loop     *loop
	clients  []*socket
	template *template
	source   *source
	number   func() uint64 // of the next key

	// rate is 0 in a closed loop.
	rate  float64
	draw  *rand.Rand
	next  time.Time // when the next request is due in an open loop
	from  time.Time // from when on it is measured
	until time.Time
	idle  []*socket
	owed  []time.Time // requests that wait for a connection

	asked     map[*socket]time.Time // since when each request counts
	latencies []time.Duration
	late      []time.Duration // how late requests were sent
	answered  int
	failed    error
	done      chan struct{}
}

// fleetWarmUp is how long load goes on before anything is counted.
const fleetWarmUp = 200 * time.Millisecond

// drive opens n connections to endpoint, puts load on it for span, and tells what came of it. Seed decides when requests
// are due.
func (f *fleet) drive(endpoint string, n int, span time.Duration, seed uint64) (outcome, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return outcome{}, err
	}
	for range n {
		c, err := net.DialTimeout("tcp", u.Host, answerTimeout)
		if err != nil {
			return outcome{}, err
		}
		fd, err := descriptor(c)
		if err != nil {
			return outcome{}, err
		}
		k := &socket{fd: fd}
		k.got = func(in []byte) (int, error) { return f.answer(k, in) }
		k.hungUp = func() error { return f.fail(errors.New("a connection was closed")) }
		f.clients = append(f.clients, k)
	}
	f.idle, f.asked, f.done = slices.Clone(f.clients), map[*socket]time.Time{}, make(chan struct{})
	f.draw = rand.New(rand.NewPCG(seed, 2))
	if err := f.loop.post(func() { f.begin(span) }); err != nil {
		return outcome{}, err
	}
	select {
	case <-f.done:
	case err := <-f.loop.ended:
		f.loop.ended <- err
		return outcome{}, err
	case <-time.After(span + answerTimeout):
		return outcome{}, errors.New("requests were not answered in time")
	}
	o := outcome{requests: f.answered, took: f.until.Sub(f.from), latencies: f.latencies, late: f.late}
	slices.Sort(o.latencies)
	slices.Sort(o.late)
	return o, f.failed
}

// begin starts the load, on the loop's thread.
func (f *fleet) begin(span time.Duration) {
	now := time.Now()
	f.from = now.Add(fleetWarmUp)
	f.until = f.from.Add(span)
	for _, k := range f.clients {
		if err := f.loop.open(k); err != nil {
			f.failed = err
		}
	}
	f.loop.alarms = append(f.loop.alarms, f)
	f.next = now
	if f.rate == 0 {
		f.next = f.until
		for _, k := range f.clients {
			f.ask(k, now, now)
		}
	}
}

// due is part of alarm.
func (f *fleet) due() time.Time { return f.next }

// ring is part of alarm: what is due is sent. After the end nothing more is due, but what was is still sent and answered.
func (f *fleet) ring(now time.Time) error {
	for !f.next.IsZero() && !now.Before(f.next) {
		if f.failed != nil || !f.next.Before(f.until) {
			f.next = time.Time{}
			return f.end()
		}
		if n := len(f.idle); n > 0 {
			k := f.idle[n-1]
			f.idle = f.idle[:n-1]
			f.ask(k, f.next, now)
		} else {
			f.owed = append(f.owed, f.next)
		}
		f.next = f.next.Add(time.Duration(f.draw.ExpFloat64() / f.rate * float64(time.Second)))
	}
	return nil
}

// ask sends the next request over k. It counts from when it was due.
func (f *fleet) ask(k *socket, due, now time.Time) {
	f.asked[k] = due
	if f.rate > 0 && !due.Before(f.from) {
		f.late = append(f.late, now.Sub(due))
	}
	if err := k.write(f.template.fill(f.source, f.number(), 1)); err != nil {
		f.failed = err
	}
}

// fail notes the first thing that went wrong; ring then ends the load.
func (f *fleet) fail(err error) error {
	if f.failed == nil && len(f.asked) > 0 {
		f.failed = err
	}
	f.next = time.Now()
	return nil
}

// answer takes an answer in, and sends what is next.
func (f *fleet) answer(k *socket, in []byte) (used int, err error) {
	size := bytes.Index(in, []byte("\r\n\r\n")) + 4
	if size < 4 {
		return 0, nil
	}
	length := -1
	if _, v, ok := bytes.Cut(in[:size], []byte("\r\nContent-Length: ")); ok {
		v, _, _ = bytes.Cut(v, []byte("\r\n"))
		if length, err = strconv.Atoi(string(v)); err != nil {
			return 0, err
		}
	}
	if length < 0 || string(in[9:12]) != "200" {
		return len(in), f.fail(fmt.Errorf("answered with %.400q", in))
	}
	if len(in) < size+length {
		return 0, nil
	}
	now := time.Now()
	due := f.asked[k]
	delete(f.asked, k)
	if !due.Before(f.from) && (f.rate > 0 || now.Before(f.until)) {
		f.answered++
		f.latencies = append(f.latencies, now.Sub(due))
	}
	switch {
	case len(f.owed) > 0:
		due := f.owed[0]
		f.owed = f.owed[:copy(f.owed, f.owed[1:])]
		f.ask(k, due, now)
	case f.next.IsZero():
		return size + length, f.end()
	case f.rate == 0:
		f.ask(k, now, now)
	default:
		f.idle = append(f.idle, k)
	}
	return size + length, nil
}

// end hangs up once nothing is under way any more, or something is wrong.
func (f *fleet) end() error {
	if len(f.asked) > 0 && f.failed == nil {
		return nil
	}
	for _, k := range f.clients {
		if f.loop.sockets[k.fd] == k {
			f.loop.shut(k)
		}
	}
	f.loop.alarms = slices.DeleteFunc(f.loop.alarms, func(a alarm) bool { return a == alarm(f) })
	close(f.done)
	return nil
}
