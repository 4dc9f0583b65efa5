package node

import (
	"strings"
	"testing"
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
	l := front.ledger()
	if l.Mode != "observe" || l.Observed["hit"] != reads || l.NetUnits != reads*0.5 {
		t.Errorf("ledger = %+v, want %d reads that would have been hits and %v units net", l, reads, reads*0.5)
	}
	if err := front.wait(); err != nil {
		t.Error(err)
	}
	if log := front.log.String(); !strings.Contains(log, `caches="observed only, 256MiB (mode observe: every request is forwarded)"`) {
		t.Errorf("the log does not say that nothing is served from the caches:\n%s", log)
	}
}
