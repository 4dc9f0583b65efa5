package proxy

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/ddb"
)

// plainQueries are bodies that are scanned.
var plainQueries = []string{
	`{"TableName": "books", "KeyConditionExpression": "author = :a", "ExpressionAttributeValues": {":a": {"S": "ann"}}}`,
	`{"TableName":"books","KeyConditionExpression":"#a = :a AND title >= :t","ExpressionAttributeNames":{"#a":"author"},"ExpressionAttributeValues":{":t":{"S":"1"},":a":{"S":"é"}},"ScanIndexForward":false,"ConsistentRead":true,"Limit":17}`,
	`{"ExpressionAttributeValues":{":y":{"N":"-12"}},"Limit":99999,"IndexName":"year-only","KeyConditionExpression":"#y=:y","ExpressionAttributeNames":{"#y":"year"},"ConsistentRead":false,"ScanIndexForward":true,"TableName":"books"}`,
}

// unusualQueries are bodies that are the decoder's.
var unusualQueries = []string{
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"\u0061"}}}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"},":a":{"S":"b"}}}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a","N":"1"}}}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"N":"01"}}}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"B":"YQ=="}}}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{}}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":null}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}}}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}},"Limit":0}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}},"Limit":1.0}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}},"Limit":100000}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}},"FilterExpression":"a=:a"}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}},"Extra":1}`,
	`{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}}}}`,
	`{"TableName":"books","ExpressionAttributeValues":{":a":{"S":"a"}}}`,
	`{"KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}}}`,
	`{}`,
}

func TestQueriesAreScannedIfTheyArePlain(t *testing.T) {
	t.Parallel()
	for _, body := range plainQueries {
		if x := scannedQueries.Get().(*scannedQuery); !x.scan([]byte(body)) {
			t.Errorf("%s was not understood", body)
		}
	}
	for _, body := range unusualQueries {
		if x := scannedQueries.Get().(*scannedQuery); x.scan([]byte(body)) {
			t.Errorf("%s was taken for %+v", body, x.in)
		}
	}
}

// FuzzScanQuery holds the scanner to the decoder: what the scanner understands, the decoder reads the same way, and what follows from it
// is the same. A name that no table or index can have is of none that is known, so its constraint is not the scanner's to check.
func FuzzScanQuery(f *testing.F) {
	for _, list := range [][]string{plainQueries, unusualQueries} {
		for _, body := range list {
			f.Add([]byte(body))
		}
	}
	r := bookRig(f, rigOptions{})
	ctx := patientContext{f.Context(), time.Now().Add(time.Hour)}
	f.Fuzz(func(t *testing.T, body []byte) {
		x := scannedQueries.Get().(*scannedQuery)
		defer x.release()
		if !x.scan(body) {
			return
		}
		req := ddb.NewRequest(ddb.Query, body)
		in, err := ddb.InputAs[ddb.QueryInput](req)
		if err != nil {
			if nameFault(x.in.TableName) || x.in.IndexName != nil && (nameFault(*x.in.IndexName) || len(*x.in.IndexName) < 3) {
				return
			}
			t.Fatalf("%q: the decoder says %v", body, err)
		}
		if req.Partial() || req.Repeated() || !reflect.DeepEqual(*in, x.in) {
			t.Fatalf("%q is %+v, for the decoder %+v", body, x.in, *in)
		}
		q, ok := r.proxy.newQuery(ctx, req)
		again := r.proxy.scanQuery(ctx, ddb.NewRequest(ddb.Query, body))
		if again == nil {
			if ok && in.TableName == "books" {
				t.Fatalf("%q was scanned and not understood", body)
			}
			return
		}
		defer again.release()
		got, want := again.page, *q
		if !ok || !got.passing || got.fetch == nil {
			t.Fatalf("%q was understood, by the decoder not", body)
		}
		got.passing, got.fetch, got.read, want.fetch, want.read = false, nil, nil, nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is\n%+v, for the decoder\n%+v", body, got, want)
		}
	})
}

// A Query that is scanned asks upstream what the decoded one would, to the byte, again and again in the same memory, and is answered the
// same.
func TestScannedQueriesAskTheSame(t *testing.T) {
	t.Parallel()
	var asked []string
	r := bookRig(t, rigOptions{remote: true, wrap: func(e *engine.Engine) backendLike {
		return &listener{Engine: e, heard: func(req *ddb.Request) {
			if body, err := req.JSON(); err != nil || req.Op == ddb.Query {
				asked = append(asked, string(body))
			}
		}}
	}})
	for i := range 30 {
		r.putBook("ann", fmt.Sprint(i), "g", 1990+i%3, "note")
	}
	for round := range 3 {
		for i, body := range append(plainQueries[:len(plainQueries):len(plainQueries)], queryBooks("ann", "author=:a", "", `,"Limit":3`), queryBooks("none", "author=:a", "", "")) {
			asked = nil
			want := r.bare(ddb.Query, body)
			for _, unusual := range []string{"", `,"ProjectionExpression":null`} { // which nobody scans
				r.forget()
				if a := r.do(ddb.Query, body[:len(body)-1]+unusual+"}"); a.text() != want.text() || a.result != Miss {
					t.Errorf("%s (%v), round %d: got %s, want %s", body, a.result, round, a.text(), want.text())
				}
			}
			if len(asked) != 2 || asked[0] != asked[1] {
				t.Errorf("%d: of %s upstream is asked %q", i, body, asked)
			}
		}
	}
}

// listener is a backend that tells what it is asked.
type listener struct {
	*engine.Engine
	heard func(*ddb.Request)
}

// Do is part of backend.Backend.
func (l *listener) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	l.heard(req)
	return l.Engine.Do(ctx, req)
}
