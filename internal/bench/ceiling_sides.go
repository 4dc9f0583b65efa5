package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// besideGetItem adds what a GetItem is compared with.
func (p *ceilingPart) besideGetItem(ctx context.Context) error {
	return errors.Join(p.addScraped(ctx), p.addBare(ctx), p.addRedis(ctx), p.addMemcached(ctx))
}

// besideQuery adds what a Query is compared with.
func (p *ceilingPart) besideQuery(ctx context.Context) error {
	return errors.Join(p.addScraped(ctx), p.addBare(ctx))
}

// besideBatch adds the batches, answered by the same server.
func (p *ceilingPart) besideBatch(context.Context) error {
	requests := batches()
	answers, err := warm(p.server.endpoint, requests)
	if err == nil {
		p.addHits(batchSide, p.server, requests, answers)
	}
	return err
}

// besidePeers adds the peers that were named.
func (p *ceilingPart) besidePeers(ctx context.Context) error {
	keys := make([][]byte, len(p.requests))
	for i, r := range p.requests {
		keys[i] = []byte(cacheKey(r))
	}
	for _, name := range slices.Sorted(maps.Keys(p.s.peers)) {
		peer := p.s.peers[name]
		if err := fillPeer(ctx, peer.endpoint, newSource(0)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		answers, err := warm(peer.endpoint, p.requests)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		p.sides = append(p.sides, &contender{name: name, address: strings.TrimPrefix(peer.endpoint, "http://"), pid: peer.pid, requests: p.requests,
			// Some order an item's attributes anew in every answer.
			whole: httpWhole("", func(i int, body []byte) bool {
				return len(body) == len(answers[i]) && bytes.Contains(body, keys[i])
			})})
	}
	return nil
}

// addScraped adds a millrace whose metrics are scraped and pushed.
func (p *ceilingPart) addScraped(ctx context.Context) error {
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	p.stops = append(p.stops, func() error { sink.Close(); return nil })
	srv, err := p.startSidecar(ctx, scrapedSide, "OTEL_EXPORTER_OTLP_ENDPOINT="+sink.URL, "OTEL_TRACES_EXPORTER=none",
		fmt.Sprintf("OTEL_METRIC_EXPORT_INTERVAL=%d", scrapeInterval.Milliseconds()))
	if err != nil {
		return err
	}
	answers, err := warm(srv.endpoint, p.requests)
	if err != nil {
		return err
	}
	p.addHits(scrapedSide, srv, p.requests, answers).during = func(ctx context.Context) error { return scrape(ctx, srv.admin) }
	return nil
}

// scrape reads the metrics on an admin port until ctx ends.
func scrape(ctx context.Context, admin string) error {
	tick := time.NewTicker(scrapeInterval)
	defer tick.Stop()
	for {
		resp, err := http.Get("http://" + admin + "/metrics")
		if err != nil {
			return fmt.Errorf("scrape: %w", err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("scrape: status %d, %w", resp.StatusCode, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// addBare adds the bare servers, which give one of millrace's own answers.
func (p *ceilingPart) addBare(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	whole := httpWhole(hitMark, func(_ int, body []byte) bool { return bytes.Equal(body, p.answers[0]) })
	answer, err := rawAnswer(p.server.endpoint, p.requests[0], whole)
	if err != nil {
		return err
	}
	file := filepath.Join(p.dir, "answer")
	if err := os.WriteFile(file, answer, 0o644); err != nil {
		return err
	}
	for _, kind := range bareKinds {
		name := strings.ReplaceAll(kind, "/", "")
		err := p.addProcess(ctx, kind, whole, p.requests, func(address string) (*process, error) {
			return startProcess(ctx, p.dir, name, address, onServerCore, self, "-bare", kind, "-listen", address, "-answer", file)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// addProcess starts a process on a free port and adds it as a side.
func (p *ceilingPart) addProcess(_ context.Context, name string, whole func(int, []byte) (int, error), requests [][]byte, start func(address string) (*process, error)) error {
	address, _, err := freePorts()
	if err != nil {
		return err
	}
	proc, err := start(address)
	if err != nil {
		return err
	}
	p.stops = append(p.stops, proc.stop)
	p.sides = append(p.sides, &contender{name: name, address: address, pid: proc.cmd.Process.Pid, requests: requests, whole: whole})
	return nil
}

// rawAnswer is one whole answer, head and all.
func rawAnswer(endpoint string, request []byte, whole func(int, []byte) (int, error)) ([]byte, error) {
	c, err := dial(endpoint)
	if err != nil {
		return nil, err
	}
	defer closeAll([]*client{c})
	if err := c.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	buf := make([]byte, 0, 128<<10)
	for {
		n, err := c.conn.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return nil, err
		}
		buf = buf[:len(buf)+n]
		if length, err := whole(0, buf); err != nil || length > 0 {
			return buf, err
		}
	}
}

// cacheKey is the key in a GetItem of ours, which names the item in other caches.
func cacheKey(request []byte) string {
	at := places(request, `"pk":{"S":"`)[0] + len(`"pk":{"S":"`)
	return string(request[at : at+keyLength])
}

// addRedis adds Debian's Redis with the same bytes as values, one command in flight per connection.
func (p *ceilingPart) addRedis(ctx context.Context) error {
	var gets, answers, sets [][]byte
	for i, r := range p.requests {
		key, value := cacheKey(r), p.answers[i]
		gets = append(gets, fmt.Appendf(nil, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(key), key))
		sets = append(sets, fmt.Appendf(nil, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(key), key, len(value), value))
		answers = append(answers, fmt.Appendf(nil, "$%d\r\n%s\r\n", len(value), value))
	}
	return p.addCache(ctx, redisSide, "redis-server", gets, answers, sets, "+OK\r\n", func(port string) []string {
		return []string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"}
	})
}

// addMemcached adds Debian's memcached, likewise. It has one thread, for one core.
func (p *ceilingPart) addMemcached(ctx context.Context) error {
	var gets, answers, sets [][]byte
	for i, r := range p.requests {
		key, value := cacheKey(r), p.answers[i]
		gets = append(gets, fmt.Appendf(nil, "get %s\r\n", key))
		sets = append(sets, fmt.Appendf(nil, "set %s 0 0 %d\r\n%s\r\n", key, len(value), value))
		answers = append(answers, fmt.Appendf(nil, "VALUE %s 0 %d\r\n%s\r\nEND\r\n", key, len(value), value))
	}
	return p.addCache(ctx, cachedSide, "memcached", gets, answers, sets, "STORED\r\n", func(port string) []string {
		return []string{"-l", "127.0.0.1", "-p", port, "-t", "1", "-u", "nobody"}
	})
}

// addCache adds another cache if it is installed.
func (p *ceilingPart) addCache(ctx context.Context, name, program string, gets, answers, sets [][]byte, stored string, args func(port string) []string) error {
	path, err := exec.LookPath(program)
	if err != nil {
		p.missing = append(p.missing, fmt.Sprintf("%s: not measured, %v", name, err))
		return nil
	}
	err = p.addProcess(ctx, name, sameBytes(answers), gets, func(address string) (*process, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return startProcess(ctx, p.dir, program, address, onServerCore, path, args(port)...)
	})
	if err != nil {
		return err
	}
	c, err := net.Dial("tcp", p.side(name).address)
	if err != nil {
		return err
	}
	defer c.Close()
	got := make([]byte, len(stored))
	for _, set := range sets {
		if _, err := c.Write(set); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, got); err != nil || string(got) != stored {
			return fmt.Errorf("fill %s: answered %q, %w", name, got, err)
		}
	}
	return nil
}
