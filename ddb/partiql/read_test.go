package partiql

import (
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

// testSchema has pk and sk.
var testSchema = ddb.KeySchema{{AttributeName: "pk", KeyType: "HASH"}, {AttributeName: "sk", KeyType: "RANGE"}}

// readOf translates a SELECT with this WHERE clause on a table with the keys pk and sk, both S.
func readOf(t *testing.T, where string) (*Read, *ddb.Error) {
	t.Helper()
	s, err := Parse("SELECT * FROM T WHERE " + where)
	if err != nil {
		t.Fatalf("Parse(%s): %v", where, err)
	}
	return s.Read(nil, testSchema, func(string) ddb.Kind { return ddb.KindS })
}

// show writes a read's ranges: each its hash and the number of conditions on the sort key, "!" where one excludes keys.
func show(r *Read) string {
	if !r.Keyed {
		return "scan"
	}
	var out []string
	for _, x := range r.Ranges {
		mark := ""
		if x.Negated {
			mark = "!"
		}
		out = append(out, fmt.Sprintf("%s/%d%s", x.Hash.Str(), len(x.Sort), mark))
	}
	return strings.Join(out, " ")
}

// TestReadFindsTheRangesOfKeys has WHERE clauses and how they are read. Which are scans and which are not is in the
// Developer Guide, "PartiQL select statements for DynamoDB".
func TestReadFindsTheRangesOfKeys(t *testing.T) {
	t.Parallel()
	f := func(where, want string) {
		t.Helper()
		r, err := readOf(t, where)
		if err != nil {
			t.Errorf("Read(%s): %v", where, err)
			return
		}
		if got := show(r); got != want {
			t.Errorf("Read(%s) = %s, want %s", where, got, want)
		}
	}
	f("pk = 'a'", "a/0")
	f("'a' = pk AND x = 1", "a/0")
	f("pk = 'a' AND sk > 'x'", "a/1")
	f("pk = 'a' AND sk > 'x' AND sk <= 'z'", "a/2")
	f("pk = 'a' AND begins_with(sk, 'x')", "a/1")
	f("pk = 'a' AND sk BETWEEN 'x' AND 'y'", "a/1")
	f("pk = 'a' OR pk = 'b'", "a/0 b/0")
	f("pk IN ['a', 'b'] AND sk IN ('x', 'y')", "a/1 a/1 b/1 b/1")
	f("pk = 'a' AND (sk = 'x' OR sk = 'y')", "a/1 a/1")
	f("(pk = 'a' AND sk = 'x') OR (pk = 'b' AND y = 1)", "a/1 b/0")
	f("pk = 'a' AND (x = 1 OR y = 2)", "a/0")
	f("pk = 'a' AND pk = 'b'", "")
	f("pk = 'a' AND pk = 'a'", "a/0")
	f("pk = 'a' AND NOT sk = 'x'", "a/0!")
	f("pk = 'a' AND sk <> 'x'", "a/0!")
	f("pk = 'a' AND sk NOT IN ['x']", "a/0!")
	f("pk = 'a' AND attribute_exists(sk)", "a/0")
	f("pk = 'a' AND sk = x", "a/0")
	// Scans.
	f("pk > 'a'", "scan")
	f("x = 1", "scan")
	f("pk = 'a' OR x = 1", "scan")
	f("pk = 'a' OR sk = 'x'", "scan")
	f("NOT pk = 'a'", "scan")
	f("pk = x", "scan")
	f("pk.x = 'a'", "scan")
	f("pk NOT IN ['a']", "scan")
}

// TestReadRefusesTooManyRanges checks the limit of 50 ranges. (Captured from the service: github.com/floci-io/floci, pull
// request 3798.)
func TestReadRefusesTooManyRanges(t *testing.T) {
	t.Parallel()
	values := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("'v%d'", i)
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	f := func(where, want string) {
		t.Helper()
		_, err := readOf(t, where)
		if got := fmt.Sprint(err); err == nil && want != "" || err != nil && err.Message != want {
			t.Errorf("Read(%.60s…): %s, want %q", where, got, want)
		}
	}
	f("pk IN "+values(51), textTooManyReads)
	f("pk = 'r' AND sk IN "+values(51), textTooManyReads)
	f("pk IN "+values(26)+" AND sk IN ['1', '2']", textTooManyReads)
	f("pk IN "+values(50)+" AND x IN "+values(100), "")
	f("pk IN "+values(51)+" OR x = 'one'", "")
	f("pk = 'r' AND x IN "+values(101), "The IN operator is provided with too many operands; number of operands: 101")
	// What multiplies out to more than could be counted.
	f(strings.Repeat("(pk = 'a' OR sk = 'b') AND ", 200)+"pk = 'a'", "The expression contains too many operators; operator count: 301")
	f(strings.Repeat("(pk = 'a' OR sk = 'b') AND ", 60)+"pk = 'a'", textTooManyReads)
}

// TestClassifyTellsWhatAStatementMayChange checks what a cache is told.
func TestClassifyTellsWhatAStatementMayChange(t *testing.T) {
	t.Parallel()
	f := func(statement string, writes bool, table, item string) {
		t.Helper()
		e, err := Classify(statement, []ddb.AttributeValue{ddb.StringValue("p0"), ddb.StringValue("p1")})
		if err != nil {
			t.Errorf("Classify(%s): %v", statement, err)
			return
		}
		if got := string(ddb.AppendItemJSON(nil, e.Item)); e.Writes != writes || e.Table != table || got != item {
			t.Errorf("Classify(%s) = %t %q %s, want %t %q %s", statement, e.Writes, e.Table, got, writes, table, item)
		}
	}
	f(`SELECT * FROM "T" WHERE pk = ?`, false, "", `{}`)
	f(`INSERT INTO "T" VALUE {'pk': ?, 'n': 1.0}`, true, "T", `{"n":{"N":"1"},"pk":{"S":"p0"}}`)
	f(`INSERT INTO arn VALUE {}`, true, "arn", `{}`)
	f(`UPDATE "T" SET a = ? WHERE pk = ? AND 1 = sk AND x > 2`, true, "T", `{"pk":{"S":"p1"},"sk":{"N":"1"}}`)
	f(`DELETE FROM "T" WHERE pk = 'a' OR sk = 'b'`, true, "T", `{}`)
	f(`EXISTS(SELECT * FROM "T" WHERE pk = 'a' AND b IS MISSING)`, true, "T", `{"pk":{"S":"a"}}`)
	for _, bad := range []string{`nonsense`, `INSERT INTO "T" VALUE {'pk': <<>>}`, `DELETE FROM "T" WHERE pk = 1e200`} {
		if e, err := Classify(bad, nil); err == nil {
			t.Errorf("Classify(%s) = %v, want an error", bad, e)
		}
	}
}
