package ddb

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// decodeValue reads text as the value of an attribute of a PutItem.
func decodeValue(t testing.TB, text string) AttributeValue {
	t.Helper()
	var in PutItemInput
	if err := DecodeShape([]byte(`{"TableName":"t","Item":{"a":`+text+`}}`), &in); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	v, _ := in.Item.Get("a")
	return v
}

func TestIllegalValuesAreInvalidWithDynamoDBsMessage(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		// As deep as it may be, the whole value is invalid.
		for _, around := range []string{`%s`, `{"L":[{"S":"x"},%s,{"S":"y"}]}`, `{"M":{"a":{"S":"x"},"b":%s}}`, `{"L":[{"M":{"a":{"L":[%s]}}}]}`} {
			body := fmt.Sprintf(around, text)
			if v := decodeValue(t, body); v.Kind() != KindInvalid || v.InvalidMessage() != want {
				t.Errorf("%s is %v with %q, want an invalid value with %q", body, v.Kind(), v.InvalidMessage(), want)
			}
		}
	}
	// #53
	const empty = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
	const several = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
	f(`{}`, empty)
	f(`{"a":""}`, empty)
	f(`{"s":"x"}`, empty)
	f(`{"S":null}`, empty)
	f(`{"S":"x","S":null}`, empty)
	f(`{"S":"x","N":"1","N":null,"S":null}`, empty)
	f(`null`, empty)
	f(`{"S":"a","N":"1"}`, several)
	f(`{"S":"a","B":"AA==","BOOL":true}`, several)
	// A fault in one of several comes first.
	f(`{"S":"","N":""}`, "The parameter cannot be converted to a numeric value")
	f(`{"S":"a","N":"b"}`, "The parameter cannot be converted to a numeric value: b")
	// #54
	const prefix = "One or more parameter values were invalid: "
	f(`{"NULL":false}`, prefix+"Null attribute value types must have the value of true")
	f(`{"NULL":"no"}`, prefix+"Null attribute value types must have the value of true")
	// #55
	f(`{"SS":[]}`, prefix+"An string set  may not be empty")
	f(`{"NS":[]}`, prefix+"An number set  may not be empty")
	f(`{"BS":[]}`, prefix+"Binary sets should not be empty")
	f(`{"SS":["a",null]}`, prefix+"An string set may not have a null string as a member")
	// #56
	f(`{"SS":["a","a"]}`, prefix+"Input collection [a, a] contains duplicates.")
	f(`{"SS":["b","a","b"]}`, prefix+"Input collection [b, a, b] contains duplicates.")
	f(`{"BS":["Yg==","Yg=="]}`, prefix+"Input collection [Yg==, Yg==]of type BS contains duplicates.")
	f(`{"NS":["1","1"]}`, "Input collection contains duplicates")
	f(`{"NS":["10","2","1e1"]}`, "Input collection contains duplicates")
	// #62–#64
	f(`{"N":"dog"}`, "The parameter cannot be converted to a numeric value: dog")
	f(`{"NS":["1",""]}`, "The parameter cannot be converted to a numeric value")
	f(`{"NS":["1","b"]}`, "The parameter cannot be converted to a numeric value: b")
	f(`{"N":"1e126"}`, overflowText)
	f(`{"N":"-1e-131"}`, underflowText)
	f(`{"NS":["`+strings.Repeat("1", 39)+`"]}`, tooPreciseText)
}

func TestNullIsTrueInAnySpelling(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"NULL":true}`, `{"NULL":"true"}`, `{"NULL":"yes"}`} {
		if v := decodeValue(t, text); v.Kind() != KindNULL {
			t.Errorf("%s is %v", text, v.Kind())
		}
	}
}

func TestNestingIsLimitedTo32Levels(t *testing.T) {
	t.Parallel()
	nested := func(open, end string, n int) string {
		return strings.Repeat(open, n) + `{"S":"leaf"}` + strings.Repeat(end, n)
	}
	// #28: the item is the first level.
	for _, brackets := range [][2]string{{`{"M":{"a":`, `}}`}, {`{"L":[`, `]}`}} {
		if v := decodeValue(t, nested(brackets[0], brackets[1], 31)); v.Kind() == KindInvalid {
			t.Errorf("31 containers in an item: %s", v.InvalidMessage())
		} else if v.Levels() != MaxNestingLevels-1 {
			t.Errorf("Levels = %d, want %d", v.Levels(), MaxNestingLevels-1)
		}
		for _, n := range []int{32, 33, 100, 3000} {
			if v := decodeValue(t, nested(brackets[0], brackets[1], n)); v.Kind() != KindInvalid || v.InvalidMessage() != NestingText {
				t.Errorf("%d containers in an item: %v %q", n, v.Kind(), v.InvalidMessage())
			}
		}
	}
}

func TestNamesInsideMapsAreChecked(t *testing.T) {
	t.Parallel()
	// #60
	if v := decodeValue(t, `{"M":{"":{"S":"x"}}}`); v.InvalidMessage() != "Empty attribute name" {
		t.Errorf("an empty name: %v %q", v.Kind(), v.InvalidMessage())
	}
	if v := decodeValue(t, `{"M":{"`+strings.Repeat("a", 65535)+`":{"S":"x"}}}`); v.Kind() != KindM {
		t.Errorf("a name of 65535 bytes: %q", v.InvalidMessage())
	}
	if v := decodeValue(t, `{"M":{"`+strings.Repeat("a", 65536)+`":{"S":"x"}}}`); !strings.Contains(v.InvalidMessage(), "65536") {
		t.Errorf("a name of 65536 bytes: %v %q", v.Kind(), v.InvalidMessage())
	}
}

func TestInvalidValuesStayBesideValidOnes(t *testing.T) {
	t.Parallel()
	var in UpdateItemInput
	body := `{"TableName":"t","Key":{"a":{"S":"x"},"b":{"N":"y"}},"ExpressionAttributeValues":{":v":{},":w":{"S":"z"}},
		"AttributeUpdates":{"c":{"Value":{"SS":[]}}},"Expected":{"d":{"AttributeValueList":[{"N":"1"},null]}}}`
	if err := DecodeShape([]byte(body), &in); err != nil {
		t.Fatal(err)
	}
	kinds := []Kind{
		in.Key[0].Value.Kind(), in.Key[1].Value.Kind(), in.ExpressionAttributeValues[":v"].Kind(), in.ExpressionAttributeValues[":w"].Kind(),
		in.AttributeUpdates["c"].Value.Kind(), in.Expected["d"].AttributeValueList[0].Kind(), in.Expected["d"].AttributeValueList[1].Kind(),
	}
	want := []Kind{KindS, KindInvalid, KindInvalid, KindS, KindInvalid, KindN, KindInvalid}
	if fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("kinds are %v, want %v", kinds, want)
	}
}

func TestSetValue(t *testing.T) {
	t.Parallel()
	f := func(kind Kind, members []string, want string) {
		t.Helper()
		before := fmt.Sprint(members)
		v, err := SetValue(kind, members)
		got := string(AppendValueJSON(nil, v))
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("SetValue(%v, %q) = %s, want %s", kind, members, got, want)
		}
		if fmt.Sprint(members) != before {
			t.Errorf("SetValue(%v) changes its members to %q", kind, members)
		}
	}
	f(KindSS, []string{"b", "", "a"}, `{"SS":["","a","b"]}`)
	f(KindBS, []string{"\xFF", "\x00"}, `{"BS":["AA==","/w=="]}`)
	// #68: NS by value, normalised.
	f(KindNS, []string{"10", "9", "-1e1", "0.5"}, `{"NS":["-10","0.5","9","10"]}`)
	f(KindNS, []string{"1", "1.0"}, "ValidationException: "+twiceNumberText)
	f(KindSS, nil, "ValidationException: "+emptyStringsText)
	f(KindNS, nil, "ValidationException: "+emptyNumbersText)
	f(KindBS, []string{}, "ValidationException: "+emptyBytesText)
	f(KindNS, []string{"x"}, "ValidationException: The parameter cannot be converted to a numeric value: x")
}

func TestEqualIsEqualityOfContent(t *testing.T) {
	t.Parallel()
	// #106
	equal := [][2]string{
		{`{"N":"1.0"}`, `{"N":"1"}`}, {`{"SS":["a","b"]}`, `{"SS":["b","a"]}`}, {`{"NS":["1","2"]}`, `{"NS":["2.0","1"]}`},
		{`{"M":{"a":{"N":"1"},"b":{"L":[{"BS":["AA==","AQ=="]}]}}}`, `{"M":{"b":{"L":[{"BS":["AQ==","AA=="]}]},"a":{"N":"1e0"}}}`},
	}
	for _, pair := range equal {
		if !Equal(decodeValue(t, pair[0]), decodeValue(t, pair[1])) {
			t.Errorf("%s and %s differ", pair[0], pair[1])
		}
	}
	unequal := [][2]string{
		{`{"S":"a"}`, `{"B":"YQ=="}`}, {`{"S":"1"}`, `{"N":"1"}`}, {`{"L":[{"S":"a"},{"S":"b"}]}`, `{"L":[{"S":"b"},{"S":"a"}]}`},
		{`{"SS":["a"]}`, `{"SS":["a","b"]}`}, {`{"M":{}}`, `{"L":[]}`}, {`{"BOOL":true}`, `{"BOOL":false}`}, {`{"M":{"a":{"S":"x"}}}`, `{"M":{"b":{"S":"x"}}}`},
		{`{}`, `{}`},
	}
	for _, pair := range unequal {
		if Equal(decodeValue(t, pair[0]), decodeValue(t, pair[1])) {
			t.Errorf("%s and %s are equal", pair[0], pair[1])
		}
	}
}

func TestCompareOrdersScalars(t *testing.T) {
	t.Parallel()
	f := func(a, b string, want int, wantOK bool) {
		t.Helper()
		if got, ok := Compare(decodeValue(t, a), decodeValue(t, b)); sign(got) != want || ok != wantOK {
			t.Errorf("Compare(%s, %s) = %d, %v, want %d, %v", a, b, got, ok, want, wantOK)
		}
	}
	// #105: strings by UTF-8 bytes, binary by unsigned bytes.
	f(`{"S":"a"}`, `{"S":"B"}`, 1, true)
	f(`{"S":"é"}`, `{"S":"z"}`, 1, true)
	f(`{"S":"\uffff"}`, `{"S":"😀"}`, -1, true)
	f(`{"B":"fw=="}`, `{"B":"gA=="}`, -1, true)
	f(`{"N":"9"}`, `{"N":"10"}`, -1, true)
	// #102: no order between kinds, nor among others.
	f(`{"S":"1"}`, `{"N":"2"}`, 0, false)
	f(`{"BOOL":true}`, `{"BOOL":false}`, 0, false)
	f(`{"SS":["a"]}`, `{"SS":["b"]}`, 0, false)
}

func TestItemEditing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		it := genItem(1).Draw(t, "item")
		before := string(AppendItemJSON(nil, it))
		name, v := genText.Draw(t, "name"), genValue(1).Draw(t, "value")
		with := it.With(name, v)
		if got, ok := with.Get(name); !ok || !Equal(got, v) {
			t.Fatalf("With(%q) holds %v, %v", name, got, ok)
		}
		if _, ok := with.Without(name).Get(name); ok {
			t.Fatalf("Without(%q) still has it", name)
		}
		if !EqualItems(with.Without(name), it.Without(name)) {
			t.Fatalf("With(%q) changes other attributes", name)
		}
		if after := string(AppendItemJSON(nil, it)); after != before {
			t.Fatalf("the item is changed from %s to %s", before, after)
		}
	})
}
