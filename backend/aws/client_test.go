package aws

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"millrace/ddb"
)

// One connection serves requests one after the other, whatever they and their answers are like.
func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	large := `{"x":"` + strings.Repeat("y", 1<<20) + `"}`
	chunked := func(c net.Conn) bool {
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
		return err == nil
	}
	up := script(t, reply(200, `{}`), reply(200, large), chunked, reply(400, `{"__type":"x#ValidationException"}`), reply(200, ``), reply(200, `{}`))
	b := open(t, testConfig(up.url))
	for i, body := range []string{`{}`, `{"a":1}`, large, `{}`, strings.Repeat(" ", copiedBody+1) + `{}`, `{}`} {
		op := ddb.PutItem
		if i == 4 {
			op = ddb.TagResource // which answers nothing
		}
		if _, err := do(b, op, body); err != nil && i != 3 {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	if len(up.conns) != 1 || len(up.requests) != 6 || up.requests[2].body != large {
		t.Errorf("%d requests over %d connections, want 6 over 1", len(up.requests), len(up.conns))
	}
}

// What upstream says without being asked is no answer to the next request.
func TestUnaskedBytesEndAConnection(t *testing.T) {
	t.Parallel()
	f := func(name string, first step) {
		t.Helper()
		up := script(t, first, reply(200, `{"second":1}`))
		b := open(t, testConfig(up.url))
		if got, err := do(b, ddb.PutItem, `{}`); err != nil || got != `{"first":1}` {
			t.Fatalf("%s: first answer %q, %v", name, got, err)
		}
		if got, err := do(b, ddb.PutItem, `{}`); err != nil || got != `{"second":1}` {
			t.Errorf("%s: second answer %q, %v", name, got, err)
		}
	}
	more := "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"false\":1}"
	f("in the same piece", func(c net.Conn) bool {
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"first\":1}"+more)
		return err == nil
	})
	f("a connection that closes", func(c net.Conn) bool {
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"first\":1}"+more)
		return err == nil
	})
}

// A request that never went out is known not to have been applied, also when it is time that ran out.
func TestRequestWithoutTimeIsUnsent(t *testing.T) {
	t.Parallel()
	up := script(t, reply(200, `{}`))
	b := open(t, testConfig(up.url))
	if _, err := do(b, ddb.PutItem, `{}`); err != nil {
		t.Fatal(err)
	}
	e, err := b.endpoint(ddb.NewRequest(ddb.PutItem, nil))
	if err != nil {
		t.Fatal(err)
	}
	c := e.calls.Get().(*call)
	c.prepare("DynamoDB_20120810.PutItem", "", []byte(`{}`))
	h, err := b.credentialsFor(context.Background(), time.Now().Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if a := b.send(context.Background(), e, c, h, false, time.Now().Add(-time.Second)); a.outcome != notSent {
		t.Errorf("a request whose time is over ends as %d, %v; want not sent", a.outcome, a.err)
	}
	if got := len(up.got()); got != 1 {
		t.Errorf("%d requests arrived, want 1", got)
	}
}

// Connections that nobody uses are closed, the others kept.
func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	up := script(t, reply(200, `{}`))
	b := open(t, testConfig(up.url))
	if _, err := do(b, ddb.GetItem, `{}`); err != nil {
		t.Fatal(err)
	}
	b.endpoints.sweep(time.Now().Add(-idleConnection))
	if _, err := do(b, ddb.GetItem, `{}`); err != nil {
		t.Fatal(err)
	}
	select {
	case <-up.gone:
		t.Error("a connection in use was closed")
	default:
	}
	b.endpoints.sweep(time.Now().Add(time.Second))
	<-up.gone
}
