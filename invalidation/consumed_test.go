package invalidation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"millrace/cache"
	"millrace/ddb"
	"millrace/metrics"
)

// metered is a setup that counts, with a table of a plain key.
func metered(t *testing.T) (*setup, *metrics.Metrics) {
	t.Helper()
	m := metrics.New(metrics.Names{Operations: make([]string, ddb.NumOperations), Results: []string{"-"}})
	return newSetupWith(t, cache.Config{Metrics: m}), m
}

// What is entered for an operation is what the backend itself says that it cost, whether its client asked for that or not, as
// long as the table has no index and the item's size is known.
func TestConsumedCapacityIsWhatTheBackendSays(t *testing.T) {
	t.Parallel()
	s, m := metered(t)
	account := m.Ledger.Table("ttt")
	long := strings.Repeat("x", 2500)
	f := func(op ddb.Operation, body string, writes bool) {
		t.Helper()
		var units [3]float64 // by the answer; entered without asking, and with
		for i, ask := range []string{"", `,"ReturnConsumedCapacity":"INDEXES"`} {
			before, written := account.ByOperation(int(op)), account.Units(metrics.WritesConsumed)
			resp := s.must(op, strings.TrimSuffix(body, "}")+ask+"}")
			units[1+i] = account.ByOperation(int(op)) - before
			if w := account.Units(metrics.WritesConsumed) - written; writes && w != units[1+i] || !writes && w != 0 {
				t.Errorf("%v %.80s: %v write units and %v of the operation", op, body, w, units[1+i])
			}
			if ask == "" {
				continue
			}
			text, err := resp.JSON()
			if err != nil {
				t.Fatal(err)
			}
			var out struct{ ConsumedCapacity json.RawMessage }
			if err := json.Unmarshal(text, &out); err != nil {
				t.Fatal(err)
			}
			var list []toldCapacity
			if json.Unmarshal(out.ConsumedCapacity, &list) != nil {
				list = make([]toldCapacity, 1)
				if err := json.Unmarshal(out.ConsumedCapacity, &list[0]); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range list {
				units[0] += c.CapacityUnits
			}
		}
		if units[0] == 0 || units[1] != units[0] || units[2] != units[0] {
			t.Errorf("%v %.80s: %v units by the answer, entered %v without asking and %v with", op, body, units[0], units[1], units[2])
		}
	}
	item := func(v string) string { return fmt.Sprintf(`{"h":{"S":"a"},"s":{"S":"s"},"v":{"S":"%s"}}`, v) }
	const key = `{"h":{"S":"a"},"s":{"S":"s"}}`
	f(ddb.PutItem, `{"TableName":"ttt","Item":`+item(long)+`}`, true)
	f(ddb.GetItem, `{"TableName":"ttt","Key":`+key+`}`, false)
	f(ddb.GetItem, `{"TableName":"ttt","Key":`+key+`,"ConsistentRead":true}`, false)
	f(ddb.GetItem, `{"TableName":"ttt","Key":{"h":{"S":"none"},"s":{"S":"s"}}}`, false)
	f(ddb.TransactGetItems, `{"TransactItems":[{"Get":{"TableName":"ttt","Key":`+key+`}}]}`, false)
	f(ddb.UpdateItem, `{"TableName":"ttt","Key":`+key+`,"UpdateExpression":"SET w = :w","ExpressionAttributeValues":{":w":{"N":"1"}}}`, true)
	f(ddb.BatchWriteItem, `{"RequestItems":{"ttt":[{"PutRequest":{"Item":`+item(long)+`}},{"PutRequest":{"Item":{"h":{"S":"b"},"s":{"S":"s"}}}}]}}`, true)
	f(ddb.TransactWriteItems, `{"TransactItems":[{"Put":{"TableName":"ttt","Item":`+item(long)+`}}]}`, true)
	f(ddb.PutItem, `{"TableName":"ttt","Item":{"h":{"S":"c"},"s":{"S":"s"}}}`, true)
	f(ddb.DeleteItem, `{"TableName":"ttt","Key":{"h":{"S":"c"},"s":{"S":"s"}}}`, true)
	f(ddb.ExecuteStatement, `{"Statement":"UPDATE ttt SET x = 1 WHERE h = 'b' AND s = 's'"}`, true)
	// A condition that fails is charged too.
	before := account.Units(metrics.WritesConsumed)
	if _, err := s.do(ddb.PutItem, `{"TableName":"ttt","Item":{"h":{"S":"b"},"s":{"S":"s"}},"ConditionExpression":"attribute_not_exists(h)"}`); err == nil {
		t.Fatal("the condition holds")
	}
	if got := account.Units(metrics.WritesConsumed) - before; got != 1 {
		t.Errorf("a condition that failed consumed %v write units, want 1", got)
	}
	// What is refused is not.
	before = account.Units(metrics.WritesConsumed)
	if _, err := s.do(ddb.PutItem, `{"TableName":"ttt","Item":{"h":{"S":"b"}}}`); err == nil {
		t.Fatal("an item without its sort key is taken")
	}
	if got := account.Units(metrics.WritesConsumed) - before; got != 0 {
		t.Errorf("a put that was refused consumed %v write units", got)
	}
}

// A key that is only written is hot too.
func TestWritesMakeKeysHot(t *testing.T) {
	t.Parallel()
	s, m := metered(t)
	for range 40 {
		for range 500 {
			s.must(ddb.PutItem, put("a", "1", ""))
		}
		if top := m.HotKeys.Top(1); len(top) == 1 {
			if top[0].Table != "ttt" || top[0].Share != 1 {
				t.Errorf("the hottest key is %+v, want the one of ttt with all writes", top[0])
			}
			return
		}
	}
	t.Error("20 000 writes of one key make no key hot")
}
