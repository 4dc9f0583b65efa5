package history

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// faultProxy stands between a client and a server on the level of TCP, and is unkind to a share of the requests. It reads
// whole requests and replies, so that it knows where it cuts: a proxy that delays or cuts bytes at random seldom cuts
// between a commit and its acknowledgement.
type faultProxy struct {
	upstream string
	listener net.Listener
	// share is how many of a thousand requests meet a fault.
	share int
	// late is longer than a client waits.
	late time.Duration
	done chan struct{}

	mu  sync.Mutex
	rng *rand.Rand

	counts [numFaults]atomic.Int64
	serves sync.WaitGroup
}

// fault is what happens to one request.
type fault int

// The faults: the connection ends before the request is forwarded; after half of it; once it was forwarded; with a reset
// then; when the answer is there; in the middle of the answer; the request is forwarded when its client no longer waits;
// it takes a few milliseconds longer.
const (
	cutBefore fault = iota
	cutInside
	cutForwarded
	resetForwarded
	cutAnswered
	cutInAnswer
	forwardLate
	slow
	numFaults
	none
)

// newFaultProxy starts a proxy before the server at address upstream. It ends with the test.
func newFaultProxy(t *testing.T, upstream string, share int, late time.Duration, seed uint64) *faultProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &faultProxy{upstream: upstream, listener: l, share: share, late: late, done: make(chan struct{}), rng: rand.New(rand.NewPCG(seed, 77))}
	p.serves.Go(p.accept)
	t.Cleanup(func() {
		close(p.done)
		_ = l.Close()
		p.serves.Wait()
	})
	return p
}

// url is where clients go.
func (p *faultProxy) url() string { return "http://" + p.listener.Addr().String() }

// draw decides about one request: where to cut something that long, and how.
func (p *faultProxy) draw() (fault, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, d := none, time.Duration(1+p.rng.IntN(15))*time.Millisecond
	if p.rng.IntN(1000) < p.share {
		f = fault(p.rng.IntN(int(numFaults)))
		p.counts[f].Add(1)
	}
	return f, d
}

// accept serves connections until the listener is closed.
func (p *faultProxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.serves.Go(func() { p.serve(client) })
	}
}

// serve handles one connection.
func (p *faultProxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.upstream)
	if err != nil {
		_ = client.Close()
		return
	}
	over := make(chan struct{})
	p.serves.Go(func() {
		select {
		case <-p.done:
		case <-over:
		}
		_ = client.Close()
		_ = server.Close()
	})
	defer close(over)
	fromClient, fromServer := bufio.NewReader(client), bufio.NewReader(server)
	for {
		req, err := http.ReadRequest(fromClient)
		if err != nil {
			return
		}
		request, err := whole(req.Body, req.Write)
		if err != nil {
			return
		}
		f, d := p.draw()
		switch f {
		case cutBefore:
			return
		case cutInside:
			_, _ = server.Write(request[:len(request)/2])
			return
		case forwardLate:
			p.wait(p.late)
		case slow:
			p.wait(d)
		}
		if _, err := server.Write(request); err != nil {
			return
		}
		switch f {
		case cutForwarded:
			return
		case resetForwarded:
			_ = client.(*net.TCPConn).SetLinger(0)
			return
		}
		resp, err := http.ReadResponse(fromServer, req)
		if err != nil {
			return
		}
		answer, err := whole(resp.Body, resp.Write)
		if err != nil {
			return
		}
		switch f {
		case cutAnswered:
			return
		case cutInAnswer:
			_, _ = client.Write(answer[:len(answer)/2])
			return
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

// whole gives the bytes of a message, whose body write reads.
func whole(body io.Closer, write func(io.Writer) error) ([]byte, error) {
	var b bytes.Buffer
	err := write(&b)
	_ = body.Close()
	return b.Bytes(), err
}

// wait lets time pass, unless the test ends.
func (p *faultProxy) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.done:
	}
}
