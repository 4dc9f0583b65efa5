package aws

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"

	"millrace/ddb"
)

// Probe is what an upstream address told of itself, without a signature.
type Probe struct {
	// URL is the address.
	URL string
	// Took is how long the answer took, the connection included.
	Took time.Duration
	// Skew is how far upstream's clock is ahead of ours; Dated is false where the answer had no Date.
	Skew  time.Duration
	Dated bool
}

// Probe asks the address of the tables, or of the streams, whether anybody is there. It costs nothing and needs no
// credentials: DynamoDB answers a GET with a word of health.
func (b *Backend) Probe(ctx context.Context, streams bool) (Probe, error) {
	p := Probe{URL: b.config.address(b.config.Region, streams)}
	req := ddb.NewRequest(ddb.ListTables, nil)
	if streams {
		req = ddb.NewRequest(ddb.ListStreams, nil)
	}
	e, err := b.endpoint(req)
	if err != nil {
		return p, err
	}
	at := b.config.Clock().Add(b.config.AttemptTimeout)
	if end, ok := ctx.Deadline(); ok && end.Before(at) {
		at = end
	}
	ask, answer := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(ask)
	defer fasthttp.ReleaseResponse(answer)
	ask.SetRequestURI(e.url.String())
	start := b.config.Clock()
	if err := e.client.DoDeadline(ask, answer, at); err != nil {
		return p, fmt.Errorf("ask %s: %w", p.URL, err)
	}
	now := b.config.Clock()
	p.Took = now.Sub(start)
	if date, err := http.ParseTime(string(answer.Header.Peek("Date"))); err == nil {
		// A Date is cut to the second.
		p.Skew, p.Dated = date.Add(500*time.Millisecond).Sub(start.Add(p.Took/2)), true
	}
	return p, nil
}

// silence is how long upstream is not heard of before it is asked whether it is there.
const silence = 2 * time.Second

// watch finds out whether upstream is there while nobody asks it for anything, because all is answered from the caches or
// there is nothing to do: readiness tells it.
func (b *Backend) watch(ctx context.Context) {
	e, err := b.endpoint(ddb.NewRequest(ddb.ListTables, nil))
	if err != nil {
		b.config.Logger.Warn("upstream is not watched", "error", err)
		return
	}
	for sleep(ctx, silence/2) {
		if !e.health.silent(silence) || !e.health.allow() {
			continue
		}
		switch _, err := b.Probe(ctx, false); {
		case err == nil:
			e.health.answered()
		case ctx.Err() != nil:
			e.health.unknown()
		case e.health.failed():
			b.config.Logger.Warn("upstream does not answer; requests fail fast until it does", "upstream", e.url.Host, "error", err)
		}
	}
}

// Identity is whom requests are signed for.
type Identity struct {
	// Source is where the credentials come from, in the SDK's words, and KeyID their public part.
	Source, KeyID string
	// Expires is the zero time for those that do not.
	Expires time.Time
}

// Identity gets credentials as a request would.
func (b *Backend) Identity(ctx context.Context) (Identity, error) {
	h, err := b.credentials.get(ctx)
	if err != nil {
		return Identity{}, err
	}
	id := Identity{Source: h.Source, KeyID: h.AccessKeyID}
	if h.CanExpire {
		id.Expires = h.Expires
	}
	return id, nil
}
