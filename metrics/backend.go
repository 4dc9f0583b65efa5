package metrics

import (
	"sync/atomic"
	"time"
)

// Backend counts the operations that are asked of the backend, whichever it is.
type Backend struct {
	latency  histograms // operation × class
	inFlight atomic.Int64
}

// init makes room.
func (b *Backend) init(names Names) {
	b.latency = newHistograms(len(names.Operations) * int(numClasses))
}

// Begin notes an operation that begins, and End one that ended after a time.
func (b *Backend) Begin() { b.inFlight.Add(1) }

// End notes that an operation of Begin ended.
func (b *Backend) End(operation int, class Class, took time.Duration) {
	b.inFlight.Add(-1)
	b.latency.observe(stripe(), operation*int(numClasses)+int(class), took)
}

// Retry says why a request was sent to Amazon again.
type Retry uint8

// The reasons.
const (
	// RetryThrottle: it was told to slow down.
	RetryThrottle Retry = iota
	// RetryFault: it was answered with an internal error.
	RetryFault
	// RetryConnection: it was not answered.
	RetryConnection
	// RetryCredentials: its signature was too old or its credentials had run out.
	RetryCredentials
	numRetries
)

// retryNames are the values of label "reason".
var retryNames = [numRetries]string{"throttle", "fault", "connection", "credentials"}

// Upstream counts the single HTTP requests to Amazon DynamoDB, of which an operation may take several. A nil one counts
// nothing.
type Upstream struct {
	attempts histograms // operation × class
	retries  *vector    // operation × reason
	inFlight atomic.Int64
}

// init makes room.
func (u *Upstream) init(names Names) {
	u.attempts = newHistograms(len(names.Operations) * int(numClasses))
	u.retries = newVector(len(names.Operations) * int(numRetries))
}

// Begin notes an attempt that is about to be sent.
func (u *Upstream) Begin() {
	if u != nil {
		u.inFlight.Add(1)
	}
}

// End notes that an attempt of Begin was answered, or was not: that is a Fault. A throttle is counted by its class.
func (u *Upstream) End(operation int, class Class, took time.Duration) {
	if u == nil {
		return
	}
	u.inFlight.Add(-1)
	u.attempts.observe(stripe(), operation*int(numClasses)+int(class), took)
}

// Retry notes that another attempt follows, and why.
func (u *Upstream) Retry(operation int, why Retry) {
	if u != nil {
		u.retries.add(stripe(), operation*int(numRetries)+int(why), 1)
	}
}
