//go:build !race

package aws

import (
	"context"
	"net"
	"testing"
	"time"

	"millrace/ddb"
)

// allocationsOfARequest are those of one request and its answer, which is released: its request id.
const allocationsOfARequest = 1

func TestRequestsMakeLittleGarbage(t *testing.T) {
	up := script(t, reply(200, `{"Item":{"p":{"S":"x"}}}`))
	b := open(t, testConfig(up.url))
	// Over a socket upstream's garbage would be counted with ours.
	e, err := b.endpoint(ddb.NewRequest(ddb.GetItem, nil))
	if err != nil {
		t.Fatal(err)
	}
	e.client.dial = func(time.Time) (*conn, error) { return newConn(&canned{}, &canned{}), nil }
	ctx, req := context.Background(), ddb.NewRequest(ddb.GetItem, []byte(`{}`))
	n := testing.AllocsPerRun(200, func() {
		resp, err := b.Do(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Release()
	})
	if n > allocationsOfARequest {
		t.Errorf("a request makes %v allocations, want %d at most", n, allocationsOfARequest)
	}
}

// canned is a connection that answers each request with the same bytes.
type canned struct{ net.Conn }

// Read is part of net.Conn.
func (*canned) Read(p []byte) (int, error) { return copy(p, plainText), nil }

// Write is part of net.Conn.
func (*canned) Write(p []byte) (int, error) { return len(p), nil }

// SetDeadline is part of net.Conn.
func (*canned) SetDeadline(time.Time) error { return nil }

// Close is part of net.Conn.
func (*canned) Close() error { return nil }
