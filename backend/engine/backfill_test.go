package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/ddb"
)

// gIndex is an UpdateTable of table that adds an index on g (S).
func gIndex(table, name string) string {
	return `{"TableName":"` + table + `",` + attrs("g") + `,"GlobalSecondaryIndexUpdates":[{"Create":` + indexOf(name, schema("g"), all) + `}]}`
}

// finish does all background work on tables and backups.
func (h *harness) finish() {
	h.t.Helper()
	for {
		more, err := h.e.workOnce(h.t.Context())
		if err != nil {
			h.t.Fatalf("work: %v", err)
		}
		if !more {
			return
		}
	}
}

// step does one step of what is under way and checks that everything agrees.
func (h *harness) step() (more bool) {
	h.t.Helper()
	more, err := h.e.workOnce(h.t.Context())
	if err != nil {
		h.t.Fatalf("work: %v", err)
	}
	mustHold(h.t, h.e)
	return more
}

// tableNow is a table's description.
func (h *harness) tableNow(table string) *ddb.TableDescription {
	h.t.Helper()
	out, err := ddb.OutputAs[ddb.DescribeTableOutput](ddb.NewResponse([]byte(h.answer(ddb.DescribeTable, `{"TableName":"`+table+`"}`))))
	if err != nil {
		h.t.Fatal(err)
	}
	return out.Table
}

func TestAnAddedIndexGetsTheOlderItems(t *testing.T) {
	t.Parallel()
	// #225
	h := newHarness(t).create(hashTable)
	h.put("hash",
		`{"p":{"S":"1"},"g":{"S":"x"},"a":{"N":"1"}}`,
		`{"p":{"S":"2"},"g":{"S":"x"}}`,
		`{"p":{"S":"3"},"g":{"S":"y"}}`,
		// Not in the index: no attribute, a wrong type, empty, too long.
		`{"p":{"S":"4"}}`,
		`{"p":{"S":"5"},"g":{"N":"1"}}`,
		`{"p":{"S":"6"},"g":{"S":""}}`,
		`{"p":{"S":"7"},"g":{"S":`+chars(2049)+`}}`,
		`{"p":{"S":"8"},"g":{"S":`+chars(2048)+`}}`)
	reply := describeOf(t, h.answer(ddb.UpdateTable, gIndex("hash", "byg")), "TableDescription")
	if x := reply.GlobalSecondaryIndexes[0]; reply.TableStatus != "UPDATING" || x.IndexStatus != "CREATING" || x.Backfilling == nil || *x.Backfilling {
		t.Errorf("UpdateTable answers table %s, index %+v", reply.TableStatus, x)
	}
	d := h.tableNow("hash")
	if x := d.GlobalSecondaryIndexes[0]; d.TableStatus != "UPDATING" || x.IndexStatus != "CREATING" || x.Backfilling == nil || !*x.Backfilling ||
		x.IndexArn != d.TableArn+"/index/byg" || len(d.AttributeDefinitions) != 2 {
		t.Errorf("while it is filled the table is %s and the index %+v", d.TableStatus, x)
	}
	query := `{"TableName":"hash","IndexName":"byg","KeyConditionExpression":"g = :g","ExpressionAttributeValues":{":g":{"S":"x"}}}`
	h.invalid(ddb.Query, query, "Cannot read from backfilling global secondary index: byg")
	h.invalid(ddb.Scan, `{"TableName":"hash","IndexName":"byg"}`, "Cannot read from backfilling global secondary index: byg")
	h.finish()
	d = h.tableNow("hash")
	if x := d.GlobalSecondaryIndexes[0]; d.TableStatus != "ACTIVE" || x.IndexStatus != "ACTIVE" || x.Backfilling != nil || x.ItemCount != 4 {
		t.Errorf("once it is filled the table is %s and the index %+v", d.TableStatus, x)
	}
	if got := h.member(ddb.Query, query, "Count"); got != "2" {
		t.Errorf("the index has %s items with g = x, want 2", got)
	}
	if got := h.member(ddb.Scan, `{"TableName":"hash","IndexName":"byg"}`, "Count"); got != "4" {
		t.Errorf("the index has %s items, want 4", got)
	}
	// What the index skipped stays updatable, and comes in when it can.
	h.answer(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"5"}},"UpdateExpression":"SET a = :a","ExpressionAttributeValues":{":a":{"S":"z"}}}`)
	h.answer(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"5"}},"UpdateExpression":"SET g = :g","ExpressionAttributeValues":{":g":{"S":"x"}}}`)
	if got := h.member(ddb.Query, query, "Count"); got != "3" {
		t.Errorf("the index has %s items with g = x, want 3", got)
	}
	h.invalid(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"9"},"g":{"N":"1"}}}`,
		"One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: byg")
	mustHold(t, h.e)
}

// fillSeeds is the number of random fills.
const fillSeeds = 30

func TestAnIndexIsExactWhateverIsWrittenWhileItIsFilled(t *testing.T) {
	t.Parallel()
	// The property, after every step: the index holds an entry for every item behind the fill, for none that should have
	// none, and its counter is what it holds.
	for seed := uint64(1); seed <= fillSeeds; seed++ {
		h := newHarness(t).create(hashTable)
		r := rand.New(rand.NewPCG(seed, 0))
		put := func() {
			item := fmt.Sprintf(`"p":{"S":"%d"},"v":{"N":"%d"}`, r.IntN(700), r.IntN(10))
			if r.IntN(4) > 0 {
				item += fmt.Sprintf(`,"g":{"S":"%d"}`, r.IntN(5))
			}
			h.put("hash", `{`+item+`}`)
		}
		remove := func() {
			h.answer(ddb.DeleteItem, fmt.Sprintf(`{"TableName":"hash","Key":{"p":{"S":"%d"}}}`, r.IntN(700)))
		}
		for range 600 {
			put()
		}
		h.answer(ddb.UpdateTable, gIndex("hash", "byg"))
		steps := 0
		for h.step() {
			steps++
			for range r.IntN(40) {
				if r.IntN(3) == 0 {
					remove()
				} else {
					put()
				}
			}
			mustHold(t, h.e)
		}
		if steps < 4 {
			t.Errorf("seed %d: %d items were filled in %d steps", seed, 600, steps)
		}
		if d := h.tableNow("hash"); d.GlobalSecondaryIndexes[0].IndexStatus != "ACTIVE" {
			t.Errorf("seed %d: the index is %s in the end", seed, d.GlobalSecondaryIndexes[0].IndexStatus)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestAFillGoesOnWhereItWasAfterARestart(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.Dir, cfg.FS = "data", vfs.NewMem()
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, e: e}
	h.create(hashTable)
	for i := range 1000 {
		h.put("hash", fmt.Sprintf(`{"p":{"S":"%d"},"g":{"S":"x"}}`, i))
	}
	h.answer(ddb.UpdateTable, gIndex("hash", "byg"))
	h.step()
	h.step()
	had := h.tableNow("hash").GlobalSecondaryIndexes[0].ItemCount
	if had != 2*fillBatch {
		t.Errorf("two steps filled in %d items, want %d", had, 2*fillBatch)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if h.e, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	defer h.e.Close()
	f, err := h.e.nextStretch(0)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(f.keys); n != fillBatch {
		t.Errorf("the first stretch after a restart has %d items to fill in, want %d that are not there", n, fillBatch)
	}
	h.finish()
	if n := h.tableNow("hash").GlobalSecondaryIndexes[0].ItemCount; n != 1000 {
		t.Errorf("the index has %d items, want 1000", n)
	}
	mustHold(t, h.e)
}

func TestRunFillsAnIndex(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.put("hash", `{"p":{"S":"1"},"g":{"S":"x"}}`)
	done := make(chan error, 1)
	filled := make(chan struct{})
	h.e.committer.hooks = filledHooks{func() { close(filled) }, new(int)}
	go func() { done <- h.e.Run(t.Context()) }()
	h.answer(ddb.UpdateTable, gIndex("hash", "byg"))
	<-filled
	if s := h.tableNow("hash").TableStatus; s != "ACTIVE" {
		t.Errorf("table is %s after its index was filled", s)
	}
	if err := h.e.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// filledHooks calls f at the second change of a table.
type filledHooks struct {
	f func()
	n *int
}

// Pending does nothing.
func (filledHooks) Pending([]ddb.Change) {}

// Settled does nothing.
func (filledHooks) Settled([]ddb.Change) {}

// TablesChanging does nothing.
func (filledHooks) TablesChanging(string, string) {}

// TablesChanged counts.
func (h filledHooks) TablesChanged(string, string) {
	if *h.n++; *h.n == 2 {
		h.f()
	}
}

func TestATableWithAnIndexBeingFilledIsHeldTogether(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(indexTable)
	h.put("index", `{"p":{"S":"1"},"s":{"S":"1"},"n":{"S":"x"},"g":{"S":"x"}}`)
	create := `{"TableName":"index",` + attrs("n") + `,"GlobalSecondaryIndexUpdates":[{"Create":` + indexOf("byn", schema("n"), all) + `}]}`
	h.answer(ddb.UpdateTable, create)
	h.fails(ddb.DeleteTable, `{"TableName":"index"}`, "ResourceInUseException",
		"Attempt to change a resource which is still in use: Cannot delete table while indexes are being created, updated, or deleted.")
	h.fails(ddb.UpdateTable, create, "ResourceInUseException",
		"Attempt to change a resource which is still in use: Index is being created.  Table: index Index: byn")
	// #226
	one := "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
	h.fails(ddb.UpdateTable, strings.Replace(create, "byn", "another", 1), "LimitExceededException", one)
	h.fails(ddb.UpdateTable, `{"TableName":"index","GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"all"}}]}`, "LimitExceededException", one)
	// The rest goes on.
	h.answer(ddb.UpdateTable, `{"TableName":"index","DeletionProtectionEnabled":false}`)
	if d := h.tableNow("index"); d.TableStatus != "UPDATING" || d.GlobalSecondaryIndexes[3].IndexStatus != "CREATING" {
		t.Errorf("after another update the table is %s and the index %s", d.TableStatus, d.GlobalSecondaryIndexes[3].IndexStatus)
	}
	// The index that is being filled may go.
	h.step()
	h.answer(ddb.UpdateTable, `{"TableName":"index","GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"byn"}}]}`)
	if d := h.tableNow("index"); d.TableStatus != "ACTIVE" || len(d.GlobalSecondaryIndexes) != 3 {
		t.Errorf("after the index was deleted the table is %s with %d global indexes", d.TableStatus, len(d.GlobalSecondaryIndexes))
	}
	mustHold(t, h.e)
	h.finish()
	h.answer(ddb.DeleteTable, `{"TableName":"index"}`)
	mustHold(t, h.e)
}

func TestAWriteThatDoesNotKnowOfTheIndexIsInIt(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.put("hash", `{"p":{"S":"1"},"g":{"S":"old"}}`)
	v := h.e.acquireView()
	old, _ := v.table("", "hash")
	before := v.cat
	v.release()
	item := func(g string) ddb.Item {
		return ddb.ItemOf(ddb.Attribute{Name: "p", Value: ddb.StringValue("1")}, ddb.Attribute{Name: "g", Value: ddb.StringValue(g)})
	}
	// Prepared before the index was added, committed after it and before, or after, the fill.
	late := func(was, is string) {
		t.Helper()
		set := []mutation{{table: old, key: item(""), old: item(was), hadOld: true, new: item(is), hasNew: true}}
		ready, err := prepare(h.e.store, set, before, h.e.store.has, true)
		if err == nil {
			err = h.e.committer.submit(&commitRequest{writes: writeSet{mutations: set}, ready: ready})
		}
		if err != nil {
			t.Fatal(err)
		}
		mustHold(t, h.e)
	}
	h.answer(ddb.UpdateTable, gIndex("hash", "byg"))
	late("old", "new")
	h.finish()
	late("new", "newer")
	if got := h.items(ddb.Scan, `{"TableName":"hash","IndexName":"byg"}`); !sameJSON(t, got, `[{"p":{"S":"1"},"g":{"S":"newer"}}]`) {
		t.Errorf("the index holds %s", got)
	}
	// An index that is gone takes no entries, and no counter, from who still knows it.
	v = h.e.acquireView()
	old, _ = v.table("", "hash")
	before = v.cat
	v.release()
	h.answer(ddb.UpdateTable, `{"TableName":"hash","GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"byg"}}]}`)
	late("newer", "newest")
}

func TestIndexesOfManyKeyAttributes(t *testing.T) {
	t.Parallel()
	// #215
	h := newHarness(t).create(hashTable)
	key := []string{"h1", "h2", "h3", "h4", ">r1", ">r2", ">r3", ">r4"}
	item := func(p string, r3, r4 int) string {
		return fmt.Sprintf(`{"p":{"S":%q},"h1":{"S":"a"},"h2":{"S":"b"},"h3":{"S":"c"},"h4":{"S":"d"},"r1":{"S":"e"},"r2":{"S":"f"},"r3":{"S":"%d"},"r4":{"S":"%d"}}`, p, r3, r4)
	}
	for i := range 9 {
		h.put("hash", item(strconv.Itoa(i), i/3, i%3))
	}
	h.put("hash", `{"p":{"S":"x"},"h1":{"S":"a"},"h2":{"S":"b"},"h3":{"S":"c"},"r1":{"S":"e"},"r2":{"S":"f"},"r3":{"S":"0"},"r4":{"S":"0"}}`)
	create := func(names ...string) string {
		var plain []string
		for _, n := range names {
			plain = append(plain, strings.TrimPrefix(n, ">"))
		}
		return `{"TableName":"hash",` + attrs(plain...) + `,"GlobalSecondaryIndexUpdates":[{"Create":` + indexOf("many", schema(names...), all) + `}]}`
	}
	wrong := "One or more parameter values were invalid: "
	h.invalid(ddb.UpdateTable, create("h1", "h2", "h3", "h4", "h5"), wrong+"The KeySchema exceeds the maximum allowed number of HASH key attributes")
	h.invalid(ddb.UpdateTable, create(append(key, ">r5")...), wrong+"The KeySchema exceeds the maximum allowed number of RANGE key attributes")
	h.invalid(ddb.UpdateTable, create("h1", ">r1", "h2"), wrong+"All HASH key attributes must precede RANGE key attributes in the KeySchema")
	h.answer(ddb.UpdateTable, create(key...))
	h.finish()
	if n := h.tableNow("hash").GlobalSecondaryIndexes[0].ItemCount; n != 9 {
		t.Errorf("the index has %d items, want the 9 that have all attributes", n)
	}
	query := func(condition, more string) string {
		return `{"TableName":"hash","IndexName":"many","KeyConditionExpression":"h1=:a AND h2=:b AND h3=:c AND h4=:d` + condition + `",
			"ExpressionAttributeValues":{":a":{"S":"a"},":b":{"S":"b"},":c":{"S":"c"},":d":{"S":"d"}` + more + `}}`
	}
	f := func(condition, more, want string) {
		t.Helper()
		if got := h.member(ddb.Query, query(condition, more), "Count"); got != want {
			t.Errorf("query with%s finds %s, want %s", condition, got, want)
		}
	}
	f("", "", "9")
	f(" AND r1=:e AND r2=:f AND r3=:3", `,":e":{"S":"e"},":f":{"S":"f"},":3":{"S":"1"}`, "3")
	f(" AND r1=:e AND r2=:f AND r3=:3 AND r4 > :4", `,":e":{"S":"e"},":f":{"S":"f"},":3":{"S":"1"},":4":{"S":"0"}`, "2")
	// Pages go on inside, with all attributes in the key.
	var seen, last string
	for {
		body := strings.Replace(query("", ""), `{"TableName"`, `{"Limit":2,"ProjectionExpression":"p","TableName"`, 1)
		if last != "" {
			body = strings.Replace(body, `{"Limit"`, `{"ExclusiveStartKey":`+last+`,"Limit"`, 1)
		}
		seen += h.items(ddb.Query, body)
		if last = h.member(ddb.Query, body, "LastEvaluatedKey"); last == "" {
			break
		}
		if n := strings.Count(last, `":{`); n != 9 {
			t.Fatalf("LastEvaluatedKey %s has %d attributes, want 9", last, n)
		}
	}
	if n := strings.Count(seen, `"p"`); n != 9 {
		t.Errorf("pages have %d items, want 9: %s", n, seen)
	}
	mustHold(t, h.e)
}

// BenchmarkPutWhileAnIndexIsFilled tells how long a put takes while an index of 50 000 items is being filled, and when nothing
// else goes on.
func BenchmarkPutWhileAnIndexIsFilled(b *testing.B) {
	for _, filling := range []bool{false, true} {
		b.Run(fmt.Sprintf("filling=%v", filling), func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Dir = b.TempDir()
			e, err := Open(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			h := (&harness{t: b, e: e}).create(churnTable)
			fillTable(b, e, 50_000)
			if filling {
				h.answer(ddb.UpdateTable, `{"TableName":"churn",`+attrs("v")+`,"GlobalSecondaryIndexUpdates":[{"Create":`+indexOf("byv", schema("v"), all)+`}]}`)
			}
			done := make(chan error, 1)
			go func() { done <- e.Run(b.Context()) }()
			times := make([]time.Duration, 0, b.N)
			for b.Loop() {
				start := time.Now()
				h.put("churn", fmt.Sprintf(`{"pk":{"S":"item-%06d"},"v":{"S":"some value of moderate length"},"w":{"N":"%d"}}`, len(times)*7919%50_000, len(times)))
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(h.tableNow("churn").ItemCount), "items")
		})
	}
}
