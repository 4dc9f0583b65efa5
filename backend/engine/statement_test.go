package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

// What these tests expect was checked against the service, where nothing else is said: by
// github.com/paritysuite/dynamodb-conformance (tests/tier2/partiql, tests/tier3/error-messages/partiql*) or by
// github.com/floci-io/floci, pull request 3798.

// statementBody is the body of an ExecuteStatement; parameters are JSON values.
func statementBody(statement string, parameters ...string) string {
	body := `{"Statement":` + string(ddb.AppendJSONString(nil, statement))
	if parameters != nil {
		body += `,"Parameters":[` + strings.Join(parameters, ",") + `]`
	}
	return body + `}`
}

// run executes one statement and returns its items.
func (h *harness) run(statement string, parameters ...string) string {
	h.t.Helper()
	return h.items(ddb.ExecuteStatement, statementBody(statement, parameters...))
}

// selects checks a statement's items, in order.
func (h *harness) selects(statement, want string, parameters ...string) {
	h.t.Helper()
	if got := h.run(statement, parameters...); !sameJSON(h.t, got, want) {
		h.t.Errorf("%s\n got %s\nwant %s", statement, got, want)
	}
}

// finds checks how many items a SELECT has.
func (h *harness) finds(statement string, want int) {
	h.t.Helper()
	var items []any
	if err := json.Unmarshal([]byte(h.run(statement)), &items); err != nil {
		h.t.Fatal(err)
	}
	if len(items) != want {
		h.t.Errorf("%s: %d items, want %d", statement, len(items), want)
	}
}

// refuses checks that a statement is a ValidationException.
func (h *harness) refuses(statement, message string, parameters ...string) {
	h.t.Helper()
	h.invalid(ddb.ExecuteStatement, statementBody(statement, parameters...), message)
}

// stored is the item of the table "hash" with this key, as JSON; empty if there is none.
func (h *harness) stored(p string) string {
	h.t.Helper()
	return h.member(ddb.GetItem, fmt.Sprintf(`{"TableName":"hash","Key":{"p":{"S":%q}},"ConsistentRead":true}`, p), "Item")
}

// holds checks what is stored at p in the table "hash"; want is empty for nothing.
func (h *harness) holds(p, want string) {
	h.t.Helper()
	if got := h.stored(p); !sameJSON(h.t, got, want) {
		h.t.Errorf("item %q is %s, want %s", p, got, want)
	}
}

// TestInsertPutsWhatItsLiteralsSay has every kind of literal. #199
func TestInsertPutsWhatItsLiteralsSay(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.ok(ddb.ExecuteStatement, statementBody(`INSERT INTO "hash" VALUE {'p': 'x', 's': 'it''s', 'e': '', 'n': 1E3, 'm': -1.5e-3,
		'z': -0, 't': TRUE, 'f': false, 'u': NULL, 'l': [1, 'a', [true], {}], 'M': {'a': 'value', 'b': {'c': 4}},
		'ns': <<1, 34, 32, 4.5>>, 'ss': <<'b', 'a'>>}`), `{"Items":[]}`)
	h.holds("x", `{"p":{"S":"x"},"s":{"S":"it's"},"e":{"S":""},"n":{"N":"1000"},"m":{"N":"-0.0015"},"z":{"N":"0"},
		"t":{"BOOL":true},"f":{"BOOL":false},"u":{"NULL":true},"l":{"L":[{"N":"1"},{"S":"a"},{"L":[{"BOOL":true}]},{"M":{}}]},
		"M":{"M":{"a":{"S":"value"},"b":{"M":{"c":{"N":"4"}}}}},"ns":{"NS":["1","4.5","32","34"]},"ss":{"SS":["a","b"]}}`)
	h.run(`INSERT INTO hash VALUE {'p': ?, 'b': ?, 'n': 1}`, `{"S":"y"}`, `{"B":"AQI="}`)
	h.holds("y", `{"p":{"S":"y"},"b":{"B":"AQI="},"n":{"N":"1"}}`)
	// Assumed.
	h.run(`INSERT INTO hash VALUE ?`, `{"M":{"p":{"S":"z"}}}`)
	h.holds("z", `{"p":{"S":"z"}}`)
	h.run(`INSERT INTO "arn:aws:dynamodb:us-east-1:000000000000:table/hash" VALUE {'p':'arn'}`)
	h.holds("arn", `{"p":{"S":"arn"}}`)
}

// TestInsertNeverReplaces checks #200.
func TestInsertNeverReplaces(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	const first = `INSERT INTO "hash" VALUE {'p': 'x', 'd': 'first'}`
	h.run(first)
	h.fails(ddb.ExecuteStatement, statementBody(`INSERT INTO "hash" VALUE {'p': 'x', 'd': 'second'}`),
		"DuplicateItemException", "Duplicate primary key exists in table")
	h.holds("x", `{"p":{"S":"x"},"d":{"S":"first"}}`)
	h.run(`DELETE FROM "hash" WHERE p = 'x'`)
	h.run(first)
	h.holds("x", `{"p":{"S":"x"},"d":{"S":"first"}}`)
}

// TestInsertIsRefusedAsAPutIs checks that the rules of items hold for statements.
func TestInsertIsRefusedAsAPutIs(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, stringTable)
	h.refuses(`INSERT INTO "string" VALUE {'p': 'x'}`, "One or more parameter values were invalid: Missing the key s in the item")
	h.refuses(`INSERT INTO "hash" VALUE {'p': 1}`, "One or more parameter values were invalid: Type mismatch for key p expected: S actual: N")
	h.refuses(`INSERT INTO "hash" VALUE {'p': ''}`, "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: p")
	h.refuses(`INSERT INTO "hash" VALUE {'p': 'x', '': 1}`, "One or more parameter values were invalid: Empty attribute name")
	h.refuses(`INSERT INTO "hash" VALUE {'p': 'x', 'a': ?}`, "Item size has exceeded the maximum allowed size", `{"S":`+chars(ddb.MaxItemBytes)+`}`)
	h.refuses(`INSERT INTO "hash" VALUE 'x'`, "The value of an INSERT must be a map, {'name': value, ...}, or a parameter that is one")
	h.fails(ddb.ExecuteStatement, statementBody(`INSERT INTO "nowhere" VALUE {'p': 'x'}`), "ResourceNotFoundException", "Requested resource not found")
	h.holds("x", "")
}

// TestLiteralsAreRefusedWithTheirPlace checks what is said of values that cannot be.
func TestLiteralsAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	const (
		overflow  = "Number overflow. Attempting to store a number with magnitude larger than supported range"
		underflow = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
		digits    = "Attempting to store more than 38 significant digits in a Number"
		twice     = "One or more parameter values were invalid: Input collection [a, a] contains duplicates."
		deep      = "Nesting Levels have exceeded supported limits under root"
	)
	h.refuses(`SELECT * FROM hash WHERE p = 1e126`, overflow+" under root")
	h.refuses(`SELECT * FROM hash WHERE p = 1e-131`, underflow+" under root")
	h.refuses(`SELECT * FROM hash WHERE p = 123456789012345678901234567890123456789`, digits+" under root")
	h.refuses(`INSERT INTO hash VALUE {'p': 1e126}`, overflow+" under root")
	h.refuses(`UPDATE hash SET a = 1e-131 WHERE p = 'x'`, underflow+" under root")
	h.refuses(`INSERT INTO hash VALUE {'p': 'x', 'm': {'x': 1e126}}`, overflow+" under root.x")
	h.refuses(`INSERT INTO hash VALUE {'p': 'x', 'l': [1, 1e126]}`, overflow+" under root[1]")
	h.refuses(`INSERT INTO hash VALUE {'p': 'x', 's': <<>>}`, "Empty bags are not supported")
	h.refuses(`INSERT INTO hash VALUE {'p': 'x', 's': <<1, 'a'>>}`, "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags")
	h.refuses(`INSERT INTO hash VALUE {'p': 'x', 's': <<'a', 'a'>>}`, twice)
	h.refuses(`UPDATE hash SET n = set_add(n, <<2, 2.0>>) WHERE p = 'x'`, "One or more parameter values were invalid: Input collection [2, 2.0] contains duplicates! under root")
	h.refuses(`SELECT * FROM hash WHERE p = 'x' AND s = <<'a','a'>>`, twice)
	h.refuses(`INSERT INTO hash VALUE {'p': 'x', 'ss': set_add(<<'a'>>, <<'b'>>)}`, "Unsupported data type: set_add under key root at 1:41:7")
	h.refuses(`UPDATE hash SET x = [?] WHERE p = 'x'`, "Unsupported data type: Parameter under key root[0] at 1:22:1", `{"S":"v"}`)
	h.refuses(`INSERT INTO hash VALUE {'p':'x','m':{'k':?}}`, "Unsupported data type: Parameter under key root.k at 1:42:1", `{"S":"v"}`)
	h.refuses(`UPDATE hash SET d = `+strings.Repeat("{'a':", 32)+"1"+strings.Repeat("}", 32)+` WHERE p = 'x'`, deep+strings.Repeat(".a", 32))
	h.refuses(`UPDATE hash SET d = {'a':`+strings.Repeat("[", 31)+"1"+strings.Repeat("]", 31)+`} WHERE p = 'x'`, deep+".a"+strings.Repeat("[0]", 31))
	h.run(`INSERT INTO hash VALUE {'p': 'x', 'd': ` + strings.Repeat("{'a':", 31) + "1" + strings.Repeat("}", 31) + `}`)
}

// TestParametersAreBoundInOrder checks #199, and that DynamoDB looks at them before the statement.
func TestParametersAreBoundInOrder(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.put("hash", `{"p":{"S":"x"},"a":{"N":"1"},"b":{"N":"2"}}`)
	h.run(`UPDATE hash SET a = ?, b = ? WHERE p = ?`, `{"N":"10"}`, `{"N":"20"}`, `{"S":"x"}`)
	h.selects(`SELECT a, b FROM hash WHERE p = ? AND a BETWEEN ? AND ? AND b IN [?, 2]`, `[{"a":{"N":"10"},"b":{"N":"20"}}]`,
		`{"S":"x"}`, `{"N":"9"}`, `{"N":"11"}`, `{"N":"20"}`)
	h.selects(`SELECT a FROM hash WHERE p = '?'`, `[]`)
	h.refuses(`SELECT * FROM hash WHERE p = ? AND a = ?`, "Number of parameters in request and statement don't match.", `{"S":"x"}`)
	h.refuses(`UPDATE hash SET WHERE`, "One or more parameter values were invalid: Input collection [a, a] contains duplicates.", `{"SS":["a","a"]}`)
	h.refuses(`INSERT INTO hash VALUE {'p':'y','x':?}`, "One or more parameter values were invalid: Null attribute value types must have the value of true", `{"NULL":false}`)
	h.refuses(`SELECT * FROM hash WHERE p = ?`, "The parameter cannot be converted to a numeric value: abc", `{"N":"abc"}`)
	h.invalid(ddb.ExecuteStatement, `{"Statement":"SELECT * FROM hash","Parameters":[]}`,
		"1 validation error detected: Value '[]' at 'parameters' failed to satisfy constraint: Member must have length greater than or equal to 1")
}

// TestUpdateChangesOneItem has the forms of UPDATE. #199
func TestUpdateChangesOneItem(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	const item = `{"p":{"S":"x"},"n":{"N":"5"},"l":{"L":[{"S":"a"},{"S":"b"}]},"m":{"M":{"k":{"S":"old"},"g":{"L":[{"N":"1"}]}}},"ss":{"SS":["a","b"]},"ns":{"NS":["1","2"]}}`
	f := func(actions, want string) {
		t.Helper()
		h.put("hash", item)
		h.ok(ddb.ExecuteStatement, statementBody(`UPDATE "hash" SET z = 1 `+actions+` WHERE p = 'x'`), `{"Items":[]}`)
		h.selects(`SELECT n, l, m, ss, ns FROM hash WHERE p = 'x'`, "["+want+"]")
	}
	const n, l, m, ss, ns = `"n":{"N":"5"}`, `"l":{"L":[{"S":"a"},{"S":"b"}]}`, `"m":{"M":{"k":{"S":"old"},"g":{"L":[{"N":"1"}]}}}`, `"ss":{"SS":["a","b"]}`, `"ns":{"NS":["1","2"]}`
	f(`SET n=n+1`, `{"n":{"N":"6"},`+l+`,`+m+`,`+ss+`,`+ns+`}`)
	f(`SET n=n-1`, `{"n":{"N":"4"},`+l+`,`+m+`,`+ss+`,`+ns+`}`)
	f(`SET n = n - - 2`, `{"n":{"N":"7"},`+l+`,`+m+`,`+ss+`,`+ns+`}`)
	f(`SET m.k = 'new', l[0] = n`, `{`+n+`,"l":{"L":[{"N":"5"},{"S":"b"}]},"m":{"M":{"k":{"S":"new"},"g":{"L":[{"N":"1"}]}}},`+ss+`,`+ns+`}`)
	f(`SET m.g = list_append(m.g, [2]) REMOVE l[1]`, `{`+n+`,"l":{"L":[{"S":"a"}]},"m":{"M":{"k":{"S":"old"},"g":{"L":[{"N":"1"},{"N":"2"}]}}},`+ss+`,`+ns+`}`)
	f(`SET m.g = LIST_APPEND([0], m.g) REMOVE n REMOVE m.k`, `{`+l+`,"m":{"M":{"g":{"L":[{"N":"0"},{"N":"1"}]}}},`+ss+`,`+ns+`}`)
	f(`SET ss = set_add(ss, <<'c', 'a'>>) SET ns = SET_DELETE(ns, <<1>>)`, `{`+n+`,`+l+`,`+m+`,"ss":{"SS":["a","b","c"]},"ns":{"NS":["2"]}}`)
	f(`SET ss = set_delete(ss, <<'a', 'b'>>) SET ns = set_delete(ns, <<7>>)`, `{`+n+`,`+l+`,`+m+`,`+ns+`}`)
	f(`SET fresh = set_add(fresh, <<'m'>>)`, `{`+n+`,`+l+`,`+m+`,`+ss+`,`+ns+`}`)
	h.selects(`SELECT fresh FROM hash WHERE p = 'x'`, `[{"fresh":{"SS":["m"]}}]`)
	h.run(`UPDATE hash SET bs = set_add(bs, ?) WHERE p = 'x'`, `{"BS":["AQ=="]}`)
	h.selects(`SELECT bs FROM hash WHERE p = 'x'`, `[{"bs":{"BS":["AQ=="]}}]`)
	h.run(`FROM hash WHERE p = 'x' AND n = 5 SET c = 5 REMOVE fresh`)
	h.selects(`SELECT c, fresh FROM hash WHERE p = 'x'`, `[{"c":{"N":"5"}}]`)
}

// TestUpdateIsRefusedBeforeItRuns has what is wrong with an UPDATE whatever the item is.
func TestUpdateIsRefusedBeforeItRuns(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	const item = `{"p":{"S":"x"},"n":{"N":"5"},"s":{"S":"str"},"ss":{"SS":["a"]}}`
	h.put("hash", item)
	f := func(set, message string) {
		t.Helper()
		h.refuses(`UPDATE hash SET `+set+` WHERE p = 'x' AND nope = 'x'`, message)
	}
	f(`t = set_add(ss, <<'x'>>)`, "The first argument to SET_ADD must equal the assignment value at 1:21:7")
	f(`ss = set_add(<<'a'>>, <<'b'>>)`, "The first argument to SET_ADD must equal the assignment value at 1:22:7")
	f(`ss = set_add(ss, 'x')`, "The second argument to SET_ADD must be a value with type SET at 1:30:2")
	f("\nss = set_delete(ss, ['x'])", "The second argument to SET_DELETE must be a value with type SET at 2:17:2")
	f(`ss = set_add(ss)`, "SET_ADD must have exactly two arguments at 1:22:7")
	f(`ss = set_add(ss, <<'x'>>, <<'y'>>)`, "SET_ADD must have exactly two arguments at 1:22:7")
	f(`ss = set_add(ss, <<>>)`, "Empty bags are not supported")
	f(`ss = set_add(ss, <<'x', 'x'>>)`, "One or more parameter values were invalid: Input collection [x, x] contains duplicates.")
	f(`n = 'a' + 1`, "Incorrect operand type for operator or function; operator or function: +, operand type: S")
	f(`n = n - null`, "Incorrect operand type for operator or function; operator or function: -, operand type: NULL")
	f(`n = list_append(1, [2])`, "Incorrect operand type for operator or function; operator or function: list_append, operand type: N")
	f(`n = if_not_exists(n, 1)`, "Unrecognized function: if_not_exists at 1:21:13")
	f(`n = 1, n = 2`, "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [n], path two: [n]")
	f(`p = 'y'`, "One or more parameter values were invalid: Cannot update attribute p. This attribute is part of the key")
	h.holds("x", item)

	// At run time the texts are UpdateItem's.
	g := func(set, message string) {
		t.Helper()
		h.refuses(`UPDATE hash SET `+set+` WHERE p = 'x'`, message)
	}
	g(`ss = set_add(ss, <<1>>)`, "An operand in the update expression has an incorrect data type")
	g(`s = set_add(s, <<'x'>>)`, "An operand in the update expression has an incorrect data type")
	g(`ss = set_delete(ss, <<1>>)`, "An operand in the update expression has an incorrect data type")
	g(`nolist = list_append(nolist, [1])`, "The provided expression refers to an attribute that does not exist in the item")
	g(`newlist[0] = 'x'`, "The document path provided in the update expression is invalid for update")
	h.put("hash", `{"p":{"S":"deep"},"m":{"M":{}}}`)
	h.refuses(`UPDATE hash SET m.deep = ? WHERE p = 'deep'`, "Nesting Levels have exceeded supported limits",
		strings.Repeat(`{"M":{"a":`, 31)+`{"S":"x"}`+strings.Repeat("}}", 31))
	h.holds("x", item)
}

// TestWritesNeedTheWholeKey checks #202: that an UPDATE or DELETE names one item.
func TestWritesNeedTheWholeKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, stringTable)
	h.put("string", `{"p":{"S":"a"},"s":{"S":"1"},"f":{"S":"x"}}`)
	const incomplete = "Where clause does not contain a mandatory equality on all key attributes"
	for _, where := range []string{"", " WHERE f = 'x'", " WHERE p = 'a'", " WHERE p = 'a' AND s > '0'", " WHERE p = 'a' OR s = '1'",
		" WHERE p IN ['a'] AND s = '1'", " WHERE p = 'a' AND NOT s = '1'", " WHERE p = 'a' AND s = f"} {
		h.refuses(`UPDATE "string" SET c = 1`+where, incomplete)
		h.refuses(`DELETE FROM "string"`+where, incomplete)
	}
	h.refuses(`FROM "string" WHERE f = 'x' SET c = 1`, incomplete)
	const multiple = "Multiple conditions on same key p. Only single item Update/Insert/Delete are supported"
	h.refuses(`UPDATE "string" SET c = 1 WHERE p = 'a' AND s = '1' AND p = 'b'`, multiple)
	h.refuses(`DELETE FROM "string" WHERE p = 'a' AND s = '1' AND p = 'b'`, multiple)
	h.refuses(`UPDATE "string" SET c = 1 WHERE p = 'a' AND s = 1`, "The provided key element does not match the schema")
	h.run(`UPDATE "string" SET c = 1 WHERE p = 'a' AND s = '1' AND p = 'a'`)
	h.run(`UPDATE "string" SET c = 2 WHERE (p = 'a' AND '1' = s) AND f = 'x'`)
	h.selects(`SELECT c FROM "string"`, `[{"c":{"N":"2"}}]`)
	h.fails(ddb.ExecuteStatement, statementBody(`UPDATE "nowhere" SET c = 1 WHERE p = 'x'`), "ResourceNotFoundException", "Requested resource not found")
}

// TestFurtherConditionsOfAWriteMustHold checks #202: what becomes of a write whose WHERE clause does not hold.
func TestFurtherConditionsOfAWriteMustHold(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	const item = `{"p":{"S":"x"},"name":{"S":"alpha"},"n":{"N":"5"},"v":{"SS":["a","b"]}}`
	h.put("hash", item)
	failed := func(statement string, parameters ...string) {
		t.Helper()
		h.fails(ddb.ExecuteStatement, statementBody(statement, parameters...), "ConditionalCheckFailedException", "The conditional request failed")
		h.holds("x", item)
	}
	failed(`UPDATE hash SET n = 9 WHERE p = 'x' AND "name" = 'beta'`)
	failed(`UPDATE hash SET n = 9 WHERE p = 'x' AND v = ?`, `{"SS":["a"]}`)
	failed(`UPDATE hash SET n = 9 WHERE p = 'x' AND attribute_exists(nope)`)
	failed(`DELETE FROM hash WHERE p = 'x' AND "name" = 'beta'`)
	failed(`DELETE FROM hash WHERE p = 'x' AND NOT begins_with("name", 'al')`)
	failed(`DELETE FROM hash WHERE p = 'x' AND attribute_exists(nope)`)
	failed(`FROM hash WHERE p = 'x' AND n = 2 SET c = 5`)
	// With the item in the error.
	e := h.fails(ddb.ExecuteStatement, `{"Statement":"UPDATE hash SET n = 9 WHERE p = 'x' AND n = 6","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`,
		"ConditionalCheckFailedException", "The conditional request failed")
	if got := text(e.Item); !e.HasItem || !sameJSON(t, got, item) {
		t.Errorf("item in the error: %s, want %s", got, item)
	}
	// An UPDATE never makes an item, a DELETE of none is done.
	f := func(statement string) {
		t.Helper()
		h.fails(ddb.ExecuteStatement, statementBody(statement), "ConditionalCheckFailedException", "The conditional request failed")
		h.holds("ghost", "")
	}
	f(`UPDATE hash SET d = 'new' WHERE p = 'ghost'`)
	f(`UPDATE hash SET d = 'new' WHERE p = 'ghost' AND attribute_not_exists(p)`)
	f(`UPDATE hash REMOVE d WHERE p = 'ghost'`)
	f(`UPDATE hash SET ss = set_add(ss, <<'x'>>) WHERE p = 'ghost'`)
	h.ok(ddb.ExecuteStatement, statementBody(`DELETE FROM hash WHERE p = 'ghost'`), `{"Items":[]}`)
	h.ok(ddb.ExecuteStatement, statementBody(`DELETE FROM hash WHERE p = 'ghost' AND "name" = 'x'`), `{"Items":[]}`)
	// Conditions that hold.
	h.run(`UPDATE hash SET n = 9 WHERE p = 'x' AND "name" = 'alpha' AND v = <<'b', 'a'>> AND n <> 9`)
	h.run(`DELETE FROM hash WHERE p = 'x' AND NOT begins_with("name", 'zz') AND n = 9`)
	h.holds("x", "")
}

// TestReturningTellsTheItem has the RETURNING clauses.
func TestReturningTellsTheItem(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	const item = `{"p":{"S":"x"},"d":{"S":"old"},"k":{"S":"same"},"m":{"M":{"a":{"S":"old"},"b":{"S":"keep"}}},"l":{"L":[{"S":"a"},{"S":"b"},{"S":"c"}]}}`
	f := func(actions, returning, want string) {
		t.Helper()
		h.put("hash", item)
		h.selects(`UPDATE hash `+actions+` WHERE p = 'x' RETURNING `+returning, want)
	}
	f(`SET d = 'new'`, `ALL OLD *`, `[`+item+`]`)
	f(`SET d = 'new'`, `ALL NEW *`, `[`+strings.Replace(item, `"d":{"S":"old"}`, `"d":{"S":"new"}`, 1)+`]`)
	f(`SET d = 'new'`, `MODIFIED OLD *`, `[{"d":{"S":"old"}}]`)
	f(`SET d = 'new'`, `modified new *`, `[{"d":{"S":"new"}}]`)
	f(`SET m.a = 'new'`, `MODIFIED NEW *`, `[{"m":{"M":{"a":{"S":"new"}}}}]`)
	f(`SET m.a = 'new'`, `MODIFIED OLD *`, `[{"m":{"M":{"a":{"S":"old"}}}}]`)
	f(`SET fresh = 1`, `MODIFIED OLD *`, `[]`)
	f(`SET fresh = 1`, `MODIFIED NEW *`, `[{"fresh":{"N":"1"}}]`)
	f(`REMOVE d`, `MODIFIED OLD *`, `[{"d":{"S":"old"}}]`)
	f(`REMOVE d`, `MODIFIED NEW *`, `[]`)
	f(`SET l[2] = 'y', l[0] = 'x'`, `MODIFIED NEW *`, `[{"l":{"L":[{"S":"x"},{"S":"y"}]}}]`)
	f(`SET l[2] = 'y', l[0] = 'x'`, `MODIFIED OLD *`, `[{"l":{"L":[{"S":"a"},{"S":"c"}]}}]`)
	f(`SET l[7] = 'z'`, `MODIFIED NEW *`, `[]`)
	f(`SET l[3] = 'z'`, `MODIFIED NEW *`, `[{"l":{"L":[{"S":"z"}]}}]`)
	f(`REMOVE l[1]`, `MODIFIED OLD *`, `[{"l":{"L":[{"S":"b"}]}}]`)
	f(`REMOVE l[1]`, `MODIFIED NEW *`, `[{"l":{"L":[{"S":"c"}]}}]`)
	f(`REMOVE l[2]`, `MODIFIED NEW *`, `[]`)
	h.put("hash", item)
	h.selects(`DELETE FROM hash WHERE p = 'x' RETURNING ALL OLD *`, `[`+item+`]`)
	h.selects(`DELETE FROM hash WHERE p = 'x' RETURNING ALL OLD *`, `[]`)
	h.fails(ddb.ExecuteStatement, statementBody(`UPDATE hash SET d = 1 WHERE p = 'x' RETURNING ALL OLD *`), "ConditionalCheckFailedException", "The conditional request failed")
}

// TestStatementsCostWhatTheSameRequestsCost checks ReturnConsumedCapacity.
func TestStatementsCostWhatTheSameRequestsCost(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, indexTable)
	f := func(statement, extra, mode, want string) {
		t.Helper()
		body := strings.TrimSuffix(statementBody(statement), "}") + extra + `,"ReturnConsumedCapacity":"` + mode + `"}`
		if got := h.member(ddb.ExecuteStatement, body, "ConsumedCapacity"); !sameJSON(t, got, want) {
			t.Errorf("%s: ConsumedCapacity %s, want %s", body, got, want)
		}
	}
	f(`INSERT INTO hash VALUE {'p':'x','v':1}`, "", "TOTAL", `{"TableName":"hash","CapacityUnits":1}`)
	f(`SELECT * FROM hash WHERE p = 'x'`, "", "TOTAL", `{"TableName":"hash","CapacityUnits":0.5}`)
	f(`SELECT * FROM hash WHERE p = 'x'`, `,"ConsistentRead":true`, "INDEXES", `{"TableName":"hash","CapacityUnits":1,"Table":{"CapacityUnits":1}}`)
	f(`SELECT * FROM hash WHERE p = 'none'`, "", "TOTAL", `{"TableName":"hash","CapacityUnits":0.5}`)
	f(`DELETE FROM hash WHERE p = 'none'`, "", "TOTAL", `{"TableName":"hash","CapacityUnits":1}`)
	f(`SELECT * FROM hash`, "", "NONE", ``)
	h.put("index", `{"p":{"S":"p"},"s":{"S":"1"},"g":{"S":"x"},"h":{"N":"1"},"l":{"S":"l"},"z":{"S":"z"}}`)
	f(`SELECT p FROM "index"."all" WHERE g = 'x'`, "", "INDEXES",
		`{"TableName":"index","CapacityUnits":0.5,"Table":{"CapacityUnits":0},"GlobalSecondaryIndexes":{"all":{"CapacityUnits":0.5}}}`)
	f(`SELECT z FROM "index"."lkeys" WHERE p = 'p'`, `,"ConsistentRead":true`, "INDEXES",
		`{"TableName":"index","CapacityUnits":2,"Table":{"CapacityUnits":1},"LocalSecondaryIndexes":{"lkeys":{"CapacityUnits":1}}}`)
	f(`UPDATE "index" SET z = 'y' WHERE p = 'p' AND s = '1'`, "", "INDEXES",
		`{"TableName":"index","CapacityUnits":3,"Table":{"CapacityUnits":1},"GlobalSecondaryIndexes":{"all":{"CapacityUnits":1}},"LocalSecondaryIndexes":{"lall":{"CapacityUnits":1}}}`)
}

// TestBatchRunsEachStatementByItself checks #203.
func TestBatchRunsEachStatementByItself(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.put("hash", `{"p":{"S":"a"},"d":{"S":"one"}}`, `{"p":{"S":"b"},"d":{"S":"two"}}`)
	f := func(want string, statements ...string) {
		t.Helper()
		for i, s := range statements {
			if s[0] != '{' {
				statements[i] = statementBody(s)
			}
		}
		h.ok(ddb.BatchExecuteStatement, `{"Statements":[`+strings.Join(statements, ",")+`]}`, `{"Responses":[`+want+`]}`)
	}
	const table = `"TableName":"hash"`
	f(`{`+table+`,"Item":{"p":{"S":"a"},"d":{"S":"one"}}},{`+table+`,"Item":{"d":{"S":"two"}}},{`+table+`},`+
		`{"Error":{"Code":"ResourceNotFound","Message":"Requested resource not found"},"TableName":"nowhere"},`+
		`{"Error":{"Code":"ValidationError","Message":"Statement wasn't well formed, can't be processed: Expected data manipulation"}}`,
		`SELECT * FROM hash WHERE p = 'a'`, `SELECT d FROM hash WHERE p IN ['b']`, `SELECT * FROM hash WHERE p = 'c'`,
		`SELECT * FROM "nowhere" WHERE p = 'x'`, `SLECT * FROM "hash" WHERE p = 'a'`)
	const needsKey = `"Select statements within BatchExecuteStatement must specify the primary key in the where clause."`
	f(`{"Error":{"Code":"ValidationError","Message":`+needsKey+`},`+table+`},{"Error":{"Code":"ValidationError","Message":`+needsKey+`},`+table+`},`+
		`{"Error":{"Code":"ValidationError","Message":`+needsKey+`},`+table+`}`,
		`SELECT * FROM hash`, `SELECT * FROM hash WHERE p = 'a' AND d = 'one'`, `SELECT * FROM hash WHERE p = 'a' AND p = 'b'`)
	f(`{`+table+`},{`+table+`},{"Error":{"Code":"DuplicateItem","Message":"Duplicate primary key exists in table"},`+table+`},`+
		`{"Error":{"Code":"ConditionalCheckFailed","Message":"The conditional request failed"},`+table+`},`+
		`{"Error":{"Code":"ConditionalCheckFailed","Message":"The conditional request failed","Item":{"p":{"S":"b"},"d":{"S":"two"}}},`+table+`}`,
		`INSERT INTO hash VALUE {'p':'new','d':1}`, `UPDATE hash SET d = 'after' WHERE p = 'a'`, `INSERT INTO hash VALUE {'p':'b'}`,
		`DELETE FROM hash WHERE p = 'b' AND d = 'x'`,
		`{"Statement":"DELETE FROM hash WHERE p = 'b' AND d = 'x'","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`)
	h.holds("new", `{"p":{"S":"new"},"d":{"N":"1"}}`)
	h.holds("a", `{"p":{"S":"a"},"d":{"S":"after"}}`)
	f(`{`+table+`,"Item":{"p":{"S":"a"},"d":{"S":"after"}}},{`+table+`,"Item":{"d":{"S":"three"}}},{`+table+`},`+
		`{"Error":{"Code":"ValidationError","Message":"Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE statements."}},`+
		`{"Error":{"Code":"ValidationError","Message":"One or more parameter values were invalid: An string set  may not be empty"}}`,
		`DELETE FROM hash WHERE p = 'a' RETURNING ALL OLD *`, `UPDATE hash SET d = 'three' WHERE p = 'b' RETURNING MODIFIED NEW *`,
		`UPDATE hash REMOVE d WHERE p = 'new' RETURNING MODIFIED NEW *`, `DELETE FROM hash WHERE p = 'b' RETURNING MODIFIED OLD *`,
		statementBody(`UPDATE hash SET d = ? WHERE p = 'b'`, `{"SS":[]}`))
	h.ok(ddb.BatchExecuteStatement, `{"ReturnConsumedCapacity":"TOTAL","Statements":[`+statementBody(`SELECT * FROM hash WHERE p = 'b'`)+`,`+
		`{"Statement":"SELECT * FROM hash WHERE p = 'none'","ConsistentRead":true},{"Statement":"nonsense"}]}`,
		`{"Responses":[{`+table+`,"Item":{"p":{"S":"b"},"d":{"S":"three"}}},{`+table+`},{"Error":{"Code":"ValidationError","Message":"Unsupported operation: VariableReference"}}],
		"ConsumedCapacity":[{"TableName":"hash","CapacityUnits":0.5},{"TableName":"hash","CapacityUnits":1}]}`)
	// Assumed.
	h.invalid(ddb.BatchExecuteStatement, `{"Statements":[`+statementBody(`SELECT * FROM hash WHERE p = 'b'`)+`,`+statementBody(`DELETE FROM hash WHERE p = 'b'`)+`]}`,
		"BatchExecuteStatement API does not support both read and write operations in the same request.")
	h.invalid(ddb.BatchExecuteStatement, `{"Statements":[]}`,
		"1 validation error detected: Value '[]' at 'statements' failed to satisfy constraint: Member must have length greater than or equal to 1")
	if _, bad := h.do(ddb.BatchExecuteStatement, `{"Statements":[`+strings.Repeat(`{"Statement":"x"},`, 25)+`{"Statement":"x"}]}`); bad == nil ||
		!strings.HasSuffix(bad.Message, "at 'statements' failed to satisfy constraint: Member must have length less than or equal to 25") {
		t.Errorf("26 statements: %v", bad)
	}
}
