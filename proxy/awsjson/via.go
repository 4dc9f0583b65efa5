package awsjson

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"

	"millrace/ddb"
)

// via is the header that names the millraces a request has come through; empty where nobody upstream reads it.
func (s *Server) via(header *fasthttp.RequestHeader) string {
	if s.config.NodeID == "" {
		return ""
	}
	return string(header.PeekCanonical(headerVia))
}

// hasBeenAt reports whether id is one of the names in via.
func hasBeenAt(via, id string) bool {
	for name := range strings.SplitSeq(via, ",") {
		if strings.TrimSpace(name) == id {
			return true
		}
	}
	return false
}

// loopFault is the answer to a request that this process itself has sent. Its status (RFC 5842 §7.2) is one that SDKs
// do not retry.
func loopFault() *ddb.Error {
	return &ddb.Error{Code: "LoopDetectedException", Status: fasthttp.StatusLoopDetected, NotSent: true,
		Message: "This request has come back to the millrace that sent it upstream: what its upstream setting names is, or leads to, itself. Point --upstream at DynamoDB."}
}

// foreignRegion is the region in the credential scope accessKey/date/region/service/aws4_request of a header or a
// presigned query, unless it is own or missing. The header is the common case, and costs no allocation when the
// region is own.
func foreignRegion(header, query []byte, own string) string {
	credential, ok := usualCredential(header)
	if !ok {
		credential = authPart(header, "Credential")
	}
	if credential == nil {
		values, _ := url.ParseQuery(string(query))
		credential = []byte(values.Get("X-Amz-Credential"))
	}
	// Counted from the end, for a local access key may hold a slash.
	for range 2 {
		i := bytes.LastIndexByte(credential, '/')
		if i < 0 {
			return ""
		}
		credential = credential[:i]
	}
	i := bytes.LastIndexByte(credential, '/')
	if i < 0 || string(credential[i+1:]) == own {
		return ""
	}
	return string(credential[i+1:])
}
