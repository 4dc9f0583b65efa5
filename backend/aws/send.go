package aws

import (
	"bytes"
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
	if err := e.client.do(c.out, c.rest, at, c.errand, &c.answer); err != nil {
		if errors.Is(err, errStale) {
			// The others in the pool were most likely closed in the same moment.
			e.client.closeIdle()
		}
		if errors.Is(err, errStale) || errors.Is(err, errUnsent) {
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

// receive reads an answer. The body is taken out of c and not copied. The memory of one that is no success, or none at all, is left to
// the garbage collector.
func (b *Backend) receive(c *call, streams bool, now time.Time, skew time.Duration) attempt {
	got := &c.answer
	body := got.body
	if body == nil {
		body = []byte{} // an answer of no bytes, as TagResource's, is one
	}
	if sum := got.sum; len(sum) > 0 {
		want, err := strconv.ParseUint(string(sum), 10, 32)
		if err != nil || crc32.ChecksumIEEE(body) != uint32(want) {
			return attempt{silent, nil, fmt.Errorf("the answer does not match its checksum %q", sum)}
		}
	}
	id, status := string(got.id), got.status
	if status == http.StatusOK {
		if len(got.encoding) > 0 && string(got.encoding) != "identity" {
			return attempt{silent, nil, fmt.Errorf("the answer is encoded with %q, which was not asked for", got.encoding)}
		}
		var resp *ddb.Response
		if got.memory != nil {
			resp = got.memory.lend(body)
		} else {
			resp = ddb.NewResponse(body)
		}
		resp.RequestID = id
		return attempt{answered, resp, nil}
	}
	if status < 300 {
		// A success of a kind that DynamoDB does not have.
		return attempt{silent, nil, fmt.Errorf("upstream answered with status %d", status)}
	}
	exception := newError(status, body, string(got.errorType))
	exception.RequestID, exception.Headers = id, got.handed
	far := false
	if date, err := http.ParseTime(string(got.date)); err == nil {
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

// understood is a, or the lack of an answer if a 200 of upstream's cannot be DynamoDB's to op: whatever stands between may
// answer with a page of its own, or with nothing, and then nobody knows what was done. The operations on items have an object
// each. What is in it is for those to judge who read it.
func understood(op ddb.Operation, a attempt) attempt {
	if a.outcome != answered || op.Facts().Kind == ddb.ControlOperation {
		return a
	}
	if body := bytes.TrimSpace(a.resp.Body()); len(body) < 2 || body[0] != '{' || body[len(body)-1] != '}' {
		return attempt{silent, nil, errors.New("the answer is no JSON object")}
	}
	return a
}

// errDown is why a request was not sent while the breaker is open.
var errDown = errors.New("upstream does not answer; not trying again yet")

// unavailable is the exception for a request that never got upstream. SDKs retry a 503.
// (General Reference, "Common errors": ServiceUnavailable.)
func unavailable(cause error) *ddb.Error {
	return &ddb.Error{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, NotSent: true,
		Message: "Upstream cannot be reached: " + cause.Error()}
}
