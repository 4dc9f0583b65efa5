package expr

import (
	"reflect"
	"testing"

	"millrace/ddb"
)

// A key condition that is remembered means what parsing says that it means, with whatever names and values it comes again, and is as
// wrong with them.
func TestRememberedKeyConditionsMeanTheSame(t *testing.T) {
	t.Parallel()
	texts := []string{
		"pk = :p", "pk=:p", "#p = :p", "pk = :p AND sk = :s", "pk = :p and sk<:s", "#p = :p AND #s >= :s", "sk > :s AnD pk = :p", "#p = :p AND sk <= :p",
		"#p = :p AND #p = :s", "pk = :p AND begins_with(sk, :s)", "pk = :p AND sk BETWEEN :s AND :p", ":p = pk", "(pk = :p)", "pk = :p AND sk = :s AND tk = :p",
		"pk <> :p", "pk = :p OR sk = :s", "size = :p", "pk.a = :p", "pk = sk", "#p = :none", "#none = :p", "pk = :p AND", "pk", "",
	}
	str, list := ddb.StringValue("x"), ddb.ListValue(nil)
	num, bad := ddb.NumberValue("5")
	if bad != nil {
		t.Fatal(bad)
	}
	names := []ddb.Names{nil, {"#p": "pk"}, {"#p": "pk", "#s": "sk"}, {"#p": "sk", "#s": "sk"}, {"#p": "a.b", "#s": "size", "#t": "unused"}}
	values := []ddb.Values{nil, {":p": str}, {":p": num, ":s": str}, {":p": list, ":s": str}, {":p": str, ":s": list, ":t": num}}
	parse := func(text string, n ddb.Names, v ddb.Values) (*KeyCondition, *ddb.Error, *ddb.Error) {
		env := NewEnv(n, v)
		k, err := ParseKeyCondition(text, env)
		return k, err, env.Unused()
	}
	forms := 0
	for _, text := range texts {
		for _, n := range names {
			for _, v := range values {
				if place := keyFormPlace(text); place != nil {
					place.Store(nil)
				}
				want, wrong, unused := parse(text, n, v)
				for _, on := range names { // with other names and values it is found to be right, perhaps
					for _, ov := range values {
						parse(text, on, ov)
					}
				}
				if remembered(text, NewEnv(n, v)) != nil {
					forms++
				}
				got, err, left := parse(text, n, v)
				if got != nil {
					got.hash = nil // memory, and no part of what it means
				}
				if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(err, wrong) || !reflect.DeepEqual(left, unused) {
					t.Errorf("%q with %v and %v is %+v (%v, %v) when it comes again, was %+v (%v, %v)", text, n, v, got, err, left, want, wrong, unused)
				}
			}
		}
	}
	if forms < 50 {
		t.Errorf("%d key conditions were remembered", forms)
	}
}

// A long key condition, or one of another form, takes nobody's place.
func TestOnlyCommonKeyConditionsAreRemembered(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"pk = :p": true, "#p=:p AND sk>:s": true, "pk = :p AND begins_with(sk, :p)": false, "pk = :p AND sk = :s AND tk = :t": false, ":p = pk": false,
	} {
		if got := keyFormOf(text) != nil; got != want {
			t.Errorf("%q is of the common form: %v", text, got)
		}
	}
	if keyFormPlace(string(make([]byte, longestKeyForm+1))) != nil {
		t.Error("a long key condition has a place")
	}
}
