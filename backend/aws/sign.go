package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"millrace/metrics"
)

// signingName is the service in signatures, of tables and streams alike. (SDK models, "signingName".)
const signingName = "dynamodb"

// The headers of requests and responses, as both libraries spell them.
const (
	headerTarget    = "X-Amz-Target"
	headerDate      = "X-Amz-Date"
	headerAuth      = "Authorization"
	headerToken     = "X-Amz-Security-Token"
	headerRequestID = "X-Amzn-Requestid"
	headerErrorType = "X-Amzn-Errortype"
	headerCRC       = "X-Amz-Crc32"
	// HeaderVia names the millraces a request has come through, separated by commas.
	HeaderVia = "X-Millrace-Via"
)

// contentType is the media type of the protocol, awsJson1_0.
const contentType = "application/x-amz-json-1.0"

// call is the memory of one request upstream and its answer, used again by later ones to the same endpoint.
type call struct {
	// start is what every request to the endpoint begins with, extra the headers that only some have, and out the request as
	// it goes out: with its body, unless that is too long to be copied. rest is the body then.
	start, extra, out []byte
	body, rest        []byte
	// errand is what it is for.
	errand errand
	answer answer
	digest [2 * sha256.Size]byte
	// signature signs what has the usual shape; shell is what the SDK's signer wants to see of the rest: everything but the
	// body.
	signature signature
	shell     http.Request
	target    string
	// add appends to extra. It is made once.
	add func(name, value string)
}

// copiedBody is the longest body that is copied behind its head, to be written with it.
const copiedBody = 64 << 10

// newCall prepares what is the same in every request to u, which is in region.
func newCall(u *url.URL, region string) *call {
	host := u.Host
	if p := u.Port(); p == "443" && u.Scheme == "https" || p == "80" && u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":"+p) // it is not signed, and so not sent either
	}
	c := &call{signature: signature{host: host, region: region}}
	// Bytes are passed on as they are, so they must not be compressed.
	c.start = []byte("POST / HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: " + contentType + "\r\nAccept-Encoding: identity\r\n")
	c.shell = http.Request{
		Method: http.MethodPost, URL: &url.URL{Scheme: u.Scheme, Host: host, Path: "/"}, Host: host,
	}
	c.add = func(name, value string) { c.extra = appendHeader(c.extra, name, value) }
	return c
}

// appendHeader appends a header. What would end it early becomes a space.
func appendHeader[T string | []byte](dst []byte, name string, value T) []byte {
	dst = append(append(dst, name...), ": "...)
	n := len(dst)
	dst = append(dst, value...)
	for i, b := range dst[n:] {
		if b == '\r' || b == '\n' || b == 0 {
			dst[n+i] = ' '
		}
	}
	return append(dst, "\r\n"...)
}

// prepare makes the request: body is borrowed until release.
func (c *call) prepare(target, via string, body []byte) {
	c.target, c.body = target, body
	c.extra = appendHeader(c.extra[:0], headerTarget, target)
	if via != "" {
		c.extra = appendHeader(c.extra, HeaderVia, via)
	}
	sum := sha256.Sum256(body)
	hex.Encode(c.digest[:], sum[:])
}

// trace tells upstream of the span in ctx, in the headers of W3C Trace Context. They are not signed.
func (c *call) trace(ctx context.Context) {
	metrics.Inject(ctx, c.add)
}

// sign signs the prepared request, for each attempt anew, and makes of it what goes out.
func (c *call) sign(ctx context.Context, signer *v4.Signer, h *held, region string, at time.Time) error {
	out := append(append(c.out[:0], c.start...), c.extra...)
	if signable(c.target) && (h.SessionToken == "" || signable(h.SessionToken)) {
		date, authorization := c.signature.sign(h, c.target, len(c.body), c.digest[:], at)
		out = appendHeader(out, headerDate, date)
		out = appendHeader(out, headerAuth, authorization)
	} else {
		c.shell.Header = http.Header{"Content-Type": {contentType}, headerTarget: {c.target}}
		c.shell.ContentLength = int64(len(c.body))
		if err := signer.SignHTTP(ctx, h.Credentials, &c.shell, string(c.digest[:]), signingName, region, at); err != nil {
			return err
		}
		out = appendHeader(out, headerDate, c.shell.Header.Get(headerDate))
		out = appendHeader(out, headerAuth, c.shell.Header.Get(headerAuth))
	}
	if h.SessionToken != "" {
		out = appendHeader(out, headerToken, h.SessionToken)
	}
	out = append(out, "Content-Length: "...)
	out = append(strconv.AppendInt(out, int64(len(c.body)), 10), "\r\n\r\n"...)
	if c.rest = nil; len(c.body) <= copiedBody {
		out = append(out, c.body...)
	} else {
		c.rest = c.body
	}
	c.out = out
	return nil
}

// release lets go of what was borrowed, so that the call can be used again.
func (c *call) release() {
	c.body, c.rest, c.answer.body, c.answer.memory = nil, nil, nil, nil
}
