package facts

import (
	"fmt"
	"strings"
	"sync"
)

// transactionFacts are about TransactWriteItems and TransactGetItems.
var transactionFacts = []fact{
	{188, "a transaction has 1 to 100 actions", func(s *session) {
		s.table("$T", "pk:S")
		list := func(action string, n int) string {
			var actions []string
			for i := range n {
				actions = append(actions, strings.ReplaceAll(action, "%d", text(i)))
			}
			return `{"TransactItems":[` + strings.Join(actions, ",") + `]}`
		}
		const put, get = `{"Put":{"TableName":"$T","Item":{"pk":{"S":"%d"}}}}`, `{"Get":{"TableName":"$T","Key":{"pk":{"S":"%d"}}}}`
		for operation, action := range inOrder(map[string]string{"TransactWriteItems": put, "TransactGetItems": get}) {
			s.invalid(operation, list(action, 0), "1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1")
			s.invalid(operation, list(action, 101), "1 validation error detected: Value '[…]' at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100")
			s.ok(operation, list(action, 100))
		}
	}},
	{189, "a transaction names no item twice", func(s *session) {
		s.table("$T", "pk:S")
		const put, check = `{"Put":{"TableName":"$T","Item":{"pk":{"S":"a"}}}}`, `{"ConditionCheck":{"TableName":"$T","Key":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)"}}`
		const get = `{"Get":{"TableName":"$T","Key":{"pk":{"S":"a"}}}}`
		const twice = "Transaction request cannot include multiple operations on one item"
		s.invalid("TransactWriteItems", `{"TransactItems":[`+put+`,`+put+`]}`, twice)
		s.invalid("TransactWriteItems", `{"TransactItems":[`+put+`,`+check+`]}`, twice)
		s.invalid("TransactGetItems", `{"TransactItems":[`+get+`,`+get+`]}`, "…")
	}},
	{190, "a missing table is not a cancellation", func(s *session) {
		s.refuses("TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"no-such","Item":{"pk":{"S":"a"}}}}]}`, "ResourceNotFoundException", "Requested resource not found")
		s.refuses("TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"no-such","Key":{"pk":{"S":"a"}}}}]}`, "ResourceNotFoundException", "Requested resource not found")
	}},
	{191, "an action is one of four, and a check has its condition", func(s *session) {
		s.table("$T", "pk:S")
		s.invalid("TransactWriteItems", `{"TransactItems":[{"ConditionCheck":{"TableName":"$T","Key":{"pk":{"S":"a"}}}}]}`, "…onditionExpression…")
		s.invalid("TransactWriteItems", `{"TransactItems":[{}]}`, "…")
		s.invalid("TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"$T","Item":{"pk":{"S":"a"}}},"Delete":{"TableName":"$T","Key":{"pk":{"S":"b"}}}}]}`, "…")
		s.item(`{"pk":{"S":"a"}}`, "")
	}},
	{192, "a cancellation gives its reasons by position", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"v":{"N":"1"}}`)
		f := func(more, item string) {
			s.t.Helper()
			s.cancelled(`{"Put":{"TableName":"$T","Item":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)"`+more+`}},{"Put":{"TableName":"$T","Item":{"pk":{"S":"b"}}}}`,
				"Transaction cancelled, please refer cancellation reasons for specific reasons [ConditionalCheckFailed, None]",
				`[{"Code":"ConditionalCheckFailed","Message":"The conditional request failed"`+item+`},{"Code":"None"}]`)
		}
		f("", "")
		f(`,"ReturnValuesOnConditionCheckFailure":"NONE"`, "")
		f(`,"ReturnValuesOnConditionCheckFailure":"ALL_OLD"`, `,"Item":{"pk":{"S":"a"},"v":{"N":"1"}}`)
		s.item(`{"pk":{"S":"b"}}`, "")
	}},
	{193, "all failed conditions are told", func(s *session) {
		s.table("$T", "pk:S")
		check := func(pk, condition string) string {
			return `{"ConditionCheck":{"TableName":"$T","Key":{"pk":{"S":"` + pk + `"}},"ConditionExpression":"` + condition + `"}}`
		}
		const failed = `{"Code":"ConditionalCheckFailed","Message":"The conditional request failed"}`
		s.cancelled(check("a", "attribute_exists(pk)")+`,`+check("b", "attribute_not_exists(pk)")+`,`+check("c", "attribute_exists(pk)"),
			"Transaction cancelled, please refer cancellation reasons for specific reasons [ConditionalCheckFailed, None, ConditionalCheckFailed]",
			`[`+failed+`,{"Code":"None"},`+failed+`]`)
	}},
	{194, "a bad expression is invalid, a bad key cancels", func(s *session) {
		s.table("$T", "pk:S")
		const fails = `{"ConditionCheck":{"TableName":"$T","Key":{"pk":{"S":"x"}},"ConditionExpression":"attribute_exists(pk)"}}`
		for _, update := range []string{
			`"UpdateExpression":"SET"`, `"UpdateExpression":"SET a=:v"`, `"UpdateExpression":"REMOVE a","ExpressionAttributeNames":{"#x":"x"}`, `"UpdateExpression":"REMOVE name"`,
		} {
			s.invalid("TransactWriteItems", `{"TransactItems":[`+fails+`,{"Update":{"TableName":"$T","Key":{"pk":{"S":"a"}},`+update+`}}]}`, "…")
		}
		s.cancelled(fails+`,{"Delete":{"TableName":"$T","Key":{"pk":{"N":"1"}}}},{"Delete":{"TableName":"$T","Key":{"x":{"N":"1"}}}}`,
			"Transaction cancelled, please refer cancellation reasons for specific reasons [None, ValidationError, None]",
			`[{"Code":"None"},{"Code":"ValidationError","Message":"The provided key element does not match the schema"},{"Code":"None"}]`)
		a := s.refuses("TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"$T","Key":{"pk":{"S":"a"}}}},{"Get":{"TableName":"$T","Key":{"pk":{"N":"1"}}}}]}`,
			"TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ValidationError]")
		if diff := differ(s.members(a)["CancellationReasons"], list(s, `[{"Code":"None"},{"Code":"ValidationError","Message":"The provided key element does not match the schema"}]`), "", false); diff != "" {
			s.t.Error(diff)
		}
	}},
	{195, "all or nothing, over tables, up to 4 MB", func(s *session) {
		s.table("$T", "pk:S")
		s.table("$U", "pk:S sk:S")
		s.put(`{"pk":{"S":"a"},"v":{"N":"1"}}`, `{"pk":{"S":"d"}}`)
		const actions = `{"Update":{"TableName":"$T","Key":{"pk":{"S":"a"}},"UpdateExpression":"ADD v :v","ExpressionAttributeValues":{":v":{"N":"1"}}}},` +
			`{"Put":{"TableName":"$U","Item":{"pk":{"S":"b"},"sk":{"S":"c"}}}},{"Delete":{"TableName":"$T","Key":{"pk":{"S":"d"}}}}`
		s.cancelled(actions+`,{"ConditionCheck":{"TableName":"$U","Key":{"pk":{"S":"x"},"sk":{"S":"y"}},"ConditionExpression":"attribute_exists(pk)"}}`,
			"Transaction cancelled, please refer cancellation reasons for specific reasons [None, None, None, ConditionalCheckFailed]",
			`[{"Code":"None"},{"Code":"None"},{"Code":"None"},{"Code":"ConditionalCheckFailed","Message":"The conditional request failed"}]`)
		s.item(`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"v":{"N":"1"}}`)
		s.item(`{"pk":{"S":"d"}}`, `{"pk":{"S":"d"}}`)
		s.want("TransactWriteItems", `{"TransactItems":[`+actions+`]}`, `{}`)
		s.item(`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"v":{"N":"2"}}`)
		s.item(`{"pk":{"S":"d"}}`, "")
		s.want("GetItem", `{"TableName":"$U","Key":{"pk":{"S":"b"},"sk":{"S":"c"}}}`, `{"Item":{"pk":{"S":"b"},"sk":{"S":"c"}}}`)
		large := func(n int, action string) string {
			var list []string
			for i := range n {
				list = append(list, fmt.Sprintf(action, i))
			}
			return `{"TransactItems":[` + strings.Join(list, ",") + `]}`
		}
		put := `{"Put":{"TableName":"$T","Item":{"pk":{"S":"L%d"},"v":{"S":"` + long("x", 300_000) + `"}}}}`
		s.want("TransactWriteItems", large(10, put), `{}`)
		s.invalid("TransactWriteItems", large(15, put), "…size…")
		for i := 10; i < 15; i++ {
			s.put(fmt.Sprintf(`{"pk":{"S":"L%d"},"v":{"S":"%s"}}`, i, long("x", 300_000)))
		}
		s.want("TransactWriteItems", large(15, `{"Delete":{"TableName":"$T","Key":{"pk":{"S":"L%d"}}}}`), `{}`)
	}},
	{196, "a token makes a transaction happen once", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"v":{"N":"1"}}`)
		add := func(token, n string) string {
			return `{"ClientRequestToken":"` + token + `","TransactItems":[{"Update":{"TableName":"$T","Key":{"pk":{"S":"a"}},"UpdateExpression":"ADD v :v","ExpressionAttributeValues":{":v":{"N":"` + n + `"}}}}]}`
		}
		token := s.prefix + "token"
		s.want("TransactWriteItems", add(token, "1"), `{}`)
		s.want("TransactWriteItems", add(token, "1"), `{}`)
		s.item(`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"v":{"N":"2"}}`)
		s.refuses("TransactWriteItems", add(token, "2"), "IdempotentParameterMismatchException", "…")
		s.item(`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"v":{"N":"2"}}`)
		s.want("TransactWriteItems", add(token+"2", "1"), `{}`)
		s.item(`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"v":{"N":"3"}}`)
		s.invalid("TransactWriteItems", add("", "1"), "…'clientRequestToken' failed to satisfy constraint: Member must have length greater than or equal to 1")
		s.invalid("TransactWriteItems", add(long("x", 37), "1"), "…'clientRequestToken' failed to satisfy constraint: Member must have length less than or equal to 36")
	}},
	{197, "transactional reads answer by position", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"v":{"N":"1"},"w":{"N":"2"}}`)
		get := func(pk, more string) string {
			return `{"Get":{"TableName":"$T","Key":{"pk":{"S":"` + pk + `"}}` + more + `}}`
		}
		for range 2 {
			s.want("TransactGetItems", `{"TransactItems":[`+get("none", "")+`,`+get("a", `,"ProjectionExpression":"#v","ExpressionAttributeNames":{"#v":"v"}`)+`]}`, `{"Responses":[{},{"Item":{"v":{"N":"1"}}}]}`)
		}
		s.invalid("TransactGetItems", `{"TransactItems":[`+get("a", `,"ProjectionExpression":"v","ExpressionAttributeNames":{"#v":"v"}`)+`]}`, "Value provided in ExpressionAttributeNames unused in expressions: keys: {#v}")
		s.want("DeleteItem", `{"Key":{"pk":{"S":"a"}}}`, `{}`)
		s.want("TransactGetItems", `{"TransactItems":[`+get("a", "")+`]}`, `{"Responses":[{}]}`)
	}},
	{198, "who meets a transaction is told of a conflict or succeeds, and no increment is lost or doubled", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"v":{"N":"0"}}`, `{"pk":{"S":"b"},"v":{"N":"0"}}`)
		const action = `{"Update":{"TableName":"$T","Key":{"pk":{"S":"%s"}},"UpdateExpression":"ADD v :v","ExpressionAttributeValues":{":v":{"N":"1"}}}}`
		both := `{"TransactItems":[` + fmt.Sprintf(action, "a") + `,` + fmt.Sprintf(action, "b") + `]}`
		q := s.quiet()
		var mu sync.Mutex
		var done sync.WaitGroup
		a, b := 0, 0
		for range 8 {
			done.Add(2)
			go func() {
				defer done.Done()
				for range 10 {
					switch got := q.call("TransactWriteItems", both); {
					case got.status == 200:
						mu.Lock()
						a, b = a+1, b+1
						mu.Unlock()
					case got.code() != "TransactionCanceledException" || !strings.Contains(string(got.body), "TransactionConflict"):
						s.t.Errorf("TransactWriteItems = %d %s", got.status, got.body)
					}
				}
			}()
			go func() {
				defer done.Done()
				for range 10 {
					got := q.call("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"ADD v :v","ExpressionAttributeValues":{":v":{"N":"1"}}}`)
					switch {
					case got.status == 200:
						mu.Lock()
						a++
						mu.Unlock()
					case got.code() != "TransactionConflictException":
						s.t.Errorf("UpdateItem = %d %s", got.status, got.body)
					}
				}
			}()
		}
		done.Wait()
		q.item(`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"v":{"N":"`+text(a)+`"}}`)
		q.item(`{"pk":{"S":"b"}}`, `{"pk":{"S":"b"},"v":{"N":"`+text(b)+`"}}`)
	}},
}

// cancelled checks that a transaction of these actions is cancelled with this message and these reasons.
func (s *session) cancelled(actions, message, reasons string) {
	s.t.Helper()
	a := s.refuses("TransactWriteItems", `{"TransactItems":[`+actions+`]}`, "TransactionCanceledException", message)
	if diff := differ(s.members(a)["CancellationReasons"], list(s, reasons), "CancellationReasons", false); diff != "" {
		s.t.Error(diff)
	}
}

// list reads a JSON list.
func list(s *session, text string) any {
	s.t.Helper()
	return s.decode(`{"list":` + text + `}`)["list"]
}

// statementFacts are about PartiQL.
var statementFacts = []fact{
	{199, "statements insert, select, update and delete, with parameters", func(s *session) {
		s.table("$T", "pk:S sk:N")
		s.want("ExecuteStatement", statement(`INSERT INTO "$T" VALUE {'pk':'a','sk':1,'v':[1,'x'],'m':{'n':true}}`), `{"Items":[]}`)
		s.want("ExecuteStatement", statement(`INSERT INTO "$T" VALUE {'pk':?,'sk':?}`, `{"S":"a"}`, `{"N":"2"}`), `{"Items":[]}`)
		s.has("ExecuteStatement", statement(`SELECT * FROM "$T" WHERE pk='a'`),
			`{"Items":[{"pk":{"S":"a"},"sk":{"N":"1"},"v":{"L":[{"N":"1"},{"S":"x"}]},"m":{"M":{"n":{"BOOL":true}}}},{"pk":{"S":"a"},"sk":{"N":"2"}}]}`)
		s.has("ExecuteStatement", statement(`SELECT sk FROM "$T" WHERE pk=? AND sk=?`, `{"S":"a"}`, `{"N":"1"}`), `{"Items":[{"sk":{"N":"1"}}]}`)
		s.want("ExecuteStatement", statement(`UPDATE "$T" SET x=? SET y=5 REMOVE v WHERE pk='a' AND sk=1`, `{"S":"new"}`), `{"Items":[]}`)
		s.has("ExecuteStatement", statement(`SELECT x,y,v FROM "$T" WHERE pk='a' AND sk=1`), `{"Items":[{"x":{"S":"new"},"y":{"N":"5"}}]}`)
		s.want("ExecuteStatement", statement(`DELETE FROM "$T" WHERE pk='a' AND sk=1`), `{"Items":[]}`)
		s.want("ExecuteStatement", statement(`SELECT * FROM "$T" WHERE pk='a' AND sk=1`), `{"Items":[]}`)
	}},
	{200, "INSERT wants a new key", func(s *session) {
		s.table("$T", "pk:S")
		insert := statement(`INSERT INTO "$T" VALUE {'pk':'a'}`)
		s.ok("ExecuteStatement", insert)
		s.refuses("ExecuteStatement", insert, "DuplicateItemException", "…")
		s.want("DeleteItem", `{"Key":{"pk":{"S":"a"}}}`, `{}`)
		s.ok("ExecuteStatement", insert)
		s.item(`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"}}`)
	}},
	{201, "WHERE compares, joins and calls functions, and paths lead inside", func(s *session) {
		s.table("$T", "pk:S sk:N")
		s.batch("a", 6, `,"t":{"S":"word%d"},"m":{"M":{"n":{"N":"%d"},"l":{"L":[{"S":"e%d"}]}}}`)
		f := func(where, want string) {
			s.t.Helper()
			s.ordered("ExecuteStatement", statement(`SELECT * FROM "$T" WHERE pk='a' AND `+where), "sk", want)
		}
		f(`sk > 3`, "4 5")
		f(`sk BETWEEN 1 AND 2`, "1 2")
		f(`sk IN [1, 4]`, "1 4")
		f(`begins_with(t, 'word3')`, "3")
		f(`(m.n = 2 OR m.n = 3)`, "2 3")
		f(`m.l[0] = 'e5'`, "5")
		f(`NOT (sk < 4)`, "4 5")
		f(`sk <> 0 AND t >= 'word4'`, "4 5")
		s.has("ExecuteStatement", statement(`SELECT m.n FROM "$T" WHERE pk='a' AND sk=2`), `{"Items":[{"n":{"N":"2"}}]}`)
	}},
	{202, "statements fail as operations do", func(s *session) {
		s.table("$T", "pk:S sk:N")
		s.put(`{"pk":{"S":"a"},"sk":{"N":"1"},"v":{"N":"1"}}`)
		s.invalid("ExecuteStatement", statement(`SELEC * FRM x`), "Statement wasn't well formed, can't be processed: …")
		s.refuses("ExecuteStatement", statement(`SELECT * FROM "no-such" WHERE pk='a'`), "ResourceNotFoundException", "Requested resource not found")
		s.invalid("ExecuteStatement", statement(`UPDATE "$T" SET v=2 WHERE pk='a'`), "…")
		s.invalid("ExecuteStatement", statement(`DELETE FROM "$T" WHERE pk='a'`), "…")
		s.refuses("ExecuteStatement", statement(`UPDATE "$T" SET v=2 WHERE pk='a' AND sk=1 AND v=7`), "ConditionalCheckFailedException", "The conditional request failed")
		s.item(`{"pk":{"S":"a"},"sk":{"N":"1"}}`, `{"pk":{"S":"a"},"sk":{"N":"1"},"v":{"N":"1"}}`)
	}},
	{203, "a batch of statements answers each for itself", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"v":{"N":"1"}}`)
		f := func(want string, statements ...string) {
			s.t.Helper()
			var list []string
			for _, text := range statements {
				list = append(list, statement(text))
			}
			s.want("BatchExecuteStatement", `{"Statements":[`+strings.Join(list, ",")+`]}`, `{"Responses":[`+want+`]}`)
		}
		f(`{"TableName":"$T","Item":{"pk":{"S":"a"},"v":{"N":"1"}}},{"TableName":"$T"}`, `SELECT * FROM "$T" WHERE pk='a'`, `SELECT * FROM "$T" WHERE pk='b'`)
		f(`{"TableName":"$T"},{"TableName":"$T","Error":{"Code":"DuplicateItem","Message":"…"}}`, `INSERT INTO "$T" VALUE {'pk':'c'}`, `INSERT INTO "$T" VALUE {'pk':'a'}`)
		f(`{"TableName":"no-such","Error":{"Code":"ResourceNotFound","Message":"Requested resource not found"}}`, `SELECT * FROM "no-such" WHERE pk='a'`)
		f(`{"TableName":"$T","Error":{"Code":"ConditionalCheckFailed","Message":"The conditional request failed"}}`, `UPDATE "$T" SET v=2 WHERE pk='a' AND v=7`)
		s.item(`{"pk":{"S":"c"}}`, `{"pk":{"S":"c"}}`)
		s.has("BatchExecuteStatement", `{"Statements":[`+statement(`SELECT * FROM "$T" WHERE v=1`)+`]}`, `{"Responses":[{"Error":{"Code":"ValidationError"}}]}`)
		s.invalid("BatchExecuteStatement", `{"Statements":[]}`, "…")
		s.invalid("BatchExecuteStatement", `{"Statements":[`+strings.TrimSuffix(long(statement(`SELECT * FROM "$T" WHERE pk='a'`)+",", 26), ",")+`]}`, "…")
	}},
	{204, "a transaction of statements is all or nothing", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"}}`)
		s.refuses("ExecuteTransaction", `{"TransactStatements":[`+statement(`INSERT INTO "$T" VALUE {'pk':'b'}`)+`,`+statement(`INSERT INTO "$T" VALUE {'pk':'a'}`)+`]}`,
			"TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons [None, DuplicateItem]")
		s.item(`{"pk":{"S":"b"}}`, "")
		s.ok("ExecuteTransaction", `{"TransactStatements":[`+statement(`INSERT INTO "$T" VALUE {'pk':'b'}`)+`,`+statement(`UPDATE "$T" SET v=1 WHERE pk='a'`)+`]}`)
		s.item(`{"pk":{"S":"b"}}`, `{"pk":{"S":"b"}}`)
		s.item(`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"v":{"N":"1"}}`)
		s.invalid("ExecuteTransaction", `{"TransactStatements":[]}`, "…")
	}},
}

// statement is the JSON of one statement with its parameters.
func statement(text string, parameters ...string) string {
	in := `{"Statement":` + encode(text)
	if len(parameters) > 0 {
		in += `,"Parameters":[` + strings.Join(parameters, ",") + `]`
	}
	return in + `}`
}
