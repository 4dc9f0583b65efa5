package invalidation

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"millrace/backend"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// defaultWriteTimeout bounds a write whose client may be gone.
const defaultWriteTimeout = 60 * time.Second

// GuardConfig is a guard's settings.
type GuardConfig struct {
	// WriteTimeout bounds a write, which goes on when its client has gone; 0 means 60 s. When it is too small, slow
	// writes count as of unknown outcome; too large keeps a handler waiting for a dead backend.
	WriteTimeout time.Duration
	// Logger hears of what an operator should know; nil discards.
	Logger *slog.Logger
	// Uncached says that nobody reads from the caches, so that there is nothing to announce: requests pass through. True
	// beside a proxy that has a cache lets that serve what was overwritten.
	Uncached bool
	// OneStore says that the tables of all regions and accounts may be the same ones upstream. Then a write to another's table
	// counts as one to ours of that name. False where upstream has but one lets that be served as it was.
	OneStore bool
	// Rules switches single rules off for mutation tests. The zero value means AllRules.
	Rules Rules
}

// Guard is the only holder of the backend. Reads pass through; every operation that may change something is
// announced to the coherence core before it is sent and settled when its outcome is known, before it is answered.
type Guard struct {
	next    backend.Backend
	inv     *Invalidator
	store   *cache.Store
	schemas *cache.SchemaCache
	config  GuardConfig
	// home is what the ARNs of our tables begin with; nil until one was described.
	home atomic.Pointer[string]
	// rewrites are those that the backend has denied.
	rewrites rewrites
}

var _ backend.Backend = (*Guard)(nil)

// NewGuard puts a guard before next, which nobody else may use from now on.
func NewGuard(next backend.Backend, inv *Invalidator, config GuardConfig) *Guard {
	if config.WriteTimeout == 0 {
		config.WriteTimeout = defaultWriteTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Rules == (Rules{}) {
		config.Rules = AllRules()
	}
	inv.rules = config.Rules
	g := &Guard{next: next, inv: inv, store: inv.store, config: config}
	g.rewrites = rewrites{log: config.Logger, now: g.store.Now, off: map[rewriteRef]denial{}}
	g.schemas = cache.NewSchemaCache(inv.store, g.describe)
	inv.schemas.Store(g.schemas)
	return g
}

// Schemas are the key schemas of tables.
func (g *Guard) Schemas() *cache.SchemaCache { return g.schemas }

// Close closes the backend.
func (g *Guard) Close() error { return g.next.Close() }

// describe reads a table's description.
func (g *Guard) describe(ctx context.Context, scope, table string) (*ddb.TableDescription, error) {
	req := ddb.NewTypedRequest(&ddb.DescribeTableInput{TableName: table})
	req.Scope = scope
	resp, err := g.next.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	out, err := ddb.OutputAs[ddb.DescribeTableOutput](resp)
	if err != nil {
		return nil, fmt.Errorf("describe table %q: %w", table, err)
	}
	if out.Table == nil {
		return nil, fmt.Errorf("describe table %q: no description", table)
	}
	g.settleHome(out.Table)
	return out.Table, nil
}

// Forget makes everything cached of a table forgotten, its schema too: the backend's answer showed that the schema is
// no longer right.
func (g *Guard) Forget(s *cache.Schema) { g.inv.forget(s.Scope, s.Name) }

// Lost makes everything cached of a table forgotten, because an answer showed that commits to it went by unseen; why is for
// the log.
func (g *Guard) Lost(s *cache.Schema, why string) { g.inv.Lost(s.Scope, s.Name, why) }

// Fill executes a read whose answer is told to the core by its flight, and not here.
func (g *Guard) Fill(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	if !effects[req.Op].reads {
		panic(fmt.Sprintf("invalidation: %v is no read", req.Op))
	}
	return g.next.Do(ctx, req)
}

// Do executes req; see backend.Backend. A write that was sent is waited for even when ctx ends, for its outcome is
// needed; a request whose ctx has ended before is not sent.
func (g *Guard) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	row := &effects[req.Op]
	if row.reads {
		resp, err := g.next.Do(ctx, req)
		if err == nil && row.observe != nil && !g.store.Authoritative() && g.config.Rules.Observe { // R6
			row.observe(g, req, resp)
		}
		if err == nil && g.metered() {
			g.countRead(req, resp)
		}
		return resp, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if deaf {
		return g.next.Do(ctx, req)
	}
	if g.config.Uncached {
		patient := newPatience(ctx, g.config.WriteTimeout)
		defer patient.end()
		return g.next.Do(patient, req)
	}
	return g.write(ctx, req, row)
}

// write announces a write, sends it and settles it.
func (g *Guard) write(ctx context.Context, req *ddb.Request, row *effectRow) (*ddb.Response, error) {
	w := g.begin(ctx, req, row)
	// A panic below leaves the outcome unknown, and end then settles it so.
	defer w.end()
	w.patience.begin(ctx, g.config.WriteTimeout)
	defer w.patience.end()
	return w.send(&w.patience, req)
}

// write is a mutation on its way through the guard.
type write struct {
	guard   *Guard
	plan    *plan
	core    *coherence.Write
	effects int // how many were announced: the plan's keys, and then whole tables
	begun   coherence.Time
	done    bool
	one     [1]coherence.Effect // memory for what is announced of a write of one item

	patience patience
}

// begin plans req's effects and announces them.
func (g *Guard) begin(ctx context.Context, req *ddb.Request, row *effectRow) *write {
	for {
		w := &write{guard: g, plan: g.plan(ctx, req, row)}
		list := w.one[:0]
		if len(w.plan.keys) > len(w.one) {
			list = make([]coherence.Effect, 0, len(w.plan.keys))
		}
		for i := range w.plan.keys {
			list = append(list, w.plan.keys[i].effect)
		}
		if w.plan.everything {
			g.store.EachTable(func(t *coherence.Table) { list = append(list, coherence.Effect{Table: t}) })
		}
		w.effects = len(list)
		w.begun = g.store.Now()
		w.core = g.store.Core().Begin(w.begun, list)
		if !w.plan.stale() {
			g.touch(w.plan)
			return w
		}
		// The table was changed while the plan was made, so the keys may be wrong. Plan again; a change after
		// this point is noticed in the end.
		// Nothing was sent, so nothing can land.
		for i := range list {
			g.store.Core().Settle(g.store.Now(), w.core, i, coherence.NotApplied, nil, nil)
		}
	}
}

// plan is what req may change. Of what a request gives twice, such as two keys, nobody knows which one the backend takes.
func (g *Guard) plan(ctx context.Context, req *ddb.Request, row *effectRow) *plan {
	p := row.plan(g, ctx, req)
	if req.Repeated() {
		return planEverything(g, ctx, req)
	}
	return p
}

// Changes reports whether an operation may change something that is cached or known of tables.
func (g *Guard) Changes(op ddb.Operation) bool { return !effects[op].reads }

// touch tells the hot keys of the items that p writes.
func (g *Guard) touch(p *plan) {
	if m := g.store.Metrics(); m != nil {
		for i := range p.keys {
			m.HotKeys.Touch(p.keys[i].schema.Counters, p.keys[i].effect.Key)
		}
	}
}

// settle tells the core the outcome of req, the client's own.
func (w *write) settle(req *ddb.Request, resp *ddb.Response, err error) {
	g, core := w.guard, w.guard.store.Core()
	now := g.store.Now()
	result := g.config.Rules.resultOf(err)
	if result == coherence.Applied && !ddb.IsWriteAnswer(req.Op, resp) {
		result = coherence.Ambiguous // whoever answered that may not have written anything
	}
	var outcomes []outcome
	if len(w.plan.keys) > 0 {
		memory := settleMemories.Get().(*settleMemory)
		w.plan.memory = memory
		outcomes = w.plan.settled(g, resp, err, result)
		for i := range w.plan.keys {
			k, o := &w.plan.keys[i], &outcomes[i]
			var extra []coherence.Position
			covered := k.effect.Table.Covered()
			if !g.store.Authoritative() {
				extra = k.positions(memory.positions[:0], &g.config.Rules, o, func() told { return w.cached(i) }, covered)
				if extra != nil {
					memory.positions = extra[:0]
				}
			}
			core.Settle(now, w.core, i, o.result, o.image, extra)
			if o.result == coherence.Applied && covered {
				g.inv.acked.note(k.effect.Table, k.effect.Key, o.image, w.begun, now)
			}
		}
	}
	for i := len(w.plan.keys); i < w.effects; i++ {
		core.Settle(now, w.core, i, result, nil, nil)
	}
	if g.metered() && req.Region == "" {
		w.count(req, resp, err, outcomes) // before End, after which what was cached is not known
	}
	core.End(now, w.core)
	w.done = true
	if w.plan.memory != nil {
		// A panic above leaves it to the garbage collector.
		w.plan.memory.release()
		w.plan.memory = nil
	}
	if !g.store.Authoritative() && result != coherence.NotApplied {
		// With the embedded engine the commit was counted.
		g.inv.count(metrics.FromWrite, len(w.plan.keys))
	}
	switch {
	case result != coherence.NotApplied:
		w.forget()
	case doubtful(err) && req.Region == "": // of a table elsewhere that tells nothing of ours
		for i := range w.plan.keys {
			g.inv.forget(w.plan.keys[i].schema.Scope, w.plan.keys[i].schema.Name)
		}
		for _, t := range w.plan.tables {
			g.inv.forget(t.scope, t.name)
		}
	}
	g.store.Relieve()
}

// end settles what a panic left open.
func (w *write) end() {
	if w.done {
		return
	}
	core := w.guard.store.Core()
	core.End(w.guard.store.Now(), w.core)
	for i := range w.plan.keys {
		core.Forget(w.plan.keys[i].schema.Table) // its places in indexes were not told
	}
	w.forget()
}

// forget makes the tables forgotten that the plan says, and those whose schema changed on the way: the keys that
// were settled may have been wrong for them.
func (w *write) forget() {
	g := w.guard
	for _, t := range w.plan.tables {
		if g.config.Rules.Forget { // R25
			g.inv.forget(t.scope, t.name)
		}
	}
	for _, t := range w.plan.unknown {
		if !g.store.Authoritative() {
			// Whoever learns the schema next must not read eventually what lagging replicas do not show yet.
			g.store.Unseen(t.scope, t.name)
			continue
		}
		if s := g.schemas.Known(t.scope, []byte(t.name)); s != nil {
			g.store.Core().Forget(s.Table)
		}
	}
	if w.plan.everything {
		g.schemas.DropAll()
		g.store.EachTable(g.store.Core().Forget)
	}
	for i := range w.plan.keys {
		if s := w.plan.keys[i].schema; s.Stale() {
			g.store.Core().Forget(s.Table)
		}
	}
}

// resultOf is what err tells of a write.
func (r *Rules) resultOf(err error) coherence.Result {
	if err == nil {
		if !r.Settle { // P1
			return coherence.NotApplied
		}
		return coherence.Applied
	}
	e, ok := err.(*ddb.Error)
	switch {
	case ok && e.NotSent:
		return coherence.NotApplied
	case (!ok || e.Unsure()) && r.Unknown: // R17
		return coherence.Ambiguous
	case !ok:
		return coherence.NotApplied
	case e.Code == "TransactionInProgressException":
		return coherence.Ambiguous
	case (e.Code == "ConditionalCheckFailedException" || e.Code == "DuplicateItemException") && r.Condition: // R16
		// The second is that of INSERT, whose condition is that there is no item.
		return coherence.ConditionFailed
	}
	return coherence.NotApplied
}
