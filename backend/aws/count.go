package aws

import (
	"context"
	"time"

	"millrace/ddb"
	"millrace/metrics"
)

// outcomeClasses are how attempts are counted, and retryReasons why another one followed.
var (
	outcomeClasses = [numOutcomes]metrics.Class{
		answered: metrics.OK, refused: metrics.User, notSent: metrics.Fault, silent: metrics.Fault, faulty: metrics.Fault,
		throttled: metrics.Throttle, skewed: metrics.User, rejected: metrics.User,
	}
	retryReasons = [numOutcomes]metrics.Retry{
		notSent: metrics.RetryConnection, silent: metrics.RetryConnection, faulty: metrics.RetryFault,
		throttled: metrics.RetryThrottle, skewed: metrics.RetryCredentials, rejected: metrics.RetryCredentials,
	}
)

// counted makes an attempt until at and counts it.
func (b *Backend) counted(ctx context.Context, op ddb.Operation, e *endpoint, c *call, h *held, at time.Time) attempt {
	start := time.Now()
	b.config.Metrics.Begin()
	a := understood(op, b.send(ctx, e, c, h, op.Facts().Service == ddb.StreamsService, at))
	b.config.Metrics.End(int(op), outcomeClasses[a.outcome], time.Since(start))
	return a
}
