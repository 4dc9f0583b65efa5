package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// syncedWriters is how many write at once on both sides, by targets row 17.
const syncedWriters = 64

// owedSynced is what row 17 owes.
const owedSynced = 0.35

// syncedPart measures synced PutItem over HTTP beside synced puts of the same keys and values into a Pebble of its own in
// this process, on the same disk.
type syncedPart struct {
	s   *settings
	got samples
	// servers are millrace, and an earlier build if there is one.
	servers []*server
	loop    *loop
	put     *template
	db      *pebble.DB
	sources []*source
	// nextPut and nextSet number the keys of each side.
	nextPut uint64
	nextSet atomic.Uint64
}

// newSyncedPart makes the part.
func newSyncedPart(s *settings) *syncedPart { return &syncedPart{s: s, got: samples{}} }

// setUp starts the server and opens the bare store with the engine's settings: of those that store.go gives Pebble only the
// delay of flushes after a table was dropped, and the number of shards that open files are kept in, are left out.
func (p *syncedPart) setUp(ctx context.Context) (err error) {
	if err = p.addServer(ctx, millraceWay, p.s.binary); err != nil {
		return err
	}
	if p.s.before != "" {
		if err := p.addServer(ctx, beforeWay, p.s.before); err != nil {
			return err
		}
	}
	if p.loop, err = newLoop(false); err != nil {
		return err
	}
	for w := range syncedWriters {
		p.sources = append(p.sources, newSource(w))
	}
	p.put = newTemplate("PutItem", putBody("synced"))
	options := &pebble.Options{
		MemTableSize: 16 << 20, MemTableStopWritesThreshold: 4, L0StopWritesThreshold: 1000, CacheSize: 64 << 20,
		FormatMajorVersion: pebble.FormatValueSeparation, Logger: quiet{},
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	p.db, err = pebble.Open(filepath.Join(p.s.dir, "pebble"), options)
	return err
}

// addServer starts a millrace and makes its table.
func (p *syncedPart) addServer(ctx context.Context, name, binary string) error {
	srv, err := startServer(ctx, binary, filepath.Join(p.s.dir, "synced-"+strings.ReplaceAll(name, " ", "-")))
	if err != nil {
		return err
	}
	p.servers = append(p.servers, srv)
	l, err := newLoader(srv.endpoint)
	if err != nil {
		return err
	}
	defer l.close()
	return l.table(ctx, createTable("synced", false))
}

// tearDown closes all.
func (p *syncedPart) tearDown() (err error) {
	for _, srv := range p.servers {
		err = errors.Join(err, srv.stop())
	}
	if p.loop != nil {
		err = errors.Join(err, p.loop.close())
	}
	if p.db != nil {
		err = errors.Join(err, p.db.Close())
	}
	return err
}

// round writes to each side for a while.
func (p *syncedPart) round(ctx context.Context, number int) error {
	sides := []func() error{func() error { return p.sets(ctx) }}
	for i, name := range []string{millraceWay, beforeWay}[:len(p.servers)] {
		sides = append(sides, func() error { return p.puts(ctx, name, p.servers[i]) })
	}
	return alternate(number, sides...)
}

// puts writes over HTTP.
func (p *syncedPart) puts(ctx context.Context, name string, srv *server) error {
	f := &fleet{loop: p.loop, whole: httpWhole("", func(_ int, body []byte) bool { return string(body) == "{}" }), next: func() (int, []byte) {
		p.nextPut++
		return 0, p.put.fill(p.sources[0], p.nextPut, 1)
	}}
	before := srv.cpu()
	o, err := f.drive(ctx, srv.endpoint, syncedWriters, load{span: p.s.span})
	if err != nil {
		return fmt.Errorf("PutItem: %w", err)
	}
	p.got.add(name, o.rate())
	p.got.add(name+" CPU", micros(srv.cpu()-before)/float64(o.requests))
	p.got.add(name+" client CPU", micros(o.clientCPU)/float64(o.requests))
	return nil
}

// sets writes to bare Pebble.
func (p *syncedPart) sets(ctx context.Context) error {
	var buffers [syncedWriters][keyLength + valueLength]byte
	o, err := drive(ctx, syncedWriters, p.s.span, func(w int) error {
		b := buffers[w][:]
		writeKey(b, p.nextSet.Add(1))
		p.sources[w].value(b[keyLength:])
		return p.db.Set(b[:keyLength], b[keyLength:], pebble.Sync)
	})
	if err != nil || o.requests == 0 {
		return errors.Join(errors.New("bare Pebble"), err)
	}
	p.got.add("pebble", o.rate())
	p.got.add("pebble CPU", micros(o.clientCPU)/float64(o.requests))
	return nil
}

// report prints row 17.
func (p *syncedPart) report(out io.Writer) {
	fmt.Fprintf(out, "row 17: synced writes, %d at once\n", syncedWriters)
	for _, name := range []string{millraceWay, beforeWay}[:len(p.servers)] {
		ratio := p.got.over(name, "pebble")
		row(out, "PutItem over HTTP, "+name+" ÷ bare Pebble, rate", ratio, atLeast(ratio, owedSynced))
		row(out, "  server's CPU a put ÷ bare Pebble's", p.got.over(name+" CPU", "pebble CPU"), "")
		row(out, "  the same in us", p.got[name+" CPU"], "")
		row(out, "  the clients' CPU a put, us (they share the machine)", p.got[name+" client CPU"], "")
		row(out, "  a second", p.got[name], "")
	}
	if len(p.servers) > 1 {
		row(out, millraceWay+" ÷ "+beforeWay+", rate", p.got.over(millraceWay, beforeWay), "")
		row(out, "  CPU a put", p.got.over(millraceWay+" CPU", beforeWay+" CPU"), "")
	}
	row(out, "bare Pebble, a second", p.got["pebble"], "")
}

// quiet keeps Pebble's log to itself.
type quiet struct{}

// Infof drops the line.
func (quiet) Infof(string, ...any) {}

// Errorf drops the line: what fails is returned by a call.
func (quiet) Errorf(string, ...any) {}

// Fatalf ends the run, as Pebble expects.
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
