package proxy

import (
	"context"
	"errors"
	"testing"

	"millrace/ddb"
	"millrace/internal/sim/listappend"
)

// TestTransactionsReachTheCaches reads items and pages into the caches, changes them by a transaction, and reads again.
func TestTransactionsReachTheCaches(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]rigOptions{"authoritative": {}, "remote": {remote: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, o)
			r.must(ddb.CreateTable, bookTable)
			r.putBook("a", "one", "x", 1, "")
			r.putBook("a", "two", "x", 2, "")
			read := func() {
				t.Helper()
				for _, title := range []string{"one", "two", "three", "four"} {
					r.same(ddb.GetItem, `{"TableName":"books","ConsistentRead":true,"Key":{"author":{"S":"a"},"title":{"S":"`+title+`"}}}`)
				}
				r.same(ddb.Query, `{"TableName":"books","ConsistentRead":true,"KeyConditionExpression":"author = :a","ExpressionAttributeValues":{":a":{"S":"a"}}}`)
				if !o.remote {
					r.same(ddb.Query, `{"TableName":"books","IndexName":"genre-year","KeyConditionExpression":"genre = :g","ExpressionAttributeValues":{":g":{"S":"x"}}}`)
				}
			}
			// A transaction is read as it is, whatever is cached.
			const gets = `{"TransactItems":[{"Get":{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":"one"}}}},{"Get":{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":"three"}}}}]}`
			const body = `{"ClientRequestToken":"t","TransactItems":[
				{"Put":{"TableName":"books","Item":{"author":{"S":"a"},"title":{"S":"three"},"genre":{"S":"x"},"year":{"N":"3"}}}},
				{"Update":{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":"one"}},"UpdateExpression":"SET genre = :g","ExpressionAttributeValues":{":g":{"S":"y"}}}},
				{"Delete":{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":"two"}}}},
				{"ConditionCheck":{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":"four"}},"ConditionExpression":"attribute_not_exists(author)"}}]}`
			read()
			read()
			r.expect(Forward, ddb.TransactGetItems, gets)
			r.must(ddb.TransactWriteItems, body)
			read()
			r.expect(Forward, ddb.TransactGetItems, gets)
			read()
			// What is sent again under its token changes nothing, so nothing of it may be shown again.
			r.putBook("a", "three", "z", 4, "newer")
			r.must(ddb.DeleteItem, `{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":"one"}}}`)
			r.must(ddb.TransactWriteItems, body)
			read()
			// Neither does one that is cancelled.
			a := r.do(ddb.TransactWriteItems, `{"TransactItems":[
				{"Put":{"TableName":"books","Item":{"author":{"S":"a"},"title":{"S":"one"}}}},
				{"ConditionCheck":{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":"three"}},"ConditionExpression":"attribute_not_exists(author)"}}]}`)
			if bad, ok := errors.AsType[*ddb.Error](a.err); !ok || bad.Code != "TransactionCanceledException" || len(bad.CancellationReasons) != 2 {
				t.Errorf("error %v", a.err)
			}
			read()
		})
	}
}

// through answers requests by the proxy.
func (r *rig) through(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	var reply Reply
	if err := r.proxy.Do(ctx, req, Options{}, &reply); err != nil {
		return nil, err
	}
	return ddb.NewResponse(reply.Body), nil
}

// TestTransactionsAreSerializableThroughTheCaches is the engine's test of the same name: single strongly consistent reads
// come from the cache where they may.
func TestTransactionsAreSerializableThroughTheCaches(t *testing.T) {
	t.Parallel()
	const runs = 6
	first := newRand(t).Uint64N(1 << 32)
	for name, o := range map[string]rigOptions{"authoritative": {}, "remote": {remote: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := first; seed < first+runs; seed++ {
				r := newRig(t, o)
				for _, body := range listappend.Tables() {
					r.must(ddb.CreateTable, body)
				}
				txs, err := listappend.Run(t.Context(), r.through, seed, listappend.DefaultSize())
				if err != nil {
					t.Fatal(err)
				}
				if bad := listappend.Check(txs); bad != nil {
					t.Fatalf("list-append seed %d: %v", seed, bad)
				}
			}
		})
	}
}

// TestWithoutInvalidationTransactionsAreNotSerializable is the proof of the test before.
func TestWithoutInvalidationTransactionsAreNotSerializable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := newRig(t, rigOptions{unwired: true})
		for _, body := range listappend.Tables() {
			r.must(ddb.CreateTable, body)
		}
		txs, err := listappend.Run(t.Context(), r.through, seed, listappend.DefaultSize())
		if err != nil {
			t.Fatal(err)
		}
		if bad := listappend.Check(txs); bad != nil {
			t.Logf("seed %d: %v", seed, bad)
			return
		}
	}
	t.Error("20 runs without invalidation: nothing was found")
}
