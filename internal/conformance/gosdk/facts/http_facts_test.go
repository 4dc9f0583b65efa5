package facts

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// httpFacts are about HTTP and the parts of the protocol that no SDK lets anybody send.
var httpFacts = []fact{
	{1, "POST to the root carries operations of both services", func(s *session) {
		s.table("$T", "pk:S")
		s.status(s.post("DescribeTable", s.expand(`{"TableName":"$T"}`)), 200)
		s.status(s.post("ListStreams", `{}`), 200)
		s.status(s.exchange("POST", "/elsewhere", `{}`, signed("ListTables")...), 404)
	}},
	{2, "GET of the root is the health check", func(s *session) {
		r := s.exchange("GET", "/", "")
		s.status(r, 200)
		if want := "healthy: " + host() + " "; string(r.body) != want {
			s.t.Errorf("body = %q, want %q", r.body, want)
		}
		if got, want := r.header.Get("Content-Length"), strconv.Itoa(len(r.body)); got != want {
			s.t.Errorf("Content-Length = %q, want %q", got, want)
		}
		checkHeaders(s.t, r.header, r.body)
	}},
	{3, "GET of another path is not found", func(s *session) {
		s.status(s.exchange("GET", "/x", ""), 404)
		s.status(s.exchange("GET", "/healthy/x?y=z", ""), 404)
	}},
	{4, "other methods and content types are not found", func(s *session) {
		f := func(r reply) {
			s.t.Helper()
			s.status(r, 404)
			if string(r.body) != "<UnknownOperationException/>\n" || r.header.Get("X-Amz-Crc32") != "3552371480" {
				s.t.Errorf("answer = %q with crc %q", r.body, r.header.Get("X-Amz-Crc32"))
			}
		}
		f(s.exchange("PUT", "/", `{}`, signed("ListTables")...))
		f(s.exchange("DELETE", "/", ``, signed("ListTables")...))
		f(s.exchange("OPTIONS", "/", ``))
		f(s.exchange("POST", "/", `{}`, "X-Amz-Target: "+target("ListTables"), "Authorization: "+signature, "X-Amz-Date: "+signedAt))
		f(s.exchange("POST", "/", `{}`, typed("text/plain")...))
	}},
	{5, "two content types are taken, parameters and spaces aside", func(s *session) {
		for _, good := range []string{
			"application/x-amz-json-1.0", "application/json", "application/json; charset=utf-8", "  application/json  ",
			"application/x-amz-json-1.0;x=y",
		} {
			s.status(s.exchange("POST", "/", `{}`, typed(good)...), 200)
		}
		for _, bad := range []string{"application/x-amz-json-1.1", "application/jsonx", "xapplication/json", "application/x-amz-json-1.01"} {
			s.status(s.exchange("POST", "/", `{}`, typed(bad)...), 404)
		}
	}},
	{6, "the answer's content type is the request's", func(s *session) {
		for sent, want := range inOrder(map[string]string{
			"application/x-amz-json-1.0": "application/x-amz-json-1.0", "application/json": "application/json", "application/json; charset=utf-8": "application/json",
		}) {
			for _, body := range []string{`{}`, `{"Limit":0}`, `{`} {
				if got := s.exchange("POST", "/", body, typed(sent)...).header.Get("Content-Type"); got != want {
					s.t.Errorf("Content-Type of the answer to %q as %q = %q, want %q", body, sent, got, want)
				}
			}
		}
	}},
	{7, "every answer has a request id of 52 characters", func(s *session) {
		seen := map[string]bool{}
		for _, r := range s.variousReplies() {
			checkHeaders(s.t, r.header, r.body)
			id := r.header.Get("X-Amzn-Requestid")
			if seen[id] {
				s.t.Errorf("request id %q came twice", id)
			}
			seen[id] = true
		}
	}},
	{8, "the checksum is that of the bytes that were sent", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"a":{"S":"` + strings.Repeat("x", 10000) + `"}}`)
		get := s.expand(`{"TableName":"$T","Key":{"pk":{"S":"a"}}}`)
		for range 2 {
			r := s.post("GetItem", get, "Accept-Encoding: gzip")
			if r.header.Get("Content-Encoding") != "gzip" {
				s.t.Errorf("Content-Encoding = %q, want gzip", r.header.Get("Content-Encoding"))
			}
			checkHeaders(s.t, r.header, r.body)
		}
		for _, r := range s.variousReplies() {
			checkHeaders(s.t, r.header, r.body)
		}
	}},
	{9, "Content-Length is the body's", func(s *session) {
		for _, r := range s.variousReplies() {
			if got, want := r.header.Get("Content-Length"), strconv.Itoa(len(r.body)); got != want {
				s.t.Errorf("Content-Length = %q, want %q", got, want)
			}
		}
	}},
	{10, "answers have a date, a server and a content type", func(s *session) {
		for _, r := range []reply{s.post("ListTables", `{}`), s.post("ListTables", `{"Limit":0}`)} {
			for _, name := range []string{"Date", "Server", "Content-Type"} {
				if r.header.Get(name) == "" {
					s.t.Errorf("an answer of status %d has no %s", r.status, name)
				}
			}
			if _, err := http.ParseTime(r.header.Get("Date")); err != nil {
				s.t.Errorf("Date: %v", err)
			}
		}
	}},
	{11, "connections are kept, and closed where asked", func(s *session) {
		conn := s.dial()
		in := bufio.NewReader(conn)
		for _, connection := range []string{"keep-alive", "close"} {
			if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nConnection: %s\r\nContent-Length: 2\r\n%s\r\n{}",
				host(), connection, strings.Join(signed("ListTables"), "\r\n")+"\r\n"); err != nil {
				s.t.Fatal(err)
			}
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				s.t.Fatalf("answer to a request with Connection: %s: %v", connection, err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				s.t.Fatal(err)
			}
			if resp.Close != (connection == "close") {
				s.t.Errorf("answer to Connection: %s has Close = %v", connection, resp.Close)
			}
		}
		if _, err := in.ReadByte(); err != io.EOF {
			s.t.Errorf("read after Connection: close = %v, want EOF", err)
		}
	}},
	{12, "an error has __type and message, or Message, or none", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"}}`)
		f := func(operation, body, want string) {
			s.t.Helper()
			if got := string(s.post(operation, s.expand(body)).body); !like(got, want) {
				s.t.Errorf("answer to %s = %s, want %s", operation, got, want)
			}
		}
		f("GetItem", `{"TableName":"$T","Key":{}}`, `{"__type":"com.amazon.coral.validate#ValidationException","message":"…"}`)
		f("GetItem", `{"TableName":"no-such","Key":{}}`, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`)
		f("PutItem", `{`, `{"__type":"com.amazon.coral.service#SerializationException"}`)
		f("NoSuch", `{}`, `{"__type":"com.amazon.coral.service#UnknownOperationException"}`)
		f("TransactWriteItems", `{"TransactItems":[{"ConditionCheck":{"TableName":"$T","Key":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)"}}]}`,
			`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",…"Message":"…`)
	}},
	{13, "the type has the prefix of where it comes from", func(s *session) {
		f := func(r reply, want string) {
			s.t.Helper()
			var e struct {
				Type string `json:"__type"`
			}
			if err := json.Unmarshal(r.body, &e); err != nil || e.Type != want {
				s.t.Errorf("__type = %q, want %q (%v)", e.Type, want, err)
			}
		}
		f(s.post("ListTables", `{"Limit":0}`), "com.amazon.coral.validate#ValidationException")
		f(s.post("ListTables", `{"Limit":"x"}`), "com.amazon.coral.service#SerializationException")
		f(s.post("NoSuch", `{}`), "com.amazon.coral.service#UnknownOperationException")
		f(s.unsigned("ListTables"), "com.amazon.coral.service#MissingAuthenticationTokenException")
		f(s.post("DescribeTable", `{"TableName":"no-such"}`), "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException")
	}},
	{14, "messages are escaped", func(s *session) {
		s.wire().invalid("GetItem", `{"TableName":"a\"b\\c\n","Key":{}}`, "…'a\"b\\c\n'…")
	}},
	{15, "a body that is not JSON is a SerializationException without a message", func(s *session) {
		r := s.post("ListTables", "hello")
		s.status(r, 400)
		if want := `{"__type":"com.amazon.coral.service#SerializationException"}`; string(r.body) != want || r.header.Get("X-Amz-Crc32") != "3948637019" {
			s.t.Errorf("answer = %s with crc %s, want %s with crc 3948637019", r.body, r.header.Get("X-Amz-Crc32"), want)
		}
		body := `{"TableName":"no-such","Key":{"pk":{"S":"a"}},"ConsistentRead":true}`
		for i := range len(body) {
			r := s.post("GetItem", body[:i])
			if r.status != 400 || !bytes.Contains(r.body, []byte("SerializationException")) {
				s.t.Errorf("answer to %q = %d %s, want a SerializationException", body[:i], r.status, r.body)
			}
		}
	}},
	{16, "a body that is no object is refused", func(s *session) {
		for _, body := range []string{`null`, `[]`, `3`, `"x"`, `true`, `[{}]`} {
			r := s.post("GetItem", body)
			if r.status != 400 || !bytes.Contains(r.body, []byte("SerializationException")) && !bytes.Contains(r.body, []byte("ValidationException")) {
				s.t.Errorf("answer to %s = %d %s", body, r.status, r.body)
			}
		}
	}},
	{17, "checks come in their order", func(s *session) {
		f := func(r reply, status int, name string) {
			s.t.Helper()
			if r.status != status || !bytes.Contains(r.body, []byte(name)) {
				s.t.Errorf("answer = %d %s, want %d %s", r.status, r.body, status, name)
			}
		}
		// The content type before the body.
		f(s.exchange("POST", "/", `{`, "Content-Type: text/plain", "X-Amz-Target: x"), 404, "UnknownOperationException")
		// The body before the target, the target before the signature.
		f(s.exchange("POST", "/", `{`, "Content-Type: "+amzJSON, "X-Amz-Target: x"), 400, "SerializationException")
		f(s.exchange("POST", "/", `{}`, "Content-Type: "+amzJSON, "X-Amz-Target: x"), 400, "UnknownOperationException")
		// The signature before the types, types before constraints, constraints before rules, rules before the table.
		f(s.exchange("POST", "/", `{"TableName":3}`, "Content-Type: "+amzJSON, "X-Amz-Target: "+target("GetItem")), 400, "MissingAuthenticationTokenException")
		f(s.post("GetItem", `{"TableName":"","Key":3}`), 400, "SerializationException")
		f(s.post("GetItem", `{"TableName":"","Key":{"pk":{"S":"a","N":"1"}}}`), 400, "length greater than or equal to 1")
		f(s.post("GetItem", `{"TableName":"no-such","Key":{"pk":{"S":"a","N":"1"}}}`), 400, "more than one datatypes")
		f(s.post("GetItem", `{"TableName":"no-such","Key":{"pk":{"S":""}}}`), 400, "ResourceNotFoundException")
	}},
	{18, "an unknown target is an UnknownOperationException without a message", func(s *session) {
		for _, t := range []string{"", "DynamoDB_20120810", "DynamoDB_20120810.", "DynamoDB_20120810.NoSuch", "DynamoDB_20111205.ListTables", "Other.ListTables", "ListTables"} {
			r := s.exchange("POST", "/", `{}`, "Content-Type: "+amzJSON, "Authorization: "+signature, "X-Amz-Date: "+signedAt, "X-Amz-Target: "+t)
			if want := `{"__type":"com.amazon.coral.service#UnknownOperationException"}`; r.status != 400 || string(r.body) != want {
				s.t.Errorf("answer to target %q = %d %s, want 400 %s", t, r.status, r.body, want)
			}
		}
	}},
	{19, "a request that is not signed is refused", func(s *session) {
		for _, header := range []string{"", "Basic x", "AWS3-HMAC"} {
			s.exception(s.exchange("POST", "/", `{}`, "Content-Type: "+amzJSON, "X-Amz-Target: "+target("ListTables"), "Authorization: "+header),
				"MissingAuthenticationTokenException", "Request is missing Authentication Token")
		}
	}},
	{20, "a request signed in two ways is refused", func(s *session) {
		s.exception(s.exchange("POST", "/?X-Amz-Algorithm=x", `{}`, signed("ListTables")...),
			"InvalidSignatureException", "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
	}},
	{21, "what an Authorization header lacks is told in order", func(s *session) {
		f := func(authorization, date, want string) {
			s.t.Helper()
			headers := []string{"Content-Type: " + amzJSON, "X-Amz-Target: " + target("ListTables"), "Authorization: " + authorization}
			if date != "" {
				headers = append(headers, date)
			}
			s.exception(s.exchange("POST", "/", `{}`, headers...), "IncompleteSignatureException", want+"Authorization="+authorization)
		}
		const dateless = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
		f("AWS4-", "", "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "+
			"Authorization header requires 'SignedHeaders' parameter. "+dateless)
		f("AWS4-HMAC-SHA256 Credential=a", "X-Amz-Date: x", "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. ")
		f("AWS4-HMAC-SHA256 Signature=b, Credential=a", "Date: x", "Authorization header requires 'SignedHeaders' parameter. ")
		f("AWS4-HMAC-SHA256 Credential=a, Signature=b, SignedHeaders=c", "", dateless)
	}},
	{22, "what a presigned query lacks is told in order", func(s *session) {
		f := func(have ...string) {
			s.t.Helper()
			query, want := url.Values{"X-Amz-Algorithm": {""}}, ""
			for _, name := range have {
				query.Set(name, "x")
			}
			for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
				if query.Get(name) == "" {
					want += "AWS query-string parameters must include '" + name + "'. "
				}
			}
			s.exception(s.exchange("POST", "/?"+query.Encode(), `{}`, "Content-Type: "+amzJSON, "X-Amz-Target: "+target("ListTables")),
				"IncompleteSignatureException", want+"Re-examine the query-string parameters.")
		}
		f()
		f("X-Amz-Algorithm")
		f("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date")
		f("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders")
	}},
	{23, "parts of a signature may be parted by commas, spaces or both", func(s *session) {
		for _, separator := range []string{", ", ",", " ", " , "} {
			s.status(s.exchange("POST", "/", `{}`, "Content-Type: "+amzJSON, "X-Amz-Target: "+target("ListTables"), "X-Amz-Date: "+signedAt,
				"Authorization: AWS4-HMAC-SHA256 "+strings.Join([]string{"Credential=a/20260101/r/dynamodb/aws4_request", "SignedHeaders=host", "Signature=b"}, separator)), 200)
		}
	}},
	{25, "spaces, the case of names and the order of headers do not matter", func(s *session) {
		conn := s.dial()
		if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nauthorization:   %s  \r\nCONTENT-TYPE: %s\r\nx-AMZ-target:%s\r\nx-amz-date:  %s\r\ncontent-LENGTH: 2\r\nhOsT: %s\r\nx-extra: a   b\r\n\r\n{}",
			signature, amzJSON, target("ListTables"), signedAt, host()); err != nil {
			s.t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if resp.StatusCode != 200 {
			s.t.Errorf("status = %d, want 200", resp.StatusCode)
		}
	}},
	{26, "a body of more than 16 MiB is 413, of known and of unknown length", func(s *session) {
		const most = 16 << 20
		body := func(size int) string {
			return `{"TableName":"` + strings.Repeat("x", size-len(`{"TableName":""}`)) + `"}`
		}
		s.status(s.post("DescribeTable", body(most+1)), 413)
		s.status(s.exchangeReader("POST", "/", io.MultiReader(strings.NewReader(body(most+1))), signed("DescribeTable")...), 413)
		s.status(s.post("DescribeTable", body(most)), 400)
		s.status(s.exchangeReader("POST", "/", io.MultiReader(strings.NewReader(body(most))), signed("DescribeTable")...), 400)
	}},
	{27, "headers and request lines beyond 16 KB are 400", func(s *session) {
		f := func(request string) {
			s.t.Helper()
			conn := s.dial()
			if _, err := io.WriteString(conn, request); err != nil {
				s.t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				s.t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != 400 || err != nil || bytes.Contains(body, []byte("Signature")) {
				s.t.Errorf("answer = %d %s (%v), want 400", resp.StatusCode, body, err)
			}
		}
		long, head := strings.Repeat("x", 17<<10), strings.Join(signed("ListTables"), "\r\n")+"\r\nContent-Length: 2\r\nHost: "+host()+"\r\n"
		f("POST / HTTP/1.1\r\n" + head + "X-Long: " + long + "\r\n\r\n{}")
		f("POST /?" + long + " HTTP/1.1\r\n" + head + "\r\n{}")
	}},
	{28, "nesting is bounded", func(s *session) {
		s.table("$T", "pk:S")
		for _, opening := range []string{`[`, `{"a":`} {
			s.post("PutItem", strings.Repeat(opening, 200_000))
		}
		s.post("PutItem", `{"TableName":"x","Item":{"a":`+strings.Repeat(`{"L":[`, 100_000)+strings.Repeat(`]}`, 100_000)+`}}`)
		// The item is the first level.
		nested := func(levels int) string {
			return strings.Repeat(`{"L":[`, levels-1) + `{"S":"x"}` + strings.Repeat(`]}`, levels-1)
		}
		s.wire().want("PutItem", `{"Item":{"pk":{"S":"a"},"a":`+nested(32)+`}}`, `{}`)
		s.wire().invalid("PutItem", `{"Item":{"pk":{"S":"a"},"a":`+nested(33)+`}}`, "…nested…")
		s.put(`{"pk":{"S":"b"},"a":` + strings.Repeat(`{"M":{"a":`, 31) + `{"S":"x"}` + strings.Repeat(`}}`, 31) + `}`)
		s.invalid("PutItem", `{"Item":{"pk":{"S":"a"},"a":`+nested(40)+`}}`, "…nested…")
	}},
	{32, "with an Origin there are CORS headers, without there are none", func(s *session) {
		const origin = "Origin: https://example.com"
		for _, r := range []reply{
			s.exchange("GET", "/", "", origin), s.post("ListTables", `{}`, origin), s.post("ListTables", `{"Limit":0}`, origin), s.exchange("OPTIONS", "/", "", origin),
		} {
			exposed := strings.ToLower(r.header.Get("Access-Control-Expose-Headers"))
			if r.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(exposed, "x-amzn-requestid") ||
				!strings.Contains(exposed, "x-amzn-errortype") || !strings.Contains(exposed, "x-amzn-errormessage") || !strings.Contains(exposed, "date") {
				s.t.Errorf("headers = %v", r.header)
			}
		}
		r := s.exchange("OPTIONS", "/", "", origin, "Access-Control-Request-Headers: x-a, x-b", "Access-Control-Request-Method: POST")
		s.status(r, 200)
		for name, want := range inOrder(map[string]string{
			"Access-Control-Allow-Headers": "x-a, x-b", "Access-Control-Allow-Methods": "POST", "Access-Control-Max-Age": "172800", "Content-Length": "0",
		}) {
			if got := r.header.Get(name); got != want {
				s.t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		for _, r := range s.variousReplies() {
			for name := range r.header {
				if strings.HasPrefix(name, "Access-Control") {
					s.t.Errorf("an answer to a request without Origin has %s", name)
				}
			}
		}
	}},
	{33, "TagResource and UntagResource answer with an empty body, others with an object", func(s *session) {
		s.table("$T", "pk:S")
		arn := s.arn("$T")
		if r := s.post("TagResource", `{"ResourceArn":"`+arn+`","Tags":[{"Key":"a","Value":"b"}]}`); r.status != 200 || len(r.body) != 0 {
			s.t.Errorf("answer to TagResource = %d %q, want 200 and nothing", r.status, r.body)
		}
		if r := s.post("UntagResource", `{"ResourceArn":"`+arn+`","TagKeys":["a"]}`); r.status != 200 || len(r.body) != 0 {
			s.t.Errorf("answer to UntagResource = %d %q, want 200 and nothing", r.status, r.body)
		}
		if r := s.post("PutItem", s.expand(`{"TableName":"$T","Item":{"pk":{"S":"a"}}}`)); r.status != 200 || string(r.body) != `{}` {
			s.t.Errorf("answer to PutItem = %d %q, want 200 {}", r.status, r.body)
		}
	}},
	{34, "DescribeEndpoints gives one endpoint that can be dialled", func(s *session) {
		s = s.quiet()
		s.want("DescribeEndpoints", `{}`, `{"Endpoints":[{"Address":"`+host()+`","CachePeriodInMinutes":1440}]}`)
	}},
}

// status checks the status of an answer.
func (s *session) status(r reply, want int) {
	s.t.Helper()
	if r.status != want {
		s.t.Errorf("status = %d %s, want %d", r.status, clip(string(r.body)), want)
	}
}

// exception checks that an answer is a 400 with this exception.
func (s *session) exception(r reply, code, message string) {
	s.t.Helper()
	a := answer{status: r.status, body: r.body}
	if a.status != 400 || a.code() != code || !like(a.message(), message) {
		s.t.Errorf("answer = %d %s, want 400 %s %q", r.status, r.body, code, message)
	}
}

// typed are the headers of a signed ListTables of some content type.
func typed(contentType string) []string {
	return []string{"X-Amz-Target: " + target("ListTables"), "Content-Type: " + contentType, "X-Amz-Date: " + signedAt, "Authorization: " + signature}
}

// unsigned sends an empty request without a signature.
func (s *session) unsigned(operation string) reply {
	s.t.Helper()
	return s.exchange("POST", "/", `{}`, "Content-Type: "+amzJSON, "X-Amz-Target: "+target(operation))
}

// variousReplies are answers of all kinds: good, refused, not found.
func (s *session) variousReplies() []reply {
	s.t.Helper()
	return []reply{
		s.exchange("GET", "/", ""), s.exchange("GET", "/x", ""), s.exchange("PUT", "/", "{}"), s.post("ListTables", `{"Limit":1}`), s.post("ListTables", `{"Limit":0}`),
		s.post("ListTables", `{`), s.post("NoSuch", `{}`), s.unsigned("ListTables"),
		s.post("GetItem", `{"TableName":"no-such","Key":{"pk":{"S":"a"}}}`),
	}
}

// host is the server's address.
func host() string {
	u, err := url.Parse(os.Getenv("MILLRACE_ENDPOINT"))
	if err != nil {
		panic(err)
	}
	return u.Host
}

// dial opens a connection to the server that ends with the test.
func (s *session) dial() net.Conn {
	s.t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(s.t.Context(), "tcp", host())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// arn is a table's.
func (s *session) arn(name string) string {
	s.t.Helper()
	table, _ := s.quiet().ok("DescribeTable", encode(object{"TableName": name}))["Table"].(map[string]any)
	arn, _ := table["TableArn"].(string)
	if !strings.HasPrefix(arn, "arn:aws:dynamodb:") {
		s.t.Fatalf("TableArn of %s = %q", s.expand(name), arn)
	}
	return arn
}
