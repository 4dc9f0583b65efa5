package expr

import (
	"slices"
	"strings"
	"testing"

	"millrace/ddb"
)

// updateItem is what the update tests change; its key is pk.
const updateItem = `{"pk":{"S":"k"},"n":{"N":"2"},"s":{"S":"hi"},"ss":{"SS":["a","b"]},"ns":{"NS":["1","2"]},"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"},{"N":"3"}]},` +
	`"m":{"M":{"a":{"N":"1"},"l":{"L":[{"M":{"x":{"N":"1"}}}]},"ss":{"SS":["a"]}}}}`

// updateValues are the literals of the update tests.
const updateValues = `{"v":{"S":"new"},"w":{"S":"newer"},"one":{"N":"1"},"ss":{"SS":["b","c"]},"ssab":{"SS":["a","b"]},"ns":{"NS":["2.0","3"]},"l":{"L":[{"S":"x"}]},"l0":{"L":[]},"big":{"N":"9e125"},"m":{"M":{}}}`

// apply runs an update on item, or on no item if it is empty, and gives the new image or the error's message.
func apply(t *testing.T, text, item string) (ddb.Item, *Touched, string) {
	t.Helper()
	values := ddb.Values{}
	for _, a := range mustItem(updateValues) {
		values[":"+a.Name] = a.Value
	}
	u, err := ParseUpdate(text, NewEnv(ddb.Names{"#d": "x.y"}, values))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return applyTo(u, item)
}

// applyTo is apply for a parsed update. It checks that the old image is not changed.
func applyTo(u *Update, item string) (ddb.Item, *Touched, string) {
	key := mustItem(`{"pk":{"S":"k"}}`)
	var old ddb.Item
	if item != "" {
		old = mustItem(item)
	}
	before := jsonOf(old)
	out, touched, err := u.Apply(key, old, item != "")
	if err != nil {
		return nil, nil, err.Message
	}
	if after := jsonOf(old); after != before {
		return nil, nil, "the old image became " + after
	}
	return out, touched, ""
}

// changes fails the test unless the update makes want of item.
func changes(t *testing.T, text, item, want string) {
	t.Helper()
	out, _, fault := apply(t, text, item)
	if fault != "" {
		want, fault = "", "error "+fault
	}
	if got := jsonOf(out); fault != "" || got != jsonOf(mustItem(want)) {
		t.Errorf("%q gives %s%s, want %s", text, got, fault, want)
	}
}

// fails fails the test unless the update is refused with want.
func fails(t *testing.T, text, item, want string) {
	t.Helper()
	if out, _, fault := apply(t, text, item); fault != want {
		t.Errorf("%q gives %s, error %q, want error %q", text, jsonOf(out), fault, want)
	}
}

// #127: right-hand sides see the item as it was.
func TestUpdateReadsItemAsItWas(t *testing.T) {
	changes(t, "SET n = s, s = n", `{"pk":{"S":"k"},"n":{"N":"2"},"s":{"S":"hi"}}`, `{"pk":{"S":"k"},"n":{"S":"hi"},"s":{"N":"2"}}`)
	changes(t, "REMOVE n SET b = n", `{"pk":{"S":"k"},"n":{"N":"2"}}`, `{"pk":{"S":"k"},"b":{"N":"2"}}`)
	fails(t, "SET x = :v, y = x", updateItem, noAttribute)
}

// #125, #126, #129: sums, if_not_exists and list_append.
func TestSetValues(t *testing.T) {
	item := `{"pk":{"S":"k"},"n":{"N":"2"},"l":{"L":[{"N":"1"}]}}`
	changes(t, "SET n = n + :one, x = :one - n, y = pk", item, `{"pk":{"S":"k"},"l":{"L":[{"N":"1"}]},"n":{"N":"3"},"x":{"N":"-1"},"y":{"S":"k"}}`)
	changes(t, "SET n = if_not_exists(z, :one) + if_not_exists(n, :v)", item, `{"pk":{"S":"k"},"l":{"L":[{"N":"1"}]},"n":{"N":"3"}}`)
	changes(t, "SET a = list_append(if_not_exists(a, :l0), :l), l = list_append(l, :l)", item,
		`{"pk":{"S":"k"},"a":{"L":[{"S":"x"}]},"l":{"L":[{"N":"1"},{"S":"x"}]},"n":{"N":"2"}}`)
	changes(t, "SET a = if_not_exists(b, if_not_exists(n, :v)), c = if_not_exists(zz, l[0])", item,
		`{"pk":{"S":"k"},"a":{"N":"2"},"c":{"N":"1"},"l":{"L":[{"N":"1"}]},"n":{"N":"2"}}`)
	for _, text := range []string{"SET e = s + :one", "SET e = :one - l", "SET e = list_append(ss, if_not_exists(f, :l))", "SET e = list_append(:l, n)", "SET e = list_append(s, nope)"} {
		fails(t, text, updateItem, wrongData)
	}
	fails(t, "SET e = if_not_exists(z, :big) + :big", updateItem, "Number overflow. Attempting to store a number with magnitude larger than supported range")
}

// #128: reading what is not there.
func TestSetOfMissingAttribute(t *testing.T) {
	for _, text := range []string{"SET c = z", "SET z = z", "SET c = list_append(z, :l)", "SET c = list_append(:l, z)", "SET c = z + :one", "SET c = l[9]", "SET c = m.z", "SET c = if_not_exists(z, y)"} {
		fails(t, text, updateItem, noAttribute)
		fails(t, text, "", noAttribute)
	}
}

// #130: paths that lead nowhere.
func TestUpdateOfImpossiblePath(t *testing.T) {
	for _, p := range []string{"s.a", "s[0]", "z.a", "z[0]", "m[0]", "l.a", "l[9].a", "m.z.y"} {
		for _, text := range []string{"SET " + p + " = :v", "REMOVE " + p + " SET x = :v", "ADD " + p + " :ss", "DELETE " + p + " :ss"} {
			fails(t, text, updateItem, badPath)
		}
	}
	fails(t, "SET z.a = :v", "", badPath)
	fails(t, "SET z[0] = :v", "", badPath)
	// a missing leaf is no fault
	changes(t, "REMOVE m.z, l[9], z", updateItem, updateItem)
	// the order of the faults: first what is to be set, then where it goes
	fails(t, "SET z.a = :v, x = nope", updateItem, noAttribute)
}

// #131: lists.
func TestUpdateOfLists(t *testing.T) {
	list := func(elems string) string { return `{"pk":{"S":"k"},"l":{"L":[` + elems + `]}}` }
	old := list(`{"N":"2"},{"N":"3"},{"N":"4"},{"N":"5"}`)
	changes(t, "SET l[1] = :v", old, list(`{"N":"2"},{"S":"new"},{"N":"4"},{"N":"5"}`))
	// beyond the end: appended in the order of the indexes
	changes(t, "SET l[84] = :v, l[37] = :w, l[4] = :one ADD l[50] :ss", old,
		list(`{"N":"2"},{"N":"3"},{"N":"4"},{"N":"5"},{"N":"1"},{"S":"newer"},{"SS":["b","c"]},{"S":"new"}`))
	// indexes are those before the removal, whichever comes first
	changes(t, "REMOVE l[1] SET l[3] = :v", old, list(`{"N":"2"},{"N":"4"},{"S":"new"}`))
	changes(t, "SET l[3] = :v REMOVE l[1]", old, list(`{"N":"2"},{"N":"4"},{"S":"new"}`))
	changes(t, "REMOVE l[0], l[2], l[9]", old, list(`{"N":"3"},{"N":"5"}`))
	changes(t, "REMOVE l[0], l[1], l[2], l[3]", old, list(``))
	changes(t, "REMOVE m.a", `{"pk":{"S":"k"},"m":{"M":{"a":{"N":"1"}}}}`, `{"pk":{"S":"k"},"m":{"M":{}}}`)
	changes(t, "SET l[0] = :v", list(``), list(`{"S":"new"}`))
}

// #133: ADD.
func TestAdd(t *testing.T) {
	item := `{"pk":{"S":"k"},"n":{"N":"2"},"ns":{"NS":["1","2"]},"ss":{"SS":["a","b"]}}`
	changes(t, "ADD n :one, x :one, ss :ss, ns :ns, y :ss", item,
		`{"pk":{"S":"k"},"n":{"N":"3"},"ns":{"NS":["1","2","3"]},"ss":{"SS":["a","b","c"]},"x":{"N":"1"},"y":{"SS":["b","c"]}}`)
	changes(t, "ADD m.ss :ss, m.n :one", `{"m":{"M":{"ss":{"SS":["a"]}}}}`, `{"m":{"M":{"n":{"N":"1"},"ss":{"SS":["a","b","c"]}}}}`)
	changes(t, "ADD x :one", "", `{"pk":{"S":"k"},"x":{"N":"1"}}`)
	fails(t, "ADD x :big", `{"x":{"N":"9e125"}}`, "Number overflow. Attempting to store a number with magnitude larger than supported range")
	changes(t, "ADD ss :ssab", item, item)
	for _, text := range []string{"ADD s :one", "ADD ss :ns", "ADD ss :one", "ADD l :ss", "ADD n :ss", "ADD m :ss"} {
		fails(t, text, updateItem, wrongData)
	}
}

// #134: DELETE.
func TestDelete(t *testing.T) {
	item := `{"pk":{"S":"k"},"l":{"L":[{"SS":["a"]},{"SS":["b"]}]},"ns":{"NS":["1","2"]},"ss":{"SS":["a","b"]}}`
	changes(t, "DELETE ss :ss, ns :ns, z :ss", item, `{"pk":{"S":"k"},"l":{"L":[{"SS":["a"]},{"SS":["b"]}]},"ns":{"NS":["1"]},"ss":{"SS":["a"]}}`)
	changes(t, "DELETE ss :ssab, l[1] :ss", item, `{"pk":{"S":"k"},"l":{"L":[{"SS":["a"]}]},"ns":{"NS":["1","2"]}}`)
	changes(t, "DELETE l[0] :ss", item, item)
	for _, text := range []string{"DELETE s :ss", "DELETE ss :ns", "DELETE l :ss", "DELETE n :ss"} {
		fails(t, text, updateItem, wrongData)
	}
}

// #135: an update creates the item, unless all it does is take away.
func TestUpdateOfMissingItem(t *testing.T) {
	changes(t, "SET a = :v", "", `{"pk":{"S":"k"},"a":{"S":"new"}}`)
	changes(t, "SET b = if_not_exists(b, pk)", "", `{"pk":{"S":"k"},"b":{"S":"k"}}`)
	changes(t, "SET a = :v REMOVE b, c.d", "", `{"pk":{"S":"k"},"a":{"S":"new"}}`) // c.d: assumed
	changes(t, "SET a = :v REMOVE pk.x, pk2[0] DELETE c.d :ss", "", `{"pk":{"S":"k"},"a":{"S":"new"}}`)
	for _, text := range []string{"REMOVE a", "REMOVE x.y, x2[0]", "DELETE a :ss", "REMOVE a DELETE b :ss"} {
		out, _, fault := apply(t, text, "")
		if fault != "" || out != nil {
			t.Errorf("%q on a missing item gives %s, error %q, want nothing", text, jsonOf(out), fault)
		}
	}
}

// #28: an update cannot make an item deeper than 32 levels.
func TestUpdateCannotNestTooDeep(t *testing.T) {
	nest := func(levels int) string {
		return strings.Repeat(`{"M":{"x":`, levels) + `{"N":"1"}` + strings.Repeat(`}}`, levels)
	}
	f := func(levels int, want string) {
		t.Helper()
		fields := ddb.Values{}
		for _, a := range mustItem(`{"v":` + nest(levels) + `}`) {
			fields[":"+a.Name] = a.Value
		}
		u, err := ParseUpdate("SET a.b = :v", NewEnv(nil, fields))
		if err != nil {
			t.Fatal(err)
		}
		_, _, fault := applyTo(u, `{"a":{"M":{}}}`)
		if fault != want {
			t.Errorf("%d levels below a map: error %q, want %q", levels, fault, want)
		}
	}
	f(30, "")
	f(31, tooDeep)
}

// #137: UPDATED_OLD and UPDATED_NEW.
func TestTouchedPaths(t *testing.T) {
	f := func(text, item, wantOld, wantNew string) {
		t.Helper()
		out, touched, fault := apply(t, text, item)
		if fault != "" {
			t.Errorf("%q: %s", text, fault)
			return
		}
		var old ddb.Item
		if item != "" {
			old = mustItem(item)
		}
		if got := jsonOf(touched.Select(old)); got != wantOld {
			t.Errorf("%q: UPDATED_OLD %s, want %s", text, got, wantOld)
		}
		if got := jsonOf(touched.Select(out)); got != wantNew {
			t.Errorf("%q: UPDATED_NEW %s, want %s", text, got, wantNew)
		}
	}
	f("SET s = :v, x = :one REMOVE n", updateItem, `{"n":{"N":"2"},"s":{"S":"hi"}}`, `{"s":{"S":"new"},"x":{"N":"1"}}`)
	f("SET m.a = :v", updateItem, `{"m":{"M":{"a":{"N":"1"}}}}`, `{"m":{"M":{"a":{"S":"new"}}}}`)
	f("SET l[1] = :v, m.x1 = :v", updateItem, `{"l":{"L":[{"N":"1"}]}}`, `{"l":{"L":[{"S":"new"}]},"m":{"M":{"x1":{"S":"new"}}}}`)
	f("REMOVE l[1], l[9]", updateItem, `{"l":{"L":[{"N":"1"}]}}`, `{"l":{"L":[{"N":"2"}]}}`)
	f("SET l[100] = :v", updateItem, `{}`, `{}`)
	f("SET x = :v", "", `{}`, `{"x":{"S":"new"}}`)
	f("REMOVE x", "", `{}`, `{}`)
	// one that does much at once
	f("set m.c=((l[1])+(m.a)), m.a = pk, l[1] = pk, l[5] = m.a - l[3], l[2] = m.a add l[9] :ss, l[7] :one",
		updateItem, `{"l":{"L":[{"N":"1"},{"N":"2"}]},"m":{"M":{"a":{"N":"1"}}}}`,
		`{"l":{"L":[{"S":"k"},{"N":"1"},{"N":"1"}]},"m":{"M":{"a":{"S":"k"},"c":{"N":"2"}}}}`)
}

// #124, #81: which attributes an update changes, and into which it reaches.
func TestUpdateNames(t *testing.T) {
	u, err := ParseUpdate("SET b.c = :s, #a = if_not_exists(d.e, f) REMOVE b.d ADD #dot :n", testEnv())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.TopLevelNames(), []string{"b", "a", "x.y"}; !slices.Equal(got, want) {
		t.Errorf("TopLevelNames() = %q, want %q", got, want)
	}
	if got, want := u.NestedNames(), []string{"b", "d"}; !slices.Equal(got, want) {
		t.Errorf("NestedNames() = %q, want %q", got, want)
	}
	if u.OnlyRemoves() {
		t.Errorf("OnlyRemoves() is true")
	}
}
