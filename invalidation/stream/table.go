package stream

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/invalidation"
	"millrace/metrics"
)

// table sees to one table: which stream it has, and that it is followed.
type table struct {
	manager *Manager
	ref     tableRef
	learned mailbox[*cache.Schema]
	soon    chan struct{} // has a token when the table is to be described at once
	late    mailbox[time.Duration]
	lag     *Lag
	metrics *metrics.Stream
	account *metrics.Account

	description   atomic.Pointer[ddb.TableDescription]
	gaps, records atomic.Uint64

	// What follows is the run goroutine's.

	schema    *cache.Schema
	follower  *follower
	covered   bool              // the caches count on a stream
	following metrics.Following // as it was told last
	forgiven  coherence.Time    // when a permission that was missing is asked for again
	enabled   string            // identity of the table whose stream was asked to be enabled
	warned    map[string]bool
	warnedLag time.Duration

	mu sync.Mutex

	state TableState
}

// newTable makes one for the table of s.
func newTable(m *Manager, s *cache.Schema) *table {
	t := &table{
		manager: m, ref: tableRef{s.Scope, s.Name}, learned: newMailbox[*cache.Schema](), soon: make(chan struct{}, 1),
		late: make(mailbox[time.Duration], 1),
		lag:  NewLag(m.config.LagFloor), metrics: m.config.Metrics.Table(s.Name), account: s.Account, warned: map[string]bool{},
	}
	t.state = TableState{Scope: s.Scope, Table: s.Name, Mode: cache.TTL, Why: "starting"}
	t.use(s)
	return t
}

// use makes s the schema that records are understood by.
func (t *table) use(s *cache.Schema) {
	t.schema = s
	t.description.Store(s.Description)
}

// describeSoon has the table described at once.
func (t *table) describeSoon() {
	select {
	case t.soon <- struct{}{}:
	default:
	}
}

// described is what came of describing the table.
type described struct {
	table *ddb.TableDescription
	err   error
}

// run sees to the table until ctx ends or the table is gone.
func (t *table) run(ctx context.Context) {
	var done sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		done.Wait()
		t.uncover("millrace is stopping", metrics.Unwanted)
	}()
	answers, asking := make(chan described, 1), false
	describe := func() {
		if !asking {
			asking = true
			done.Go(func() {
				t.manager.counts.descriptions.Add(1)
				out, err := do[ddb.DescribeTableOutput](ctx, &t.manager.config, t.manager.guard, t.ref.scope, &ddb.DescribeTableInput{TableName: t.ref.name})
				d := described{err: err}
				if err == nil {
					d.table = out.Table
				}
				answers <- d
			})
		}
	}
	tick := time.NewTicker(t.manager.config.Describe)
	defer tick.Stop()
	// What the schema was learned from is as good as asking.
	t.decide(ctx, described{table: t.schema.Description})
	for {
		var events chan Event
		if t.follower != nil {
			events = t.follower.events
		}
		select {
		case <-ctx.Done():
			return
		case s := <-t.learned:
			t.use(s)
			t.decide(ctx, described{table: s.Description})
		case <-tick.C:
			describe()
		case <-t.soon:
			describe()
		case d := <-t.late:
			t.lag.Raise(t.manager.config.Clock(), d)
			t.note(func(s *TableState) { s.Lag = t.lag.Bound() })
		case d := <-answers:
			asking = false
			if d.err == nil && d.table != nil {
				t.manager.guard.Schemas().Sighted(t.ref.scope, t.ref.name, d.table)
			}
			if t.decide(ctx, d) && t.manager.leave(t) {
				return
			}
		case e := <-events:
			t.follower.step(e)
			t.stepped(ctx)
		}
	}
}

// decide does what a description of the table asks for. It reports whether the table is gone.
func (t *table) decide(ctx context.Context, d described) (gone bool) {
	if d.err != nil || d.table == nil {
		if f := failureOf(d.err); f != Gone {
			t.failed("DescribeTable", f, d.err)
			return false
		}
		t.manager.guard.Forget(t.schema)
		t.uncover("the table is gone", metrics.Unwanted)
		return true
	}
	if !t.schema.Stale() && !sameTable(t.schema.Description, d.table) {
		// Somebody else has changed it. Whoever reads next learns it anew, and run hears of that.
		t.manager.guard.Forget(t.schema)
	}
	arn := ""
	if s := d.table.StreamSpecification; s != nil && s.StreamEnabled {
		arn = d.table.LatestStreamArn
	}
	switch t.schema.Settings.Streams {
	case cache.StreamsOff:
		t.uncover("streams are off for this table", metrics.Unwanted)
		return false
	case cache.StreamsEnable:
		if arn == "" {
			t.enable(ctx, d.table)
		}
	}
	switch {
	case arn == "":
		t.lose(d.table)
	case t.follower != nil && t.follower.arn == arn:
	case t.manager.config.Clock() < t.forgiven:
	default:
		// What is cached stays true up to the watermark until the new stream is covered.
		t.halt()
		if !t.covered {
			t.tell(metrics.Unfollowed)
		}
		t.follower = t.follow(ctx, arn)
		t.note(func(s *TableState) { s.ARN, s.Why = arn, "finding the position in the stream" })
	}
	return false
}

// noStream is why the stream of a table that has none is not followed.
const noStream = "the table has no stream"

// lose ends the following of a stream that the table, described by d, does not have any more, or never had.
func (t *table) lose(d *ddb.TableDescription) {
	lost := t.covered && d.TableStatus != "DELETING"
	arn, following := t.snapshot().ARN, metrics.Unwanted
	if d.TableStatus != "DELETING" && (t.following != metrics.Unwanted || t.schema.Settings.Streams == cache.StreamsEnable) {
		following = metrics.Unfollowed
	}
	t.uncover(noStream, following)
	if lost {
		now := t.manager.config.Wall()
		t.note(func(s *TableState) { s.Lost = now })
		t.manager.config.Log.Warn("the table's stream was followed and is gone; foreign writes are not seen before an entry's time is up",
			"table", t.ref.name, "stream", arn,
			"then", "enable it again, and it is followed at the next look at the table; or set streams: off for the table, if it is to have none",
			"looks_every", t.manager.config.Describe)
	}
}

// uncover ends the following for a reason, which leaves the stream as following says: the caches live by their times from now on.
func (t *table) uncover(why string, following metrics.Following) {
	t.halt()
	t.tell(following)
	if t.covered {
		t.covered = false
		t.manager.inv.Cover(t.ref.scope, t.ref.name, invalidation.Coverage{Mode: cache.TTL})
		t.manager.config.Log.Info("the table's stream is followed no longer", "table", t.ref.name, "reason", why)
	}
	t.note(func(s *TableState) {
		s.Mode, s.Why, s.ARN, s.View, s.Shards, s.Waiting, s.Watermark = cache.TTL, why, "", "", 0, 0, 0
		if why != noStream {
			s.Lost = time.Time{}
		}
	})
}

// tell makes known how it stands with the stream.
func (t *table) tell(now metrics.Following) {
	t.metrics.Follows(t.following, now)
	t.following = now
}

// halt stops the follower, if there is one.
func (t *table) halt() {
	if t.follower != nil {
		t.follower.stop()
		t.follower = nil
	}
}

// lossWarning is said once of a table.
const lossWarning = "reading the table's stream costs more than its cache saves"

// stepped looks at what a step has changed.
func (t *table) stepped(ctx context.Context) {
	f := t.follower
	t.covered = t.covered || f.covers
	if f.denied != "" {
		t.deny(f.denied, f.arn)
		return
	}
	if lag, delta := t.lag.Bound()+f.config.Poll, t.schema.Settings.Delta; lag >= delta && lag > t.warnedLag {
		t.warnedLag = lag + lag/4
		f.config.Log.Warn("the table's stream is slower than delta allows for; little will be served from the caches",
			"table", t.ref.name, "lag", t.lag.Bound(), "delta", delta)
	}
	if !t.warned[lossWarning] && t.account.Loses() {
		t.warned[lossWarning] = true
		f.config.Log.Warn(lossWarning, "table", t.ref.name,
			"then", "with streams: off it is not read, and writes of others are seen when an entry's time to live is over")
	}
	t.note(func(s *TableState) {
		if f.covers {
			s.Mode, s.Why, s.Lost = cache.Stream, "", time.Time{}
		}
		if view := f.view.Load(); view != nil {
			s.View = *view
		}
		s.Shards, s.Waiting = f.tailer.Shards()
		s.Watermark, s.Lag, s.Samples, s.Delta = f.tailer.Watermark(), t.lag.Bound(), t.lag.Samples(), t.schema.Settings.Delta
	})
}

// deny gives up following for a while, because a permission is missing.
func (t *table) deny(operation, arn string) {
	t.forgiven = t.manager.config.Clock() + coherence.Time(t.manager.config.Forgive)
	permission := "dynamodb:" + operation
	t.uncover(permission+" is denied", metrics.Unfollowed)
	if !t.warned[permission] {
		t.warned[permission] = true
		t.manager.config.Log.Warn(permission+" is denied; foreign writes are not seen before an entry's time is up, until it is allowed",
			"table", t.ref.name, "stream", arn)
	}
}

// enable asks for the table's stream, once for each table.
func (t *table) enable(ctx context.Context, d *ddb.TableDescription) {
	identity := d.TableId + " " + d.TableArn
	if t.enabled == identity || d.TableStatus != "ACTIVE" {
		return
	}
	in := &ddb.UpdateTableInput{TableName: t.ref.name, StreamSpecification: &ddb.StreamSpecification{StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES"}}
	_, err := do[ddb.UpdateTableOutput](ctx, &t.manager.config, t.manager.guard, t.ref.scope, in)
	switch f := failureOf(err); {
	case err == nil:
		t.enabled = identity
		t.manager.config.Log.Info("enabled the table's stream, as the setting streams: enable says", "table", t.ref.name, "view", "NEW_AND_OLD_IMAGES")
		t.describeSoon()
	case f == Forbidden:
		t.enabled = identity
		t.manager.config.Log.Warn("dynamodb:UpdateTable is denied; the table's stream is not enabled", "table", t.ref.name)
	default:
		t.failed("UpdateTable", f, err)
	}
}

// failed remembers an error and counts it.
func (t *table) failed(operation string, f Failure, err error) {
	c := &t.manager.counts
	if f == Throttled {
		c.throttled.Add(1)
	} else {
		c.failed.Add(1)
	}
	now := t.manager.config.Wall()
	t.note(func(s *TableState) { s.LastError, s.LastErrorAt = operation+": "+err.Error(), now })
}

// note changes the state that others see.
func (t *table) note(change func(*TableState)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.state)
}

// snapshot is the state.
func (t *table) snapshot() TableState {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.state
	s.Gaps, s.Records = t.gaps.Load(), t.records.Load()
	return s
}

// sameTable reports whether two descriptions are of one table with the same keys and indexes.
func sameTable(a, b *ddb.TableDescription) bool {
	return a.TableId == b.TableId && a.TableArn == b.TableArn && reflect.DeepEqual(shapeOf(a), shapeOf(b))
}

// indexShape is what matters of an index here.
type indexShape struct {
	name, status string
	keys         ddb.KeySchema
	projection   *ddb.Projection
}

// shapeOf is what matters of a table here.
func shapeOf(d *ddb.TableDescription) any {
	var indexes []indexShape
	for _, x := range d.GlobalSecondaryIndexes {
		indexes = append(indexes, indexShape{x.IndexName, x.IndexStatus, x.KeySchema, x.Projection})
	}
	for _, x := range d.LocalSecondaryIndexes {
		indexes = append(indexes, indexShape{x.IndexName, "", x.KeySchema, x.Projection})
	}
	return struct {
		keys    ddb.KeySchema
		types   []ddb.AttributeDefinition
		indexes []indexShape
	}{d.KeySchema, d.AttributeDefinitions, indexes}
}
