package awsjson

import (
	"testing"
)

// fault is the body of an exception of the HTTP layer.
func fault(code, message string) string {
	return `{"__type":"com.amazon.coral.service#` + code + `","message":"` + message + `"}`
}

func TestSignatureIsMissing(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	// #19
	want := fault("MissingAuthenticationTokenException", "Request is missing Authentication Token")
	for _, header := range []string{"", "Authorization: \r\n", "Authorization: Bearer x\r\n", "Authorization: aws4-hmac\r\n", "Authorization: AWS3-x\r\n"} {
		f.exchange(request(getItem+jsonType+header, "{}")).want(t, 400, want)
	}
}

func TestSignatureInBothPlaces(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	// #20
	f.exchange("POST /?X-Amz-Algorithm=x HTTP/1.1\r\nHost: h\r\n"+good+"Content-Length: 2\r\n\r\n{}").want(t, 400,
		fault("InvalidSignatureException", "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."))
	f.exchange("POST /?X-Amz-Algorithm HTTP/1.1\r\nHost: h\r\n"+getItem+jsonType+"Authorization: x\r\nContent-Length: 2\r\n\r\n{}").want(t, 400,
		fault("InvalidSignatureException", "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."))
}

func TestSignatureHeaderIsIncomplete(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	const (
		credential = "Authorization header requires 'Credential' parameter. "
		signature  = "Authorization header requires 'Signature' parameter. "
		headers    = "Authorization header requires 'SignedHeaders' parameter. "
		date       = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
	)
	// #21
	check := func(header, extra, message string) {
		t.Helper()
		f.exchange(request(getItem+jsonType+"Authorization: "+header+"\r\n"+extra, "{}")).want(t, 400, fault("IncompleteSignatureException", message))
	}
	check("AWS4-", "", credential+signature+headers+date+"Authorization=AWS4-")
	check("AWS4-x Credential=a", "", signature+headers+date+"Authorization=AWS4-x Credential=a")
	check("AWS4-x Signature=b", "Date: x\r\n", credential+headers+"Authorization=AWS4-x Signature=b")
	check("AWS4-x Credential=a,Signature=b", "X-Amz-Date: x\r\n", headers+"Authorization=AWS4-x Credential=a,Signature=b")
	check("AWS4-x Credential=,Signature=b,SignedHeaders=c", "X-Amz-Date: x\r\n", credential+"Authorization=AWS4-x Credential=,Signature=b,SignedHeaders=c")
	check("AWS4-x Credential=a,Signature=b,SignedHeaders=c", "", date+"Authorization=AWS4-x Credential=a,Signature=b,SignedHeaders=c")
}

func TestPresignedQueryIsIncomplete(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	must := func(name string) string {
		return "AWS query-string parameters must include 'X-Amz-" + name + "'. "
	}
	// #22
	check := func(query, message string) {
		t.Helper()
		f.exchange("POST /?"+query+" HTTP/1.1\r\nHost: h\r\n"+getItem+jsonType+"Content-Length: 2\r\n\r\n{}").want(t, 400,
			fault("IncompleteSignatureException", message+"Re-examine the query-string parameters."))
	}
	check("X-Amz-Algorithm", must("Algorithm")+must("Credential")+must("Signature")+must("SignedHeaders")+must("Date"))
	check("X-Amz-Algorithm=a&X-Amz-SignedHeaders=b", must("Credential")+must("Signature")+must("Date"))
	check("X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-SignedHeaders=d", must("Date"))
	f.exchange("POST /?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-SignedHeaders=d&X-Amz-Date=e HTTP/1.1\r\nHost: h\r\n"+
		getItem+jsonType+"Content-Length: 2\r\n\r\n{}").want(t, 200, `{"op":"GetItem","got":{}}`)
}

func TestSignatureSpellings(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	// #23, #25: commas, spaces or both; spaces around and inside; any order and case of header names. #24: values
	// are not verified, so a stale date and a made-up signature pass.
	for _, header := range []string{
		"Authorization: AWS4-HMAC-SHA256 Credential=a,SignedHeaders=b,Signature=c\r\nX-Amz-Date: 19700101T000000Z\r\n",
		"Authorization: AWS4-HMAC-SHA256 Credential=a SignedHeaders=b Signature=c\r\nDate: x\r\n",
		"aUTHORIZATION:   AWS4-HMAC-SHA256   Signature=c ,  Credential=a,   SignedHeaders=b   \r\nx-amz-date:  29991231T000000Z  \r\n",
	} {
		f.exchange(request(header+getItem+jsonType, "{}")).want(t, 200, `{"op":"GetItem","got":{}}`)
	}
}

func TestScopeOfACredential(t *testing.T) {
	t.Parallel()
	f := func(header, query, want string) {
		t.Helper()
		if got := string(appendScope(nil, []byte(header), []byte(query))); got != want {
			t.Errorf("appendScope(%q, %q) = %q, want %q", header, query, got, want)
		}
	}
	f("AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/dynamodb/aws4_request, Signature=x", "", "AKID/eu-west-1")
	f("AWS4-HMAC-SHA256 Credential=a/b/20260101/eu-west-1/dynamodb/aws4_request", "", "a/b/eu-west-1")
	f("", "X-Amz-Algorithm=x&X-Amz-Credential=AKID%2F20260101%2Feu-west-1%2Fdynamodb%2Faws4_request", "AKID/eu-west-1")
	f("AWS4-HMAC-SHA256 Credential=AKID", "", "AKID/")
	f("", "", "/")
}
