package proxy

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/ddb"
)

// heedful is a backend that notices requests nobody said he would wait for.
type heedful struct {
	*engine.Engine
	said, asked, unsaid atomic.Int64
}

// Do is part of backend.Backend.
func (h *heedful) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	h.asked.Add(1)
	if h.said.Load() == 0 {
		h.unsaid.Add(1)
	}
	return h.Engine.Do(ctx, req)
}

// Whatever a request asks the backend for, Reply.Wait was called before; hits of the plainest forms do not call it.
func TestWhoWaitsSaysSo(t *testing.T) {
	t.Parallel()
	for _, observe := range []bool{false, true} {
		t.Run(fmt.Sprintf("observe=%v", observe), func(t *testing.T) {
			t.Parallel()
			var h *heedful
			r := newRig(t, rigOptions{config: Config{Observe: observe}, wrap: func(e *engine.Engine) backendLike {
				h = &heedful{Engine: e}
				return h
			}})
			ask := func(op ddb.Operation, body string) (waited, asked bool) {
				t.Helper()
				h.said.Store(0)
				before := h.asked.Load()
				reply := Reply{Wait: func() { h.said.Add(1) }}
				if err := r.proxy.Do(patientContext{context.Background(), time.Now().Add(20 * time.Second)}, ddb.NewRequest(op, []byte(body)), Options{}, &reply); err != nil {
					t.Fatalf("%v %s: %v", op, body, err)
				}
				return h.said.Load() > 0, h.asked.Load() > before
			}
			ask(ddb.CreateTable, `{"TableName":"tab","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],`+
				`"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"S"}]}`)
			for _, sk := range []string{"1", "2"} {
				ask(ddb.PutItem, `{"TableName":"tab","Item":{"pk":{"S":"a"},"sk":{"S":"`+sk+`"},"v":{"S":"x"}}}`)
			}
			// What was put is cached already.
			one := `{"pk":{"S":"a"},"sk":{"S":"1"}}`
			known := `{"TableName":"tab","Key":` + one + `}`
			for _, c := range []struct {
				op    ddb.Operation
				body  string
				plain bool
			}{
				{ddb.GetItem, known, true},
				{ddb.GetItem, `{"TableName":"tab","Key":{"pk":{"S":"a"},"sk":{"S":"none"}}}`, true},
				{ddb.GetItem, `{"TableName":"tab","Key":` + one + `,"ProjectionExpression":"v"}`, false},
				{ddb.BatchGetItem, `{"RequestItems":{"tab":{"Keys":[` + one + `,{"pk":{"S":"a"},"sk":{"S":"2"}}]}}}`, true},
				{ddb.Query, `{"TableName":"tab","KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, true},
				{ddb.Scan, `{"TableName":"tab"}`, true},
				{ddb.TransactGetItems, `{"TransactItems":[{"Get":{"TableName":"tab","Key":` + one + `}}]}`, false},
				{ddb.DescribeTable, `{"TableName":"tab"}`, false},
			} {
				for n := range 3 {
					waited, asked := ask(c.op, c.body)
					if n == 0 && !asked && c.op != ddb.BatchGetItem && c.body != known && !strings.Contains(c.body, "Projection") {
						t.Errorf("%v %s was not asked of the backend: it shows nothing", c.op, c.body)
					}
					// A page's request is remembered once it was a hit.
					if n == 2 && c.plain && !observe && (waited || asked) {
						t.Errorf("%v %s: a hit waits (%v), asks (%v)", c.op, c.body, waited, asked)
					}
				}
			}
			if n := h.unsaid.Load(); n > 0 {
				t.Errorf("%d requests were made that nobody said he would wait for", n)
			}
		})
	}
}

// A batch of cached items that are large together lets others go on: those who are served on the same goroutine would wait for milliseconds
// while it is copied. One of small items does not.
func TestLargeBatchesOfHitsLetOthersGoOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, `{"TableName":"tab","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}]}`)
	for _, size := range []int{1000, 100_000} {
		var keys []string
		for i := range 10 {
			pk := fmt.Sprint(size, "-", i)
			r.must(ddb.PutItem, `{"TableName":"tab","Item":{"pk":{"S":"`+pk+`"},"v":{"S":"`+strings.Repeat("v", size)+`"}}}`)
			keys = append(keys, `{"pk":{"S":"`+pk+`"}}`)
		}
		body := `{"RequestItems":{"tab":{"Keys":[` + strings.Join(keys, ",") + `]}}}`
		waited := false
		reply := Reply{Wait: func() { waited = true }}
		if err := r.proxy.Do(t.Context(), ddb.NewRequest(ddb.BatchGetItem, []byte(body)), Options{}, &reply); err != nil || reply.Result != Hit {
			t.Fatalf("batch of %d times %d bytes: %v, %v; want a hit", len(keys), size, reply.Result, err)
		}
		if want := len(reply.Body) > 2*turnBytes; waited != want {
			t.Errorf("batch of hits of %d bytes lets others go on: %v, want %v", len(reply.Body), waited, want)
		}
	}
}
