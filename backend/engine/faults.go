package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync/atomic"
	"time"

	"millrace/ddb"
)

// Faults are the test aids: what the engine does worse on purpose, so that callers can be tested against a DynamoDB that
// lags, is slow, throttles and fails. The zero value is nothing, and then costs nothing. They are not stored: an engine that
// is opened again has those of its Config.
type Faults struct {
	// Seed decides every draw. The n-th request that a rule looks at, and the n-th read that may lag, fare alike
	// whenever the seed is the same.
	Seed uint64
	// ReplicaLag is how far behind the eventually consistent reads of tables and local indexes are, IndexLag the reads of
	// global indexes if that is more. Strongly consistent reads, transactions and writes never lag.
	ReplicaLag, IndexLag Lag
	// StreamLag is how long after a write its stream records can be had.
	StreamLag Lag
	// Creating, Updating and Deleting are how long a table is in these states after CreateTable, UpdateTable and
	// DeleteTable, by Config.Clock.
	Creating, Updating, Deleting time.Duration
	// Rules are looked at in order for every request. Their delays add up; the first error counts.
	Rules []FaultRule
}

// FaultRule is one thing that goes wrong, and for which requests.
type FaultRule struct {
	// Name tells the rule from others, in counts and in what its draws are made from.
	Name string
	// Operations are those concerned; nil is all.
	Operations []ddb.Operation
	// Tables is a glob (path.Match) that one of the tables a request names must match; empty is every request, also one that
	// names no table.
	Tables string
	// Probability is how likely the rule strikes a request it is about; 0 is always.
	Probability float64
	// Skip is how many strikes are let off first, Count how many there are then; 0 is no end.
	Skip, Count int

	// Latency is added.
	Latency Latency
	// Error is the code of the exception that is answered, such as "ProvisionedThroughputExceededException"; empty is none.
	// FaultErrors lists what there is.
	Error string
	// After puts Latency and Error behind the execution, and then only if that succeeded: a write has been
	// committed when its failure is reported. Otherwise nothing is executed.
	After bool
	// Unprocessed leaves each element that is struck of a BatchGetItem or BatchWriteItem undone. Such a rule has neither
	// Latency nor Error.
	Unprocessed bool
}

// Validate reports the first setting that cannot work; it begins with the field's name.
func (f *Faults) Validate() error {
	for _, l := range []struct {
		name string
		lag  Lag
	}{{"ReplicaLag", f.ReplicaLag}, {"IndexLag", f.IndexLag}, {"StreamLag", f.StreamLag}} {
		if l.lag.Min < 0 || l.lag.Max < l.lag.Min {
			return fmt.Errorf("%s is from %v to %v, must be from 0 or more to no less than that", l.name, l.lag.Min, l.lag.Max)
		}
	}
	if min(f.Creating, f.Updating, f.Deleting) < 0 {
		return errors.New("Creating, Updating and Deleting must be 0 or more")
	}
	seen := make(map[string]bool)
	for i := range f.Rules {
		r := &f.Rules[i]
		if seen[r.Name] {
			return fmt.Errorf("rule %q is there twice", r.Name)
		}
		seen[r.Name] = true
		if err := r.Validate(); err != nil {
			return fmt.Errorf("rule %q: %w", r.Name, err)
		}
	}
	return nil
}

// Validate reports the first setting that cannot work, in words without the name of the rule.
func (r *FaultRule) Validate() error {
	if _, err := path.Match(r.Tables, ""); err != nil {
		return fmt.Errorf("tables is %q, which is not a glob", r.Tables)
	}
	for _, op := range r.Operations {
		if op == ddb.UnknownOperation || op >= ddb.NumOperations {
			return fmt.Errorf("operations has number %d, which is no operation", op)
		}
	}
	switch {
	case !(r.Probability >= 0 && r.Probability <= 1):
		return fmt.Errorf("probability is %v, must be from 0 to 1", r.Probability)
	case r.Skip < 0 || r.Count < 0:
		return errors.New("skip and count must be 0 or more")
	case r.Error != "" && faultErrors[r.Error] == nil:
		return fmt.Errorf("error is %q, which is none of those that can be injected", r.Error)
	case r.Unprocessed && (r.Error != "" || r.Latency != Latency{} || r.After):
		return errors.New("unprocessed goes with neither latency nor error")
	case !r.Unprocessed && r.Error == "" && r.Latency == Latency{}:
		return errors.New("it does nothing: give it latency, error or unprocessed")
	}
	return r.Latency.validate()
}

// faults are Faults in force. The rules are shared by all requests.
type faults struct{ rules []*rule }

// rule is a FaultRule and what it has done.
type rule struct {
	*FaultRule
	seed uint64
	// seen counts the draws, struck those that hit, done those after Skip and within Count.
	seen, struck, done atomic.Uint64
}

// newFaults puts f into force; nil when no rule is to be looked at.
func newFaults(f Faults) *faults {
	if len(f.Rules) == 0 {
		return nil
	}
	out := &faults{}
	for i := range f.Rules {
		r := &rule{FaultRule: &f.Rules[i]}
		r.seed = seedOf(f.Seed, r.Name)
		out.rules = append(out.rules, r)
	}
	return out
}

// SetFaults replaces the test aids, from the next request on. An error has changed nothing.
func (e *Engine) SetFaults(f Faults) error {
	if err := f.Validate(); err != nil {
		return err
	}
	e.useFaults(f)
	return nil
}

// useFaults is SetFaults for what was validated.
func (e *Engine) useFaults(f Faults) {
	f.Rules = slices.Clone(f.Rules)
	e.aids.mu.Lock()
	defer e.aids.mu.Unlock()
	e.aids.settings = f
	e.faults.Store(newFaults(f))
	e.states.set(f.Creating, f.Updating, f.Deleting)
	if old := e.lag.Swap(newLag(f, e.clock.base)); old != nil {
		old.close()
	}
}

// Faults are the test aids in force.
func (e *Engine) Faults() Faults {
	e.aids.mu.Lock()
	defer e.aids.mu.Unlock()
	f := e.aids.settings
	f.Rules = slices.Clone(f.Rules)
	return f
}

// FaultCounts is how often each rule struck since it came into force, by its name.
func (e *Engine) FaultCounts() map[string]uint64 {
	counts := make(map[string]uint64)
	if f := e.faults.Load(); f != nil {
		for _, r := range f.rules {
			counts[r.Name] = r.done.Load()
		}
	}
	return counts
}

// about reports whether the rule concerns requests of op that name tables.
func (r *rule) about(op ddb.Operation, tables []string) bool {
	if r.Operations != nil && !slices.Contains(r.Operations, op) {
		return false
	}
	return r.Tables == "" || slices.ContainsFunc(tables, func(table string) bool {
		ok, _ := path.Match(r.Tables, table)
		return ok
	})
}

// strikes draws for one request, and gives what Latency draws from. Draws are numbered, so that they do not depend on what
// happens in between.
func (r *rule) strikes() (draw uint64, struck bool) {
	n := r.seen.Add(1)
	if r.Probability > 0 && uniform(r.seed, 2*n) >= r.Probability {
		return 0, false
	}
	k := r.struck.Add(1)
	if k <= uint64(r.Skip) || r.Count > 0 && k > uint64(r.Skip)+uint64(r.Count) {
		return 0, false
	}
	r.done.Add(1)
	return 2*n + 1, true
}

// do executes req with what the rules add to it.
func (f *faults) do(ctx context.Context, e *Engine, req *ddb.Request) (*ddb.Response, error) {
	tables, ok := requestTables(req)
	if !ok {
		// What DynamoDB cannot read it refuses before anything else can go wrong.
		return e.execute(ctx, req)
	}
	delay, fault := f.strike(req.Op, tables, false)
	if err := pause(ctx, e.done, delay); err != nil {
		return nil, err
	}
	if fault != nil {
		return nil, fault
	}
	resp, err := e.execute(ctx, req)
	if err != nil {
		return nil, err
	}
	delay, fault = f.strike(req.Op, tables, true)
	// What was done is answered even when nobody can wait any longer.
	_ = pause(ctx, e.done, delay)
	if fault != nil {
		return nil, fault
	}
	return resp, nil
}

// strike draws from the rules for before or after the execution.
func (f *faults) strike(op ddb.Operation, tables []string, after bool) (delay time.Duration, fault error) {
	for _, r := range f.rules {
		if r.Unprocessed || r.After != after || !r.about(op, tables) {
			continue
		}
		draw, struck := r.strikes()
		if !struck {
			continue
		}
		delay += r.Latency.draw(r.seed, draw)
		if fault == nil && r.Error != "" {
			fault = newFaultError(r.Error)
		}
	}
	return delay, fault
}

// leaves draws for one element of a batch on table, as the request names it, and reports whether it is to stay undone.
func (e *Engine) leaves(op ddb.Operation, table string) bool {
	f := e.faults.Load()
	if f == nil {
		return false
	}
	for _, r := range f.rules {
		if r.Unprocessed && r.about(op, []string{ddb.TableName(table)}) {
			if _, struck := r.strikes(); struck {
				return true
			}
		}
	}
	return false
}

// pause waits for d, or until ctx ends or the engine is closed, which are errors.
func pause(ctx context.Context, closed <-chan struct{}, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-closed:
		return errClosed
	}
}
