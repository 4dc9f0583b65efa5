package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/logging"
)

// Credentials are got anew when a fifth of their time is left, but at most refreshEarly before their end. After a
// failure it is tried again after refreshAgain, doubling up to refreshMost; one try takes at most refreshTimeout.
const (
	refreshEarly   = 5 * time.Minute
	refreshAgain   = time.Second
	refreshMost    = 30 * time.Second
	refreshTimeout = 30 * time.Second
	// reloadPause is the least time between two readings of everything because upstream rejected what there was.
	reloadPause = 5 * time.Second
	// glance is how often it is looked whether anything is due.
	glance = 30 * time.Second
)

// placeholder is what requests are signed with for an upstream that is not Amazon, when no credentials are found: such
// endpoints want a signature but do not check it.
var placeholder = aws.Credentials{AccessKeyID: "millrace", SecretAccessKey: "millrace", Source: "placeholder"}

// credentials keeps the credentials to sign with at hand, so that no request waits for them but the first ones.
type credentials struct {
	// load finds the chain: it reads the environment and the shared files.
	load     func(ctx context.Context) (aws.CredentialsProvider, error)
	clock    func() time.Time
	log      *slog.Logger
	fallback bool // whether placeholder does where there are none

	base    context.Context // of calls of the chain; stop ends it, and calls waits for them
	stop    context.CancelFunc
	calls   sync.WaitGroup
	current atomic.Pointer[held]

	mu sync.Mutex

	provider aws.CredentialsProvider
	last     *retrieval // under way, or the last one if it failed
	reloaded time.Time
}

// held are credentials and when they came.
type held struct {
	aws.Credentials
	at time.Time
}

// retrieval is a call of the chain that several may wait for.
type retrieval struct {
	done  chan struct{}
	creds *held
	err   error
	ended time.Time // of one that failed
}

// newCredentials makes a holder that has asked nobody yet.
func newCredentials(c Config, load func(ctx context.Context) (aws.CredentialsProvider, error)) *credentials {
	base, stop := context.WithCancel(context.Background())
	return &credentials{load: load, clock: c.Clock, log: c.Logger, fallback: c.Kind != Amazon, base: base, stop: stop}
}

// close ends what is under way.
func (c *credentials) close() {
	c.stop()
	c.calls.Wait()
}

// chain is the SDK's own way of finding region and credentials.
func chain(ctx context.Context, c Config) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.Proxy = proxyUnless(c.Self, t.Proxy)
	})
	log := logging.LoggerFunc(func(level logging.Classification, format string, v ...any) {
		c.Logger.Debug("credential chain", slog.String("level", string(level)), slog.String("message", fmt.Sprintf(format, v...)))
	})
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(client), config.WithLogger(log)}
	if c.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(c.Profile))
	}
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	}
	if c.Kind != Amazon {
		// Beside a store of one's own there is no instance to ask, and asking takes seconds.
		options = append(options, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	found, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("find AWS settings: %w", err)
	}
	return found, nil
}

// usable reports whether h can sign a request now.
func (h *held) usable(now time.Time) bool { return h != nil && (!h.CanExpire || now.Before(h.Expires)) }

// get returns credentials that have not expired. It waits for the chain only where there are none.
func (c *credentials) get(ctx context.Context) (*held, error) {
	if h := c.current.Load(); h.usable(c.clock()) {
		return h, nil
	}
	return c.retrieve(ctx, false)
}

// renew is called when upstream has rejected old. It returns other credentials, or false when there are none.
func (c *credentials) renew(ctx context.Context, old *held) (*held, bool) {
	differs := func(h *held) bool {
		return h != nil && (h.AccessKeyID != old.AccessKeyID || h.SecretAccessKey != old.SecretAccessKey || h.SessionToken != old.SessionToken)
	}
	if h := c.current.Load(); differs(h) && h.usable(c.clock()) {
		return h, true
	}
	c.mu.Lock()
	now := c.clock()
	if !c.reloaded.IsZero() && now.Sub(c.reloaded) < reloadPause {
		c.mu.Unlock()
		return nil, false
	}
	c.reloaded = now
	c.mu.Unlock()
	h, err := c.retrieve(ctx, true)
	return h, err == nil && differs(h)
}

// retrieve asks the chain, once for all who wait; reload finds the chain anew, in case a file or variable has changed.
// A failure stands for a moment, so that a chain in trouble is not asked by every request.
func (c *credentials) retrieve(ctx context.Context, reload bool) (*held, error) {
	c.mu.Lock()
	r := c.last
	if r == nil || !r.ended.IsZero() && c.clock().Sub(r.ended) >= refreshAgain {
		r = &retrieval{done: make(chan struct{})}
		c.last = r
		if reload {
			c.provider = nil
		}
		provider := c.provider
		// It goes on when its first caller leaves, for others wait for it too.
		c.calls.Go(func() { c.ask(r, provider) })
	}
	c.mu.Unlock()
	select {
	case <-r.done:
		return r.creds, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for credentials: %w", ctx.Err())
	}
}

// ask calls the chain and ends r.
func (c *credentials) ask(r *retrieval, provider aws.CredentialsProvider) {
	creds, provider, err := c.call(provider)
	now := c.clock()
	if err == nil && creds.CanExpire && !now.Before(creds.Expires) {
		err = fmt.Errorf("the credentials from %s have expired", creds.Source)
	}
	if err != nil && c.fallback && c.current.Load() == nil && c.base.Err() == nil {
		c.log.Info("no AWS credentials were found; signing with a placeholder", "reason", err)
		creds, err = placeholder, nil
	}
	c.mu.Lock()
	if err != nil {
		r.err, r.ended = fmt.Errorf("get credentials: %w", err), now
	} else {
		r.creds = &held{creds, now}
		c.current.Store(r.creds)
		c.provider, c.last = provider, nil
	}
	c.mu.Unlock()
	close(r.done)
}

// call gets credentials from provider, or from a chain found anew where that is nil.
func (c *credentials) call(provider aws.CredentialsProvider) (aws.Credentials, aws.CredentialsProvider, error) {
	ctx, cancel := context.WithTimeout(c.base, refreshTimeout)
	defer cancel()
	if provider == nil {
		var err error
		if provider, err = c.load(ctx); err != nil {
			return aws.Credentials{}, nil, err
		}
	} else if cache, ok := provider.(*aws.CredentialsCache); ok {
		cache.Invalidate() // it would give what it has until that expires
	}
	creds, err := provider.Retrieve(ctx)
	return creds, provider, err
}

// untilDue is how long h needs no refreshing; at least glance for what does not expire.
func (h *held) untilDue(now time.Time) time.Duration {
	if h == nil {
		return 0
	}
	if !h.CanExpire {
		return glance
	}
	early := min(h.Expires.Sub(h.at)/5, refreshEarly)
	return h.Expires.Add(-early).Sub(now)
}

// run keeps the credentials fresh until ctx ends.
func (c *credentials) run(ctx context.Context) {
	pause := refreshAgain
	for {
		wait := c.current.Load().untilDue(c.clock())
		if wait <= 0 {
			h, err := c.retrieve(ctx, false)
			if wait = h.untilDue(c.clock()); err == nil && wait > 0 {
				pause = refreshAgain
			} else {
				// What ends soon and cannot be had anew is a failure too.
				c.complain(err)
				wait, pause = pause, min(2*pause, refreshMost)
			}
		}
		// Upstream may reject them, and then there are others.
		if !sleep(ctx, min(wait, glance)) {
			return
		}
	}
}

// complain logs that credentials could not be got: as long as there are some it is only a warning.
func (c *credentials) complain(err error) {
	if c.base.Err() != nil {
		return
	}
	if h := c.current.Load(); h.usable(c.clock()) {
		c.log.Warn("credentials could not be refreshed; trying again", "expires", h.Expires, "error", err)
		return
	}
	c.log.Error("there are no valid credentials; requests upstream fail", "error", err)
}

// sleep waits for d; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// errNoRegion is the error of a chain that knows no region.
var errNoRegion = errors.New("no region is set; name one with --region, AWS_REGION or the profile")
