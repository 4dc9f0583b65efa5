package ddb

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestItemJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		it := genItem(4).Draw(t, "item")
		text := AppendItemJSON(nil, it)
		if !json.Valid(text) {
			t.Fatalf("AppendItemJSON(%v) = %s, which is no JSON", it, text)
		}
		back, err := ParseItemJSON(text)
		if err != nil || !EqualItems(back, it) {
			t.Fatalf("ParseItemJSON(%s) = %v, %v, want %v", text, back, err, it)
		}
		if again := AppendItemJSON(nil, back); !bytes.Equal(again, text) {
			t.Fatalf("printed again %s is %s", text, again)
		}
	})
}

func TestItemJSONIsCanonical(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		it, err := ParseItemJSON([]byte(in))
		if err != nil {
			t.Fatalf("ParseItemJSON(%s): %v", in, err)
		}
		if got := string(AppendItemJSON(nil, it)); got != want {
			t.Errorf("%s prints as %s, want %s", in, got, want)
		}
	}
	// Attributes are sorted at every level, white space goes.
	f(" { \"b\" : {\"S\":\"x\"} ,\n\"a\":{\"M\":{\"d\":{\"BOOL\":true},\"c\":{\"NULL\":true}}}}\t", `{"a":{"M":{"c":{"NULL":true},"d":{"BOOL":true}}},"b":{"S":"x"}}`)
	// #66, #67, #68: numbers are normalised, and sets sorted, NS by value.
	f(`{"a":{"N":"1e3"},"n":{"NS":["10","9","-1.50"]},"s":{"SS":["b","a"]},"x":{"BS":["/w==","AA=="]}}`,
		`{"a":{"N":"1000"},"n":{"NS":["-1.5","9","10"]},"s":{"SS":["a","b"]},"x":{"BS":["AA==","/w=="]}}`)
	// #57: empty strings, binaries, lists and maps are values; lists keep their order.
	f(`{"a":{"S":""},"b":{"B":""},"c":{"L":[]},"d":{"M":{}},"e":{"L":[{"S":"2"},{"S":"1"}]}}`,
		`{"a":{"S":""},"b":{"B":""},"c":{"L":[]},"d":{"M":{}},"e":{"L":[{"S":"2"},{"S":"1"}]}}`)
	// #58: any character in names and strings; escapes are undone where they need not be.
	f(`{"a\u0022.\u0000\n":{"S":"\u0041\/\u00e9\ud83d\ude00\b\f\u007f"}}`, "{\"a\\\".\\u0000\\n\":{\"S\":\"A/é😀\\u0008\\u000c\x7f\"}}")
	// Of attributes given twice the last counts, and a null is as if the data type was not there.
	f(`{"a":{"S":"1"},"b":{"S":"2"},"a":{"S":"3"}}`, `{"a":{"S":"3"},"b":{"S":"2"}}`)
	f(`{"a":{"S":"1","S":"2","N":null}}`, `{"a":{"S":"2"}}`)
	f(`{"a":{"S":"1","N":"2","S":null}}`, `{"a":{"N":"2"}}`)
	f(`{"a":{"N":"x","N":"1"}}`, `{"a":{"N":"1"}}`)
}

func TestParseItemJSONRefuses(t *testing.T) {
	t.Parallel()
	f := func(in, code, message string) {
		t.Helper()
		it, err := ParseItemJSON([]byte(in))
		if err == nil {
			t.Errorf("ParseItemJSON(%s) = %v, want %s", in, it, code)
		} else if err.Code != code || err.Message != message {
			t.Errorf("ParseItemJSON(%s): %v, want %s: %s", in, err, code, message)
		}
	}
	f(``, "SerializationException", "")
	f(`[]`, "SerializationException", "")
	f(`{}{}`, "SerializationException", "")
	f(`{"a":{"S":1}}`, "SerializationException", "NUMBER_VALUE cannot be converted to String")
	f(`{"a":{}}`, "ValidationException", emptyValueText)
	f(`{"a":{"N":"x"}}`, "ValidationException", "The parameter cannot be converted to a numeric value: x")
}

func TestAppendJSONStringIsWhatOthersRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(genText, genBytes).Draw(t, "s")
		text := AppendJSONString(nil, s)
		var back string
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("AppendJSONString(%q) = %s: %v", s, text, err)
		}
		if utf8.ValidString(s) && back != s {
			t.Fatalf("AppendJSONString(%q) = %s", s, text)
		}
	})
}

func TestDigestTellsItemsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genItem(2).Draw(t, "a"), genItem(2).Draw(t, "b")
		if got, want := a.Digest() == b.Digest(), EqualItems(a, b); got != want {
			t.Fatalf("digests of %v and %v are equal: %v, want %v", a, b, got, want)
		}
		again, err := ParseItemJSON(AppendItemJSON(nil, a))
		if err != nil || again.Digest() != a.Digest() {
			t.Fatalf("the digest of %v changes with a round trip, %v", a, err)
		}
		if DigestJSON(AppendItemJSON(nil, a)) != a.Digest() {
			t.Fatalf("DigestJSON differs for %v", a)
		}
	})
}

func FuzzItemJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":{"S":"x"},"a":{"N":"1"}}`, `{"a":{"M":{"b":{"L":[{"NS":["1","1.0"]},{"B":"AA=="}]}}}}`,
		`{"\ud83d\ude00":{"SS":["\u0000","b"]}}`, `{"a":{"NULL":true,"BOOL":false}}`, `[[[[`, "{\"a\":{\"S\":\"\xff\"}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		it, err := ParseItemJSON(text)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("ParseItemJSON accepts %q, which is no JSON", text)
		}
		printed := AppendItemJSON(nil, it)
		back, err := ParseItemJSON(printed)
		if err != nil || !EqualItems(back, it) {
			t.Fatalf("%q prints as %s, which parses to %v, %v", text, printed, back, err)
		}
	})
}
