package verify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// group is the items of one partition, which one client writes.
type group struct {
	pk   string
	regs [perPartition]*register
	// retired tells that the outcome of a write is not known. It may still happen, after any later one, so nothing more
	// is written.
	retired atomic.Bool
}

// driver makes the histories of one row: clients that write and read until rounds, budget or time are used up.
type driver struct {
	p   *prober
	row *row
	// out is where the row is written, target where it is read; for rows of own writes they are the same.
	out, target *endpoint
	table       string
	// stop ends the row before its time.
	stop context.CancelFunc

	reads, writes       atomic.Int64 // the budget that is left
	made, errors, asked atomic.Int64 // writes that succeeded, requests that failed, reads that succeeded
	repeats             atomic.Int64 // how often one client's condition failed on the same version, at most
	refusals            atomic.Int64 // conditions that had to fail, and did
	cut                 atomic.Bool  // the row's time was over before its rounds were

	mu sync.Mutex

	hits      float64
	registers []*register
	why       error   // why the row cannot be run
	verdict   Verdict // what that means, if why is set
}

// newDriver prepares a row.
func (p *prober) newDriver(r *row, table string) *driver {
	d := &driver{p: p, row: r, out: p.target, target: p.target, table: table}
	if r.foreign {
		d.out = p.writer
	}
	writes, reads := r.budget(p.cfg)
	d.writes.Store(int64(writes))
	d.reads.Store(int64(reads))
	return d
}

// breakOff ends the row because of an error.
func (d *driver) breakOff(v Verdict, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.why == nil {
		d.why, d.verdict = err, v
	}
	d.stop()
}

// failed counts a request that had no answer, and ends the row if no other request would.
func (d *driver) failed(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	d.errors.Add(1)
	switch outcomeOf(err) {
	case unsupported:
		d.breakOff(NotSupported, fmt.Errorf("%s: %w", what, err))
	case refused, conditionFailed:
		d.breakOff(Failed, fmt.Errorf("%s: %w", what, err))
	default:
		if d.errors.Load() > 100 && d.errors.Load() > d.asked.Load() {
			d.breakOff(Failed, fmt.Errorf("more than half of the requests fail, the last: %s: %w", what, err))
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// newGroup makes a partition that nobody has used.
func (d *driver) newGroup(lane int) *group {
	g := &group{pk: fmt.Sprintf("%s/%d/%d", d.row.name, lane, d.p.groups.Add(1))}
	d.mu.Lock()
	defer d.mu.Unlock()
	for sk := range g.regs {
		g.regs[sk] = &register{name: fmt.Sprintf("%s, %d", g.pk, sk), sk: sk}
		d.registers = append(d.registers, g.regs[sk])
	}
	return g
}

// write gives items of a group their next versions and tells whether that is acknowledged.
func (d *driver) write(ctx context.Context, client string, g *group, shape writeShape, sks []int) bool {
	versions := make([]int, len(sks))
	for i, sk := range sks {
		versions[i] = g.regs[sk].next()
	}
	var start, end time.Duration
	err := persist(ctx, func(ctx context.Context) error {
		if d.writes.Add(-1) < 0 {
			d.stop()
			return context.Canceled
		}
		start = d.p.now()
		err := shape.send(ctx, d.out, d.table, g.pk, sks, versions)
		end = d.p.now()
		return err
	})
	switch outcomeOf(err) {
	case succeeded:
		d.made.Add(1)
	case unknown:
		end = never
		g.retired.Store(true)
		d.failed(ctx, shape.name, err)
	default:
		d.failed(ctx, shape.name, err)
		return false
	}
	for i, sk := range sks {
		g.regs[sk].record(Op{Client: client, Name: shape.name, Write: true, Version: versions[i], Absent: shape.absent, Start: start, End: end})
	}
	return err == nil
}

// read makes one read at e and records it for every item that it should show. sk is the item asked for where it is one.
func (d *driver) read(ctx context.Context, client string, e *endpoint, g *group, shape readShape, sk int) (shown map[int]int, ok bool) {
	n := &note{}
	var start, end time.Duration
	err := persist(ctx, func(ctx context.Context) (err error) {
		if d.reads.Add(-int64(shape.requests)) < 0 {
			d.stop()
			return context.Canceled
		}
		*n = note{}
		start = d.p.now()
		shown, err = shape.send(context.WithValue(ctx, noteKey{}, n), e, d.table, g.pk, []int{sk})
		end = d.p.now()
		return err
	})
	if err != nil {
		d.failed(ctx, shape.name, err)
		return nil, false
	}
	if e == d.target {
		d.asked.Add(1)
		d.mu.Lock()
		d.hits += n.hits()
		d.mu.Unlock()
	}
	for k, reg := range g.regs {
		if shape.one && k != sk {
			continue
		}
		version, there := shown[k]
		reg.record(Op{Client: client, Name: shape.name, Version: version, Absent: !there, Start: start, End: end,
			Strong: shape.strong, Index: shape.index, Origin: e != d.target, Cache: n.cache})
	}
	return shown, true
}

// run drives all lanes until they have ended.
func (d *driver) run(ctx context.Context) {
	var lanes sync.WaitGroup
	for n := range d.row.lanes(d.p.cfg) {
		lanes.Go(func() { d.lane(ctx, n) })
	}
	lanes.Wait()
}

// lane is one partition with the client that writes it and those that only read.
func (d *driver) lane(ctx context.Context, n int) {
	rng := rand.New(rand.NewPCG(d.p.cfg.Seed, d.row.salt(n)))
	client := fmt.Sprintf("client %d", n+1)
	if d.row.foreign {
		client = fmt.Sprintf("writer %d", n+1)
	}
	g := d.begin(ctx, client, n)
	var current atomic.Pointer[group]
	current.Store(g)
	ctx, end := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer end()
	for r := range d.row.readers {
		readers.Go(func() { d.follow(ctx, fmt.Sprintf("reader %d.%d", n+1, r+1), &current) })
	}
	for range d.row.rounds(d.p.cfg) {
		if ctx.Err() != nil {
			return
		}
		if g.retired.Load() || d.row.fresh {
			g = d.begin(ctx, client, n)
			current.Store(g)
		}
		shape := d.row.writes[rng.IntN(len(d.row.writes))]
		sks := rng.Perm(perPartition)[:shape.items]
		if d.row.polls() || d.row.fresh { // So that there is something to be stale.
			for _, read := range d.row.reads {
				d.read(ctx, client, d.target, g, read, sks[0])
				d.read(ctx, client, d.target, g, read, sks[0])
			}
		}
		if !d.write(ctx, client, g, shape, sks) {
			continue
		}
		if d.row.polls() {
			d.await(ctx, client, g, shape, sks[0])
		}
		for i := range readsPerRound {
			d.read(ctx, client, d.target, g, d.row.reads[i%len(d.row.reads)], sks[i%len(sks)])
		}
	}
}

// begin makes a group whose items are there, unless the row wants them new.
func (d *driver) begin(ctx context.Context, client string, lane int) *group {
	g := d.newGroup(lane)
	if !d.row.fresh {
		for sk := range perPartition {
			d.write(ctx, client, g, putItem, []int{sk})
		}
	}
	return g
}

// follow reads the current group without end.
func (d *driver) follow(ctx context.Context, client string, current *atomic.Pointer[group]) {
	for i := 0; ctx.Err() == nil; i++ {
		d.read(ctx, client, d.target, current.Load(), d.row.reads[i%len(d.row.reads)], i/len(d.row.reads)%perPartition)
		if d.row.polls() {
			pause(ctx, d.p.slowest())
		}
	}
}

// await reads an item, faster at first, until every way to read shows its latest version, or for so long that this will
// not be forgiven.
func (d *driver) await(ctx context.Context, client string, g *group, shape writeShape, sk int) {
	version := g.regs[sk].version
	deadline := time.Now().Add(d.p.patience(d.row))
	for wait := time.Millisecond; ctx.Err() == nil && time.Now().Before(deadline); wait = min(wait*13/10, d.p.slowest()) {
		all := true
		for _, read := range d.row.reads {
			if read.index && d.row.foreign {
				d.read(ctx, "the writer's index", d.p.writer, g, read, sk)
			}
			shown, ok := d.read(ctx, client, d.target, g, read, sk)
			got, there := shown[sk]
			all = all && ok && (there && got >= version || !there && shape.absent)
		}
		if all {
			return
		}
		pause(ctx, wait)
	}
}
