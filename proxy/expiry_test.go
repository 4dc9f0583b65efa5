package proxy

import (
	"context"
	"fmt"
	"testing"
	"time"

	"millrace/ddb"
)

// An item that the engine deletes at the end of its time goes from the caches too, and from nowhere before: not from its
// neighbours' pages.
func TestExpiredItemsLeaveTheCaches(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.engine.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	r.must(ddb.CreateTable, bookTable)
	r.must(ddb.UpdateTimeToLive, `{"TableName":"books","TimeToLiveSpecification":{"AttributeName":"end","Enabled":true}}`)
	gone := func(key string) {
		t.Helper()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(2 * time.Minute); r.bare(ddb.GetItem, key).body != "{}"; {
			if time.Now().After(deadline) {
				t.Fatalf("%s never expired", key)
			}
			<-tick.C
		}
	}
	// Setting time to live changes the table twice, the second time when the engine has looked through it in the background,
	// and each time all that is cached of the table is forgotten. Items expire after that.
	r.must(ddb.PutItem, fmt.Sprintf(`{"TableName":"books","Item":{"author":{"S":"z"},"title":{"S":"z"},"end":{"N":"%d"}}}`, time.Now().Add(-time.Minute).Unix()))
	gone(getBook("z", "z", ""))
	end := time.Now().Add(time.Hour).Unix()
	r.must(ddb.PutItem, fmt.Sprintf(`{"TableName":"books","Item":{"author":{"S":"a"},"title":{"S":"m"},"genre":{"S":"g"},"year":{"N":"1"},"end":{"N":"%d"}}}`, end))
	r.putBook("b", "m", "h", 2, "")
	reads := []request{
		{ddb.GetItem, getBook("a", "m", "")},
		{ddb.GetItem, getBook("a", "m", `,"ConsistentRead":true`)},
		{ddb.BatchGetItem, `{"RequestItems":{"books":{"Keys":[{"author":{"S":"a"},"title":{"S":"m"}}]}}}`},
		{ddb.Query, `{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}}}`},
		{ddb.Query, `{"TableName":"books","IndexName":"by-genre","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}},"Select":"ALL_ATTRIBUTES"}`},
		{ddb.Query, `{"TableName":"books","IndexName":"genre-year","KeyConditionExpression":"genre=:g","ExpressionAttributeValues":{":g":{"S":"g"}}}`},
		{ddb.Scan, `{"TableName":"books","IndexName":"genre-keys"}`},
	}
	other := request{ddb.Query, `{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"b"}}}`}
	for range 2 {
		for _, q := range append(reads, other) {
			r.same(q.op, q.body)
		}
	}
	r.expect(Hit, ddb.GetItem, reads[0].body)
	r.engine.AdvanceClock(2 * time.Hour)
	r.expect(Hit, other.op, other.body)
	gone(reads[0].body)
	for _, q := range reads {
		r.same(q.op, q.body)
	}
	r.expect(Hit, other.op, other.body)
}
