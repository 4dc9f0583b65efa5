package facts

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
)

// The headers of a request as the SDK signs it, but for the signature, which is no more than one in form.
const (
	signature = "AWS4-HMAC-SHA256 Credential=suite/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=00"
	signedAt  = "20260101T000000Z"
	amzJSON   = "application/x-amz-json-1.0"
)

// reply is an answer over plain HTTP.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// target is the X-Amz-Target of an operation.
func target(operation string) string {
	if _, ok := reflect.TypeFor[*dynamodbstreams.Client]().MethodByName(operation); ok {
		return "DynamoDBStreams_20120810." + operation
	}
	return "DynamoDB_20120810." + operation
}

// exchange sends a request over plain HTTP with exactly these headers, written as "Name: value" lines, and what
// net/http adds. The path may have a query.
func (s *session) exchange(method, path, body string, headers ...string) reply {
	s.t.Helper()
	return s.exchangeReader(method, path, strings.NewReader(body), headers...)
}

// exchangeReader is exchange with a body of a length that may be unknown.
func (s *session) exchangeReader(method, path string, body io.Reader, headers ...string) reply {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(s.t.Context()), method, os.Getenv("MILLRACE_ENDPOINT")+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header["User-Agent"] = nil
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ":")
		req.Header[name] = append(req.Header[name], strings.TrimPrefix(value, " "))
	}
	resp, err := sharedTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{status: resp.StatusCode, header: resp.Header, body: got}
}

// signed are the headers of a signed request for an operation, in form, and others.
func signed(operation string, others ...string) []string {
	return append([]string{
		"X-Amz-Target: " + target(operation), "Content-Type: " + amzJSON, "X-Amz-Date: " + signedAt, "Authorization: " + signature,
	}, others...)
}

// post sends a body to an operation as a client would, with further headers.
func (s *session) post(operation, body string, others ...string) reply {
	s.t.Helper()
	return s.exchange(http.MethodPost, "/", body, signed(operation, others...)...)
}

// sendByHTTP sends a body as it is.
func sendByHTTP(s *session, operation, body string) answer {
	s.t.Helper()
	r := s.post(operation, body)
	checkHeaders(s.t, r.header, r.body)
	got := answer{status: r.status, body: bytes.Clone(r.body), cache: r.header.Get("X-Millrace-Cache")}
	recorded.add(s, operation, body, got)
	recorded.cached(operation, got.cache)
	return got
}
