package partiql

import (
	"strings"
	"testing"

	"millrace/ddb"
)

// TestParseRefusesWithDynamoDBsWords has texts that the service answered with, unless marked otherwise. (Checked against
// it by github.com/paritysuite/dynamodb-conformance, tests/tier3/error-messages/partiqlGrammar.test.ts,
// partiqlFunctions.test.ts and partiql.test.ts, and by github.com/floci-io/floci, pull request 3798.) #202.
func TestParseRefusesWithDynamoDBsWords(t *testing.T) {
	t.Parallel()
	f := func(statement, want string) {
		t.Helper()
		s, err := Parse(statement)
		switch {
		case err == nil:
			t.Errorf("Parse(%s) = %v, want error %q", statement, s, want)
		case err.Code != "ValidationException" || err.Message != want:
			t.Errorf("Parse(%s):\n got %s: %q\nwant %q", statement, err.Code, err.Message, want)
		}
	}
	m := func(statement, detail string) {
		t.Helper()
		f(statement, "Statement wasn't well formed, can't be processed: "+detail)
	}
	leftover := "Unexpected token after expression"

	// What is no statement is an expression first.
	m(`SLECT * FROM "T"`, "Expected data manipulation")
	m(`SELECTT * FROMM "T"`, leftover)
	m(`UPDATE Payment-dev SET a = 1 WHERE pk = 'x'`, "Expected data manipulation")
	f(`x IS INT4`, "Unsupported operation: IsType")
	f(`x IS DOUBLE PRECISION`, "Unsupported operation: IsType")
	f(`x IS CHARACTER VARYING`, "Unsupported operation: IsType")
	// Assumed.
	m(`   `, "Unexpected term")
	f(`SET a = 1`, "Unsupported operation: InsertOp")

	// Tokens left over.
	m(`SELECT * FROM "T" WHERE pk = 1 foo`, leftover)
	m(`SELECT * FROM "T" WHERE pk = 1 e5`, leftover)
	m(`INSERT INTO "T" VALUE {'pk': 1} foo`, leftover)
	m(`INSERT INTO "T" t VALUE {'pk': 'x'}`, leftover)
	m(`UPDATE "T" SET a = 9 WHERE pk = 1 foo`, leftover)
	m(`UPDATE "T" SET t=1 WHERE pk='minus' AND sk='1' garbage`, leftover)
	m(`DELETE FROM "T" WHERE pk = 1 foo`, leftover)
	m(`SELECT * FROM "T" WHERE pk = 1)`, leftover)
	m(`DELETE FROM "T" WHERE pk = 1 ORDER BY pk`, leftover)
	m(`SELECT * FROM "T" ORDER BY pk WHERE pk = 1`, leftover)
	m(`FROM "T" SET c = 1 WHERE pk = 'x'`, leftover)
	m(`FROM "T" SET c = 1 WHERE pk = 'x' SET d = 2`, leftover)
	// INSERT has no IF NOT EXISTS: it never replaces.
	m(`INSERT INTO "T" VALUE {'pk': 1} IF NOT EXISTS`, leftover)

	// What cannot be cut into tokens.
	m(`SELECT * FROM "T" WHERE pk = 1e2147483648`, "")
	m(`SELECT * FROM "T" WHERE pk = 1e99999999999`, "")
	m(`SELECT * FROM "T" WHERE pk = 1.5e-2147483647`, "")
	m(`SELECT * FROM "T" WHERE pk = 1 # note`, "")
	m(`SELECT * FROM "T" WHERE pk = 1 /* note`, "")
	m(`SELECT * FROM "T`, "")
	m(`SELECT * FROM "T" WHERE pk = 'x`, "")
	m(strings.Repeat(" ", ddb.MaxStatementBytes)+`SELECT * FROM "T"`, "")

	// Nothing where something must be.
	for _, s := range []string{
		`SELECT * FROM "T" WHERE`, `SELECT * FROM "T" WHERE;`, `SELECT * FROM "T" WHERE   `, `SELECT pk FROM "T" WHERE`,
		`UPDATE "T" SET a = 1 WHERE`, `DELETE FROM "T" WHERE`, `SELECT * FROM "T" WHERE NOT`, `SELECT * FROM "T" WHERE (`,
		`SELECT * FROM`,
	} {
		m(s, "Unexpected term")
	}
	m(`SELECT * FROM "T" WHERE pk = 'p1' AND`, "Missing right-hand side expression of infix operator")
	m(`SELECT * FROM "T" WHERE pk = 'p1' OR`, "Missing right-hand side expression of infix operator")
	m(`SELECT * FROM "T" WHERE pk BETWEEN 1 AND`, "Expected expression after AND")
	m(`SELECT * FROM "T" WHERE ORDER BY pk`, "Unexpected keyword")
	m(`SELECT * FROM "T" WHERE IS NULL`, "Unexpected operator")
	m(`SELECT * FROM "T" WHERE pk = LIKE`, "Unexpected operator")
	m(`SELECT * FROM "T" WHERE pk = 'a' AND x IS FOO`, "Expected type name")
	for _, s := range []string{`DELETE FROM`, `DELETE FROM   `, `DELETE FROM;`, `DELETE FROM WHERE pk = 'a'`} {
		m(s, "Expected identifier for simple path")
	}
	m(`DELETE "T" WHERE pk = 1`, "Expected FROM after DELETE")
	m(`UPDATE "T" WHERE pk = 1`, "Expected data manipulation")
	m(`UPDATE "T" SET a WHERE pk = 1`, "Expected '='")
	m(`SELECT a`, "Expected FROM after SELECT list")

	// Reserved words are no names without quotes.
	m(`INSERT INTO urls (key, secret_key) VALUES (?, ?)`, "Unexpected keyword")
	m(`SELECT * FROM "T" WHERE attribute_exists(m.inner)`, "Invalid path dot component")
	m(`UPDATE "T" SET m.inner = set_add(m.inner, <<'y'>>) WHERE pk = 'x'`, "Invalid path dot component")

	// Tables and indexes.
	for _, s := range []string{
		`SELECT * FROM "T" t WHERE pk = 'x'`, `SELECT * FROM "T" AS t WHERE pk = 'x'`, `UPDATE "T" t SET a = 3 WHERE pk = 'x'`,
		`DELETE FROM "T" t WHERE pk = 'x'`,
	} {
		f(s, "Aliasing is not supported")
	}
	f(`SELECT * FROM "T"."i"."extra"`, "A path may contain at most 2 components in the FROM clause")
	f(`SELECT * FROM "T".""`, "Path component cannot be an empty string")
	f(`SELECT * FROM ""`, "Path component cannot be an empty string")
	f(`INSERT INTO "T"."i" VALUE {'pk': 'x'}`, "FROM clause may only contain a single table name")
	f(`UPDATE "T"."i" SET a = 1 WHERE pk = 'x'`, "This operation is not supported on an index")
	f(`DELETE FROM "T"."i" WHERE pk = 'x'`, "This operation is not supported on an index")
	f(`SELECT * FROM a, b`, "Only select from a single table or index is supported.")
	f(`SELECT id FROM dbimp_page LIMIT 5`, "Unsupported clause: LIMIT at 1:33:1")

	// RETURNING.
	for _, r := range []string{"MODIFIED OLD *", "MODIFIED NEW *", "ALL NEW *"} {
		f(`DELETE FROM "T" WHERE pk = 'x' RETURNING `+r,
			"Invalid returning clause: RETURNING "+r+". Only RETURNING ALL OLD * is allowed in DELETE statements.")
	}
	m(`UPDATE "T" SET a = 1 WHERE pk = 'x' RETURNING *`, "Expected ( MODIFIED | ALL ) ( NEW | OLD ) in each returning element.")
}

// TestParseReadsEveryFormOnce checks a statement's one spelling, and that it is read as itself. #199, #201
func TestParseReadsEveryFormOnce(t *testing.T) {
	t.Parallel()
	f := func(statement, want string) {
		t.Helper()
		s, err := Parse(statement)
		if err != nil {
			t.Errorf("Parse(%s): %v", statement, err)
			return
		}
		if got := s.String(); got != want {
			t.Errorf("Parse(%s)\n got %s\nwant %s", statement, got, want)
		}
		if again, err := Parse(want); err != nil || again.String() != want {
			t.Errorf("Parse(%s) = %v, %v", want, again, err)
		}
	}
	f(`select * from T;`, `SELECT * FROM "T"`)
	f("-- a note\nSELECT/**/a, \"b c\".d[0] FROM \"T\".\"i\" -- x\n WHERE pk/* key */=?", `SELECT "a", "b c"."d"[0] FROM "T"."i" WHERE ("pk" = ?)`)
	f(`SELECT * FROM T WHERE a = 1 OR b <> 2 AND NOT c != 3`, `SELECT * FROM "T" WHERE (("a" = 1) OR (("b" <> 2) AND (NOT ("c" <> 3))))`)
	f(`SELECT * FROM T WHERE NOT a = 1 AND b`, `SELECT * FROM "T" WHERE ((NOT ("a" = 1)) AND "b")`)
	f(`SELECT * FROM T WHERE a BETWEEN 1 AND 2 AND b NOT BETWEEN ? AND ?`, `SELECT * FROM "T" WHERE (("a" BETWEEN 1 AND 2) AND ("b" NOT BETWEEN ? AND ?))`)
	f(`SELECT * FROM T WHERE a IN [1,2] OR a NOT IN (3, 4) OR a IN (5)`, `SELECT * FROM "T" WHERE ((("a" IN [1, 2]) OR ("a" NOT IN [3, 4])) OR ("a" IN [5]))`)
	f(`SELECT * FROM T WHERE a IS MISSING AND b IS NOT NULL AND c IS CHARACTER VARYING`, `SELECT * FROM "T" WHERE ((("a" IS MISSING) AND ("b" IS NOT NULL)) AND ("c" IS CHARACTER VARYING))`)
	f(`SELECT * FROM T WHERE size(a) > 3 AND BEGINS_WITH(b, 'x')`, `SELECT * FROM "T" WHERE ((size("a") > 3) AND begins_with("b", 'x'))`)
	f(`SELECT * FROM T WHERE a = - - 1 AND b > -/* c */-1 AND c = +5 AND d = -.5e1`, `SELECT * FROM "T" WHERE (((("a" = 1) AND ("b" > 1)) AND ("c" = 5)) AND ("d" = -.5e1))`)
	f(`SELECT * FROM T WHERE a = 1 ORDER BY b, c DESC, d ASC`, `SELECT * FROM "T" WHERE ("a" = 1) ORDER BY "b", "c" DESC, "d"`)
	f(`INSERT INTO T value {'pk':?, 's':'it''s', 'l':[1, TRUE, null], 'm':{}, 'b':<<'x', 'y'>>}`,
		`INSERT INTO "T" VALUE {'pk': ?, 's': 'it''s', 'l': [1, TRUE, NULL], 'm': {}, 'b': <<'x', 'y'>>}`)
	f(`UPDATE "a ""T""" SET n = n + 1, m.x = list_append(m.x, [1]) REMOVE l[1] SET s = SET_ADD(s, <<1>>) WHERE pk = 'x' RETURNING MODIFIED OLD *`,
		`UPDATE "a ""T""" SET "n" = ("n" + 1) SET "m"."x" = list_append("m"."x", [1]) REMOVE "l"[1] SET "s" = set_add("s", <<1>>) WHERE ("pk" = 'x') RETURNING MODIFIED OLD *`)
	f(`from T where pk = 'x' set a = 1 remove b`, `UPDATE "T" SET "a" = 1 REMOVE "b" WHERE ("pk" = 'x')`)
	f(`DELETE FROM T WHERE pk = 'x' returning all old *`, `DELETE FROM "T" WHERE ("pk" = 'x') RETURNING ALL OLD *`)
	f(`EXISTS(SELECT * FROM T WHERE pk = 'x' AND a IS MISSING)`, `EXISTS(SELECT * FROM "T" WHERE (("pk" = 'x') AND ("a" IS MISSING)))`)
}

// FuzzParse checks that no text makes Parse fail but with an error of DynamoDB's, and that what is parsed is printed so that
// it is parsed as the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`SELECT * FROM "T" WHERE pk = 'a' AND sk BETWEEN 1 AND 2`, `SELECT a.b[0], c FROM T."i" WHERE x IN [1,?] ORDER BY pk DESC`,
		`INSERT INTO "T" VALUE {'pk': 'x', 'l': [1, -2.5e3, TRUE], 's': <<'a'>>}`, `UPDATE T SET a = b + 1 REMOVE c WHERE pk = ? RETURNING ALL NEW *`,
		`DELETE FROM T WHERE NOT a IS NOT MISSING`, `EXISTS(SELECT * FROM T WHERE a = (b = c))`, `FROM T WHERE x SET y = 1`,
		`SELECT "select"(1), count(*) FROM T`, `SELECT * FROM T WHERE (a).b = - - x`, `x IS NOT DOUBLE PRECISION`,
		`DELETE FROM A WHERE NOT 0 .A`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			if err.Code != "ValidationException" || err.Message == "" {
				t.Fatalf("Parse(%q): %v", text, err)
			}
			return
		}
		printed := s.String()
		again, err := Parse(printed)
		if err != nil {
			if len(printed) > ddb.MaxStatementBytes {
				return
			}
			t.Fatalf("Parse(%q), printed from %q: %v", printed, text, err)
		}
		if got := again.String(); got != printed {
			t.Fatalf("%q is printed as %q, and that as %q", text, printed, got)
		}
		parameters := make([]ddb.AttributeValue, 64)
		for i := range parameters {
			parameters[i] = ddb.StringValue("p")
		}
		translate(s, parameters)
		if _, err := Classify(text, parameters); err != nil && err.Message == "" {
			t.Fatalf("Classify(%q): %v", text, err)
		}
	})
}

// translate gives s a meaning for a table, whatever it is.
func translate(s *Statement, parameters []ddb.AttributeValue) {
	schema := ddb.KeySchema{{AttributeName: "pk", KeyType: "HASH"}, {AttributeName: "sk", KeyType: "RANGE"}}
	item := ddb.ItemOf(ddb.Attribute{Name: "pk", Value: ddb.StringValue("p")}, ddb.Attribute{Name: "sk", Value: ddb.StringValue("p")})
	switch s.Verb {
	case Insert:
		_, _ = s.Item(parameters)
	case Select:
		if r, err := s.Read(parameters, schema, func(string) ddb.Kind { return ddb.KindS }); err == nil {
			r.Filter.Match(item)
			for _, c := range r.Columns {
				c.Path.Find(item)
			}
		}
	default:
		if c, err := s.Change(parameters, schema); err == nil {
			c.Condition.Match(item)
			if c.Update != nil {
				_, _, _ = c.Update.Apply(item, item, true)
			}
		}
	}
}
