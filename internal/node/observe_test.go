package node

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"millrace/internal/admin"
)

// In mode observe every request goes to upstream as it came, and the ledger says what would have been hits.
func TestObserveForwardsAndTellsItsLedger(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	p := record(t, behind)
	config := upstreamConfig(p.URL)
	config.Mode = "observe"
	front := run(t, config)
	front.mustCall("CreateTable", createTable)
	front.mustCall("UpdateItem", rewriteUpdate)
	front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"N":"7"}}}`)
	p.take()
	const reads = 5
	for range reads {
		header, body := front.mustCall("GetItem", rewriteGet)
		if header.Get("X-Millrace-Cache") != "forward" || body != `{"Item":{"p":{"S":"a"},"v":{"N":"7"}}}` {
			t.Fatalf("GetItem in mode observe = %s (%s), want it forwarded", body, header.Get("X-Millrace-Cache"))
		}
	}
	for _, sent := range p.take() {
		if sent != "GetItem "+rewriteGet {
			t.Errorf("sent %s, want the client's own words", sent)
		}
	}
	resp, err := http.Get("http://" + front.node.AdminAddr().String() + "/api/v1/ledger")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var l admin.Ledger
	if err := json.Unmarshal(body, &l); err != nil {
		t.Fatal(err)
	}
	if l.Mode != "observe" || l.Observed["hit"] != reads || l.NetUnits != reads*0.5 {
		t.Errorf("ledger = %s, want %d reads that would have been hits and %v units net", body, reads, reads*0.5)
	}
}
