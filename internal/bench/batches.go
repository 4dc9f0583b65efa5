package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// batchLoads are what missed batches are measured with, one after the other in a fresh process: so many callers, each of whom asks for so
// many batches of so many items of the table, whose values have so many bytes.
var batchLoads = []struct {
	name, table                  string
	items, value, callers, times int
}{
	{"40 items of 375 KB, once", "bulk", 40, bulkValue, 1, 1},
	{"25 items of 0.4 KB, 16 callers", "bench", 25, valueLength, 16, 100},
	{"40 items of 375 KB, 1 caller", "bulk", 40, bulkValue, 1, 8},
	{"40 items of 375 KB, 16 callers", "bulk", 40, bulkValue, 16, 2},
}

// bulkValue makes of 40 items 15 MB, near the most that a batch brings. (API Reference, BatchGetItem: 16 MB.)
const bulkValue = 375_000

// batchesPart measures what missed BatchGetItems take of CPU and resident memory: of a millrace before an upstream that answers at
// once, and of another build beside it.
type batchesPart struct {
	s        *settings
	got      samples
	upstream *batchUpstream
	source   *source
	next     uint64
}

// newBatchesPart makes the part.
func newBatchesPart(s *settings) *batchesPart {
	return &batchesPart{s: s, got: samples{}, source: newSource(0)}
}

// setUp starts upstream. Each round has processes of its own.
func (p *batchesPart) setUp(context.Context) (err error) {
	p.upstream, err = newBatchUpstream()
	return err
}

// tearDown stops it.
func (p *batchesPart) tearDown() error {
	if p.upstream != nil {
		p.upstream.close()
	}
	return nil
}

// round measures each build.
func (p *batchesPart) round(ctx context.Context, number int) error {
	sides := []func() error{func() error { return p.measure(ctx, millraceWay, p.s.binary) }}
	if p.s.before != "" {
		sides = append(sides, func() error { return p.measure(ctx, beforeWay, p.s.before) })
	}
	return alternate(number, sides...)
}

// measure starts a build and puts all loads on it.
func (p *batchesPart) measure(ctx context.Context, way, binary string) (err error) {
	dir := filepath.Join(p.s.dir, "batches-"+way)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// Else batches beyond a budget would be read as their clients sent them, and not be cached.
	config := filepath.Join(dir, "millrace.yaml")
	if err := os.WriteFile(config, []byte("tables: {\"*\": {refill_rate: 1000000}}\n"), 0o644); err != nil {
		return err
	}
	srv, err := startServerWith(ctx, nil, binary, dir, "--config", config, "--cache", "on", "--backend", "aws", "--upstream", p.upstream.endpoint(),
		"--upstream-kind", "generic", "--region", "us-east-1")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	before, _, err := srv.memory()
	if err != nil {
		return err
	}
	for _, l := range batchLoads {
		asked, cpu := p.upstream.asked.Load(), srv.cpu()
		if err := p.load(srv.endpoint, l.table, l.items, l.callers, l.times); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		n := l.callers * l.times
		if asked = p.upstream.asked.Load() - asked; asked < int64(n) {
			return fmt.Errorf("%s: upstream was asked %d times for %d batches, which are no misses then", l.name, asked, n)
		}
		p.got.add(figure(l.name, way, "cpu"), micros(srv.cpu()-cpu)/float64(n))
		_, peak, err := srv.memory()
		if err != nil {
			return err
		}
		cached, err := gauge(srv, `millrace_cache_bytes{cache="item"}`)
		if err != nil {
			return err
		}
		p.got.add(figure(l.name, way, "memory"), (peak-before-cached)/1e6)
	}
	return nil
}

// load asks for batches of keys that were never asked for.
func (p *batchesPart) load(endpoint, table string, items, callers, times int) error {
	clients, err := dialAll(endpoint, callers)
	if err != nil {
		return err
	}
	defer closeAll(clients)
	key := fmt.Sprintf(`{"pk":{"S":"%s"}},`, blankKey)
	body := fmt.Sprintf(`{"RequestItems":{%q:{"Keys":[%s]}}}`, table, strings.TrimSuffix(strings.Repeat(key, items), ","))
	requests := make([][][]byte, callers)
	for w := range requests {
		for range times {
			requests[w] = append(requests[w], newTemplate("BatchGetItem", body).fill(p.source, p.next, 1))
			p.next += uint64(items)
		}
	}
	var wg sync.WaitGroup
	failed := make([]error, callers)
	for w := range callers {
		wg.Go(func() {
			for _, r := range requests[w] {
				got, err := clients[w].do(r)
				if err == nil && len(got) < items*valueLength {
					err = fmt.Errorf("an answer has %d bytes", len(got))
				}
				if err != nil {
					failed[w] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// report prints the figures.
func (p *batchesPart) report(out io.Writer) {
	fmt.Fprintln(out, "Missed BatchGetItems before an upstream that answers at once")
	for _, l := range batchLoads {
		for _, f := range []struct{ name, unit string }{{"cpu", "CPU of a batch, us"}, {"memory", "most resident above idle and what is cached, MB"}} {
			for _, way := range []string{millraceWay, beforeWay} {
				if values := p.got[figure(l.name, way, f.name)]; len(values) > 0 {
					row(out, fmt.Sprintf("%s, %s: %s", l.name, way, f.unit), values, "")
				}
			}
			if ratios := p.got.over(figure(l.name, millraceWay, f.name), figure(l.name, beforeWay, f.name)); len(ratios) > 0 {
				row(out, "  millrace ÷ before", ratios, "")
			}
		}
	}
}

// batchUpstream answers BatchGetItems at once, with items whose attributes stand in another order than that of their names, as
// DynamoDB's do.
type batchUpstream struct {
	listener net.Listener
	serving  sync.WaitGroup
	asked    atomic.Int64

	mu    sync.Mutex
	conns []net.Conn
}

// newBatchUpstream listens on a free port.
func newBatchUpstream() (*batchUpstream, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &batchUpstream{listener: listener}
	u.serving.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			u.mu.Lock()
			u.conns = append(u.conns, c)
			u.mu.Unlock()
			u.serving.Go(func() {
				_ = u.serve(c) // whoever waits for an answer hears of it
				_ = c.Close()
			})
		}
	})
	return u, nil
}

// endpoint is its URL.
func (u *batchUpstream) endpoint() string { return "http://" + u.listener.Addr().String() }

// close ends all.
func (u *batchUpstream) close() {
	_ = u.listener.Close()
	u.mu.Lock()
	for _, c := range u.conns {
		_ = c.Close()
	}
	u.mu.Unlock()
	u.serving.Wait()
}

// serve answers the requests of one connection.
func (u *batchUpstream) serve(c net.Conn) error {
	in := bufio.NewReaderSize(c, 64<<10)
	var head, answer []byte
	for {
		head = head[:0]
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return err
			}
			if head = append(head, line...); len(line) <= 2 {
				break
			}
		}
		operation, length, _, err := readHead(head)
		if err != nil {
			return err
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(in, body); err != nil {
			return err
		}
		if answer = answer[:0]; string(operation) == "BatchGetItem" {
			u.asked.Add(1)
			answer = appendBatch(answer, string(body))
		} else {
			answer = answers.append(operation, answer, body, nil)
		}
		out := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Crc32: ")
		out = strconv.AppendUint(out, uint64(crc32.ChecksumIEEE(answer)), 10)
		out = append(strconv.AppendInt(append(out, "\r\nContent-Length: "...), int64(len(answer)), 10), "\r\n\r\n"...)
		parts := net.Buffers{out, answer}
		if _, err := parts.WriteTo(c); err != nil {
			return err
		}
	}
}

// appendBatch answers a BatchGetItem.
func appendBatch(dst []byte, body string) []byte {
	table, value := "bench", valueLength
	if strings.Contains(body, `"bulk"`) {
		table, value = "bulk", bulkValue
	}
	dst = append(append(append(dst, `{"Responses":{"`...), table...), `":[`...)
	for n := 0; ; n++ {
		_, rest, found := strings.Cut(body, `{"S":"`)
		if !found {
			return append(dst, `]},"UnprocessedKeys":{}}`...)
		}
		key, rest, _ := strings.Cut(rest, `"`)
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"v":{"S":"`...)
		for range value {
			dst = append(dst, 'v')
		}
		dst = append(append(append(dst, `"},"pk":{"S":"`...), key...), `"}}`...)
		body = rest
	}
}
