package engine

import (
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

// transactionBody is the body of an ExecuteTransaction. A member that is not a statement is taken as it is.
func transactionBody(members ...string) string {
	out := make([]string, len(members))
	for i, s := range members {
		if out[i] = s; s[0] != '{' {
			out[i] = statementBody(s)
		}
	}
	return `{"TransactStatements":[` + strings.Join(out, ",") + `]}`
}

// transacts checks the answer to an ExecuteTransaction.
func (h *harness) transacts(want string, members ...string) {
	h.t.Helper()
	h.ok(ddb.ExecuteTransaction, transactionBody(members...), want)
}

// cancelsStatements checks that an ExecuteTransaction is cancelled for these reasons, each a code with an optional message
// behind a colon.
func (h *harness) cancelsStatements(reasons []string, members ...string) {
	h.t.Helper()
	body := transactionBody(members...)
	_, bad := h.do(ddb.ExecuteTransaction, body)
	if bad == nil || bad.Code != "TransactionCanceledException" || len(bad.CancellationReasons) != len(reasons) {
		h.t.Errorf("%s: %+v, want %d reasons", clip(body), bad, len(reasons))
		return
	}
	codes := make([]string, len(reasons))
	for i, want := range reasons {
		got := bad.CancellationReasons[i]
		code, message, told := strings.Cut(want, ": ")
		if codes[i] = code; got.Code != code || told && got.Message != message {
			h.t.Errorf("%s: reason %d is %s: %s, want %s", clip(body), i, got.Code, got.Message, want)
		}
		if code == "None" && got.Message != "" {
			h.t.Errorf("%s: reason %d has the message %q", clip(body), i, got.Message)
		}
	}
	if want := "Transaction cancelled, please refer cancellation reasons for specific reasons [" + strings.Join(codes, ", ") + "]"; bad.Message != want {
		h.t.Errorf("%s: message %q, want %q", clip(body), bad.Message, want)
	}
}

// refusesTransaction checks that an ExecuteTransaction is a ValidationException.
func (h *harness) refusesTransaction(message string, members ...string) {
	h.t.Helper()
	h.invalid(ddb.ExecuteTransaction, transactionBody(members...), message)
}

// TestStatementsTransactAllOrNothing checks #204.
func TestStatementsTransactAllOrNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, stringTable)
	h.put("hash", `{"p":{"S":"a"},"n":{"N":"1"}}`, `{"p":{"S":"b"},"n":{"N":"1"}}`)
	h.transacts(`{"Responses":[]}`, `INSERT INTO hash VALUE {'p':'new'}`, `UPDATE hash SET n = n + 1 WHERE p = 'a'`,
		`FROM hash WHERE p = 'b' AND attribute_exists(n) SET c = 1`, `INSERT INTO "string" VALUE {'p':'x','s':'y'}`)
	h.holds("new", `{"p":{"S":"new"}}`)
	h.holds("a", `{"p":{"S":"a"},"n":{"N":"2"}}`)
	h.holds("b", `{"p":{"S":"b"},"n":{"N":"1"},"c":{"N":"1"}}`)
	h.finds(`SELECT * FROM "string"`, 1)

	h.cancelsStatements([]string{"DuplicateItem: Duplicate primary key exists in table", "None"},
		`INSERT INTO hash VALUE {'p':'a'}`, `INSERT INTO hash VALUE {'p':'never'}`)
	h.cancelsStatements([]string{"None", "ConditionalCheckFailed: The conditional request failed", "ConditionalCheckFailed"},
		`INSERT INTO hash VALUE {'p':'never'}`, `UPDATE hash SET n = 1 WHERE p = 'ghost'`, `DELETE FROM hash WHERE p = 'a' AND n = 7`)
	h.cancelsStatements([]string{"ValidationError: An operand in the update expression has an incorrect data type", "None"},
		`UPDATE hash SET n = set_add(n, <<1>>) WHERE p = 'a'`, `INSERT INTO hash VALUE {'p':'never'}`)
	h.holds("never", "")
	h.holds("ghost", "")
	// The item of a failed check, where it is asked for.
	_, bad := h.do(ddb.ExecuteTransaction, transactionBody(
		`{"Statement":"DELETE FROM hash WHERE p = 'a' AND n = 7","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`, `DELETE FROM hash WHERE p = 'b' AND n = 7`))
	if bad == nil || !bad.CancellationReasons[0].HasItem || text(bad.CancellationReasons[0].Item) != `{"n":{"N":"2"},"p":{"S":"a"}}` ||
		bad.CancellationReasons[1].HasItem {
		t.Errorf("reasons %+v", bad)
	}
	h.transacts(`{"Responses":[]}`, `DELETE FROM hash WHERE p = 'nobody' AND n = 7`, `DELETE FROM hash WHERE p = 'a' AND n = 2`)
	h.holds("a", "")
	h.invalid(ddb.ExecuteTransaction, `{"TransactStatements":[]}`,
		"1 validation error detected: Value '[]' at 'transactStatements' failed to satisfy constraint: Member must have length greater than or equal to 1")
}

// TestExistsChecksAnItem has EXISTS, the ConditionCheck of statements.
func TestExistsChecksAnItem(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(stringTable)
	h.put("string", `{"p":{"S":"x1"},"s":{"S":"1"},"free":{"S":"x"}}`, `{"p":{"S":"x2"},"s":{"S":"1"}}`, `{"p":{"S":"x3"},"s":{"S":"1"},"Awards":{"N":"1"}}`)
	const update = `UPDATE "string" SET won = 1 WHERE p = 'x2' AND s = '1'`
	h.transacts(`{"Responses":[]}`, `EXISTS(SELECT * FROM "string" WHERE p = 'x1' AND s = '1' AND Awards IS MISSING)`, update)
	h.transacts(`{"Responses":[]}`, `EXISTS(SELECT * FROM "string" WHERE (p = 'x1' AND s = '1') AND nope IS MISSING)`, update)
	h.cancelsStatements([]string{"ConditionalCheckFailed: The conditional request failed", "None"},
		`EXISTS(SELECT * FROM "string" WHERE p = 'x3' AND s = '1' AND Awards IS MISSING)`, update)
	h.cancelsStatements([]string{"ConditionalCheckFailed", "None"},
		`EXISTS(SELECT * FROM "string" WHERE p = 'x1' AND s = '1' AND p = 'x3' AND free = 'x')`, update)
	// Assumed: what is not there does not exist.
	h.cancelsStatements([]string{"ConditionalCheckFailed", "None"}, `EXISTS(SELECT * FROM "string" WHERE p = 'x9' AND s = '1' AND Awards IS MISSING)`, update)
	const text = "Validation failed in TransactStatements[0]: EXISTS() must contain a single item read with additional condition"
	h.refusesTransaction(text, `EXISTS(SELECT * FROM "string" WHERE p = 'x1' AND s = '1')`, update)
	h.refusesTransaction(text, `EXISTS(SELECT * FROM "string" WHERE p = 'x1' AND free = 'x')`, update)
	h.refusesTransaction(text, `EXISTS(SELECT * FROM "string" WHERE p IN ['x1'] AND s = '1' AND free = 'x')`, update)
	h.finds(`SELECT * FROM "string" WHERE won = 1`, 1)
}

// TestTransactionsReadItemsByKey has transactions of SELECTs.
func TestTransactionsReadItemsByKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(stringTable, indexTable)
	h.sorted("o", 2)
	const sel = `SELECT * FROM "string" WHERE `
	h.transacts(`{"Responses":[{"Item":{"p":{"S":"o"},"s":{"S":"1"},"f":{"S":"f1"}}},{},{"Item":{"f":{"S":"f2"}}},{}]}`,
		sel+`p = 'o' AND s = '1'`, sel+`p = 'o' AND s = '9'`, `SELECT f FROM "string" WHERE p IN ['o'] AND s IN ['2']`, `SELECT nope FROM "string" WHERE p = 'o' AND s = '3'`)
	h.transacts(`{"Responses":[{"Item":{"p":{"S":"o"},"s":{"S":"1"},"f":{"S":"f1"}}}]}`, sel+`(s = '1') AND p = 'o' AND p = 'o'`)
	const needsKey = "Validation failed in TransactStatements[0]: Select statements within ExecuteTransaction must specify the primary key in the where clause."
	for _, where := range []string{`p = 'o'`, `p = 'o' AND s = '1' AND f = 'f1'`, `p = 'o' AND s = '1' AND p = 'x'`, `p = 'o' AND s = '1' AND attribute_exists(f)`, `p IN ['x'] AND p = 'o' AND s = '1'`} {
		h.refusesTransaction(needsKey, sel+where)
	}
	h.refusesTransaction("Validation failed in TransactStatements[0]: Overlapping conditions with range keys are not supported in where clause", sel+`p IN ['o','o'] AND s = '1'`)
	h.refusesTransaction("Validation failed in TransactStatements[0]: The IN operator is provided with too many operands; number of operands: 101",
		sel+`p IN [`+strings.Repeat("'v',", 100)+`'v'] AND s = '1'`)
	h.refusesTransaction("Validation failed in TransactStatements[1]: Reads on indices are not supported within transactions.",
		sel+`p = 'o' AND s = '1'`, `SELECT * FROM "index"."all" WHERE g = 'x'`)
	h.refusesTransaction("Transaction request cannot include multiple operations on one item", sel+`p = 'o' AND s = '1'`, `SELECT f FROM "string" WHERE s = '1' AND p = 'o'`)
	const mismatch = "ValidationError: The provided key element does not match the schema"
	h.cancelsStatements([]string{"None", "None", mismatch}, sel+`p = 'o' AND s = '1'`, sel+`p = 'o' AND s = '1'`, sel+`p = 1 AND s = '1'`)
	h.cancelsStatements([]string{"None", "ResourceNotFound: Requested resource not found"}, sel+`p = 'o' AND s = '1'`, `SELECT * FROM "none"."idx" WHERE p = 'x'`)
	h.refusesTransaction("Validation failed in TransactStatements[1]: Reads on indices are not supported within transactions.",
		`SELECT * FROM "none" WHERE p = 'x' AND s = '1'`, `SELECT * FROM "string"."idx" WHERE p = 'x' AND s = '1'`)
	// 2 units per 4 KB. #159
	got := h.member(ddb.ExecuteTransaction, strings.TrimSuffix(transactionBody(sel+`p = 'o' AND s = '1'`, sel+`p = 'o' AND s = '9'`), "}")+`,"ReturnConsumedCapacity":"TOTAL"}`, "ConsumedCapacity")
	if want := `[{"TableName":"string","CapacityUnits":4,"ReadCapacityUnits":4}]`; !sameJSON(t, got, want) {
		t.Errorf("ConsumedCapacity %s, want %s", got, want)
	}
}

// TestTransactionsRefuseStatements has what is wrong with a statement, and whether that is told of the whole or as a reason.
func TestTransactionsRefuseStatements(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(stringTable)
	h.sorted("o", 2)
	const (
		update = `UPDATE "string" SET a = 1 WHERE p = 'o' AND s = '1'`
		first  = "Validation failed in TransactStatements[0]: "
		second = "Validation failed in TransactStatements[1]: "
	)
	h.refusesTransaction(first+"Statement wasn't well formed, can't be processed: Unexpected term", `SELECT * FROM "string" WHERE`)
	h.refusesTransaction(first+"This operation is not supported on an index", `UPDATE "string"."i" SET a = 1 WHERE p = 'o' AND s = '1'`)
	h.refusesTransaction(first+"RETURNING clause is not supported in ExecuteTransaction.", update+` RETURNING ALL NEW *`)
	h.refusesTransaction(second+"RETURNING clause is not supported in ExecuteTransaction.", `UPDATE "none" SET a = 1 WHERE p = 'x' AND s = '1'`, update+` RETURNING ALL NEW *`)
	h.refusesTransaction(first+"Incorrect operand type for operator or function; operator or function: +, operand type: L", `UPDATE "string" SET n = n + [1] WHERE p = 'o' AND s = '1'`)
	h.refusesTransaction(first+"One or more parameter values were invalid: Input collection [a, a] contains duplicates.", `INSERT INTO "string" VALUE {'p':'x','s':'1','x':[<<'a','a'>>]}`)
	h.refusesTransaction(first+"Nesting Levels have exceeded supported limits under root"+strings.Repeat("[0]", 32),
		`UPDATE "string" SET d = `+strings.Repeat("[", 32)+"1"+strings.Repeat("]", 32)+` WHERE p = 'o' AND s = '1'`)
	h.refusesTransaction("One or more parameter values were invalid: Input collection [a, a] contains duplicates.", update,
		statementBody(`INSERT INTO "string" VALUE {'p':'x','s':'1','x':?}`, `{"SS":["a","a"]}`))
	h.refusesTransaction("ExecuteTransaction API does not support both read and write operations in the same request.",
		`SELECT * FROM "string" WHERE p = 'o' AND s = '1'`, update)
	h.refusesTransaction("Transaction request cannot include multiple operations on one item", update, `DELETE FROM "string" WHERE p = 'o' AND s = '1'`)
	h.refusesTransaction("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: s",
		`INSERT INTO "string" VALUE {'p':'x','s':''}`)

	const mismatch = "ValidationError: The provided key element does not match the schema"
	h.cancelsStatements([]string{mismatch, mismatch, mismatch, mismatch, "None"}, `UPDATE "string" SET a = 1 WHERE p = 'o'`,
		`UPDATE "string" SET a = 1 WHERE p IN ['o'] AND s = '1'`, `UPDATE "string" SET a = 1 WHERE p = 'o' AND s = '1' AND p = 'x'`,
		`UPDATE "string" SET a = 1 WHERE p = 'o' AND s = 1`, update)
	h.cancelsStatements([]string{"ValidationError: One or more parameter values were invalid: Missing the key s in the item", mismatch},
		`INSERT INTO "string" VALUE {'p':'x'}`, `DELETE FROM "string" WHERE s = '1'`)
	h.cancelsStatements([]string{"ResourceNotFound: Requested resource not found", "ResourceNotFound"},
		`UPDATE "none" SET a = 1 WHERE p = 'x' AND s = '1' RETURNING ALL NEW *`, `DELETE FROM "none" WHERE p = 'x'`)
	h.put("string", `{"p":{"S":"deep"},"s":{"S":"1"},"m":{"M":{}}}`)
	h.cancelsStatements([]string{"ValidationError: Nesting Levels have exceeded supported limits"}, statementBody(`UPDATE "string" SET m.deep = ? WHERE p = 'deep' AND s = '1'`,
		strings.Repeat(`{"M":{"a":`, 31)+`{"S":"x"}`+strings.Repeat("}}", 31)))
	large := func(p string) string {
		return statementBody(`INSERT INTO "string" VALUE {'p':?,'s':'1','a':?}`, fmt.Sprintf(`{"S":%q}`, p), `{"S":`+chars(ddb.MaxItemBytes-100)+`}`)
	}
	var members []string
	for i := range 11 {
		members = append(members, large(fmt.Sprint("l", i)))
	}
	if _, bad := h.do(ddb.ExecuteTransaction, transactionBody(members...)); bad == nil || bad.Code != "ValidationException" || !strings.Contains(bad.Message, "size") {
		t.Errorf("more than 4 MB: %v", bad)
	}
	h.finds(`SELECT * FROM "string" WHERE attribute_exists(a)`, 0)
}

// TestTransactionsOfStatementsAreDoneOnce checks ClientRequestToken and what the repetition costs. #196
func TestTransactionsOfStatementsAreDoneOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.put("hash", `{"p":{"S":"a"},"n":{"N":"0"}}`)
	body := strings.TrimSuffix(transactionBody(`UPDATE hash SET n = n + 1 WHERE p = 'a'`, `INSERT INTO hash VALUE {'p':'b'}`), "}") +
		`,"ClientRequestToken":"t","ReturnConsumedCapacity":"TOTAL"}`
	h.ok(ddb.ExecuteTransaction, body, `{"Responses":[],"ConsumedCapacity":[{"TableName":"hash","CapacityUnits":4,"WriteCapacityUnits":4}]}`)
	h.ok(ddb.ExecuteTransaction, body, `{"Responses":[],"ConsumedCapacity":[{"TableName":"hash","CapacityUnits":4,"ReadCapacityUnits":4}]}`)
	h.holds("a", `{"p":{"S":"a"},"n":{"N":"1"}}`)
	if _, bad := h.do(ddb.ExecuteTransaction, strings.Replace(body, "n + 1", "n + 2", 1)); bad == nil || bad.Code != "IdempotentParameterMismatchException" {
		t.Errorf("another statement under the token: %v", bad)
	}
}
