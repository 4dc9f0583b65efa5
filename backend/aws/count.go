package aws

import (
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

// counted makes an attempt and counts it.
func (b *Backend) counted(op ddb.Operation, attempt func() attempt) attempt {
	start := time.Now()
	b.config.Metrics.Begin()
	a := attempt()
	b.config.Metrics.End(int(op), outcomeClasses[a.outcome], time.Since(start))
	return a
}
