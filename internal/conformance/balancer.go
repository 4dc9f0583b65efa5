package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// balancer is a Kubernetes Service in little: it gives each new connection to a node that was ready when it last looked, and
// knows nothing of requests.
type balancer struct {
	listener net.Listener
	nodes    []*supervisor
	isReady  []atomic.Bool
	next     atomic.Uint64
	working  sync.WaitGroup
	stop     context.CancelFunc
}

// lookEvery is how often the balancer asks for readiness. Nodes take requests for longer than that after SIGTERM.
const lookEvery = 50 * time.Millisecond

// balance starts one in front of nodes.
func balance(ctx context.Context, nodes ...*supervisor) (*balancer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &balancer{listener: l, nodes: nodes, isReady: make([]atomic.Bool, len(nodes))}
	ctx, b.stop = context.WithCancel(ctx)
	for i, n := range nodes {
		b.isReady[i].Store(true)
		b.working.Go(func() {
			tick := time.NewTicker(lookEvery)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					b.isReady[i].Store(isReady(ctx, n.admin))
				}
			}
		})
	}
	b.working.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed
			}
			b.working.Go(func() { b.forward(client) })
		}
	})
	return b, nil
}

// forward connects client with a ready node, and copies until one side ends.
func (b *balancer) forward(client net.Conn) {
	defer func() { _ = client.Close() }()
	for range b.nodes {
		i := int(b.next.Add(1)) % len(b.nodes)
		if !b.isReady[i].Load() {
			continue
		}
		node, err := net.Dial("tcp", b.nodes[i].address)
		if err != nil {
			continue
		}
		var both sync.WaitGroup
		both.Go(func() {
			_, _ = io.Copy(node, client)
			_ = node.(*net.TCPConn).CloseWrite()
		})
		_, _ = io.Copy(client, node)
		// The node has said all it will; a client that keeps the connection open must learn so.
		_ = client.Close()
		_ = node.Close()
		both.Wait()
		return
	}
}

// close ends it; clients must have gone.
func (b *balancer) close() error {
	b.stop()
	err := b.listener.Close()
	b.working.Wait()
	return err
}

// isReady asks an admin port once.
func isReady(ctx context.Context, admin string) bool {
	status, _, err := readiness(ctx, admin)
	return err == nil && status == http.StatusOK
}

// readiness is what /readyz?verbose answers.
func readiness(ctx context.Context, admin string) (status int, text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz?verbose", nil)
	if err != nil {
		return 0, "", err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), errors.Join(err, resp.Body.Close())
}
