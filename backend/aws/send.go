package aws

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"time"

	"millrace/ddb"
)

// attempt is what one attempt brought: a response, an exception, or an error that tells why there is neither.
type attempt struct {
	outcome outcome
	resp    *ddb.Response
	err     error
}

// farOff is how far clocks may differ before a rejected signature is taken for a matter of time; DynamoDB allows five
// minutes. (IAM User Guide, "Elements of an AWS API request signature": x-amz-date.)
const farOff = 4 * time.Minute

// send makes one attempt with c, which has been prepared, until at.
func (b *Backend) send(ctx context.Context, e *endpoint, c *call, h *held, streams bool, at time.Time) attempt {
	now := b.config.Clock()
	skew := time.Duration(b.skew.Load())
	if err := c.sign(ctx, b.signer, h, e.region, now.Add(skew)); err != nil {
		return attempt{notSent, nil, fmt.Errorf("sign request: %w", err)}
	}
	if !e.health.allow() {
		return attempt{notSent, nil, errDown}
	}
	c.resp.Reset()
	if err := e.client.DoDeadline(&c.req, &c.resp, at); err != nil {
		if errors.Is(err, errStale) {
			// The others in the pool were most likely closed in the same moment.
			e.client.CloseIdleConnections()
			e.health.unknown()
			return attempt{notSent, nil, err}
		}
		if e.health.failed() {
			b.config.Logger.Warn("upstream does not answer; requests fail fast until it does", "upstream", e.url.Host, "error", err)
		}
		if errors.Is(err, errDial) {
			return attempt{notSent, nil, err}
		}
		return attempt{silent, nil, fmt.Errorf("no answer from %s: %w", e.url.Host, err)}
	}
	e.health.answered()
	return b.receive(c, streams, now, skew)
}

// receive reads an answer. The body is taken out of c and not copied.
func (b *Backend) receive(c *call, streams bool, now time.Time, skew time.Duration) attempt {
	header := &c.resp.Header
	body := c.resp.SwapBody(nil)
	if body == nil {
		body = []byte{} // an answer of no bytes, as TagResource's, is one
	}
	if sum := header.Peek(headerCRC); len(sum) > 0 {
		want, err := strconv.ParseUint(string(sum), 10, 32)
		if err != nil || crc32.ChecksumIEEE(body) != uint32(want) {
			return attempt{silent, nil, fmt.Errorf("the answer does not match its checksum %q", sum)}
		}
	}
	id := string(header.Peek(headerRequestID))
	status := c.resp.StatusCode()
	if status == http.StatusOK {
		if len(header.ContentEncoding()) > 0 && string(header.ContentEncoding()) != "identity" {
			return attempt{silent, nil, fmt.Errorf("the answer is encoded with %q, which was not asked for", header.ContentEncoding())}
		}
		resp := ddb.NewResponse(body)
		resp.RequestID = id
		return attempt{answered, resp, nil}
	}
	if status < 400 {
		return attempt{silent, nil, fmt.Errorf("upstream answered with status %d", status)}
	}
	exception := newError(status, body, string(header.Peek(headerErrorType)))
	exception.RequestID = id
	far := false
	if date, err := http.ParseTime(string(header.Peek("Date"))); err == nil {
		if off := date.Sub(now); (off - skew).Abs() > farOff {
			far = true
			if skews[exception.Code] {
				b.skew.Store(int64(off))
				b.config.Logger.Warn("this machine's clock differs from upstream's; signing with upstream's", "difference", off)
			}
		}
	}
	return attempt{outcomeOf(exception, streams, far), nil, exception}
}

// errDown is why a request was not sent while the breaker is open.
var errDown = errors.New("upstream does not answer; not trying again yet")

// unavailable is the exception for a request that never got upstream. SDKs retry a 503.
// (General Reference, "Common errors": ServiceUnavailable.)
func unavailable(cause error) *ddb.Error {
	return &ddb.Error{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, NotSent: true,
		Message: "Upstream cannot be reached: " + cause.Error()}
}
