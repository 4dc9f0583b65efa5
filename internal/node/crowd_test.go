package node

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A thousand clients who ask for one cold key at once, over a connection each, cost upstream one read.
func TestCrowdReadsOnce(t *testing.T) {
	t.Parallel()
	const crowd, bound = 1000, 2 * time.Minute
	behind := run(t, testConfig())
	behind.mustCall("CreateTable", createTable)
	for _, key := range []string{"a", "b"} {
		behind.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"`+key+`"},"v":{"N":"7"}}}`)
	}
	// The read is answered when all have asked, or nobody would have to wait for it.
	reads := map[string]*atomic.Int32{"GetItem": {}, "Query": {}}
	gates := map[string]chan struct{}{"GetItem": make(chan struct{}), "Query": make(chan struct{})}
	config := upstreamConfig(overridden(t, behind, func(_ http.ResponseWriter, r *http.Request) bool {
		op := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
		if n := reads[op]; n != nil {
			n.Add(1)
			select {
			case <-gates[op]:
			case <-r.Context().Done():
			}
		}
		return false
	}))
	config.Upstream.AttemptTimeout = config.Upstream.Timeout // a second attempt would be another read
	front := run(t, config)
	// The table is known: what is counted are reads of its data.
	front.mustCall("DescribeTable", `{"TableName":"t-1"}`)
	for _, c := range [][2]string{
		{"GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`},
		{"Query", `{"TableName":"t-1","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"b"}}}`},
	} {
		op, body := c[0], c[1]
		request := "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: DynamoDB_20120810." + op + "\r\nContent-Type: application/x-amz-json-1.0\r\n" +
			"X-Amz-Date: 20260101T000000Z\r\n" + as("AKID", "us-east-1") + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
		began := time.Now()
		clients := make([]net.Conn, crowd)
		for i := range clients {
			client, err := net.Dial("tcp", front.node.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			_ = client.SetDeadline(began.Add(bound))
			if _, err := io.WriteString(client, request); err != nil {
				t.Fatal(err)
			}
			clients[i] = client
		}
		close(gates[op])
		results := map[string]int{}
		for _, client := range clients {
			resp, err := http.ReadResponse(bufio.NewReader(client), nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(got), `"v":{"N":"7"}`) {
				t.Fatalf("%s = %d %s, %v", op, resp.StatusCode, got, err)
			}
			results[resp.Header.Get("X-Millrace-Cache")]++
		}
		if n := reads[op].Load(); n != 1 || results["miss"] != 1 || results["miss"]+results["shared"]+results["hit"] != crowd {
			t.Errorf("%s: %d clients cost %d reads upstream and got %v, want one read that all the others share", op, crowd, n, results)
		}
		t.Logf("%s: %v after %v", op, results, time.Since(began).Round(time.Millisecond))
	}
}
