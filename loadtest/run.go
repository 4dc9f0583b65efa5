package loadtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"millrace/internal/amazon"
)

// ErrInterrupted is the end of a run that was told to stop before it had measured anything.
var ErrInterrupted = errors.New("interrupted before anything was measured")

// errLimit is the cause of a context whose time was limited.
var errLimit = errors.New("the time limit is over")

// SpendError is the refusal of a target that costs money; its text says how much.
type SpendError struct{ text string }

// Error is part of error.
func (e *SpendError) Error() string {
	return e.text + " Nothing was sent. Add --yes-spend to go ahead"
}

// targetRun is a target during a run.
type targetRun struct {
	Target
	name    string
	raw     *rawTarget
	fleet   *fleet
	control *control
	stats   *stats
	// made are tables that were made through this target.
	made []*tableDef
	// grown is how many items the run inserted, by kind.
	grown map[*kind]int
	// steps are a search's, best the last that met the goals.
	steps []searchStep
}

// runner is one run.
type runner struct {
	config   *Config
	progress *Progress
	clock    clock
	started  time.Time
	mix      *mix
	stock    stock
	fill     []byte
	targets  []*targetRun
	load     load

	mu sync.Mutex

	// window and the targets' stats are added to by whoever holds mu.
	window *window
}

// Run measures and reports. When ctx ends it stops and reports on what was measured until then. Tables that it made are
// dropped before it returns, unless they are to be kept.
func Run(ctx context.Context, c Config, progress *Progress) (_ *Report, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	bill, err := c.spending()
	if err != nil {
		return nil, err
	}
	if bill != "" && !c.Spend {
		return nil, &SpendError{bill}
	} else if bill != "" {
		progress.say("%s", bill)
	}
	if c.Limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Limit, errLimit)
		defer cancel()
	}
	r := &runner{config: &c, progress: progress, started: time.Now(), fill: newFill(c.Seed), window: newWindow()}
	r.clock = clock{r.started}
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if dropErr := r.drop(context.WithoutCancel(ctx)); err == nil {
			err = dropErr
		}
		for _, t := range r.targets {
			t.fleet.close()
			t.control.close()
		}
	}()
	if err := r.setUp(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w (%w)", ErrInterrupted, err)
		}
		return nil, err
	}
	if len(c.Goals) > 0 {
		err = r.search(ctx)
	} else {
		err = r.measure(ctx)
	}
	if err != nil {
		return nil, err
	}
	return r.report(ctx)
}

// prepare compiles what is asked and makes the targets' clients.
func (r *runner) prepare(ctx context.Context) error {
	c := r.config
	if c.Replay != nil {
		c.Replay.prefixTables(c.Prefix)
		r.stock = c.Replay.stock()
	} else {
		m, err := c.Workload.compile(c.Prefix, c.Scale)
		if err != nil {
			return err
		}
		r.mix, r.stock = m, m.stock(c.Seed, r.started.Unix())
	}
	for _, target := range c.Targets {
		t := &targetRun{Target: target, name: target.Name, grown: map[*kind]int{}}
		cfg := aws.Config{Region: c.Region, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "loadtest", SecretAccessKey: "loadtest"}, nil
		})}
		var sign *signer
		if c.Sign || amazon.Has(target.URL) {
			var err error
			if cfg, err = config.LoadDefaultConfig(ctx, config.WithRegion(c.Region)); err != nil {
				return fmt.Errorf("find credentials: %w", err)
			}
			sign = newSigner(cfg.Credentials, c.Region)
		}
		var err error
		if t.raw, err = newRawTarget(target.URL, r.clock, c.Timeout, sign); err != nil {
			return err
		}
		t.control = newControl(t.raw)
		connect := func() connection { return newRawConn(t.raw) }
		if c.SDK {
			client := newSDKClient(cfg, target.URL, newSDKHTTP(c.Connections))
			connect = func() connection { return newSDKConn(client, r.clock, c.Timeout) }
		}
		t.fleet = newFleet(r.clock, c.Connections, r.fill, connect)
		r.targets = append(r.targets, t)
	}
	return nil
}

// setUp makes and fills the tables. A target that has a table which this run made elsewhere shares its store, so that it is
// not filled twice.
func (r *runner) setUp(ctx context.Context) error {
	if r.config.Reuse {
		return nil
	}
	made := map[string]*targetRun{}
	for _, t := range r.targets {
		for _, table := range r.stock.tables {
			own, err := t.control.makeTable(ctx, table)
			if own {
				t.made = append(t.made, table)
				made[table.name] = t
			}
			if err != nil {
				return fmt.Errorf("target %s: %w", t.name, err)
			}
			if !own && made[table.name] == nil {
				return fmt.Errorf("target %s has a table %s already: drop it, choose other names with --prefix, or take it as it is with --reuse-tables", t.name, table.name)
			}
		}
		if len(t.made) == 0 {
			if len(r.stock.tables) > 0 {
				r.progress.say("%s: has the tables of %s, so it shares them", t.name, made[r.stock.tables[0].name].name)
			}
			continue
		}
		start := time.Now()
		err := r.stock.load(ctx, t.raw, r.fill, func(done int) {
			if r.progress.due() {
				r.progress.show(fmt.Sprintf("%s: %d of %d items loaded", t.name, done, r.stock.items))
			}
		})
		if err != nil {
			return fmt.Errorf("target %s: %w", t.name, err)
		}
		r.progress.say("%s: %d items in %d tables, loaded in %.1f s", t.name, r.stock.items, len(t.made), time.Since(start).Seconds())
	}
	return nil
}

// dropTimeout bounds the dropping of tables.
const dropTimeout = 30 * time.Second

// drop removes the tables that this run made, through who made them.
func (r *runner) drop(ctx context.Context) error {
	if r.config.Keep {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	var errs []error
	for _, t := range r.targets {
		if len(t.made) == 0 {
			continue
		}
		// The target's own may have been used up by an interruption.
		c := newControl(t.raw)
		for _, table := range t.made {
			if err := c.dropTable(ctx, table.name); err != nil {
				errs = append(errs, fmt.Errorf("target %s: drop table %s: %w", t.name, table.name, err))
			}
		}
		c.close()
	}
	return errors.Join(errs...)
}

// slice is a stretch of the schedule that each target gets in turn.
type slice struct {
	origin, span time.Duration
	warmup       bool
}

// slices cuts a schedule of warmup and then span. One target needs no turns.
func (c *Config) slices(warmup, span time.Duration) (list []slice) {
	cut := func(from, to time.Duration, warm bool) {
		step := c.Slice
		if len(c.Targets) == 1 {
			step = to - from
		}
		for ; from < to; from += step {
			list = append(list, slice{from, min(step, to-from), warm})
		}
	}
	cut(0, warmup, true)
	cut(warmup, warmup+span, false)
	return list
}

// measure runs the workload or the trace once, over all targets.
func (r *runner) measure(ctx context.Context) error {
	c := r.config
	n := time.Duration(len(r.targets))
	warmup, span := c.Warmup/n, c.Duration/n
	var s schedule
	if c.Replay != nil {
		s = c.Replay.schedule(c.Speed)
		// A trace is played to its end, or as far as there is time for.
		warmup, span = 0, c.Replay.span(c.Speed)
		if c.Duration > 0 && c.Duration/n < span {
			span = c.Duration / n
		}
	} else {
		times, err := arrivals(c.Arrivals, c.Rate, warmup+span, c.Seed)
		if err != nil {
			return err
		}
		s = newPlan(r.mix, times, c.Seed, r.started, map[*kind]int{})
	}
	for _, t := range r.targets {
		t.stats = newStats(s.labels(), span)
	}
	r.load = r.play(ctx, func(*targetRun) schedule { return s }, r.targets, warmup, span)
	return nil
}

// leadTime is how long before a segment's begin its lanes start to ready requests.
const leadTime = 3 * time.Millisecond

// play sends each target's schedule in alternating slices and collects into their stats what comes after the warm-up. It
// returns the load of that time.
func (r *runner) play(ctx context.Context, of func(*targetRun) schedule, targets []*targetRun, warmup, span time.Duration) load {
	ticking, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var now atomic.Pointer[turn]
	wg.Go(func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				r.tick(&now, targets, warmup, span)
			case <-ticking.Done():
				return
			}
		}
	})
	defer wg.Wait()
	defer stop()
	var cut atomic.Int64
	defer context.AfterFunc(ctx, func() { cut.Store(int64(r.clock.now())) })()
	before := usageNow()
	for i, sl := range r.config.slices(warmup, span) {
		if !sl.warmup && sl.origin == warmup {
			before = usageNow()
			r.forgetErrors(targets)
		}
		for j := range targets {
			t := targets[j]
			if i%2 == 1 {
				// Whoever comes second has the other's traces in the processor's caches; the order turns around each time.
				t = targets[len(targets)-1-j]
			}
			s := of(t)
			due := s.due()
			from := sort.Search(len(due), func(k int) bool { return due[k] >= sl.origin })
			to := sort.Search(len(due), func(k int) bool { return due[k] >= sl.origin+sl.span })
			seg := segment{from: from, to: to, origin: sl.origin, span: sl.span, start: r.clock.now() + leadTime, drain: r.config.Drain}
			now.Store(&turn{t, sl, seg.start})
			t.fleet.run(ctx, s, seg)
			if !sl.warmup {
				end := r.clock.now()
				if at := time.Duration(cut.Load()); at > 0 {
					end = min(end, at) // what was under way had some more time
				}
				t.stats.ran += max(0, min(sl.span, end-seg.start))
			}
			r.collect(targets, warmup)
			if ctx.Err() != nil {
				return usageNow().since(before)
			}
		}
	}
	return usageNow().since(before)
}

// forgetErrors drops the names of what failed during the warm-up.
func (r *runner) forgetErrors(targets []*targetRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range targets {
		clear(t.stats.errors)
	}
}

// cores is how many there are for the client and all else.
func (r *runner) cores() int { return runtime.NumCPU() }

// turn is whose turn it is.
type turn struct {
	target *targetRun
	slice  slice
	start  time.Duration
}

// collect takes what the lanes have, warm-up or not.
func (r *runner) collect(targets []*targetRun, warmup time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range targets {
		t.fleet.collect(func(s *sample) {
			r.window.add(s)
			if s.at >= warmup {
				t.stats.add(s, s.at-warmup)
			}
		}, func(name string, n int) { t.stats.errors[name] += n })
	}
}

// tick collects, and shows a line when it is time for one.
func (r *runner) tick(now *atomic.Pointer[turn], targets []*targetRun, warmup, span time.Duration) {
	r.collect(targets, warmup)
	at := now.Load()
	if at == nil || !r.progress.due() {
		return
	}
	phase, of := "", span
	elapsed := min(at.slice.origin+max(0, r.clock.now()-at.start), at.slice.origin+at.slice.span)
	if at.slice.warmup {
		phase, of = "  (warm-up)", warmup
	} else {
		elapsed -= warmup
	}
	name := at.target.name
	if len(targets) > 1 && !r.progress.terminal {
		name = "all"
	}
	r.mu.Lock()
	line := r.window.line(name, elapsed, of, phase)
	r.mu.Unlock()
	r.progress.show(line)
}
