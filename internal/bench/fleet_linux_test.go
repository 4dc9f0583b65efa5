package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// before starts a loop with a stub on it.
func before(t *testing.T, delay time.Duration) (*loop, *stub) {
	t.Helper()
	l, err := newLoop(false)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStub(l, delay)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.close()
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	return l, s
}

// newFleet makes a fleet that puts items at rate a second.
func newFleet(l *loop, rate float64) *fleet {
	next := uint64(0)
	return &fleet{
		loop: l, template: newTemplate("GetItem", getBody("bench")), source: newSource(0), rate: rate,
		number: func() uint64 { next++; return next },
	}
}

func TestNoAnswerIsEarlierThanTheStubsDelay(t *testing.T) {
	t.Parallel()
	const delay = 3 * time.Millisecond
	l, s := before(t, delay)
	for _, rate := range []float64{0, 500} {
		o, err := newFleet(l, rate).drive(s.endpoint(), 4, 200*time.Millisecond, 1)
		if err != nil {
			t.Fatal(err)
		}
		if o.requests == 0 || o.latencies[0] < delay {
			t.Errorf("at rate %v there were %d answers, the first after %v; none may come before %v", rate, o.requests, o.quantile(0), delay)
		}
		if most := 4 * int(200*time.Millisecond/delay); rate == 0 && o.requests > most {
			t.Errorf("4 clients were answered %d times, which cannot be more than %d", o.requests, most)
		}
		if asked := int(s.asked.Load()); asked < o.requests {
			t.Errorf("the stub counts %d requests, the fleet %d answers", asked, o.requests)
		}
	}
}

func TestFleetCountsFromWhenARequestWasDue(t *testing.T) {
	t.Parallel()
	l, s := before(t, 10*time.Millisecond)
	// One connection serves 100 a second; of 400 a second most wait for it ever longer.
	o, err := newFleet(l, 400).drive(s.endpoint(), 1, 100*time.Millisecond, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := o.quantile(1); got < 100*time.Millisecond {
		t.Errorf("the longest latency is %v, which leaves out the wait for a connection", got)
	}
}

func TestFleetEndsAtARefusal(t *testing.T) {
	t.Parallel()
	l, _ := before(t, time.Millisecond)
	f := newFleet(l, 0)
	refusing := answering(t, refuse)
	if _, err := f.drive(refusing, 2, time.Minute, 1); err == nil || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("a refusal gives %v", err)
	}
}

func TestStubWaitsForAWholeRequest(t *testing.T) {
	t.Parallel()
	whole := httpRequest("PutItem", putBody("bench"))
	head := bytes.Index(whole, []byte("\r\n\r\n")) + 4
	for n := range head {
		if _, _, size, err := readHead(whole[:n]); size != 0 || err != nil {
			t.Fatalf("%d of %d bytes are a head of %d, %v", n, head, size, err)
		}
	}
	operation, length, size, err := readHead(whole)
	if string(operation) != "PutItem" || size != head || size+length != len(whole) || err != nil {
		t.Errorf("head is %q, %d, %d, %v", operation, length, size, err)
	}
}
