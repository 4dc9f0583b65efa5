package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"millrace/backend/engine"
	"millrace/ddb"
)

// respelled is the answer to a GetItem or BatchGetItem as another service might write it: items and attributes in another
// order, and now and then with white space or an escape.
func respelled(rng *rand.Rand, body []byte) []byte {
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil {
		return body
	}
	object := func(members map[string]json.RawMessage) []byte {
		var parts [][]byte
		for name, value := range members {
			parts = append(parts, append(append([]byte(quote(name)), ':'), value...))
		}
		rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		return append(append([]byte{'{'}, bytes.Join(parts, []byte{','})...), '}')
	}
	item := func(raw json.RawMessage) json.RawMessage {
		var attributes map[string]json.RawMessage
		if json.Unmarshal(raw, &attributes) != nil {
			return raw
		}
		raw = object(attributes)
		switch rng.IntN(12) {
		case 0:
			raw = bytes.Replace(raw, []byte(`:{"S":"`), []byte(` : {"S":"`), 1)
		case 1:
			raw = bytes.Replace(raw, []byte("n"), []byte(`\u006e`), 1)
		}
		return raw
	}
	if one, ok := answer["Item"]; ok {
		answer["Item"] = item(one)
	}
	if responses, ok := answer["Responses"]; ok {
		var tables map[string][]json.RawMessage
		if json.Unmarshal(responses, &tables) != nil {
			return body
		}
		lists := map[string]json.RawMessage{}
		for table, items := range tables {
			for i := range items {
				items[i] = item(items[i])
			}
			rng.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
			lists[table] = append(append([]byte{'['}, bytes.Join(asBytes(items), []byte{','})...), ']')
		}
		answer["Responses"] = object(lists)
	}
	return object(answer)
}

// asBytes is raw as slices of bytes.
func asBytes(raw []json.RawMessage) (out [][]byte) {
	for _, r := range raw {
		out = append(out, r)
	}
	return out
}

// bytesRig is a rig whose backend answers in bytes, which spell makes something else of.
func bytesRig(t *testing.T, spell func(op ddb.Operation, body []byte) []byte) (*rig, *remoteLike) {
	t.Helper()
	backend := &remoteLike{spell: spell}
	r := newRig(t, rigOptions{remote: true, lend: true, wrap: func(e *engine.Engine) backendLike {
		backend.Engine = e
		return backend
	}})
	r.must(ddb.CreateTable, bookTable)
	r.must(ddb.CreateTable, hashTable)
	return r, backend
}

// A batch that missed is answered as if it had been decoded, however upstream orders and spells it: whole or in part, of one
// table or two, by name or ARN, with large items and small ones, with what it cost or without.
func TestMissedBatchesEqualTheEngines(t *testing.T) {
	t.Parallel()
	rng := newRand(t)
	r, _ := bytesRig(t, func(op ddb.Operation, body []byte) []byte {
		if op == ddb.BatchGetItem {
			return respelled(rng, body)
		}
		return body
	})
	large := strings.Repeat("large", spliceFrom/4)
	keys := []string{bookKey("ann", "none")}
	for i := range 12 {
		title := fmt.Sprintf("%02d", i)
		r.putBook("ann", title, "x", 2000+i, [...]string{"n", large, "\"q\"\n"}[i%3])
		keys = append(keys, bookKey("ann", title))
	}
	for i := range 3 {
		r.must(ddb.PutItem, fmt.Sprintf(`{"TableName":"counters","Item":{"id":{"N":"%d"},"b":{"BS":["AQ==","AA=="]},"l":{"S":"%s"}}}`, i, large))
	}
	r.must(ddb.CreateTable, strings.Replace(hashTable, "counters", "tallies", 1))
	r.must(ddb.PutItem, `{"TableName":"tallies","Item":{"id":{"N":"7"},"of":{"S":"another table"}}}`)
	counters := `"counters":{"Keys":[{"id":{"N":"2"}},{"id":{"N":"7"}},{"id":{"N":"0"}}],"ConsistentRead":true}`
	books := `"books":{"Keys":[` + strings.Join(keys, ",") + `]`
	arn := `"arn:aws:dynamodb:us-east-1:123456789012:table/books":{"Keys":[` + strings.Join(keys, ",") + `]`
	for _, body := range []string{
		`{"RequestItems":{` + books + `}}}`,
		`{"RequestItems":{` + books + `,"ConsistentRead":false}}}`,
		`{"RequestItems":{` + books + `,"ConsistentRead":true}}}`,
		`{"RequestItems":{` + counters + `}}`,
		`{"RequestItems":{` + counters + `,"tallies":{"Keys":[{"id":{"N":"0"}},{"id":{"N":"7"}}]}}}`,
		`{"RequestItems":{` + books + `},` + counters + `}}`,
		`{"RequestItems":{` + arn + `},` + counters + `},"ReturnConsumedCapacity":"INDEXES"}`,
		`{"RequestItems":{` + books + `,"ProjectionExpression":"title,genre"},` + counters + `},"ReturnConsumedCapacity":"TOTAL"}`,
	} {
		for range 8 {
			r.forget()
			for range rng.IntN(4) {
				r.must(ddb.GetItem, `{"TableName":"books","Key":`+keys[rng.IntN(len(keys))]+`}`)
			}
			for range 2 {
				if a := r.same(ddb.BatchGetItem, body); a.result == Forward {
					t.Errorf("%s is forwarded", body)
				}
			}
			for _, key := range keys {
				r.same(ddb.GetItem, `{"TableName":"books","Key":`+key+`}`)
			}
		}
	}
}

// R9: keys that upstream left, for whatever reason and in whatever order of members it says so, are given as unprocessed, and are
// not taken for absent.
func TestKeysThatUpstreamLeftAreGivenAsUnprocessed(t *testing.T) {
	t.Parallel()
	r, backend := bytesRig(t, nil)
	one, two, three := bookKey("ann", "1"), bookKey("ann", "2"), bookKey("ann", "3")
	item := book("ann", "1", "x", 2000, "n")
	r.putBook("ann", "2", "x", 2000, "n")
	shown, left := `"Responses":{"books":[`+item+`]}`, `"UnprocessedKeys":{"books":{"ConsistentRead":true,"Keys":[`+two+`]}}`
	for _, answer := range []string{`{` + shown + `,` + left + `}`, `{` + left + `,` + shown + `}`} {
		for _, more := range []string{"", `,"ConsistentRead":false`, `,"ConsistentRead":true`} {
			r.forget()
			backend.canned = map[ddb.Operation]string{ddb.BatchGetItem: answer}
			got := r.must(ddb.BatchGetItem, getBooks(more, one, two, three))
			want := `{"Responses":{"books":[{"author":{"S":"ann"},"genre":{"S":"x"},"note":{"S":"n"},"title":{"S":"1"},"year":{"N":"2000"}}]},"UnprocessedKeys":{"books":{"Keys":[` + two + `]` + more + `}}}`
			if got.body != want {
				t.Errorf("answered %s\nwant %s", got.body, want)
			}
			backend.canned = nil
			if a := r.must(ddb.GetItem, `{"TableName":"books","Key":`+two+`}`); a.result != Miss || !strings.Contains(a.body, `"2"`) {
				t.Errorf("a key that was left is then answered with %v, %s", a.result, a.body)
			}
		}
	}
}

// What upstream should not answer to a batch is no answer about its keys: it is asked again in the client's words, and nothing is
// cached. What is only unusual is understood.
func TestUnusualAnswersToBatches(t *testing.T) {
	t.Parallel()
	r, backend := bytesRig(t, nil)
	one, two := bookKey("ann", "1"), bookKey("ann", "2")
	first, second := `{"author":{"S":"ann"},"n":{"N":"1"},"title":{"S":"1"}}`, `{"author":{"S":"ann"},"title":{"S":"2"}}`
	other := `{"author":{"S":"ann"},"title":{"S":"3"}}`
	both := `{"Responses":{"books":[` + first + `,` + second + `]},"UnprocessedKeys":{}}`
	f := func(answer, want string, result Result, cached bool) {
		t.Helper()
		r.forget()
		backend.canned = map[ddb.Operation]string{ddb.BatchGetItem: answer}
		if got := r.must(ddb.BatchGetItem, getBooks("", one, two)); got.body != want || got.result != result {
			t.Errorf("%s\nis answered with %s (%v)\nwant %s (%v)", answer, got.body, got.result, want, result)
		}
		backend.canned = map[ddb.Operation]string{ddb.GetItem: `{}`}
		got := r.must(ddb.GetItem, `{"TableName":"books","Key":`+one+`}`)
		if cached != (got.body == `{"Item":`+first+`}` && got.result == Hit) || !cached && got.result != Miss {
			t.Errorf("%s: then the item is %s (%v), want it cached: %v", answer, got.body, got.result, cached)
		}
	}
	f(both, both, Miss, true)
	f(`{"UnprocessedKeys":{},"Responses":{"books":[`+second+`,`+first+`]}}`, both, Miss, true)
	f(strings.ReplaceAll(both, `,"`, `, "`), both, Miss, true)
	f(strings.Replace(both, `"n":{"N":"1"}`, `"n":{"N":"1.0"}`, 1), both, Miss, true)
	f(strings.Replace(both, `"books"`, `"\u0062ooks"`, 1), both, Miss, true)
	f(strings.TrimSuffix(both, `}`)+`,"ConsumedCapacity":[{"CapacityUnits":1.0,"TableName":"books"}]}`, both, Miss, true)
	for _, strange := range []string{
		`{"Responses":{"books":[` + first + `,` + second + `,` + other + `]},"UnprocessedKeys":{}}`,
		`{"Responses":{"books":[` + first + `,` + second + `],"nope":[` + first + `]},"UnprocessedKeys":{}}`,
		`{"Responses":{"books":[` + first + `],"books":[` + second + `]},"UnprocessedKeys":{}}`,
		`{"Responses":{"books":[` + first + `,` + second + `]}}`,
		`{"Responses":{"books":[` + first + `,` + second + `]},"UnprocessedKeys":{},"Future":1}`,
		`{"Responses":{"books":[` + first + `,{"title":{"S":"2"}}]},"UnprocessedKeys":{}}`,
		`{"Responses":{"books":[` + first + `,` + second + `]},"UnprocessedKeys":{"nope":{"Keys":[` + one + `]}}}`,
	} {
		f(strange, strange, Forward, false)
	}
}

// What a batch was lent stays as it was, whatever is written, forgotten and read meanwhile.
func TestLentItemsStayAsTheyWere(t *testing.T) {
	t.Parallel()
	r, _ := bytesRig(t, nil)
	var keys []string
	for i := range 10 {
		r.putBook("ann", fmt.Sprint(i), "x", 2000, strings.Repeat("n", spliceFrom+i))
		keys = append(keys, bookKey("ann", fmt.Sprint(i)))
	}
	r.forget()
	r.must(ddb.GetItem, getBook("ann", "3", ""))
	reply := Reply{Lend: true}
	if err := r.proxy.Do(t.Context(), ddb.NewRequest(ddb.BatchGetItem, []byte(getBooks("", keys...))), Options{}, &reply); err != nil {
		t.Fatal(err)
	}
	want := r.bare(ddb.BatchGetItem, getBooks("", keys...)).body
	if len(reply.Splices) != len(keys) {
		t.Fatalf("%d items were lent, want %d", len(reply.Splices), len(keys))
	}
	for round := range 20 {
		for i := range keys {
			r.putBook("ann", fmt.Sprint(i), "y", round, strings.Repeat("m", spliceFrom+2*i))
		}
		r.must(ddb.BatchGetItem, getBooks("", keys...))
		r.forget()
	}
	if got := whole(&reply); got != want {
		t.Errorf("what was lent has become\n%.300s\nwant\n%.300s", got, want)
	}
}

// #185, as in TestBatchLimitCountsHitsAndMissesTogether: what upstream leaves of more than 16 MB, and what hits and misses are too
// much of together.
func TestMissedBatchesAreLimited(t *testing.T) {
	t.Parallel()
	r, _ := bytesRig(t, nil)
	keys := make([]string, 60)
	for i := range keys {
		keys[i] = bookKey("a", fmt.Sprintf("%03d", i))
		r.putBook("a", fmt.Sprintf("%03d", i), "g", 1, strings.Repeat("x", 300<<10))
	}
	for _, more := range []string{"", `,"ProjectionExpression":"title"`, `,"ConsistentRead":true`} {
		r.forget()
		if a := r.same(ddb.BatchGetItem, getBooks(more, keys...)); a.result != Miss || !strings.Contains(a.body, `"UnprocessedKeys":{"books"`) {
			t.Errorf("%v, %d bytes, want a miss that leaves some", a.result, len(a.body))
		}
		r.forget()
		for i := 0; i < len(keys); i += 2 {
			r.must(ddb.GetItem, getBook("a", fmt.Sprintf("%03d", i), ""))
		}
		r.same(ddb.BatchGetItem, getBooks(more, keys...))
	}
}
