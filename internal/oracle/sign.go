package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// credentials are an AWS access key; token is empty for one that does not expire.
type credentials struct{ key, secret, token string }

// sign adds a Signature Version 4 to req, whose path is the root and which has no query. All headers that it has are
// signed. (IAM User Guide, "Create a signed AWS API request".)
func sign(req *http.Request, body []byte, c credentials, region, service string, now time.Time) {
	date := now.UTC().Format("20060102T150405Z")
	req.Header.Set("X-Amz-Date", date)
	if c.token != "" {
		req.Header.Set("X-Amz-Security-Token", c.token)
	}
	headers := map[string]string{"host": req.URL.Host}
	for name := range req.Header {
		headers[strings.ToLower(name)] = strings.TrimSpace(req.Header.Get(name))
	}
	names := sortedKeys(headers)
	var canonical strings.Builder
	canonical.WriteString(req.Method + "\n/\n\n")
	for _, name := range names {
		canonical.WriteString(name + ":" + headers[name] + "\n")
	}
	signed := strings.Join(names, ";")
	canonical.WriteString("\n" + signed + "\n" + hexSum(body))

	scope := strings.Join([]string{date[:8], region, service, "aws4_request"}, "/")
	text := "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hexSum([]byte(canonical.String()))
	key := []byte("AWS4" + c.secret)
	for _, part := range append(strings.Split(scope, "/"), text) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.key+"/"+scope+", SignedHeaders="+signed+", Signature="+hex.EncodeToString(key))
}

// hexSum is the SHA-256 of b in hexadecimal.
func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// sortedKeys are the keys of m in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
