package expr

import (
	"slices"
	"testing"

	"millrace/ddb"
)

// listOf makes the values of a comparison from DynamoDB JSON fields such as `"a":{"S":"x"}`, in the order of the names.
func listOf(fields string) []ddb.AttributeValue {
	var out []ddb.AttributeValue
	for _, a := range mustItem("{" + fields + "}") {
		out = append(out, a.Value)
	}
	return out
}

// compareWith makes a legacy condition.
func compareWith(op, fields string) ddb.Condition {
	c := ddb.Condition{ComparisonOperator: &op}
	if fields != "none" {
		c.AttributeValueList = append([]ddb.AttributeValue{}, listOf(fields)...)
	}
	return c
}

// messageOf is err's message, or empty.
func messageOf(err *ddb.Error) string {
	if err == nil {
		return ""
	}
	return err.Message
}

// #140: the ways in which Expected can contradict itself.
func TestExpectedContradictions(t *testing.T) {
	v := ddb.StringValue("x")
	list := []ddb.AttributeValue{v}
	yes, no, eq, null := true, false, "EQ", "NULL"
	f := func(want string, x ddb.ExpectedAttributeValue) {
		t.Helper()
		_, err := ParseExpected(map[string]ddb.ExpectedAttributeValue{"a": x}, nil)
		if want != "" {
			want = "One or more parameter values were invalid: " + want
		}
		if messageOf(err) != want {
			t.Errorf("got %q, want %q", messageOf(err), want)
		}
	}
	f("Value and AttributeValueList cannot be used together for Attribute: a", ddb.ExpectedAttributeValue{Value: &v, AttributeValueList: list, ComparisonOperator: &eq})
	f("Exists and ComparisonOperator cannot be used together for Attribute: a", ddb.ExpectedAttributeValue{Exists: &yes, ComparisonOperator: &eq, Value: &v})
	f("Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a", ddb.ExpectedAttributeValue{ComparisonOperator: &eq})
	f("AttributeValueList can only be used with a ComparisonOperator for Attribute: a", ddb.ExpectedAttributeValue{AttributeValueList: list})
	f("Value must be provided when Exists is true for Attribute: a", ddb.ExpectedAttributeValue{Exists: &yes})
	f("Value must be provided when Exists is null for Attribute: a", ddb.ExpectedAttributeValue{})
	f("Value cannot be used when Exists is false for Attribute: a", ddb.ExpectedAttributeValue{Exists: &no, Value: &v})
	f("Invalid number of argument(s) for the NULL ComparisonOperator", ddb.ExpectedAttributeValue{ComparisonOperator: &null, Value: &v})
	f("", ddb.ExpectedAttributeValue{ComparisonOperator: &null})
	f("", ddb.ExpectedAttributeValue{ComparisonOperator: &eq, Value: &v})
	f("", ddb.ExpectedAttributeValue{Exists: &yes, Value: &v})
}

// #140, #142: what Expected means.
func TestExpectedMatches(t *testing.T) {
	v, w := ddb.StringValue("x"), ddb.NumberValue
	five, _ := w("5")
	yes, no := true, false
	item := mustItem(`{"a":{"S":"x"},"a.b":{"S":"dot"}}`)
	f := func(want bool, name string, x ddb.ExpectedAttributeValue) {
		t.Helper()
		c, err := ParseExpected(map[string]ddb.ExpectedAttributeValue{name: x}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Match(item); got != want {
			t.Errorf("expected %q %+v matches: %v, want %v", name, x, got, want)
		}
	}
	f(true, "a", ddb.ExpectedAttributeValue{Value: &v})
	f(true, "a", ddb.ExpectedAttributeValue{Value: &v, Exists: &yes})
	f(false, "a", ddb.ExpectedAttributeValue{Value: &five})
	f(false, "z", ddb.ExpectedAttributeValue{Value: &v})
	f(false, "a", ddb.ExpectedAttributeValue{Exists: &no})
	f(true, "z", ddb.ExpectedAttributeValue{Exists: &no})
	f(false, "a.b", ddb.ExpectedAttributeValue{Exists: &no})
}

// #141: numbers and types of arguments, in QueryFilter, ScanFilter, Expected and KeyConditions alike.
func TestComparisonArguments(t *testing.T) {
	f := func(op, fields, want string) {
		t.Helper()
		c := compareWith(op, fields)
		_, err := ParseFilter(map[string]ddb.Condition{"a": c}, nil)
		if messageOf(err) != want {
			t.Errorf("filter %s {%s}: %q, want %q", op, fields, messageOf(err), want)
		}
		if _, err := ParseKeyConditions(map[string]ddb.Condition{"a": c}); messageOf(err) != want {
			t.Errorf("key condition %s {%s}: %q, want %q", op, fields, messageOf(err), want)
		}
		if c.AttributeValueList == nil {
			return
		}
		x := ddb.ExpectedAttributeValue{ComparisonOperator: &op, AttributeValueList: c.AttributeValueList}
		if _, err := ParseExpected(map[string]ddb.ExpectedAttributeValue{"a": x}, nil); messageOf(err) != want {
			t.Errorf("expected %s {%s}: %q, want %q", op, fields, messageOf(err), want)
		}
	}
	const bad = "One or more parameter values were invalid: "
	two := `"1":{"S":"a"},"2":{"S":"a"}`
	for _, op := range []string{"EQ", "NE", "LE", "LT", "GE", "GT", "CONTAINS", "NOT_CONTAINS", "BEGINS_WITH", "IN", "BETWEEN"} {
		f(op, "none", bad+"Invalid number of argument(s) for the "+op+" ComparisonOperator")
		f(op, "", bad+"Invalid number of argument(s) for the "+op+" ComparisonOperator")
		if op != "IN" && op != "BETWEEN" {
			f(op, two, bad+"Invalid number of argument(s) for the "+op+" ComparisonOperator")
		}
	}
	for _, op := range []string{"NULL", "NOT_NULL"} {
		f(op, `"1":{"S":"a"}`, bad+"Invalid number of argument(s) for the "+op+" ComparisonOperator")
		f(op, "", "")
	}
	f("BETWEEN", two+`,"3":{"S":"a"}`, bad+"Invalid number of argument(s) for the BETWEEN ComparisonOperator")
	types := map[string]string{"BOOL": "true", "NULL": "true", "SS": `["a"]`, "NS": `["1"]`, "BS": `["YQ=="]`, "M": "{}", "L": "[]", "N": `"1"`}
	for typ, v := range types {
		arg := `{"` + typ + `":` + v + `}`
		wrong := func(op string) string {
			return bad + "ComparisonOperator " + op + " is not valid for " + typ + " AttributeValue type"
		}
		if typ != "N" {
			for _, op := range []string{"LT", "LE", "GT", "GE", "IN"} {
				f(op, `"1":`+arg, wrong(op))
			}
			f("BETWEEN", `"1":`+arg+`,"2":`+arg, wrong("BETWEEN"))
			if typ != "BOOL" && typ != "NULL" {
				f("CONTAINS", `"1":`+arg, wrong("CONTAINS"))
				f("NOT_CONTAINS", `"1":`+arg, wrong("NOT_CONTAINS"))
			}
		}
		f("BEGINS_WITH", `"1":`+arg, wrong("BEGINS_WITH"))
		f("EQ", `"1":`+arg, "")
		f("NE", `"1":`+arg, "")
	}
	f("IN", `"1":{"S":"b"},"2":{"N":"1"}`, bad+"AttributeValues inside AttributeValueList must be of same type")
	f("BETWEEN", `"1":{"S":"b"},"2":{"N":"1"}`, bad+"AttributeValues inside AttributeValueList must be of same type")
	f("BETWEEN", `"1":{"S":"b"},"2":{"S":"a"}`, "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound")
	f("BETWEEN", `"1":{"N":"9"},"2":{"N":"10"}`, "")
	// #53: a value that is none
	invalid := ddb.Condition{ComparisonOperator: new(string), AttributeValueList: []ddb.AttributeValue{ddb.InvalidValue("bad value")}}
	*invalid.ComparisonOperator = "EQ"
	if _, err := ParseFilter(map[string]ddb.Condition{"a": invalid}, nil); messageOf(err) != "bad value" {
		t.Errorf("invalid value: %q", messageOf(err))
	}
}

// #142: what the operators mean.
func TestFilterMatches(t *testing.T) {
	item := mustItem(`{"s":{"S":"hello"},"n":{"N":"5"},"nul":{"NULL":true},"ns":{"NS":["2","4"]},"l":{"L":[{"N":"2"}]},"b":{"B":"aGkgdGhlcmU="},"x.y":{"N":"1"}}`)
	f := func(want bool, name, op, fields string) {
		t.Helper()
		c, err := ParseFilter(map[string]ddb.Condition{name: compareWith(op, fields)}, nil)
		if err != nil {
			t.Fatalf("%s %s {%s}: %v", name, op, fields, err)
		}
		if got := c.Match(item); got != want {
			t.Errorf("%s %s {%s}: %v, want %v", name, op, fields, got, want)
		}
	}
	f(true, "n", "EQ", `"1":{"N":"5.0"}`)
	f(false, "z", "EQ", `"1":{"N":"5"}`)
	f(true, "ns", "EQ", `"1":{"NS":["4","2"]}`)
	f(true, "z", "NE", `"1":{"N":"5"}`)
	f(true, "n", "NE", `"1":{"S":"5"}`)
	f(true, "n", "LE", `"1":{"N":"5"}`)
	f(false, "n", "LT", `"1":{"S":"9"}`)
	f(true, "n", "GE", `"1":{"N":"5"}`)
	f(true, "n", "GT", `"1":{"N":"-10"}`)
	f(true, "n", "BETWEEN", `"1":{"N":"1"},"2":{"N":"10"}`)
	f(false, "z", "BETWEEN", `"1":{"N":"1"},"2":{"N":"10"}`)
	f(true, "n", "IN", `"1":{"N":"2"},"2":{"N":"5"}`)
	f(false, "ns", "IN", `"1":{"N":"2"},"2":{"N":"4"}`)
	f(true, "z", "NULL", "none")
	f(false, "nul", "NULL", "none")
	f(true, "nul", "NOT_NULL", "none")
	f(false, "z", "NOT_NULL", "none")
	f(true, "s", "CONTAINS", `"1":{"S":"ell"}`)
	f(true, "ns", "CONTAINS", `"1":{"N":"4"}`)
	f(true, "l", "CONTAINS", `"1":{"N":"2"}`)
	f(true, "b", "CONTAINS", `"1":{"B":"aGVyZQ=="}`)
	f(false, "n", "CONTAINS", `"1":{"N":"5"}`)
	f(true, "s", "NOT_CONTAINS", `"1":{"S":"dog"}`)
	f(true, "s", "NOT_CONTAINS", `"1":{"N":"1"}`)
	f(false, "ns", "NOT_CONTAINS", `"1":{"N":"4"}`)
	f(false, "z", "NOT_CONTAINS", `"1":{"N":"1"}`) // unlike NE
	f(true, "s", "BEGINS_WITH", `"1":{"S":"hell"}`)
	f(false, "n", "BEGINS_WITH", `"1":{"S":"5"}`)
	f(true, "x.y", "EQ", `"1":{"N":"1"}`)
}

// #143: ConditionalOperator.
func TestConditionalOperator(t *testing.T) {
	and, or := "AND", "OR"
	const lonely = "ConditionalOperator cannot be used without Filter or Expected"
	if _, err := ParseFilter(nil, &or); messageOf(err) != lonely {
		t.Errorf("ConditionalOperator without a filter: %q", messageOf(err))
	}
	if _, err := ParseExpected(map[string]ddb.ExpectedAttributeValue{}, &and); messageOf(err) != lonely {
		t.Errorf("ConditionalOperator with an empty Expected: %q", messageOf(err))
	}
	c, err := ParseFilter(nil, nil)
	if err != nil || c != nil || !c.Match(nil) {
		t.Errorf("no filter gives %v, %v", c, err)
	}
	item := mustItem(`{"a":{"N":"1"},"b":{"N":"2"}}`)
	both := func(op *string) bool {
		t.Helper()
		c, err := ParseFilter(map[string]ddb.Condition{"a": compareWith("EQ", `"1":{"N":"1"}`), "b": compareWith("EQ", `"1":{"N":"1"}`)}, op)
		if err != nil {
			t.Fatal(err)
		}
		return c.Match(item)
	}
	if both(nil) || both(&and) || !both(&or) {
		t.Errorf("nil, AND, OR give %v, %v, %v, want false, false, true", both(nil), both(&and), both(&or))
	}
}

// #144: KeyConditions.
func TestKeyConditions(t *testing.T) {
	eq := compareWith("EQ", `"1":{"S":"v"}`)
	f := func(want string, conditions map[string]ddb.Condition, attrs ...string) {
		t.Helper()
		k, err := ParseKeyConditions(conditions)
		if err != nil {
			if err.Message != want {
				t.Errorf("got %q, want %q", err.Message, want)
			}
			return
		}
		schema, kindOf := keys(attrs...)
		r, err := k.Bind(schema, kindOf)
		got := messageOf(err)
		if err == nil {
			got = rangeText(r)
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	type m = map[string]ddb.Condition
	null := compareWith("NULL", "none")
	f("Conditions can be of length 1 or 2 only", m{})
	f("Conditions can be of length 1 or 2 only", m{"a": null, "b": null, "c": null})
	f("Query condition missed key schema element: p", m{"a": eq}, "p:S")
	f("Query condition missed key schema element: c", m{"p": eq, "a": null}, "p:S", "/c:S")
	f("Query key condition not supported", m{"p": compareWith("LE", `"1":{"S":"v"}`)}, "p:S", "/c:S")
	f("One or more parameter values were invalid: Condition parameter type does not match schema type", m{"p": compareWith("EQ", `"1":{"N":"1"}`)}, "p:S")
	for _, op := range []string{"NULL", "NOT_NULL", "NE", "CONTAINS", "NOT_CONTAINS", "IN"} {
		c := compareWith(op, "none")
		if op != "NULL" && op != "NOT_NULL" {
			c = compareWith(op, `"1":{"S":"a"}`)
		}
		f("Attempted conditional constraint is not an indexable operation", m{"p": c}, "p:S")
		f("Attempted conditional constraint is not an indexable operation", m{"p": eq, "c": c}, "p:S", "/c:S")
	}
	f("v | |   ", m{"p": eq}, "p:S", "/c:S")
	f("v | | >= a ", m{"p": eq, "c": compareWith("GE", `"1":{"S":"a"}`)}, "p:S", "/c:S")
	f("v | | begins_with a ", m{"p": eq, "c": compareWith("BEGINS_WITH", `"1":{"S":"a"}`)}, "p:S", "/c:S")
	f("v | | BETWEEN a b", m{"p": eq, "c": compareWith("BETWEEN", `"1":{"S":"a"},"2":{"S":"b"}`)}, "p:S", "/c:S")
}

// #120: AttributesToGet.
func TestAttributesToGet(t *testing.T) {
	pr, err := ParseAttributesToGet([]string{"b", "x.y", "name", "z"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := jsonOf(pr.Apply(mustItem(`{"a":{"N":"1"},"b":{"N":"2"},"name":{"N":"3"},"x.y":{"N":"4"}}`))), `{"b":{"N":"2"},"name":{"N":"3"},"x.y":{"N":"4"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := pr.TopLevelNames(), []string{"b", "x.y", "name", "z"}; !slices.Equal(got, want) {
		t.Errorf("TopLevelNames() = %q, want %q", got, want)
	}
	if _, err := ParseAttributesToGet([]string{"a", "b", "a"}); messageOf(err) != "One or more parameter values were invalid: Duplicate value in attribute name: a" {
		t.Errorf("duplicate: %q", messageOf(err))
	}
}

// updateWith makes one legacy update; fields is empty for none, or `"v":{…}`.
func updateWith(action, fields string) ddb.AttributeValueUpdate {
	var x ddb.AttributeValueUpdate
	if action != "" {
		x.Action = &action
	}
	if fields != "" {
		x.Value = &listOf(fields)[0]
	}
	return x
}

// #138: what AttributeUpdates refuses.
func TestAttributeUpdatesRefusals(t *testing.T) {
	f := func(want, action, fields string) {
		t.Helper()
		_, err := ParseAttributeUpdates(map[string]ddb.AttributeValueUpdate{"a": updateWith(action, fields)})
		if want != "" {
			want = "One or more parameter values were invalid: " + want
		}
		if messageOf(err) != want {
			t.Errorf("%s {%s}: %q, want %q", action, fields, messageOf(err), want)
		}
	}
	f("Only DELETE action is allowed when no attribute value is specified", "", "")
	f("Only DELETE action is allowed when no attribute value is specified", "PUT", "")
	f("Only DELETE action is allowed when no attribute value is specified", "ADD", "")
	f("", "DELETE", "")
	for typ, v := range map[string]string{"S": `"1"`, "N": `"1"`, "B": `"Yg=="`, "NULL": "true", "BOOL": "true", "M": "{}", "L": "[]"} {
		f("DELETE action with value is not supported for the type "+typ, "DELETE", `"v":{"`+typ+`":`+v+`}`)
		if typ != "N" && typ != "L" {
			f("ADD action is not supported for the type "+typ, "ADD", `"v":{"`+typ+`":`+v+`}`)
		} else {
			f("", "ADD", `"v":{"`+typ+`":`+v+`}`)
		}
		f("", "PUT", `"v":{"`+typ+`":`+v+`}`)
	}
	bad := ddb.InvalidValue("bad value")
	if _, err := ParseAttributeUpdates(map[string]ddb.AttributeValueUpdate{"a": {Value: &bad}}); messageOf(err) != "bad value" {
		t.Errorf("invalid value: %q", messageOf(err))
	}
}

// #138, #135: what AttributeUpdates does.
func TestAttributeUpdates(t *testing.T) {
	type m = map[string]ddb.AttributeValueUpdate
	f := func(updates m, item, want string) {
		t.Helper()
		u, err := ParseAttributeUpdates(updates)
		if err != nil {
			t.Fatal(err)
		}
		out, _, fault := applyTo(u, item)
		if fault == "" {
			fault = jsonOf(out)
		}
		if fault != want {
			t.Errorf("got %s, want %s", fault, want)
		}
	}
	item := `{"pk":{"S":"k"},"l":{"L":[{"N":"1"}]},"n":{"N":"1"},"ns":{"NS":["1","2"]},"s":{"S":"x"}}`
	f(m{"n": updateWith("ADD", `"v":{"N":"3"}`), "ns": updateWith("ADD", `"v":{"NS":["2","3"]}`), "l": updateWith("ADD", `"v":{"L":[{"S":"y"}]}`),
		"s": updateWith("", `"v":{"S":"z"}`), "new": updateWith("ADD", `"v":{"L":[]}`)}, item,
		`{"l":{"L":[{"N":"1"},{"S":"y"}]},"n":{"N":"4"},"new":{"L":[]},"ns":{"NS":["1","2","3"]},"pk":{"S":"k"},"s":{"S":"z"}}`)
	f(m{"n": updateWith("DELETE", ""), "ns": updateWith("DELETE", `"v":{"NS":["1","4"]}`), "z": updateWith("DELETE", "")}, item,
		`{"l":{"L":[{"N":"1"}]},"ns":{"NS":["2"]},"pk":{"S":"k"},"s":{"S":"x"}}`)
	f(m{"ns": updateWith("DELETE", `"v":{"NS":["1","2"]}`)}, item, `{"l":{"L":[{"N":"1"}]},"n":{"N":"1"},"pk":{"S":"k"},"s":{"S":"x"}}`)
	f(m{"x.y": updateWith("PUT", `"v":{"S":"z"}`)}, "", `{"pk":{"S":"k"},"x.y":{"S":"z"}}`)
	for _, u := range []ddb.AttributeValueUpdate{updateWith("ADD", `"v":{"N":"1"}`), updateWith("DELETE", `"v":{"NS":["1"]}`), updateWith("ADD", `"v":{"L":[]}`), updateWith("ADD", `"v":{"SS":["1"]}`)} {
		f(m{"s": u}, item, "Type mismatch for attribute to update")
	}
	f(m{}, "", `{"pk":{"S":"k"}}`)
	f(m{}, item, item[:1]+`"l":{"L":[{"N":"1"}]},"n":{"N":"1"},"ns":{"NS":["1","2"]},"pk":{"S":"k"},"s":{"S":"x"}}`)
	f(m{"a": updateWith("DELETE", "")}, "", "none")
	f(m{"a": updateWith("DELETE", `"v":{"NS":["1"]}`)}, "", "none")
}
