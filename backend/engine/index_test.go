package engine

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"millrace/ddb"
)

// entries lists what an index holds, as JSON in the order of its keys.
func entries(t *testing.T, e *Engine, tableName, indexName string) string {
	t.Helper()
	v := e.acquireView()
	defer v.release()
	tab, notFound := v.table("", tableName)
	if notFound != nil {
		t.Fatal(notFound)
	}
	idx, ok := tab.index(indexName)
	if !ok {
		t.Fatalf("no index %q", indexName)
	}
	c, err := v.scan(tab, idx, nil, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for c.next() {
		item, err := c.item()
		if err != nil {
			t.Error(err)
		}
		out = append(out, string(ddb.AppendItemJSON(nil, item)))
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
	return strings.Join(out, " ")
}

func TestIndexesFollowTheirItems(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.answer(ddb.CreateTable, crashTable)
	f := func(put, byG, byGL, byL string) {
		t.Helper()
		h.answer(ddb.PutItem, `{"TableName":"crash","Item":`+put+`}`)
		for index, want := range map[string]string{"by-g": byG, "by-g-l": byGL, "by-l": byL} {
			if got := entries(t, h.e, "crash", index); got != want {
				t.Errorf("after %s index %s holds %s, want %s", put, index, got, want)
			}
		}
		mustHold(t, h.e)
	}
	// #82: an item without the key of an index is left out of it.
	f(`{"pk":{"S":"p"},"sk":{"S":"s"},"n":{"N":"1"}}`, "", "", "")
	// #231: all, keys only, and some attributes.
	whole := `{"g":{"S":"g"},"l":{"N":"1"},"n":{"N":"1"},"pk":{"S":"p"},"sk":{"S":"s"},"x":{"S":"x"}}`
	f(whole, whole, `{"g":{"S":"g"},"l":{"N":"1"},"pk":{"S":"p"},"sk":{"S":"s"}}`, `{"l":{"N":"1"},"n":{"N":"1"},"pk":{"S":"p"},"sk":{"S":"s"}}`)
	// #230: another index key moves the entry, none removes it.
	f(`{"pk":{"S":"p"},"sk":{"S":"s"},"g":{"S":"h"}}`, `{"g":{"S":"h"},"pk":{"S":"p"},"sk":{"S":"s"}}`, "", "")
	f(`{"pk":{"S":"p"},"sk":{"S":"s"}}`, "", "", "")
}

func TestItemsLackingPartOfAMultiAttributeKeyAreNotIndexed(t *testing.T) {
	t.Parallel()
	// #215: four and four; an item that lacks any of them is not indexed.
	h := newHarness(t)
	names := []string{"h1", "h2", "h3", "h4", "r1", "r2", "r3", "r4"}
	key := schema("h1", "h2", "h3", "h4", ">r1", ">r2", ">r3", ">r4")
	h.answer(ddb.CreateTable, tableWith(onRequest, attrs(append(names, "pk")...), schema("pk"), `"GlobalSecondaryIndexes":[`+indexOf("many", key, `{"ProjectionType":"KEYS_ONLY"}`)+`]`))
	for missing := range len(names) + 1 {
		members := fmt.Sprintf(`"pk":{"S":"%d"}`, missing)
		for i, n := range names {
			if i != missing {
				members += fmt.Sprintf(`,%q:{"S":"v"}`, n)
			}
		}
		h.answer(ddb.PutItem, `{"TableName":"test","Item":{`+members+`}}`)
	}
	got := entries(t, h.e, "test", "many")
	if strings.Count(got, "pk") != 1 || !strings.Contains(got, `"pk":{"S":"8"}`) {
		t.Errorf("index holds %s, want item 8 alone", got)
	}
	mustHold(t, h.e)
}

func TestRandomWritesLeaveIndexesAndCountersExact(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 3))
	h := newHarness(t)
	h.answer(ddb.CreateTable, crashTable)
	for range 600 {
		key := fmt.Sprintf(`"pk":{"S":"%d"},"sk":{"S":"%d"}`, r.IntN(3), r.IntN(4))
		if r.IntN(4) == 0 {
			h.answer(ddb.DeleteItem, `{"TableName":"crash","Key":{`+key+`}}`)
			continue
		}
		if r.IntN(2) == 0 {
			key += fmt.Sprintf(`,"g":{"S":"%d"}`, r.IntN(3))
		}
		if r.IntN(2) == 0 {
			key += fmt.Sprintf(`,"l":{"N":"%d"}`, r.IntN(3))
		}
		if r.IntN(2) == 0 {
			key += fmt.Sprintf(`,"n":{"N":"%d"}`, r.IntN(3))
		}
		h.answer(ddb.PutItem, `{"TableName":"crash","Item":{`+key+`}}`)
	}
	mustHold(t, h.e)
	if t.Failed() {
		t.Logf("seed %d", seed)
	}
}
