package proxy

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// meter is a backend that adds up the read units of the reads it is sent.
type meter struct {
	*engine.Engine
	halves, reads atomic.Int64
}

// Do executes req and counts what it cost.
func (m *meter) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	resp, err := m.Engine.Do(ctx, req)
	if err == nil && req.Op == ddb.GetItem {
		in, inErr := ddb.InputAs[ddb.GetItemInput](req)
		out, outErr := ddb.OutputAs[ddb.GetItemOutput](resp)
		if inErr != nil || outErr != nil {
			return nil, fmt.Errorf("meter: %v, %v", inErr, outErr)
		}
		m.halves.Add(itemHalves(int64(out.Item.Size()), isTrue(in.ConsistentRead)))
		m.reads.Add(1)
	}
	return resp, err
}

// newMetered is a rig before a metered backend that announces nothing, with metrics.
func newMetered(t *testing.T, config Config, table cache.TableConfig) (*rig, *meter, *metrics.Metrics) {
	// A short quarantine, so that a short test is in and out of it.
	return newMeteredWith(t, config, table, time.Millisecond)
}

// newMeteredWith is newMetered with a quarantine of some length.
func newMeteredWith(t *testing.T, config Config, table cache.TableConfig, quarantine time.Duration) (*rig, *meter, *metrics.Metrics) {
	m := metrics.New(metrics.Names{Operations: make([]string, ddb.NumOperations), Results: []string{"-"}})
	var counted *meter
	config.Metrics = m
	r := newRig(t, rigOptions{
		remote: true, config: config,
		store: cache.Config{Metrics: m, Tables: map[string]cache.TableConfig{"*": table},
			Core: coherence.Config{Tq: quarantine}},
		wrap: func(e *engine.Engine) backendLike {
			counted = &meter{Engine: e}
			return counted
		},
	})
	r.must(ddb.CreateTable, hashTable)
	return r, counted, m
}

func TestObserveChangesNothingAndCountsHits(t *testing.T) {
	r, backend, m := newMetered(t, Config{Observe: true}, cache.TableConfig{Remote: cache.RemoteConfig{Fill: "auto"}})
	const get = `{"TableName":"counters","Key":{"id":{"N":"1"}},"ConsistentRead":true}`
	r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"1"},"v":{"N":"1"}}}`)
	for range 10 {
		if a := r.must(ddb.GetItem, get); a.result != Forward || a.body != `{"Item":{"id":{"N":"1"},"v":{"N":"1"}}}` {
			t.Fatalf("GetItem in mode observe = %s (%v)", a.body, a.result)
		}
	}
	if n := backend.reads.Load(); n != 10 {
		t.Errorf("10 reads made %d reads of the backend", n)
	}
	// Strong reads of a remote table are never hits.
	if n := m.Observations.Reads(metrics.WouldHit); n != 0 {
		t.Errorf("%d strong reads would have been hits", n)
	}
	const eventual = `{"TableName":"counters","Key":{"id":{"N":"1"}}}`
	for range 10 {
		r.must(ddb.GetItem, eventual)
	}
	if n := m.Observations.Reads(metrics.WouldHit); n < 9 {
		t.Errorf("of 10 eventual reads %d would have been hits, want 9 or more", n)
	}
	if a := m.Ledger.Table("counters"); a.Units(metrics.ReadsAvoided) < 4.5 {
		t.Errorf("%v read units avoided, want 4.5 or more", a.Units(metrics.ReadsAvoided))
	}
	const page = `{"TableName":"counters","KeyConditionExpression":"id = :i","ExpressionAttributeValues":{":i":{"N":"1"}},"ConsistentRead":true}`
	want := r.bare(ddb.Query, page).text()
	for range 3 {
		if a := r.must(ddb.Query, page); a.text() != want {
			t.Fatalf("Query in mode observe = %s, want %s", a.text(), want)
		}
	}
}

func TestObserveJudgesWhatWouldHaveBeenStale(t *testing.T) {
	t.Parallel()
	table := cache.TableConfig{ItemTTL: 4 * time.Second, Remote: cache.RemoteConfig{Fill: "auto"}}
	r, _, m := newMetered(t, Config{Observe: true}, table)
	r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"1"},"v":{"N":"1"}}}`)
	// A write that nobody here hears of: without a stream it is seen when the entry's time is over.
	if a := r.bare(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"1"},"v":{"N":"2"}}}`); a.err != nil {
		t.Fatal(a.err)
	}
	if a := r.must(ddb.GetItem, `{"TableName":"counters","Key":{"id":{"N":"1"}}}`); a.body != `{"Item":{"id":{"N":"1"},"v":{"N":"2"}}}` {
		t.Fatalf("GetItem in mode observe = %s", a.body)
	}
	r.proxy.reads.Wait()
	if m.Observations.Reads(metrics.WouldDiffer) != 1 || m.Observations.Verdicts(metrics.WithinBound) != 1 {
		t.Errorf("%d answers would have differed, %d within the bound, %d beyond; want 1, 1, 0",
			m.Observations.Reads(metrics.WouldDiffer), m.Observations.Verdicts(metrics.WithinBound), m.Observations.Verdicts(metrics.BeyondBound))
	}
}

// What would have been read strongly, or whole, does not fill the caches: it is told apart from a miss, and so is what follows it.
func TestObserveTellsWhatItDoesNotFill(t *testing.T) {
	t.Parallel()
	r, _, m := newMeteredWith(t, Config{Observe: true}, cache.TableConfig{Remote: cache.RemoteConfig{Fill: "auto"}}, time.Hour)
	r.must(ddb.UpdateItem, `{"TableName":"counters","Key":{"id":{"N":"1"}},"UpdateExpression":"SET v = :v","ExpressionAttributeValues":{":v":{"N":"1"}},"ReturnValues":"ALL_OLD"}`)
	const get = `{"TableName":"counters","Key":{"id":{"N":"1"}}}`
	for _, body := range []string{get, get, `{"TableName":"counters","Key":{"id":{"N":"1"}},"ProjectionExpression":"v"}`} {
		r.must(ddb.GetItem, body)
	}
	r.must(ddb.Query, `{"TableName":"counters","KeyConditionExpression":"id = :i","ExpressionAttributeValues":{":i":{"N":"1"}}}`)
	if unfilled, misses := m.Observations.Reads(metrics.WouldFill), m.Observations.Reads(metrics.WouldMiss); unfilled != 4 || misses != 0 {
		t.Errorf("%d reads would have filled and %d missed, want 4 and 0", unfilled, misses)
	}
	// Read strongly by its client, it fills.
	r.must(ddb.GetItem, `{"TableName":"counters","Key":{"id":{"N":"1"}},"ConsistentRead":true}`)
	r.must(ddb.GetItem, get)
	if misses, hits := m.Observations.Reads(metrics.WouldMiss), m.Observations.Reads(metrics.WouldHit); misses != 1 || hits != 1 {
		t.Errorf("%d misses and %d hits, want 1 and 1", misses, hits)
	}
}

// Each key of a batch is watched like a GetItem: it fills, it hits, and what it would have answered is judged.
func TestObserveWatchesBatches(t *testing.T) {
	t.Parallel()
	table := cache.TableConfig{ItemTTL: time.Minute, NegativeTTL: 5 * time.Second, Remote: cache.RemoteConfig{Fill: "eventual"}}
	r, _, m := newMetered(t, Config{Observe: true}, table)
	for _, id := range []string{"1", "2"} {
		if a := r.bare(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"`+id+`"},"v":{"N":"1"}}}`); a.err != nil {
			t.Fatal(a.err)
		}
	}
	seen := [4]uint64{}
	f := func(body string, hit, differing, miss, forward uint64) {
		t.Helper()
		want := r.bare(ddb.BatchGetItem, body)
		if a := r.do(ddb.BatchGetItem, body); a.text() != want.text() || a.err == nil && a.result != Forward {
			t.Errorf("BatchGetItem in mode observe = %s (%v), want %s forwarded", a.text(), a.result, want.text())
		}
		for i, c := range []struct {
			name     string
			sighting metrics.Sighting
			want     uint64
		}{{"hits", metrics.WouldHit, hit}, {"differing", metrics.WouldDiffer, differing}, {"misses", metrics.WouldMiss, miss}, {"forwarded", metrics.WouldForward, forward}} {
			now := m.Observations.Reads(c.sighting)
			if got := now - seen[i]; got != c.want {
				t.Errorf("%s: %d %s, want %d", body, got, c.name, c.want)
			}
			seen[i] = now
		}
	}
	const three = `{"RequestItems":{"counters":{"Keys":[{"id":{"N":"1"}},{"id":{"N":"2"}},{"id":{"N":"3"}}]}}}`
	f(three, 0, 0, 3, 0)
	f(three, 3, 0, 0, 0)
	// A projection that leaves the key out does not tell whose items they are.
	f(`{"RequestItems":{"counters":{"Keys":[{"id":{"N":"1"}}],"ProjectionExpression":"v"}}}`, 0, 0, 0, 1)
	f(`{"RequestItems":{"counters":{"Keys":[{"id":{"N":"1"}}],"ProjectionExpression":"v, id"}}}`, 1, 0, 0, 0)
	f(`{"RequestItems":{"nope":{"Keys":[{"id":{"N":"1"}}]}}}`, 0, 0, 0, 1)
	if a := m.Ledger.Table("counters"); a.Units(metrics.ReadsAvoided) != 2 {
		t.Errorf("%v read units avoided, want 2 of 4 hits", a.Units(metrics.ReadsAvoided))
	}
	// A write that nobody here hears of.
	if a := r.bare(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"3"},"v":{"N":"2"}}}`); a.err != nil {
		t.Fatal(a.err)
	}
	f(three, 2, 1, 0, 0)
	r.proxy.reads.Wait()
	if m.Observations.Verdicts(metrics.WithinBound) != 1 || m.Ledger.Table("counters").Units(metrics.Audits) != 1 {
		t.Errorf("%d within the bound, %v read units for looking again; want 1, 1",
			m.Observations.Verdicts(metrics.WithinBound), m.Ledger.Table("counters").Units(metrics.Audits))
	}
}

// TestAutoFillNeverCostsMoreThanNoCache holds the ledger's promise at every hit ratio: with fill auto, what the backend is
// charged for is at most what clients' own reads would have cost.
func TestAutoFillNeverCostsMoreThanNoCache(t *testing.T) {
	rnd := newRand(t)
	best := 0.0
	for _, keys := range []int{1, 2, 5, 20, 100, 1000, 100_000} {
		r, backend, m := newMetered(t, Config{}, cache.TableConfig{Remote: cache.RemoteConfig{Fill: "auto"}})
		direct, hits := int64(0), 0
		const reads = 2000
		for n := range reads {
			id := rnd.IntN(keys)
			if n%10 == 0 { // writes keep keys in quarantine, where fills have to be strong
				r.must(ddb.PutItem, fmt.Sprintf(`{"TableName":"counters","Item":{"id":{"N":"%d"},"v":{"N":"%d"}}}`, id, n))
			}
			if n%97 == 0 {
				r.forget()
			}
			a := r.must(ddb.GetItem, fmt.Sprintf(`{"TableName":"counters","Key":{"id":{"N":"%d"}}}`, id))
			direct++ // an eventual read of a small item, or of none
			if a.result == Hit || a.result == Negative {
				hits++
			}
		}
		spent := backend.halves.Load()
		t.Logf("hit ratio %.2f: %d half units spent, %d without a cache, net %v units", float64(hits)/reads, spent, direct, m.Ledger.Table("counters").Net())
		best = max(best, float64(hits)/reads)
		if spent > direct {
			t.Errorf("%d keys: %d half units spent, want at most the %d of reading without a cache", keys, spent, direct)
		}
		if net := int64(2 * m.Ledger.Table("counters").Net()); net != direct-spent {
			t.Errorf("%d keys: the ledger's net is %d half units, the backend says %d", keys, net, direct-spent)
		}
	}
	if best < 0.95 {
		t.Errorf("the best hit ratio of the sweep is %.2f: it says nothing of caches that work", best)
	}
}
