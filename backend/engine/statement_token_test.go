package engine

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

// pageOf is the body of a SELECT that goes on behind token, if that is not empty.
func pageOf(statement, token string, parameters ...string) string {
	body := strings.TrimSuffix(statementBody(statement, parameters...), "}") + `,"Limit":1`
	if token != "" {
		body += `,"NextToken":` + string(ddb.AppendJSONString(nil, token))
	}
	return body + `}`
}

// token is the NextToken of a SELECT's first page of one item.
func (h *harness) token(statement string, parameters ...string) string {
	h.t.Helper()
	token := strings.Trim(h.member(ddb.ExecuteStatement, pageOf(statement, "", parameters...), "NextToken"), `"`)
	if token == "" {
		h.t.Fatalf("%s has no NextToken", statement)
	}
	return token
}

// TestTokensGoOnWithTheirOwnRequestOnly checks that a token is good for the same statement, parameters and table, however
// many items are asked for, and for nothing else.
func TestTokensGoOnWithTheirOwnRequestOnly(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(stringTable, indexTable)
	other := newHarness(t).create(stringTable)
	for _, x := range []*harness{h, other} {
		x.sorted("o", 3)
	}
	h.put("index", `{"p":{"S":"o"},"s":{"S":"1"},"g":{"S":"y"}}`, `{"p":{"S":"o"},"s":{"S":"2"},"g":{"S":"y"}}`)
	const statement = `SELECT * FROM "string" WHERE p = ?`
	token := h.token(statement, `{"S":"o"}`)
	h.ok(ddb.ExecuteStatement, strings.Replace(pageOf(statement, token, `{"S":"o"}`), `"Limit":1`, `"Limit":9,"ConsistentRead":true`, 1),
		`{"Items":[{"p":{"S":"o"},"s":{"S":"2"},"f":{"S":"f2"}},{"p":{"S":"o"},"s":{"S":"3"},"f":{"S":"f3"}}]}`)
	// (github.com/aws/aws-sdk-js-v3/issues/4424 quotes the text.)
	const mismatch = "NextToken does not match request"
	h.invalid(ddb.ExecuteStatement, pageOf(statement, token, `{"S":"p"}`), mismatch)
	h.invalid(ddb.ExecuteStatement, pageOf(`SELECT * FROM "string" WHERE p =  ?`, token, `{"S":"o"}`), mismatch)
	h.invalid(ddb.ExecuteStatement, pageOf(`SELECT * FROM "string"`, token), mismatch)
	h.invalid(ddb.ExecuteStatement, pageOf(`SELECT * FROM "index" WHERE p = ?`, token, `{"S":"o"}`), mismatch)
	h.invalid(ddb.ExecuteStatement, pageOf(`SELECT p FROM "index"."keys" WHERE g = 'y'`, h.token(`SELECT p FROM "index"."inc" WHERE g = 'y'`)), mismatch)
	// Another store's, with the same content.
	other.invalid(ddb.ExecuteStatement, pageOf(statement, token, `{"S":"o"}`), "Invalid NextToken")
	// Another table of the same name.
	h.answer(ddb.DeleteTable, `{"TableName":"string"}`)
	h.create(stringTable).sorted("o", 3)
	h.invalid(ddb.ExecuteStatement, pageOf(statement, token, `{"S":"o"}`), mismatch)
}

// TestTokensAreNotMadeByClients checks that a token with any byte changed, cut off or added is refused.
func TestTokensAreNotMadeByClients(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(stringTable)
	h.sorted("o", 3)
	const statement = `SELECT * FROM "string" WHERE p = 'o'`
	token := h.token(statement)
	sealed, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(sealed []byte) {
		t.Helper()
		if len(sealed) > 0 {
			h.invalid(ddb.ExecuteStatement, pageOf(statement, base64.StdEncoding.EncodeToString(sealed)), "Invalid NextToken")
		}
	}
	for i := range sealed {
		changed := append([]byte(nil), sealed...)
		changed[i] ^= 1 << (i % 8)
		refused(changed)
		refused(sealed[:i])
	}
	refused(append(append([]byte(nil), sealed...), 0))
	for _, text := range []string{"garbage", "!", token + "=", token + "\n", strings.Repeat("A", 32768)} {
		h.invalid(ddb.ExecuteStatement, pageOf(statement, text), "Invalid NextToken")
	}
	if strings.Contains(string(sealed), `"o"`) {
		t.Errorf("the token shows a key: %q", sealed)
	}
}

// FuzzNextToken sends tokens: made up ones, and real ones with places that no SELECT would have given. Whatever one says,
// the answer is from the partition asked for, or a refusal.
func FuzzNextToken(f *testing.F) {
	cfg := DefaultConfig()
	cfg.InMemory = true
	e, err := Open(cfg)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := e.Close(); err != nil {
			f.Error(err)
		}
	})
	h := (&harness{t: f, e: e}).create(stringTable)
	h.sorted("o", 3)
	h.sorted("secret", 3)
	const statement = `SELECT p FROM "string" WHERE p = 'o' AND s IN ['1', '2', '3']`
	f.Add([]byte(h.token(statement)), uint(1), `{"p":{"S":"o"},"s":{"S":"1"}}`)
	f.Add([]byte("AQ=="), uint(3), `{"p":{"S":"secret"},"s":{"S":"1"}}`)
	f.Add([]byte{}, uint(0), `{"p":{"S":"o"}}`)
	f.Fuzz(func(t *testing.T, token []byte, span uint, key string) {
		h := &harness{t: t, e: e}
		check := func(token string) {
			out, bad := h.do(ddb.ExecuteStatement, pageOf(statement, token))
			if bad != nil && (bad.Code != "ValidationException" || bad.Message == "") {
				t.Fatalf("token %q: %v", token, bad)
			}
			if strings.Contains(out, "secret") {
				t.Fatalf("token %q: answer %s", token, out)
			}
		}
		if len(token) > 0 && len(token) <= 32768 {
			check(string(token))
		}
		// A place as only this store could seal it.
		item, bad := ddb.ParseItemJSON([]byte(key))
		if bad != nil {
			return
		}
		v := e.acquireView()
		defer v.release()
		s, bad := parseStatement(statement, nil)
		if bad != nil {
			t.Fatal(bad)
		}
		r, bad := planSelect(v, "", s, nil, false)
		if bad != nil {
			t.Fatal(bad)
		}
		check(e.sealToken(selectPlace{int(span % 10000), item}, r.identity("", statement, nil)))
	})
}

// TestTokensOutliveARestart checks that a client can go on where it was.
func TestTokensOutliveARestart(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.Dir = t.TempDir()
	open := func() *harness {
		t.Helper()
		e, err := Open(cfg)
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		return &harness{t: t, e: e}
	}
	h := open().create(stringTable)
	h.sorted("o", 2)
	const statement = `SELECT s FROM "string" WHERE p = 'o'`
	token := h.token(statement)
	if err := h.e.Close(); err != nil {
		t.Fatal(err)
	}
	h = open()
	defer func() {
		if err := h.e.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got := h.items(ddb.ExecuteStatement, pageOf(statement, token)); !sameJSON(t, got, `[{"s":{"S":"2"}}]`) {
		t.Errorf("second page after a restart: %s", got)
	}
	h.invalid(ddb.ExecuteStatement, fmt.Sprintf(`{"Statement":"SELECT s FROM \"string\"","NextToken":%q}`, token), "NextToken does not match request")
}
