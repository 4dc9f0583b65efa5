package awsjson

import (
	"strconv"
	"strings"
	"time"

	"millrace/proxy"
)

// parseControl reads X-Millrace-Cache-Control, in the grammar of Cache-Control (RFC 9111 §5.2): directives
// divided by commas, in any letter case. "no-cache" and "max-age=<seconds>" are known. As that RFC has it, unknown
// directives are ignored, and a max-age nobody can read counts as 0, which is the safe side: read the backend.
func parseControl(header string) proxy.Options {
	var o proxy.Options
	for directive := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(directive, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "no-cache":
			o.NoCache = true
		case "max-age":
			// Quotes are allowed around any value (§5.2).
			n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
			if age := time.Duration(n) * time.Second; err != nil || age == 0 {
				o.NoCache = true
			} else if o.MaxAge == 0 || age < o.MaxAge {
				o.MaxAge = age
			}
		}
	}
	return o
}

// appendCacheStatus appends the value of X-Millrace-Cache: the result's word, and for a batch how many of its
// items the cache had, as "partial; hits=3/5".
func appendCacheStatus(dst []byte, r *proxy.Reply) []byte {
	dst = append(dst, r.Result.String()...)
	if r.Keys > 0 {
		dst = append(dst, "; hits="...)
		dst = strconv.AppendInt(dst, int64(r.Hits), 10)
		dst = append(dst, '/')
		dst = strconv.AppendInt(dst, int64(r.Keys), 10)
	}
	return dst
}
