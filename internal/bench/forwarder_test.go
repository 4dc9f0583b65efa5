//go:build linux

package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

// The forwarder gives upstream's answers to its clients' requests, of any size, and ends with its context.
func TestForwarderPassesAllOn(t *testing.T) {
	t.Parallel()
	address, _, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	upstream := strings.TrimPrefix(echoing(t), "http://")
	go func() { ended <- serveForwarder(ctx, address, upstream) }()
	for start := time.Now(); ; {
		c, err := dial("http://" + address)
		if err == nil {
			if err := c.conn.Close(); err != nil {
				t.Fatal(err)
			}
			break
		}
		if time.Since(start) > 20*time.Second {
			t.Fatal(err)
		}
	}
	f := sending(t, "http://"+address, "X-Mark: here\r\n", func(i int, body []byte) bool { return string(body) == sized(i) })
	if o, err := f.run(t.Context(), load{span: 100 * time.Millisecond}); err != nil || o.requests == 0 {
		t.Errorf("through the forwarder %d requests were answered, %v", o.requests, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the forwarder ended with %v", err)
	}
}
