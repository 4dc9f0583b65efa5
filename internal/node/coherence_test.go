package node

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The properties, for 64 clients on connections of their own that read and write one node through its data port.
// Every write of an item gives it the next version. floor is the greatest version acknowledged or shown to anyone
// before a read is sent, ceiling the greatest that anyone had begun to write when the reply was there.
//
//	P1, P2  What GetItem, BatchGetItem, Query on the table, on the local and on the global index, and Scan show of an item,
//	        strong or not, is a version from floor to ceiling.
//	P7      A page lacks an item only if some version from floor to ceiling does not belong into it.
//
// At least 30 % of the item reads and of the page reads must be hits. The same test must fail in a build with the tag
// millrace_deaf, which has no invalidation; .ci/run checks that it does.

var seedFlag = flag.Uint64("seed", 0, "seed of the random tests; 0 for a new one")

// newSeed is the seed of a test, which it prints.
func newSeed(t *testing.T) uint64 {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	return seed
}

// The shape of the data: wares stand in shops, four to each.
const (
	wares = 128
	shops = 32
)

// ware is what is known of an item.
type ware struct{ acked, seen, begun atomic.Int64 }

// market is one run.
type market struct {
	url    string
	client *http.Client
	wares  [wares]ware

	itemReads, itemHits, pageReads, pageHits, violations atomic.Int64

	mu    sync.Mutex
	first string
}

// violated records a broken property.
func (m *market) violated(format string, args ...any) {
	if m.violations.Add(1) == 1 {
		m.mu.Lock()
		m.first = fmt.Sprintf(format, args...)
		m.mu.Unlock()
	}
}

// post makes a call and returns what became of it.
func post(client *http.Client, url, op, body string) (status int, result, reply string, err error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	req.Header.Set("Authorization", strings.TrimPrefix(strings.TrimSpace(as("AKID", "us-east-1")), "Authorization: "))
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("X-Millrace-Cache"), string(b), err
}

// stocked tells whether version v of a ware exists, and shelf where on both indexes it stands.
func stocked(v int64) bool { return v > 0 && v%9 != 0 }
func shelf(v int64) int64  { return v / 2 % 3 }

// wareKey is the key of ware i.
func wareKey(i int) string {
	return fmt.Sprintf(`"shop":{"S":"s%d"},"ware":{"S":"w%d"}`, i%shops, i/shops)
}

// write gives ware i its next version.
func (m *market) write(i int) {
	w := &m.wares[i]
	v := w.begun.Add(1)
	op, body := "PutItem", fmt.Sprintf(`{"TableName":"wares","Item":{%s,"shelf":{"N":"%d"},"floor":{"S":"s%d-%d"},"version":{"N":"%d"}}}`,
		wareKey(i), shelf(v), i%shops, shelf(v), v)
	switch {
	case !stocked(v):
		op, body = "DeleteItem", fmt.Sprintf(`{"TableName":"wares","Key":{%s}}`, wareKey(i))
	case v%4 == 1:
		op, body = "UpdateItem", fmt.Sprintf(`{"TableName":"wares","Key":{%s},"UpdateExpression":"SET shelf=:s, #f=:f, version=:v","ExpressionAttributeNames":{"#f":"floor"},`+
			`"ExpressionAttributeValues":{":s":{"N":"%d"},":f":{"S":"s%d-%d"},":v":{"N":"%d"}}}`, wareKey(i), shelf(v), i%shops, shelf(v), v)
	case v%4 == 2:
		op, body = "BatchWriteItem", fmt.Sprintf(`{"RequestItems":{"wares":[{"PutRequest":{"Item":{%s,"shelf":{"N":"%d"},"floor":{"S":"s%d-%d"},"version":{"N":"%d"}}}}]}}`,
			wareKey(i), shelf(v), i%shops, shelf(v), v)
	}
	status, _, reply, err := post(m.client, m.url, op, body)
	if err != nil || status != 200 {
		m.violated("%s: %d %s %v", op, status, reply, err)
		return
	}
	lift(&w.acked, v)
}

// lift raises v to at least to.
func lift(v *atomic.Int64, to int64) {
	for old := v.Load(); old < to && !v.CompareAndSwap(old, to); old = v.Load() {
	}
}

// shownWare is an item in a reply.
type shownWare struct {
	Shop    struct{ S string } `json:"shop"`
	Ware    struct{ S string } `json:"ware"`
	Version struct{ N string } `json:"version"`
}

// read makes a read that could show the wares in could, and checks everything it shows and lacks. in tells whether a
// version of a ware belongs into the answer.
func (m *market) read(op, body string, could []int, page bool, in func(i int, v int64) bool) {
	floors := make([]int64, len(could))
	for n, i := range could {
		floors[n] = max(m.wares[i].acked.Load(), m.wares[i].seen.Load())
	}
	status, result, reply, err := post(m.client, m.url, op, body)
	if err != nil || status != 200 {
		m.violated("%s: %d %s %v", op, status, reply, err)
		return
	}
	reads, hits := &m.itemReads, &m.itemHits
	if page {
		reads, hits = &m.pageReads, &m.pageHits
	}
	reads.Add(1)
	if strings.HasPrefix(result, "hit") || result == "negative" {
		hits.Add(1)
	}
	var out struct {
		Item      *shownWare
		Items     []shownWare
		Responses map[string][]shownWare
	}
	if err := json.NewDecoder(bytes.NewReader([]byte(reply))).Decode(&out); err != nil {
		m.violated("%s: %v: %s", op, err, reply)
		return
	}
	all := append(out.Items, out.Responses["wares"]...)
	if out.Item != nil {
		all = append(all, *out.Item)
	}
	shown := map[string]int64{}
	for _, s := range all {
		v, _ := strconv.ParseInt(s.Version.N, 10, 64)
		if shown[s.Shop.S+s.Ware.S] != 0 {
			m.violated("%s shows %s twice", op, s.Shop.S+s.Ware.S)
		}
		shown[s.Shop.S+s.Ware.S] = v
	}
	for n, i := range could {
		m.judge(op+" "+result, i, floors[n], shown[fmt.Sprintf("s%dw%d", i%shops, i/shops)], in)
	}
}

// judge checks what was shown of ware i: a version, or 0 for nothing.
func (m *market) judge(what string, i int, floor, shown int64, in func(i int, v int64) bool) {
	w := &m.wares[i]
	ceiling := w.begun.Load()
	if shown != 0 {
		if shown < floor || shown > ceiling || !in(i, shown) {
			m.violated("%s shows ware %d at version %d, want %d to %d", what, i, shown, floor, ceiling)
		}
		lift(&w.seen, shown)
		return
	}
	for v := floor; v <= ceiling; v++ {
		if !in(i, v) {
			lift(&w.seen, v)
			return
		}
	}
	m.violated("%s lacks ware %d, which was there from version %d to %d", what, i, floor, ceiling)
}

// trade is one client.
func (m *market) trade(n, clients, steps int, rng *rand.Rand) {
	is := func(_ int, v int64) bool { return stocked(v) }
	strong := func() string {
		if rng.IntN(3) == 0 {
			return `,"ConsistentRead":true`
		}
		return ""
	}
	for range steps {
		i := rng.IntN(wares)
		var same []int
		for x := i % shops; x < wares; x += shops {
			same = append(same, x)
		}
		switch k := rng.IntN(100); {
		case k < 5: // One of its own, so that what a version holds is known.
			m.write(n + clients*rng.IntN(wares/clients))
		case k < 40:
			m.read("GetItem", fmt.Sprintf(`{"TableName":"wares","Key":{%s}%s}`, wareKey(i), strong()), []int{i}, false, is)
		case k < 50:
			var keys []string
			for _, x := range same {
				keys = append(keys, "{"+wareKey(x)+"}")
			}
			m.read("BatchGetItem", fmt.Sprintf(`{"RequestItems":{"wares":{"Keys":[%s]%s}}}`, strings.Join(keys, ","), strong()), same, false, is)
		case k < 70:
			m.read("Query", fmt.Sprintf(`{"TableName":"wares","KeyConditionExpression":"shop=:s","ExpressionAttributeValues":{":s":{"S":"s%d"}}%s}`, i%shops, strong()), same, true, is)
		case k < 84:
			m.read("Query", fmt.Sprintf(`{"TableName":"wares","IndexName":"by-shelf","KeyConditionExpression":"shop=:s","ExpressionAttributeValues":{":s":{"S":"s%d"}}%s}`, i%shops, strong()), same, true, is)
		case k < 98:
			at := rng.Int64N(3)
			m.read("Query", fmt.Sprintf(`{"TableName":"wares","IndexName":"by-floor","KeyConditionExpression":"#f=:f","ExpressionAttributeNames":{"#f":"floor"},"ExpressionAttributeValues":{":f":{"S":"s%d-%d"}}}`, i%shops, at),
				same, true, func(_ int, v int64) bool { return stocked(v) && shelf(v) == at })
		default:
			all := make([]int, wares)
			for x := range all {
				all[x] = x
			}
			m.read("Scan", `{"TableName":"wares"}`, all, true, is)
		}
	}
}

// wareTable has a local index by shelf and a global one by floor.
const wareTable = `{"TableName":"wares","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"shop","KeyType":"HASH"},{"AttributeName":"ware","KeyType":"RANGE"}],
"AttributeDefinitions":[{"AttributeName":"shop","AttributeType":"S"},{"AttributeName":"ware","AttributeType":"S"},{"AttributeName":"shelf","AttributeType":"N"},{"AttributeName":"floor","AttributeType":"S"}],
"LocalSecondaryIndexes":[{"IndexName":"by-shelf","KeySchema":[{"AttributeName":"shop","KeyType":"HASH"},{"AttributeName":"shelf","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}],
"GlobalSecondaryIndexes":[{"IndexName":"by-floor","KeySchema":[{"AttributeName":"floor","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}`

// keepAlive is a client that keeps n connections.
func keepAlive(t *testing.T, n int) *http.Client {
	transport := &http.Transport{MaxIdleConns: n, MaxIdleConnsPerHost: n, MaxConnsPerHost: n}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

func TestReadersOverSocketsNeverSeeLessThanAnyoneKnew(t *testing.T) {
	const clients = 64
	r := run(t, testConfig())
	m := &market{url: "http://" + r.node.Addr().String(), client: keepAlive(t, clients)}
	r.mustCall("CreateTable", wareTable)
	seed := newSeed(t)
	const steps = 100
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() { m.trade(n, clients, steps, rand.New(rand.NewPCG(seed, uint64(n)))) })
	}
	wg.Wait()
	if n := m.violations.Load(); n > 0 {
		t.Errorf("%d violations, the first: %s", n, m.first)
	}
	items := float64(m.itemHits.Load()) / float64(m.itemReads.Load())
	pages := float64(m.pageHits.Load()) / float64(m.pageReads.Load())
	t.Logf("hits: %.2f of %d item reads, %.2f of %d page reads", items, m.itemReads.Load(), pages, m.pageReads.Load())
	if items < 0.3 || pages < 0.3 {
		t.Errorf("hits: %.2f of the item reads and %.2f of the page reads, want 0.30 of each", items, pages)
	}
}

// TestTwoNodesGiveEqualBytes runs one list of random operations on a node with caches and on one without, and compares
// every reply byte by byte. One client waits for each reply, so every moment between two operations is quiescent.
func TestTwoNodesGiveEqualBytes(t *testing.T) {
	bare := testConfig()
	bare.Cache.Enabled = false
	cached, plain := run(t, testConfig()), run(t, bare)
	client := keepAlive(t, 4)
	seed := newSeed(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	both := func(op, body string) (result, reply string) {
		t.Helper()
		status, result, reply, err := post(client, "http://"+cached.node.Addr().String(), op, body)
		if err != nil {
			t.Fatal(err)
		}
		wantStatus, _, want, err := post(client, "http://"+plain.node.Addr().String(), op, body)
		if err != nil {
			t.Fatal(err)
		}
		if status != wantStatus || reply != want {
			t.Fatalf("%s %s (%s)\n got %d %s\nwant %d %s", op, body, result, status, reply, wantStatus, want)
		}
		return result, reply
	}
	// The description has a time and an id of its own.
	cached.mustCall("CreateTable", wareTable)
	plain.mustCall("CreateTable", wareTable)
	const steps = 2000
	var reads, hits [2]int
	count := func(page int, result string) {
		reads[page]++
		if strings.HasPrefix(result, "hit") || result == "negative" {
			hits[page]++
		}
	}
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	for range steps {
		i := rng.IntN(24)
		options := pick("", `,"ConsistentRead":true`, `,"ReturnConsumedCapacity":"TOTAL"`, `,"ReturnConsumedCapacity":"INDEXES"`)
		limit := pick("", "", `,"Limit":2`, `,"ScanIndexForward":false`)
		switch rng.IntN(16) {
		case 0:
			both("PutItem", fmt.Sprintf(`{"TableName":"wares","Item":{%s,"shelf":{"N":"%d"},"floor":{"S":"f%d"},"m":{"M":{"a":{"L":[{"N":"%d"},{"BOOL":true}]}}}},"ReturnValues":"ALL_OLD"}`,
				wareKey(i), rng.IntN(3), rng.IntN(2), rng.IntN(9)))
		case 1:
			both("UpdateItem", fmt.Sprintf(`{"TableName":"wares","Key":{%s},"UpdateExpression":"%s","ExpressionAttributeValues":{":n":{"N":"%d"}},"ConditionExpression":"attribute_not_exists(z) OR z < :n","ReturnValues":"ALL_NEW"}`,
				wareKey(i), pick("SET shelf = :n", "ADD z :n", "SET z = :n REMOVE shelf"), rng.IntN(5)))
		case 2:
			if rng.IntN(2) == 0 {
				both("DeleteItem", fmt.Sprintf(`{"TableName":"wares","Key":{%s},"ReturnValues":"ALL_OLD"}`, wareKey(i)))
			}
		case 3, 4, 5:
			projection := pick("", "", `,"ProjectionExpression":"ware, m.a[0], z"`)
			result, _ := both("GetItem", fmt.Sprintf(`{"TableName":"wares","Key":{%s}%s%s}`, wareKey(i), projection, options))
			count(0, result)
		case 6:
			result, _ := both("BatchGetItem", fmt.Sprintf(`{"RequestItems":{"wares":{"Keys":[{%s},{%s}]}}}`, wareKey(i), wareKey(i+24)))
			count(0, result)
		case 7, 8, 9, 10:
			result, _ := both("Query", fmt.Sprintf(`{"TableName":"wares","KeyConditionExpression":"shop=:s","ExpressionAttributeValues":{":s":{"S":"s%d"}}%s%s}`, i%4, options, limit))
			count(1, result)
		case 11, 12, 13:
			result, _ := both("Query", fmt.Sprintf(`{"TableName":"wares","IndexName":"by-shelf","KeyConditionExpression":"shop=:s AND shelf > :n","ExpressionAttributeValues":{":s":{"S":"s%d"},":n":{"N":"0"}}%s%s}`, i%4, options, limit))
			count(1, result)
		default:
			if strings.Contains(options, "Consistent") {
				options = ""
			}
			result, _ := both("Query", fmt.Sprintf(`{"TableName":"wares","IndexName":"by-floor","KeyConditionExpression":"#f=:f","FilterExpression":"shelf <> :n","ExpressionAttributeNames":{"#f":"floor"},"ExpressionAttributeValues":{":f":{"S":"f%d"},":n":{"N":"1"}}%s%s}`, rng.IntN(2), options, limit))
			count(1, result)
		}
	}
	t.Logf("hits: %d of %d item reads, %d of %d page reads", hits[0], reads[0], hits[1], reads[1])
	for k, what := range []string{"item", "page"} {
		if float64(hits[k]) < 0.3*float64(reads[k]) {
			t.Errorf("%d of %d %s reads were hits, want 30 %%", hits[k], reads[k], what)
		}
	}
}
