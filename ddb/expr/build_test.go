package expr

import (
	"testing"

	"millrace/ddb"
)

// num is an N.
func num(text string) ddb.AttributeValue {
	v, err := ddb.NumberValue(text)
	if err != nil {
		panic(err.Message)
	}
	return v
}

// TestBuiltConditionsAreThoseOfTexts builds conditions and compares their canonical text with that of a parsed one.
func TestBuiltConditionsAreThoseOfTexts(t *testing.T) {
	t.Parallel()
	values := ddb.Values{":a": num("1"), ":b": num("2"), ":s": ddb.StringValue("x")}
	must := func(c *Condition, err *ddb.Error) *Condition {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	f := func(built *Condition, text string) {
		t.Helper()
		env := NewEnv(nil, values)
		parsed, err := ParseCondition(ConditionExpression, text, env)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got, want := string(built.AppendCanonical(nil)), string(parsed.AppendCanonical(nil)); got != want {
			t.Errorf("built %s, want %s", got, want)
		}
	}
	x, one, two, s := At(NewPath("x")), Literal(num("1")), Literal(num("2")), Literal(ddb.StringValue("x"))
	eq := must(Compare("=", x, one))
	less := must(Compare("<", At(NewPath("m").Key("k").Index(3)), two))
	begins := must(Call("begins_with", x, s))
	size, err := SizeOf(x)
	if err != nil {
		t.Fatal(err)
	}
	f(eq, "x = :a")
	f(less, "m.k[3] < :b")
	f(must(Between(x, one, two)), "x BETWEEN :a AND :b")
	f(must(In(x, one, two)), "x IN (:a, :b)")
	f(begins, "begins_with(x, :s)")
	f(must(Compare(">=", size, one)), "size(x) >= :a")
	f(And(eq, And(less, begins), nil), "x = :a AND m.k[3] < :b AND begins_with(x, :s)")
	f(Or(eq, And(less, begins)), "x = :a OR m.k[3] < :b AND begins_with(x, :s)")
	f(Not(Or(eq, less)), "NOT (x = :a OR m.k[3] < :b)")
	f(And(eq), "x = :a")
	if got := And(nil, nil); got != nil {
		t.Errorf("And of nothing is %s, want no condition", got.AppendCanonical(nil))
	}
	if Or().Match(nil) {
		t.Error("Or of nothing holds")
	}
	if names := And(less, must(Compare("=", Truth(begins), x))).NestedNames(); len(names) != 1 || names[0] != "m" {
		t.Errorf("nested names %v, want [m]", names)
	}
}

// TestTruthIsAValue compares the outcomes of conditions.
func TestTruthIsAValue(t *testing.T) {
	t.Parallel()
	item := ddb.ItemOf(ddb.Attribute{Name: "n", Value: num("1")}, ddb.Attribute{Name: "yes", Value: ddb.BoolValue(true)})
	exists, err := Call("attribute_exists", At(NewPath("n")))
	if err != nil {
		t.Fatal(err)
	}
	f := func(op string, right Operand, want bool) {
		t.Helper()
		c, err := Compare(op, Truth(exists), right)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Match(item); got != want {
			t.Errorf("%s: %t, want %t", c.AppendCanonical(nil), got, want)
		}
	}
	f("=", Literal(ddb.BoolValue(true)), true)
	f("<>", Literal(ddb.BoolValue(true)), false)
	f("=", Literal(num("1")), false)
	f("<>", Literal(num("1")), true)
	f("=", At(NewPath("yes")), true)
	f("=", At(NewPath("n")), false)
	f("=", Truth(exists), true)
	f("=", Truth(Not(exists)), false)
}

// TestBuiltPiecesAreRefusedWithoutAParameter has the texts of faults.
func TestBuiltPiecesAreRefusedWithoutAParameter(t *testing.T) {
	t.Parallel()
	f := func(err *ddb.Error, want string) {
		t.Helper()
		if err == nil || err.Code != "ValidationException" || err.Message != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	second := func(_ *Condition, err *ddb.Error) *ddb.Error { return err }
	operandOf := func(_ Operand, err *ddb.Error) *ddb.Error { return err }
	x, text := At(NewPath("x")), Literal(ddb.StringValue("a"))
	f(second(Compare("<", x, Literal(ddb.BoolValue(true)))), "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL")
	f(second(Compare("=", x, x)), "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [x]")
	f(second(Call("attribute_exists", text)), "Operator or function requires a document path; operator or function: attribute_exists")
	f(second(Call("contains", x)), "Incorrect number of operands for operator or function; operator or function: contains, number of operands: 1")
	f(operandOf(SizeOf(Literal(num("1")))), "Incorrect operand type for operator or function; operator or function: size, operand type: N")
	f(operandOf(ListAppend(x, text)), "Incorrect operand type for operator or function; operator or function: list_append, operand type: S")
	var u UpdateBuilder
	f(u.SetSum(NewPath("x"), x, '+', text), "Incorrect operand type for operator or function; operator or function: +, operand type: S")
	u.Remove(NewPath("x").Key("y"))
	_, err := u.Update()
	f(err, "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [x], path two: [x, y]")
	deep := NewPath("a")
	for range maxPathElements {
		deep = deep.Index(0)
	}
	f(deep.Check(), "The document path has too many nesting levels; nesting levels: 33")
	for name, want := range map[string]bool{"attribute_exists": true, "contains": true, "size": false, "list_append": false, "nope": false} {
		if got := IsFunction(name); got != want {
			t.Errorf("IsFunction(%s) = %t, want %t", name, got, want)
		}
	}
}

// TestBuiltUpdatesDoWhatTextsDo applies updates that were built and parsed.
func TestBuiltUpdatesDoWhatTextsDo(t *testing.T) {
	t.Parallel()
	item := ddb.ItemOf(
		ddb.Attribute{Name: "p", Value: ddb.StringValue("k")}, ddb.Attribute{Name: "n", Value: num("5")},
		ddb.Attribute{Name: "l", Value: ddb.ListValue([]ddb.AttributeValue{num("1"), num("2")})},
		ddb.Attribute{Name: "s", Value: ddb.CanonicalSet(ddb.KindSS, []string{"a", "b"})})
	members, list := ddb.CanonicalSet(ddb.KindSS, []string{"b", "c"}), ddb.ListValue([]ddb.AttributeValue{num("3")})
	values := ddb.Values{":n": num("7"), ":s": members, ":l": list}
	for _, c := range []struct {
		text  string
		build func(*UpdateBuilder)
	}{
		{"SET x = :n", func(u *UpdateBuilder) { u.Set(NewPath("x"), Literal(num("7"))) }},
		{"SET x = n", func(u *UpdateBuilder) { u.Set(NewPath("x"), At(NewPath("n"))) }},
		{"SET n = n - :n", func(u *UpdateBuilder) { _ = u.SetSum(NewPath("n"), At(NewPath("n")), '-', Literal(num("7"))) }},
		{"SET l = list_append(l, :l)", func(u *UpdateBuilder) {
			v, _ := ListAppend(At(NewPath("l")), Literal(list))
			u.Set(NewPath("l"), v)
		}},
		{"REMOVE l[0]", func(u *UpdateBuilder) { u.Remove(NewPath("l").Index(0)) }},
		{"ADD s :s", func(u *UpdateBuilder) { u.Add(NewPath("s"), members) }},
		{"DELETE s :s", func(u *UpdateBuilder) { u.Delete(NewPath("s"), members) }},
	} {
		parsed, err := ParseUpdate(c.text, NewEnv(nil, values))
		if err != nil {
			t.Fatal(err)
		}
		b := &UpdateBuilder{}
		c.build(b)
		built, err := b.Update()
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := parsed.Apply(item, item, true)
		if err != nil {
			t.Fatal(err)
		}
		got, touched, err := built.Apply(item, item, true)
		if err != nil || !ddb.EqualItems(got, want) || touched == nil {
			t.Fatalf("%s: %v, %v, want %v", c.text, got, err, want)
		}
	}
}
