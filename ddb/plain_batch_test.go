package ddb

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// batchNotes takes down what ReadPlainBatch tells. The key of every table is k and s, of table "one" k alone.
type batchNotes struct {
	tables []string
	keys   map[string][]Item
	items  map[string][]PlainItem
}

// Table is part of PlainBatchReader.
func (n *batchNotes) Table(name []byte) (hash, sort string, ok bool) {
	table := string(name)
	if n.items[table] != nil {
		return "", "", false
	}
	n.tables = append(n.tables, table)
	n.items[table] = []PlainItem{}
	if table == "one" {
		return "k", "", true
	}
	return "k", "s", true
}

// Item is part of PlainBatchReader. The key is copied, byte for byte.
func (n *batchNotes) Item(key Item, it PlainItem) bool {
	table := n.tables[len(n.tables)-1]
	names := KeySchema{{"k", "HASH"}, {"s", "RANGE"}}
	if table == "one" {
		names = names[:1]
	}
	var own Item
	for _, k := range names {
		v, ok := key.Get(k.AttributeName)
		if !ok || !v.Kind().IsKey() {
			return false
		}
		own = append(own, Attribute{k.AttributeName, v})
	}
	it2, ok := ParseWholeItem(AppendItemJSON(nil, own))
	n.keys[table], n.items[table] = append(n.keys[table], it2), append(n.items[table], it)
	return ok
}

// checkPlainBatch holds what is read of body without decoding it against the decoder, and tells whether it was taken.
func checkPlainBatch(t interface {
	Helper()
	Fatalf(string, ...any)
}, body []byte) bool {
	t.Helper()
	var out, after BatchGetItemOutput
	partial, err := decodeOutput(body, &out)
	n := &batchNotes{keys: map[string][]Item{}, items: map[string][]PlainItem{}}
	mine := bytes.Clone(body)
	left, ok := ReadPlainBatch(mine, n)
	partialAfter, errAfter := decodeOutput(mine, &after)
	if partial != partialAfter || (err == nil) != (errAfter == nil) || err == nil && !reflect.DeepEqual(out, after) {
		t.Fatalf("%q, once it was read, is %q and decodes to %v, %v, %v; want %v, %v, %v", body, mine, after, partialAfter, errAfter, out, partial, err)
	}
	if !ok {
		return false
	}
	if err != nil || partial {
		t.Fatalf("%q was read, but is decoded with %v, partial %v", body, err, partial)
	}
	if len(left) != len(out.UnprocessedKeys) || len(left) > 0 && !reflect.DeepEqual(left, out.UnprocessedKeys) {
		t.Fatalf("%q: left unprocessed %v, want %v", body, left, out.UnprocessedKeys)
	}
	if len(n.items) != len(out.Responses) {
		t.Fatalf("%q: tables %v, want those of %v", body, n.tables, out.Responses)
	}
	for table, want := range out.Responses {
		got := n.items[table]
		if len(got) != len(want) {
			t.Fatalf("%q: %d items of %q, want %d", body, len(got), table, len(want))
		}
		for i, it := range want {
			if string(got[i].Image) != string(AppendItemJSON(nil, it)) || got[i].Size != it.Size() {
				t.Fatalf("%q: item %d of %q is %q of size %d, want %q of size %d", body, i, table, got[i].Image, got[i].Size, AppendItemJSON(nil, it), it.Size())
			}
			for _, a := range n.keys[table][i] {
				if v, ok := it.Get(a.Name); !ok || !reflect.DeepEqual(v, a.Value) {
					t.Fatalf("%q: item %d of %q has the key %v, want that of %v", body, i, table, n.keys[table][i], it)
				}
			}
		}
	}
	return true
}

// plainBatchAnswers are answers, and whether each can be looked over.
var plainBatchAnswers = []struct {
	body  string
	taken bool
}{
	{`{"Responses":{},"UnprocessedKeys":{}}`, true},
	{`{"UnprocessedKeys":{},"Responses":{"one":[]}}`, true},
	{`{"Responses":{"one":[{"k":{"S":"x"}},{"a":{"N":"1"},"k":{"S":"y"}}]},"UnprocessedKeys":{}}`, true},
	{`{"Responses":{"two":[{"k":{"N":"-1.5"},"s":{"B":"AP8="}}],"one":[{"k":{"B":""}}]},"UnprocessedKeys":{}}`, true},
	{`{"Responses":{"two":[{"z":{"BOOL":true},"s":{"S":"b"},"k":{"S":"a"}},{"k":{"S":"c"},"s":{"S":""}}]},"UnprocessedKeys":{}}`, true},
	// Items that are decoded by themselves.
	{`{"Responses":{"one":[{"k":{"S":"\/"}},{"b":{"BS":["AQ==","AA=="]},"k":{"S":"x"}},{"k":{"N":"01.0"}},{"k":{"S":"a\nb"}}]},"UnprocessedKeys":{}}`, true},
	{`{"Responses":{"one":[{"k":{"S":"\ud83d\ude00"}},{ "k" : {"S":"x"} }]},"UnprocessedKeys":{}}`, true},
	{`{"Responses":{"one":[{"k":{"S":"x"},"m":{"M":{"b":{"S":"1"},"a":{"S":"2"}}}}]},"UnprocessedKeys":{}}`, true},
	{`{"Responses":{"one":[]},"UnprocessedKeys":{"one":{"Keys":[{"k":{"S":"x"}}],"ConsistentRead":true}}}`, true},
	{`{"Responses":{"one":[]},"UnprocessedKeys":{"one":{"Keys":[{"k":{"S":"x"}}],"Other":1}}}`, false},
	{`{"Responses":{"one":[]},"UnprocessedKeys":{"one":{},"one":{}}}`, false},
	{`{"Responses":{"one":[]},"UnprocessedKeys":null}`, false},
	{`{"Responses":{"one":[]}}`, false},
	{`{"UnprocessedKeys":{}}`, false},
	{`{}`, false},
	{`{"Responses":{"one":[],"one":[]},"UnprocessedKeys":{}}`, false},
	{`{"Responses":{"\u006fne":[]},"UnprocessedKeys":{}}`, false},
	{`{"Responses":{"one":[]},"Responses":{"two":[]},"UnprocessedKeys":{}}`, false},
	{`{"Responses":{"one":[null]},"UnprocessedKeys":{}}`, false},
	{`{"Responses":{"one":[{"k":{"S":"x"},"k":{"S":"x"}}]},"UnprocessedKeys":{}}`, false},
	{`{"Responses":{"one":[{"k":{"S":"x"},"b":{"Q":"y"}}]},"UnprocessedKeys":{}}`, false},
	{`{"Responses":{"one":[{"k":{"BOOL":true}}]},"UnprocessedKeys":{}}`, false},
	{`{"Responses":{"two":[{"k":{"S":"x"}}]},"UnprocessedKeys":{}}`, false},
	{`{"Responses":{"one":[{"k":{"S":"x"}},]},"UnprocessedKeys":{}}`, false},
	{`{"Responses":{"one":[{"k":{"S":"x"}}{"k":{"S":"y"}}]},"UnprocessedKeys":{}}`, false},
	{`{"Responses":{"one":[{"k":{"S":"x"}}]},"UnprocessedKeys":{},"ConsumedCapacity":[]}`, false},
	{`{"Responses":{"one":[{"k":{"S":"x"}}]},"UnprocessedKeys":{}}}`, false},
	{`{"Responses":{"one":[{"k":{"S":"x"}}]},"UnprocessedKeys":{},}`, false},
	{`{"Responses":{"one":{"k":{"S":"x"}}},"UnprocessedKeys":{}}`, false},
}

func TestPlainBatchesAreReadAsTheDecoderReadsThem(t *testing.T) {
	t.Parallel()
	for _, c := range plainBatchAnswers {
		if taken := checkPlainBatch(t, []byte(c.body)); taken != c.taken {
			t.Errorf("%s: taken %v, want %v", c.body, taken, c.taken)
		}
	}
	var wide strings.Builder
	for i := range 2 * maxPlainAttributes {
		fmt.Fprintf(&wide, `"a%03d":{"NULL":true},`, 2*maxPlainAttributes-i)
	}
	if body := `{"Responses":{"one":[{` + wide.String() + `"k":{"S":"x"}},{"k":{"S":"y"}}]},"UnprocessedKeys":{}}`; !checkPlainBatch(t, []byte(body)) {
		t.Error("an item of many attributes is not decoded by itself")
	}
}

// Answers of random items in any order of attributes are all taken; with a byte changed they are mostly something else, and
// whatever it is, both read the same.
func TestPlainBatchesOfRandomItems(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
		body := []byte(`{"Responses":{"two":[`)
		for i := range rapid.IntRange(0, 4).Draw(t, "items") {
			it := genItem(2).Draw(t, "item").With("k", StringValue(fmt.Sprint(i))).With("s", genKeyValue.Draw(t, "s"))
			r.Shuffle(len(it), func(i, j int) { it[i], it[j] = it[j], it[i] })
			if i > 0 {
				body = append(body, ',')
			}
			body = AppendItemJSON(body, it)
		}
		body = append(body, `]},"UnprocessedKeys":{}}`...)
		if !checkPlainBatch(t, body) {
			t.Fatalf("%s is no plain batch", body)
		}
		body[rapid.IntRange(0, len(body)-1).Draw(t, "place")] = rapid.SampledFrom([]byte(`{}[]",:\u0x1 aSNBL=ks`+"\x80\x00")).Draw(t, "byte")
		checkPlainBatch(t, body)
	})
}

func FuzzPlainBatch(f *testing.F) {
	for _, c := range plainBatchAnswers {
		f.Add([]byte(c.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { checkPlainBatch(t, body) })
}
