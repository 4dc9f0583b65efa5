package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"millrace/internal/amazon"
)

// requestTimeout is how long one request may take; one that takes longer has an outcome that nobody knows.
const requestTimeout = 10 * time.Second

// endpoint is one DynamoDB API that the prober talks to, by any number of goroutines.
type endpoint struct {
	url      string
	api      *dynamodb.Client
	listener *listener
	// sent counts the requests that went out, saysCache those replies that carried millrace's header.
	sent, saysCache atomic.Int64
}

// newEndpoint makes a client of the API at raw. Nothing is sent yet. Retries are off: a retried write would have two
// chances to happen, and the history would show one.
func newEndpoint(ctx context.Context, raw string) (*endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("endpoint %q is no URL such as http://127.0.0.1:8000", raw)
	}
	e := &endpoint{url: raw}
	options := []func(*config.LoadOptions) error{
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
		// The SDK would warn of every answer that is given up when a row ends.
		config.WithLogger(logging.Nop{}),
	}
	if region := regionOf(u.Hostname()); region != "" {
		options = append(options, config.WithRegion(region))
	} else if os.Getenv("AWS_REGION") == "" && os.Getenv("AWS_DEFAULT_REGION") == "" {
		options = append(options, config.WithDefaultRegion("us-east-1"))
	}
	// Whoever is not AWS takes any signature, and asking the network for credentials first would take seconds.
	if !amazon.Has(raw) && os.Getenv("AWS_ACCESS_KEY_ID") == "" && os.Getenv("AWS_PROFILE") == "" {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("verify", "verify", "")))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("configure the client of %s: %w", raw, err)
	}
	e.listen(cfg.HTTPClient)
	e.api = dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.BaseEndpoint, o.HTTPClient = aws.String(raw), e.listener })
	return e, nil
}

// regionOf is the region in the name of an AWS endpoint, as in dynamodb.eu-west-1.amazonaws.com; else empty.
func regionOf(host string) string {
	if !amazon.Has("https://" + host) {
		return ""
	}
	for _, label := range strings.Split(host, ".") {
		if parts := strings.Split(label, "-"); len(parts) >= 3 {
			if _, err := strconv.Atoi(parts[len(parts)-1]); err == nil {
				return label
			}
		}
	}
	return ""
}

// note is what a reply's headers said of the cache. A pointer to one travels in the request's context.
type note struct {
	// cache is X-Millrace-Cache, empty if there was none.
	cache string
}

// noteKey is the key of a note in a context.
type noteKey struct{}

// hits is the share of the answer that came from a cache, 0 if there was no header.
func (n note) hits() float64 {
	word, rest, _ := strings.Cut(n.cache, ";")
	if word == "hit" || word == "negative" {
		return 1
	}
	if _, fraction, ok := strings.Cut(rest, "hits="); ok {
		a, b, _ := strings.Cut(strings.TrimSpace(fraction), "/")
		hits, err1 := strconv.Atoi(a)
		keys, err2 := strconv.Atoi(b)
		if err1 == nil && err2 == nil && keys > 0 {
			return float64(hits) / float64(keys)
		}
	}
	return 0
}

// listener is the SDK's HTTP client. It counts requests and reads headers.
type listener struct {
	http *http.Client
	of   *endpoint
}

// listen makes e's HTTP client out of that of the SDK's configuration, which knows of AWS_CA_BUNDLE.
func (e *endpoint) listen(configured aws.HTTPClient) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if b, ok := configured.(*awshttp.BuildableClient); ok {
		transport = b.GetTransport()
	}
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 256
	e.listener = &listener{of: e, http: &http.Client{Timeout: requestTimeout, Transport: transport}}
}

// Do is what the SDK asks of its HTTP client.
func (l *listener) Do(req *http.Request) (*http.Response, error) {
	// Go's own client repeats requests over connections that turn out to be closed, unless it cannot.
	req.GetBody = nil
	// An answer that overtakes its request must not be cut off: loadtest's readOnlyBodies says how the SDK's body does that.
	if req.Body != nil {
		req.Body = struct{ io.ReadCloser }{req.Body}
	}
	l.of.sent.Add(1)
	resp, err := l.http.Do(req)
	if err != nil {
		return nil, err
	}
	if says := resp.Header.Get("X-Millrace-Cache"); says != "" {
		l.of.saysCache.Add(1)
		if n, ok := req.Context().Value(noteKey{}).(*note); ok {
			n.cache = says
		}
	}
	return resp, nil
}

// close gives up idle connections.
func (e *endpoint) close() {
	e.listener.http.CloseIdleConnections()
}

// What an error says about its request.
type outcome int

// The outcomes: it succeeded; it did nothing and may be sent again; its condition did not hold; the endpoint does not
// have this operation; it was refused for good; nobody knows.
const (
	succeeded outcome = iota
	throttled
	conditionFailed
	unsupported
	refused
	unknown
)

// codes are the exceptions that say more than that a request was refused.
var codes = map[string]outcome{
	"ConditionalCheckFailedException":        conditionFailed,
	"ProvisionedThroughputExceededException": throttled,
	"ThrottlingException":                    throttled,
	"RequestLimitExceeded":                   throttled,
	"TransactionConflictException":           throttled,
	"TransactionInProgressException":         unknown,
	"UnknownOperationException":              unsupported,
	"NotImplemented":                         unsupported,
	"NotImplementedException":                unsupported,
	"UnsupportedOperationException":          unsupported,
}

// unsupportedTexts are what servers say, in some case, of what they do not have. (dynalite: UnknownOperationException;
// ScyllaDB Alternator, docs/alternator/compatibility.md: "not supported", "not yet implemented".)
var unsupportedTexts = []string{"not supported", "unsupported", "not implemented", "not yet implemented", "unknown operation"}

// outcomeOf classifies an error of the SDK's.
func outcomeOf(err error) outcome {
	if err == nil {
		return succeeded
	}
	status := 0
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return unknown
	}
	if o, ok := codes[api.ErrorCode()]; ok {
		return o
	}
	message := strings.ToLower(api.ErrorMessage())
	if api.ErrorCode() == "TransactionCanceledException" {
		if strings.Contains(message, "transactionconflict") || strings.Contains(message, "throttlingerror") {
			return throttled
		}
		return refused
	}
	for _, text := range unsupportedTexts {
		if strings.Contains(message, text) {
			return unsupported
		}
	}
	if status == http.StatusNotImplemented || status == http.StatusMethodNotAllowed {
		return unsupported
	}
	if status >= 400 && status < 500 {
		return refused
	}
	return unknown
}

// errorCode is the code of an exception of the API's, empty for any other error.
func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// persist sends a request until it is not throttled, ten times at most.
func persist(ctx context.Context, send func(context.Context) error) error {
	var err error
	for try := range 10 {
		if err = send(ctx); outcomeOf(err) != throttled || ctx.Err() != nil {
			return err
		}
		pause(ctx, time.Duration(10<<min(try, 6))*time.Millisecond)
	}
	return err
}
