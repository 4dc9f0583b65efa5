package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
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
	s       *settings
	got     samples
	server  *server
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
	if p.server, err = startServer(ctx, p.s.binary, filepath.Join(p.s.dir, "synced")); err != nil {
		return err
	}
	if p.loop, err = newLoop(false); err != nil {
		return err
	}
	l, err := newLoader(p.server.endpoint)
	if err != nil {
		return err
	}
	defer l.close()
	if err := l.table(ctx, createTable("synced", false)); err != nil {
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

// tearDown closes both.
func (p *syncedPart) tearDown() (err error) {
	if p.server != nil {
		err = p.server.stop()
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
	return alternate(number, func() error {
		f := &fleet{loop: p.loop, whole: httpWhole("", func(_ int, body []byte) bool { return string(body) == "{}" }), next: func() (int, []byte) {
			p.nextPut++
			return 0, p.put.fill(p.sources[0], p.nextPut, 1)
		}}
		before := p.server.cpu()
		o, err := f.drive(ctx, p.server.endpoint, syncedWriters, load{span: p.s.span})
		if err != nil {
			return fmt.Errorf("PutItem: %w", err)
		}
		p.got.add("http", o.rate())
		p.got.add("server CPU", (p.server.cpu()-before).Seconds()/float64(o.requests))
		p.got.add("client CPU", o.clientCPU.Seconds()/float64(o.requests))
		return nil
	}, func() error {
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
		p.got.add("pebble CPU", o.clientCPU.Seconds()/float64(o.requests))
		return nil
	})
}

// report prints row 17.
func (p *syncedPart) report(out io.Writer) {
	fmt.Fprintf(out, "row 17: synced writes, %d at once\n", syncedWriters)
	ratio := p.got.over("http", "pebble")
	row(out, "PutItem over HTTP ÷ bare Pebble, rate", ratio, atLeast(ratio, owedSynced))
	row(out, "  server's CPU a put ÷ bare Pebble's", p.got.over("server CPU", "pebble CPU"), "")
	row(out, "  PutItem over HTTP, a second", p.got["http"], "")
	row(out, "  bare Pebble, a second", p.got["pebble"], "")
	row(out, "  the client's CPU a put ÷ the server's (both share the machine)", p.got.over("client CPU", "server CPU"), "")
}

// quiet keeps Pebble's log to itself.
type quiet struct{}

// Infof drops the line.
func (quiet) Infof(string, ...any) {}

// Errorf drops the line: what fails is returned by a call.
func (quiet) Errorf(string, ...any) {}

// Fatalf ends the run, as Pebble expects.
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
