package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"millrace/internal/units"
)

// What the caches' run goes by.
const (
	// fewEntries is what many entries are held against.
	fewEntries = 10_000
	// cachedBytes are the bytes of one cached item: its key and its JSON, as they are answered.
	cachedBytes = keyLength + len(`{"pk":{"S":""},"v":{"S":""}}`) + keyLength + valueLength
	// batchGets is the most keys that one BatchGetItem takes. (API Reference, BatchGetItem: RequestItems.)
	batchGets = 100
	// roomPerEntry is the budget for an entry, about what it takes: the caches are as full as they are in use.
	roomPerEntry = 670
	// forcedCycles is how many collections one figure is the mean of: CPU times come in steps of 10 ms.
	forcedCycles = 5
	// smallBudget is the budget that is filled in every way to see that it holds, and growKeys the keys that grow in it.
	smallBudget, growKeys = 256 << 20, 20_000
	// oneShots are the keys that are asked for once, each longKey characters long.
	oneShots, longKey = 200_000, 1000
	// targetEntries is how many entries rows 10 and 11 are owed with: beside few, what an idle process takes is most of it.
	targetEntries = 5_000_000
	// neededPerEntry is the memory that the run takes for each entry: the caches', their process's and what the others have.
	neededPerEntry = 1000
)

// cacheServer is a millrace before a stub, with a budget for its caches.
func cacheServer(ctx context.Context, s *settings, name string, upstream *stub, budget int64) (*server, error) {
	dir := filepath.Join(s.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "millrace.yaml")
	// A time to live beyond the run, and profiles, which are how a collection is forced.
	if err := os.WriteFile(config, []byte("admin:\n  pprof: true\ncache:\n  item_ttl: 1h\n"), 0o600); err != nil {
		return nil, err
	}
	return startServer(ctx, s.binary, dir, "--config", config, "--cache", "on", "--cache-memory", fmt.Sprintf("%dMiB", budget>>20),
		"--backend", "aws", "--upstream", upstream.endpoint(), "--upstream-kind", "generic", "--region", "us-east-1")
}

// measureCaches measures what the caches hold, what they cost the collector, what their size costs a hit, and whether their
// budget holds.
func measureCaches(ctx context.Context, s *settings, out io.Writer) (err error) {
	if err := roomFor(s.entries); err != nil {
		return err
	}
	fmt.Fprintf(out, "caches of %d items of %d bytes, key and JSON; %s\n", s.entries, cachedBytes, machine())
	l, err := newLoop(false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	upstream, err := newStub(l, 0)
	if err != nil {
		return err
	}
	defer upstream.close()
	if err := measureFull(ctx, s, out, l, upstream); err != nil {
		return err
	}
	return measureBudget(ctx, s, out, l, upstream)
}

// roomFor is an error if the system does not have the memory that so many entries take: it would end some process in the middle.
func roomFor(entries int) error {
	need := units.Bytes(entries) * neededPerEntry
	if most, ok := availableMemory(); ok && need > most {
		return fmt.Errorf("%d entries take %v of memory and %v is available; ask for fewer with -entries", entries, need>>20<<20, most>>20<<20)
	}
	return nil
}

// owedOfMany is a verdict on what is owed with targetEntries, of so many: of fewer it is no judgement.
func owedOfMany(entries int, verdict string) string {
	if entries < targetEntries {
		return fmt.Sprintf("owed of %d entries", targetEntries)
	}
	return verdict
}

// measureFull is rows 10 to 12 of the targets.
func measureFull(ctx context.Context, s *settings, out io.Writer, l *loop, upstream *stub) (err error) {
	small, err := cacheServer(ctx, s, "few", upstream, smallBudget)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, small.stop()) }()
	large, err := cacheServer(ctx, s, "many", upstream, int64(s.entries)*roomPerEntry)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, large.stop()) }()
	start := time.Now()
	if err := errors.Join(readAll(ctx, small, fewEntries), readAll(ctx, large, uint64(s.entries))); err != nil {
		return err
	}
	loaded, _, err := large.memory()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  loaded in %.0f s: %.0f MB resident; %s\n", time.Since(start).Seconds(), loaded/1e6, machine())
	if err := churn(ctx, large, uint64(s.entries)); err != nil {
		return err
	}
	after, _, err := large.memory()
	if err != nil {
		return err
	}
	held, err := gauge(large, `millrace_cache_entries{cache="item"}`)
	if err != nil {
		return err
	}
	got := samples{}
	got.add("resident", after/(held*float64(cachedBytes)))
	row(out, fmt.Sprintf("row 11: resident / cached bytes, %.0f entries after half were replaced", held), got["resident"], owedOfMany(s.entries, atMost(got["resident"], 1.7)))
	for range s.rounds {
		cycle, err := collect(large)
		if err != nil {
			return err
		}
		got.add("collection", millis(cycle)/(held/1e6))
	}
	row(out, "row 12: CPU of a forced collection for a million entries, ms", got["collection"], atMost(got["collection"], 100))
	for number := range s.rounds {
		err := alternate(number,
			func() error { return hits(ctx, s, l, small, fewEntries, got, "few") },
			func() error { return hits(ctx, s, l, large, uint64(s.entries), got, "many") })
		if err != nil {
			return err
		}
	}
	row(out, "row 10: CPU of a hit, many entries / few, random keys", got.over("many", "few"), owedOfMany(s.entries, atMost(got.over("many", "few"), 1.25)))
	row(out, "CPU of a hit with many, us", got["many"], "")
	return nil
}

// work makes what one worker does with a number, over a connection and with a source of its own. Requests are made once, here.
type work func(c *client, s *source) func(i uint64) error

// eachWorker has numbers 0 to n-1 worked on, spread over connections to srv.
func eachWorker(ctx context.Context, srv *server, n uint64, make work) error {
	clients, err := dialAll(srv.endpoint, closedClients)
	if err != nil {
		return err
	}
	defer closeAll(clients)
	var next atomic.Uint64
	var wg sync.WaitGroup
	var failed [closedClients]error
	for w, c := range clients {
		wg.Go(func() {
			do := make(c, newSource(w))
			for ctx.Err() == nil && failed[w] == nil {
				i := next.Add(1) - 1
				if i >= n {
					return
				}
				failed[w] = do(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errors.Join(failed[:]...), ctx.Err())
}

// each sends one request for each number, with its key.
func each(operation, body string) work {
	return func(c *client, _ *source) func(uint64) error {
		request := newTemplate(operation, body)
		return func(i uint64) error {
			_, err := c.do(request.fill(nil, i, 1))
			return err
		}
	}
}

// readAll has srv cache items 0 to n-1.
func readAll(ctx context.Context, srv *server, n uint64) error {
	key := fmt.Sprintf(`{"pk":{"S":"%s"}}`, blankKey)
	body := fmt.Sprintf(`{"RequestItems":{"bench":{"Keys":[%s]}}}`, strings.TrimSuffix(strings.Repeat(key+",", batchGets), ","))
	return eachWorker(ctx, srv, n/batchGets, func(c *client, _ *source) func(uint64) error {
		get := newTemplate("BatchGetItem", body)
		return func(i uint64) error {
			_, err := c.do(get.fill(nil, i*batchGets, 1))
			return err
		}
	})
}

// churn replaces half as many items at random as there are, one in ten by a write of one item, which is
// cached in its place, the rest by batches of writes, which remove what is cached, and reads that bring it back.
func churn(ctx context.Context, srv *server, n uint64) error {
	one := putBody("bench")
	if err := eachWorker(ctx, srv, n/20, func(c *client, s *source) func(uint64) error {
		put := newTemplate("PutItem", one)
		return func(uint64) error {
			_, err := c.do(put.fill(s, s.r.Uint64N(n), 1))
			return err
		}
	}); err != nil {
		return err
	}
	many := batchPut("bench", batchSize, "")
	key := fmt.Sprintf(`{"pk":{"S":"%s"}}`, blankKey)
	body := fmt.Sprintf(`{"RequestItems":{"bench":{"Keys":[%s]}}}`, strings.TrimSuffix(strings.Repeat(key+",", batchSize), ","))
	return eachWorker(ctx, srv, n*9/20/batchSize, func(c *client, s *source) func(uint64) error {
		put, get := newTemplate("BatchWriteItem", many), newTemplate("BatchGetItem", body)
		return func(uint64) error {
			first := s.r.Uint64N(n - batchSize)
			if _, err := c.do(put.fill(s, first, 1)); err != nil {
				return err
			}
			_, err := c.do(get.fill(nil, first, 1))
			return err
		}
	})
}

// hits notes the CPU of srv for a hit on one of n items.
func hits(ctx context.Context, s *settings, l *loop, srv *server, n uint64, got samples, name string) (err error) {
	get, source := newTemplate("GetItem", fmt.Sprintf(`{"Key":{"pk":{"S":"%s"}},"TableName":"bench"}`, blankKey)), newSource(0)
	f := &fleet{
		loop: l, whole: httpWhole("", func(int, []byte) bool { return true }),
		next: func() (int, []byte) { return 0, get.fill(source, source.r.Uint64N(n), 1) },
	}
	if err := f.connect(strings.TrimPrefix(srv.endpoint, "http://"), closedClients); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if _, err := f.run(ctx, load{span: 100 * time.Millisecond}); err != nil {
		return err
	}
	misses, err := gauge(srv, `millrace_cache_requests_total{cache="item",operation="GetItem",result="miss",table="bench"}`)
	if err != nil {
		return err
	}
	before := srv.cpu()
	o, err := f.run(ctx, load{span: s.span})
	if err != nil {
		return err
	}
	used := srv.cpu() - before
	if missed, err := gauge(srv, `millrace_cache_requests_total{cache="item",operation="GetItem",result="miss",table="bench"}`); err != nil || missed-misses > float64(o.requests)/100 {
		return errors.Join(err, fmt.Errorf("%.0f of %d requests were misses", missed-misses, o.requests))
	}
	got.add(name, float64(used.Microseconds())/float64(o.requests))
	return nil
}

// collect is the CPU that one forced collection takes in srv.
func collect(srv *server) (time.Duration, error) {
	times := [2]time.Duration{}
	for i, query := range []string{"", "?gc=1"} {
		before := srv.cpu()
		for range forcedCycles {
			if _, err := srv.ask("/debug/pprof/heap" + query); err != nil {
				return 0, err
			}
		}
		times[i] = srv.cpu() - before
	}
	return max(0, times[1]-times[0]) / forcedCycles, nil
}

// gauge is the value of one metric; 0 where it is not shown.
func gauge(srv *server, name string) (value float64, err error) {
	text, err := srv.ask("/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			_, err = fmt.Sscan(rest, &value)
			return value, err
		}
	}
	return 0, nil
}

// ask is what srv's admin port answers.
func (s *server) ask(path string) (string, error) {
	resp, err := http.Get("http://" + s.admin + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered with %s", path, resp.Status)
	}
	return string(b), err
}

// measureBudget is row 14: what a process takes more than it did idle while its caches are filled in every way that their budget must stand.
func measureBudget(ctx context.Context, s *settings, out io.Writer, l *loop, upstream *stub) (err error) {
	srv, err := cacheServer(ctx, s, "budget", upstream, smallBudget)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	// What requests take whatever is cached is there before.
	if err := hits(ctx, s, l, srv, 100, samples{}, ""); err != nil {
		return err
	}
	idle, _, err := srv.memory()
	if err != nil {
		return err
	}
	for _, phase := range []struct {
		name string
		run  func() error
	}{
		{"updates that grow to 25 KB", func() error {
			for n := 100; n <= 25_600; n *= 2 {
				body := fmt.Sprintf(`{"Item":{"pk":{"S":"%s"},"v":{"S":"%s"}},"TableName":"bench"}`, blankKey, strings.Repeat("v", n))
				err := eachWorker(ctx, srv, growKeys, each("PutItem", body))
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"keys of 1 KB asked for once", func() error {
			body := fmt.Sprintf(`{"Key":{"pk":{"S":"%s%s"}},"TableName":"bench"}`, strings.Repeat("k", longKey-keyLength), blankKey)
			return eachWorker(ctx, srv, oneShots, each("GetItem", body))
		}},
	} {
		if err := phase.run(); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
		now, peak, err := srv.memory()
		if err != nil {
			return err
		}
		growth := []float64{(peak - idle) / smallBudget}
		rowTo(out, 4, fmt.Sprintf("row 14: most resident above idle (%.0f MB) / budget, after %s", idle/1e6, phase.name), growth, atMost(growth, 1.1))
		rowTo(out, 4, "the same at the end", []float64{(now - idle) / smallBudget}, "")
	}
	return nil
}
