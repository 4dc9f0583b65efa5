package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The rounds of each part: enough that a fault which strikes one request in some hundred shows.
const (
	kills    = 10
	restarts = 6
	// dwell is how long a process serves before it is ended.
	dwell = 400 * time.Millisecond
)

// livesInAPod ends millraces under the load of three SDKs with their default retries, in the ways of a pod, and demands that
// no application notices: no call fails, and none misses its own write.
func livesInAPod(ctx context.Context, o *options, dir string, out io.Writer) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	programs, err := loads(ctx, o, dir)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	upstream, err := startServer(ctx, o.millrace, filepath.Join(dir, "upstream"), true, true)
	if err != nil {
		return err
	}
	stopped := false
	defer func() {
		if !stopped {
			err = errors.Join(err, upstream.stop())
		}
	}()
	if status, answer, _, err := call(ctx, upstream.endpoint, "CreateTable", createLife); err != nil || status != http.StatusOK {
		return fmt.Errorf("CreateTable = %d %s (%w)", status, answer, err)
	}

	// A process that is killed leaves requests without an answer; the SDKs send them again, to a socket that is open.
	single := func(held bool, name string, sig os.Signal, rounds int) (summary, error) {
		s, err := supervise(ctx, o, dir, strings.NewReplacer(", ", "-", " ", "-").Replace(name), upstream.endpoint, held)
		if err != nil {
			return summary{}, err
		}
		told, err := under(ctx, programs, "http://"+s.address, func() error {
			for range rounds {
				if err := pause(ctx, dwell); err != nil {
					return err
				}
				if err := s.restart(ctx, sig); err != nil {
					return err
				}
			}
			return pause(ctx, dwell)
		})
		fmt.Fprintf(out, "%s, %d times: %v\n", name, rounds, told)
		return told, errors.Join(err, s.close())
	}
	for _, part := range []struct {
		name string
		sig  os.Signal
		n    int
	}{{"killed, the socket held", syscall.SIGKILL, kills}, {"restarted, the socket held", syscall.SIGTERM, restarts}} {
		told, err := single(true, part.name, part.sig, part.n)
		if err := errors.Join(err, told.faults(), told.stale()); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	// Measured, and not demanded: what a client meets whose sidecar's port is closed for a moment.
	told, err := single(false, "killed, the socket lost", syscall.SIGKILL, restarts)
	if err != nil {
		return err
	}
	if lost := told.faults(); lost != nil {
		fmt.Fprintf(out, "  not demanded: %v\n", lost)
	}
	if err := replaced(ctx, o, dir, upstream.endpoint, programs, out); err != nil {
		return fmt.Errorf("replaced one by one: %w", err)
	}
	stopped = true
	if err := upstreamAway(ctx, o, dir, upstream, out); err != nil {
		return fmt.Errorf("the upstream away: %w", err)
	}
	return nil
}

// replaced restarts two nodes behind a balancer, one at a time, as a Deployment is rolled out. Each has caches of its own, so
// that another's write may be seen late; no call may fail.
func replaced(ctx context.Context, o *options, dir, upstream string, programs []load, out io.Writer) (err error) {
	var nodes []*supervisor
	defer func() {
		for _, n := range nodes {
			err = errors.Join(err, n.close())
		}
	}()
	for i := range 2 {
		n, err := supervise(ctx, o, dir, fmt.Sprintf("replaced-%d", i), upstream, false, "--drain-delay", "500ms")
		if err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	b, err := balance(ctx, nodes...)
	if err != nil {
		return err
	}
	told, err := under(ctx, programs, "http://"+b.listener.Addr().String(), func() error {
		for i := range restarts {
			if err := pause(ctx, dwell); err != nil {
				return err
			}
			if err := nodes[i%2].restart(ctx, syscall.SIGTERM); err != nil {
				return err
			}
		}
		return pause(ctx, dwell)
	})
	fmt.Fprintf(out, "replaced one by one behind a balancer, %d times: %v\n", restarts, told)
	return errors.Join(err, told.faults(), b.close())
}

// upstreamAway ends the upstream: the node stays ready, since taking it out would help nobody, and says what is the matter.
func upstreamAway(ctx context.Context, o *options, dir string, upstream *server, out io.Writer) (err error) {
	s, err := supervise(ctx, o, dir, "alone", upstream.endpoint, false)
	if err != nil {
		return errors.Join(err, upstream.stop())
	}
	defer func() { err = errors.Join(err, s.close()) }()
	endpoint := "http://" + s.address
	get := func(key string) (int, string, error) {
		status, _, word, err := call(ctx, endpoint, "GetItem", `{"TableName":"Life","Key":{"pk":{"S":"`+key+`"},"sk":{"N":"0"}}}`)
		return status, word, err
	}
	if _, _, err := get("read before"); err != nil {
		return errors.Join(err, upstream.stop())
	}
	if err := upstream.stop(); err != nil {
		return err
	}
	// What the cache knows is served, and the node notices without a request; what it does not know is refused.
	if status, word, err := get("read before"); status != http.StatusOK || !fromCache(word) {
		return fmt.Errorf("a cached read = %d, %q (%w)", status, word, err)
	}
	var status int
	var text string
	said := func() bool {
		status, text, err = readiness(ctx, s.admin)
		return err != nil || status != http.StatusOK || strings.Contains(text, "[!] upstream: ")
	}
	if pollErr := poll(ctx, readyTimeout, said); pollErr != nil || err != nil || status != http.StatusOK {
		return fmt.Errorf("readyz = %d %q (%w)", status, text, errors.Join(err, pollErr))
	}
	if known, _, callErr := get("never read"); known == http.StatusOK {
		return fmt.Errorf("a read of what is not known = %d (%w)", known, callErr)
	}
	fmt.Fprintf(out, "the upstream away: a cached read is served, readyz is %d and says %q\n", status, text)
	return nil
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// createLife is the body of the request for the table that the loads work on.
const createLife = `{"TableName":"Life","BillingMode":"PAY_PER_REQUEST",
	"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],
	"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"}]}`

// call makes one call of the API, without retries, and returns status, body and what the cache did.
func call(ctx context.Context, endpoint, op, body string) (status int, answer, word string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", strings.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	req.Close = true
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", "", err
	}
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), resp.Header.Get("X-Millrace-Cache"), errors.Join(err, resp.Body.Close())
}
