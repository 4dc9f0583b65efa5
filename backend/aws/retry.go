package aws

import (
	"strings"
	"sync"
	"time"

	"millrace/ddb"
)

// outcome is what one attempt tells of a request.
type outcome uint8

// The outcomes.
const (
	// answered: upstream served the request.
	answered outcome = iota
	// refused: upstream says that it did nothing, and would say so again.
	refused
	// notSent: no byte of the request was written.
	notSent
	// silent: the request was written, in whole or in part, and no whole answer came. It may have been applied.
	silent
	// faulty: upstream answered with a 5xx. It may have been applied. (Developer Guide, "Error handling with DynamoDB":
	// InternalServerError.)
	faulty
	// throttled: upstream did nothing because of the load.
	throttled
	// skewed: upstream did nothing because the time in the signature is wrong.
	skewed
	// rejected: upstream did nothing because the credentials are no longer good.
	rejected

	numOutcomes
)

// rule is whether an outcome may be followed by another attempt.
type rule struct {
	// read and write are the most attempts of one request that may end so; more only to say the same again. 1 means
	// never again.
	read, write int
	// base is the first wait, which doubles with each attempt; what is waited is drawn between 0 and that.
	base time.Duration
}

// retryRules is indexed by outcome. A write whose outcome is not known is never sent again: its client knows whether
// doing it twice is harmless, and millrace does not. Throttles are the client's to slow down for; one more attempt
// catches the spike of a moment.
var retryRules = [numOutcomes]rule{
	answered:  {1, 1, 0},
	refused:   {1, 1, 0},
	notSent:   {10, 10, 5 * time.Millisecond},
	silent:    {10, 1, 25 * time.Millisecond},
	faulty:    {10, 1, 25 * time.Millisecond},
	throttled: {2, 2, 50 * time.Millisecond},
	skewed:    {2, 2, 0},
	rejected:  {2, 2, 0},
}

// maxWait bounds one wait between attempts.
const maxWait = time.Second

// again reports whether attempt number n (from 1), which ended in o, may be followed by another one, and after which
// wait; draw is random, from 0 to 1.
func again(o outcome, reads bool, n int, draw float64) (time.Duration, bool) {
	r := &retryRules[o]
	most := r.write
	if reads {
		most = r.read
	}
	if n >= most {
		return 0, false
	}
	wait := min(r.base<<(n-1), maxWait)
	return time.Duration(draw * float64(wait)), true
}

// changesNothing reports whether req may be sent twice without harm. An operation that this build does not know may
// do anything, and a statement may be an UPDATE. Of the operations on tables, those that only tell are named so.
func changesNothing(req *ddb.Request) bool {
	facts := req.Op.Facts()
	if facts.Kind == ddb.ReadOperation {
		return true
	}
	return req.Op != ddb.UnknownOperation && facts.Kind == ddb.ControlOperation &&
		(strings.HasPrefix(facts.Name, "Describe") || strings.HasPrefix(facts.Name, "List") || strings.HasPrefix(facts.Name, "Get"))
}

// skews are the exceptions of a signature whose time is off; only with a Date that differs are they taken for it.
// (General Reference, "Common errors".)
var skews = map[string]bool{
	"InvalidSignatureException": true,
	"RequestTimeTooSkewed":      true,
	"RequestExpired":            true,
	"SignatureDoesNotMatch":     true,
}

// rejections are the exceptions of credentials that were good once.
var rejections = map[string]bool{
	"ExpiredTokenException":       true,
	"ExpiredToken":                true,
	"UnrecognizedClientException": true,
	"InvalidClientTokenId":        true,
}

// The budget of retries: each costs one token, each answer earns a part of one, so that an upstream in trouble gets
// at most a tenth more requests than without retries.
const (
	budgetMost  = 100.0
	budgetEarns = 0.1
)

// budget bounds retries of a backend as a whole.
type budget struct {
	mu sync.Mutex

	spent float64
}

// spend takes a token; false when there is none.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent > budgetMost-1 {
		return false
	}
	b.spent++
	return true
}

// regain gives a token back.
func (b *budget) regain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-1)
}

// earn gives a part of a token back.
func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-budgetEarns)
}
