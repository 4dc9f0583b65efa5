package invalidation

import (
	"context"
	"testing"

	"millrace/ddb"
)

// R21: a statement forgets the item that it names and no other; one that names none forgets everything; a SELECT nothing.
func TestStatementsForgetTheItemTheyName(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	f := func(op ddb.Operation, body, want string) {
		t.Helper()
		for _, h := range []string{"a", "b"} {
			s.must(ddb.PutItem, put(h, "1", ""))
		}
		_, _ = s.do(op, body)
		got := ""
		for _, h := range []string{"a", "b"} {
			if s.entry(h) == "" {
				got += h
			}
		}
		if got != want {
			t.Errorf("%v %s forgets %q, want %q", op, body, got, want)
		}
	}
	const key = ` WHERE h = 'a' AND s = 's'`
	one := func(statement, want string) {
		t.Helper()
		f(ddb.ExecuteStatement, `{"Statement":"`+statement+`"}`, want)
		f(ddb.BatchExecuteStatement, `{"Statements":[{"Statement":"`+statement+`"}]}`, want)
		f(ddb.ExecuteTransaction, `{"TransactStatements":[{"Statement":"`+statement+`"}]}`, want)
	}
	one(`UPDATE ttt SET v = 'x'`+key, "a")
	one(`DELETE FROM ttt`+key, "a")
	one(`FROM ttt`+key+` REMOVE v`, "a")
	one(`SELECT * FROM ttt`+key, "")
	// What fails its condition may have failed because of what was cached.
	one(`UPDATE ttt SET v = 'x'`+key+` AND v = 'no'`, "a")
	one(`INSERT INTO ttt VALUE {'h':'a','s':'s'}`, "a")
	// What is refused changed nothing; of a batch only what is understood is known to be refused.
	one(`INSERT INTO ttt VALUE {'h':'a','s':'s','':1}`, "")
	one(`DELETE FROM nowhere`+key, "")
	for _, statement := range []string{`DELETE FROM ttt WHERE h = 'a'`, `nonsense`} {
		f(ddb.ExecuteStatement, `{"Statement":"`+statement+`"}`, "")
		f(ddb.ExecuteTransaction, `{"TransactStatements":[{"Statement":"`+statement+`"}]}`, "")
		f(ddb.BatchExecuteStatement, `{"Statements":[{"Statement":"`+statement+`"}]}`, "ab")
	}
	f(ddb.ExecuteStatement, `{"Statement":"DELETE FROM ttt WHERE h = ? AND s = ?","Parameters":[{"S":"b"},{"S":"s"}]}`, "b")
	f(ddb.BatchExecuteStatement, `{"Statements":[{"Statement":"DELETE FROM ttt WHERE h = 'x' AND s = 's'"},{"Statement":"DELETE FROM ttt WHERE h = 'b' AND s = 's'"}]}`, "b")
	f(ddb.BatchExecuteStatement, `{"Statements":[{"Statement":"DELETE FROM ttt`+key+`"},{"Statement":"INSERT INTO ttt VALUE {'h':'b','s':'s','':1}"}]}`, "a")
	f(ddb.ExecuteTransaction, `{"TransactStatements":[{"Statement":"DELETE FROM ttt`+key+`"},{"Statement":"UPDATE ttt SET v = 'x' WHERE h = 'b' AND s = 's' AND v = 'no'"}]}`, "b")
	f(ddb.ExecuteTransaction, `{"TransactStatements":[{"Statement":"DELETE FROM ttt`+key+`"},{"Statement":"UPDATE ttt SET v = 'x' WHERE h = 'b' AND s = 's'"}]}`, "ab")
}

// A backend may take statements that this build does not understand: then anything may have changed.
func TestStatementsThatAreNotUnderstoodForgetEverything(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	for _, x := range []struct {
		op   ddb.Operation
		body string
	}{
		{ddb.ExecuteStatement, `{"Statement":"UPSERT INTO ttt VALUE {'h':'a','s':'s'}"}`},
		{ddb.ExecuteStatement, `{"Statement":"DELETE FROM ttt WHERE h = 'a'"}`},
		{ddb.BatchExecuteStatement, `{"Statements":[{"Statement":"SELECT * FROM ttt"},{"Statement":"DELETE FROM ttt WHERE s = 's'"}]}`},
		{ddb.ExecuteTransaction, `{"TransactStatements":[{"Statement":"DELETE FROM ttt WHERE h = ? AND s = 's'"}]}`},
		{ddb.ExecuteStatement, `{"Statement":"INSERT INTO ttt VALUE {'h':'a','h':'b','s':'s'}"}`},
		{ddb.ExecuteStatement, `{"Statement":"INSERT INTO ttt VALUE ?","Parameters":[{"M":{"h":{"S":"a"},"h":{"S":"b"},"s":{"S":"s"}}}]}`},
		{ddb.ExecuteStatement, `{"Statement":"DELETE FROM ttt WHERE h = 'b' AND s = 's' AND h = 'a'"}`},
		{ddb.ExecuteStatement, `{"Statement":7}`},
	} {
		s.next.then = nil
		s.must(ddb.PutItem, put("a", "1", ""))
		s.next.then = func(_ context.Context, req *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
			if req.Op == ddb.DescribeTable {
				return resp, err
			}
			return ddb.NewTypedResponse(&ddb.ExecuteStatementOutput{}), nil
		}
		if _, err := s.do(x.op, x.body); err != nil {
			t.Fatal(err)
		}
		s.next.then = nil
		s.expect("a", "")
	}
}

// A statement of a batch whose outcome is not told may have been applied, now or later.
func TestUnknownOutcomeOfAStatementForgets(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	for _, answer := range []*ddb.BatchExecuteStatementOutput{
		{Responses: []ddb.BatchStatementResponse{{Error: &ddb.BatchStatementError{Code: "InternalServerError"}}}},
		{},
	} {
		s.next.then = nil
		s.must(ddb.PutItem, put("a", "1", ""))
		s.next.then = func(_ context.Context, req *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
			if req.Op == ddb.DescribeTable {
				return resp, err
			}
			return ddb.NewTypedResponse(answer), nil
		}
		s.must(ddb.BatchExecuteStatement, `{"Statements":[{"Statement":"UPDATE ttt SET v = 'x' WHERE h = 'a' AND s = 's'"}]}`)
		s.next.then = nil
		s.expect("a", "")
	}
}
