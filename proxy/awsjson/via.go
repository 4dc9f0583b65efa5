package awsjson

import (
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
