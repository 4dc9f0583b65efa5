package proxy

import (
	"fmt"
	"testing"

	"millrace/backend/engine"
	"millrace/ddb"
)

// strangeValues are values of an attribute that upstream may answer with and that are not understood here.
var strangeValues = []string{
	`{"NEWTYPE":"z"}`, `{"M":{"x":{"NEWTYPE":{"y":[1]}}}}`, `{"L":[{"FUT":"x"},{"S":"kept"}]}`, `{"S":"x","FUT":"y"}`,
	`{"N":"1e300"}`, `{"SS":[]}`, `{"NULL":false}`, `{"S":"\ud83d"}`, `{"B":"AA"}`,
}

// strangeRig is a rig with one cached item, x, and an upstream that answers as canned says.
func strangeRig(t *testing.T) (*rig, *remoteLike) {
	t.Helper()
	var backend *remoteLike
	r := newRig(t, rigOptions{remote: true, wrap: func(e *engine.Engine) backendLike {
		backend = &remoteLike{Engine: e}
		return backend
	}})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("ann", "x", "g", 1999, "n")
	return r, backend
}

// ask sends body twice, and wants to be answered want both times, from upstream.
func (r *rig) ask(what string, op ddb.Operation, body, want string) {
	r.t.Helper()
	for range 2 {
		a := r.must(op, body)
		if a.body != want {
			r.t.Errorf("%s: answered %s\nwant %s", what, a.body, want)
		}
		if a.result == Hit || a.result == Negative {
			r.t.Errorf("%s: %v", what, a.result)
		}
	}
}

// An answer that is not understood whole is the client's as upstream wrote it, and never the caches'.
func TestAnswersThatAreNotUnderstoodAreHandedOn(t *testing.T) {
	t.Parallel()
	r, backend := strangeRig(t)
	const (
		key   = `{"author":{"S":"ann"},"title":{"S":"y"}}`
		get   = `{"TableName":"books","Key":` + key
		query = `{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"ann"}}`
		scan  = `{"TableName":"books"`
		batch = `{"RequestItems":{"books":{"Keys":[` + key + `]}}}`
	)
	for _, v := range strangeValues {
		item := `{"author":{"S":"ann"},"q":` + v + `,"title":{"S":"y"}}`
		one := `{"Item":` + item + `}`
		costly := `{"ConsumedCapacity":{"TableName":"books","CapacityUnits":0.5},"Count":1,"Items":[` + item + `],"ScannedCount":1}`
		page := `{"Count":1,"Items":[` + item + `],"ScannedCount":1}`
		several := `{"Responses":{"books":[` + item + `]},"UnprocessedKeys":{}}`
		backend.canned = map[ddb.Operation]string{ddb.GetItem: one, ddb.Query: costly, ddb.Scan: costly, ddb.BatchGetItem: several}
		r.ask("GetItem", ddb.GetItem, get+`}`, one)
		r.ask("a strong GetItem", ddb.GetItem, get+`,"ConsistentRead":true}`, one)
		r.ask("a GetItem of a part", ddb.GetItem, get+`,"ProjectionExpression":"q"}`, one)
		r.ask("a GetItem that asks what it costs", ddb.GetItem, get+`,"ReturnConsumedCapacity":"TOTAL"}`, one)
		r.ask("Query", ddb.Query, query+`}`, page)
		r.ask("a Query that asks what it costs", ddb.Query, query+`,"ReturnConsumedCapacity":"TOTAL"}`, costly)
		r.ask("Scan", ddb.Scan, scan+`}`, page)
		r.ask("BatchGetItem", ddb.BatchGetItem, batch, several)
		backend.canned = nil
		r.expect(Miss, ddb.GetItem, get+`}`) // nothing was learned
		r.forget()
	}
}

// An answer about another item than was asked for is the client's as upstream wrote it, and tells of none.
func TestAnswersAboutAnotherItemAreHandedOn(t *testing.T) {
	t.Parallel()
	r, backend := strangeRig(t)
	const (
		key   = `{"author":{"S":"ann"},"title":{"S":"y"}}`
		get   = `{"TableName":"books","Key":` + key
		batch = `{"RequestItems":{"books":{"Keys":[` + key + `]}}}`
	)
	for _, item := range []string{
		`{"author":{"S":"ann"},"title":{"S":"z"}}`,
		`{"title":{"S":"z"},"author":{"S":"ann"}}`,
		`{"author":{"S":"ann"}, "title":{"S":"z"}}`,
		`{"author":{"S":"ann"},"title":{"N":"1"}}`,
		`{"author":{"S":"ann"},"note":{"S":"n"}}`,
		`{}`,
	} {
		one := `{"Item":` + item + `}`
		several := `{"Responses":{"books":[` + item + `]},"UnprocessedKeys":{}}`
		backend.canned = map[ddb.Operation]string{ddb.GetItem: one, ddb.BatchGetItem: several}
		r.ask("GetItem", ddb.GetItem, get+`}`, one)
		r.ask("a strong GetItem", ddb.GetItem, get+`,"ConsistentRead":true}`, one)
		r.ask("a GetItem with a key in another order", ddb.GetItem, `{"TableName":"books","Key":{"title":{"S":"y"},"author":{"S":"ann"}}}`, one)
		r.ask("a GetItem of a part", ddb.GetItem, get+`,"ProjectionExpression":"note"}`, one)
		r.ask("BatchGetItem", ddb.BatchGetItem, batch, several)
		backend.canned = nil
		r.expect(Miss, ddb.GetItem, get+`}`) // nothing was learned
		r.forget()
	}
}

// An answer without any of an operation's members tells of no absence.
func TestSomebodyElsesAnswerIsNoAbsence(t *testing.T) {
	t.Parallel()
	r, backend := strangeRig(t)
	const later = `{"message":"try later"}`
	backend.canned = map[ddb.Operation]string{ddb.GetItem: later, ddb.Query: later, ddb.BatchGetItem: later}
	r.ask("GetItem", ddb.GetItem, `{"TableName":"books","Key":{"author":{"S":"ann"},"title":{"S":"y"}}}`, later)
	r.ask("Query", ddb.Query, `{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"ann"}}}`, later)
	r.ask("BatchGetItem", ddb.BatchGetItem, `{"RequestItems":{"books":{"Keys":[{"author":{"S":"ann"},"title":{"S":"y"}}]}}}`, later)
}

// Null in an item's place is not how DynamoDB says that there is none.
func TestNullIsNoAbsence(t *testing.T) {
	t.Parallel()
	r, backend := strangeRig(t)
	const (
		y   = `{"TableName":"books","Key":{"author":{"S":"ann"},"title":{"S":"y"}}`
		get = `{"TableName":"books","Key":{"author":{"S":"ann"},"title":{"S":"x"}}}`
	)
	for _, null := range []string{`{"Item":null}`, `{ "Item" : null }`, `{"ConsumedCapacity":null,"Item":null}`} {
		backend.canned = map[ddb.Operation]string{ddb.GetItem: null}
		want, _ := ddb.CutMember([]byte(null), "ConsumedCapacity")
		r.ask("GetItem", ddb.GetItem, y+`}`, string(want))
		r.ask("a strong GetItem", ddb.GetItem, y+`,"ConsistentRead":true}`, string(want))
		r.ask("a GetItem of a part", ddb.GetItem, y+`,"ProjectionExpression":"title"}`, null)
		backend.canned = nil
		r.expect(Miss, ddb.GetItem, y+`}`) // nothing was learned
		r.forget()
		r.must(ddb.GetItem, get)
		r.expect(Hit, ddb.GetItem, get)
		backend.canned = map[ddb.Operation]string{ddb.GetItem: null}
		if a := r.do(ddb.GetItem, get, Options{NoCache: true}); a.body != string(want) {
			t.Errorf("answered %s", a.body)
		}
		backend.canned = nil
		if a := r.do(ddb.GetItem, get); a.result == Hit {
			t.Errorf("%s came from the cache", a.body)
		}
	}
}

// What was cached of an item goes when it is answered with what is not understood.
func TestAnswersThatAreNotUnderstoodTakeTheEntry(t *testing.T) {
	t.Parallel()
	for i, v := range strangeValues {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			r, backend := strangeRig(t)
			const get = `{"TableName":"books","Key":{"author":{"S":"ann"},"title":{"S":"x"}}}`
			r.expect(Hit, ddb.GetItem, get)
			backend.canned = map[ddb.Operation]string{ddb.GetItem: `{"Item":{"author":{"S":"ann"},"title":{"S":"x"},"q":` + v + `}}`}
			if a := r.do(ddb.GetItem, get, Options{NoCache: true}); a.body != backend.canned[ddb.GetItem] {
				t.Errorf("answered %s", a.body)
			}
			backend.canned = nil
			if a := r.do(ddb.GetItem, get); a.result == Hit {
				t.Errorf("%s came from the cache", a.body)
			}
		})
	}
}
