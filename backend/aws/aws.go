// Package aws is the backend that forwards to Amazon DynamoDB, or to any endpoint that speaks its protocol. Bodies go
// through as they are, both ways; also for operations that this build has never heard of. Requests are signed anew,
// because the host that a client signed is millrace's.
//
// It promises to tell three ends of a request apart: an answer, upstream's own or one that says that nothing was sent
// (*ddb.Error); and not knowing (any other error). What may have been applied is never sent again. It never takes its
// upstream from the environment variables that steer applications.
package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"millrace/backend"
	"millrace/ddb"
)

// Backend forwards requests. Call Run beside it, so that credentials are refreshed before somebody waits for them.
type Backend struct {
	config      Config
	signer      *v4.Signer
	credentials *credentials
	endpoints   endpoints
	retries     budget
	// skew is what to add to our time for upstream's, in nanoseconds; it is 0 unless upstream has complained.
	skew atomic.Int64
	// region is the one that is served. It is config.Region once settled is true; until then it is what is signed for
	// where nobody names one.
	region  atomic.Pointer[string]
	settled bool
}

var _ backend.Backend = (*Backend)(nil)

// New reads the SDK's settings from the environment and the shared configuration files; it connects to nobody.
func New(ctx context.Context, config Config) (*Backend, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	config = config.withDefaults()
	if err := config.trust(); err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	region, settled := config.Region, config.Region != "" || config.Kind.Regional()
	load := func(context.Context) (aws.CredentialsProvider, error) { return config.Credentials, nil }
	if config.Credentials == nil {
		found, err := chain(ctx, config)
		if err != nil {
			return nil, err
		}
		region = cmp.Or(region, found.Region)
		load = func(ctx context.Context) (aws.CredentialsProvider, error) {
			found, err := chain(ctx, config)
			return found.Credentials, err
		}
	}
	if region == "" && !config.Kind.Regional() {
		region = "us-east-1" // somebody has to sign for something
	}
	if region == "" {
		return nil, errNoRegion
	}
	if !config.Kind.validRegion(region) {
		return nil, fmt.Errorf("region %q is no region's name", region)
	}
	b := &Backend{
		config: config, signer: v4.NewSigner(), credentials: newCredentials(config, load), settled: settled,
		endpoints: endpoints{byKey: map[endpointKey]*endpoint{}, byURL: map[string]*endpoint{}},
	}
	b.region.Store(&region)
	return b, nil
}

// Region is the region that is served.
func (b *Backend) Region() string { return *b.region.Load() }

// Settled reports whether the region was named: by the configuration, or by what the SDK finds where regions have
// endpoints of their own. Otherwise one that clients sign for may be chosen by Settle.
func (b *Backend) Settled() bool { return b.settled }

// Settle chooses the region that is served, once, before anything is cached; empty is what Region says. It returns the one
// that is served from now on: a name that is none leaves it as it is.
func (b *Backend) Settle(region string) string {
	if !b.settled && region != "" && b.config.Kind.validRegion(region) {
		b.region.Store(&region)
	}
	return b.Region()
}

// Kind is what stands upstream.
func (b *Backend) Kind() Kind { return b.config.Kind }

// URL is the address of the tables.
func (b *Backend) URL() string { return b.config.address(b.Region(), b.Region(), false) }

// Run keeps credentials fresh, and an eye on the upstream of our region, until ctx ends.
func (b *Backend) Run(ctx context.Context) error {
	var watching sync.WaitGroup
	watching.Go(func() { b.watch(ctx) })
	b.credentials.run(ctx)
	watching.Wait()
	return nil
}

// Close ends what is under way for nobody, and idle connections.
func (b *Backend) Close() error {
	b.credentials.close()
	b.endpoints.mu.Lock()
	defer b.endpoints.mu.Unlock()
	for _, e := range b.endpoints.byURL {
		e.client.closeIdle()
	}
	return nil
}

// Down tells since when the upstream of our region has not answered; the zero time when it does, or has not been asked. While
// Run runs it is asked when nobody else does.
func (b *Backend) Down() time.Time {
	b.endpoints.mu.RLock()
	e := b.endpoints.byKey[endpointKey{region: b.Region()}]
	b.endpoints.mu.RUnlock()
	if e == nil {
		return time.Time{}
	}
	return e.health.down()
}

// SpendRetry takes a retry from the budget that requests of this backend share, for one that its caller makes once more; false when
// there is none.
func (b *Backend) SpendRetry() bool { return b.retries.spend() }

// RegainRetry gives one back that was answered.
func (b *Backend) RegainRetry() { b.retries.regain() }

// Source says where the credentials in use come from, in the SDK's words; empty when there are none yet.
func (b *Backend) Source() string {
	if h := b.credentials.current.Load(); h != nil {
		return h.Source
	}
	return ""
}

// Do is part of backend.Backend. A deadline of ctx bounds every attempt; the end of ctx otherwise ends waits between
// attempts, but not an attempt.
func (b *Backend) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	if req.Op == ddb.DescribeEndpoints && req.Host != "" {
		return describeEndpoints(req.Host), nil
	}
	body, err := req.JSON()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e, err := b.endpoint(req)
	if err != nil {
		return nil, err
	}
	end := b.config.Clock().Add(b.config.Timeout)
	if at, ok := ctx.Deadline(); ok && at.Before(end) {
		end = at
	}
	if err := e.limit.acquire(ctx, b.config.QueueTimeout); err != nil {
		return nil, err
	}
	defer e.limit.release()
	c := e.calls.Get().(*call)
	// A panic leaves c to the garbage collector.
	c.prepare(targetOf(req), b.via(req), body)
	c.trace(ctx)
	resp, err := b.try(ctx, req, e, c, end)
	c.release()
	e.calls.Put(c)
	return resp, err
}

// describeEndpoints tells a client that looks for endpoints to stay where it is; upstream's own answer would lead it past
// the caches, and its writes with it. (API Reference, DescribeEndpoints.)
func describeEndpoints(host string) *ddb.Response {
	body := ddb.AppendJSONString([]byte(`{"Endpoints":[{"Address":`), host)
	return ddb.NewResponse(append(body, `,"CachePeriodInMinutes":1440}]}`...))
}

// targets are the X-Amz-Targets of the operations that are known.
var targets = func() (all [ddb.NumOperations]string) {
	for op := range all {
		facts := ddb.Operation(op).Facts()
		all[op] = facts.Service + "." + facts.Name
	}
	return all
}()

// targetOf is the X-Amz-Target of req.
func targetOf(req *ddb.Request) string {
	if req.Op != ddb.UnknownOperation && req.Name == req.Op.Facts().Name {
		return targets[req.Op]
	}
	service := req.Op.Facts().Service
	if service == "" {
		if service = req.Service; service == "" {
			service = ddb.DynamoDBService
		}
	}
	return service + "." + req.Name
}

// via is what the next millrace is told of the way.
func (b *Backend) via(req *ddb.Request) string {
	if req.Via != "" && b.config.NodeID != "" {
		return req.Via + ", " + b.config.NodeID
	}
	return b.config.NodeID
}

// try makes attempts until one ends the matter.
func (b *Backend) try(ctx context.Context, req *ddb.Request, e *endpoint, c *call, end time.Time) (*ddb.Response, error) {
	reads := changesNothing(req)
	c.errand = change
	if reads {
		c.errand = read
	}
	h, err := b.credentialsFor(ctx, end)
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		now := b.config.Clock()
		if !now.Before(end) {
			return nil, context.DeadlineExceeded
		}
		// Nothing is gained by giving up what will not be tried again.
		at := end
		if first := now.Add(b.config.AttemptTimeout); reads && n < b.config.Attempts && first.Before(end) {
			at = first
		}
		a := b.counted(ctx, req.Op, e, c, h, at)
		if a.outcome == answered || a.outcome == refused {
			b.retries.earn()
			return a.resp, a.err
		}
		wait, more := again(a.outcome, reads, n, b.config.Random())
		more = more && n < b.config.Attempts && !errors.Is(a.err, errDown) && !(req.Once && (a.outcome == faulty || a.outcome == throttled))
		if more && a.outcome == rejected {
			h, more = b.credentials.renew(ctx, h)
		}
		if !more || !b.config.Clock().Add(wait).Before(end) || !b.retries.spend() || !sleep(ctx, wait) {
			return nil, ended(ctx, a, reads)
		}
		b.config.Metrics.Retry(int(req.Op), retryReasons[a.outcome])
	}
}

// credentialsFor gets what to sign with until end. Without any, nothing can be sent.
func (b *Backend) credentialsFor(ctx context.Context, end time.Time) (*held, error) {
	if h := b.credentials.current.Load(); h.usable(b.config.Clock()) {
		return h, nil
	}
	waiting, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	h, err := b.credentials.get(waiting)
	if err != nil {
		return nil, unavailable(err)
	}
	return h, nil
}

// ended is the error of a request whose last attempt was a.
func ended(ctx context.Context, a attempt, reads bool) error {
	if _, ok := a.err.(*ddb.Error); ok {
		return a.err
	}
	if a.outcome == notSent {
		return unavailable(a.err)
	}
	// Not having read is no secret: nothing can have changed.
	if reads {
		if err := ctx.Err(); err != nil {
			return err
		}
		return unavailable(a.err)
	}
	return a.err
}
