package main

import "strings"

// number draws a number, rarely one that is none or out of range.
func (g *generator) number() string {
	if g.one(25) {
		return pick(g, "", "abc", "1e126", "1e-131", "NaN", "1"+strings.Repeat("0", 37)+"1", " 1", "1e", "0x1")
	}
	return pick(g, "0", "1", "2", "3", "-1", "0.5", "1.0", "10", "1e1", "-0", "+2", "1e2", "9.9e125", "1e-130", strings.Repeat("9", 38), "-2.50", "007", "1e37")
}

// keyValue draws a value for a key attribute, rarely one that no key may have.
func (g *generator) keyValue(kind string) object {
	if g.one(40) {
		return g.value(1)
	}
	switch kind {
	case "N":
		if g.one(40) {
			return object{"N": g.number()}
		}
		return object{"N": pick(g, "0", "1", "2", "1.0", "-1", "1e1", "0.5")}
	case "B":
		return object{"B": pick(g, "AA==", "AQ==", "AAE=", "gA==", "/w==")}
	}
	if g.one(40) {
		return object{"S": ""}
	}
	return object{"S": pick(g, "a", "b", "ab", "é", "a\u0000", "😀")}
}

// value draws an attribute's value, with so many levels of lists and maps inside.
func (g *generator) value(levels int) object {
	kinds := 8
	if levels > 0 {
		kinds = 11
	}
	switch g.IntN(kinds) {
	case 0, 1:
		return object{"S": pick(g, "", "a", "b", "ab", "abc", "é", "x")}
	case 2, 3:
		return object{"N": g.number()}
	case 4:
		return object{"B": pick(g, "", "AA==", "YQ==", "YWI=")}
	case 5:
		if g.one(20) {
			return object{"NULL": false}
		}
		return pick(g, object{"BOOL": true}, object{"BOOL": false}, object{"NULL": true})
	case 6:
		return object{"SS": g.distinct("x", "y", "z", "a")}
	case 7:
		if g.one(2) {
			return object{"BS": g.distinct("AA==", "YQ==", "gA==")}
		}
		return object{"NS": g.distinct("1", "2", "3.5", "-1", "1e2")}
	case 8:
		list := []any{}
		for range g.IntN(4) {
			list = append(list, g.value(levels-1))
		}
		return object{"L": list}
	}
	m := object{}
	for range g.IntN(4) {
		m[pick(g, "x", "y", "z")] = g.value(levels - 1)
	}
	return object{"M": m}
}

// distinct draws a set of some of the members, rarely one with none or with one twice.
func (g *generator) distinct(of ...string) []any {
	if g.one(30) {
		return pick(g, []any{}, []any{of[0], of[0]})
	}
	members := []any{}
	for _, i := range g.Perm(len(of))[:1+g.IntN(len(of))] {
		members = append(members, of[i])
	}
	return members
}

// filter draws a legacy condition.
func (g *generator) filter() object {
	operator := pick(g, "EQ", "NE", "LE", "LT", "GE", "GT", "NOT_NULL", "NULL", "CONTAINS", "NOT_CONTAINS", "BEGINS_WITH", "IN", "BETWEEN")
	arguments := map[string]int{"NOT_NULL": 0, "NULL": 0, "BETWEEN": 2, "IN": 1 + g.IntN(2)}
	n, special := arguments[operator]
	if !special {
		n = 1
	}
	if g.one(12) {
		n = g.IntN(3)
	}
	condition := object{"ComparisonOperator": operator}
	if list := make([]any, n); n > 0 {
		for i := range list {
			list[i] = g.value(0)
		}
		condition["AttributeValueList"] = list
	}
	return condition
}

// expected draws an element of Expected.
func (g *generator) expected() object {
	switch g.IntN(4) {
	case 0:
		return object{"Exists": false}
	case 1:
		return object{"Value": g.value(0)}
	case 2:
		return object{"Value": g.value(0), "Exists": g.one(2)}
	}
	return g.filter()
}

// spoil is a copy of a request with one member or element left out, or with one that is of another JSON type, empty, or
// there though it should not be.
func (g *generator) spoil(v any) any {
	count := 0
	for {
		if _, ok := without(v, count); !ok {
			break
		}
		count++
	}
	if count == 0 {
		return v
	}
	n := g.IntN(count)
	if g.one(2) {
		smaller, _ := without(v, n)
		return smaller
	}
	return replace(v, n, pick[any](g, nil, "", "x", 0, -1, 1.5, true, []any{}, object{}, object{"S": "a"}, "ALL_OLD"))
}

// replace is a copy of v with another value for the member or element that without would leave out.
func replace(v any, n int, with any) any {
	count := 0
	var walk func(any) any
	walk = func(v any) any {
		count++
		if count-1 == n+1 {
			return with
		}
		switch v := v.(type) {
		case object:
			out := object{}
			for _, name := range sortedKeys(v) {
				out[name] = walk(v[name])
			}
			return out
		case []any:
			out := make([]any, len(v))
			for i, element := range v {
				out[i] = walk(element)
			}
			return out
		}
		return v
	}
	return walk(v)
}
