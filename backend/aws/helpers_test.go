package aws

import (
	"bufio"
	"context"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"millrace/ddb"
)

// scripted is an upstream over a real socket that answers each request by the next of its steps, and the last step for
// ever after.
type scripted struct {
	url string
	// gone receives once for each connection that has ended.
	gone chan bool

	mu sync.Mutex

	steps    []step
	requests []seen
	conns    map[net.Conn]bool
}

// seen is a request as it arrived.
type seen struct {
	header http.Header
	host   string
	body   string
}

// step answers one request that was read whole. It reports whether the connection stays open.
type step func(c net.Conn) bool

// script starts an upstream with the given steps.
func script(t *testing.T, steps ...step) *scripted {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{url: "http://" + l.Addr().String(), gone: make(chan bool, 1000), steps: steps, conns: map[net.Conn]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			s.mu.Unlock()
			serving.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.hangUp()
		serving.Wait()
	})
	return s
}

// hangUp closes all connections there are.
func (s *scripted) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// serve answers one connection's requests.
func (s *scripted) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		s.gone <- true
	}()
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.requests = append(s.requests, seen{req.Header, req.Host, string(body)})
		do := s.steps[0]
		if len(s.steps) > 1 {
			s.steps = s.steps[1:]
		}
		s.mu.Unlock()
		if !do(c) {
			return
		}
	}
}

// got are the requests so far.
func (s *scripted) got() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.requests...)
}

// reply answers with a status, a body and headers in pairs, and a right checksum.
func reply(status int, body string, headers ...string) step {
	return func(c net.Conn) bool {
		h := http.Header{"X-Amzn-Requestid": {"UPSTREAMID"}, "Content-Type": {contentType}}
		h.Set(headerCRC, strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 10))
		for i := 0; i < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		text := "HTTP/1.1 " + strconv.Itoa(status) + " X\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
		for name := range h {
			text += name + ": " + h.Get(name) + "\r\n"
		}
		_, err := io.WriteString(c, text+"\r\n"+body)
		return err == nil
	}
}

// cut closes the connection without an answer, and partly after a part of one.
func cut(net.Conn) bool { return false }

// partly closes the connection in the middle of an answer.
func partly(c net.Conn) bool {
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"It")
	return false
}

// mute never answers; the connection ends with the test or when the client hangs up.
func mute(c net.Conn) bool {
	_, _ = io.Copy(io.Discard, c)
	return false
}

// fixed are credentials that do not end.
func fixed() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret", SessionToken: "token", Source: "fixed"}, nil
	})
}

// testConfig is a backend's for the upstream at url, without randomness, and with patience for a busy machine.
func testConfig(url string) Config {
	c := DefaultConfig()
	c.Endpoint.URL, c.Region, c.Credentials = url, "eu-west-1", fixed()
	c.Timeout, c.AttemptTimeout, c.QueueTimeout = 2*time.Minute, time.Minute, time.Minute
	c.Random = func() float64 { return 0 }
	return c
}

// open makes a backend that ends with the test.
func open(t *testing.T, c Config) *Backend {
	t.Helper()
	b, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return b
}

// do sends a body and returns the answer's.
func do(b *Backend, op ddb.Operation, body string) (string, error) {
	resp, err := b.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
	if err != nil {
		return "", err
	}
	out, err := resp.JSON()
	return string(out), err
}
