package node

import (
	"strings"
	"testing"
	"time"
)

// streamed is a table with a stream of both images.
const streamed = `{"TableName":"t-1","KeySchema":[{"AttributeName":"p","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST","StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`

// A write straight to the upstream is seen through millrace soon, long before anything's time to live: its stream
// record ends the cached item.
func TestForeignWriteIsSeen(t *testing.T) {
	t.Parallel()
	front, behind := inFront(t)
	front.mustCall("CreateTable", streamed)
	const get = `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`
	hit := func() bool {
		header, _ := front.mustCall("GetItem", get)
		word := header.Get("X-Millrace-Cache")
		return word == "hit" || word == "negative"
	}
	wait := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); !ok(); {
			if time.Now().After(deadline) {
				t.Fatalf("%s: not within two minutes; %+v", what, front.node.streams.Tables())
			}
		}
	}
	wait("a hit", hit)
	wait("the stream is followed", func() bool {
		tables := front.node.streams.Tables()
		return len(tables) == 1 && tables[0].Watermark > 0
	})
	wait("a hit again", hit)
	behind.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"S":"foreign"}}}`)
	wait("the foreign write", func() bool {
		_, body := front.mustCall("GetItem", get)
		return strings.Contains(body, "foreign")
	})
	wait("a hit on it", hit)
}
