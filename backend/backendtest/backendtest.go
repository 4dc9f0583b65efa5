// Package backendtest is the contract of backend.Backend as tests: what the caches above rely on, whichever store is
// below. Any backend passes it; what is particular to the embedded engine, or to DynamoDB's texts in detail, is tested
// elsewhere.
//
// It makes tables of its own with names of its own and deletes them again.
package backendtest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"millrace/backend"
	"millrace/ddb"
)

// Run runs the contract against backends that open makes. open registers whatever closes them with t.
func Run(t *testing.T, open func(t *testing.T) backend.Backend) {
	for _, c := range contract {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := &bench{t: t, backend: open(t)}
			c.test(b)
		})
	}
}

// contract is the clauses, each with the property it states.
var contract = []struct {
	name string
	test func(b *bench)
}{
	{"AnAcknowledgedWriteIsRead", readsAreCurrent},
	{"TypedAndJSONRequestsAreAnsweredAlike", typedAndJSON},
	{"RequestBytesMayBeReusedAfterwards", bytesAreBorrowed},
	{"ServiceExceptionsApplyNothing", exceptionsApplyNothing},
	{"UnknownOperationsAreRefused", unknownOperation},
	{"OneConditionalPutWins", oneWinner},
	{"CountersAddUp", countersAddUp},
	{"PagesJoinWithoutGapOrOverlap", pagesJoin},
	{"BatchesAnswerEveryTable", batches},
	{"CancelledWritesAreAppliedWhollyOrNotAtAll", cancelledWrites},
}

// bench is one clause's backend.
type bench struct {
	t       *testing.T
	backend backend.Backend
}

// call sends a JSON request.
func (b *bench) call(ctx context.Context, op ddb.Operation, body string) (string, error) {
	resp, err := b.backend.Do(ctx, ddb.NewRequest(op, []byte(body)))
	if err != nil {
		return "", err
	}
	out, err := resp.JSON()
	return string(out), err
}

// ok is call for a request that must succeed.
func (b *bench) ok(op ddb.Operation, body string) string {
	b.t.Helper()
	out, err := b.call(b.t.Context(), op, body)
	if err != nil {
		b.t.Fatalf("%s %s: %v", op, body, err)
	}
	return out
}

// answers checks that a request is answered with want, as JSON values.
func (b *bench) answers(op ddb.Operation, body, want string) {
	b.t.Helper()
	if got := b.ok(op, body); !equalJSON(got, want) {
		b.t.Errorf("%s %s\n got %s\nwant %s", op, body, got, want)
	}
}

// refuses checks that a request ends in the service exception called code.
func (b *bench) refuses(op ddb.Operation, body, code string) {
	b.t.Helper()
	out, err := b.call(b.t.Context(), op, body)
	if e, ok := ddb.AsError(err); err == nil || !ok || e.Code != code {
		b.t.Errorf("%s %s: answer %s, error %v; want %s", op, body, out, err, code)
	}
}

// equalJSON reports whether a and b are equal JSON values.
func equalJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// table creates a table with the key p (S) and s (N) and a global index on g (S), waits until it is active, and
// deletes it at the clause's end. It returns its name.
func (b *bench) table() string {
	b.t.Helper()
	name := "millrace-contract-" + strings.ToLower(rand.Text())
	b.ok(ddb.CreateTable, fmt.Sprintf(`{"TableName":%q,"BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"N"},{"AttributeName":"g","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],
		"GlobalSecondaryIndexes":[{"IndexName":"by-g","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}`, name))
	b.t.Cleanup(func() {
		// The clause's own context is cancelled by now.
		if _, err := b.call(context.Background(), ddb.DeleteTable, fmt.Sprintf(`{"TableName":%q}`, name)); err != nil {
			b.t.Errorf("DeleteTable %s: %v", name, err)
		}
	})
	// A remote store takes a while, and tells when it is asked.
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		var out struct{ Table struct{ TableStatus string } }
		answer := b.ok(ddb.DescribeTable, fmt.Sprintf(`{"TableName":%q}`, name))
		if err := json.Unmarshal([]byte(answer), &out); err != nil {
			b.t.Fatalf("DescribeTable: %v", err)
		}
		if out.Table.TableStatus == "ACTIVE" {
			return name
		}
		select {
		case <-again.C:
		case <-b.t.Context().Done():
			b.t.Fatalf("table %s is %s: %v", name, out.Table.TableStatus, b.t.Context().Err())
		}
	}
}
