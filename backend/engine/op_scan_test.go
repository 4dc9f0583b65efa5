package engine

import (
	"bytes"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"millrace/ddb"
)

// scanAll reads all pages of a Scan whose body begins as given and returns the items by their JSON, each with the
// number of times it came.
func (h *harness) scanAll(body string) map[string]int {
	h.t.Helper()
	seen := make(map[string]int)
	start := ""
	for {
		var page struct {
			Items            []json.RawMessage
			Count            int
			ScannedCount     int
			LastEvaluatedKey json.RawMessage
		}
		if err := json.Unmarshal([]byte(h.answer(ddb.Scan, body+start+"}")), &page); err != nil {
			h.t.Fatal(err)
		}
		for _, it := range page.Items {
			seen[string(it)]++
		}
		if page.LastEvaluatedKey == nil {
			return seen
		}
		start = `,"ExclusiveStartKey":` + string(page.LastEvaluatedKey)
	}
}

func TestSegmentsCoverTheTableOnce(t *testing.T) {
	t.Parallel()
	// #174, #175
	h := newHarness(t).create(indexTable)
	const n = 60
	for i := range n {
		h.put("index", fmt.Sprintf(`{"p":{"S":"p%d"},"s":{"S":"s"},"g":{"S":"g%d"},"l":{"S":"l"}}`, i, i%5))
	}
	for _, index := range []string{"", `,"IndexName":"keys"`, `,"IndexName":"lall"`} {
		for _, total := range []int{1, 2, 3, 7, 64, 5000} {
			all := make(map[string]int)
			for segment := range total {
				if total == 5000 && segment%1000 != 0 {
					continue
				}
				for it, times := range h.scanAll(fmt.Sprintf(`{"TableName":"index","Segment":%d,"TotalSegments":%d,"Limit":4%s`, segment, total, index)) {
					all[it] += times
				}
			}
			for it, times := range all {
				if times != 1 {
					t.Errorf("%d segments%s: %s came %d times", total, index, it, times)
				}
			}
			if len(all) != n && total != 5000 {
				t.Errorf("%d segments%s: %d items, want %d", total, index, len(all), n)
			}
		}
	}
}

func TestScanRefusesSegments(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	f := func(rest, want string) {
		t.Helper()
		h.invalid(ddb.Scan, `{"TableName":"hash"`+rest+`}`, want)
	}
	// #173
	f(`,"Segment":0`, "The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
	f(`,"TotalSegments":4`, "The Segment parameter is required but was not present in the request when parameter TotalSegments is present")
	f(`,"Segment":5,"TotalSegments":5`, "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 5 is not less than TotalSegments: 5")
	f(`,"Segment":0,"TotalSegments":1000001`, "1 validation error detected: Value '1000001' at 'totalSegments' failed to satisfy constraint: Member must have value less than or equal to 1000000")
	// #49
	f(`,"Limit":0`, "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
	// #262: before the expressions and the table.
	h.invalid(ddb.Scan, `{"TableName":"none","Segment":0,"FilterExpression":""}`, "The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
}

func TestScanStartKeyMustFit(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(rangeTable, indexTable)
	f := func(start, want string) {
		t.Helper()
		h.invalid(ddb.Scan, `{"TableName":"range","ExclusiveStartKey":`+start+`}`, want)
	}
	// #165
	f(`{"p":{"S":"a"}}`, "The provided starting key is invalid: The provided key element does not match the schema")
	f(`{"p":{"S":"a"},"s":{"S":"1"}}`, "The provided starting key is invalid: The provided key element does not match the schema")
	f(`{"p":{"S":"a"},"s":{"N":"1"},"x":{"N":"1"}}`, "The provided starting key is invalid: The provided key element does not match the schema")
	f(`{"p":{"S":"a"},"s":{"N":"x"}}`, "The provided starting key is invalid: The parameter cannot be converted to a numeric value: x")
	h.invalid(ddb.Scan, `{"TableName":"index","IndexName":"keys","ExclusiveStartKey":{"p":{"S":"a"},"s":{"S":"b"}}}`, "The provided starting key is invalid")
	// #174: which of two segments a key is in depends on its hash, but it is in exactly one.
	wrong := 0
	for segment := range 2 {
		_, bad := h.do(ddb.Scan, fmt.Sprintf(`{"TableName":"range","Segment":%d,"TotalSegments":2,"ExclusiveStartKey":{"p":{"S":"a"},"s":{"N":"1"}}}`, segment))
		if bad == nil {
			continue
		}
		wrong++
		want := fmt.Sprintf("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: 2 Segment: %d", segment)
		if bad.Code != "ValidationException" || bad.Message != want {
			t.Errorf("segment %d: got %v, want %s", segment, bad, want)
		}
	}
	if wrong != 1 {
		t.Errorf("a start key is wrong for %d of 2 segments, want 1", wrong)
	}
}

func TestScanFiltersProjectsAndCounts(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(rangeTable)
	h.numbered("a", 6)
	// #172: one partition is in the order of its sort key.
	h.ok(ddb.Scan, `{"TableName":"range","ProjectionExpression":"s","FilterExpression":"v = :o AND s > :n","ExpressionAttributeValues":{":o":{"S":"odd"},":n":{"N":"1"}}}`,
		`{"Items":[{"s":{"N":"3"}},{"s":{"N":"5"}}],"Count":2,"ScannedCount":6}`)
	// #116, #164
	h.ok(ddb.Scan, `{"TableName":"range","FilterExpression":"v = :o","ExpressionAttributeValues":{":o":{"S":"odd"}},"Select":"COUNT","Limit":3}`,
		`{"Count":1,"ScannedCount":3,"LastEvaluatedKey":{"p":{"S":"a"},"s":{"N":"2"}}}`)
	h.ok(ddb.Scan, `{"TableName":"range","Limit":6,"Select":"COUNT"}`, `{"Count":6,"ScannedCount":6,"LastEvaluatedKey":{"p":{"S":"a"},"s":{"N":"5"}}}`)
	h.ok(ddb.Scan, `{"TableName":"range","Limit":7,"Select":"COUNT"}`, `{"Count":6,"ScannedCount":6}`)
	h.ok(ddb.Scan, `{"TableName":"range","ExclusiveStartKey":{"p":{"S":"a"},"s":{"N":"4"}},"ProjectionExpression":"s"}`, `{"Items":[{"s":{"N":"5"}}],"Count":1,"ScannedCount":1}`)
	// #171
	h.ok(ddb.Scan, `{"TableName":"range","FilterExpression":"attribute_exists(nothing)"}`, `{"Items":[],"Count":0,"ScannedCount":6}`)
}

func TestScanPagesEndAtOneMegabyte(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	for i := range 20 {
		h.put("hash", fmt.Sprintf(`{"p":{"S":"%02d"},"d":{"S":%s}}`, i, chars(60000)))
	}
	// #163, #175
	var page struct {
		ScannedCount     int
		LastEvaluatedKey json.RawMessage
	}
	if err := json.Unmarshal([]byte(h.answer(ddb.Scan, `{"TableName":"hash","Select":"COUNT"}`)), &page); err != nil {
		t.Fatal(err)
	}
	if page.ScannedCount != 18 || page.LastEvaluatedKey == nil {
		t.Errorf("first page: %d items, last key %s; want 18 items and a key", page.ScannedCount, page.LastEvaluatedKey)
	}
	if got := len(h.scanAll(`{"TableName":"hash"`)); got != 20 {
		t.Errorf("all pages: %d items, want 20", got)
	}
}

func TestScanOfAnIndexHoldsItsEntriesOnly(t *testing.T) {
	t.Parallel()
	// #175
	h := newHarness(t).create(indexTable)
	for i := range 9 {
		g := ""
		if i%3 == 0 {
			g = fmt.Sprintf(`,"g":{"S":"g%d"}`, i)
		}
		h.put("index", fmt.Sprintf(`{"p":{"S":"p%d"},"s":{"S":"s"}%s}`, i, g))
	}
	got := h.scanAll(`{"TableName":"index","IndexName":"keys","Limit":1,"FilterExpression":"g <> :g","ExpressionAttributeValues":{":g":{"S":"g3"}}`)
	if len(got) != 2 || got[`{"g":{"S":"g0"},"p":{"S":"p0"},"s":{"S":"s"}}`] != 1 {
		t.Errorf("scan of a sparse index: %v, want the entries g0 and g6", got)
	}
	// A filter on what the index does not hold finds it missing.
	h.ok(ddb.Scan, `{"TableName":"index","IndexName":"keys","FilterExpression":"attribute_exists(z)"}`, `{"Items":[],"Count":0,"ScannedCount":3}`)
}

func TestScanPassesManyDeletedItems(t *testing.T) {
	t.Parallel()
	// #176
	h := newHarness(t).create(rangeTable)
	for i := range 2000 {
		h.put("range", fmt.Sprintf(`{"p":{"S":"a"},"s":{"N":"%d"}}`, i))
	}
	for i := range 1999 {
		h.ok(ddb.DeleteItem, fmt.Sprintf(`{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"%d"}}}`, i), `{}`)
	}
	h.ok(ddb.Scan, `{"TableName":"range","Limit":1}`, `{"Items":[{"p":{"S":"a"},"s":{"N":"1999"}}],"Count":1,"ScannedCount":1,"LastEvaluatedKey":{"p":{"S":"a"},"s":{"N":"1999"}}}`)
}

func TestPartitionsAreInTheOrderOfTheirHashes(t *testing.T) {
	t.Parallel()
	// #260: the order is that of the MD5 of the partition key, and #172 stable.
	h := newHarness(t).create(hashTable, indexTable)
	keys := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, k := range keys {
		h.put("hash", `{"p":{"S":"`+k+`"}}`)
		h.put("index", `{"p":{"S":"`+k+`"},"s":{"S":"s"},"g":{"S":"G"}}`)
	}
	slices.SortFunc(keys, func(a, b string) int {
		x, y := md5.Sum([]byte(a)), md5.Sum([]byte(b))
		return bytes.Compare(x[:], y[:])
	})
	want := `[{"p":{"S":"` + strings.Join(keys, `"}},{"p":{"S":"`) + `"}}]`
	if got := h.items(ddb.Scan, `{"TableName":"hash"}`); got != want {
		t.Errorf("scan\n got %s\nwant %s", got, want)
	}
	// #259: entries with equal index keys are in the order of the table's keys.
	if got := h.items(ddb.Query, `{"TableName":"index","IndexName":"keys","KeyConditionExpression":"g = :g","ExpressionAttributeValues":{":g":{"S":"G"}},"ProjectionExpression":"p"}`); got != want {
		t.Errorf("query of an index\n got %s\nwant %s", got, want)
	}
}

func TestScanProjectsAsQueryDoes(t *testing.T) {
	t.Parallel()
	// #177
	h := newHarness(t).create(indexTable)
	h.put("index", `{"p":{"S":"p"},"s":{"S":"s"},"g":{"S":"G"},"l":{"S":"L"},"z":{"S":"Z"}}`)
	h.ok(ddb.Scan, `{"TableName":"index","IndexName":"lkeys","ProjectionExpression":"z"}`, `{"Items":[{"z":{"S":"Z"}}],"Count":1,"ScannedCount":1}`)
	h.invalid(ddb.Scan, `{"TableName":"index","IndexName":"keys","ProjectionExpression":"z, a"}`, "One or more parameter values were invalid: Global secondary index keys does not project [z, a]")
	h.invalid(ddb.Scan, `{"TableName":"index","FilterExpression":"p.x = :v","ExpressionAttributeValues":{":v":{"S":"a"}}}`,
		"Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: p")
}
