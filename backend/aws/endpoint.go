package aws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"millrace/ddb"
)

// endpoint is one upstream address with its connections, its bound and its breaker.
type endpoint struct {
	region string
	url    *url.URL
	client fasthttp.HostClient
	limit  limiter
	health breaker
	calls  sync.Pool // of *call
}

// parseURL reads an address of an upstream; the error begins with the quoted text.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, fmt.Errorf("%q, must be an address such as https://dynamodb.us-east-1.amazonaws.com", text)
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%q, must have nothing behind the host and port", text)
	}
	u.Path = "/"
	return u, nil
}

// regionSuffixes are the domains of the partitions that do not use amazonaws.com, by the beginning of their regions'
// names. (AWS SDKs, "partitions.json".)
var regionSuffixes = []struct{ prefix, domain string }{
	{"cn-", "amazonaws.com.cn"},
	{"us-isob-", "sc2s.sgov.gov"},
	{"us-isof-", "csp.hci.ic.gov"},
	{"us-iso-", "c2s.ic.gov"},
	{"eu-isoe-", "cloud.adc-e.uk"},
	{"eusc-", "amazonaws.eu"},
}

// amazonURL is the address of a region's tables or streams.
// (General Reference, "Amazon DynamoDB endpoints and quotas".)
func amazonURL(region string, streams bool) string {
	domain := "amazonaws.com"
	for _, s := range regionSuffixes {
		if strings.HasPrefix(region, s.prefix) {
			domain = s.domain
			break
		}
	}
	if streams {
		return "https://streams.dynamodb." + region + "." + domain
	}
	return "https://dynamodb." + region + "." + domain
}

// address is where a region's tables or streams are.
func (c *Config) address(region string, streams bool) string {
	e := c.Endpoint
	if region != c.Region {
		e = c.Regions[region]
	}
	if streams && e.StreamsURL != "" {
		return e.StreamsURL
	}
	if e.URL != "" {
		return e.URL
	}
	return amazonURL(region, streams)
}

// maxEndpoints bounds how many endpoints there are at once; clients name regions, and each endpoint has connections.
const maxEndpoints = 64

// endpointKey says which endpoint.
type endpointKey struct {
	region  string
	streams bool
}

// endpoints are made at their first use.
type endpoints struct {
	mu sync.RWMutex

	byKey map[endpointKey]*endpoint
	byURL map[string]*endpoint // an upstream that serves both tables and streams is one
}

// endpoint is the one that req goes to.
func (b *Backend) endpoint(req *ddb.Request) (*endpoint, error) {
	key := endpointKey{b.config.Region, req.Op.Facts().Service == ddb.StreamsService || req.Service == ddb.StreamsService}
	if req.Region != "" && b.config.Kind.Regional() {
		key.region = req.Region
	}
	b.endpoints.mu.RLock()
	e := b.endpoints.byKey[key]
	b.endpoints.mu.RUnlock()
	if e != nil {
		return e, nil
	}
	return b.newEndpoint(key)
}

// newEndpoint makes the endpoint for key, unless another caller was faster.
func (b *Backend) newEndpoint(key endpointKey) (*endpoint, error) {
	b.endpoints.mu.Lock()
	defer b.endpoints.mu.Unlock()
	if e := b.endpoints.byKey[key]; e != nil {
		return e, nil
	}
	if !validRegion(key.region) || len(b.endpoints.byKey) >= maxEndpoints {
		return nil, &ddb.Error{Code: "InvalidSignatureException", NotSent: true,
			Message: "Credential should be scoped to a valid region. "}
	}
	text := b.config.address(key.region, key.streams)
	u, err := parseURL(text)
	if err != nil {
		return nil, fmt.Errorf("upstream address of region %s is %w", key.region, err)
	}
	// Two names of one address share it only within a region, because what is signed differs.
	shared := key.region + " " + u.String()
	e := b.endpoints.byURL[shared]
	if e == nil {
		e = b.connectTo(key.region, u)
		b.endpoints.byURL[shared] = e
	}
	b.endpoints.byKey[key] = e
	return e, nil
}

// idleConnection is how long an unused connection is kept; maxConnection is how long a used one, so that what Amazon's
// name servers say reaches busy nodes too.
const (
	idleConnection = time.Minute
	maxConnection  = 15 * time.Minute
)

// maxResponse is the largest body taken: BatchGetItem's 16 MB with room for JSON around binary values.
const maxResponse = 64 << 20

// connectTo makes an endpoint; it connects at the first request.
func (b *Backend) connectTo(region string, u *url.URL) *endpoint {
	secure := u.Scheme == "https"
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[secure]
	}
	e := &endpoint{region: region, url: u}
	e.client = fasthttp.HostClient{
		Addr:                          net.JoinHostPort(u.Hostname(), port),
		IsTLS:                         secure,
		Dial:                          b.dialer(u.Hostname(), secure),
		MaxConns:                      b.config.MaxInFlight,
		MaxIdleConnDuration:           idleConnection,
		MaxConnDuration:               maxConnection,
		MaxIdemponentCallAttempts:     1,
		MaxResponseBodySize:           maxResponse,
		ReadBufferSize:                16 << 10,
		NoDefaultUserAgentHeader:      true,
		DisablePathNormalizing:        true,
		DisableHeaderNamesNormalizing: false,
		// Whether a request may be sent again is decided in retry.go alone.
		RetryIfErr: func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
	}
	e.limit = newLimiter(b.config.MaxInFlight)
	e.health = breaker{clock: b.config.Clock, random: b.config.Random}
	e.calls.New = func() any { return newCall(u, region) }
	return e
}

// errDial marks an error as one of making a connection: no byte of a request was written.
var errDial = errors.New("connect to upstream")

// dialer makes connections to an upstream. Proxy variables do not apply to it: they are the applications', and in
// front of a sidecar they may name millrace itself.
func (b *Backend) dialer(host string, secure bool) fasthttp.DialFunc {
	config := b.config.TLS.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	if config.ClientSessionCache == nil {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	// DynamoDB's endpoints speak HTTP/1.1.
	config.NextProtos = []string{"http/1.1"}
	return func(addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(context.Background(), b.config.ConnectTimeout)
		defer cancel()
		d := net.Dialer{KeepAlive: 30 * time.Second}
		raw, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errDial, err)
		}
		c := newConn(raw)
		if !secure {
			return c, nil
		}
		t := tls.Client(c, config)
		if err := t.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, fmt.Errorf("%w: TLS handshake with %s: %w", errDial, host, err)
		}
		c.established()
		return t, nil
	}
}

// proxyUnless is the SDK's rule for the proxy of the calls that get credentials, except that a proxy at one of the
// addresses self is none: it would be this process.
func proxyUnless(self []string, rule func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		u, err := rule(r)
		if err != nil || u == nil {
			return u, err
		}
		for _, s := range self {
			if sameAddress(u.Host, s) {
				return nil, nil
			}
		}
		return u, nil
	}
}

// sameAddress reports whether two host:port pairs are one, taking every spelling of the loopback interface for the
// same and an unspecified host for any.
func sameAddress(a, b string) bool {
	ah, ap, aerr := net.SplitHostPort(a)
	bh, bp, berr := net.SplitHostPort(b)
	if aerr != nil || berr != nil || ap != bp {
		return false
	}
	return ah == bh || isLocal(ah) && isLocal(bh)
}

// isLocal reports whether host is the loopback interface or all interfaces.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || host == "" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}
