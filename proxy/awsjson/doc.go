// Package awsjson is the front that speaks DynamoDB's HTTP protocol (Smithy's name for it: awsJson1_0) on
// fasthttp. It turns a POST into a ddb.Request, hands it to the proxy and writes what comes back with the
// headers that AWS's SDKs check: request id, CRC-32 of the very bytes sent, content type.
//
// It promises that a request whose first byte was read gets a reply, also while the process is shutting down,
// and that no request, however malformed, ends anything but its own connection. It never looks into items and
// decides nothing about caching.
package awsjson
