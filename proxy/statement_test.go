package proxy

import (
	"fmt"
	"testing"

	"millrace/ddb"
)

// TestStatementsReachTheCaches reads items and pages into the caches, changes them by statements, and reads again.
func TestStatementsReachTheCaches(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]rigOptions{"authoritative": {}, "remote": {remote: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, o)
			r.must(ddb.CreateTable, bookTable)
			r.putBook("a", "one", "x", 1, "")
			read := func() {
				t.Helper()
				for range 2 {
					for _, title := range []string{"one", "two", "three", "four"} {
						r.same(ddb.GetItem, getBook("a", title, ""))
					}
					r.same(ddb.Query, `{"TableName":"books","KeyConditionExpression":"author = :a","ExpressionAttributeValues":{":a":{"S":"a"}}}`)
					r.same(ddb.Query, `{"TableName":"books","IndexName":"genre-year","KeyConditionExpression":"genre = :g","ExpressionAttributeValues":{":g":{"S":"x"}}}`)
					r.same(ddb.Scan, `{"TableName":"books"}`)
				}
			}
			write := func(op ddb.Operation, body string) {
				t.Helper()
				read()
				r.do(op, body)
				read()
			}
			const key = ` WHERE author = 'a' AND title = `
			for _, s := range []string{
				`INSERT INTO books VALUE {'author':'a','title':'two','genre':'x','year':2}`,
				`INSERT INTO \"books\" VALUE {'author':'a','title':'two','genre':'y'}`,
				`UPDATE books SET genre = 'y'` + key + `'one'`,
				`UPDATE books SET genre = 'z'` + key + `'one' AND genre = 'no'`,
				`FROM books` + key + `'one' REMOVE note`,
				`DELETE FROM books` + key + `'two' AND genre = 'y'`,
				`DELETE FROM books` + key + `'two'`,
			} {
				write(ddb.ExecuteStatement, `{"Statement":"`+s+`"}`)
			}
			write(ddb.ExecuteStatement, `{"Statement":"INSERT INTO books VALUE {'author':?,'title':?}","Parameters":[{"S":"a"},{"S":"three"}]}`)
			for i, op := range []ddb.Operation{ddb.BatchExecuteStatement, ddb.ExecuteTransaction} {
				member := map[ddb.Operation]string{ddb.BatchExecuteStatement: "Statements", ddb.ExecuteTransaction: "TransactStatements"}[op]
				write(op, fmt.Sprintf(`{"%s":[{"Statement":"UPDATE books SET genre = 'x', note = '%d'%s'three'"},{"Statement":"INSERT INTO books VALUE {'author':'a','title':'four'}"}]}`, member, i, key))
				write(op, fmt.Sprintf(`{"%s":[{"Statement":"UPDATE books SET note = 'both'%s'three'"},{"Statement":"UPDATE books SET note = 'x'%s'nobody'"}]}`, member, key, key))
				write(op, fmt.Sprintf(`{"%s":[{"Statement":"DELETE FROM books%s'four'"}]}`, member, key))
			}
			// A SELECT is never cached, and sees what is there.
			for i := range 3 {
				write(ddb.ExecuteStatement, fmt.Sprintf(`{"Statement":"UPDATE books SET note = 'n%d'%s'one'"}`, i, key))
				a := r.expect(Forward, ddb.ExecuteStatement, `{"Statement":"SELECT note FROM books`+key+`'one'"}`)
				if want := fmt.Sprintf(`{"Items":[{"note":{"S":"n%d"}}]}`, i); a.body != want {
					t.Errorf("SELECT %s, want %s", a.body, want)
				}
			}
		})
	}
}
