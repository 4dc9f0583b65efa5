package invalidation

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

// answerWith makes the backend answer op with body after it did what was asked, once.
func (s *setup) answerWith(op ddb.Operation, body string) {
	s.next.then = func(_ context.Context, req *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
		if err != nil || req.Op != op {
			return resp, err
		}
		s.next.then = nil
		return ddb.NewResponse([]byte(body)), nil
	}
}

// An update that was changed on the way to bring its image was written, whatever becomes of the image: the client is answered
// what it asked for, and what was cached goes.
func TestUpdateWhoseImageCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	const update = `{"TableName":"ttt","Key":{"h":{"S":%q},"s":{"S":"s"}},"UpdateExpression":"SET v=:v","ExpressionAttributeValues":{":v":{"S":"2"}}}`
	n := 0
	for got, want := range map[string]string{
		`{"Attributes":{"h":{"S":"a"},"s":{"S":"s"},"v":{"S":"2"},"x":{"S":"\ud83d"}}}`:     `{}`,
		`{"Attributes":{"x":{"B":"AA"}},"ConsumedCapacity":{"TableName":"ttt"}}`:            `{"ConsumedCapacity":{"TableName":"ttt"}}`,
		`{"Attributes":{"h":{"S":"a"},"s":{"S":"s"},"v":{"NEWTYPE":"2"}}}`:                  `{}`,
		`{"Attributes":{"h":{"S":"a"},"s":{"S":"s"},"v":{"L":[{"FUT":"x"},{"S":"kept"}]}}}`: `{}`,
		`{"Attributes":{"h":{"S":"a"},"s":{"S":"s"},"v":{"S":"2"}},"Future":1}`:             `{"Future":1}`,
		`<html>login</html>`: `<html>login</html>`,
		``:                   ``,
	} {
		n++
		h := fmt.Sprint(n)
		s.must(ddb.PutItem, put(h, "1", ""))
		if s.entry(h) == "" {
			t.Fatal("the put was not cached")
		}
		s.answerWith(ddb.UpdateItem, got)
		resp, err := s.do(ddb.UpdateItem, fmt.Sprintf(update, h))
		if err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		if body, err := resp.JSON(); err != nil || string(body) != want {
			t.Errorf("%s was answered %s, %v; want %s", got, body, err, want)
		}
		if entry := s.entry(h); entry != "" {
			t.Errorf("%s left %s", got, entry)
		}
	}
}

// An update that says more than is understood is sent word for word, and its answer is not taken for what there is.
func TestUpdateThatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	const update = `{"TableName":"ttt","Key":{"h":{"S":"a"},"s":{"S":"s"}},"UpdateExpression":"SET v=:v","ExpressionAttributeValues":{":v":{"S":"2"}}`
	for _, c := range []struct {
		rest string
		kept bool
	}{
		{`}`, true},
		{`,"ReturnValues":"ALL_NEW"}`, true},
		{`,"Mode":"DRY"}`, false},
		{`,"ReturnValues":"ALL_NEW","Mode":"DRY"}`, false},
		{`,"ReturnValues":"NONE","ReturnValues":"ALL_NEW"}`, false},
	} {
		s.must(ddb.PutItem, put("a", "1", ""))
		if s.entry("a") == "" {
			t.Fatal("the put was not cached")
		}
		sent := ""
		s.next.then = func(_ context.Context, req *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
			sent = string(req.Body())
			return resp, err
		}
		s.must(ddb.UpdateItem, update+c.rest)
		s.next.then = nil
		if !c.kept && sent != update+c.rest {
			t.Errorf("%s was sent as %s", c.rest, sent)
		}
		if entry := s.entry("a"); (entry != "") != c.kept {
			t.Errorf("%s left %q", c.rest, entry)
		}
	}
}

// A put is cached only as far as its words are understood, and if DynamoDB has answered it.
func TestPutThatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	f := func(what, request, answer string, kept bool) {
		t.Helper()
		request = strings.Replace(request, `"h":{"S":"a"}`, fmt.Sprintf(`"h":{"S":%q}`, what), 1)
		s.must(ddb.PutItem, put(what, "1", ""))
		if s.entry(what) == "" {
			t.Fatal("the first put was not cached")
		}
		s.next.then = func(context.Context, *ddb.Request, *ddb.Response, error) (*ddb.Response, error) {
			return ddb.NewResponse([]byte(answer)), nil
		}
		resp, err := s.do(ddb.PutItem, request)
		s.next.then = nil
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if body, err := resp.JSON(); err != nil || string(body) != answer {
			t.Errorf("%s: answered %s, %v", what, body, err)
		}
		if entry := s.entry(what); (entry != "") != kept {
			t.Errorf("%s left %q", what, entry)
		}
	}
	with := func(value string) string {
		return fmt.Sprintf(`{"TableName":"ttt","Item":{"h":{"S":"a"},"s":{"S":"s"},"v":%s}}`, value)
	}
	f("a put", with(`{"S":"2"}`), `{}`, true)
	f("a data type of the future", with(`{"NEWTYPE":"2"}`), `{}`, false)
	f("one in a list", with(`{"L":[{"FUT":"x"},{"S":"kept"}]}`), `{}`, false)
	f("one beside another", with(`{"S":"2","FUT":"x"}`), `{}`, false)
	f("an option of the future", put("a", "2", `,"Mode":"MERGE"`), `{}`, false)
	f("a page", with(`{"S":"2"}`), `<html>login</html>`, false)
	f("nothing", with(`{"S":"2"}`), ``, false)
	f("half an answer", with(`{"S":"2"}`), `{`, false)
	f("somebody else's answer", with(`{"S":"2"}`), `{"message":"try later"}`, false)
}

// A read beside the caches that shows what is not understood contradicts what is cached.
func TestObservedAnswerThatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	const get = `{"TableName":"ttt","Key":{"h":{"S":"a"},"s":{"S":"s"}}}`
	for _, body := range []string{
		`{"Item":{"h":{"S":"a"},"s":{"S":"s"},"v":{"NEWTYPE":"2"}}}`,
		`{"Item":{"h":{"S":"a"},"s":{"S":"s"},"v":{"S":"\ud83d"}}}`,
		`{"message":"try later"}`,
	} {
		s.must(ddb.PutItem, put("a", "1", ""))
		s.answerWith(ddb.GetItem, body)
		s.must(ddb.GetItem, get)
		if entry := s.entry("a"); entry != "" {
			t.Errorf("%s left %s", body, entry)
		}
	}
}

// A read that was answered though its key is none of the table's shows that the table is another one by now.
func TestObservedKeyThatIsNoneOfTheTables(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	s.next.then = func(context.Context, *ddb.Request, *ddb.Response, error) (*ddb.Response, error) {
		return ddb.NewResponse([]byte(`{"Item":{"id":{"S":"a"}}}`)), nil
	}
	s.must(ddb.GetItem, `{"TableName":"ttt","Key":{"id":{"S":"a"}}}`)
	s.next.then = nil
	s.expect("a", "")
}

// What a batch says with a member that is not known may not be what it leaves.
func TestBatchOfTheFutureLeavesNothingCached(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	s.must(ddb.PutItem, put("b", "1", ""))
	s.must(ddb.BatchWriteItem, `{"OnlyTry":true,"RequestItems":{"ttt":[{"PutRequest":{"Item":{"h":{"S":"a"},"s":{"S":"s"},"v":{"S":"2"}}}},
		{"DeleteRequest":{"Key":{"h":{"S":"b"},"s":{"S":"s"}}}}]}}`)
	s.expect("a", "")
	s.expect("b", "")
}

// Of a write that gives its key, item, table or statement twice nobody knows which one the backend takes: nothing that may be of either is kept.
func TestWriteThatSaysSomethingTwice(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	const a, b = `{"h":{"S":"a"},"s":{"S":"s"}}`, `{"h":{"S":"b"},"s":{"S":"s"}}`
	for _, c := range []struct {
		op   ddb.Operation
		body string
	}{
		{ddb.UpdateItem, `{"TableName":"ttt","Key":` + a + `,"Key":` + b + `}`},
		{ddb.UpdateItem, `{"TableName":"ttt","Key":{"h":{"S":"a"},"h":{"S":"b"},"s":{"S":"s"}}}`},
		{ddb.DeleteItem, `{"TableName":"ttt","Key":{"h":{"S":"a","S":"b"},"s":{"S":"s"}}}`},
		{ddb.PutItem, `{"TableName":"ttt","Item":` + a + `,"Item":` + b + `}`},
		{ddb.PutItem, `{"TableName":"ttt","TableName":"other","Item":` + b + `}`},
		{ddb.BatchWriteItem, `{"RequestItems":{"ttt":[{"PutRequest":{"Item":` + a + `}}],"ttt":[{"PutRequest":{"Item":` + b + `}}]}}`},
		{ddb.TransactWriteItems, `{"TransactItems":[{"Delete":{"TableName":"ttt","Key":` + a + `,"Key":` + b + `}}]}`},
		{ddb.ExecuteStatement, `{"Statement":"DELETE FROM ttt WHERE h = 'a' AND s = 's'","Statement":"DELETE FROM ttt WHERE h = 'b' AND s = 's'"}`},
	} {
		s.next.then = nil
		s.must(ddb.PutItem, put("a", "1", ""))
		s.must(ddb.PutItem, put("b", "1", ""))
		if s.entry("a") == "" || s.entry("b") == "" {
			t.Fatal("the puts were not cached")
		}
		s.next.then = func(_ context.Context, req *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
			if req.Op == ddb.DescribeTable {
				return resp, err
			}
			return ddb.NewResponse([]byte(`{}`)), nil
		}
		if _, err := s.do(c.op, c.body); err != nil {
			t.Fatal(err)
		}
		s.next.then = nil
		if s.entry("a") != "" || s.entry("b") != "" {
			t.Errorf("%v %s leaves %q and %q", c.op, c.body, s.entry("a"), s.entry("b"))
		}
	}
}

// A redirect in answer to a write, or a page of somebody's on the way, does not tell that nothing was written.
func TestWriteThatOthersAnswerForgets(t *testing.T) {
	t.Parallel()
	for _, status := range []int{303, 404, 408} {
		s := newSetup(t)
		s.must(ddb.PutItem, put("a", "1", ""))
		s.next.then = func(_ context.Context, req *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
			if req.Op == ddb.DescribeTable {
				return resp, err
			}
			return nil, &ddb.Error{Code: ddb.UnknownError, Status: status}
		}
		if _, err := s.do(ddb.PutItem, put("a", "2", "")); err == nil {
			t.Fatalf("the %d is no error", status)
		}
		s.next.then = nil
		s.expect("a", "")
	}
}
