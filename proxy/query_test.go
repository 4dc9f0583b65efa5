package proxy

import (
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

// queryBooks is the body of a Query of one author, with more members; the condition may use :a, and :t for title.
func queryBooks(author, condition, title, more string) string {
	values := fmt.Sprintf(`":a":{"S":%q}`, author)
	if title != "" {
		values += fmt.Sprintf(`,":t":{"S":%q}`, title)
	}
	return `{"TableName":"books","KeyConditionExpression":"` + condition + `","ExpressionAttributeValues":{` + values + `}` + more + `}`
}

// bookRig is a rig with some books of two authors.
func bookRig(t testing.TB, o rigOptions) *rig {
	r := newRig(t, o)
	r.must(ddb.CreateTable, bookTable)
	for i, title := range []string{"a", "b", "c", "d", "e", "f"} {
		r.putBook("ann", title, "x", 2000+i, "n")
		r.putBook("bob", title, "y", 2000+i, "n")
	}
	return r
}

func TestTwoSpellingsOfAQueryShareAnEntry(t *testing.T) {
	t.Parallel()
	r := bookRig(t, rigOptions{})
	r.expect(Miss, ddb.Query, queryBooks("ann", "author=:a AND title>:t", "b", ""))
	for _, body := range []string{
		queryBooks("ann", "author = :a and title > :t", "b", ""),
		queryBooks("ann", ":t < title AND :a = author", "b", ""),
		queryBooks("ann", "(author=:a) AND (title>:t)", "b", `,"ScanIndexForward":true,"ConsistentRead":false`),
		queryBooks("ann", "author=:a AND title>:t", "b", `,"Select":"ALL_ATTRIBUTES","ConsistentRead":true`),
		`{"ExpressionAttributeNames":{"#x":"author","#y":"title"},"ExpressionAttributeValues":{":t":{"S":"ann"},":a":{"S":"b"}},` +
			`"KeyConditionExpression":"#x=:t AND #y>:a","TableName":"books","ReturnConsumedCapacity":"TOTAL"}`,
	} {
		r.expect(Hit, ddb.Query, body)
	}
	r.expect(Miss, ddb.Query, `{"TableName":"books","KeyConditionExpression":"author=:a","FilterExpression":"note=:n","ProjectionExpression":"title,#g",`+
		`"ExpressionAttributeNames":{"#g":"genre"},"ExpressionAttributeValues":{":a":{"S":"ann"},":n":{"S":"n"}}}`)
	r.expect(Hit, ddb.Query, `{"TableName":"books","KeyConditionExpression":"#a=:1","FilterExpression":"#n = :2","ProjectionExpression":"title, genre",`+
		`"ExpressionAttributeNames":{"#n":"note","#a":"author"},"ExpressionAttributeValues":{":1":{"S":"ann"},":2":{"S":"n"}},"Select":"SPECIFIC_ATTRIBUTES"}`)
}

func TestEveryParameterThatShapesThePageIsInItsKey(t *testing.T) {
	t.Parallel()
	r := bookRig(t, rigOptions{})
	values := `,"ExpressionAttributeValues":{":a":{"S":"ann"}}`
	filtered := `,"ExpressionAttributeValues":{":a":{"S":"ann"},":n":{"S":"n"}}`
	start := `,"ExclusiveStartKey":{"author":{"S":"ann"},"title":{"S":"b"}}`
	for _, more := range []string{
		values,
		values + `,"ScanIndexForward":false`,
		values + `,"Limit":1`, values + `,"Limit":2`,
		values + `,"Select":"COUNT"`,
		values + start, values + start + `,"Limit":1`, values + start + `,"ScanIndexForward":false`,
		values + `,"ProjectionExpression":"title"`, values + `,"ProjectionExpression":"note"`,
		filtered + `,"FilterExpression":"note=:n"`, filtered + `,"FilterExpression":"note<>:n"`,
		filtered + `,"FilterExpression":"note=:n","Select":"COUNT"`,
		values + `,"IndexName":"by-year"`, values + `,"IndexName":"by-genre"`,
		values + `,"IndexName":"by-genre","Select":"ALL_ATTRIBUTES"`,
	} {
		body := `{"TableName":"books","KeyConditionExpression":"author=:a"` + more + `}`
		r.expect(Miss, ddb.Query, body)
		r.expect(Hit, ddb.Query, body)
	}
	for _, more := range []string{
		``, `,"Limit":3`, `,"Select":"COUNT"`, `,"Segment":0,"TotalSegments":2`, `,"Segment":1,"TotalSegments":2`,
		`,"Segment":1,"TotalSegments":3`, `,"IndexName":"genre-keys"`, `,"ProjectionExpression":"title"`,
		`,"FilterExpression":"note=:n","ExpressionAttributeValues":{":n":{"S":"n"}}`, start,
	} {
		body := `{"TableName":"books"` + more + `}`
		r.expect(Miss, ddb.Scan, body)
		r.expect(Hit, ddb.Scan, body)
	}
}

func TestWritesKillExactlyThePagesTheyTouch(t *testing.T) {
	t.Parallel()
	r := bookRig(t, rigOptions{})
	all := queryBooks("ann", "author=:a", "", "")
	other := queryBooks("bob", "author=:a", "", "")
	low := queryBooks("ann", "author=:a AND title<:t", "c", "")
	high := queryBooks("ann", "author=:a AND title>=:t", "c", "")
	first := queryBooks("ann", "author=:a", "", `,"Limit":2`)
	last := queryBooks("ann", "author=:a", "", `,"Limit":2,"ScanIndexForward":false`)
	none := queryBooks("ann", "author=:a AND begins_with(title,:t)", "zz", "")
	scan := `{"TableName":"books"}`
	f := func(what string, write func(), dead ...string) {
		t.Helper()
		for _, body := range []string{all, other, low, high, first, last, none} {
			r.do(ddb.Query, body)
		}
		r.do(ddb.Scan, scan)
		write()
		for _, body := range []string{all, other, low, high, first, last, none} {
			want := Hit
			for _, d := range dead {
				if d == body {
					want = Miss
				}
			}
			if a := r.same(ddb.Query, body); a.result != want {
				t.Errorf("after %s: %s is a %v, want a %v", what, body, a.result, want)
			}
		}
		if a := r.same(ddb.Scan, scan); a.result == Hit {
			t.Errorf("after %s the scan is a hit", what) // R48
		}
	}
	f("an update in the lower half", func() { r.putBook("ann", "a", "x", 2000, "m") }, all, low, first)
	f("an insert behind the first page", func() { r.putBook("ann", "bb", "x", 2000, "m") }, all, low)
	f("an append", func() { r.putBook("ann", "g", "x", 2000, "m") }, all, high, last)
	f("a delete", func() {
		r.must(ddb.DeleteItem, `{"TableName":"books","Key":`+bookKey("ann", "c")+`}`)
	}, all, high)
	f("an insert into an empty page", func() { r.putBook("ann", "zz1", "x", 2000, "m") }, all, high, last, none)
	f("a write to the other author", func() { r.putBook("bob", "a", "y", 2000, "m") }, other)
}

// R43, R47: an index page goes when an item leaves, enters or changes in what the index holds, and else stays.
func TestIndexPagesGoOnlyWithWhatTheyHold(t *testing.T) {
	t.Parallel()
	r := bookRig(t, rigOptions{})
	index := func(name, attribute, value string, more string) string {
		return `{"TableName":"books","IndexName":"` + name + `","KeyConditionExpression":"#k=:v","ExpressionAttributeNames":{"#k":"` + attribute +
			`"},"ExpressionAttributeValues":{":v":` + value + `}` + more + `}`
	}
	everything := index("genre-year", "genre", `{"S":"x"}`, "")
	elsewhere := index("genre-year", "genre", `{"S":"z"}`, "")
	keysOnly := index("genre-keys", "genre", `{"S":"x"}`, "")
	noted := index("year-only", "year", `{"N":"2000"}`, "")
	localAll := index("by-year", "author", `{"S":"ann"}`, "")
	localKeys := index("by-genre", "author", `{"S":"ann"}`, "")
	localFetch := index("by-genre", "author", `{"S":"ann"}`, `,"Select":"ALL_ATTRIBUTES"`)
	pages := []string{everything, elsewhere, keysOnly, noted, localAll, localKeys, localFetch}
	update := func(expression, values string) {
		t.Helper()
		r.must(ddb.UpdateItem, `{"TableName":"books","Key":`+bookKey("ann", "a")+`,"UpdateExpression":"`+expression+
			`","ExpressionAttributeNames":{"#y":"year"},"ExpressionAttributeValues":`+values+`}`)
	}
	f := func(what string, write func(), dead ...string) {
		t.Helper()
		for _, body := range pages {
			r.same(ddb.Query, body)
		}
		write()
		for _, body := range pages {
			want := Hit
			for _, d := range dead {
				if d == body {
					want = Miss
				}
			}
			if a := r.same(ddb.Query, body); a.result != want {
				t.Errorf("after %s: %s is a %v, want a %v", what, body, a.result, want)
			}
		}
	}
	f("a change of an attribute of no key", func() { update("SET extra=:v, #y=:y", `{":v":{"S":"1"},":y":{"N":"2000"}}`) },
		everything, localAll, localFetch)
	f("a change of a projected attribute", func() { update("SET note=:v, #y=:y", `{":v":{"S":"1"},":y":{"N":"2000"}}`) },
		everything, noted, localAll, localFetch)
	f("a change of a sort key", func() { update("SET #y=:y", `{":y":{"N":"2001"}}`) },
		everything, noted, localAll, localFetch)
	f("a move to another partition", func() { update("SET genre=:g, #y=:y", `{":g":{"S":"z"},":y":{"N":"2001"}}`) },
		everything, elsewhere, keysOnly, localAll, localKeys, localFetch)
	f("leaving the indexes", func() { update("SET extra=:v REMOVE genre, #y", `{":v":{"S":"2"}}`) },
		elsewhere, localAll, localKeys, localFetch)
	f("a write outside all indexes", func() { update("SET extra=:v REMOVE #y", `{":v":{"S":"3"}}`) })
	f("entering the indexes", func() { update("SET genre=:g, #y=:y", `{":g":{"S":"x"},":y":{"N":"2000"}}`) },
		everything, keysOnly, noted, localAll, localKeys, localFetch)
	// An identical put changes nothing and kills nothing.
	f("a put of what is there", func() { update("SET genre=:g, #y=:y", `{":g":{"S":"x"},":y":{"N":"2000"}}`) })
}

// R45: the pages of a long partition are apart: an append kills only the last one.
func TestAppendLeavesEarlierPagesCached(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	for i := range 20 {
		r.putBook("ann", fmt.Sprintf("%02d", i), "", 0, "")
	}
	walk := func() (hits, pages int) {
		start := ""
		for {
			body := queryBooks("ann", "author=:a", "", `,"Limit":5`+start)
			a := r.same(ddb.Query, body)
			pages++
			if a.result == Hit {
				hits++
			}
			i := strings.Index(a.body, `"LastEvaluatedKey":`)
			if i < 0 {
				return hits, pages
			}
			start = `,"ExclusiveStartKey":` + a.body[i+len(`"LastEvaluatedKey":`):len(a.body)-1]
		}
	}
	walk()
	if hits, pages := walk(); hits != pages {
		t.Fatalf("%d of %d pages are hits, want all", hits, pages)
	}
	r.putBook("ann", "20", "", 0, "")
	if hits, pages := walk(); hits != 4 || pages != 5 {
		t.Errorf("after an append %d of %d pages are hits, want 4 of 5", hits, pages)
	}
	r.putBook("ann", "07", "", 0, "new")
	if hits, pages := walk(); hits != pages-1 {
		t.Errorf("after a write %d of %d pages are hits, want all but one", hits, pages)
	}
}

func TestPageReportsTheCapacityOfTheSameReadWithoutCache(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	for i := range 9 {
		r.putBook("ann", fmt.Sprint(i), "x", i+1, strings.Repeat("n", 1000))
	}
	f := func(op ddb.Operation, body string) {
		t.Helper()
		for i, more := range []string{"", `,"ReturnConsumedCapacity":"TOTAL"`, `,"ReturnConsumedCapacity":"INDEXES"`,
			`,"ReturnConsumedCapacity":"TOTAL","ConsistentRead":true`, `,"ReturnConsumedCapacity":"INDEXES","ConsistentRead":true`} {
			a := r.same(op, strings.TrimSuffix(body, "}")+more+"}")
			if i > 0 && a.err == nil && a.result != Hit {
				t.Errorf("%s%s is a %v", body, more, a.result)
			}
		}
	}
	f(ddb.Query, queryBooks("ann", "author=:a", "", ""))
	f(ddb.Query, queryBooks("ann", "author=:a", "", `,"IndexName":"by-year"`))
	f(ddb.Query, queryBooks("ann", "author=:a", "", `,"IndexName":"by-genre"`))
	f(ddb.Query, queryBooks("ann", "author=:a", "", `,"IndexName":"by-genre","Select":"ALL_ATTRIBUTES"`))
	f(ddb.Query, queryBooks("x", "genre=:a", "", `,"IndexName":"genre-keys"`))
	f(ddb.Scan, `{"TableName":"books","Limit":4}`)
	f(ddb.Scan, `{"TableName":"books","IndexName":"genre-year"}`)
}

func TestUnusualPageRequestIsForwarded(t *testing.T) {
	t.Parallel()
	r := bookRig(t, rigOptions{})
	for _, body := range []string{
		`{"TableName":"books"}`,
		queryBooks("ann", "author=:a", "", `,"IndexName":"nope"`),                          // #169
		queryBooks("ann", "author=:b", "", ""),                                             // #89
		queryBooks("ann", "author=:a", "t", ""),                                            // #90
		queryBooks("ann", "title=:a", "", ""),                                              // #161
		queryBooks("x", "genre=:a", "", `,"IndexName":"genre-year","ConsistentRead":true`), // #170
		queryBooks("ann", "author=:a", "", `,"Limit":0`),                                   // #49
		queryBooks("ann", "author=:a", "", `,"ExclusiveStartKey":{}`),                      // #165
		queryBooks("ann", "author=:a", "", `,"ExclusiveStartKey":{"author":{"S":"ann","N":"1"}}`),
		queryBooks("ann", "author=:a", "", `,"AttributesToGet":["note"]`),     // #93
		queryBooks("ann", "author=:a AND title=:t", "t", `,"QueryFilter":{}`), // #93
		`{"TableName":"nope","KeyConditionExpression":"a=:a","ExpressionAttributeValues":{":a":{"S":"x"}}}`,
	} {
		r.expect(Forward, ddb.Query, body)
	}
	// What only the backend refuses is forwarded after it has, in its own words.
	for _, body := range []string{
		queryBooks("ann", "author=:a", "", `,"Select":"SPECIFIC_ATTRIBUTES"`),                               // #166
		queryBooks("ann", "author=:a", "", `,"Select":"ALL_PROJECTED_ATTRIBUTES"`),                          // #166
		queryBooks("ann", "author=:a", "t", `,"FilterExpression":"title=:t"`),                               // #114
		queryBooks("ann", "author=:a", "", `,"ExclusiveStartKey":{"author":{"S":"bob"},"title":{"S":"b"}}`), // #165
		queryBooks("x", "genre=:a", "", `,"IndexName":"genre-keys","ProjectionExpression":"note"`),          // #168
		queryBooks("x", "genre=:a", "", `,"IndexName":"genre-keys","Select":"ALL_ATTRIBUTES"`),              // #167
	} {
		r.expect(Forward, ddb.Query, body)
	}
	r.expect(Forward, ddb.Scan, `{"TableName":"books","Segment":3,"TotalSegments":2}`) // #173
	r.expect(Forward, ddb.Scan, `{"TableName":"books","ScanFilter":{}}`)
}
