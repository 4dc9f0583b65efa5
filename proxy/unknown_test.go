package proxy

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"millrace/backend/engine"
	"millrace/ddb"
)

// upstreamLike is a remoteLike that keeps what it was sent.
type upstreamLike struct {
	remoteLike
	sent []string
}

// Do is part of backend.Backend.
func (u *upstreamLike) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	body, err := req.JSON()
	if err != nil {
		return nil, err
	}
	u.sent = append(u.sent, string(bytes.Clone(body)))
	return u.remoteLike.Do(ctx, req)
}

// A read that says more than is understood here, or says something twice, is upstream's to understand: it is sent word for word,
// and each time.
func TestReadsThatAreNotUnderstoodAreForwardedVerbatim(t *testing.T) {
	t.Parallel()
	var upstream *upstreamLike
	r := newRig(t, rigOptions{remote: true, wrap: func(e *engine.Engine) backendLike {
		upstream = &upstreamLike{remoteLike: remoteLike{Engine: e}}
		return upstream
	}})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("ann", "x", "g", 1999, "n")
	const (
		key    = `"Key":{"author":{"S":"ann"},"title":{"S":"x"}}`
		keys   = `"Keys":[{"author":{"S":"ann"},"title":{"S":"x"}}]`
		query  = `"KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"ann"}}`
		future = `,"FutureOption":"AsOfYesterday"`
	)
	// What is understood is not forwarded, or the rest would show nothing.
	for op, body := range map[ddb.Operation]string{
		ddb.GetItem:      `{"TableName":"books",` + key + `}`,
		ddb.Query:        `{"TableName":"books",` + query + `}`,
		ddb.Scan:         `{"TableName":"books"}`,
		ddb.BatchGetItem: `{"RequestItems":{"books":{` + keys + `}}}`,
	} {
		if a := r.same(op, body); a.result == Forward {
			t.Errorf("%v %s: %v", op, body, a.result)
		}
	}
	for _, c := range []struct {
		op   ddb.Operation
		body string
	}{
		{ddb.GetItem, `{"TableName":"books",` + key + future + `}`},
		{ddb.GetItem, `{"TableName":"books",` + key + `,"FutureOption":null}`},
		{ddb.GetItem, `{"TableName":"books","TableName":"books",` + key + `}`},
		{ddb.GetItem, `{"TableName":null,"TableName":"books",` + key + `}`},
		{ddb.GetItem, `{"TableName":"books","ConsistentRead":true,"ConsistentRead":false,` + key + `}`},
		{ddb.GetItem, `{"TableName":"books",` + key + `,` + key + `}`},
		{ddb.GetItem, `{"TableName":"books","Key":{"author":{"S":"bob"},"author":{"S":"ann"},"title":{"S":"x"}}}`},
		{ddb.GetItem, `{"TableName":"books","Key":{"author":{"S":"bob","S":"ann"},"title":{"S":"x"}}}`},
		{ddb.GetItem, `{"TableName":"books",` + key + `,"ProjectionExpression":"#n","ExpressionAttributeNames":{"#n":"genre","#n":"note"}}`},
		{ddb.Query, `{"TableName":"books",` + query + future + `}`},
		{ddb.Query, `{"TableName":"books","TableName":"books",` + query + `}`},
		{ddb.Query, `{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"bob"},":a":{"S":"ann"}}}`},
		{ddb.Scan, `{"TableName":"books"` + future + `}`},
		{ddb.Scan, `{"TableName":"books","Limit":1,"Limit":5}`},
		{ddb.BatchGetItem, `{"RequestItems":{"books":{` + keys + `}}` + future + `}`},
		{ddb.BatchGetItem, `{"RequestItems":{"books":{` + keys + future + `}}}`},
		{ddb.BatchGetItem, `{"RequestItems":{"books":{` + keys + `},"books":{` + keys + `}}}`},
		{ddb.BatchGetItem, `{"RequestItems":{"books":{` + keys + `,` + keys + `}}}`},
		{ddb.BatchGetItem, `{"RequestItems":{"books":{` + keys + `}},"RequestItems":{"books":{` + keys + `}}}`},
	} {
		for range 2 {
			upstream.sent = nil
			if a := r.same(c.op, c.body); a.result != Forward {
				t.Errorf("%v %s: %v", c.op, c.body, a.result)
			}
			if !slices.Equal(upstream.sent, []string{c.body}) {
				t.Errorf("%v %s\nwas sent as %s", c.op, c.body, strings.Join(upstream.sent, " and "))
			}
		}
	}
}
