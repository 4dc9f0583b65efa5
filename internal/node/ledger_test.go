package node

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"millrace/backend/aws"
	"millrace/internal/admin"
	"millrace/metrics"
)

// ledger fetches r's ledger.
func (r *running) ledger() admin.Ledger {
	r.t.Helper()
	resp, err := http.Get("http://" + r.node.AdminAddr().String() + "/api/v1/ledger")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var l admin.Ledger
	if err := json.Unmarshal(body, &l); err != nil {
		r.t.Fatal(err)
	}
	return l
}

// A table that is hardly read, before an upstream that counts what it is asked for: the ledger has the same number of
// GetRecords requests and read units, its money is what the prices make of them, below zero, and it is told what to do.
func TestLedgerTellsALossInMoney(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	p := record(t, behind)
	config := upstreamConfig(p.URL)
	config.Upstream.Kind, config.Upstream.StreamsURL = "aws", p.URL
	config.Ledger = LedgerConfig{ReadPrice: 2, StreamPrice: 30, MemoryPrice: 0.5}
	config.Tables = map[string]TableConfig{"*": {Fill: "auto"}}
	front := run(t, config)
	front.mustCall("CreateTable", strings.TrimSuffix(createTable, "}")+`,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`)
	front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"N":"7"}}}`)

	// Between two requests of the stream both counts are at rest.
	streamReads, units, asked := 0, 0.0, 0
	count := func() {
		for _, sent := range p.take() {
			switch operation, body, _ := strings.Cut(sent, " "); {
			case operation == "GetRecords":
				streamReads++
			case operation == "GetItem" && strings.Contains(body, `"ConsistentRead":true`):
				units++
			case operation == "GetItem":
				units += 0.5
			}
		}
	}
	const reads = 3
	for end := time.Now().Add(2 * time.Minute); ; {
		if asked < reads {
			front.mustCall("GetItem", rewriteGet)
			asked++
		}
		count()
		before := streamReads
		l := front.ledger()
		count()
		if len(l.Tables) == 1 && streamReads == before && streamReads >= 3 && l.Tables[0].StreamReads == float64(streamReads) && asked == reads {
			table := l.Tables[0]
			if table.NetUnits != reads*0.5-units || l.NetUnits != table.NetUnits {
				t.Errorf("%v units net for %d eventual reads that cost upstream %v, want the difference", table.NetUnits, reads, units)
			}
			want := (table.NetUnits*2 - float64(streamReads)*30) / 1e6
			if math.Abs(table.NetDollars-want) > 1e-12 || want >= 0 {
				t.Errorf("net $%v with %d requests of the stream, want $%v, a loss", table.NetDollars, streamReads, want)
			}
			if l.MemoryDollars <= 0 || math.Abs(l.NetDollars-(want-l.MemoryDollars)) > 1e-12 {
				t.Errorf("net $%v in all with $%v for memory, want the table's $%v less that", l.NetDollars, l.MemoryDollars, want)
			}
			if table.Advice != "" {
				t.Errorf("advice after %d requests is %q, want none so soon", streamReads, table.Advice)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatalf("upstream has %d GetRecords requests, the ledger %+v", streamReads, l)
		}
	}

	// An hour later: as many requests as a shard takes.
	front.node.metrics.Ledger.Table("t-1").Add(metrics.StreamReads, 2*4*3600)
	end, advice := time.Now().Add(2*time.Minute), ""
	for !strings.Contains(advice, `streams: "off"`) {
		if advice = front.ledger().Tables[0].Advice; time.Now().After(end) {
			t.Fatalf("an hour later the advice is %q, want what to do", advice)
		}
	}
	// Each answer of the stream has it looked at, before its shard is asked once more. A shard at least is asked three times, so it is
	// looked at twice, whatever is under way.
	count()
	shards := front.node.streams.Tables()[0].Shards
	for more := streamReads + 2*shards + 1; streamReads < more; count() {
		if time.Now().After(end) {
			t.Fatalf("the stream's %d shards are asked %d times, want %d", shards, streamReads, more)
		}
		runtime.Gosched()
	}
	if err := front.wait(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(front.log.String(), "reading the table's stream costs more than its cache saves"); n != 1 {
		t.Errorf("the log tells of the loss %d times, want once: %s", n, front.log)
	}
}

// The stream is weighed where somebody is charged for reading it, and both prices are known.
func TestOnlyAmazonsStreamsHaveAPrice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		read, stream float64
		kind         aws.Kind
		want         float64
	}{
		{0.125, 0.2, aws.Amazon, 1.6}, {0.125, 0.2, aws.Generic, 0}, {0.125, 0.2, aws.Alternator, 0}, {0, 0.2, aws.Amazon, 0}, {0.125, 0, aws.Amazon, 0},
	} {
		if got := (LedgerConfig{ReadPrice: c.read, StreamPrice: c.stream}).streamUnits(c.kind); got != c.want {
			t.Errorf("streamUnits at $%v and $%v of kind %s = %v, want %v", c.read, c.stream, c.kind, got, c.want)
		}
	}
	if got := (UpstreamConfig{Kind: "auto", URL: "http://localhost:1"}).kind(); got != aws.Generic {
		t.Errorf("kind of localhost = %s, want generic", got)
	}
}
