package aws

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

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
	p := Probe{URL: b.config.address(b.Region(), b.Region(), streams)}
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
	var got answer
	start := b.config.Clock()
	if err := e.client.do([]byte("GET / HTTP/1.1\r\nHost: "+e.url.Host+"\r\n\r\n"), nil, at, look, &got); err != nil {
		return p, fmt.Errorf("ask %s: %w", p.URL, err)
	}
	now := b.config.Clock()
	p.Took = now.Sub(start)
	if date, err := http.ParseTime(string(got.date)); err == nil {
		// A Date is cut to the second.
		p.Skew, p.Dated = date.Add(500*time.Millisecond).Sub(start.Add(p.Took/2)), true
	}
	return p, nil
}

// The watch over an upstream: silence is how long it is not heard of before somebody looks whether it is there, and patience how long
// when requests wait for it; a look has shortestLook at least and longestLook at most before it is called vain (see breaker.ask), and is listened to
// for longestLook in any case. So a mute upstream that was quick before is known for one after a little more than patience and shortestLook
// together. Too short, and a slow one is called mute until its answer comes; too long, and readers are held. There is a look often, even while
// requests are answered, to know how long one takes now.
const (
	silence      = 2 * time.Second
	often        = 10 * time.Second
	patience     = time.Second
	shortestLook = 1500 * time.Millisecond
	longestLook  = 6 * time.Second
)

// watch finds out whether upstream is there while nobody asks it for anything, because all is answered from the caches or
// there is nothing to do: readiness tells it.
func (b *Backend) watch(ctx context.Context) {
	var watched *endpoint
	var looks sync.WaitGroup
	defer looks.Wait()
	watch := func(e *endpoint) {
		if watched != nil {
			watched.health.watch(false)
			watched.client.endLooks()
		}
		if watched = e; e != nil {
			e.health.watch(true)
		}
	}
	defer watch(nil)
	for sleep(ctx, patience/4) {
		b.endpoints.sweep(time.Now().Add(-idleConnection))
		e, err := b.endpoint(ddb.NewRequest(ddb.ListTables, nil)) // another one once the region is settled
		if err != nil {
			b.config.Logger.Warn("upstream is not watched", "error", err)
			return
		}
		if e != watched {
			watch(e)
		}
		if e.health.due() {
			l := startLook(b, e)
			looks.Go(func() { l.follow(ctx) })
		}
	}
}

// lookout is one look whether upstream is there.
type lookout struct {
	b *Backend
	e *endpoint

	asked, began time.Time // by the configured clock, and by the real one
	most         time.Duration
}

// startLook begins one, so that due knows of it.
func startLook(b *Backend, e *endpoint) *lookout {
	return &lookout{b: b, e: e, asked: b.config.Clock(), began: time.Now(), most: e.health.ask()}
}

// follow asks, and tells what comes of it; it may tell that the look was in vain, and later that it was not.
func (l *lookout) follow(ctx context.Context) {
	waiting, cancel := context.WithTimeout(ctx, longestLook)
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		_, err := l.b.Probe(waiting, false)
		answer <- err
	}()
	timer := time.NewTimer(l.most)
	defer timer.Stop()
	var err error
	late := false
	select {
	case err = <-answer:
	case <-timer.C:
		err, late = context.DeadlineExceeded, true
	}
	l.e.health.asked()
	if err != nil {
		l.vain(ctx, err)
	}
	if late {
		err = <-answer
	}
	if err == nil {
		l.e.health.seen(time.Since(l.began))
	}
}

// vain tells that no answer has come in time. Reads that have waited for as long as a quick one would have had are given up then: they may be
// made again, and their callers should not wait for longer. What became of a write only its own answer tells, so it has as long as an attempt at a read.
func (l *lookout) vain(ctx context.Context, err error) {
	if ctx.Err() != nil || time.Since(l.began) > 2*l.most {
		return // it is this process that has stood still
	}
	if l.e.health.unseen(l.asked) {
		l.b.config.Logger.Warn("upstream does not answer; requests fail fast until it does", "upstream", l.e.url.Host, "error", err)
	}
	if l.e.health.mute() {
		l.e.client.giveUp(l.began.Add(l.most-shortestLook), time.Now().Add(-l.b.config.AttemptTimeout))
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
