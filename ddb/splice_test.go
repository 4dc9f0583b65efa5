package ddb

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestSetMember(t *testing.T) {
	t.Parallel()
	f := func(body, want string) {
		t.Helper()
		got, ok := SetMember([]byte(body), "R", `"new"`)
		if ok != (want != "") || string(got) != want {
			t.Errorf("SetMember(%s) = %s, %v; want %s", body, got, ok, want)
		}
	}
	f(`{}`, `{"R":"new"}`)
	f(" { } \n", " { \"R\":\"new\"} \n")
	f(`{"a":{"R":1}, "b":[{"R":2}]}`, `{"a":{"R":1}, "b":[{"R":2}],"R":"new"}`)
	f(`{"a":1,"R" : "NONE" ,"b":2}`, `{"a":1,"R" : "new" ,"b":2}`)
	f(`{"a":"}\"R\"","\u0052":"NONE"}`, `{"a":"}\"R\"","\u0052":"new"}`)
	f(`{"R":null}`, `{"R":"new"}`)
	// What is unusual is left alone.
	f(`{"R":1,"R":2}`, ``)
	f(`{"R":1,"\u0052":2}`, ``)
	f(`[]`, ``)
	f(``, ``)
	f(`{"a":1} x`, ``)
	f(`{"a":1`, ``)
	f(`{"a":01}`, ``)
	f("{\"a\":\"\xff\"}", ``)
}

func TestCutMember(t *testing.T) {
	t.Parallel()
	f := func(body, want string) {
		t.Helper()
		got, ok := CutMember([]byte(body), "A")
		if ok != (want != "") || ok && string(got) != want {
			t.Errorf("CutMember(%s) = %s, %v; want %s", body, got, ok, want)
		}
	}
	f(`{}`, `{}`)
	f(`{"A":{"x":[1]}}`, `{}`)
	f(`{ "A" : 1 }`, `{  }`)
	f(`{"A":1,"b":2}`, `{"b":2}`)
	f(`{"A":1 , "b":2}`, `{ "b":2}`)
	f(`{"a":{"A":1},"A":2}`, `{"a":{"A":1}}`)
	f(`{"a":1, "A":2, "b":3}`, `{"a":1, "b":3}`)
	f(`{"A":1,"A":2}`, ``)
	f(`"A"`, ``)
}

// Whatever the body, a splice changes the one member and nothing else, or nothing at all.
func FuzzSplice(f *testing.F) {
	for _, seed := range []string{`{}`, `{"R":1}`, `{"a":1,"R":"x"}`, `{"\u0052":[{}],"b":{"R":2}}`, ` { "a" : "}" } `} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var before map[string]json.RawMessage
		valid := json.Unmarshal([]byte(body), &before) == nil && before != nil
		set, ok := SetMember([]byte(body), "R", `"new"`)
		if ok && !valid {
			t.Fatalf("SetMember(%q) = %q", body, set)
		}
		if ok {
			var after map[string]json.RawMessage
			if err := json.Unmarshal(set, &after); err != nil {
				t.Fatalf("SetMember(%q) = %q: %v", body, set, err)
			}
			before["R"] = json.RawMessage(`"new"`)
			if !reflect.DeepEqual(before, after) {
				t.Fatalf("SetMember(%q) = %q", body, set)
			}
		}
		cut, ok := CutMember([]byte(body), "R")
		if ok {
			var after map[string]json.RawMessage
			if err := json.Unmarshal(cut, &after); err != nil {
				t.Fatalf("CutMember(%q) = %q: %v", body, cut, err)
			}
			delete(before, "R")
			if !reflect.DeepEqual(before, after) {
				t.Fatalf("CutMember(%q) = %q", body, cut)
			}
		}
	})
}
