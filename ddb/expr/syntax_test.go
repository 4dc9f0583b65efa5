package expr

import (
	"strconv"
	"strings"
	"testing"

	"millrace/ddb"
)

// #86: an expression cannot be empty.
func TestEmptyExpressionIsRefused(t *testing.T) {
	for _, kind := range []Kind{ConditionExpression, FilterExpression, KeyConditionExpression, ProjectionExpression, UpdateExpression} {
		refuse(t, kind, "", "The expression can not be empty;")
		refuse(t, kind, " \t\r\n", "The expression can not be empty;") // assumed
	}
}

// #87: the bad token, and the text from the token before it to the token after it. Those marked "live" are answers of
// the service that users have reported.
func TestSyntaxErrorNamesTokenAndSurroundings(t *testing.T) {
	f := func(kind Kind, text, token, near string) {
		t.Helper()
		refuse(t, kind, text, `Syntax error; token: "`+token+`", near: "`+near+`"`)
	}
	// live: a first token has none before it
	f(UpdateExpression, "INVALID SYNTAX HERE", "INVALID", "INVALID SYNTAX")
	f(ProjectionExpression, "!!! INVALID !!!", "!", "!!")
	f(KeyConditionExpression, "[object Object]", "[", "[object")
	// live: at the end only the token before it is left
	f(ConditionExpression, "foo", "<EOF>", "foo")
	f(KeyConditionExpression, "a = :s AND :type", "<EOF>", ":type")
	f(UpdateExpression, "SET", "<EOF>", "SET")
	f(ProjectionExpression, "a,", "<EOF>", ",")
	// live: operators that the language does not have there
	f(ConditionExpression, "a+:delta<b", "+", "a+:delta")
	f(ConditionExpression, "a-b", "-", "a-b")
	f(ProjectionExpression, "dummy-id", "-", "dummy-id")
	// live: numbers have no leading zero, blanks stay as they are
	f(ProjectionExpression, "mymap.#AMZN_MAPPED_2021-03-03", "-", "#AMZN_MAPPED_2021-0")
	f(UpdateExpression, "ADD hits : incr", ":", "hits : incr")
	f(UpdateExpression, "REMOVE a, #, b", "#", ", #,")
	f(FilterExpression, "tenantAgent:abc123-x = :s", ":abc123", "tenantAgent:abc123-")
	f(FilterExpression, "#articleId attribute_not_exists :ckpst", "attribute_not_exists", "#articleId attribute_not_exists :ckpst")
	f(UpdateExpression, "SET a = :s, SET updated = :n", "SET", ", SET updated")
	f(UpdateExpression, "SET #as, #x = :s", ",", "#as, #x")
	// live: identifiers begin with a letter
	f(UpdateExpression, "SET _123 = :s", "_", "SET _123")
	f(UpdateExpression, "SET 123a = :s", "123", "SET 123a")
	// the rest of the suites' list
	f(FilterExpression, "a in ()", ")", "()")
	f(KeyConditionExpression, "a=:s AND c!=:n", "!", "c!=")
	f(FilterExpression, "things are not gonna be ok", "are", "things are not")
	f(FilterExpression, "a > 4", "4", "> 4")
	f(FilterExpression, "attribute_exists(Pictures-RearView)", "-", "Pictures-RearView")
	f(FilterExpression, `attribute_exists("Pictures.RearView")`, `"`, `("Pictures`)
	f(FilterExpression, "attribute_exists(Pictures..RearView)", ".", "..RearView")
	f(FilterExpression, "attribute_exists(Pi#ctures.RearView)", "#ctures", "Pi#ctures.")
	f(FilterExpression, "attribute_exists(asdf[a])", "a", "[a]")
	f(FilterExpression, "a in b, c", "b", "in b,")
	f(FilterExpression, "a > between", "between", "> between")
	f(FilterExpression, "a in (b,c,)", ")", ",)")
	f(FilterExpression, "(a)between(b.(c.d))and(c)", "(", ".(c")
	f(FilterExpression, "(a)between(b.c.d)and((c)", "<EOF>", ")")
	f(FilterExpression, "#$.b > a", "#", "#$")
	f(FilterExpression, "a > :things.stuff", ".", ":things.stuff")
	f(FilterExpression, "ü > a", "ü", "ü >")
	f(FilterExpression, "b[4.5] > a", ".", "4.5")
	f(FilterExpression, "size(a).b > a", ".", ").b")
	f(FilterExpression, "(size(a)).b > a", ".", ").b")
	f(FilterExpression, "size(a)[0] > a", "[", ")[0")
	f(FilterExpression, "a = :s = :n", "=", ":s = :n")
	f(FilterExpression, "size()", ")", "()")
	f(FilterExpression, "a = :s b = :n", "b", ":s b =")
	// #100: a path or a value alone is no condition
	f(ConditionExpression, ":s", "<EOF>", ":s")
	f(ConditionExpression, "(a)", "<EOF>", ")")
	f(ConditionExpression, "a AND b = :s", "AND", "a AND b")
	f(ConditionExpression, "a = :s AND (b)", "<EOF>", ")")
	f(ConditionExpression, "NOT a", "<EOF>", "a")
	f(ConditionExpression, "a BETWEEN :n OR :n2", "OR", ":n OR :n2")
	f(ConditionExpression, "NOT (a) AND b = :s", "AND", ") AND b")
	// #125: one operator at most, and none in a function
	f(UpdateExpression, "SET a = b + c + d", "+", "c + d")
	f(UpdateExpression, "SET a = (b + c) + d", "+", ") + d")
	f(UpdateExpression, "SET a = if_not_exists(a, :n + :n2)", "+", ":n + :n2")
	f(UpdateExpression, "SET a = b * c", "*", "b * c")
	f(UpdateExpression, "SET a = 1", "1", "= 1")
	f(UpdateExpression, "SET (a = b)", "(", "SET (a")
	f(UpdateExpression, "SET a = (b.c).d + e", ".", ").d")
	f(UpdateExpression, "SET a = (b.c)[0] + e", "[", ")[0")
	f(UpdateExpression, "SET if_not_exists(a, b) = a", "(", "if_not_exists(a")
	f(UpdateExpression, "SET :s = b", ":s", "SET :s =")
	f(UpdateExpression, "SET a", "<EOF>", "a")
	f(UpdateExpression, "SET a = set", "set", "= set")
	f(UpdateExpression, "SET a = :s,", "<EOF>", ",")
	f(UpdateExpression, "SET a = :s SET", "<EOF>", "SET")
	f(UpdateExpression, "REMOVE a = b", "=", "a = b")
	f(UpdateExpression, "REMOVE a b", "b", "a b")
	f(UpdateExpression, "ADD a b", "b", "a b")
	f(UpdateExpression, "DELETE a if_not_exists(b)", "if_not_exists", "a if_not_exists(")
	// #132: an index is a number, not a placeholder
	f(UpdateExpression, "SET a[:n] = :s", ":n", "[:n]")
	f(FilterExpression, "b[#a] > a", "#a", "[#a]")
	f(ProjectionExpression, "a[01]", "1", "01]")
	f(ProjectionExpression, "a b", "b", "a b")
	// a syntax error is found before anything else is wrong
	f(ConditionExpression, "nosuch(abort, #nosuch) = :nosuch AND", "<EOF>", "AND")
}

// #88: reserved words, in any case and in every element of a path; there are 573.
func TestReservedWords(t *testing.T) {
	if len(reserved) != 573 {
		t.Errorf("there are %d reserved words, want 573", len(reserved))
	}
	for w := range reserved {
		if len(w) > maxReserved {
			t.Errorf("%q is longer than maxReserved", w)
		}
	}
	f := func(kind Kind, text, word string) {
		t.Helper()
		refuse(t, kind, text, "Attribute name is a reserved keyword; reserved keyword: "+word)
	}
	f(ConditionExpression, "name = :s", "name")
	f(FilterExpression, "a.Status = :s", "Status")
	f(FilterExpression, ":s < abOrT", "abOrT")
	f(FilterExpression, "attribute_exists(views, #nosuch)", "views")
	f(ProjectionExpression, "a, b.c[1].zone", "zone")
	f(UpdateExpression, "set #nosuch = :nosuch set abOrt = true", "abOrt")
	f(UpdateExpression, " remove Absolute ", "Absolute")
	f(UpdateExpression, "SET a = size", "size")
	f(UpdateExpression, "SET a.and = :s", "and")
	f(FilterExpression, "size(size) > :n", "size")
	// a placeholder may stand for one, and longer words are free
	accept(t, ConditionExpression, "size(#size) > :n", `size("size") > {"N":"5"}`)
	accept(t, ProjectionExpression, "names_, sizes, localtimestamps", "")
	accept(t, ProjectionExpression, strings.Repeat("x", 4096), "")
}

// #94: bare names are a letter and then letters, digits and underscores; a placeholder is one element.
func TestNames(t *testing.T) {
	accept(t, ProjectionExpression, "A123_.b_2[0][1], #dot . #ix", `"A123_"."b_2"[0][1], "x.y"."[3]"`)
	env := NewEnv(ddb.Names{"#4g": "a", "#_": "b"}, ddb.Values{":_": ddb.StringValue("x"), ":0": ddb.StringValue("y")})
	if got, want := parse(ConditionExpression, "#4g = :_ AND #_ = :0", env), `"a" = {"S":"x"} AND "b" = {"S":"y"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// #95: keywords have no case, functions have; blanks do not matter.
func TestCaseAndBlanks(t *testing.T) {
	accept(t, ConditionExpression, "a=:s aNd not(b<:n or\tc beTween:n\nand:n2 )and c in(:s,:n)",
		`"a" = {"S":"m"} AND NOT ("b" < {"N":"5"} OR "c" BETWEEN {"N":"5"} AND {"N":"7"}) AND "c" IN ({"S":"m"}, {"N":"5"})`)
	accept(t, UpdateExpression, "  aDd a:n remove  b,c seT d=:s delete e:ss",
		`SET "d" = {"S":"m"} REMOVE "b", "c" ADD "a" {"N":"5"} DELETE "e" {"SS":["x","y"]}`)
	refuse(t, ConditionExpression, "Attribute_Exists(a)", "Invalid function name; function: Attribute_Exists")
	refuse(t, UpdateExpression, "SET a = LIST_APPEND(:l, :l)", "Invalid function name; function: LIST_APPEND")
}

// #98: something that stands in two pairs of parentheses.
func TestRedundantParentheses(t *testing.T) {
	for _, text := range []string{
		"((a = :s))", "((a)) = :s", "a=b AND a > ((views))", "a > whatever((:things), ((a)))", "(a)between(((b.c)).d)and(c)",
		"a=b AND ((a=b AND a=b)) AND a=b", "a=b OR ((a=b OR (a=b OR a=b)))", "((attribute_exists(a)))",
		"((c=:n) AND ((a=:n)))", strings.Repeat("(", 2046) + "a<b" + strings.Repeat(")", 2046),
	} {
		refuse(t, FilterExpression, text, "The expression has redundant parentheses;")
	}
	refuse(t, UpdateExpression, "SET a = ((:n))", "The expression has redundant parentheses;") // assumed
	for _, text := range []string{
		"(a = :s)", "(a = :s) AND (b = :s)", "((a = :s) AND b = :s)", "((a) = :s)", "((a) = (:s))", "(a = :s OR (b = :n))",
		"(attribute_exists(a) AND (b = :s))", "((size(a)) = :n) AND c = :s", "(size(a)) = :n", "(size((a)) = :n)",
		"(a.b).c = :s", "((a.b).c = :s)", "NOT (NOT (a = :s))", "(NOT (a = :s))",
		"( ( ( size ( #a )) < #b.maximum ) AND ( #c > :n ) )",
	} {
		accept(t, FilterExpression, text, "")
	}
	accept(t, UpdateExpression, "SET a = ((b[1])+(c.d)), d = (b), e = (b - c)", `SET "a" = "b"[1] + "c"."d", "d" = "b", "e" = "b" - "c"`)
}

// #99: NOT binds closer than AND, and AND closer than OR.
func TestPrecedence(t *testing.T) {
	f := func(text, want string) { t.Helper(); accept(t, ConditionExpression, text, want) }
	f("a=b OR a=c AND NOT a=d OR a=e", `"a" = "b" OR "a" = "c" AND NOT "a" = "d" OR "a" = "e"`)
	f("(a=b OR a=c) AND (NOT a=d)", `("a" = "b" OR "a" = "c") AND NOT "a" = "d"`)
	f("a=b AND (a=c AND a=d)", `"a" = "b" AND "a" = "c" AND "a" = "d"`)
	f("NOT (a=b AND a=c)", `NOT ("a" = "b" AND "a" = "c")`)
	f("a BETWEEN b AND c AND a=d", `"a" BETWEEN "b" AND "c" AND "a" = "d"`)
	f("not not a=b", `NOT NOT "a" = "b"`)
}

// #83, #84, #85: limits.
func TestLimits(t *testing.T) {
	// 4096 bytes, counted as sent, and before anything else is looked at
	accept(t, UpdateExpression, "SET"+strings.Repeat(" ", 4085)+"a = :one", "")
	refuse(t, UpdateExpression, "SET "+strings.Repeat(" ", 4085)+"a = :one", "Expression size has exceeded the maximum allowed size; expression size: 4097")
	refuse(t, FilterExpression, strings.Repeat("(", 15000), "Expression size has exceeded the maximum allowed size; expression size: 15000")
	// 300 operators: 149 ORs and 150 comparisons are fine, 454 are not
	or := func(depth int) string { return "a<b " + strings.Repeat("or (a<b ", depth) + strings.Repeat(")", depth) }
	accept(t, ConditionExpression, or(149), "")
	refuse(t, ConditionExpression, or(454), "The expression contains too many operators; operator count: 301")
	refuse(t, ConditionExpression, strings.Repeat("not ", 1000)+"a<b", "The expression contains too many operators; operator count: 301")
	accept(t, ConditionExpression, strings.Repeat("not ", 299)+"a<b", "")
	refuse(t, ConditionExpression, strings.Repeat("not ", 300)+"a<b", "The expression contains too many operators; operator count: 301")
	sums := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(",a" + strconv.Itoa(i) + "=b+c")
		}
		return "SET " + b.String()[1:]
	}
	accept(t, UpdateExpression, sums(300), "")
	refuse(t, UpdateExpression, sums(301), "The expression contains too many operators; operator count: 301")
	// deep, but no more than wrong
	refuse(t, ConditionExpression, strings.Repeat("(", 4096), `Syntax error; token: "<EOF>", near: "("`)
	refuse(t, ConditionExpression, "a < "+strings.Repeat("f(", 1355)+"b"+strings.Repeat(")", 1355), "Invalid function name; function: f")
	refuse(t, UpdateExpression, "SET a = "+strings.Repeat("(", 4000), `Syntax error; token: "<EOF>", near: "("`)
	// 100 operands of IN
	in := func(n int) string { return "a IN (" + strings.TrimSuffix(strings.Repeat(":s,", n), ",") + ")" }
	accept(t, FilterExpression, in(100), "")
	refuse(t, FilterExpression, in(101), "The IN operator is provided with too many operands; number of operands: 101")
	// paths of 32 elements, indexes of 31 bits
	path := func(n int) string { return "a" + strings.Repeat(".b", n-1) }
	accept(t, ProjectionExpression, path(32), "")
	refuse(t, ProjectionExpression, path(33), "The document path has too many nesting levels; nesting levels: 33")
	accept(t, ProjectionExpression, "a[2147483647]", "")
	for _, ix := range []string{"2147483648", "4294967295", "99999999999999999999"} {
		refuse(t, ProjectionExpression, "a["+ix+"]", "List index is not within the allowable range; index: ["+ix+"]")
		refuse(t, UpdateExpression, "REMOVE a["+ix+"]", "List index is not within the allowable range; index: ["+ix+"]")
	}
}

// #89: placeholders that the request does not define.
func TestUndefinedPlaceholders(t *testing.T) {
	name := func(kind Kind, text, want string) {
		t.Helper()
		refuse(t, kind, text, "An expression attribute name used in the document path is not defined; attribute name: "+want)
	}
	value := func(kind Kind, text, want string) {
		t.Helper()
		refuse(t, kind, text, "An expression attribute value used in expression is not defined; attribute value: "+want)
	}
	name(FilterExpression, "#missing = :s", "#missing")
	name(FilterExpression, "attribute_exists(#Pictures.RearView, :nosuch) and a=b", "#Pictures")
	name(FilterExpression, "begins_with(Pictures.#RearView)", "#RearView")
	name(FilterExpression, "(#P between :lo and :hi) and (#PC in (:cat1, :cat2))", "#P")
	name(ProjectionExpression, "a.#x, #y", "#x")
	name(UpdateExpression, "SET #nosuch = if_not_exists(:nosuch)", "#nosuch")
	name(UpdateExpression, "SET a = :nosuch REMOVE #nosuch", "#nosuch") // names before values
	value(FilterExpression, "begins_with(:hello, #x, #y)", ":hello")
	value(FilterExpression, ":x < :y", ":x")
	value(KeyConditionExpression, "a = :x", ":x")
	value(UpdateExpression, "SET #a = if_not_exists(:c)", ":c")
	value(UpdateExpression, "ADD a :x", ":x")
}

// #90: placeholders that no expression of the request uses.
func TestUnusedPlaceholders(t *testing.T) {
	f := func(env *Env, want string) {
		t.Helper()
		got := ""
		if err := env.Unused(); err != nil {
			got = err.Message
		}
		if got != want {
			t.Errorf("Unused() = %q, want %q", got, want)
		}
	}
	env := NewEnv(ddb.Names{"#a": "a", "#b": "b", "#c": "c"}, ddb.Values{":v": ddb.NullValue(), ":w": ddb.NullValue()})
	f(env, "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b, #c}")
	parse(ConditionExpression, "#a = :v OR #a = #c", env)
	f(env, "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}")
	parse(ProjectionExpression, "#b.#b", env)
	f(env, "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}")
	parse(UpdateExpression, "SET x = :w", env)
	f(env, "")
	f(NewEnv(nil, nil), "")
}

// #91, #92: placeholders without an expression, empty maps, bad keys and values, in this order.
func TestSuppliedPlaceholders(t *testing.T) {
	f := func(names ddb.Names, values ddb.Values, want string, exprs ...Supplied) {
		t.Helper()
		got := ""
		if err := NewEnv(names, values).CheckSupplied(exprs...); err != nil {
			got = err.Message
		}
		if got != want {
			t.Errorf("CheckSupplied(%v) = %q, want %q", exprs, got, want)
		}
	}
	n, v := ddb.Names{"#a": "a"}, ddb.Values{":v": ddb.NullValue()}
	on := func(k Kind) Supplied { return Supplied{k, true} }
	off := func(k Kind) Supplied { return Supplied{k, false} }
	f(n, v, "ExpressionAttributeNames can only be specified when using expressions", off(ConditionExpression))
	f(nil, v, "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null", off(ConditionExpression))
	f(nil, v, "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and ConditionExpression are null",
		off(UpdateExpression), off(ConditionExpression))
	f(n, v, "ExpressionAttributeValues can only be specified when using expressions: FilterExpression is null",
		on(ProjectionExpression), off(FilterExpression))
	f(n, v, "", off(UpdateExpression), on(ConditionExpression))
	f(n, nil, "", on(ProjectionExpression))
	f(ddb.Names{}, nil, "ExpressionAttributeNames can only be specified when using expressions", off(ProjectionExpression))
	f(ddb.Names{}, ddb.Values{}, "ExpressionAttributeNames must not be empty", on(FilterExpression))
	f(nil, ddb.Values{}, "ExpressionAttributeValues must not be empty", on(FilterExpression))
	for _, k := range []string{"a", "#", "#a-b", "", "##a", ":a"} {
		f(ddb.Names{k: "a"}, ddb.Values{}, `ExpressionAttributeNames contains invalid key: Syntax error; key: "`+k+`"`, on(FilterExpression))
	}
	f(nil, ddb.Values{"a": ddb.NullValue()}, `ExpressionAttributeValues contains invalid key: Syntax error; key: "a"`, on(FilterExpression))
	f(nil, ddb.Values{":v": ddb.InvalidValue("bad thing")}, "ExpressionAttributeValues contains invalid value: bad thing for key :v", on(FilterExpression))
	f(ddb.Names{"#a": ""}, nil, "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a", on(FilterExpression))
	long := "#" + strings.Repeat("x", ddb.MaxPlaceholderBytes)
	f(ddb.Names{long[:ddb.MaxPlaceholderBytes]: "a"}, nil, "", on(FilterExpression))
	f(ddb.Names{long: "a"}, nil, "ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too long; key: "+strconv.Quote(long), on(FilterExpression))
}
