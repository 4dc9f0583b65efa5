package proxy

import (
	"testing"

	"millrace/ddb"
)

// A table named by its own ARN is the table: what is cached by its name answers reads by its ARN and the other way round, in the
// client's words. An ARN of another account or region is another table, whatever its name.
func TestOwnARNIsTheTable(t *testing.T) {
	t.Parallel()
	for _, remote := range []bool{false, true} {
		r := newRig(t, rigOptions{remote: remote})
		r.must(ddb.CreateTable, bookTable)
		const own = "arn:aws:dynamodb:us-east-1:123456789012:table/books"
		for _, title := range []string{"a", "b"} {
			r.putBook("ann", title, "sf", 1961, "")
		}
		f := func(op ddb.Operation, before, after string) {
			t.Helper()
			r.forget()
			r.expect(Miss, op, before+"books"+after)
			r.expect(Hit, op, before+own+after)
			r.expect(Hit, op, before+own+after)
			r.expect(Hit, op, before+"books"+after)
			r.forget()
			r.expect(Miss, op, before+own+after)
			r.expect(Hit, op, before+"books"+after)
			for _, other := range []string{"arn:aws:dynamodb:eu-west-1:123456789012:table/books", "arn:aws:dynamodb:us-east-1:999999999999:table/books"} {
				if a := r.same(op, before+other+after); a.err == nil && a.result != Forward {
					t.Errorf("remote %v, %v of %s: %v, want it forwarded", remote, op, other, a.result)
				}
			}
		}
		f(ddb.GetItem, `{"TableName":"`, `","Key":{"author":{"S":"ann"},"title":{"S":"a"}}}`)
		f(ddb.GetItem, `{"TableName":"`, `","Key":{"author":{"S":"ann"},"title":{"S":"a"}},"ReturnConsumedCapacity":"TOTAL"}`)
		f(ddb.GetItem, `{"TableName":"`, `","Key":{"author":{"S":"ann"},"title":{"S":"b"}},"ProjectionExpression":"title"}`)
		f(ddb.BatchGetItem, `{"RequestItems":{"`, `":{"Keys":[{"author":{"S":"ann"},"title":{"S":"a"}},{"author":{"S":"ann"},"title":{"S":"c"}}]}},"ReturnConsumedCapacity":"TOTAL"}`)
		f(ddb.Query, `{"TableName":"`, `","KeyConditionExpression":"author = :a","ExpressionAttributeValues":{":a":{"S":"ann"}},"ReturnConsumedCapacity":"INDEXES"}`)
		if !remote { // where a scan is not stored right after a write
			f(ddb.Scan, `{"TableName":"`, `","Limit":1}`)
		}
		// A write by one name ends what was cached by the other.
		r.same(ddb.GetItem, `{"TableName":"books","Key":{"author":{"S":"ann"},"title":{"S":"a"}}}`)
		r.must(ddb.DeleteItem, `{"TableName":"`+own+`","Key":{"author":{"S":"ann"},"title":{"S":"a"}}}`)
		if a := r.same(ddb.GetItem, `{"TableName":"books","Key":{"author":{"S":"ann"},"title":{"S":"a"}}}`); a.body != `{}` {
			t.Errorf("remote %v: after a delete by ARN: %s", remote, a.body)
		}
		// One table by two names is what the backend makes of it.
		if a := r.same(ddb.BatchGetItem, `{"RequestItems":{"books":{"Keys":[{"author":{"S":"ann"},"title":{"S":"b"}}]},"`+own+`":{"Keys":[{"author":{"S":"ann"},"title":{"S":"b"}}]}}}`); a.err == nil && a.result != Forward {
			t.Errorf("remote %v: a batch of one table by two names: %v", remote, a.result)
		}
	}
}
