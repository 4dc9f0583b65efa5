package backendtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"millrace/ddb"
)

// key is the JSON of a key.
func key(p string, s int) string { return fmt.Sprintf(`{"p":{"S":%q},"s":{"N":"%d"}}`, p, s) }

// readsAreCurrent: after a write was acknowledged, strongly consistent reads of every kind show it.
func readsAreCurrent(b *bench) {
	table := b.table()
	get := fmt.Sprintf(`{"TableName":%q,"Key":%s,"ConsistentRead":true}`, table, key("a", 1))
	query := fmt.Sprintf(`{"TableName":%q,"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}},"ConsistentRead":true}`, table)
	scan := fmt.Sprintf(`{"TableName":%q,"ConsistentRead":true}`, table)
	f := func(item string) {
		b.t.Helper()
		if item == "" {
			b.answers(ddb.GetItem, get, `{}`)
			b.answers(ddb.Query, query, `{"Items":[],"Count":0,"ScannedCount":0}`)
			b.answers(ddb.Scan, scan, `{"Items":[],"Count":0,"ScannedCount":0}`)
			return
		}
		b.answers(ddb.GetItem, get, `{"Item":`+item+`}`)
		b.answers(ddb.Query, query, `{"Items":[`+item+`],"Count":1,"ScannedCount":1}`)
		b.answers(ddb.Scan, scan, `{"Items":[`+item+`],"Count":1,"ScannedCount":1}`)
	}
	f("")
	b.answers(ddb.PutItem, fmt.Sprintf(`{"TableName":%q,"Item":{"p":{"S":"a"},"s":{"N":"1"},"x":{"S":"first"}}}`, table), `{}`)
	f(`{"p":{"S":"a"},"s":{"N":"1"},"x":{"S":"first"}}`)
	b.answers(ddb.UpdateItem, fmt.Sprintf(`{"TableName":%q,"Key":%s,"UpdateExpression":"SET x = :x","ExpressionAttributeValues":{":x":{"S":"second"}},"ReturnValues":"UPDATED_OLD"}`, table, key("a", 1)),
		`{"Attributes":{"x":{"S":"first"}}}`)
	f(`{"p":{"S":"a"},"s":{"N":"1"},"x":{"S":"second"}}`)
	b.answers(ddb.DeleteItem, fmt.Sprintf(`{"TableName":%q,"Key":%s}`, table, key("a", 1)), `{}`)
	f("")
	b.answers(ddb.BatchWriteItem, fmt.Sprintf(`{"RequestItems":{%q:[{"PutRequest":{"Item":%s}}]}}`, table, key("a", 1)), `{"UnprocessedItems":{}}`)
	f(key("a", 1))
}

// typedAndJSON: a request made of a typed input is the same as one made of its JSON, and so are the answers' two sides.
func typedAndJSON(b *bench) {
	table := b.table()
	one, err := ddb.NumberValue("1")
	if err != nil {
		b.t.Fatal(err)
	}
	k := ddb.ItemOf(ddb.Attribute{Name: "p", Value: ddb.StringValue("a")}, ddb.Attribute{Name: "s", Value: one})
	item := k.With("x", ddb.BoolValue(true))
	if _, err := b.backend.Do(b.t.Context(), ddb.NewTypedRequest(&ddb.PutItemInput{TableName: table, Item: item})); err != nil {
		b.t.Fatalf("typed PutItem: %v", err)
	}
	b.answers(ddb.GetItem, fmt.Sprintf(`{"TableName":%q,"Key":%s}`, table, key("a", 1)), `{"Item":{"p":{"S":"a"},"s":{"N":"1"},"x":{"BOOL":true}}}`)
	consistent := true
	for _, req := range []*ddb.Request{
		ddb.NewTypedRequest(&ddb.GetItemInput{TableName: table, Key: k, ConsistentRead: &consistent}),
		ddb.NewRequest(ddb.GetItem, []byte(fmt.Sprintf(`{"TableName":%q,"Key":%s,"ConsistentRead":true}`, table, key("a", 1)))),
	} {
		resp, err := b.backend.Do(b.t.Context(), req)
		if err != nil {
			b.t.Fatalf("GetItem: %v", err)
		}
		out, err := ddb.OutputAs[ddb.GetItemOutput](resp)
		if err != nil || !ddb.EqualItems(out.Item, item) {
			b.t.Errorf("typed output: item %v, error %v, want %v", out, err, item)
		}
		if body, err := resp.JSON(); err != nil || !equalJSON(string(body), `{"Item":{"p":{"S":"a"},"s":{"N":"1"},"x":{"BOOL":true}}}`) {
			b.t.Errorf("JSON output: %s, error %v", body, err)
		}
	}
}

// bytesAreBorrowed: nothing that was stored or answered changes when the request's bytes are used again.
func bytesAreBorrowed(b *bench) {
	table := b.table()
	body := []byte(fmt.Sprintf(`{"TableName":%q,"Item":{"p":{"S":"a"},"s":{"N":"1"},"x":{"S":"kept"}}}`, table))
	if _, err := b.backend.Do(b.t.Context(), ddb.NewRequest(ddb.PutItem, body)); err != nil {
		b.t.Fatalf("PutItem: %v", err)
	}
	clear(body)
	body = []byte(fmt.Sprintf(`{"TableName":%q,"Key":%s,"ConsistentRead":true}`, table, key("a", 1)))
	resp, err := b.backend.Do(b.t.Context(), ddb.NewRequest(ddb.GetItem, body))
	if err != nil {
		b.t.Fatalf("GetItem: %v", err)
	}
	clear(body)
	if out, err := resp.JSON(); err != nil || !equalJSON(string(out), `{"Item":{"p":{"S":"a"},"s":{"N":"1"},"x":{"S":"kept"}}}`) {
		b.t.Errorf("item after both requests' bytes were cleared: %s, error %v", out, err)
	}
}

// exceptionsApplyNothing: a request that ends in a *ddb.Error has changed nothing, of a batch not even its good part.
func exceptionsApplyNothing(b *bench) {
	table := b.table()
	b.ok(ddb.PutItem, fmt.Sprintf(`{"TableName":%q,"Item":{"p":{"S":"a"},"s":{"N":"1"},"x":{"S":"old"}}}`, table))
	b.refuses(ddb.PutItem, fmt.Sprintf(`{"TableName":%q,"Item":%s,"ConditionExpression":"attribute_not_exists(p)"}`, table, key("a", 1)), "ConditionalCheckFailedException")
	b.refuses(ddb.DeleteItem, fmt.Sprintf(`{"TableName":%q,"Key":%s,"ConditionExpression":"x = :x","ExpressionAttributeValues":{":x":{"S":"new"}}}`, table, key("a", 1)), "ConditionalCheckFailedException")
	b.refuses(ddb.UpdateItem, fmt.Sprintf(`{"TableName":%q,"Key":%s,"UpdateExpression":"SET x = nowhere"}`, table, key("a", 1)), "ValidationException")
	b.refuses(ddb.PutItem, fmt.Sprintf(`{"TableName":%q,"Item":{"p":{"S":"a"}}}`, table), "ValidationException")
	b.refuses(ddb.PutItem, fmt.Sprintf(`{"TableName":%q,"Item":{"p":{"S":"a"},"s":{"N":"1"},"g":{"N":"1"}}}`, table), "ValidationException")
	b.refuses(ddb.BatchWriteItem, fmt.Sprintf(`{"RequestItems":{%q:[{"PutRequest":{"Item":%s}},{"DeleteRequest":{"Key":{"p":{"S":"a"}}}}]}}`, table, key("a", 2)), "ValidationException")
	b.refuses(ddb.PutItem, `{"TableName":"millrace-contract-none","Item":{"p":{"S":"a"}}}`, "ResourceNotFoundException")
	b.refuses(ddb.PutItem, `{"TableName":`, "SerializationException")
	b.answers(ddb.Scan, fmt.Sprintf(`{"TableName":%q,"ConsistentRead":true}`, table), `{"Items":[{"p":{"S":"a"},"s":{"N":"1"},"x":{"S":"old"}}],"Count":1,"ScannedCount":1}`)
}

// unknownOperation: an operation that nobody knows is refused as DynamoDB refuses it.
func unknownOperation(b *bench) {
	req := ddb.NewRequest(ddb.UnknownOperation, []byte(`{}`))
	req.Name = "MakeCoffee"
	_, err := b.backend.Do(b.t.Context(), req)
	if e, ok := ddb.AsError(err); err == nil || !ok || e.Code != "UnknownOperationException" {
		b.t.Errorf("MakeCoffee: error %v, want UnknownOperationException", err)
	}
}

// oneWinner: of any number of puts on the condition that there is no item, exactly one is applied.
func oneWinner(b *bench) {
	table := b.table()
	const writers = 16
	won := make(chan int, writers)
	var g sync.WaitGroup
	for i := range writers {
		g.Go(func() {
			_, err := b.call(b.t.Context(), ddb.PutItem, fmt.Sprintf(`{"TableName":%q,"Item":{"p":{"S":"a"},"s":{"N":"1"},"writer":{"N":"%d"}},"ConditionExpression":"attribute_not_exists(p)"}`, table, i))
			if err == nil {
				won <- i
			} else if e, ok := ddb.AsError(err); !ok || e.Code != "ConditionalCheckFailedException" {
				b.t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	g.Wait()
	close(won)
	if len(won) != 1 {
		b.t.Fatalf("%d writers won, want 1", len(won))
	}
	b.answers(ddb.GetItem, fmt.Sprintf(`{"TableName":%q,"Key":%s,"ConsistentRead":true}`, table, key("a", 1)),
		fmt.Sprintf(`{"Item":{"p":{"S":"a"},"s":{"N":"1"},"writer":{"N":"%d"}}}`, <-won))
}

// countersAddUp: concurrent increments of one item are all applied, and none twice.
func countersAddUp(b *bench) {
	table := b.table()
	const writers, each = 8, 25
	var g sync.WaitGroup
	for range writers {
		g.Go(func() {
			for range each {
				if _, err := b.call(b.t.Context(), ddb.UpdateItem, fmt.Sprintf(`{"TableName":%q,"Key":%s,"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}}}`, table, key("a", 1))); err != nil {
					b.t.Errorf("increment: %v", err)
				}
			}
		})
	}
	g.Wait()
	b.answers(ddb.GetItem, fmt.Sprintf(`{"TableName":%q,"Key":%s,"ConsistentRead":true}`, table, key("a", 1)),
		fmt.Sprintf(`{"Item":{"p":{"S":"a"},"s":{"N":"1"},"n":{"N":"%d"}}}`, writers*each))
}

// pagesJoin: the pages of a query, in both directions, and of a scan are each item once; a query's are in order.
func pagesJoin(b *bench) {
	table := b.table()
	const n = 23
	for i := range n {
		b.ok(ddb.PutItem, fmt.Sprintf(`{"TableName":%q,"Item":%s}`, table, key("a", i)))
	}
	read := func(op ddb.Operation, rest string) (order []string) {
		b.t.Helper()
		start := ""
		for {
			var page struct {
				Items            []map[string]map[string]string
				LastEvaluatedKey json.RawMessage
			}
			if err := json.Unmarshal([]byte(b.ok(op, fmt.Sprintf(`{"TableName":%q,"Limit":4,"ConsistentRead":true%s%s}`, table, rest, start))), &page); err != nil {
				b.t.Fatal(err)
			}
			for _, it := range page.Items {
				order = append(order, it["s"]["N"])
			}
			if page.LastEvaluatedKey == nil {
				return order
			}
			start = `,"ExclusiveStartKey":` + string(page.LastEvaluatedKey)
		}
	}
	const condition = `,"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}`
	var up, down []string
	for i := range n {
		up = append(up, fmt.Sprint(i))
		down = append(down, fmt.Sprint(n-1-i))
	}
	f := func(op ddb.Operation, rest string, want []string) {
		b.t.Helper()
		if got := read(op, rest); strings.Join(got, " ") != strings.Join(want, " ") {
			b.t.Errorf("%s%s: sort keys %v, want %v", op, rest, got, want)
		}
	}
	f(ddb.Query, condition, up)
	f(ddb.Query, condition+`,"ScanIndexForward":false`, down)
	// One partition: the scan too is in the order of the sort key.
	f(ddb.Scan, ``, up)
}

// batches: every table asked for is in the answer, and nothing that was answered is unprocessed.
func batches(b *bench) {
	one, two := b.table(), b.table()
	b.answers(ddb.BatchWriteItem, fmt.Sprintf(`{"RequestItems":{%q:[{"PutRequest":{"Item":%s}}],%q:[{"DeleteRequest":{"Key":%s}}]}}`, one, key("a", 1), two, key("a", 1)), `{"UnprocessedItems":{}}`)
	b.answers(ddb.BatchGetItem, fmt.Sprintf(`{"RequestItems":{%q:{"Keys":[%s,%s],"ConsistentRead":true},%q:{"Keys":[%s],"ConsistentRead":true}}}`, one, key("a", 1), key("b", 1), two, key("a", 1)),
		fmt.Sprintf(`{"Responses":{%q:[%s],%q:[]},"UnprocessedKeys":{}}`, one, key("a", 1), two))
	b.refuses(ddb.BatchGetItem, fmt.Sprintf(`{"RequestItems":{%q:{"Keys":[%s,%s]}}}`, one, key("a", 1), key("a", 1)), "ValidationException")
}

// cancelledWrites: a write whose context ends has either happened or not; if it was acknowledged it has, and if it
// ended in a service exception it has not.
func cancelledWrites(b *bench) {
	table := b.table()
	for i := range 20 {
		ctx, cancel := context.WithCancel(b.t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := b.call(ctx, ddb.PutItem, fmt.Sprintf(`{"TableName":%q,"Item":{"p":{"S":"a"},"s":{"N":"%d"},"g":{"S":"g"},"x":{"S":"whole"}}}`, table, i))
			done <- err
		}()
		cancel()
		err := <-done
		applied := b.ok(ddb.GetItem, fmt.Sprintf(`{"TableName":%q,"Key":%s,"ConsistentRead":true}`, table, key("a", i))) != `{}`
		_, refused := errors.AsType[*ddb.Error](err)
		if err == nil && !applied || refused && applied {
			b.t.Errorf("put %d: error %v, applied %t", i, err, applied)
		}
		if applied {
			b.answers(ddb.GetItem, fmt.Sprintf(`{"TableName":%q,"Key":%s,"ConsistentRead":true}`, table, key("a", i)),
				fmt.Sprintf(`{"Item":{"p":{"S":"a"},"s":{"N":"%d"},"g":{"S":"g"},"x":{"S":"whole"}}}`, i))
		}
	}
}
