package proxy

import (
	"strings"
	"testing"
	"time"
)

func TestNamedTable(t *testing.T) {
	t.Parallel()
	f := func(body, want string) {
		t.Helper()
		if got, ok := NamedTable([]byte(body)); string(got) != want && ok || ok != (want != "") {
			t.Errorf("NamedTable(%s) = %q, %v, want %q", body, got, ok, want)
		}
	}
	f(`{"TableName":"books"}`, "books")
	f(` { "Item" : {"a":{"S":"}],\"{"},"b":{"L":[{"N":"1"}]}} , "TableName" : "books" }`, "books")
	f(`{"Item":{"a":{"S":"\\"},"b":{"S":"x\\\""},"c":{"S":"\u0022\\\\"}},"TableName":"books"}`, "books")
	f(`{"Limit":5,"ConsistentRead":true,"TableName":"books"}`, "books")
	f(`{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/books"}`, "arn:aws:dynamodb:us-east-1:000000000000:table/books")
	f(`{"RequestItems":{"books":[{"PutRequest":{"Item":{}}}]}}`, "books")
	// None, several, and no JSON.
	f(`{"RequestItems":{"books":[],"authors":[]}}`, "")
	f(`{"RequestItems":{}}`, "")
	f(`{"TransactItems":[{"Get":{"TableName":"books"}}]}`, "")
	f(`{"Statement":"SELECT * FROM books"}`, "")
	f(`{}`, "")
	f(``, "")
	f(`{"TableName":5}`, "")
	f(`{"a":"`, "")
	f(`{"a":"\`, "")
	f(`{"a":"\"`, "")
	f(`{"a":[[[`, "")
	f(`[]`, "")
}

func FuzzNamedTable(f *testing.F) {
	f.Add([]byte(`{"Item":{"a":{"S":"\\"}},"TableName":"books"}`))
	f.Add([]byte(`{"RequestItems":{"books":[]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, ok := NamedTable(body); !ok && got == nil {
			return
		} else if len(got) > len(body) {
			t.Errorf("NamedTable(%q) = %q", body, got)
		}
	})
}

// A body of escapes takes as long as another one: looking for a quote anew behind each takes minutes for these.
func TestNamedTableOfEscapes(t *testing.T) {
	t.Parallel()
	for _, escape := range []string{`\n`, `\\`, `\"`} {
		body := `{"Item":{"a":{"S":"` + strings.Repeat(escape, 4<<20) + `"}},"TableName":"books"}`
		began := time.Now()
		if name, ok := NamedTable([]byte(body)); string(name) != "books" || !ok {
			t.Errorf("behind %s the table is %q, %v", escape, name, ok)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%d bytes of %s took %v", len(body), escape, took)
		}
	}
}
