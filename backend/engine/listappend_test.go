package engine

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"millrace/ddb"
	"millrace/internal/sim/listappend"
)

// appendSeed picks one seed of the list-append test, for looking into a failure.
var appendSeed = flag.Uint64("append-seed", 0, "run only this seed of the list-append test")

// appendRuns is how many histories are made and judged. CI takes more than go test does.
var appendRuns = flag.Int("append-runs", 10, "histories of the list-append test")

// TestTransactionsAreSerializable makes histories of sixteen clients and looks for anomalies: G0, G1a, G1b, G1c,
// G-single and G2, in real time.
func TestTransactionsAreSerializable(t *testing.T) {
	t.Parallel()
	runs := *appendRuns
	first := rand.Uint64N(1 << 32)
	if *appendSeed != 0 {
		first, runs = *appendSeed, 1
	}
	done := map[string]int{}
	for seed := first; seed < first+uint64(runs); seed++ {
		h := newHarness(t).create(listappend.Tables()...)
		txs, err := listappend.Run(t.Context(), h.e.Do, seed, listappend.DefaultSize())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if bad := listappend.Check(txs); bad != nil {
			t.Fatalf("%v (rerun with -append-seed=%d)", bad, seed)
		}
		mustHold(t, h.e)
		for kind, n := range listappend.Succeeded(txs) {
			done[kind] += n
		}
	}
	t.Logf("%d runs from seed %d: %v succeeded", runs, first, done)
	for _, kind := range []string{"read", "append", "checked append", "single append", "single read"} {
		if done[kind] < runs*5 {
			t.Errorf("only %d of kind %q succeeded: the runs prove little", done[kind], kind)
		}
	}
}

// TestBrokenTransactionsAreCaught is the proof of the test before: an engine that does transactions wrong shows an anomaly
// in one of few runs.
func TestBrokenTransactionsAreCaught(t *testing.T) {
	t.Parallel()
	f := func(name string, broken func(e *Engine) listappend.Do) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(50) {
				h := newHarness(t).create(listappend.Tables()...)
				txs, err := listappend.Run(t.Context(), broken(h.e), seed, listappend.DefaultSize())
				if err != nil {
					t.Fatal(err)
				}
				if bad := listappend.Check(txs); bad != nil {
					t.Logf("seed %d: %v", seed, bad)
					return
				}
			}
			t.Error("50 runs: nothing was found")
		})
	}
	f("no locks", withoutLocks)
	f("reads of several views", withSplitReads)
	f("writes one by one", withSplitWrites)
	f("conditions looked at before", withLooseChecks)
}

// withoutLocks does transactions without the locks of their items.
func withoutLocks(e *Engine) listappend.Do {
	var number atomic.Int64
	return func(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
		if req.Op != ddb.TransactWriteItems {
			return e.Do(ctx, req)
		}
		in, err := ddb.InputAs[ddb.TransactWriteItemsInput](req)
		if err != nil {
			return nil, err
		}
		actions := make([]itemWrite, len(in.TransactItems))
		for i := range actions {
			a, bad := newAction(&in.TransactItems[i])
			if bad != nil {
				return nil, bad
			}
			actions[i] = a.itemWrite
		}
		v := e.acquireView()
		p, bad := planTransaction(v, "", actions)
		v.release()
		if bad != nil {
			return nil, bad
		}
		own := []lockKey{strconv.AppendInt(nil, number.Add(1), 10)}
		err = e.commitAs(ctx, transactional, own, func(v *view) (writeSet, error) {
			mutations, err := p.run(v)
			runtime.Gosched()
			return writeSet{mutations: mutations}, err
		})
		return ddb.NewTypedResponse(&ddb.TransactWriteItemsOutput{}), err
	}
}

// withSplitReads reads the items of a transaction one by one.
func withSplitReads(e *Engine) listappend.Do {
	return func(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
		if req.Op != ddb.TransactGetItems {
			return e.Do(ctx, req)
		}
		in, err := ddb.InputAs[ddb.TransactGetItemsInput](req)
		if err != nil {
			return nil, err
		}
		out := &ddb.TransactGetItemsOutput{}
		for _, action := range in.TransactItems {
			one := &ddb.TransactGetItemsInput{TransactItems: []ddb.TransactGetItem{action}}
			resp, err := e.Do(ctx, ddb.NewTypedRequest(one))
			if err != nil {
				return nil, err
			}
			part, err := ddb.OutputAs[ddb.TransactGetItemsOutput](resp)
			if err != nil {
				return nil, err
			}
			out.Responses = append(out.Responses, part.Responses...)
			runtime.Gosched()
		}
		return ddb.NewTypedResponse(out), nil
	}
}

// writes sends actions as a transaction until it is in no conflict.
func writes(ctx context.Context, e *Engine, actions ...ddb.TransactWriteItem) (*ddb.Response, error) {
	for {
		resp, err := e.Do(ctx, ddb.NewTypedRequest(&ddb.TransactWriteItemsInput{TransactItems: actions}))
		if bad, ok := errors.AsType[*ddb.Error](err); !ok || !inConflict(bad) {
			return resp, err
		}
		runtime.Gosched()
	}
}

// withSplitWrites does the actions of a transaction without conditions one by one.
func withSplitWrites(e *Engine) listappend.Do {
	return func(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
		if req.Op != ddb.TransactWriteItems {
			return e.Do(ctx, req)
		}
		in, err := ddb.InputAs[ddb.TransactWriteItemsInput](req)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(in.TransactItems, func(a ddb.TransactWriteItem) bool {
			return a.Update == nil || a.Update.ConditionExpression != nil
		}) {
			return e.Do(ctx, req)
		}
		for _, action := range in.TransactItems {
			if _, err := writes(ctx, e, action); err != nil {
				return nil, err
			}
			runtime.Gosched()
		}
		return ddb.NewTypedResponse(&ddb.TransactWriteItemsOutput{}), nil
	}
}

// withLooseChecks looks at the conditions of a transaction in one of its own, and then does the rest without them.
func withLooseChecks(e *Engine) listappend.Do {
	return func(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
		if req.Op != ddb.TransactWriteItems {
			return e.Do(ctx, req)
		}
		in, err := ddb.InputAs[ddb.TransactWriteItemsInput](req)
		if err != nil {
			return nil, err
		}
		var checks, rest []ddb.TransactWriteItem
		for _, action := range in.TransactItems {
			if action.ConditionCheck != nil {
				checks = append(checks, action)
			} else {
				rest = append(rest, action)
			}
		}
		if len(checks) == 0 || len(rest) == 0 {
			return e.Do(ctx, req)
		}
		if _, err := writes(ctx, e, checks...); err != nil {
			return nil, err
		}
		runtime.Gosched()
		return writes(ctx, e, rest...)
	}
}
