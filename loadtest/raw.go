package loadtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"millrace/ddb"
)

// largeRequest is the size up to which a request is written by whoever releases it. Larger ones might have to wait for the
// other side to read, and others are due meanwhile.
const largeRequest = 16 << 10

// dialTimeout bounds connecting, name look-up and TLS included.
const dialTimeout = 10 * time.Second

// rawTarget is what all raw connections to one target share. It is immutable.
type rawTarget struct {
	addr string
	tls  *tls.Config
	// dial opens a connection, without TLS.
	dial    func(ctx context.Context) (net.Conn, error)
	heads   [ddb.NumOperations][]byte
	clock   clock
	timeout time.Duration
	// signer signs for real; nil sends headers that only look signed.
	signer *signer
}

// newRawTarget prepares for endpoint, an http or https URL.
func newRawTarget(endpoint string, c clock, timeout time.Duration, s *signer) (*rawTarget, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return nil, fmt.Errorf("target %q, must be a URL such as http://127.0.0.1:8000", endpoint)
	}
	t := &rawTarget{addr: u.Host, clock: c, timeout: timeout, signer: s}
	port := u.Port()
	if u.Scheme == "https" {
		t.tls = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	if port == "" {
		port = u.Scheme
	}
	t.addr = net.JoinHostPort(u.Hostname(), port)
	t.dial = func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", t.addr)
	}
	for op := ddb.UnknownOperation + 1; op < ddb.NumOperations; op++ {
		facts := op.Facts()
		t.heads[op] = fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: %s\r\nX-Amz-Target: %s.%s\r\n", u.Host, facts.Service, facts.Name)
	}
	if s != nil {
		s.host, s.url = u.Host, u.Scheme+"://"+u.Host+"/"
	}
	return t, nil
}

// rawConn is a keep-alive HTTP/1.1 connection with one request in flight. It implements connection.
type rawConn struct {
	target *rawTarget
	in     *bufio.Reader
	out    []byte
	body   []byte
	last   bool // the other side said that it closes

	sent        atomic.Int64
	interrupted atomic.Bool
	aborted     atomic.Bool

	// writing is held while out is being sent: an answer may be there before the write has returned.
	writing sync.Mutex

	mu sync.Mutex

	// conn is nil when there is none. Its pointer is the preparing goroutine's; others read it under mu.
	conn net.Conn
}

// newRawConn makes a connection that is opened when it is first needed.
func newRawConn(t *rawTarget) *rawConn { return &rawConn{target: t} }

// connect opens the connection unless it is open.
func (c *rawConn) connect() error {
	if c.conn != nil && !c.last {
		return nil
	}
	c.close()
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	conn, err := c.target.dial(ctx)
	if err != nil {
		return err
	}
	if c.target.tls != nil {
		secure := tls.Client(conn, c.target.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return err
		}
		conn = secure
	}
	c.mu.Lock()
	c.conn, c.last = conn, false
	c.mu.Unlock()
	if c.in == nil {
		c.in = bufio.NewReaderSize(conn, 32<<10)
	} else {
		c.in.Reset(conn)
	}
	return nil
}

// prepare is part of connection.
func (c *rawConn) prepare(op ddb.Operation, body []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.sent.Store(0)
	if err := c.connect(); err != nil {
		return err
	}
	c.out = append(c.out[:0], c.target.heads[op]...)
	if c.target.signer == nil {
		c.out = append(c.out, looksSigned...)
	} else {
		var err error
		if c.out, err = c.target.signer.appendHeaders(c.out, op, body); err != nil {
			return err
		}
	}
	c.out = strconv.AppendInt(append(c.out, "Content-Length: "...), int64(len(body)), 10)
	c.out = append(append(c.out, "\r\n\r\n"...), body...)
	return nil
}

// release is part of connection.
func (c *rawConn) release() {
	c.writing.Lock()
	if len(c.out) > largeRequest {
		go c.write()
		return
	}
	c.write()
}

// write sends the request and unlocks writing. It ends at the latest when the deadline that it sets is over. What goes
// wrong shows at the other end of the connection, in await.
func (c *rawConn) write() {
	defer c.writing.Unlock()
	_ = c.conn.SetDeadline(time.Now().Add(c.target.timeout))
	c.sent.Store(int64(c.target.clock.now()))
	if _, err := c.conn.Write(c.out); err != nil {
		_ = c.conn.Close()
	}
}

// released is part of connection.
func (c *rawConn) released() time.Duration { return time.Duration(c.sent.Load()) }

// interrupt is part of connection.
func (c *rawConn) interrupt() {
	c.interrupted.Store(true)
	c.expire()
}

// abort is part of connection.
func (c *rawConn) abort() {
	c.aborted.Store(true)
	c.expire()
}

// expire makes a read return.
func (c *rawConn) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// close is part of connection.
func (c *rawConn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// await is part of connection.
func (c *rawConn) await() (answer, error) {
	for {
		_, err := c.in.Peek(1)
		if err == nil {
			break
		}
		sent := c.released()
		var timeout net.Error
		late := errors.As(err, &timeout) && timeout.Timeout()
		switch {
		case sent == 0 && c.interrupted.Swap(false):
			return answer{}, errInterrupted
		case sent == 0 && !late:
			c.last = true
			return answer{}, errIdle
		case late && c.aborted.Load() || late && sent != 0 && c.target.clock.now()-sent >= c.target.timeout:
			c.last = true
			return answer{}, errTimeout
		case !late:
			c.last = true
			return answer{}, fmt.Errorf("connection broke before an answer: %w", err)
		}
		// The deadline was the last request's, from before this one was let go.
		_ = c.conn.SetReadDeadline(time.Now().Add(c.target.timeout))
	}
	a, err := c.read()
	if err != nil {
		c.last = true
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return a, errTimeout
		}
		return a, fmt.Errorf("read answer: %w", err)
	}
	return a, nil
}

// readBody appends n bytes to the body.
func (c *rawConn) readBody(n int) error {
	from := len(c.body)
	if need := from + n; need > cap(c.body) {
		c.body = append(make([]byte, 0, need+need/2), c.body...)
	}
	c.body = c.body[:from+n]
	_, err := io.ReadFull(c.in, c.body[from:])
	return err
}
