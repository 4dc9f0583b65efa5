package expr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"millrace/ddb"

	"pgregory.net/rapid"
)

// statement is a condition as a naive model has it: a text, and what it says of an item of plain Go values.
type statement struct {
	text string
	says func(doc map[string]any) bool
}

// term is an operand of a statement: a text, and the value it has, nil for none.
type modelTerm struct {
	text string
	is   func(doc map[string]any) any
}

// The operands that random conditions are made of. Values are int, string and []int, a list.
var modelPaths = []modelTerm{
	{"a", func(d map[string]any) any { return d["a"] }},
	{"b", func(d map[string]any) any { return d["b"] }},
	{"c.d", func(d map[string]any) any { m, _ := d["c"].(map[string]any); return m["d"] }},
	{"l[1]", func(d map[string]any) any {
		l, _ := d["l"].([]int)
		if len(l) < 2 {
			return nil
		}
		return l[1]
	}},
	{"size(l)", func(d map[string]any) any {
		l, ok := d["l"].([]int)
		if !ok {
			return nil
		}
		return len(l)
	}},
}

// literal is a value given in the request: 0 to 3 or a short text.
func literal(t *rapid.T, values ddb.Values) modelTerm {
	k := ":v" + strconv.Itoa(len(values))
	if rapid.Bool().Draw(t, "text") {
		s := rapid.SampledFrom([]string{"", "p", "pq", "q"}).Draw(t, "s")
		values[k] = ddb.StringValue(s)
		return modelTerm{k, func(map[string]any) any { return s }}
	}
	n := rapid.IntRange(0, 3).Draw(t, "n")
	values[k], _ = ddb.NumberValue(strconv.Itoa(n))
	return modelTerm{k, func(map[string]any) any { return n }}
}

// modelCompare orders two values of one type.
func modelCompare(v, w any) (int, bool) {
	switch v := v.(type) {
	case int:
		if w, ok := w.(int); ok {
			return v - w, true
		}
	case string:
		if w, ok := w.(string); ok {
			return strings.Compare(v, w), true
		}
	}
	return 0, false
}

// drawStatement makes a random condition of at most the given depth.
func drawStatement(t *rapid.T, values ddb.Values, depth int) statement {
	if depth > 0 {
		switch rapid.IntRange(0, 4).Draw(t, "shape") {
		case 0:
			x, y := drawStatement(t, values, depth-1), drawStatement(t, values, depth-1)
			return statement{"(" + x.text + ") AND " + group(t, y.text), func(d map[string]any) bool { return x.says(d) && y.says(d) }}
		case 1:
			x, y := drawStatement(t, values, depth-1), drawStatement(t, values, depth-1)
			return statement{group(t, x.text) + " or (" + y.text + ")", func(d map[string]any) bool { return x.says(d) || y.says(d) }}
		case 2:
			x := drawStatement(t, values, depth-1)
			return statement{"NOT (" + x.text + ")", func(d map[string]any) bool { return !x.says(d) }}
		}
	}
	x := rapid.SampledFrom(modelPaths).Draw(t, "x")
	y, z := literal(t, values), literal(t, values)
	switch rapid.IntRange(0, 4).Draw(t, "leaf") {
	case 0:
		return statement{"attribute_exists(a) AND attribute_not_exists(c.d)", func(d map[string]any) bool {
			return modelPaths[0].is(d) != nil && modelPaths[2].is(d) == nil
		}}
	case 1:
		return statement{x.text + " IN (" + y.text + "," + z.text + ")", func(d map[string]any) bool {
			v := x.is(d)
			return v != nil && (v == y.is(d) || v == z.is(d))
		}}
	case 2:
		if c, ok := modelCompare(y.is(nil), z.is(nil)); ok && c <= 0 {
			return statement{"(" + x.text + ") BETWEEN " + y.text + " and " + z.text, func(d map[string]any) bool {
				low, ok := modelCompare(x.is(d), y.is(d))
				high, _ := modelCompare(x.is(d), z.is(d))
				return ok && low >= 0 && high <= 0
			}}
		}
	}
	op := rapid.SampledFrom([]string{"=", "<>", "<", "<=", ">", ">="}).Draw(t, "op")
	says := func(d map[string]any) bool {
		v, w := x.is(d), y.is(d)
		c, ok := modelCompare(v, w)
		switch op {
		case "=":
			return ok && c == 0
		case "<>":
			return !ok || c != 0
		case "<":
			return ok && c < 0
		case "<=":
			return ok && c <= 0
		case ">":
			return ok && c > 0
		}
		return ok && c >= 0
	}
	return statement{x.text + " " + op + " " + y.text, says}
}

// group puts text in parentheses. It must, because the text may hold an OR; the blank in it may be there or not.
func group(t *rapid.T, text string) string {
	return "(" + rapid.SampledFrom([]string{"", " "}).Draw(t, "blank") + text + ")"
}

// drawDoc makes a random item of the attributes that modelPaths look at, as plain values and as an Item.
func drawDoc(t *rapid.T) (map[string]any, ddb.Item) {
	doc := map[string]any{}
	var attrs []ddb.Attribute
	set := func(name string, v any, to func(any, ddb.AttributeValue)) {
		switch v := v.(type) {
		case int:
			n, _ := ddb.NumberValue(strconv.Itoa(v))
			to(v, n)
		case string:
			to(v, ddb.StringValue(v))
		}
	}
	top := func(name string) func(any, ddb.AttributeValue) {
		return func(v any, a ddb.AttributeValue) {
			doc[name] = v
			attrs = append(attrs, ddb.Attribute{Name: name, Value: a})
		}
	}
	scalar := func(label string) any {
		return rapid.SampledFrom([]any{nil, 0, 1, 2, 3, "", "p", "pq", "q"}).Draw(t, label)
	}
	set("a", scalar("a"), top("a"))
	set("b", scalar("b"), top("b"))
	set("d", scalar("d"), func(v any, a ddb.AttributeValue) {
		top("c")(map[string]any{"d": v}, ddb.MapValue(ddb.Item{{Name: "d", Value: a}}))
	})
	if n := rapid.IntRange(-1, 3).Draw(t, "l"); n >= 0 {
		ints := rapid.SliceOfN(rapid.IntRange(0, 3), n, n).Draw(t, "ints")
		top("l")(ints, listValue(ints))
	}
	return doc, ddb.ItemOf(attrs...)
}

// listValue is an L of numbers.
func listValue(ints []int) ddb.AttributeValue {
	elems := make([]ddb.AttributeValue, len(ints))
	for i, n := range ints {
		elems[i], _ = ddb.NumberValue(strconv.Itoa(n))
	}
	return ddb.ListValue(elems)
}

// A random condition says of random items what a naive model says, and reads the same when written back.
func TestRandomConditionsAgreeWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := ddb.Values{}
		s := drawStatement(t, values, 4)
		c, err := ParseCondition(FilterExpression, s.text, NewEnv(nil, values))
		if err != nil {
			t.Fatalf("%q: %v", s.text, err)
		}
		if first, second, back, ok := reprint(FilterExpression, s.text, NewEnv(nil, values)); ok && first != second {
			t.Fatalf("%q is written back as %q", s.text, back)
		}
		for range 10 {
			doc, item := drawDoc(t)
			if got, want := c.Match(item), s.says(doc); got != want {
				t.Fatalf("%q of %s with %v is %v, want %v", s.text, jsonOf(item), values, got, want)
			}
		}
	})
}

// #127: a SET that permutes attributes permutes them, whatever the order in which it says so.
func TestRandomSwaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		from := rapid.Permutation(sequence(n)).Draw(t, "from")
		order := rapid.Permutation(sequence(n)).Draw(t, "order")
		var attrs, want []ddb.Attribute
		var sets []string
		for i := range n {
			v := ddb.StringValue(strconv.Itoa(i))
			attrs = append(attrs, ddb.Attribute{Name: fmt.Sprint("a", i), Value: v})
			want = append(want, ddb.Attribute{Name: fmt.Sprint("a", i), Value: ddb.StringValue(strconv.Itoa(from[i]))})
		}
		for _, i := range order {
			sets = append(sets, fmt.Sprintf("a%d = a%d", i, from[i]))
		}
		text := "SET " + strings.Join(sets, ", ")
		u, err := ParseUpdate(text, NewEnv(nil, nil))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		got, _, err := u.Apply(nil, ddb.ItemOf(attrs...), true)
		if err != nil || !ddb.EqualItems(got, ddb.ItemOf(want...)) {
			t.Fatalf("%q gives %s, %v", text, jsonOf(got), err)
		}
	})
}

// sequence is 0 to n-1.
func sequence(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// #131: SET and REMOVE of any indexes of a list, in any order, give what a model gives that marks, appends and packs.
func TestRandomListEdits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := sequence(rapid.IntRange(0, 6).Draw(t, "len"))
		indexes := rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 1, 6, rapid.ID[int]).Draw(t, "indexes")
		removed := map[int]bool{}
		set := map[int]int{}
		var sets, removes []string
		values := ddb.Values{}
		for i, ix := range indexes {
			if rapid.Bool().Draw(t, "remove") {
				removed[ix] = true
				removes = append(removes, fmt.Sprintf("l[%d]", ix))
				continue
			}
			set[ix] = 100 + i
			k := fmt.Sprint(":v", i)
			values[k], _ = ddb.NumberValue(strconv.Itoa(100 + i))
			sets = append(sets, fmt.Sprintf("l[%d] = %s", ix, k))
		}
		var want []int
		for i := range 10 {
			v, isSet := set[i]
			switch {
			case isSet:
				want = append(want, v)
			case i < len(old) && !removed[i]:
				want = append(want, old[i])
			}
		}
		var clauses []string
		if sets != nil {
			clauses = append(clauses, "SET "+strings.Join(sets, ", "))
		}
		if removes != nil {
			clauses = append(clauses, "REMOVE "+strings.Join(removes, ", "))
		}
		if rapid.Bool().Draw(t, "reverse") {
			slices.Reverse(clauses)
		}
		text := strings.Join(clauses, " ")
		u, err := ParseUpdate(text, NewEnv(nil, values))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		got, _, err := u.Apply(nil, ddb.Item{{Name: "l", Value: listValue(old)}}, true)
		if err != nil || !ddb.EqualItems(got, ddb.Item{{Name: "l", Value: listValue(want)}}) {
			t.Fatalf("%q of %v gives %s, %v, want %v", text, old, jsonOf(got), err, want)
		}
	})
}
