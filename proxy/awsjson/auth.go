package awsjson

import (
	"bytes"
	"net/url"
	"strings"

	"millrace/ddb"
)

// authFault checks that a request is signed in form: a header or a presigned query, never both, with all of its
// parts. Signatures are not verified here. It returns nil when the form is right. The texts are DynamoDB's
// (General Reference, "Common errors"; checked against public conformance suites).
func authFault(header, query, amzDate, date []byte) *ddb.Error {
	inQuery := false
	var values url.Values
	if bytes.Contains(query, []byte("X-Amz-Algorithm")) {
		// A query that does not parse holds whatever came before the fault.
		values, _ = url.ParseQuery(string(query))
		inQuery = values.Has("X-Amz-Algorithm")
	}
	if len(header) > 0 && inQuery {
		return &ddb.Error{Code: "InvalidSignatureException",
			Message: "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."}
	}
	if inQuery {
		return presignedFault(values)
	}
	if !bytes.HasPrefix(bytes.TrimSpace(header), []byte("AWS4-")) {
		return &ddb.Error{Code: "MissingAuthenticationTokenException", Message: "Request is missing Authentication Token"}
	}
	return headerFault(header, len(amzDate) > 0 || len(date) > 0)
}

// presignedFault names every missing part of a presigned query.
func presignedFault(values url.Values) *ddb.Error {
	var b strings.Builder
	for _, name := range [...]string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if values.Get(name) == "" {
			b.WriteString("AWS query-string parameters must include '" + name + "'. ")
		}
	}
	if b.Len() == 0 {
		return nil
	}
	b.WriteString("Re-examine the query-string parameters.")
	return &ddb.Error{Code: "IncompleteSignatureException", Message: b.String()}
}

// authParts are the parameters of an Authorization header, in the order in which their absence is reported.
var authParts = [...]string{"Credential", "Signature", "SignedHeaders"}

// headerFault names every missing part of an Authorization header.
func headerFault(header []byte, dated bool) *ddb.Error {
	if dated {
		if _, ok := usualCredential(header); ok {
			return nil
		}
	}
	var have [len(authParts)]bool
	for i, name := range authParts {
		have[i] = len(authPart(header, name)) > 0
	}
	if dated && have == [...]bool{true, true, true} {
		return nil
	}
	var b strings.Builder
	for i, name := range authParts {
		if !have[i] {
			b.WriteString("Authorization header requires '" + name + "' parameter. ")
		}
	}
	if !dated {
		b.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	b.WriteString("Authorization=")
	b.Write(header)
	return &ddb.Error{Code: "IncompleteSignatureException", Message: b.String()}
}

// usualCredential is the Credential of an Authorization header with all its parts in the order in which the SDKs write
// them, and reports whether it is one.
func usualCredential(header []byte) (credential []byte, ok bool) {
	rest, ok := bytes.CutPrefix(header, []byte("AWS4-HMAC-SHA256 Credential="))
	if !ok {
		return nil, false
	}
	credential, rest, _ = bytes.Cut(rest, []byte(","))
	rest, ok = bytes.CutPrefix(bytes.TrimPrefix(rest, []byte(" ")), []byte("SignedHeaders="))
	signed, rest, _ := bytes.Cut(rest, []byte(","))
	signature, last := bytes.CutPrefix(bytes.TrimPrefix(rest, []byte(" ")), []byte("Signature="))
	isWhole := func(part []byte) bool {
		return len(part) > 0 && bytes.IndexByte(part, ' ') < 0 && bytes.IndexByte(part, '\t') < 0
	}
	return credential, ok && last && isWhole(credential) && isWhole(signed) && isWhole(signature) && bytes.IndexByte(signature, ',') < 0
}

// authPart is the value of name=value in an Authorization header, whose parts are separated by commas, spaces or
// both; nil when there is none. It borrows from header.
func authPart(header []byte, name string) []byte {
	isSeparator := func(c byte) bool { return c == ',' || c == ' ' || c == '\t' }
	for i := 0; i < len(header); {
		for i < len(header) && isSeparator(header[i]) {
			i++
		}
		start := i
		for i < len(header) && !isSeparator(header[i]) {
			i++
		}
		part := header[start:i]
		if len(part) > len(name) && part[len(name)] == '=' && string(part[:len(name)]) == name {
			return part[len(name)+1:]
		}
	}
	return nil
}

// appendScope appends "accessKey/region", which names one store under isolation, from the credential scope
// accessKey/date/region/service/aws4_request of a header or a presigned query. What is missing is left empty.
func appendScope(dst, header, query []byte) []byte {
	credential := authPart(header, "Credential")
	if credential == nil {
		values, _ := url.ParseQuery(string(query))
		credential = []byte(values.Get("X-Amz-Credential"))
	}
	parts := bytes.Split(credential, []byte("/"))
	// An access key never holds a slash, but a local one may: the last four parts are the scope.
	key, region := credential, []byte(nil)
	if n := len(parts); n >= 5 {
		key, region = bytes.Join(parts[:n-4], []byte("/")), parts[n-3]
	}
	dst = append(dst, key...)
	dst = append(dst, '/')
	return append(dst, region...)
}
