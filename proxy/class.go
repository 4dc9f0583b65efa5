package proxy

import (
	"millrace/ddb"
	"millrace/metrics"
)

// ClassOf sorts what came of a request for the metrics; an error that is no exception is a fault.
func ClassOf(err error) metrics.Class {
	if err == nil {
		return metrics.OK
	}
	e, ok := err.(*ddb.Error)
	if !ok {
		return metrics.Fault
	}
	if e.Throttled() {
		return metrics.Throttle
	}
	if e.HTTPStatus() >= 500 {
		return metrics.Fault
	}
	return metrics.User
}
