package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace/ddb"
)

// withUnits is a CreateTable of the table name with key p (S) and that throughput, and a global index on g with index's
// where that is not 0.
func withUnits(name string, read, write, index int) string {
	definitions, indexes := `{"AttributeName":"p","AttributeType":"S"}`, ""
	if index > 0 {
		definitions += `,{"AttributeName":"g","AttributeType":"S"}`
		indexes = fmt.Sprintf(`,"GlobalSecondaryIndexes":[{"IndexName":"gsi","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],
			"Projection":{"ProjectionType":"ALL"},"ProvisionedThroughput":{"ReadCapacityUnits":%[1]d,"WriteCapacityUnits":%[1]d}}]`, index)
	}
	return fmt.Sprintf(`{"TableName":%q,"AttributeDefinitions":[%s],"KeySchema":[{"AttributeName":"p","KeyType":"HASH"}],
		"ProvisionedThroughput":{"ReadCapacityUnits":%d,"WriteCapacityUnits":%d}%s}`, name, definitions, read, write, indexes)
}

// throttled opens an engine that throttles.
func throttled(t *testing.T, tables ...string) *aided {
	t.Helper()
	h := openAided(t, func(c *Config) { c.Throttle = true })
	h.create(tables...)
	return h
}

// exceeded is the exception for want of a table's throughput, exceededIndex that for want of an index's.
var (
	exceeded = [2]string{"ProvisionedThroughputExceededException",
		"The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."}
	exceededIndex = [2]string{"ProvisionedThroughputExceededException",
		"The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. " +
			"Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API"}
)

// times does a request until it is refused and returns how often it was not, at most most times.
func (h *aided) times(most int, op ddb.Operation, body string, refusal [2]string) int {
	h.t.Helper()
	for n := range most {
		_, bad := h.do(op, body)
		if bad == nil {
			continue
		}
		if bad.Code != refusal[0] || bad.Message != refusal[1] {
			h.t.Fatalf("%s %s is refused with %v, want %v", op, clip(body), bad, refusal)
		}
		return n
	}
	return most
}

func TestProvisionedTablesThrottleToTheHalfUnit(t *testing.T) {
	t.Parallel()
	h := throttled(t, withUnits("units", 5, 3, 0))
	f := func(op ddb.Operation, rest string, want int) {
		t.Helper()
		if got := h.times(100, op, `{"TableName":"units",`+rest+`}`, exceeded); got != want {
			t.Errorf("%s %s: %d in a second, want %d", op, clip(rest), got, want)
		}
	}
	const get, put = `"Key":{"p":{"S":"none"}}`, `"Item":{"p":{"S":"a"}}`
	f(ddb.GetItem, get, 10)
	f(ddb.PutItem, put, 3)
	// Reads and writes do not share. A second fills what a second uses.
	h.wait(time.Second)
	f(ddb.GetItem, get+`,"ConsistentRead":true`, 5)
	f(ddb.DeleteItem, `"Key":{"p":{"S":"none"}}`, 3)
	h.wait(time.Second / 10)
	f(ddb.GetItem, get, 1)
	f(ddb.PutItem, put, 0)
	h.wait(time.Second / 10)
	f(ddb.Query, `"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"none"}}`, 1)
	h.wait(time.Second)
	f(ddb.PutItem, `"Item":`+sized("a", 1025), 1)
	h.wait(time.Second)
	// Of 4.6 units that are there by now the first takes two, for the item as it was, the others one each.
	f(ddb.UpdateItem, `"Key":{"p":{"S":"a"}},"UpdateExpression":"REMOVE d"`, 3)
}

func TestUnusedThroughputIsKeptForFiveMinutes(t *testing.T) {
	t.Parallel()
	h := throttled(t, withUnits("units", 2, 2, 0))
	get := func() int {
		return h.times(10000, ddb.GetItem, `{"TableName":"units","Key":{"p":{"S":"a"}},"ConsistentRead":true}`, exceeded)
	}
	if got := get(); got != 2 {
		t.Errorf("a new table lets %d reads in, want 2", got)
	}
	h.wait(100 * time.Second)
	if got := get(); got != 200 {
		t.Errorf("after 100 s %d reads are let in, want 200", got)
	}
	h.wait(time.Hour)
	if got := get(); got != 600 {
		t.Errorf("after an hour %d reads are let in, want 600", got)
	}
	// The engine's clock is what counts, and it may be moved.
	h.e.AdvanceClock(10 * time.Second)
	if got := get(); got != 20 {
		t.Errorf("10 s ahead %d reads are let in, want 20", got)
	}
	h.e.AdvanceClock(-time.Hour)
	if got := get(); got != 0 {
		t.Errorf("an hour back %d reads are let in, want none", got)
	}
	h.wait(time.Second)
	if got := get(); got != 2 {
		t.Errorf("a second later %d reads are let in, want 2", got)
	}
}

// Property: however requests come, none is let in that would bring the total above what has been provisioned so far and
// what one second gives, and none is refused that would not.
func TestThrottleLetsInExactlyWhatIsProvisioned(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		rate := rapid.Int64Range(1, 100).Draw(rt, "rate")
		now := aidedStart
		b := newBucket(rate, now, now)
		th := &throttle{clock: func() time.Time { return now }, buckets: map[bucketID]*bucket{{writes: true}: b}}
		p := &ddb.ProvisionedThroughputDescription{WriteCapacityUnits: rate}
		// In half units times nanoseconds, by another way than the bucket's: level is what is left, never above room.
		level, room := 2*rate*int64(time.Second), 600*rate*int64(time.Second)
		rt.Repeat(map[string]func(*rapid.T){
			"wait": func(rt *rapid.T) {
				d := time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(rt, "nanoseconds"))
				now = now.Add(d)
				level = min(level+2*rate*int64(d), room)
			},
			"request": func(rt *rapid.T) {
				halves := rapid.Int64Range(1, 50*rate).Draw(rt, "halves")
				draws, ok := th.plan(nil, bucketID{writes: true}, p, 0, halves, now)
				if want := level >= halves*int64(time.Second) || level == room; ok != want {
					rt.Fatalf("%d halves with %d left: let in %t, want %t", halves, level/int64(time.Second), ok, want)
				}
				if ok {
					take(draws)
					level -= halves * int64(time.Second)
				}
			},
		})
	})
}

func TestARequestLargerThanTheBurstIsLetInWhenNothingElseWas(t *testing.T) {
	t.Parallel()
	h := throttled(t, withUnits("units", 1, 1, 0))
	h.wait(time.Hour)
	put := `{"TransactItems":[`
	for i := range 4 {
		if i > 0 {
			put += ","
		}
		put += fmt.Sprintf(`{"Put":{"TableName":"units","Item":%s}}`, sized(fmt.Sprint(i), 300<<10))
	}
	put += `]}`
	// 2400 units, where 300 is all that the table can ever have.
	h.answer(ddb.TransactWriteItems, put)
	h.wait(2400 * time.Second)
	h.fails(ddb.DeleteItem, `{"TableName":"units","Key":{"p":{"S":"none"}}}`, exceeded[0], exceeded[1])
}

func TestOnDemandTablesAreNotThrottled(t *testing.T) {
	t.Parallel()
	h := throttled(t, hashTable)
	const get = `{"TableName":"hash","Key":{"p":{"S":"a"}}}`
	if got := h.times(2000, ddb.GetItem, get, exceeded); got != 2000 {
		t.Errorf("an on-demand table lets %d reads in", got)
	}
	h.answer(ddb.UpdateTable, `{"TableName":"hash","BillingMode":"PROVISIONED","ProvisionedThroughput":{"ReadCapacityUnits":3,"WriteCapacityUnits":1}}`)
	if got := h.times(2000, ddb.GetItem, get, exceeded); got != 6 {
		t.Errorf("once provisioned it lets %d reads in, want 6", got)
	}
	h.answer(ddb.UpdateTable, `{"TableName":"hash","BillingMode":"PAY_PER_REQUEST"}`)
	if got := h.times(2000, ddb.GetItem, get, exceeded); got != 2000 {
		t.Errorf("on demand again it lets %d reads in", got)
	}
}

func TestNothingIsThrottledUnlessAskedFor(t *testing.T) {
	t.Parallel()
	h := openAided(t, nil)
	h.create(withUnits("units", 1, 1, 1))
	if got := h.times(500, ddb.PutItem, `{"TableName":"units","Item":{"p":{"S":"a"},"g":{"S":"g"}}}`, exceeded); got != 500 {
		t.Errorf("%d writes are let in, want all", got)
	}
}

func TestChangesOfThroughputTakeEffect(t *testing.T) {
	t.Parallel()
	h := throttled(t, withUnits("units", 1, 10, 0))
	get := func() int {
		return h.times(10000, ddb.GetItem, `{"TableName":"units","Key":{"p":{"S":"a"}},"ConsistentRead":true}`, exceeded)
	}
	update := func(read int) {
		h.answer(ddb.UpdateTable, fmt.Sprintf(`{"TableName":"units","ProvisionedThroughput":{"ReadCapacityUnits":%d,"WriteCapacityUnits":10}}`, read))
	}
	get()
	h.wait(10 * time.Second)
	// 10 s at 1, then 10 s at 20.
	update(20)
	h.wait(10 * time.Second)
	if got := get(); got != 210 {
		t.Errorf("after an increase %d reads are let in, want 210", got)
	}
	h.wait(10 * time.Second)
	update(2)
	h.wait(10 * time.Second)
	if got := get(); got != 220 {
		t.Errorf("after a decrease %d reads are let in, want 220", got)
	}
	h.wait(time.Hour)
	update(1)
	if got := get(); got != 300 {
		t.Errorf("after a decrease of a full bucket %d reads are let in, want 300", got)
	}
}

func TestGlobalIndexesHaveTheirOwnThroughput(t *testing.T) {
	t.Parallel()
	h := throttled(t, withUnits("units", 10, 10, 2))
	const query = `{"TableName":"units","IndexName":"gsi","KeyConditionExpression":"g = :g","ExpressionAttributeValues":{":g":{"S":"none"}}}`
	if got := h.times(100, ddb.Query, query, exceededIndex); got != 4 {
		t.Errorf("%d reads of the index are let in, want 4", got)
	}
	// The table's own is untouched.
	if got := h.times(100, ddb.GetItem, `{"TableName":"units","Key":{"p":{"S":"a"}}}`, exceeded); got != 20 {
		t.Errorf("%d reads of the table are let in, want 20", got)
	}
	// An index that cannot keep up refuses the table's writes, but only those that change it.
	n := 0
	for ; n < 100; n++ {
		if _, bad := h.do(ddb.PutItem, fmt.Sprintf(`{"TableName":"units","Item":{"p":{"S":"%d"},"g":{"S":"g"}}}`, n)); bad != nil {
			if bad.Code != exceededIndex[0] || bad.Message != exceededIndex[1] {
				t.Errorf("a write is refused with %v, want %v", bad, exceededIndex)
			}
			break
		}
	}
	if n != 2 {
		t.Errorf("%d writes of the index are let in, want 2", n)
	}
	if got := h.times(100, ddb.PutItem, `{"TableName":"units","Item":{"p":{"S":"a"}}}`, exceeded); got != 8 {
		t.Errorf("%d writes beside the index are let in, want the 8 that are left", got)
	}
	// A refused write took nothing from the table.
	h.wait(time.Second)
	if got := h.times(100, ddb.PutItem, `{"TableName":"units","Item":{"p":{"S":"a"}}}`, exceeded); got != 10 {
		t.Errorf("%d writes are let in a second later, want 10", got)
	}
}

func TestThrottledBatchesArePartlyProcessed(t *testing.T) {
	t.Parallel()
	h := throttled(t, withUnits("units", 2, 3, 0), hashTable)
	puts := `{"PutRequest":{"Item":{"p":{"S":"1"}}}},{"PutRequest":{"Item":{"p":{"S":"2"}}}},{"PutRequest":{"Item":{"p":{"S":"3"}}}},{"DeleteRequest":{"Key":{"p":{"S":"4"}}}},{"PutRequest":{"Item":{"p":{"S":"5"}}}}`
	h.ok(ddb.BatchWriteItem, `{"RequestItems":{"units":[`+puts+`],"hash":[{"PutRequest":{"Item":{"p":{"S":"1"}}}}]},"ReturnConsumedCapacity":"TOTAL"}`,
		`{"UnprocessedItems":{"units":[{"DeleteRequest":{"Key":{"p":{"S":"4"}}}},{"PutRequest":{"Item":{"p":{"S":"5"}}}}]},
			"ConsumedCapacity":[{"TableName":"hash","CapacityUnits":1},{"TableName":"units","CapacityUnits":3}]}`)
	h.fails(ddb.BatchWriteItem, `{"RequestItems":{"units":[{"DeleteRequest":{"Key":{"p":{"S":"4"}}}}]}}`, exceeded[0], exceeded[1])
	get := `{"RequestItems":{"units":{"Keys":[{"p":{"S":"1"}},{"p":{"S":"2"}},{"p":{"S":"3"}}],"ConsistentRead":true}},"ReturnConsumedCapacity":"TOTAL"}`
	h.ok(ddb.BatchGetItem, get, `{"Responses":{"units":[{"p":{"S":"1"}},{"p":{"S":"2"}}]},
		"UnprocessedKeys":{"units":{"Keys":[{"p":{"S":"3"}}],"ConsistentRead":true}},"ConsumedCapacity":[{"TableName":"units","CapacityUnits":2}]}`)
	h.fails(ddb.BatchGetItem, get, exceeded[0], exceeded[1])
	h.ok(ddb.Scan, `{"TableName":"hash"}`, `{"Items":[{"p":{"S":"1"}}],"Count":1,"ScannedCount":1}`)
}

func TestThrottledTransactionsAreCancelled(t *testing.T) {
	t.Parallel()
	h := throttled(t, withUnits("units", 3, 3, 0), hashTable)
	h.fails(ddb.TransactWriteItems, `{"TransactItems":[{"Put":{"TableName":"hash","Item":{"p":{"S":"1"}}}},
		{"Put":{"TableName":"units","Item":{"p":{"S":"1"}}}},{"Put":{"TableName":"units","Item":{"p":{"S":"2"}}}}]}`, "TransactionCanceledException",
		"Transaction cancelled, please refer cancellation reasons for specific reasons [None, None, ProvisionedThroughputExceeded]")
	// #159: twice as much; nothing was written and nothing used up.
	h.ok(ddb.Scan, `{"TableName":"hash"}`, `{"Items":[],"Count":0,"ScannedCount":0}`)
	if got := h.times(10, ddb.TransactWriteItems, `{"TransactItems":[{"Put":{"TableName":"units","Item":{"p":{"S":"1"}}}}]}`, [2]string{"TransactionCanceledException",
		"Transaction cancelled, please refer cancellation reasons for specific reasons [ProvisionedThroughputExceeded]"}); got != 1 {
		t.Errorf("%d transactions are let in, want 1", got)
	}
	if got := h.times(10, ddb.TransactGetItems, `{"TransactItems":[{"Get":{"TableName":"units","Key":{"p":{"S":"1"}}}}]}`, [2]string{"TransactionCanceledException",
		"Transaction cancelled, please refer cancellation reasons for specific reasons [ProvisionedThroughputExceeded]"}); got != 1 {
		t.Errorf("%d transactions that read are let in, want 1", got)
	}
}

func TestFailedConditionsUseThroughput(t *testing.T) {
	t.Parallel()
	h := throttled(t, withUnits("units", 1, 3, 0))
	h.put("units", `{"p":{"S":"a"}}`)
	const put = `{"TableName":"units","Item":{"p":{"S":"a"}},"ConditionExpression":"attribute_not_exists(p)"}`
	for range 2 {
		h.fails(ddb.PutItem, put, "ConditionalCheckFailedException", "The conditional request failed")
	}
	h.fails(ddb.PutItem, put, exceeded[0], exceeded[1])
}

func TestExpiryIsNotThrottled(t *testing.T) {
	t.Parallel()
	h := throttled(t, withUnits("units", 100, 1, 0))
	h.answer(ddb.UpdateTimeToLive, `{"TableName":"units","TimeToLiveSpecification":{"Enabled":true,"AttributeName":"t"}}`)
	for i := range 5 {
		h.wait(time.Second)
		h.put("units", fmt.Sprintf(`{"p":{"S":"%d"},"t":{"N":"%d"}}`, i, aidedStart.Unix()))
	}
	// (Developer Guide, "Using time to live (TTL) in DynamoDB": deletes "without consuming write throughput".)
	if err := h.e.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.ok(ddb.Scan, `{"TableName":"units"}`, `{"Items":[],"Count":0,"ScannedCount":0}`)
}

func TestATableMadeAnewHasAThroughputOfItsOwn(t *testing.T) {
	t.Parallel()
	h := throttled(t, withUnits("units", 1, 1, 0))
	const put = `{"TableName":"units","Item":{"p":{"S":"a"}}}`
	for range 3 {
		if got := h.times(10, ddb.PutItem, put, exceeded); got != 1 {
			t.Errorf("%d writes are let in, want 1", got)
		}
		h.answer(ddb.DeleteTable, `{"TableName":"units"}`)
		if n := len(h.e.throttle.buckets); n != 0 {
			t.Errorf("%d buckets are left of a deleted table", n)
		}
		h.create(withUnits("units", 1, 1, 0))
	}
}

func TestStatementsAreThrottled(t *testing.T) {
	t.Parallel()
	h := throttled(t, withUnits("units", 2, 2, 0))
	statement := func(text string, want int) {
		t.Helper()
		if got := h.times(10, ddb.ExecuteStatement, fmt.Sprintf(`{"Statement":%q}`, text), exceeded); got != want {
			t.Errorf("%s: %d are let in, want %d", text, got, want)
		}
	}
	statement(`DELETE FROM units WHERE p = 'a'`, 2)
	statement(`SELECT * FROM units WHERE p = 'a'`, 4)
	h.wait(time.Second)
	got := h.member(ddb.BatchExecuteStatement, `{"Statements":[{"Statement":"SELECT * FROM units WHERE p = 'a'","ConsistentRead":true},
		{"Statement":"SELECT * FROM units WHERE p = 'a'","ConsistentRead":true},{"Statement":"SELECT * FROM units WHERE p = 'a'","ConsistentRead":true}]}`, "Responses")
	if n := strings.Count(got, `"Code":"ProvisionedThroughputExceeded"`); n != 1 {
		t.Errorf("%d of 3 statements in a batch are refused, want 1: %s", n, got)
	}
}

func TestLocalIndexesUseTheThroughputOfTheirTable(t *testing.T) {
	t.Parallel()
	h := throttled(t, `{"TableName":"units","AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"S"},
		{"AttributeName":"l","AttributeType":"S"}],"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],
		"LocalSecondaryIndexes":[{"IndexName":"lsi","KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"l","KeyType":"RANGE"}],
			"Projection":{"ProjectionType":"ALL"}}],"ProvisionedThroughput":{"ReadCapacityUnits":2,"WriteCapacityUnits":3}}`)
	const put = `{"TableName":"units","Item":{"p":{"S":"a"},"s":{"S":"b"},"l":{"S":"c"}}}`
	// One unit for the item and one for its entry; there is none left for that of another.
	h.answer(ddb.PutItem, put)
	h.fails(ddb.PutItem, strings.Replace(put, `"S":"b"`, `"S":"d"`, 1), exceeded[0], exceeded[1])
	const query = `{"TableName":"units","IndexName":"lsi","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`
	if got := h.times(10, ddb.Query, query, exceeded); got != 4 {
		t.Errorf("%d reads of the index are let in, want 4", got)
	}
}
