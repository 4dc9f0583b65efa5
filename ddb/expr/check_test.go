package expr

import "testing"

// #96: functions that do not exist, and functions in the wrong place.
func TestFunctionMisuse(t *testing.T) {
	unknown := func(kind Kind, text, name string) {
		t.Helper()
		refuse(t, kind, text, "Invalid function name; function: "+name)
	}
	unknown(FilterExpression, "a=b and whatever((:things)) > a", "whatever")
	unknown(FilterExpression, "attRIbute_exIsts((views), #nosuch)", "attRIbute_exIsts")
	unknown(UpdateExpression, "set #nosuch = if_not_exist(:nosuch) set c = d", "if_not_exist")
	misused := func(kind Kind, text, name string) {
		t.Helper()
		refuse(t, kind, text, "The function is not allowed to be used this way in an expression; function: "+name)
	}
	misused(FilterExpression, "a=b and attribute_exists((views), (#nosuch)) > b", "attribute_exists")
	misused(FilterExpression, "attribute_not_exists(things) > b", "attribute_not_exists")
	misused(FilterExpression, "contains(:things, c) > b", "contains")
	misused(FilterExpression, "size(contains(a, b)) > a", "contains")
	misused(FilterExpression, "size(things)", "size")
	misused(FilterExpression, "NOT size(things) AND a = b", "size")
	misused(FilterExpression, "a between b and attribute_exists(things)", "attribute_exists")
	misused(FilterExpression, "a in (b, attribute_exists(things))", "attribute_exists")
	misused(UpdateExpression, "SET a = list_append(list_append(:l, :l0), :l)", "list_append")
	misused(UpdateExpression, "SET a = list_append(:l, :l) + :n", "list_append")              // assumed
	misused(UpdateExpression, "SET a = if_not_exists(b, list_append(:l, :l))", "list_append") // assumed
	refuse(t, ConditionExpression, "if_not_exists(a, :s) = :s", "The function is not allowed in a condition expression; function: if_not_exists")
	refuse(t, ConditionExpression, "a = list_append(:l, :l)", "The function is not allowed in a condition expression; function: list_append")
	refuse(t, UpdateExpression, "SET a = size(b)", "The function is not allowed in an update expression; function: size")
}

// #97: the number of operands.
func TestOperandCounts(t *testing.T) {
	f := func(kind Kind, text, name, count string) {
		t.Helper()
		refuse(t, kind, text, "Incorrect number of operands for operator or function; operator or function: "+name+", number of operands: "+count)
	}
	f(FilterExpression, "attribute_exists(things, a) and a=b", "attribute_exists", "2")
	f(FilterExpression, "attribute_type(things)", "attribute_type", "1")
	f(FilterExpression, "begins_with(things, size(a), b)", "begins_with", "3")
	f(FilterExpression, "contains(things)", "contains", "1")
	f(FilterExpression, "size(things, a) > b", "size", "2")
	f(UpdateExpression, "SET a = if_not_exists(c)", "if_not_exists", "1")
	f(UpdateExpression, "SET a = list_append(:l, :l, :l)", "list_append", "3")
}

// #97, #103, #110, #112, #126, #129, #133: operands whose type is known to be wrong.
func TestOperandTypes(t *testing.T) {
	f := func(kind Kind, text, name, typ string) {
		t.Helper()
		refuse(t, kind, text, "Incorrect operand type for operator or function; operator or function: "+name+", operand type: "+typ)
	}
	types := map[string]string{":s": "S", ":n": "N", ":bin": "B", ":t": "BOOL", ":nul": "NULL", ":ss": "SS", ":ns": "NS", ":bs": "BS", ":l": "L", ":m": "M"}
	for v, typ := range types {
		if typ != "S" && typ != "B" {
			f(FilterExpression, "begins_with(a, "+v+")", "begins_with", typ)
			f(FilterExpression, "begins_with("+v+", a)", "begins_with", typ)
		}
		if typ != "S" && typ != "N" && typ != "B" {
			for _, op := range []string{"<", "<=", ">", ">="} {
				f(FilterExpression, "a "+op+" "+v, op, typ)
				f(ConditionExpression, v+op+"a", op, typ)
			}
			f(FilterExpression, "a BETWEEN "+v+" AND b", "BETWEEN", typ)
			f(FilterExpression, "a BETWEEN b AND "+v, "BETWEEN", typ)
		}
		if typ == "N" || typ == "BOOL" || typ == "NULL" {
			f(FilterExpression, "size("+v+") > a", "size", typ)
		} else {
			accept(t, FilterExpression, "size("+v+") > a", "")
		}
		if typ != "S" {
			f(FilterExpression, "attribute_type(a, "+v+")", "attribute_type", typ)
		}
		if typ != "L" {
			f(UpdateExpression, "SET a = list_append("+v+", a)", "list_append", typ)
		}
		if typ != "N" {
			f(UpdateExpression, "SET a = a + "+v, "+", typ)
			f(UpdateExpression, "SET a = "+v+" - a", "-", typ)
		}
		accept(t, FilterExpression, "a = "+v+" OR a <> "+v+" OR a IN ("+v+") OR contains(a, "+v+")", "")
	}
	f(FilterExpression, "begins_with(a, size(a)) and a=:nosuch", "begins_with", "N")
	f(FilterExpression, "attribute_type(a, size(a))", "attribute_type", "N")
	f(FilterExpression, "size(size(a)) > :n", "size", "N")
	f(FilterExpression, "attribute_not_exists(size(:n))", "size", "N")
	f(FilterExpression, "attribute_type(a, b)", "attribute_type", "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")
	// #109: and the type must exist
	refuse(t, FilterExpression, "attribute_type(a, :s)", "Invalid attribute type name found; type: m, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}")
	accept(t, FilterExpression, "attribute_type(a, :typ)", "")
	// #108: a document path, not a value
	for _, text := range []string{"attribute_exists(:s) and a=b", "NOT attribute_exists(:n)"} {
		refuse(t, FilterExpression, text, "Operator or function requires a document path; operator or function: attribute_exists")
	}
	refuse(t, FilterExpression, "attribute_not_exists(size(:s))", "Operator or function requires a document path; operator or function: attribute_not_exists")
	refuse(t, UpdateExpression, "SET a = if_not_exists(:s, c)", "Operator or function requires a document path; operator or function: if_not_exists")
	refuse(t, UpdateExpression, "SET a = if_not_exists(if_not_exists(a, b), c)", "Operator or function requires a document path; operator or function: if_not_exists")
	// #133, #134: ADD and DELETE have names of their own for the types
	long := map[string]string{":s": "STRING", ":bin": "BINARY", ":t": "BOOLEAN", ":nul": "NULL", ":l": "LIST", ":m": "MAP"}
	for v, typ := range long {
		refuse(t, UpdateExpression, "add a.b "+v, "Incorrect operand type for operator or function; operator: ADD, operand type: "+typ)
		refuse(t, UpdateExpression, "delete a.b "+v, "Incorrect operand type for operator or function; operator: DELETE, operand type: "+typ)
	}
	refuse(t, UpdateExpression, "delete a :n", "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER")
	accept(t, UpdateExpression, "ADD a :n, b :ss, c :ns, d :bs DELETE e :ss", "")
}

// #104: the bounds of BETWEEN.
func TestBetweenBounds(t *testing.T) {
	refuse(t, ConditionExpression, "a BETWEEN :n2 AND :n", "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "+
		"lower bound operand: AttributeValue: {N:7}, upper bound operand: AttributeValue: {N:5}")
	refuse(t, KeyConditionExpression, "a between :s2 and :s", "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "+
		"lower bound operand: AttributeValue: {S:z}, upper bound operand: AttributeValue: {S:m}")
	refuse(t, KeyConditionExpression, "a between :n and :s", "The BETWEEN operator requires same data type for lower and upper bounds; "+
		"lower bound operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: {S:m}")
	refuse(t, FilterExpression, "a between :bin and :s", "The BETWEEN operator requires same data type for lower and upper bounds; "+
		"lower bound operand: AttributeValue: {B:Yg==}, upper bound operand: AttributeValue: {S:m}")
	accept(t, ConditionExpression, "a BETWEEN :n AND :n", "")
	accept(t, ConditionExpression, "a BETWEEN b AND :n", "")
}

// #111: the first operand must not come again.
func TestDistinctOperands(t *testing.T) {
	f := func(text, op, first string) {
		t.Helper()
		refuse(t, FilterExpression, text, "The first operand must be distinct from the remaining operands for this operator or function; operator: "+op+", first operand: "+first)
	}
	f("a = a AND #a = b AND :nosuch > a", "=", "[a]")
	f("#a <> a", "<>", "[a]")
	f("a > #a", ">", "[a]")
	f("((a=a) OR (a=a))", "=", "[a]")
	f("contains(ab.bc[1].a, ab.bc[1].#a)", "contains", "[ab, bc, [1], a]")
	f("attribute_type(ab.bc[1].#a, ab.bc[1].a)", "attribute_type", "[ab, bc, [1], a]")
	f("begins_with(ab.bc[1].a, ab.bc[1].#a)", "begins_with", "[ab, bc, [1], a]")
	f("a BETWEEN b AND a", "BETWEEN", "[a]") // assumed
	f("a IN (b, a)", "IN", "[a]")            // assumed
	accept(t, FilterExpression, ":n > :n AND a.b = a.c AND a[0] = a[1] AND #ix[3] = #ix", "")
}

// #119, #123: paths that overlap or conflict.
func TestPathsOverlapAndConflict(t *testing.T) {
	two := func(kind Kind, verb, text, one, other string) {
		t.Helper()
		refuse(t, kind, text, "Two document paths "+verb+" with each other; must remove or rewrite one of these paths; path one: "+one+", path two: "+other)
	}
	two(ProjectionExpression, "overlap", "a, a.b", "[a]", "[a, b]")
	two(ProjectionExpression, "overlap", "a.b.d.e, a.b", "[a, b, d, e]", "[a, b]")
	two(ProjectionExpression, "overlap", "b, a[1], #a[1]", "[a, [1]]", "[a, [1]]")
	two(ProjectionExpression, "conflict", "a.b, a[1]", "[a, b]", "[a, [1]]")
	two(UpdateExpression, "overlap", "SET a = :s, a = :n", "[a]", "[a]")
	two(UpdateExpression, "overlap", "SET a = :s REMOVE a", "[a]", "[a]")
	two(UpdateExpression, "overlap", "set d[1] = a, d.b = a, c[1].a = a, #c = if_not_exists(a)", "[c, [1], a]", "[c]")
	two(UpdateExpression, "overlap", "set #c[3].#ix = a, #c[3] = a", "[c, [3], [3]]", "[c, [3]]")
	two(UpdateExpression, "conflict", "set #c[3].#ix = a, #c.#ix[3] = if_not_exists(a)", "[c, [3], [3]]", "[c, [3], [3]]")
	two(UpdateExpression, "conflict", "remove a.#c set a[1] = #ix", "[a, c]", "[a, [1]]")
	accept(t, UpdateExpression, "SET a.b = :s, a.c.d = a REMOVE a.x ADD a.y :n", "")
	accept(t, ProjectionExpression, "a.b, a.c[1], a.c[0], b[0].x, b[1][0]", `"a"."b", "a"."c"[0], "a"."c"[1], "b"[0]."x", "b"[1][0]`)
}

// #122: each section once.
func TestSectionsComeOnce(t *testing.T) {
	f := func(text, section string) {
		t.Helper()
		refuse(t, UpdateExpression, text, `The "`+section+`" section can only be used once in an update expression;`)
	}
	f("set a = #nosuch set c = :nosuch", "SET")
	f("remove #nosuch set a = b remove e", "REMOVE")
	f("add #nosuch :nosuch set a = b add e :f", "ADD")
	f("delete #nosuch :nosuch set a = b delete #e :f", "DELETE")
}

// The checks on a whole condition come before those on its parts, and the parts are checked one after the other.
func TestOrderOfChecks(t *testing.T) {
	refuse(t, FilterExpression, "((a=b)) AND nosuch(a)", "The expression has redundant parentheses;")
	refuse(t, FilterExpression, "attribute_exists(a) > nosuch(a)", "Invalid function name; function: nosuch")
	refuse(t, FilterExpression, "abort = :s AND size(a)", "The function is not allowed to be used this way in an expression; function: size")
	refuse(t, FilterExpression, "#nosuch = :s AND abort = :s", "Attribute name is a reserved keyword; reserved keyword: abort")
	refuse(t, FilterExpression, "a < :l AND #nosuch = :s", "Incorrect operand type for operator or function; operator or function: <, operand type: L")
	refuse(t, UpdateExpression, "SET a = nosuch(b), abort = :s", "Attribute name is a reserved keyword; reserved keyword: abort")
	refuse(t, UpdateExpression, "SET b = list_append(:s, a), c = if_not_exists(a) ADD a.b :s", "Incorrect operand type for operator or function; operator: ADD, operand type: STRING")
}
