package aws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"millrace/ddb"
)

// provider is a chain that takes its time, fails at will, and gives credentials that end.
type provider struct {
	mu sync.Mutex

	calls    int
	takes    time.Duration
	lifetime time.Duration
	fails    bool
}

// Retrieve is part of aws.CredentialsProvider.
func (p *provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	p.mu.Lock()
	p.calls++
	n, takes, lifetime, fails := p.calls, p.takes, p.lifetime, p.fails
	p.mu.Unlock()
	if !sleep(ctx, takes) {
		return aws.Credentials{}, ctx.Err()
	}
	if fails {
		return aws.Credentials{}, errors.New("the service is away")
	}
	return aws.Credentials{AccessKeyID: fmt.Sprint("KEY", n), SecretAccessKey: "s", Source: "test", CanExpire: lifetime > 0, Expires: time.Now().Add(lifetime)}, nil
}

// set changes the provider.
func (p *provider) set(change func(*provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// holder is a credentials over p within a synctest bubble, running until the test ends.
func holder(t *testing.T, p *provider) (*credentials, *logBuffer) {
	var log logBuffer
	c := newCredentials(Config{Kind: Amazon, Clock: time.Now, Logger: slog.New(slog.NewTextHandler(&log, nil))},
		func(context.Context) (aws.CredentialsProvider, error) { return p, nil })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan bool)
	go func() { c.run(ctx); close(done) }()
	t.Cleanup(func() { stop(); <-done; c.close() })
	return c, &log
}

// Requests never wait for a refresh: through a day of credentials of one hour, from a chain that takes ten seconds,
// every request has valid ones at once.
func TestRefreshStallsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &provider{takes: 10 * time.Second, lifetime: time.Hour}
		c, _ := holder(t, p)
		if _, err := c.get(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 24 * 60 * 6 {
			before := time.Now()
			h, err := c.get(t.Context())
			if err != nil || !h.usable(time.Now()) {
				t.Fatalf("after %v: %v, %v", before, h, err)
			}
			if waited := time.Since(before); waited > 0 {
				t.Fatalf("a request waited %v", waited)
			}
			sleep(t.Context(), 10*time.Second)
		}
		if p.calls < 24 || p.calls > 30 {
			t.Errorf("the chain was called %d times in a day", p.calls)
		}
	})
}

// A chain that fails for a while is asked again, without a request noticing, as long as what is there lasts; and once
// that has ended, requests fail at once and not each by its own call.
func TestFailingChain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: 10 * time.Minute}
		c, log := holder(t, p)
		if _, err := c.get(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.set(func(p *provider) { p.fails = true })
		sleep(t.Context(), 9*time.Minute)
		synctest.Wait()
		if h, err := c.get(t.Context()); err != nil || h.AccessKeyID != "KEY1" {
			t.Fatalf("before the end: %v, %v; want the old ones", h, err)
		}
		if !strings.Contains(log.String(), "could not be refreshed") {
			t.Errorf("nothing is said of the failure: %s", log)
		}
		sleep(t.Context(), 2*time.Minute)
		synctest.Wait()
		before := p.calls
		for range 100 {
			if _, err := c.get(t.Context()); err == nil || !strings.Contains(err.Error(), "the service is away") {
				t.Fatalf("after the end: %v, want the chain's error", err)
			}
		}
		if p.calls > before+1 {
			t.Errorf("100 requests asked the chain %d times", p.calls-before)
		}
		p.set(func(p *provider) { p.fails = false })
		sleep(t.Context(), refreshMost+refreshAgain)
		synctest.Wait()
		start := time.Now()
		if _, err := c.get(t.Context()); err != nil || time.Since(start) > 0 {
			t.Errorf("after the chain is back: %v after %v", err, time.Since(start))
		}
	})
}

// A chain that hangs holds nobody longer than they want to wait, and is given up by itself.
func TestHangingChain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &provider{takes: time.Hour, lifetime: 2 * time.Hour}
		c, _ := holder(t, p)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := c.get(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("get: %v after %v, want the caller's deadline", err, time.Since(start))
		}
		p.set(func(p *provider) { p.takes = 0 })
		sleep(t.Context(), refreshTimeout+refreshMost)
		synctest.Wait()
		if _, err := c.get(t.Context()); err != nil {
			t.Errorf("get after the chain woke up: %v", err)
		}
	})
}

// Credentials that have expired at their source are not used.
func TestExpiredFromTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := holder(t, &provider{lifetime: time.Nanosecond, takes: time.Second})
		_, err := c.get(t.Context())
		if err != nil {
			t.Fatalf("get: %v", err) // they are good for the moment in which they come
		}
		p := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "K", SecretAccessKey: "s", Source: "old", CanExpire: true, Expires: time.Now().Add(-time.Second)}, nil
		})
		old := newCredentials(Config{Kind: Amazon, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)},
			func(context.Context) (aws.CredentialsProvider, error) { return p, nil })
		defer old.close()
		if _, err := old.get(t.Context()); err == nil || !strings.Contains(err.Error(), "have expired") {
			t.Errorf("get of expired ones: %v", err)
		}
	})
}

// When upstream says that the credentials are no longer good, the chain is found anew and the request sent once more.
func TestRejectedCredentialsAreReplaced(t *testing.T) {
	t.Parallel()
	expired := reply(400, `{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"The security token included in the request is expired"}`)
	up := script(t, expired, reply(200, `{}`))
	c := testConfig(up.url)
	c.Credentials = &provider{}
	b := open(t, c)
	if _, err := do(b, ddb.PutItem, `{}`); err != nil {
		t.Fatalf("PutItem: %v", err)
	}
	got := up.got()
	if len(got) != 2 || !strings.Contains(got[0].header.Get(headerAuth), "=KEY1/") || !strings.Contains(got[1].header.Get(headerAuth), "=KEY2/") {
		t.Errorf("%d requests, want one with each key", len(got))
	}
	// The same credentials again are no reason to try again, and the client hears upstream's own words.
	up = script(t, expired)
	c = testConfig(up.url)
	_, err := do(open(t, c), ddb.PutItem, `{}`)
	if e, ok := err.(*ddb.Error); !ok || e.Code != "ExpiredTokenException" || e.Raw == nil || len(up.got()) != 1 {
		t.Errorf("PutItem: %v after %d requests", err, len(up.got()))
	}
}

// A clock that is off is noticed by upstream's Date, and the request signed anew with upstream's time.
func TestSkewedClockIsCorrected(t *testing.T) {
	t.Parallel()
	ahead := time.Now().Add(time.Hour).UTC()
	late := reply(400, `{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"Signature expired"}`, "Date", ahead.Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	up := script(t, late, reply(200, `{}`))
	b := open(t, testConfig(up.url))
	for range 2 {
		if _, err := do(b, ddb.PutItem, `{}`); err != nil {
			t.Fatalf("PutItem: %v", err)
		}
	}
	got := up.got()
	if len(got) != 3 {
		t.Fatalf("%d requests, want 3", len(got))
	}
	for i, r := range got {
		at, err := time.Parse("20060102T150405Z", r.header.Get(headerDate))
		if err != nil {
			t.Fatal(err)
		}
		if off := at.Sub(ahead).Abs() < time.Minute; off != (i > 0) {
			t.Errorf("request %d is signed at %v, upstream's time is %v", i, at, ahead)
		}
	}
	// A signature that is wrong at the right time stays the client's to hear of.
	wrong := reply(400, `{"__type":"x#InvalidSignatureException","message":"no"}`, "Date", time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	up = script(t, wrong)
	if _, err := do(open(t, testConfig(up.url)), ddb.PutItem, `{}`); err == nil || len(up.got()) != 1 {
		t.Errorf("PutItem with a wrong signature: %v after %d requests", err, len(up.got()))
	}
}

// Beside a store that is not Amazon's, no credentials are needed.
func TestPlaceholderCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	up := script(t, reply(200, `{}`))
	c := testConfig(up.url)
	c.Credentials = nil
	b := open(t, c)
	if _, err := do(b, ddb.GetItem, `{}`); err != nil || b.Source() != "placeholder" {
		t.Errorf("GetItem: %v with credentials from %q", err, b.Source())
	}
}

// logBuffer is a log that is read while it is written.
type logBuffer struct {
	mu sync.Mutex

	text bytes.Buffer
}

// Write adds to the log.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is the log so far.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Len is its length.
func (b *logBuffer) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Len()
}

// Reset empties it.
func (b *logBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Reset()
}
