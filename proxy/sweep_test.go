package proxy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// till is a backend that adds up the half read units of what it answers, by the sizes of the items in it.
type till struct {
	*engine.Engine
	halves atomic.Int64
}

// Do executes req and charges for it.
func (b *till) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	resp, err := b.Engine.Do(ctx, req)
	if charge := charges[req.Op]; charge != nil && err == nil {
		n, failed := charge(req, resp)
		if failed != nil {
			return nil, failed
		}
		b.halves.Add(n)
	}
	return resp, err
}

// charges are what answers cost in half read units: an item is rounded up to 4 KB, a page as a whole, and strong reads cost
// twice. (Developer Guide, "DynamoDB read and write operations".)
var charges = [ddb.NumOperations]func(*ddb.Request, *ddb.Response) (int64, error){
	ddb.GetItem: func(req *ddb.Request, resp *ddb.Response) (int64, error) {
		in, err := ddb.InputAs[ddb.GetItemInput](req)
		if err != nil {
			return 0, err
		}
		out, err := ddb.OutputAs[ddb.GetItemOutput](resp)
		if err != nil {
			return 0, err
		}
		return price(isTrue(in.ConsistentRead), out.Item), nil
	},
	ddb.BatchGetItem: func(req *ddb.Request, resp *ddb.Response) (int64, error) {
		in, err := ddb.InputAs[ddb.BatchGetItemInput](req)
		if err != nil {
			return 0, err
		}
		out, err := ddb.OutputAs[ddb.BatchGetItemOutput](resp)
		if err != nil {
			return 0, err
		}
		sum := int64(0)
		for table, part := range in.RequestItems {
			for _, item := range out.Responses[table] {
				sum += price(isTrue(part.ConsistentRead), item)
			}
			for range len(part.Keys) - len(out.Responses[table]) {
				sum += price(isTrue(part.ConsistentRead))
			}
		}
		return sum, nil
	},
	ddb.Query: func(req *ddb.Request, resp *ddb.Response) (int64, error) {
		in, err := ddb.InputAs[ddb.QueryInput](req)
		if err != nil {
			return 0, err
		}
		out, err := ddb.OutputAs[ddb.QueryOutput](resp)
		if err != nil {
			return 0, err
		}
		return price(isTrue(in.ConsistentRead), out.Items...), nil
	},
}

// price is what reading items together costs in half units.
func price(strong bool, items ...ddb.Item) int64 {
	size := 0
	for _, item := range items {
		size += item.Size()
	}
	n := int64(max(1, (size+4095)/4096))
	if strong {
		n *= 2
	}
	return n
}

// sweepRead makes a read of an author's books, of which titles are b0 to b4.
type sweepRead func(rnd *rand.Rand, author, title string) (ddb.Operation, string)

// sweepItem is a GetItem.
func sweepItem(rnd *rand.Rand, author, title string) (ddb.Operation, string) {
	return ddb.GetItem, getBook(author, title, sometimesStrong(rnd))
}

// sweepPage is a Query.
func sweepPage(rnd *rand.Rand, author, _ string) (ddb.Operation, string) {
	return ddb.Query, queryBooks(author, "author = :a", "", sometimesStrong(rnd))
}

// sweepBatch is a BatchGetItem of two keys, of which one is of no item.
func sweepBatch(rnd *rand.Rand, author, title string) (ddb.Operation, string) {
	return ddb.BatchGetItem, fmt.Sprintf(`{"RequestItems":{"books":{"Keys":[{"author":{"S":%q},"title":{"S":%q}},{"author":{"S":%q},"title":{"S":"none"}}]%s}}}`,
		author, title, author, sometimesStrong(rnd))
}

// sometimesStrong asks for a strongly consistent read, of which none is a hit, once in two hundred.
func sometimesStrong(rnd *rand.Rand) string {
	if rnd.IntN(200) == 0 {
		return `,"ConsistentRead":true`
	}
	return ""
}

// swept is what one point of a sweep came to, in half read units.
type swept struct {
	direct, spent, net, surcharges, audits int64
	hits                                   float64
}

// sweepPoint makes reads of the given kinds through caches so that a share of about ratio are hits. Each miss is about what was just written, so that only a
// strong read of it may be stored. The table's stream has been read with so many requests, at list prices.
func sweepPoint(t *testing.T, rnd *rand.Rand, fill string, ratio float64, requests uint64, kinds []sweepRead) swept {
	t.Helper()
	var through *till
	m := metrics.New(metrics.Names{Operations: make([]string, ddb.NumOperations), Results: []string{"-"}})
	m.Ledger.Price(1.6)
	m.Ledger.Table("books").Add(metrics.StreamReads, 2*requests)
	table := cache.TableConfig{Audit: "0.3", Remote: cache.RemoteConfig{Fill: fill, ReturnValues: "off"}}
	r := newRig(t, rigOptions{
		remote: true, config: Config{Metrics: m, Audit: AuditConfig{Budget: 1e6}},
		store: cache.Config{Metrics: m, Tables: map[string]cache.TableConfig{"*": table}, Core: coherence.Config{Tq: 20 * time.Millisecond}},
		wrap: func(e *engine.Engine) backendLike {
			through = &till{Engine: e}
			return through
		},
	})
	r.must(ddb.CreateTable, bookTable)
	const hot, cold = 3, 20
	author := func(i int) string { return fmt.Sprintf("author-%03d", i) }
	for a := range hot + cold {
		for i := range 5 {
			body := `{"TableName":"books","Item":` + book(author(a), fmt.Sprint("b", i), "", 0, strings.Repeat("x", 100+i/4*rnd.IntN(8_000))) + `}`
			if got := r.bare(ddb.PutItem, body); got.err != nil {
				t.Fatal(got.err)
			}
		}
	}
	direct := &till{Engine: r.engine}
	ask := func(op ddb.Operation, body string) answer {
		if _, err := direct.Do(t.Context(), ddb.NewRequest(op, []byte(body))); err != nil {
			t.Fatal(err)
		}
		return r.must(op, body)
	}
	// What will be hits is cached once no replica may lag.
	for i, end := 0, time.Now().Add(2*time.Minute); i < hot*5*len(kinds); {
		op, body := kinds[i%len(kinds)](rnd, author(i/len(kinds)/5), fmt.Sprint("b", i/len(kinds)%5))
		if a := ask(op, body); a.result == Hit {
			i++
		} else if time.Now().After(end) {
			t.Fatalf("%v %s is never a hit", op, body)
		}
	}
	hits := 0
	const reads = 500
	for n := range reads {
		who, title, cached := author(rnd.IntN(hot)), fmt.Sprint("b", rnd.IntN(5)), rnd.Float64() < ratio
		if !cached {
			who = author(hot + rnd.IntN(cold))
			r.must(ddb.UpdateItem, fmt.Sprintf(`{"TableName":"books","Key":{"author":{"S":%q},"title":{"S":%q}},"UpdateExpression":"SET #y = :n",`+
				`"ExpressionAttributeNames":{"#y":"year"},"ExpressionAttributeValues":{":n":{"N":"%d"}}}`, who, title, n))
		}
		op, body := kinds[rnd.IntN(len(kinds))](rnd, who, title)
		if a := ask(op, body); a.result == Hit {
			hits++
		}
	}
	r.proxy.reads.Wait()
	l := m.Ledger.Table("books")
	return swept{
		direct: direct.halves.Load(), spent: through.halves.Load(), net: int64(2 * l.Net()),
		surcharges: int64(2 * l.Units(metrics.StrongFills)), audits: int64(2 * l.Units(metrics.Audits)), hits: float64(hits) / reads,
	}
}

// The ledger's promise, for items, pages, and both mixed with batches, at hit ratios from 0 to 99 %: with fill auto the backend is
// asked for no more read units than the same requests cost without millrace, audits included, and the ledger's net is what
// the backend says. With fill strong the same reads cost more where few are hits, or there would be nothing to promise.
func TestSweepOfHitRatiosIsNeverDearerThanNoCache(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct {
		name  string
		reads []sweepRead
	}{{"items", []sweepRead{sweepItem}}, {"pages", []sweepRead{sweepPage}}, {"mixed", []sweepRead{sweepItem, sweepPage, sweepBatch}}} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			rnd := newRand(t)
			var least, most float64 = 1, 0
			var surcharges, audits int64
			for point := range 21 {
				ratio := min(0.05*float64(point), 0.99)
				got := sweepPoint(t, rnd, "auto", ratio, 0, kind.reads)
				t.Logf("hit ratio %.2f: direct %d, spent %d, net %d, surcharges %d, audits %d half units", got.hits, got.direct, got.spent, got.net, got.surcharges, got.audits)
				if got.spent > got.direct {
					t.Errorf("hit ratio %.2f: %d half units spent, want at most the %d of reading without a cache", got.hits, got.spent, got.direct)
				}
				if got.net != got.direct-got.spent {
					t.Errorf("hit ratio %.2f: the ledger's net is %d half units, the backend says %d", got.hits, got.net, got.direct-got.spent)
				}
				least, most = min(least, got.hits), max(most, got.hits)
				surcharges, audits = surcharges+got.surcharges, audits+got.audits
			}
			if least > 0.01 || most < 0.95 || surcharges == 0 || audits == 0 {
				t.Errorf("hit ratios from %.2f to %.2f with %d half units of surcharges and %d of audits: the sweep says nothing", least, most, surcharges, audits)
			}
			// A stream that hits have not paid for leaves nothing to spend on fills.
			if got := sweepPoint(t, rnd, "auto", 0.7, 10_000, kind.reads); got.surcharges != 0 || got.net != got.direct-got.spent {
				t.Errorf("with a stream to be paid for: %d half units of surcharges, net %d; want 0, %d", got.surcharges, got.net, got.direct-got.spent)
			}
			if got := sweepPoint(t, rnd, "strong", 0.1, 0, kind.reads); got.spent <= got.direct || got.net != got.direct-got.spent || got.net >= 0 {
				t.Errorf("with fill strong at a hit ratio of %.2f %d half units are spent, %d without a cache, and the ledger's net is %d; want it dearer, and told",
					got.hits, got.spent, got.direct, got.net)
			}
		})
	}
}
