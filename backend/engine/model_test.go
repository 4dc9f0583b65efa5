package engine

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"millrace/ddb"
)

// TestEngineAgreesWithNaiveModel runs random operations on an engine and on a map of items, and compares every
// answer. rapid prints the seed of a run that fails and takes it back as -rapid.seed.
//
// Exactly equal must be: items read by key, ReturnValues, the sequence of a query of the table and its cut into pages.
// Of an index, where the order of entries with one index key is the engine's own, the sequence of sort keys, the set of
// entries, and the cut into pages. Of a scan, the set of items over all pages and segments.
func TestEngineAgreesWithNaiveModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultConfig()
		cfg.InMemory, cfg.MemTableBytes = true, 64<<10 // so that old images are in tables too
		e, err := Open(cfg)
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		defer func() {
			if err := e.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}()
		m := &model{e: e, items: make(map[string]ddb.Item)}
		m.do(t, ddb.CreateTable, modelTable)
		t.Repeat(map[string]func(*rapid.T){
			"put":        m.put,
			"update":     m.update,
			"delete":     m.delete,
			"batchWrite": m.batchWrite,
			"get":        m.get,
			"batchGet":   m.batchGet,
			"query":      m.queryTable,
			"queryIndex": m.queryIndex,
			"scan":       m.scan,
		})
	})
}

// modelTable has the key p (S), s (N), the global indexes all (g, h; ALL) and inc (g; INCLUDE a) and the local
// indexes keys (p, l; KEYS_ONLY) and lall (p, l; ALL).
const modelTable = `{"TableName":"model","BillingMode":"PAY_PER_REQUEST",
	"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"N"},
		{"AttributeName":"g","AttributeType":"S"},{"AttributeName":"h","AttributeType":"N"},{"AttributeName":"l","AttributeType":"S"}],
	"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],
	"GlobalSecondaryIndexes":[
		{"IndexName":"all","KeySchema":[{"AttributeName":"g","KeyType":"HASH"},{"AttributeName":"h","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}},
		{"IndexName":"inc","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["a"]}}],
	"LocalSecondaryIndexes":[
		{"IndexName":"keys","KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"l","KeyType":"RANGE"}],"Projection":{"ProjectionType":"KEYS_ONLY"}},
		{"IndexName":"lall","KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"l","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}]}`

// modelIndex is what the model knows of an index: its keys, and the attributes in it, nil for all.
type modelIndex struct {
	name, hash, sort string
	attributes       []string
}

// modelIndexes are modelTable's. The first is the table itself.
var modelIndexes = []modelIndex{
	{name: "", hash: "p", sort: "s"},
	{name: "all", hash: "g", sort: "h"},
	{name: "inc", hash: "g", attributes: []string{"p", "s", "g", "a"}},
	{name: "keys", hash: "p", sort: "l", attributes: []string{"p", "s", "l"}},
	{name: "lall", hash: "p", sort: "l"},
}

// model is the engine and what should be in it.
type model struct {
	e *Engine
	// items are all items by their key's JSON.
	items map[string]ddb.Item
}

// Values are few, so that operations meet.
var (
	partitions = rapid.SampledFrom([]string{"a", "b", "ab"})
	sortKeys   = rapid.SampledFrom([]string{"-10", "-1.5", "-1", "0", "0.5", "1", "2", "10", "1e20"})
	groups     = rapid.SampledFrom([]string{"x", "y"})
	heights    = rapid.SampledFrom([]string{"-2", "0", "1", "1.25", "30"})
	labels     = rapid.SampledFrom([]string{"k", "l", "l\x00", "la", "é"})
	numbers    = rapid.SampledFrom([]string{"1", "2", "3", "4"})
)

// decimal is an N.
func decimal(text string) ddb.AttributeValue {
	v, err := ddb.NumberValue(text)
	if err != nil {
		panic(err.Error())
	}
	return v
}

// attribute is an attribute called name with value v.
func attribute(name string, v ddb.AttributeValue) ddb.Attribute {
	return ddb.Attribute{Name: name, Value: v}
}

// text is it as JSON.
func text(it ddb.Item) string { return string(ddb.AppendItemJSON(nil, it)) }

// drawKey draws a primary key.
func drawKey(t *rapid.T) ddb.Item {
	return ddb.ItemOf(attribute("p", ddb.StringValue(partitions.Draw(t, "p"))), attribute("s", decimal(sortKeys.Draw(t, "s"))))
}

// drawItem draws an item; every attribute that is no key may be missing.
func drawItem(t *rapid.T) ddb.Item {
	it := drawKey(t)
	maybe := func(name string, draw func() ddb.AttributeValue) {
		if rapid.Bool().Draw(t, "has "+name) {
			it = it.With(name, draw())
		}
	}
	maybe("g", func() ddb.AttributeValue { return ddb.StringValue(groups.Draw(t, "g")) })
	maybe("h", func() ddb.AttributeValue { return decimal(heights.Draw(t, "h")) })
	maybe("l", func() ddb.AttributeValue { return ddb.StringValue(labels.Draw(t, "l")) })
	maybe("a", func() ddb.AttributeValue { return decimal(numbers.Draw(t, "a")) })
	maybe("z", func() ddb.AttributeValue {
		return ddb.ListValue([]ddb.AttributeValue{decimal(numbers.Draw(t, "z")), ddb.NullValue()})
	})
	return it
}

// keyText is the JSON of an item's key.
func keyText(it ddb.Item) string {
	p, _ := it.Get("p")
	s, _ := it.Get("s")
	return text(ddb.ItemOf(attribute("p", p), attribute("s", s)))
}

// do sends a request that must not fail but for a condition; failed is whether it did.
func (m *model) do(t *rapid.T, op ddb.Operation, body string) (answer []byte, failed bool) {
	resp, err := m.e.Do(t.Context(), ddb.NewRequest(op, []byte(body)))
	if err != nil {
		if e, ok := ddb.AsError(err); ok && e.Code == "ConditionalCheckFailedException" {
			return nil, true
		}
		t.Fatalf("%s %s: %v", op, body, err)
	}
	answer, err = resp.JSON()
	if err != nil {
		t.Fatalf("%s %s: %v", op, body, err)
	}
	return answer, false
}

// decode reads an answer.
func decode[T any](t *rapid.T, answer []byte) *T {
	out, err := ddb.OutputAs[T](ddb.NewResponse(answer))
	if err != nil {
		t.Fatalf("answer %s: %v", answer, err)
	}
	return out
}

// same compares two items, nil being none.
func same(t *rapid.T, what string, got, want ddb.Item) {
	if !ddb.EqualItems(got, want) || (got == nil) != (want == nil) {
		t.Fatalf("%s: got %s, want %s", what, text(got), text(want))
	}
}

// condition draws a condition on whether the item exists; holds is whether it does now.
func (m *model) condition(t *rapid.T, key string) (member string, holds bool) {
	_, exists := m.items[key]
	switch rapid.IntRange(0, 3).Draw(t, "condition") {
	case 0:
		return `,"ConditionExpression":"attribute_exists(p)"`, exists
	case 1:
		return `,"ConditionExpression":"attribute_not_exists(p)"`, !exists
	}
	return "", true
}

// put puts a random item.
func (m *model) put(t *rapid.T) {
	it := drawItem(t)
	key := keyText(it)
	condition, holds := m.condition(t, key)
	answer, failed := m.do(t, ddb.PutItem, fmt.Sprintf(`{"TableName":"model","Item":%s,"ReturnValues":"ALL_OLD"%s}`, text(it), condition))
	if failed == holds {
		t.Fatalf("put %s%s: failed = %t", key, condition, failed)
	}
	if !holds {
		return
	}
	same(t, "old item of put "+key, decode[ddb.PutItemOutput](t, answer).Attributes, m.items[key])
	m.items[key] = it
}

// delete deletes a random key.
func (m *model) delete(t *rapid.T) {
	key := keyText(drawKey(t))
	condition, holds := m.condition(t, key)
	answer, failed := m.do(t, ddb.DeleteItem, fmt.Sprintf(`{"TableName":"model","Key":%s,"ReturnValues":"ALL_OLD"%s}`, key, condition))
	if failed == holds {
		t.Fatalf("delete %s%s: failed = %t", key, condition, failed)
	}
	if !holds {
		return
	}
	same(t, "old item of delete "+key, decode[ddb.DeleteItemOutput](t, answer).Attributes, m.items[key])
	delete(m.items, key)
}

// update counts in one attribute, and sets or removes another.
func (m *model) update(t *rapid.T) {
	k := drawKey(t)
	key := keyText(k)
	old, exists := m.items[key]
	it := old
	if !exists {
		it = k
	}
	step := numbers.Draw(t, "step")
	count := decimal("0")
	if v, ok := it.Get("a"); ok {
		count = v
	}
	sum, bad := ddb.AddNumbers(count.Num(), step)
	if bad != nil {
		t.Fatalf("sum: %v", bad)
	}
	it = it.With("a", decimal(sum))
	update := "SET a = if_not_exists(a, :zero) + :step"
	values := fmt.Sprintf(`":zero":{"N":"0"},":step":{"N":%q}`, step)
	name := rapid.SampledFrom([]string{"g", "l"}).Draw(t, "attribute")
	if rapid.Bool().Draw(t, "remove") {
		update += " REMOVE " + name
		it = it.Without(name)
	} else {
		v := groups.Draw(t, "value")
		update += ", " + name + " = :v"
		values += fmt.Sprintf(`,":v":{"S":%q}`, v)
		it = it.With(name, ddb.StringValue(v))
	}
	mode := rapid.SampledFrom([]string{"NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"}).Draw(t, "mode")
	answer, _ := m.do(t, ddb.UpdateItem, fmt.Sprintf(`{"TableName":"model","Key":%s,"UpdateExpression":%q,"ExpressionAttributeValues":{%s},"ReturnValues":%q}`, key, update, values, mode))
	m.items[key] = it
	var want ddb.Item
	touched := func(image ddb.Item) ddb.Item {
		var out ddb.Item
		for _, a := range image {
			if a.Name == "a" || a.Name == name {
				out = append(out, a)
			}
		}
		return out
	}
	switch mode {
	case "ALL_OLD":
		want = old
	case "ALL_NEW":
		want = it
	case "UPDATED_OLD":
		want = touched(old)
	case "UPDATED_NEW":
		want = touched(it)
	}
	same(t, mode+" of "+update+" on "+key, decode[ddb.UpdateItemOutput](t, answer).Attributes, want)
}

// batchWrite puts and deletes a few keys.
func (m *model) batchWrite(t *rapid.T) {
	writes := make(map[string]ddb.Item)
	for range rapid.IntRange(1, 6).Draw(t, "writes") {
		it := drawItem(t)
		if rapid.Bool().Draw(t, "delete") {
			writes[keyText(it)] = nil
		} else {
			writes[keyText(it)] = it
		}
	}
	var requests []string
	for _, key := range slices.Sorted(maps.Keys(writes)) {
		if it := writes[key]; it != nil {
			requests = append(requests, `{"PutRequest":{"Item":`+text(it)+`}}`)
			m.items[key] = it
		} else {
			requests = append(requests, `{"DeleteRequest":{"Key":`+key+`}}`)
			delete(m.items, key)
		}
	}
	answer, _ := m.do(t, ddb.BatchWriteItem, `{"RequestItems":{"model":[`+strings.Join(requests, ",")+`]}}`)
	if string(answer) != `{"UnprocessedItems":{}}` {
		t.Fatalf("batch write: %s", answer)
	}
}

// get reads a key.
func (m *model) get(t *rapid.T) {
	key := keyText(drawKey(t))
	answer, _ := m.do(t, ddb.GetItem, `{"TableName":"model","Key":`+key+`}`)
	same(t, "get "+key, decode[ddb.GetItemOutput](t, answer).Item, m.items[key])
}

// batchGet reads a few keys.
func (m *model) batchGet(t *rapid.T) {
	keys := make(map[string]bool)
	for range rapid.IntRange(1, 8).Draw(t, "keys") {
		keys[keyText(drawKey(t))] = true
	}
	answer, _ := m.do(t, ddb.BatchGetItem, `{"RequestItems":{"model":{"Keys":[`+strings.Join(slices.Sorted(maps.Keys(keys)), ",")+`]}}}`)
	var want []ddb.Item
	for key := range keys {
		if it, ok := m.items[key]; ok {
			want = append(want, it)
		}
	}
	sameSet(t, "batch get", decode[ddb.BatchGetItemOutput](t, answer).Responses["model"], want)
}

// sameSet compares items without their order.
func sameSet(t *rapid.T, what string, got, want []ddb.Item) {
	a, b := texts(got), texts(want)
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		t.Fatalf("%s:\n got %v\nwant %v", what, a, b)
	}
}

// texts is the JSON of items.
func texts(items []ddb.Item) []string {
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = text(it)
	}
	return out
}

// compareValues orders two sort keys of one type.
func compareValues(a, b ddb.AttributeValue) int {
	if a.Kind() != ddb.KindN {
		return strings.Compare(a.Str(), b.Str())
	}
	x, _ := new(big.Rat).SetString(a.Num())
	y, _ := new(big.Rat).SetString(b.Num())
	return x.Cmp(y)
}

// entries is what idx holds of all items, of one partition if hash is not empty, by sort key.
func (m *model) entries(idx modelIndex, hash string) []ddb.Item {
	var out []ddb.Item
	for _, it := range m.items {
		h, ok := it.Get(idx.hash)
		if !ok || hash != "" && h.Str() != hash {
			continue
		}
		if _, ok := it.Get(idx.sort); !ok && idx.sort != "" {
			continue
		}
		entry := it
		if idx.attributes != nil {
			entry = nil
			for _, a := range it {
				if slices.Contains(idx.attributes, a.Name) {
					entry = append(entry, a)
				}
			}
		}
		out = append(out, entry)
	}
	if idx.sort != "" {
		slices.SortFunc(out, func(a, b ddb.Item) int {
			x, _ := a.Get(idx.sort)
			y, _ := b.Get(idx.sort)
			return compareValues(x, y)
		})
	}
	return out
}

// operators are the range conditions of the model.
var operators = map[string]func(v, a, b ddb.AttributeValue) bool{
	"":                          func(v, a, b ddb.AttributeValue) bool { return true },
	" AND #s = :a":              func(v, a, b ddb.AttributeValue) bool { return compareValues(v, a) == 0 },
	" AND #s < :a":              func(v, a, b ddb.AttributeValue) bool { return compareValues(v, a) < 0 },
	" AND #s <= :a":             func(v, a, b ddb.AttributeValue) bool { return compareValues(v, a) <= 0 },
	" AND #s > :a":              func(v, a, b ddb.AttributeValue) bool { return compareValues(v, a) > 0 },
	" AND #s >= :a":             func(v, a, b ddb.AttributeValue) bool { return compareValues(v, a) >= 0 },
	" AND #s BETWEEN :a AND :b": func(v, a, b ddb.AttributeValue) bool { return compareValues(v, a) >= 0 && compareValues(v, b) <= 0 },
	" AND begins_with(#s, :a)":  func(v, a, b ddb.AttributeValue) bool { return strings.HasPrefix(v.Str(), a.Str()) },
}

// queryTable queries a partition of the table.
func (m *model) queryTable(t *rapid.T) { m.query(t, modelIndexes[0]) }

// queryIndex queries a partition of an index.
func (m *model) queryIndex(t *rapid.T) {
	m.query(t, modelIndexes[rapid.IntRange(1, len(modelIndexes)-1).Draw(t, "index")])
}

// query reads all pages of a random query and compares them.
func (m *model) query(t *rapid.T, idx modelIndex) {
	hash := partitions.Draw(t, "partition")
	if idx.hash == "g" {
		hash = groups.Draw(t, "partition")
	}
	want := m.entries(idx, hash)
	condition := "#h = :h"
	names := fmt.Sprintf(`"#h":%q`, idx.hash)
	values := fmt.Sprintf(`":h":{"S":%q}`, hash)
	if idx.sort != "" {
		var a, b ddb.AttributeValue
		spellings := slices.Sorted(maps.Keys(operators))
		switch idx.sort {
		case "s":
			a, b = decimal(sortKeys.Draw(t, "a")), decimal(sortKeys.Draw(t, "b"))
		case "h":
			a, b = decimal(heights.Draw(t, "a")), decimal(heights.Draw(t, "b"))
		default:
			a, b = ddb.StringValue(labels.Draw(t, "a")), ddb.StringValue(labels.Draw(t, "b"))
		}
		if a.Kind() == ddb.KindN {
			spellings = slices.DeleteFunc(spellings, func(s string) bool { return strings.Contains(s, "begins_with") })
		}
		if compareValues(a, b) > 0 {
			a, b = b, a
		}
		op := rapid.SampledFrom(spellings).Draw(t, "operator")
		want = slices.DeleteFunc(want, func(it ddb.Item) bool {
			v, _ := it.Get(idx.sort)
			return !operators[op](v, a, b)
		})
		condition += op
		if strings.Contains(op, "#s") {
			names += fmt.Sprintf(`,"#s":%q`, idx.sort)
		}
		if strings.Contains(op, ":a") {
			values += `,":a":` + string(ddb.AppendValueJSON(nil, a))
		}
		if strings.Contains(op, ":b") {
			values += `,":b":` + string(ddb.AppendValueJSON(nil, b))
		}
	}
	forward := rapid.Bool().Draw(t, "forward")
	if !forward {
		slices.Reverse(want)
	}
	body := fmt.Sprintf(`{"TableName":"model","KeyConditionExpression":%q,"ExpressionAttributeNames":{%s},"ExpressionAttributeValues":{%s},"ScanIndexForward":%t`,
		condition, names, values, forward)
	if idx.name != "" {
		body += fmt.Sprintf(`,"IndexName":%q`, idx.name)
	}
	got := m.pages(t, ddb.Query, body, len(want))
	if idx.name == "" {
		if !slices.Equal(texts(got), texts(want)) {
			t.Fatalf("%s:\n got %v\nwant %v", body, texts(got), texts(want))
		}
		return
	}
	sameSet(t, body, got, want)
	for i := range want {
		x, _ := got[i].Get(idx.sort)
		y, _ := want[i].Get(idx.sort)
		if idx.sort != "" && compareValues(x, y) != 0 {
			t.Fatalf("%s: place %d has sort key %s, want %s", body, i, x.Str(), y.Str())
		}
	}
}

// scan reads all segments of the table or an index, each in pages.
func (m *model) scan(t *rapid.T) {
	idx := modelIndexes[rapid.IntRange(0, len(modelIndexes)-1).Draw(t, "index")]
	total := rapid.IntRange(1, 4).Draw(t, "segments")
	var got []ddb.Item
	for segment := range total {
		body := fmt.Sprintf(`{"TableName":"model","Segment":%d,"TotalSegments":%d`, segment, total)
		if idx.name != "" {
			body += fmt.Sprintf(`,"IndexName":%q`, idx.name)
		}
		got = append(got, m.pages(t, ddb.Scan, body, -1)...)
	}
	sameSet(t, fmt.Sprintf("scan of %q in %d segments", idx.name, total), got, m.entries(idx, ""))
}

// pages reads all pages of a query or scan whose body begins as given. A page is full at its limit, and only then does
// a key follow. want is the number of items to expect, -1 if the caller cannot say.
func (m *model) pages(t *rapid.T, op ddb.Operation, body string, want int) []ddb.Item {
	limit := rapid.IntRange(1, 5).Draw(t, "limit")
	var items []ddb.Item
	start := ""
	for pages := 0; ; pages++ {
		if pages > len(m.items)+1 {
			t.Fatalf("%s: more pages than items", body)
		}
		answer, _ := m.do(t, op, fmt.Sprintf(`%s,"Limit":%d%s}`, body, limit, start))
		page := decode[ddb.QueryOutput](t, answer)
		if page.Count != len(page.Items) || page.ScannedCount != page.Count {
			t.Fatalf("%s: Count %d, ScannedCount %d, %d items", body, page.Count, page.ScannedCount, len(page.Items))
		}
		if full := page.ScannedCount == limit; full != (page.LastEvaluatedKey != nil) || page.ScannedCount > limit {
			t.Fatalf("%s: page of %d with limit %d has last key %s", body, page.ScannedCount, limit, text(page.LastEvaluatedKey))
		}
		items = append(items, page.Items...)
		if page.LastEvaluatedKey == nil {
			break
		}
		start = `,"ExclusiveStartKey":` + text(page.LastEvaluatedKey)
	}
	if want >= 0 && len(items) != want {
		t.Fatalf("%s: %d items over all pages, want %d: %v", body, len(items), want, texts(items))
	}
	return items
}
