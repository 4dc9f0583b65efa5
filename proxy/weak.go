package proxy

import (
	"context"

	"millrace/cache"
	"millrace/ddb"
	"millrace/metrics"
)

// A fill is read strongly for the caches' sake, at twice the price. DynamoDB may refuse that where it would answer the read that the
// client sent: while a partition has no leader a strong read fails, and it is throttled first. Then the fill is made once more,
// as the client sent it. What that brings is handed on and never cached. (API Reference, GetItem and Query: InternalServerError;
// Developer Guide, "DynamoDB read consistency": a strong read "might not be available if there is a network delay or outage".)

// Retries is the budget of what is sent upstream once more.
type Retries interface {
	// SpendRetry takes one from it; false when there is none.
	SpendRetry() bool
	// RegainRetry gives one back that was answered.
	RegainRetry()
}

// tooStrong reports why upstream may have refused a read for its strength alone; false for a read that it did not see, did not
// answer, or refused for what it asks.
func tooStrong(err error) (metrics.Weakness, bool) {
	e, ok := err.(*ddb.Error)
	switch {
	case !ok || e.NotSent:
		return 0, false
	case ClassOf(e) == metrics.Throttle:
		return metrics.WeakThrottled, true
	}
	return metrics.WeakRefused, e.HTTPStatus() >= 500
}

// strength is how a fill is sent.
type strength struct {
	strong bool
	// once is set where an answer that refuses it is not to be followed by another attempt: somebody knows better.
	once bool
}

// forCaches is how a fill is sent first whose flight is read strongly or not, asked whether its client wants that.
func forCaches(strong, asked bool) strength {
	return strength{strong: strong || asked, once: strong && !asked}
}

// secondChance makes a read of s once more that was sent once and failed with err, if that may be for its strength alone: eventually if
// weaken, which is told to turn its flights into such, reports that this may be, else as it was. In an outage that costs no more than the
// budget of retries; what is answered costs nothing of it, so a partition without a leader is read for as long as it has none.
func (p *Proxy) secondChance(err error, s *cache.Schema, weaken func() bool, send func(strength) error) error {
	why, ok := tooStrong(err)
	if !ok || p.schemas.Coverage(s) == cache.Embedded || p.config.Retries != nil && !p.config.Retries.SpendRetry() {
		return err
	}
	weak := weaken()
	if err = send(strength{strong: !weak, once: why == metrics.WeakThrottled}); err != nil {
		return err
	}
	if p.config.Retries != nil {
		p.config.Retries.RegainRetry()
	}
	if weak {
		s.Counters.Weakened(why)
	}
	return nil
}

// fill sends a read for flights.
func (p *Proxy) fill(ctx context.Context, scope string, in ddb.Input, how strength) (*ddb.Response, error) {
	return p.send(ctx, scope, ddb.NewTypedRequest(in), how)
}

// send sends a read for flights, of a request made here.
func (p *Proxy) send(ctx context.Context, scope string, req *ddb.Request, how strength) (*ddb.Response, error) {
	req.Scope, req.Once = scope, how.once
	return p.guard.Fill(ctx, req)
}

// weakly makes the reply's result that of an answer that was read weakly: it is not cached, like what is forwarded.
func (r *Reply) weakly(a *cache.Answer) {
	if a.Weak {
		r.Result, r.Weak = Forward, true
	}
}
