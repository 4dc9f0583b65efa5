package engine

import (
	"runtime"
	"testing"

	"millrace/ddb"
)

// whileWaiting starts a request for the item p = a of the table hash while another writer has its lock, runs change
// when the request waits for the lock, lets the lock go, and returns the request's answer.
func (h *harness) whileWaiting(op ddb.Operation, body string, change func()) (string, *ddb.Error) {
	h.t.Helper()
	v := h.e.acquireView()
	t, bad := v.table("", "hash")
	v.release()
	if bad != nil {
		h.t.Fatal(bad)
	}
	key, bad := t.itemKey(ddb.ItemOf(ddb.Attribute{Name: "p", Value: ddb.StringValue("a")}))
	if bad != nil {
		h.t.Fatal(bad)
	}
	held, err := h.e.locks.lock(h.t.Context(), []lockKey{key})
	if err != nil {
		h.t.Fatal(err)
	}
	type outcome struct {
		answer string
		bad    *ddb.Error
	}
	done := make(chan outcome)
	go func() {
		var o outcome
		defer func() { done <- o }()
		o.answer, o.bad = h.do(op, body)
	}()
	users := func() int {
		sh := h.e.locks.shard(key)
		sh.mu.Lock()
		defer sh.mu.Unlock()
		return sh.held[string(key)].users
	}
	for users() < 2 {
		runtime.Gosched()
	}
	change()
	h.e.locks.unlock(held)
	o := <-done
	return o.answer, o.bad
}

func TestWriteIsLostWithTheTableItWasFor(t *testing.T) {
	t.Parallel()
	for op, body := range map[ddb.Operation]string{
		ddb.PutItem:        `{"TableName":"hash","Item":{"p":{"S":"a"}}}`,
		ddb.BatchWriteItem: `{"RequestItems":{"hash":[{"PutRequest":{"Item":{"p":{"S":"a"}}}}]}}`,
	} {
		h := newHarness(t).create(hashTable)
		// A write that waits for a lock, a table that goes, and one of the same name that comes: the write is not for it.
		_, bad := h.whileWaiting(op, body, func() {
			h.answer(ddb.DeleteTable, `{"TableName":"hash"}`)
			h.create(hashTable)
		})
		if bad == nil || bad.Code != "ResourceNotFoundException" || bad.Message != "Requested resource not found" {
			t.Errorf("%s: %v, want ResourceNotFoundException", op, bad)
		}
		h.ok(ddb.Scan, `{"TableName":"hash"}`, `{"Items":[],"Count":0,"ScannedCount":0}`)
		// Nor is it for nothing.
		_, bad = h.whileWaiting(op, body, func() { h.answer(ddb.DeleteTable, `{"TableName":"hash"}`) })
		if bad == nil || bad.Code != "ResourceNotFoundException" {
			t.Errorf("%s: %v, want ResourceNotFoundException", op, bad)
		}
	}
}

func TestWriteSurvivesAChangeOfItsTable(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	answer, bad := h.whileWaiting(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}}}`, func() {
		h.answer(ddb.UpdateTable, `{"TableName":"hash","BillingMode":"PROVISIONED","ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}}`)
	})
	if bad != nil || answer != `{}` {
		t.Errorf("put: answer %s, error %v", answer, bad)
	}
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, `{"Item":{"p":{"S":"a"}}}`)
}
