package aws

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"millrace/ddb"
	"millrace/internal/amazon"
)

// endpoint is one upstream address with its connections, its bound and its breaker.
type endpoint struct {
	region string
	url    *url.URL
	client client
	limit  limiter
	health breaker
	calls  sync.Pool // of *call
	// used is when a request last went to it, in requests to endpoints of other regions than ours.
	used atomic.Uint64
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

// address is where a region's tables or streams are; own is the region that is served. What knows regions at one address
// only, if at all, is asked there for each of them. Amazon has one address for tables and another for streams, so that of tables will not do
// for both. (Developer Guide, "DynamoDB Streams endpoints".)
func (c *Config) address(own, region string, streams bool) string {
	e, named := c.Regions[region]
	if region == own || !named && !c.Kind.Regional() {
		e = c.Endpoint
	}
	if streams && e.StreamsURL != "" {
		return e.StreamsURL
	}
	if e.URL != "" && !(streams && amazon.Has(e.URL)) {
		return e.URL
	}
	return amazonURL(region, streams)
}

// maxEndpoints bounds how many endpoints there are at once: clients name regions, and each endpoint has connections. There are fewer regions
// than this, so who needs more has made names up; the one that was used longest ago gives way, and is made anew when it is asked for.
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
	// elsewhere counts requests to other regions.
	elsewhere atomic.Uint64
}

// endpoint is the one that req goes to.
func (b *Backend) endpoint(req *ddb.Request) (*endpoint, error) {
	key := endpointKey{b.Region(), req.Op.Facts().Service == ddb.StreamsService || req.Service == ddb.StreamsService}
	if req.Region != "" {
		key.region = req.Region
	}
	b.endpoints.mu.RLock()
	e := b.endpoints.byKey[key]
	b.endpoints.mu.RUnlock()
	if e == nil {
		var err error
		if e, err = b.newEndpoint(key); err != nil {
			return nil, err
		}
	}
	if req.Region != "" {
		e.used.Store(b.endpoints.elsewhere.Add(1))
	}
	return e, nil
}

// newEndpoint makes the endpoint for key, unless another caller was faster.
func (b *Backend) newEndpoint(key endpointKey) (*endpoint, error) {
	b.endpoints.mu.Lock()
	defer b.endpoints.mu.Unlock()
	if e := b.endpoints.byKey[key]; e != nil {
		return e, nil
	}
	if !b.config.Kind.validRegion(key.region) {
		return nil, &ddb.Error{Code: "InvalidSignatureException", NotSent: true,
			Message: "Credential should be scoped to a valid region. "}
	}
	text := b.config.address(b.Region(), key.region, key.streams)
	u, err := parseURL(text)
	if err != nil {
		return nil, fmt.Errorf("upstream address of region %s is %w", key.region, err)
	}
	// Two names of one address share it only within a region, because what is signed differs.
	shared := key.region + " " + u.String()
	e := b.endpoints.byURL[shared]
	if e == nil {
		if len(b.endpoints.byURL) >= maxEndpoints {
			b.endpoints.dropOldest(b.Region())
		}
		e = b.connectTo(key.region, u)
		e.used.Store(b.endpoints.elsewhere.Load())
		b.endpoints.byURL[shared] = e
	}
	b.endpoints.byKey[key] = e
	return e, nil
}

// dropOldest forgets the endpoint that was used longest ago, of a region other than own. Requests under way there end as they would have,
// and their connections with them. e is locked.
func (e *endpoints) dropOldest(own string) {
	var oldest string
	for name, one := range e.byURL {
		if one.region != own && (oldest == "" || one.used.Load() < e.byURL[oldest].used.Load()) {
			oldest = name
		}
	}
	gone := e.byURL[oldest]
	if gone == nil {
		return
	}
	delete(e.byURL, oldest)
	maps.DeleteFunc(e.byKey, func(_ endpointKey, one *endpoint) bool { return one == gone })
	gone.client.close()
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
