package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

// TestSelectShowsWhatItAsksFor checks #201: columns are called by their last name.
func TestSelectShowsWhatItAsksFor(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	const item = `{"p":{"S":"x"},"m":{"M":{"nested":{"S":"deep"},"k":{"L":[{"S":"c"}]}}},"l":{"L":[{"S":"a"},{"S":"b"}]},"e":{"S":"extra"}}`
	h.put("hash", item)
	f := func(columns, want string) {
		t.Helper()
		h.selects(`SELECT `+columns+` FROM "hash" WHERE p = 'x'`, want)
	}
	f(`*`, `[`+item+`]`)
	f(`p, m`, `[{"p":{"S":"x"},"m":{"M":{"nested":{"S":"deep"},"k":{"L":[{"S":"c"}]}}}}]`)
	f(`m.nested`, `[{"nested":{"S":"deep"}}]`)
	f(`m.k[0], l[1], "l"[-0]`, `[{"k[0]":{"S":"c"},"l[1]":{"S":"b"},"l[0]":{"S":"a"}}]`)
	f(`m['nested']`, `[{"nested":{"S":"deep"}}]`)
	f(`nope, m.none, l[7], e.x, l[2147483647]`, `[{}]`)
	h.refuses(`SELECT l[-1] FROM hash WHERE p = 'x'`, "List index is not within the allowable range; index: [-1] at 1:11:1")
	h.refuses(`SELECT l[2147483648] FROM hash WHERE p = 'x'`, "List index is not within the allowable range; index: [2147483648] at 1:10:10")
	h.refuses(`SELECT attribute_exists(e) FROM hash WHERE p = 'x'`, "Unexpected path component at 1:8:16")
	// Assumed.
	h.refuses(`SELECT COUNT(*) FROM hash`, "Unexpected path component at 1:8:5")
	h.refuses(`SELECT e, m.e FROM hash`, "Duplicate attribute in the select list: e")
	h.refuses(`SELECT e AS f FROM hash`, "Aliasing is not supported")
}

// TestWhereIsEvaluated has the conditions of a WHERE clause. #201
func TestWhereIsEvaluated(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.put("hash", `{"p":{"S":"x"},"n":{"N":"5"},"s":{"S":"str"},"ss":{"SS":["a","b"]},"m":{"M":{"sub":{"S":"x"}}},"l":{"L":[{"S":"a"}]},
		"nul":{"NULL":true},"yes":{"BOOL":true},"b":{"B":"AQID"},"size":{"N":"1"}}`)
	for where, want := range map[string]int{
		// Comparisons.
		"n = 5": 1, "n <> 5": 0, "n != 6": 1, "5 >= n": 1, "n > -5": 1, "n < 5": 0, "s < 'z'": 1, "n = 5.0": 1, "n = '5'": 0, "n < 's'": 0,
		"nope = 1": 0, "nope <> 1": 1, "m.sub = 'x'": 1, "l[0] = 'a'": 1, "m.sub = p": 1, "s > n": 0,
		"ss = <<'b', 'a'>>": 1, "l = ['a']": 1, "m = {'sub': 'x'}": 1, "nul = null": 1, "yes = TRUE": 1, "\"size\" = 1": 1,
		"n BETWEEN 1 AND 5": 1, "n NOT BETWEEN 1 AND 5": 0, "n BETWEEN - 2 AND +4": 0, "n IN [1, 5]": 1, "n IN (5)": 1, "n NOT IN [1, 2]": 1, "n IN [s, size(ss)]": 0,
		// AND, OR, NOT.
		"n = 5 AND s = 'no'": 0, "n = 6 OR s = 'str'": 1, "NOT n = 6": 1, "NOT (n = 5 OR s = 'no')": 0, "n = 6 OR n = 5 AND s = 'no'": 0,
		// Functions, in any case.
		"begins_with(s, 'st')": 1, "NOT BEGINS_WITH(s, 'st')": 0, "contains(s, 'tr')": 1, "contains(ss, 'a')": 1, "contains(l, 'z')": 0,
		"size(s) = 3": 1, "SIZE(ss) > 2": 0, "size(b) <= 3": 1, "attribute_type(ss, 'SS')": 1, "attribute_type(ss, 'S')": 0,
		"attribute_exists(m.sub)": 1, "attribute_exists(m.nope)": 0, "ATTRIBUTE_NOT_EXISTS (nope)": 1, "attribute_exists(\"s\")": 1,
		// IS.
		"nope IS MISSING": 1, "s IS MISSING": 0, "s IS NOT MISSING": 1, "nul IS NULL": 1, "s IS NULL": 0, "s IS NOT NULL": 1, "nope IS NULL": 0,
		"nope IS NOT NULL": 1, "yes IS BOOL": 1, "s IS STRING": 1, "s IS BOOL": 0,
		"n IS DECIMAL": 1, "ss IS BAG": 1, "m IS STRUCT": 1, "l IS NOT LIST": 0, "s IS TIMESTAMP": 0, // assumed
		// Conditions as values.
		"attribute_exists(nope) = false": 1, "true = attribute_exists(n)": 1, "attribute_exists(n) <> 1": 1, "contains(nope, 'z') = false": 1,
		"(n BETWEEN 0 AND 5) = true": 1, "(n = 4 OR s = 'x') = false": 1, "attribute_exists(nope) IN [true, false]": 1,
		"attribute_exists(n) = attribute_exists(s)": 1, "attribute_exists(n) = yes": 1, "attribute_exists(n) = 1": 0,
		"NOT attribute_exists(n) = true": 0, "(attribute_exists(n) = true) = false": 0, "attribute_exists(n) = s": 0,
	} {
		h.finds(`SELECT * FROM hash WHERE p = 'x' AND `+where, want)
		h.finds(`SELECT * FROM hash WHERE `+where, want)
	}
}

// TestWhereIsRefused has conditions that can never be.
func TestWhereIsRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, stringTable)
	f := func(where, message string, parameters ...string) {
		t.Helper()
		h.refuses(`SELECT * FROM hash WHERE p = 'x' AND `+where, message, parameters...)
	}
	const wrong = "Incorrect operand type for operator or function; operator or function: "
	for _, op := range []string{"<", "<=", ">", ">="} {
		f(`v `+op+` ?`, wrong+op+", operand type: BOOL", `{"BOOL":true}`)
	}
	for kind, v := range map[string]string{"NULL": `true`, "L": `[{"S":"a"}]`, "M": `{"a":{"S":"b"}}`, "SS": `["a"]`, "NS": `["1"]`, "BS": `["AQ=="]`} {
		f(`v < ?`, wrong+"<, operand type: "+kind, `{"`+kind+`":`+v+`}`)
		h.selects(`SELECT p FROM hash WHERE p = 'x' AND (v = ? OR v <> ?)`, `[]`, `{"`+kind+`":`+v+`}`, `{"`+kind+`":`+v+`}`)
	}
	f(`v BETWEEN ? AND ?`, wrong+"BETWEEN, operand type: BOOL", `{"BOOL":true}`, `{"BOOL":false}`)
	f(`attribute_exists(n) > false`, wrong+">, operand type: BOOL")
	f(`attribute_type(l, 1)`, wrong+"attribute_type, operand type: N")
	f(`attribute_type(l, true)`, wrong+"attribute_type, operand type: BOOL")
	// The service lists the types in another order, which is that of a hash set.
	f(`attribute_type(l, 'X')`, "Invalid attribute type name found; type: X, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}")
	f(`attribute_exists('ss')`, "Operator or function requires a document path; operator or function: attribute_exists")
	f(`attribute_exists(?)`, "Operator or function requires a document path; operator or function: attribute_exists", `{"S":"ss"}`)
	f(`attribute_exists()`, "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 0")
	f(`attribute_exists(a, b)`, "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2")
	f(`EXISTS(ss)`, "Unrecognized function: exists at 1:38:6")
	f(`set_add(ss, <<'x'>>) = ss`, "Unrecognized function: set_add at 1:38:7")
	f(`n IN [`+strings.Repeat("1,", 100)+`1]`, "The IN operator is provided with too many operands; number of operands: 101")
	h.refuses(`SELECT * FROM hash WHERE p = 'x'`+strings.Repeat(" AND a = 1", 151), "The expression contains too many operators; operator count: 301")
	// Assumed.
	f(`n > -n`, "Unsupported operator in expression: - at 1:42:1")
	f(`n > -?`, "Unsupported operator in expression: - at 1:42:1", `{"N":"1"}`)
	f(`n + 1 > 2`, "Unsupported operator in expression: + at 1:40:1")
	f(`s LIKE 'a%'`, "Unsupported operator in expression: like at 1:40:4")
	f(`yes`, "Unsupported operator in expression: VariableReference at 1:38:3")
	f(`p.x = 1`, "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: p")
	f(`"" = 1`, "One or more parameter values were invalid: Empty attribute name")
	// Not of the condition.
	h.fails(ddb.ExecuteStatement, statementBody(`SELECT * FROM "nowhere" WHERE p = 'x'`), "ResourceNotFoundException", "Requested resource not found")
	h.refuses(`EXISTS(SELECT * FROM hash WHERE p = 'x' AND a IS MISSING)`, "EXISTS can only be used in ExecuteTransaction write requests.")
	h.refuses(`SELECT * FROM hash WHERE p = ''`, "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: p")
	const keyType = "Key attribute's data type should match its data type in table's schema: Key "
	h.refuses(`SELECT * FROM "string" WHERE p = 1 OR p = 'r'`, keyType+"p")
	h.refuses(`SELECT * FROM "string" WHERE p = 'r' AND s IN ['1', 2]`, keyType+"s")
	h.refuses(`SELECT * FROM "string" WHERE p = 'r' AND s BETWEEN 1 AND ?`, keyType+"s", `{"N":"2"}`)
	h.finds(`SELECT * FROM "string" WHERE p > 1`, 0)
}

// sorted puts the items 1 to n into a partition of the table "string".
func (h *harness) sorted(p string, n int) {
	h.t.Helper()
	for i := 1; i <= n; i++ {
		h.put("string", fmt.Sprintf(`{"p":{"S":%q},"s":{"S":"%d"},"f":{"S":"f%d"}}`, p, i, i))
	}
}

// order reads a SELECT page by page and writes the keys as "p/s".
func (h *harness) order(statement, options string) string {
	h.t.Helper()
	var out []string
	for token := ""; ; {
		body := strings.TrimSuffix(statementBody(statement), "}") + options
		if token != "" {
			body += `,"NextToken":"` + token + `"`
		}
		var page struct {
			Items []struct{ P, S struct{ S string } }
			// NextToken and LastEvaluatedKey come and go together but at the seam of two ranges.
			NextToken string
		}
		if err := json.Unmarshal([]byte(h.answer(ddb.ExecuteStatement, body+"}")), &page); err != nil {
			h.t.Fatal(err)
		}
		for _, it := range page.Items {
			out = append(out, it.P.S+"/"+it.S.S)
		}
		if token = page.NextToken; token == "" {
			return strings.Join(out, " ")
		}
		out = append(out, "|")
	}
}

// TestSelectReadsRangesOfKeys checks what of a partition is read, and in which order.
func TestSelectReadsRangesOfKeys(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(stringTable)
	h.sorted("o", 3)
	h.sorted("p", 3)
	f := func(where, want string) {
		t.Helper()
		if got := h.order(`SELECT * FROM "string" WHERE `+where, ""); got != want {
			t.Errorf("%s: %s, want %s", where, got, want)
		}
	}
	// The partitions o and p are in the other order by hash.
	f(`p = 'o'`, "o/1 o/2 o/3")
	f(`p = 'o' AND s > '1'`, "o/2 o/3")
	f(`p = 'o' AND '3' > s AND s >= '2'`, "o/2")
	f(`p = 'o' AND s = '1' AND s > '0'`, "o/1")
	f(`p = 'o' AND s = '1' AND s > '1'`, "")
	f(`p = 'o' AND begins_with(s, '2')`, "o/2")
	f(`p = 'o' AND s BETWEEN '2' AND '9'`, "o/2 o/3")
	f(`p = 'o' AND (s = '1' OR s = '3')`, "o/1 o/3")
	f(`p = 'o' AND s IN ['3', '1']`, "o/1 o/3")
	f(`p = 'o' AND (s < '1' OR s > '1' OR s = '1')`, "o/1 o/2 o/3")
	f(`p = 'o' AND NOT s = '1'`, "o/2 o/3")
	f(`p = 'o' AND s > '0' AND s <> '1'`, "o/2 o/3")
	f(`p = 'o' AND p = 'p'`, "")
	f(`p = 'o' AND attribute_exists(p)`, "o/1 o/2 o/3")
	f(`p IN ['o', 'p'] AND s = '2'`, "p/2 o/2")
	f(`p = 'o' AND s = '1' OR p = 'p' AND f = 'f2'`, "p/2 o/1")
	// Ranges that exclude keys may overlap.
	for where, want := range map[string]string{
		`NOT s = '1'`: "o/2 o/3", `s <> '1'`: "o/2 o/3", `NOT begins_with(s, 'x')`: "o/1 o/2 o/3", `NOT s IN ['1', '3']`: "o/2",
		`NOT s > '5'`: "o/1 o/2 o/3", `NOT (s = '1')`: "o/2 o/3",
	} {
		f(`p = 'o' AND `+where+` OR p = 'o' AND s = '2'`, want)
	}
	f(`p = 'o' OR p = 'o' AND NOT s = '1'`, "o/1 o/2 o/3")
	// ORDER BY. When it leaves out the sort key, that is descending.
	f(`p = 'o' ORDER BY s DESC`, "o/3 o/2 o/1")
	f(`p = 'o' ORDER BY s`, "o/1 o/2 o/3")
	f(`p = 'o' ORDER BY p ASC`, "o/3 o/2 o/1")
	f(`p IN ['o', 'p'] ORDER BY p DESC, s ASC`, "p/1 p/2 p/3 o/1 o/2 o/3")
	f(`p IN ['p', 'o'] ORDER BY p, s DESC`, "o/3 o/2 o/1 p/3 p/2 p/1")
	f(`p = 'o' AND s IN ['1', '3'] ORDER BY s DESC`, "o/3 o/1")

	const overlapping = "Overlapping conditions with range keys are not supported in where clause"
	for _, where := range []string{`p IN ['o','o']`, `p='o' OR p='o'`, `p='o' AND (s > '0' OR s < '5')`, `p='o' AND (s='1' OR f='two')`,
		`(p='o' AND f='one') OR (p='o' AND f='two')`, `p = 'a' AND f = '1' OR p = 'a' AND s = '2'`, `p = 'a' AND f <> '1' OR p = 'a' AND s = '2'`} {
		h.refuses(`SELECT * FROM "string" WHERE `+where, overlapping)
	}
	f(`p = 'o' OR s = '1'`, "p/1 o/1 o/2 o/3")
	// ORDER BY where there is nothing to order by.
	const sel = `SELECT s FROM "string" `
	h.refuses(sel+`ORDER BY s`, "Must have WHERE clause in the statement when using ORDER BY clause.")
	h.refuses(sel+`WHERE p = 'o' ORDER BY Total DESC`, "Attribute Total in ORDER BY clause must be part of the primary key")
	h.refuses(sel+`WHERE p > 'a' ORDER BY s`, "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.")
	h.refuses(sel+`WHERE p IN ['o', 'p'] ORDER BY s DESC`, "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.")
}

// TestSelectPages checks Limit and NextToken on tables, ranges, scans and indexes. #163
func TestSelectPages(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(stringTable, indexTable)
	h.sorted("o", 5)
	h.sorted("p", 2)
	f := func(statement, options, want string) {
		t.Helper()
		if got := h.order(statement, options); got != want {
			t.Errorf("%s %s: %s, want %s", statement, options, got, want)
		}
	}
	f(`SELECT * FROM "string" WHERE p = 'o'`, `,"Limit":2`, "o/1 o/2 | o/3 o/4 | o/5")
	f(`SELECT * FROM "string" WHERE p = 'o'`, `,"Limit":5`, "o/1 o/2 o/3 o/4 o/5 |")
	f(`SELECT * FROM "string" WHERE p = 'o' ORDER BY s DESC`, `,"Limit":3`, "o/5 o/4 o/3 | o/2 o/1")
	f(`SELECT * FROM "string" WHERE p = 'o' AND s > '1' AND s < '5'`, `,"Limit":1`, "o/2 | o/3 | o/4 |")
	f(`SELECT p, s FROM "string" WHERE p IN ['o', 'p'] ORDER BY p DESC`, `,"Limit":2`, "p/2 p/1 | o/5 o/4 | o/3 o/2 | o/1")
	f(`SELECT * FROM "string" WHERE p IN ['o', 'p'] AND s IN ['1', '2']`, `,"Limit":1`, "p/1 | p/2 | o/1 | o/2")
	f(`SELECT * FROM "string" WHERE p IN ['o', 'p']`, `,"Limit":3`, "p/1 p/2 o/1 | o/2 o/3 o/4 | o/5")
	f(`SELECT * FROM "string"`, `,"Limit":4`, "p/1 p/2 o/1 o/2 | o/3 o/4 o/5")
	// Limit counts before the filter, as that of Query does.
	f(`SELECT * FROM "string" WHERE p = 'o' AND f = 'f4'`, `,"Limit":2`, "| o/4 |")
	f(`SELECT * FROM "string" WHERE f = 'f2'`, `,"Limit":2`, "p/2 | o/2 | |")
	// The one item of a key is no page.
	f(`SELECT * FROM "string" WHERE p = 'o' AND s = '1'`, `,"Limit":1`, "o/1")
	// Of several ranges at most ten items come at once.
	h.sorted("q", 9)
	f(`SELECT * FROM "string" WHERE p IN ['o', 'q']`, ``, "q/1 q/2 q/3 q/4 q/5 q/6 q/7 q/8 q/9 o/1 | o/2 o/3 o/4 o/5")
	for i := 1; i <= 3; i++ {
		h.put("index", fmt.Sprintf(`{"p":{"S":"p"},"s":{"S":"%d"},"g":{"S":"x"},"h":{"N":"7"},"l":{"S":"l%d"}}`, i, 9-i))
	}
	f(`SELECT p, s FROM "index"."lall" WHERE p = 'p'`, `,"Limit":1`, "p/3 | p/2 | p/1 |")
	if got := h.order(`SELECT p, s FROM "index"."all" WHERE g = 'x'`, `,"Limit":1`); strings.Count(got, "p/") != 3 || strings.Count(got, "|") != 3 {
		t.Errorf("pages of a global index with equal keys: %s", got)
	}
	// The answer has a key beside the token.
	body := `{"Statement":"SELECT * FROM \"string\" WHERE p = 'o'","Limit":2}`
	if got := h.member(ddb.ExecuteStatement, body, "LastEvaluatedKey"); !sameJSON(t, got, `{"p":{"S":"o"},"s":{"S":"2"}}`) {
		t.Errorf("LastEvaluatedKey %s", got)
	}
	h.invalid(ddb.ExecuteStatement, `{"Statement":"SELECT * FROM hash","Limit":0}`,
		"1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
}

// TestSelectStopsAt1MB checks that a page over several ranges is as large as one of Query. #163
func TestSelectStopsAt1MB(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(stringTable)
	for _, p := range []string{"o", "p"} {
		for i := 1; i <= 3; i++ {
			h.put("string", fmt.Sprintf(`{"p":{"S":%q},"s":{"S":"%d"},"a":{"S":%s}}`, p, i, chars(300<<10)))
		}
	}
	if got, want := h.order(`SELECT p, s FROM "string" WHERE p IN ['o', 'p']`, ""), "p/1 p/2 p/3 o/1 o/2 o/3"; strings.ReplaceAll(got, "| ", "") != want {
		t.Errorf("keys %s, want %s", got, want)
	}
	if got := h.order(`SELECT p, s FROM "string"`, ""); strings.Count(got, "|") != 1 {
		t.Errorf("scan of 1.8 MB in pages %s", got)
	}
}

// TestSelectReadsIndexes checks what an index shows, and what it refuses. #166–#170
func TestSelectReadsIndexes(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(indexTable)
	h.put("index",
		`{"p":{"S":"p"},"s":{"S":"1"},"g":{"S":"y"},"h":{"N":"1"},"l":{"S":"l1"},"a":{"S":"a1"},"z":{"S":"z1"}}`,
		`{"p":{"S":"p"},"s":{"S":"2"},"g":{"S":"y2"},"h":{"N":"2"},"l":{"S":"l2"},"a":{"S":"a2"},"z":{"S":"z2"}}`,
		`{"p":{"S":"p"},"s":{"S":"3"},"z":{"S":"z3"}}`)
	// Sparse, and as projected: * does not reach back to the table.
	h.selects(`SELECT * FROM "index"."keys" WHERE g = 'y'`, `[{"p":{"S":"p"},"s":{"S":"1"},"g":{"S":"y"}}]`)
	h.selects(`SELECT * FROM "index"."inc" WHERE g = 'y'`, `[{"p":{"S":"p"},"s":{"S":"1"},"g":{"S":"y"},"a":{"S":"a1"}}]`)
	h.selects(`SELECT * FROM "index"."lkeys" WHERE p = 'p' AND l > 'l1'`, `[{"p":{"S":"p"},"s":{"S":"2"},"l":{"S":"l2"}}]`)
	h.selects(`SELECT s, z FROM "index"."all" WHERE g = 'y' AND h = 1`, `[{"s":{"S":"1"},"z":{"S":"z1"}}]`)
	h.finds(`SELECT * FROM "index"`, 3)
	h.finds(`SELECT * FROM "index"."all"`, 2)
	// A local index fetches, a global one refuses.
	h.selects(`SELECT z FROM "index"."lkeys" WHERE p = 'p'`, `[{"z":{"S":"z1"}},{"z":{"S":"z2"}}]`)
	const invalid = "One or more parameter values were invalid: "
	h.refuses(`SELECT z FROM "index"."inc" WHERE g = 'y'`, invalid+"Global secondary index inc does not project [z]")
	h.refuses(`SELECT * FROM "index"."none" WHERE p = 'p'`, "The table does not have the specified index")
	h.refuses(`SELECT * FROM "index"."index" WHERE p = 'p'`, "The table does not have the specified index")
	h.invalid(ddb.ExecuteStatement, `{"Statement":"SELECT * FROM \"index\".\"all\" WHERE g = 'y'","ConsistentRead":true}`,
		"Strongly consistent read is not supported on Global Secondary Indexes")
	// A filter on what an index does not have is refused in reads by key, and finds nothing in a scan.
	const lacks = invalid + "Secondary index %s does not project one or more filter attributes: [%s]"
	f := func(index, where, names string) {
		t.Helper()
		if statement := `SELECT p FROM "index"."` + index + `" WHERE ` + where; names == "" {
			h.run(statement)
		} else {
			h.refuses(statement, fmt.Sprintf(lacks, index, names))
		}
	}
	f("inc", `g = 'y' AND z = 'z1'`, "z")
	f("inc", `g = 'y' AND z IS MISSING`, "z")
	f("inc", `g = 'y' AND begins_with(z, 'z')`, "z")
	f("inc", `g = 'y' AND NOT z = 'z1'`, "z")
	f("inc", `g IN ['y', 'z'] AND z = 'z1'`, "z")
	f("inc", `(g = 'y' OR g = 'z') AND z = 'z1'`, "z")
	f("lkeys", `p = 'p' AND z = 'z1'`, "z")
	f("lkeys", `p = 'p' AND l BETWEEN 'l1' AND 'l4' AND z = 'z1'`, "z")
	f("inc", `g = 'y' AND NOT (z = 'z1' OR a = 'x')`, "z")
	f("inc", `g = 'y' AND b = '1' AND (x = '2' OR a = '3')`, "b, x")
	f("inc", `(g = 'b' AND u1 = '1') OR (g = 'q' AND u2 = '1')`, "u2")
	f("inc", `(g = 'q' AND u1 = '1') OR (g = 'b' AND u2 = '1')`, "u1")
	f("inc", `(g = 'y' AND a = '1') OR (g = 'z' AND x = '1')`, "")
	f("inc", `(g = 'y' AND z = '1') OR x = '1'`, "")
	f("inc", `g > 'a' AND z = '1'`, "")
	f("inc", `g = 'y' AND (a = 'a1' OR a = 'a2')`, "")
	f("inc", `g = 'y' AND p = 'p' AND s > '0'`, "")
	h.selects(`SELECT s FROM "index"."inc" WHERE (g = 'y' AND z = 'z1') OR (g = 'y2')`, `[{"s":{"S":"2"}}]`)
	h.finds(`SELECT s FROM "index"."inc" WHERE z = 'z1'`, 0)
	h.finds(`SELECT s FROM "index"."lkeys" WHERE z = 'z1'`, 0)
	h.finds(`SELECT s FROM "index"."inc" WHERE NOT z = 'z1'`, 2)
	h.finds(`SELECT s FROM "index" WHERE z = 'z1'`, 1)
}

// TestSelectRefusesIndexesWithKeysOfSeveralAttributes checks what is told before that and what after.
func TestSelectRefusesIndexesWithKeysOfSeveralAttributes(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(`{"TableName":"multi","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"},{"AttributeName":"h1","AttributeType":"S"},{"AttributeName":"h2","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],
		"GlobalSecondaryIndexes":[{"IndexName":"gsi","KeySchema":[{"AttributeName":"h1","KeyType":"HASH"},{"AttributeName":"h2","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}`)
	const refused = "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys."
	for _, statement := range []string{`SELECT * FROM multi."gsi" WHERE h1 = 'a'`, `SELECT id FROM multi."gsi" WHERE h1 = 'a' AND h2 = 'x' ORDER BY h2`,
		`SELECT * FROM multi."gsi" WHERE h1 = 5`, `SELECT * FROM multi."gsi"`, `SELECT COUNT(*) FROM multi."gsi"`} {
		h.refuses(statement, refused)
	}
	h.refuses(`SELECT * FROM multi."gsi" WHERE`, "Statement wasn't well formed, can't be processed: Unexpected term")
	h.refuses(`SELECT * FROM multi."gsi" WHERE h1 = ?`, "The parameter cannot be converted to a numeric value: x", `{"N":"x"}`)
	h.run(`INSERT INTO multi VALUE {'id': 'i', 'h1': 'a', 'h2': 'x'}`)
	h.finds(`SELECT * FROM multi WHERE id = 'i'`, 1)
}

// TestSelectDoesNotReadAnIndexThatIsBeingFilled checks that a SELECT waits with everybody else. #225
func TestSelectDoesNotReadAnIndexThatIsBeingFilled(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.put("hash", `{"p":{"S":"1"},"g":{"S":"x"}}`)
	h.answer(ddb.UpdateTable, gIndex("hash", "byg"))
	h.refuses(`SELECT * FROM hash."byg" WHERE g = 'x'`, "Cannot read from backfilling global secondary index: byg")
	h.finish()
	h.finds(`SELECT * FROM hash."byg" WHERE g = 'x'`, 1)
}
