package awsjson

import (
	"millrace/ddb"
)

// The prefixes of __type. Clients cut at the "#" and mostly ignore what stands before it.
const (
	servicePrefix    = "com.amazonaws.dynamodb.v20120810#"
	validationPrefix = "com.amazon.coral.validate#"
	protocolPrefix   = "com.amazon.coral.service#"
	throttlePrefix   = "com.amazon.coral.availability#"
)

// errorPrefixes are the prefixes of the exceptions that the HTTP layer in front of DynamoDB raises; all others
// are the service's own.
var errorPrefixes = map[string]string{
	"ValidationException":                 validationPrefix,
	"SerializationException":              protocolPrefix,
	"UnknownOperationException":           protocolPrefix,
	"MissingAuthenticationTokenException": protocolPrefix,
	"MissingAuthenticationToken":          protocolPrefix,
	"IncompleteSignatureException":        protocolPrefix,
	"IncompleteSignature":                 protocolPrefix,
	"InvalidSignatureException":           protocolPrefix,
	"UnrecognizedClientException":         protocolPrefix,
	"ExpiredTokenException":               protocolPrefix,
	"AccessDeniedException":               protocolPrefix,
	"RequestEntityTooLargeException":      protocolPrefix,
	"MalformedHttpRequestException":       protocolPrefix,
	"ServiceUnavailableException":         protocolPrefix,
	"ThrottlingException":                 throttlePrefix,
}

// capitalMessage are the exceptions whose text is under "Message". (API Reference, TransactWriteItems: Errors; the
// service model has the member so for three.)
var capitalMessage = map[string]bool{
	"AccessDeniedException":                true,
	"IdempotentParameterMismatchException": true,
	"TransactionCanceledException":         true,
	"TransactionInProgressException":       true,
}

// appendError appends the body of an error reply. A backend's own body is passed on as it is.
func appendError(dst []byte, e *ddb.Error) []byte {
	if e.Raw != nil {
		return append(dst, e.Raw...)
	}
	prefix, ok := errorPrefixes[e.Code]
	if !ok {
		prefix = servicePrefix
	}
	dst = append(dst, `{"__type":`...)
	dst = ddb.AppendJSONString(dst, prefix+e.Code)
	if e.Message != "" {
		if capitalMessage[e.Code] {
			dst = append(dst, `,"Message":`...)
		} else {
			dst = append(dst, `,"message":`...)
		}
		dst = ddb.AppendJSONString(dst, e.Message)
	}
	if e.HasItem {
		dst = append(dst, `,"Item":`...)
		dst = ddb.AppendItemJSON(dst, e.Item)
	}
	if e.CancellationReasons != nil {
		dst = appendReasons(append(dst, `,"CancellationReasons":`...), e.CancellationReasons)
	}
	return append(dst, '}')
}

// appendReasons appends TransactionCanceledException's list: an action that did not fail has only its code.
func appendReasons(dst []byte, reasons []ddb.CancellationReason) []byte {
	dst = append(dst, '[')
	for i, r := range reasons {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"Code":`...)
		dst = ddb.AppendJSONString(dst, r.Code)
		if r.Message != "" {
			dst = ddb.AppendJSONString(append(dst, `,"Message":`...), r.Message)
		}
		if r.HasItem {
			dst = ddb.AppendItemJSON(append(dst, `,"Item":`...), r.Item)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}
