package ddb

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// genKeyValue draws values that may be key attributes.
var genKeyValue = rapid.Custom(func(t *rapid.T) AttributeValue {
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		return StringValue(genText.Draw(t, "S"))
	case 1:
		return BinaryValue(genBytes.Draw(t, "B"))
	}
	return AttributeValue{kind: KindN, s: genNumber.Draw(t, "N")}
})

func TestKeyBytesOrderAsValuesDo(t *testing.T) {
	// #105
	rapid.Check(t, func(t *rapid.T) {
		a, b := genKeyValue.Draw(t, "a"), genKeyValue.Draw(t, "b")
		want, ok := Compare(a, b)
		if !ok {
			want = int(a.Kind()) - int(b.Kind())
		}
		if got := bytes.Compare(AppendKeyValue(nil, a), AppendKeyValue(nil, b)); got != sign(want) {
			t.Fatalf("keys of %v and %v compare as %d, want %d", a, b, got, sign(want))
		}
	})
}

func TestKeysOfSeveralAttributesOrderByTheFirstThatDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a1 := genKeyValue.Draw(t, "a1")
		same := genKeyValue.Filter(func(v AttributeValue) bool { return v.Kind() == a1.Kind() })
		b1 := same.Draw(t, "b1")
		a2, b2 := same.Draw(t, "a2"), same.Draw(t, "b2")
		want, _ := Compare(a1, b1)
		if want == 0 {
			want, _ = Compare(a2, b2)
		}
		got := bytes.Compare(AppendKeyValue(AppendKeyValue(nil, a1), a2), AppendKeyValue(AppendKeyValue(nil, b1), b2))
		if got != sign(want) {
			t.Fatalf("(%v, %v) and (%v, %v) compare as %d, want %d", a1, a2, b1, b2, got, sign(want))
		}
	})
}

func TestKeyPrefixIsThatOfValuesWhichBeginWithIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genBytes.Draw(t, "a"), genBytes.Draw(t, "b")
		if rapid.Bool().Draw(t, "begin alike") {
			b = a + b
		}
		want := len(b) >= len(a) && b[:len(a)] == a
		if got := bytes.HasPrefix(AppendKeyValue(nil, BinaryValue(b)), AppendKeyPrefix(nil, BinaryValue(a))); got != want {
			t.Fatalf("%q begins with %q: keys say %v, want %v", b, a, got, want)
		}
	})
}

func TestKeyValueDecodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genKeyValue.Draw(t, "a"), genKeyValue.Draw(t, "b")
		encoded := AppendKeyValue(AppendKeyValue(nil, a), b)
		got, rest, err := DecodeKeyValue(encoded)
		if err != nil || !Equal(got, a) || !bytes.Equal(rest, AppendKeyValue(nil, b)) {
			t.Fatalf("DecodeKeyValue(%x) = %v, %x, %v, want %v", encoded, got, rest, err, a)
		}
	})
}

func TestDecodeKeyValueRefusesWhatIsCutOff(t *testing.T) {
	t.Parallel()
	for _, v := range []AttributeValue{StringValue("a\x00b"), BinaryValue("\xFF"), {kind: KindN, s: "-123.45"}, {kind: KindN, s: "7"}} {
		encoded := AppendKeyValue(nil, v)
		for n := range encoded {
			if got, _, err := DecodeKeyValue(encoded[:n]); err == nil {
				t.Errorf("DecodeKeyValue(%x) = %v, want an error", encoded[:n], got)
			}
		}
	}
	for _, bad := range [][]byte{{byte(KindBOOL), 1}, {byte(KindS), 0, 2}, {byte(KindN), 9, 0, 0}, {byte(KindN), 3, 130, 0}, {byte(KindN), 3, 130, 201}} {
		if got, _, err := DecodeKeyValue(bad); err == nil {
			t.Errorf("DecodeKeyValue(%x) = %v, want an error", bad, got)
		}
	}
}

func TestAppendKeyTakesTheSchemasAttributes(t *testing.T) {
	t.Parallel()
	schema := KeySchema{{"pk", "HASH"}, {"sk", "RANGE"}}
	item := func(text string) Item {
		t.Helper()
		it, err := ParseItemJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return it
	}
	key := func(text string) string {
		t.Helper()
		k, ok := AppendKey([]byte("x"), schema, item(text))
		if !ok {
			t.Errorf("AppendKey(%s) reports no key", text)
		}
		return string(k)
	}
	// #67: equal numbers are one key.
	if key(`{"pk":{"N":"1000"},"sk":{"N":"1"}}`) != key(`{"pk":{"N":"1e3"},"sk":{"N":"1.0"},"other":{"S":"x"}}`) {
		t.Error("1000 and 1e3 are two keys")
	}
	// An S and a B of the same bytes are two.
	if key(`{"pk":{"S":"a"},"sk":{"N":"1"}}`) == key(`{"pk":{"B":"YQ=="},"sk":{"N":"1"}}`) {
		t.Error("S and B of the same bytes are one key")
	}
	// #77, #79: what has no key.
	for _, text := range []string{`{}`, `{"pk":{"S":"a"}}`, `{"sk":{"S":"a"}}`, `{"pk":{"S":"a"},"sk":{"BOOL":true}}`, `{"pk":{"NULL":true},"sk":{"S":"a"}}`} {
		if k, ok := AppendKey(nil, schema, item(text)); ok {
			t.Errorf("AppendKey(%s) = %x, want none", text, k)
		}
	}
}
