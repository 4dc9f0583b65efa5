package expr

import (
	"fmt"
	"slices"
	"testing"

	"millrace/ddb"
)

// keys makes a key schema, partition key attributes first, and the types of its attributes. "a:S" is a partition key
// attribute, "/b:N" a sort key attribute.
func keys(attrs ...string) (ddb.KeySchema, func(string) ddb.Kind) {
	var schema ddb.KeySchema
	kinds := map[string]ddb.Kind{}
	for _, a := range attrs {
		e := ddb.KeySchemaElement{KeyType: "HASH"}
		if a[0] == '/' {
			e.KeyType, a = "RANGE", a[1:]
		}
		e.AttributeName = a[:len(a)-2]
		kinds[e.AttributeName] = ddb.KindOf(a[len(a)-1:])
		schema = append(schema, e)
	}
	return schema, func(name string) ddb.Kind { return kinds[name] }
}

// rangeText shows a bound key condition: partition key values | equalities | the last condition.
func rangeText(r KeyRange) string {
	show := func(vs []ddb.AttributeValue) (s string) {
		for _, v := range vs {
			s += v.Str() + " "
		}
		return s
	}
	return fmt.Sprintf("%s| %s| %s %s %s", show(r.Hash), show(r.RangeEq), rangeOpNames[r.Op], r.A.Str(), r.B.Str())
}

// bind parses and binds a key condition and shows the result or the error's message.
func bind(t *testing.T, text string, attrs ...string) string {
	t.Helper()
	k, err := ParseKeyCondition(text, testEnv())
	if err != nil {
		t.Fatalf("ParseKeyCondition(%q): %v", text, err)
	}
	schema, kindOf := keys(attrs...)
	r, err := k.Bind(schema, kindOf)
	if err != nil {
		return err.Message
	}
	return rangeText(r)
}

// #160: what key conditions there are. Text and number literals are :s "m", :s2 "z", :n 5 and :n2 7.
func TestKeyConditionRanges(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := bind(t, text, "p:S", "/c:N"); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
	f("p = :s", "m | |   ")
	f("p = :s AND c = :n", "m | | = 5 ")
	f("c <= :n AND p = :s", "m | | <= 5 ")
	f("((c < :n) AND (p = :s))", "m | | < 5 ")
	f("(p = :s AND (c BETWEEN :n AND :n2))", "m | | BETWEEN 5 7")
	// a constant on the left turns the operator round
	f(":s = p AND :n < c", "m | | > 5 ")
	f(":s = p AND :n <= c", "m | | >= 5 ")
	f(":s = p AND :n > c", "m | | < 5 ")
	f(":s = p AND :n >= c", "m | | <= 5 ")
	if got, want := bind(t, "p = :s AND begins_with(c, :s2)", "p:S", "/c:S"), "m | | begins_with z "; got != want {
		t.Errorf("begins_with gives %q, want %q", got, want)
	}
}

// #161: what a key condition may not be, whatever the keys are. Such faults are found after syntax errors in the
// request's other expressions, so parsing does not report them.
func TestKeyConditionShape(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		k, err := ParseKeyCondition(text, testEnv())
		if err != nil {
			t.Errorf("ParseKeyCondition(%q): %v", text, err)
			return
		}
		if err := k.Check(); err == nil || err.Message != want {
			t.Errorf("Check of %q = %v, want %s", text, err, want)
		}
		schema, kindOf := keys("a:S")
		if _, err := k.Bind(schema, kindOf); err == nil || err.Message != want {
			t.Errorf("Bind of %q = %v, want %s", text, err, want)
		}
	}
	f("a > b and size(b) > c or a > c", "Invalid operator used in KeyConditionExpression: OR")
	f("a in (b, size(c), d)", "Invalid operator used in KeyConditionExpression: IN")
	f("attribute_exists(a)", "Invalid operator used in KeyConditionExpression: attribute_exists")
	f("attribute_not_exists(a)", "Invalid operator used in KeyConditionExpression: attribute_not_exists")
	f("attribute_type(a, :typ)", "Invalid operator used in KeyConditionExpression: attribute_type")
	f("contains(a.d, b)", "Invalid operator used in KeyConditionExpression: contains")
	f("not a > b", "Invalid operator used in KeyConditionExpression: NOT")
	f("a <> b", "Invalid operator used in KeyConditionExpression: <>")
	f(":s between size(b) and size(a) and b > :s", "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand")
	f("begins_with(:s, b) and a > :s", "Invalid condition in KeyConditionExpression: begins_with operator must have the key attribute as its first operand")
	for _, text := range []string{"size(b) > a AND a.b > b AND b > c", "a > size(b.d)", "a between size(b) and size(a)"} {
		f(text, "KeyConditionExpressions cannot contain nested operations")
	}
	for _, text := range []string{"b > a.b", "b between c[1] and d", "a between b and size(a)", "begins_with(a, b)", "a = b"} {
		f(text, "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
	}
	for _, text := range []string{"b.d > a AND c.d > e.f", "a.d > c", "b[0] > a", "p = :s AND a.b < :n"} {
		f(text, "KeyConditionExpressions cannot have conditions on nested attributes")
	}
	for _, text := range []string{":s2 > :s AND a < :s", ":s > b AND :s < :s2"} {
		f(text, "Invalid condition in KeyConditionExpression: No key attribute specified")
	}
	for _, text := range []string{"b > :n AND b < :n and c = :n and d = :n", "(a > :n and b > :n) and (b > :n and c > :n)", "p = :s AND p = :s"} {
		f(text, "KeyConditionExpressions must only contain one condition per key")
	}
	// more than two attributes: with keys of several attributes only the schema can tell
	if got, want := bind(t, ":n = a and b = :n and :n = c", "a:N", "/b:N"), "Conditions can be of length 1 or 2 only"; got != want {
		t.Errorf("three conditions give %q, want %q", got, want)
	}
	f("a=:n and b=:n and c=:n and d=:n and e=:n and f=:n and g=:n and h=:n and i=:n", "Conditions can be of length 1 or 2 only")
	refuse(t, KeyConditionExpression, "a = :s AND begins_with(b, :n)", "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N")
}

// The attributes of a key condition, in the order of the text.
func TestKeyConditionNames(t *testing.T) {
	k, err := ParseKeyCondition("c <= :n AND :s = #a", testEnv())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := k.TopLevelNames(), []string{"c", "a"}; !slices.Equal(got, want) {
		t.Errorf("TopLevelNames() = %q, want %q", got, want)
	}
}

// #161: what does not fit the keys.
func TestKeyConditionBindErrors(t *testing.T) {
	f := func(want, text string, attrs ...string) {
		t.Helper()
		if got := bind(t, text, attrs...); got != want {
			t.Errorf("%q on %v gives %q, want %q", text, attrs, got, want)
		}
	}
	const (
		unsupportedText = "Query key condition not supported"
		typeText        = "One or more parameter values were invalid: Condition parameter type does not match schema type"
	)
	f("Query condition missed key schema element: p", "a = :s", "p:S")
	f("Query condition missed key schema element: p", "c = :s", "p:S", "/c:S")
	f("Query condition missed key schema element: p", "a = :s AND c = :s", "p:S", "/c:S")
	f("Query condition missed key schema element: c", "p = :s AND a = :s", "p:S", "/c:S")
	f(typeText, "p = :n", "p:S", "/c:N")
	f(typeText, "p = :s AND c = :s", "p:S", "/c:N")
	f(typeText, ":n > a", "a:S")
	for _, text := range []string{"a > :s", "a < :s", ":s <= a", ":s >= a", "begins_with(a, :s)", "a between :s and :s2", "a = :s AND b = :s", "y = :s and z = :s"} {
		f(unsupportedText, text, "a:S")
	}
	for _, text := range []string{"a > :s", "begins_with(a, :s) AND b = :s", "a between :s and :s2"} {
		f(unsupportedText, text, "a:S", "/b:S")
	}
}

// #215: keys of several attributes.
func TestMultiAttributeKeys(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := bind(t, text, "h1:S", "h2:S", "/r1:N", "/r2:S", "/r3:S"); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
	f("h1 = :s AND h2 = :s2", "m z | |   ")
	f("h2 = :s2 AND h1 = :s AND r1 = :n", "m z | | = 5 ")
	f("h1 = :s AND h2 = :s2 AND r1 > :n", "m z | | > 5 ")
	f("h1 = :s AND r2 = :s AND h2 = :s2 AND r1 = :n", "m z | 5 | = m ")
	f("h1 = :s AND h2 = :s2 AND r1 = :n AND r2 = :s AND begins_with(r3, :s2)", "m z | 5 m | begins_with z ")
	f("h1 = :s", "Query condition missed key schema element: h2")
	f("h1 = :s AND h2 > :s", "Query key condition not supported")
	f("h1 = :s AND h2 = :s AND r2 = :s", "Query condition missed key schema element: r1")
	f("h1 = :s AND h2 = :s AND r1 = :n AND r3 = :s", "Query condition missed key schema element: r2")
	f("h1 = :s AND h2 = :s AND r1 > :n AND r2 = :s", "Query key condition not supported")
	f("h1 = :s AND h2 = :s AND r1 = :n AND r2 = :s AND r3 = :s AND x = :s", "Query key condition not supported")
	f("h1 = :s AND h2 = :n", "One or more parameter values were invalid: Condition parameter type does not match schema type")
	f("h1 = :s AND h2 = :s AND begins_with(r1, :s)",
		"Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N") // assumed
	// the old parameter cannot say so much
	eq := "EQ"
	k, err := ParseKeyConditions(map[string]ddb.Condition{
		"h1": {ComparisonOperator: &eq, AttributeValueList: []ddb.AttributeValue{ddb.StringValue("v")}},
		"h2": {ComparisonOperator: &eq, AttributeValueList: []ddb.AttributeValue{ddb.StringValue("v")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	schema, kindOf := keys("h1:S", "h2:S")
	if _, err := k.Bind(schema, kindOf); err == nil || err.Message != "Query key condition not supported" {
		t.Errorf("KeyConditions on a key of several attributes: %v", err)
	}
}
