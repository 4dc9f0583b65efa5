package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/valyala/fasthttp"

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

// call is the memory of one request upstream, used again by later ones to the same endpoint.
type call struct {
	req    fasthttp.Request
	resp   fasthttp.Response
	digest [2 * sha256.Size]byte
	// signature signs what has the usual shape; shell is what the SDK's signer wants to see of the rest: everything but the
	// body.
	signature signature
	shell     http.Request
	target    string
	length    int
}

// newCall prepares what is the same in every request to u, which is in region.
func newCall(u *url.URL, region string) *call {
	host := u.Host
	if p := u.Port(); p == "443" && u.Scheme == "https" || p == "80" && u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":"+p) // it is not signed, and so not sent either
	}
	c := &call{signature: signature{host: host, region: region}}
	c.req.Header.SetMethod(fasthttp.MethodPost)
	c.req.Header.DisableNormalizing()
	c.req.SetRequestURI(u.String())
	c.req.Header.SetHost(host)
	c.req.Header.SetContentType(contentType)
	// Bytes are passed on as they are, so they must not be compressed.
	c.req.Header.Set("Accept-Encoding", "identity")
	c.shell = http.Request{
		Method: http.MethodPost, URL: &url.URL{Scheme: u.Scheme, Host: host, Path: "/"}, Host: host,
	}
	return c
}

// prepare makes the request: body is borrowed until release.
func (c *call) prepare(target, via string, body []byte) {
	c.req.SetBodyRaw(body)
	c.req.Header.Set(headerTarget, target)
	if via != "" {
		c.req.Header.Set(HeaderVia, via)
	} else {
		c.req.Header.Del(HeaderVia)
	}
	c.target, c.length = target, len(body)
	sum := sha256.Sum256(body)
	hex.Encode(c.digest[:], sum[:])
}

// The headers of W3C Trace Context, which upstream gets if there is a span. They are not signed.
const (
	headerTraceParent = "Traceparent"
	headerTraceState  = "Tracestate"
)

// trace tells upstream of the span in ctx.
func (c *call) trace(ctx context.Context) {
	c.req.Header.Del(headerTraceParent)
	c.req.Header.Del(headerTraceState)
	metrics.Inject(ctx, c.req.Header.Set)
}

// sign signs the prepared request, for each attempt anew.
func (c *call) sign(ctx context.Context, signer *v4.Signer, h *held, region string, at time.Time) error {
	if signable(c.target) && (h.SessionToken == "" || signable(h.SessionToken)) {
		date, authorization := c.signature.sign(h, c.target, c.length, c.digest[:], at)
		c.req.Header.SetBytesV(headerDate, date)
		c.req.Header.SetBytesV(headerAuth, authorization)
	} else {
		c.shell.Header = http.Header{"Content-Type": {contentType}, headerTarget: {c.target}}
		c.shell.ContentLength = int64(c.length)
		if err := signer.SignHTTP(ctx, h.Credentials, &c.shell, string(c.digest[:]), signingName, region, at); err != nil {
			return err
		}
		c.req.Header.Set(headerDate, c.shell.Header.Get(headerDate))
		c.req.Header.Set(headerAuth, c.shell.Header.Get(headerAuth))
	}
	if h.SessionToken != "" {
		c.req.Header.Set(headerToken, h.SessionToken)
	} else {
		c.req.Header.Del(headerToken)
	}
	return nil
}

// release lets go of what was borrowed, so that the call can be used again.
func (c *call) release() {
	c.req.SetBodyRaw(nil)
	c.resp.Reset()
}
