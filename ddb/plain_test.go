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

// checkPlain holds what is read of body without decoding it against the decoder, and tells what was taken.
func checkPlain(t interface {
	Helper()
	Fatalf(string, ...any)
}, body []byte) (item, page bool) {
	t.Helper()
	if it, ok := ReadPlainItem(body, nil); ok {
		item = true
		var out GetItemOutput
		if _, err := decodeOutput(body, &out); err != nil {
			t.Fatalf("%q was read, but cannot be decoded: %v", body, err)
		}
		if (it.Image == nil) != (out.Item == nil) || it.Image != nil && (string(it.Image) != string(AppendItemJSON(nil, out.Item)) || it.Size != out.Item.Size()) {
			t.Fatalf("%q: read as %q of size %d, want %q of size %d", body, it.Image, it.Size, AppendItemJSON(nil, out.Item), out.Item.Size())
		}
	}
	if p, ok := ReadPlainPage(bytes.Clone(body)); ok {
		page = true
		var want, got QueryOutput
		if _, err := decodeOutput(body, &want); err != nil {
			t.Fatalf("%q was read, but cannot be decoded: %v", body, err)
		}
		if _, err := decodeOutput(p.Body, &got); err != nil {
			t.Fatalf("%q without its cost is %q, which cannot be decoded: %v", body, p.Body, err)
		}
		if !reflect.DeepEqual(p.LastEvaluatedKey, want.LastEvaluatedKey) || !reflect.DeepEqual(p.ConsumedCapacity, want.ConsumedCapacity) {
			t.Fatalf("%q: last key %v, cost %v; want %v, %v", body, p.LastEvaluatedKey, p.ConsumedCapacity, want.LastEvaluatedKey, want.ConsumedCapacity)
		}
		size := 0
		for _, item := range want.Items {
			size += item.Size()
		}
		if p.Size != size {
			t.Fatalf("%q: items of size %d, want %d", body, p.Size, size)
		}
		want.ConsumedCapacity = nil
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: without its cost %v, want %v", body, got, want)
		}
		if !bytes.Contains(body, []byte("ConsumedCapacity")) && !bytes.Equal(p.Body, body) {
			t.Fatalf("%q became %q", body, p.Body)
		}
	}
	return item, page
}

// plainAnswers are answers, and whether each is a plain item and a plain page.
var plainAnswers = []struct {
	body       string
	item, page bool
}{
	{`{}`, true, false},
	{`{"Item":{}}`, true, false},
	{`{"Item":{"a":{"S":"x"},"b":{"N":"-1.5"},"c":{"B":"AAE="},"d":{"BOOL":false},"e":{"NULL":true}}}`, true, false},
	{`{"Item":{"b":{"S":"x"},"a":{"S":"y"}}}`, true, false},
	{`{"Item":{"a":{"M":{"x":{"L":[{"S":""},{"L":[]}]}}},"b":{"SS":["a","b"]},"c":{"NS":["-1","2","10"]}}}`, true, false},
	{`{"Item":{"a":{"S":"\"\\\n\u0001é"}}}`, true, false},
	{`{"Item":{"a":{"S":"\/"}}}`, false, false},
	{`{"Item":{"a":{"S":"\u00e9"}}}`, false, false},
	{`{"Item":{"\"":{"S":"x"}}}`, false, false},
	{`{"Item":{"a":{"N":"1.0"}}}`, false, false},
	{`{"Item":{"a":{"NS":["2","1"]}}}`, false, false},
	{`{"Item":{"a":{"SS":["b","a"]}}}`, false, false},
	{`{"Item":{"a":{"SS":[]}}}`, false, false},
	{`{"Item":{"a":{"M":{"b":{"S":"x"},"a":{"S":"y"}}}}}`, false, false},
	{`{"Item":{"a":{"S":"x"},"a":{"S":"y"}}}`, false, false},
	{`{"Item":{"a":{"B":"AAF="}}}`, false, false},
	{`{"Item":{"a":{"B":"AA=A"}}}`, false, false},
	{`{"Item":{"a":{"NULL":false}}}`, false, false},
	{`{"Item":{"a":{"S":"x"}},"ConsumedCapacity":{"TableName":"t","CapacityUnits":1}}`, false, false},
	{`{"Item": {"a":{"S":"x"}}}`, false, false},
	{`{"Count":0,"Items":[],"ScannedCount":0}`, false, true},
	{`{"Count":0,"ScannedCount":7}`, false, true},
	{`{"ConsumedCapacity":{"TableName":"t","CapacityUnits":0.5,"Table":{"CapacityUnits":0.5}},"Count":1,"Items":[{"b":{"N":"01.50"},"a":{"S":"\/"}}],"ScannedCount":1}`, false, true},
	{`{"Count":1,"Items":[{"a":{"S":"x"}}],"LastEvaluatedKey":{"a":{"S":"x"}},"ScannedCount":1,"ConsumedCapacity":{"TableName":"t","CapacityUnits":1}}`, false, true},
	{`{"Count":1,"ConsumedCapacity":{"TableName":"t","CapacityUnits":1},"Items":[{"a":{"S":"x"}}],"ScannedCount":1}`, false, true},
	{`{"Count":1,"Count":1,"Items":[],"ScannedCount":1}`, false, false},
	{`{"Count":01,"Items":[],"ScannedCount":1}`, false, false},
	{`{"Count":1,"Items":[null],"ScannedCount":1}`, false, false},
	{`{"Count":1,"Items":[{"a":{"Q":"x"}}],"ScannedCount":1}`, false, false},
	{`{"Count":1,"Items":[{"a":{"N":"x"}}],"ScannedCount":1}`, false, false},
	{`{"Count":1,"Items":[{"a":{"S":"\ud83d\ude00"}}],"ScannedCount":1}`, false, false},
	{`{"Count":1,"Items":[],"ScannedCount":1,"Other":1}`, false, false},
	{`{"Count":1,"Items":[],"ScannedCount":1,"ConsumedCapacity":{"CapacityUnits":"x"}}`, false, false},
	{`{"Count":1,"Items":[],"ScannedCount":1} `, false, false},
	{`{"Items":[],"ScannedCount":1}`, false, false},
}

func TestPlainAnswersAreReadAsTheDecoderReadsThem(t *testing.T) {
	t.Parallel()
	for _, c := range plainAnswers {
		if item, page := checkPlain(t, []byte(c.body)); item != c.item || page != c.page {
			t.Errorf("%s: a plain item %v, a plain page %v; want %v, %v", c.body, item, page, c.item, c.page)
		}
	}
	deep := strings.Repeat(`{"L":[`, MaxNestingLevels) + strings.Repeat(`]}`, MaxNestingLevels)
	if item, _ := checkPlain(t, []byte(`{"Item":{"a":`+deep+`}}`)); item {
		t.Error("an item with too many levels is plain")
	}
}

// Items as DynamoDB may write them, in any order of attributes, are nearly all taken, and pages of them whatever they hold.
func TestPlainAnswersOfRandomItems(t *testing.T) {
	taken, drawn := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		it := genItem(3).Draw(t, "item")
		shuffled := append(Item{}, it...)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		body := append(AppendItemJSON([]byte(`{"Item":`), shuffled), '}')
		drawn++
		if item, _ := checkPlain(t, body); item {
			taken++
		}
		page := AppendShape(nil, &QueryOutput{Items: []Item{it, shuffled}, Count: 2, ScannedCount: 3, LastEvaluatedKey: it, ConsumedCapacity: &ConsumedCapacity{TableName: "t"}})
		if _, ok := checkPlain(t, page); !ok {
			t.Fatalf("%s is no plain page", page)
		}
		// One byte changed is mostly something else, and whatever it is, both read the same.
		for _, b := range [][]byte{body, page} {
			b = bytes.Clone(b)
			b[rapid.IntRange(0, len(b)-1).Draw(t, "place")] = rapid.SampledFrom([]byte(`{}[]",:\u0x1 aSNBL=`+"\x80\x00")).Draw(t, "byte")
			checkPlain(t, b)
		}
	})
	if taken < drawn/4 {
		t.Errorf("%d of %d items were plain, want most of those without odd names and sets of binaries", taken, drawn)
	}
}

func TestReadingPlainAnswersAllocatesNothing(t *testing.T) {
	item := []byte(`{"Item":{"pk":{"S":"user#00000017"},"b":{"B":"AP8="},"n":{"N":"17.5"},"s":{"SS":["a","b"]},"v":{"S":"` + strings.Repeat("v", 400) + `"}}}`)
	key := Item{{"b", BinaryValue("\x00\xff")}, {"n", CanonicalNumber("17.5")}, {"pk", StringValue("user#00000017")}}
	page := []byte(`{"Count":1,"Items":[` + string(item[len(`{"Item":`):len(item)-1]) + `],"ScannedCount":1}`)
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := ReadPlainPage(page); !ok {
			t.Error("the page is not plain")
		}
	}); n != 0 {
		t.Errorf("reading a page makes %v allocations, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := ReadPlainItem(item, key); !ok {
			t.Error("the item is not plain")
		}
	}); n != 1 {
		t.Errorf("reading an item whose attributes are out of order makes %v allocations, want 1", n)
	}
}

// TestPlainItemsOfAKey: an item that does not plainly have all of the key is left to the decoder.
func TestPlainItemsOfAKey(t *testing.T) {
	key := Item{{"b", CanonicalNumber("-5")}, {"h", StringValue("xy")}}
	var wide strings.Builder
	for i := range 2 * maxPlainAttributes {
		fmt.Fprintf(&wide, `"a%03d":{"NULL":true},`, i)
	}
	f := func(key Item, body string, want bool) {
		t.Helper()
		if it, ok := ReadPlainItem([]byte(body), key); ok != want {
			t.Errorf("%s: %q, %v", body, it.Image, ok)
		}
	}
	f(key, `{}`, true)
	f(key, `{"Item":{"b":{"N":"-5"},"h":{"S":"xy"}}}`, true)
	f(key, `{"Item":{"h":{"S":"xy"},"b":{"N":"-5"}}}`, true)
	f(key, `{"Item":{"a":{"S":"xy"},"b":{"N":"-5"},"h":{"S":"xy"}}}`, true)
	f(key, `{"Item":{`+wide.String()+`"b":{"N":"-5"},"h":{"S":"xy"}}}`, true)
	f(key, `{"Item":{"b":{"N":"-5"},"h":{"S":"x"}}}`, false)
	f(key, `{"Item":{"b":{"N":"5"},"h":{"S":"xy"}}}`, false)
	f(key, `{"Item":{"b":{"S":"-5"},"h":{"S":"xy"}}}`, false)
	f(key, `{"Item":{"b":{"NULL":true},"h":{"S":"xy"}}}`, false)
	f(key, `{"Item":{"b":{"L":[]},"h":{"S":"xy"}}}`, false)
	f(key, `{"Item":{"b":{"N":"-5"}}}`, false)
	f(key, `{"Item":{"h":{"S":"xy"}}}`, false)
	f(key, `{"Item":{"b":{"N":"-5"},"m":{"M":{"h":{"S":"xy"}}}}}`, false)
	f(key, `{"Item":{}}`, false)
	f(Item{{"h", StringValue(`\"`)}}, `{"Item":{"h":{"S":"\""}}}`, false) // is "
	f(Item{{"h", BinaryValue("\x00\xff")}}, `{"Item":{"h":{"B":"AP8="}}}`, true)
	f(Item{{"h", BinaryValue("\x00\xfe")}}, `{"Item":{"h":{"B":"AP8="}}}`, false)
	f(Item{{"h", StringValue("AP8=")}}, `{"Item":{"h":{"B":"AP8="}}}`, false)
}

func FuzzPlainAnswers(f *testing.F) {
	for _, c := range plainAnswers {
		f.Add([]byte(c.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { checkPlain(t, body) })
}
