package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"syscall"
	"time"
)

// wire drives one server over many connections from one thread, so that the client costs less than any server and the
// same for all: requests are bytes made before, an answer is compared and forgotten. Every connection has one request in
// flight. It is used by one goroutine.
type wire struct {
	epoll    int
	conns    map[int32]*wireConn
	idle     []*wireConn
	requests [][]byte
	// whole returns the length of the answer to request i at the beginning of buf, 0 if it is not all there yet, and an
	// error if it is not the right one.
	whole func(i int, buf []byte) (int, error)
	next  *rand.Rand
	// answered are the latencies of the stretch that is run, if they are taken.
	answered []time.Duration
	count    int
	events   [128]syscall.EpollEvent
}

// wireConn is one connection.
type wireConn struct {
	fd   int
	buf  []byte
	have int
	// request is the index of the one in flight, due when it should have been sent.
	request int
	due     time.Time
}

// stallTimeout is how long a server may answer nobody before it counts as broken.
const stallTimeout = 10 * time.Second

// newWire connects n times to address.
func newWire(address string, n int, requests [][]byte, whole func(i int, buf []byte) (int, error)) (*wire, error) {
	a, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return nil, err
	}
	to := &syscall.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	w := &wire{epoll: epoll, conns: map[int32]*wireConn{}, requests: requests, whole: whole, next: rand.New(rand.NewPCG(1, 2))}
	for range n {
		if err := w.connect(to); err != nil {
			w.close()
			return nil, fmt.Errorf("connect to %s: %w", address, err)
		}
	}
	return w, nil
}

// connect opens one more connection.
func (w *wire) connect(to syscall.Sockaddr) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c := &wireConn{fd: fd, buf: make([]byte, 128<<10)}
	w.conns[int32(fd)] = c
	w.idle = append(w.idle, c)
	return errors.Join(
		syscall.Connect(fd, to),
		syscall.SetNonblock(fd, true),
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
		syscall.EpollCtl(w.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}),
	)
}

// close hangs up.
func (w *wire) close() {
	for _, c := range w.conns {
		_ = syscall.Close(c.fd)
	}
	_ = syscall.Close(w.epoll)
}

// send sends any request on an idle connection.
func (w *wire) send(due time.Time) error {
	c := w.idle[len(w.idle)-1]
	w.idle = w.idle[:len(w.idle)-1]
	c.request, c.due, c.have = w.next.IntN(len(w.requests)), due, 0
	request := w.requests[c.request]
	// The socket is empty, and its buffer larger than any request.
	n, err := syscall.Write(c.fd, request)
	if err == nil && n < len(request) {
		err = fmt.Errorf("%d of %d bytes were taken", n, len(request))
	}
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	return nil
}

// receive waits for answers, at most wait, and notes those that are whole.
func (w *wire) receive(wait time.Duration) error {
	n, err := syscall.EpollWait(w.epoll, w.events[:], int(wait.Milliseconds()))
	if err != nil {
		if errors.Is(err, syscall.EINTR) {
			return nil
		}
		return fmt.Errorf("epoll_wait: %w", err)
	}
	for _, e := range w.events[:n] {
		c := w.conns[e.Fd]
		n, err := syscall.Read(c.fd, c.buf[c.have:])
		switch {
		case errors.Is(err, syscall.EAGAIN):
			continue
		case err != nil:
			return fmt.Errorf("read answer: %w", err)
		case n == 0:
			return errors.New("read answer: the server hung up")
		}
		c.have += n
		length, err := w.whole(c.request, c.buf[:c.have])
		switch {
		case err != nil:
			return err
		case length == 0 && c.have == len(c.buf):
			return fmt.Errorf("answer has more than %d bytes", len(c.buf))
		case length == 0:
			continue
		case length != c.have:
			return fmt.Errorf("%d bytes came after an answer of %d", c.have-length, length)
		}
		w.count++
		if !c.due.IsZero() {
			w.answered = append(w.answered, time.Since(c.due))
		}
		w.idle = append(w.idle, c)
	}
	return nil
}

// run drives the server for a while: as fast as it answers where rate is 0, else at rate requests a second with latency
// counted from when each was due, whether or not a connection was free then. What is in flight at the end is waited for,
// and counted.
func (w *wire) run(ctx context.Context, span time.Duration, rate float64) (outcome, error) {
	w.answered, w.count = w.answered[:0], 0
	start, cpu := time.Now(), threadCPU()
	end, heard, seen := start.Add(span), start, 0
	sent := 0
	for {
		now := time.Now()
		over := now.After(end) || ctx.Err() != nil || sent >= maxRequests
		if over && len(w.idle) == len(w.conns) {
			break
		}
		if w.count > seen || sent == w.count {
			heard, seen = now, w.count
		} else if now.Sub(heard) > stallTimeout {
			return outcome{}, fmt.Errorf("no answer for %v", stallTimeout)
		}
		wait := 100 * time.Millisecond
		for !over && len(w.idle) > 0 {
			var due time.Time
			if rate > 0 {
				due = start.Add(time.Duration(float64(sent) / rate * float64(time.Second)))
				if wait = due.Sub(now); wait > 0 {
					break
				}
			}
			if err := w.send(due); err != nil {
				return outcome{}, err
			}
			sent++
		}
		// Less than a millisecond is waited for by looking again.
		if err := w.receive(max(0, wait)); err != nil {
			return outcome{}, err
		}
	}
	o := outcome{requests: w.count, took: time.Since(start), clientCPU: threadCPU() - cpu, latencies: slices.Clone(w.answered)}
	slices.Sort(o.latencies)
	if o.requests == 0 {
		return o, errors.Join(errors.New("no request was answered"), ctx.Err())
	}
	return o, ctx.Err()
}
