// Package verify finds out from outside whether a DynamoDB API keeps what a coherent cache promises: it writes and reads
// as applications do, records every operation with the time it took, and looks for reads that missed what had been
// acknowledged. It knows millrace by a header alone and talks to anything that speaks the API.
//
// Each row of a report is a promise with the number of reads that were held against it. A row that was broken has
// histories to show for it. A cache that never answers passes all tests of staleness, so hits are counted too, and so does
// whoever is asked nothing, so samples are.
//
// Run makes tables of its own, called millrace-verify-…, and deletes them whatever happens. It touches no others.
package verify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"millrace/internal/amazon"
)

// Promise is what reads that do not ask for more are held against.
type Promise string

// Session: a read shows all that was acknowledged through the same endpoint, and answers never go back. Eventual: it
// shows what was acknowledged a bound ago, as DynamoDB's eventually consistent reads do in practice. Auto is Eventual for
// AWS's own endpoints and Session for others.
const (
	Auto     Promise = "auto"
	Session  Promise = "session"
	Eventual Promise = "eventual"
)

// Config says what to probe and how much of it.
type Config struct {
	// Name is the target's in reports. Target and Writer are URLs; Writer may be empty.
	Name, Target, Writer string
	Promise              Promise
	// Bound is how long a write past the target may stay unseen; IndexBound how long a global index may take by itself.
	Bound, IndexBound time.Duration
	// MinHits is the least share of cache hits in rows that can have them; below 0 it is 0.3 if the target says what
	// was a hit, and nothing otherwise.
	MinHits float64
	// MinSamples is the least number of samples in a row: of changes that were acknowledged and then looked at. Rows that
	// make few by their nature need 8 at most.
	MinSamples int
	// Duration bounds the time of the probes, without that of making tables. A row that needs longer is cut short, except
	// that each has the time to see its bound exceeded.
	Duration time.Duration
	// Concurrency is the number of clients of a row that write; Rounds how many writes each makes.
	Concurrency, Rounds int
	// Seed decides what is written; what meets what is up to the network.
	Seed uint64
	// Only are the names of rows to run, all if it is empty.
	Only []string
	// Progress is told what is going on, a line at a time. It may be called by several goroutines, nil for by none.
	Progress func(string)

	// indexLags tells that a global index is known to answer from replicas: the target or writer is AWS.
	indexLags bool
}

// DefaultConfig suits a loopback endpoint: less than a minute.
func DefaultConfig() Config {
	return Config{
		Name: "target", Promise: Auto, Bound: 5 * time.Second, IndexBound: 5 * time.Second, MinHits: -1, MinSamples: 20,
		Duration: 45 * time.Second, Concurrency: 4, Rounds: 40,
	}
}

// Check says what is wrong with a configuration.
func (c Config) Check() error {
	switch {
	case c.Target == "":
		return errors.New("no target")
	case c.Promise != Auto && c.Promise != Session && c.Promise != Eventual:
		return fmt.Errorf("promise is %q, must be auto, session or eventual", c.Promise)
	case c.Bound < 10*time.Millisecond || c.Bound > 10*time.Minute:
		return fmt.Errorf("bound is %s, must be from 10ms to 10m", c.Bound)
	case c.IndexBound < 0 || c.IndexBound > 10*time.Minute:
		return fmt.Errorf("index bound is %s, must be from 0 to 10m", c.IndexBound)
	case c.MinHits > 1:
		return fmt.Errorf("least share of hits is %g, must be at most 1", c.MinHits)
	case c.MinSamples < 1 || c.MinSamples > 1_000_000:
		return fmt.Errorf("least number of samples is %d, must be from 1 to 1000000", c.MinSamples)
	case c.Duration < time.Second || c.Duration > 24*time.Hour:
		return fmt.Errorf("duration is %s, must be from 1s to 24h", c.Duration)
	case c.Concurrency < 1 || c.Concurrency > 256:
		return fmt.Errorf("concurrency is %d, must be from 1 to 256", c.Concurrency)
	case c.Rounds < 1 || c.Rounds > 1_000_000:
		return fmt.Errorf("rounds are %d, must be from 1 to 1000000", c.Rounds)
	}
	for _, name := range c.Only {
		known := false
		for _, r := range rows {
			known = known || r.name == name
		}
		if !known {
			return fmt.Errorf("there is no row %q", name)
		}
	}
	return nil
}

// runs tells whether a row is wanted.
func (c Config) runs(r *row) bool {
	for _, name := range c.Only {
		if name == r.name {
			return true
		}
	}
	return len(c.Only) == 0
}

// prober is one run.
type prober struct {
	cfg            Config
	promise        Promise
	target, writer *endpoint // writer is nil if there is none
	tables         *tables
	begun          time.Time
	groups         atomic.Int64

	// main has the indexes that its shape tells, small is for scans.
	main, small string
	shape       tableShape
}

// now is the time on the run's clock.
func (p *prober) now() time.Duration { return time.Since(p.begun) }

// say reports progress.
func (p *prober) say(format string, args ...any) {
	if p.cfg.Progress != nil {
		p.cfg.Progress(fmt.Sprintf(format, args...))
	}
}

// Run probes one target. The error tells that it could not be probed or that a table may be left; the report says how far
// it came and is never nil.
func Run(ctx context.Context, cfg Config) (report *Target, err error) {
	p := &prober{cfg: cfg, promise: cfg.Promise, begun: time.Now()}
	p.cfg.indexLags = amazon.Has(cfg.Target) || amazon.Has(cfg.Writer)
	if p.promise == Auto {
		p.promise = Session
		if amazon.Has(cfg.Target) {
			p.promise = Eventual
		}
	}
	report = p.newReport()
	if err := cfg.Check(); err != nil {
		return report, err
	}
	if p.target, err = newEndpoint(ctx, cfg.Target); err != nil {
		return report, err
	}
	defer p.target.close()
	owner := p.target
	if cfg.Writer != "" {
		if p.writer, err = newEndpoint(ctx, cfg.Writer); err != nil {
			return report, err
		}
		defer p.writer.close()
		owner = p.writer
	}
	// The names of tables are not for repeating: two runs of one seed must not meet.
	p.tables = newTables(owner, rand.New(rand.NewPCG(rand.Uint64(), 0)))
	defer func() {
		p.say("deleting the tables %s-*", p.tables.prefix)
		err = errors.Join(err, p.tables.removeAll(ctx))
		report.finish(p)
	}()
	if err = p.makeTables(ctx, owner); err == nil {
		p.runRows(ctx, report)
	}
	if ctx.Err() != nil {
		return report, fmt.Errorf("interrupted: %w", ctx.Err())
	}
	return report, err
}

// makeTables makes the two tables that most rows share, with as many kinds of index as the owner has, and with
// streams if there are foreign writes.
func (p *prober) makeTables(ctx context.Context, owner *endpoint) (err error) {
	p.say("making the tables %s-* at %s", p.tables.prefix, owner.url)
	stream := p.writer != nil
	for _, p.shape = range []tableShape{
		{local: true, global: true, stream: stream}, {local: true, global: true}, {local: true}, {global: true}, {},
	} {
		if p.main, err = p.tables.create(ctx, owner, p.target, "main", p.shape); outcomeOf(err) != unsupported {
			break
		}
	}
	if err != nil {
		return err
	}
	p.small, err = p.tables.create(ctx, owner, p.target, "small", tableShape{stream: p.shape.stream})
	return err
}

// The shares of the duration: most rows of own writes run one after the other; those that wait for each write to be shown
// do little else and run together.
const (
	inTurnShare   = 0.6
	togetherShare = 0.4
)

// runRows runs what is wanted.
func (p *prober) runRows(ctx context.Context, report *Target) {
	var inTurn, together []*row
	for i := range rows {
		r := &rows[i]
		switch {
		case !p.cfg.runs(r) || r.foreign && p.writer == nil:
		case r.polls():
			together = append(together, r)
		default:
			inTurn = append(inTurn, r)
		}
	}
	results := map[*row]*Row{}
	for _, r := range inTurn {
		results[r] = p.runRow(ctx, r, time.Duration(float64(p.cfg.Duration)*inTurnShare/float64(len(inTurn))))
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, r := range together {
		group.Go(func() {
			result := p.runRow(ctx, r, time.Duration(float64(p.cfg.Duration)*togetherShare))
			mu.Lock()
			defer mu.Unlock()
			results[r] = result
		})
	}
	group.Wait()
	for i := range rows {
		r := &rows[i]
		switch {
		case results[r] != nil:
			report.Rows = append(report.Rows, results[r])
		case p.cfg.runs(r):
			report.Rows = append(report.Rows, &Row{Name: r.name, Title: r.title, Verdict: NotRun, Why: "needs --writer"})
		}
	}
}

// runRow runs one row for at most about d.
func (p *prober) runRow(ctx context.Context, r *row, d time.Duration) *Row {
	begun := p.now()
	table := p.main
	if r.scans {
		table = p.small
	}
	driver := p.newDriver(r, table)
	if r.indexes.local && !p.shape.local || r.indexes.global && !p.shape.global {
		driver.why, driver.verdict = errors.New("no table with such an index could be made"), NotSupported
		return p.judgeRow(driver, begun)
	}
	if r.again {
		d += 2 * tableWait
	} else if r.polls() {
		d = max(d, 2*p.patience(r))
	}
	within, stop := context.WithTimeout(ctx, d)
	defer stop()
	driver.stop = stop
	if r.script != nil {
		r.script(within, driver)
	} else {
		driver.run(within)
	}
	driver.cut.Store(errors.Is(within.Err(), context.DeadlineExceeded))
	result := p.judgeRow(driver, begun)
	p.say("%s", result.line())
	return result
}
