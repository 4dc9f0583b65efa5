package awsjson

import (
	"bytes"
	"net/url"
	"sync"
	"sync/atomic"

	"millrace/ddb"
)

// home is the region that is served and cached. Requests signed for another are marked with it, and go there uncached.
type home struct {
	// name is the region; nil until it is settled, and for good where regions mean nothing.
	name atomic.Pointer[string]

	mu sync.Mutex

	// settle is asked of each request until name is known; nil asks for none.
	settle func(op ddb.Operation, region string) (own string)
}

// ServeRegion names the region that is served: requests signed for another one are marked so. Call it before Run.
func (s *Server) ServeRegion(region string) { s.home.name.Store(&region) }

// SettleRegion lets the first request decide that settle gives a region for, which is served from then on, that request
// included. settle gets what the request is signed for, empty where it does not tell, and returns "" for a request that
// decides nothing: that is marked with its region. Call it before Run.
func (s *Server) SettleRegion(settle func(op ddb.Operation, region string) (own string)) {
	s.home.settle = settle
}

// open reports whether the region is yet to be settled.
func (h *home) open() bool { return h.settle != nil && h.name.Load() == nil }

// foreign is the region that a request is to be marked with, empty for one of the region that is served. The header is
// the common case, and costs no allocation when the region is own.
func (h *home) foreign(op ddb.Operation, header, query []byte) string {
	name := h.name.Load()
	if name == nil {
		if h.settle == nil {
			return ""
		}
		region := string(signedRegion(header, query))
		if name = h.decide(op, region); name != nil && region == *name {
			return ""
		}
		return region
	}
	if region := signedRegion(header, query); len(region) > 0 && string(region) != *name {
		return string(region)
	}
	return ""
}

// decide settles the region if op may, and returns it; nil while it is open.
func (h *home) decide(op ddb.Operation, region string) *string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if name := h.name.Load(); name != nil {
		return name
	}
	own := h.settle(op, region)
	if own == "" {
		return nil
	}
	h.name.Store(&own)
	return &own
}

// signedRegion is the region in the credential scope accessKey/date/region/service/aws4_request of a header or a
// presigned query; empty where there is none.
func signedRegion(header, query []byte) []byte {
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
			return nil
		}
		credential = credential[:i]
	}
	i := bytes.LastIndexByte(credential, '/')
	if i < 0 {
		return nil
	}
	return credential[i+1:]
}
