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
	db      *pebble.DB
	sources []*source
	puts    []*template
	// next is the number of the next key, on each side.
	nextPut, nextSet atomic.Uint64
}

// newSyncedPart makes the part.
func newSyncedPart(s *settings) *syncedPart { return &syncedPart{s: s, got: samples{}} }

// setUp starts the server and opens the bare store with the engine's settings: of those that store.go gives Pebble only the
// delay of flushes after a table was dropped, and the number of shards that open files are kept in, are left out.
func (p *syncedPart) setUp(ctx context.Context) (err error) {
	if p.server, err = startServer(ctx, p.s.binary, filepath.Join(p.s.dir, "synced")); err != nil {
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
		p.puts = append(p.puts, newTemplate("PutItem", putBody("synced")))
	}
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
	if p.db != nil {
		err = errors.Join(err, p.db.Close())
	}
	return err
}

// round writes to each side for a while.
func (p *syncedPart) round(ctx context.Context, number int) error {
	return alternate(number, func() error {
		clients, err := dialAll(p.server.endpoint, syncedWriters)
		if err != nil {
			return err
		}
		defer closeAll(clients)
		before := p.server.cpu()
		o, err := drive(ctx, syncedWriters, p.s.span, func(w int) error {
			_, err := clients[w].do(p.puts[w].fill(p.sources[w], p.nextPut.Add(1), 1))
			return err
		})
		if err != nil || o.requests == 0 {
			return errors.Join(errors.New("PutItem"), err)
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
