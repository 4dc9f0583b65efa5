package aws

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"millrace/internal/amazon"
	"millrace/metrics"
)

// Kind is what stands upstream, which decides what may be assumed of it.
type Kind string

// The kinds.
const (
	// Amazon is Amazon DynamoDB itself, or what behaves like it in every respect that matters here.
	Amazon Kind = "aws"
	// Alternator is ScyllaDB's interface: one endpoint for all regions, streams that lag by ten seconds and whose images
	// are not to be trusted. (ScyllaDB documentation, alternator/compatibility.md.)
	Alternator Kind = "alternator"
	// Generic is any other compatible endpoint: dynalite, DynamoDB Local, another millrace. It has one address for all regions,
	// and may keep their tables apart or not.
	Generic Kind = "generic"
)

// Regional reports whether the upstream is one of several, by region. Otherwise everything goes to the one endpoint,
// signed for the region that the client names: what that means there nobody knows.
func (k Kind) Regional() bool { return k == Amazon }

// KindOf is the kind of an upstream that nobody named: Amazon's own addresses are Amazon, and no URL is that too.
func KindOf(upstream string) Kind {
	if upstream == "" || amazon.Has(upstream) {
		return Amazon
	}
	return Generic
}

// Endpoint is where one region's tables and streams are.
type Endpoint struct {
	// URL is the tables' address, such as http://127.0.0.1:8000; empty is the region's own at Amazon.
	URL string
	// StreamsURL is the streams' address; empty is URL, or the region's own at Amazon where that is empty or Amazon's.
	StreamsURL string
}

// Config is what a Backend can be told.
type Config struct {
	// Kind is what stands upstream; empty is KindOf(Endpoint.URL).
	Kind Kind
	// Region is the one that is served and cached, and that requests are signed for. Empty takes the SDK's: AWS_REGION
	// or the profile's; with a kind that is not Regional only until Settle chooses one.
	Region string
	// Profile names a profile of the shared configuration files; empty is AWS_PROFILE or the default one.
	Profile string
	// Endpoint is the upstream. AWS_ENDPOINT_URL and its like are never taken for it: in an environment that steers
	// applications to millrace they name millrace itself.
	Endpoint Endpoint
	// Regions are the endpoints of other regions, where they are not Amazon's own.
	Regions map[string]Endpoint
	// Timeout bounds a request with all its attempts and waits, AttemptTimeout one attempt at a read that may be followed by another,
	// ConnectTimeout the making of one connection with its TLS handshake. Too small makes slow answers ambiguous; too large keeps
	// callers waiting for a dead upstream. A client without millrace between would wait for a minute or for ever, by its SDK.
	Timeout, AttemptTimeout, ConnectTimeout time.Duration
	// Attempts is the most attempts of one request, retries included.
	Attempts int
	// MaxInFlight is how many requests may be upstream at once for each endpoint; QueueTimeout is how long one more waits
	// for its turn before it is refused with a throttling exception.
	MaxInFlight  int
	QueueTimeout time.Duration
	// NodeID is what this process calls itself in the header that finds loops; empty sends none.
	NodeID string
	// Self are the addresses this process listens on. A proxy variable that names one of them is ignored.
	Self []string
	// TLS is the configuration of connections upstream; nil is the system's roots, or those of CAFile.
	TLS *tls.Config
	// CAFile is a PEM file of authorities; empty is AWS_CA_BUNDLE, or the system's.
	CAFile string
	// Credentials replace the SDK's chain; nil is the chain.
	Credentials aws.CredentialsProvider
	// Metrics counts attempts by operation; nil counts nothing.
	Metrics *metrics.Upstream
	// Logger hears of what an operator should know; nil discards.
	Logger *slog.Logger
	// Clock and Random (0 to 1) are the process's own where they are nil.
	Clock  func() time.Time
	Random func() float64
}

// DefaultConfig is what is assumed of an upstream nobody said anything about.
func DefaultConfig() Config {
	return Config{
		Timeout:        55 * time.Second,
		AttemptTimeout: 10 * time.Second,
		ConnectTimeout: 2 * time.Second,
		Attempts:       3,
		MaxInFlight:    1024,
		QueueTimeout:   time.Second,
	}
}

// Validate names the first setting that cannot be worked with.
func (c Config) Validate() error {
	if c.Kind != "" && c.Kind != Amazon && c.Kind != Alternator && c.Kind != Generic {
		return fmt.Errorf("kind is %q, must be aws, alternator or generic", string(c.Kind))
	}
	if c.Endpoint.URL == "" && c.Kind != "" && c.Kind != Amazon {
		return fmt.Errorf("url is empty, which only kind aws can do without; name the endpoint")
	}
	if c.Region != "" && !c.kind().validRegion(c.Region) {
		return fmt.Errorf("region is %q, must be a region's name such as us-east-1", c.Region)
	}
	if err := c.Endpoint.validate(); err != nil {
		return err
	}
	for region, e := range c.Regions {
		if !c.kind().validRegion(region) {
			return fmt.Errorf("regions: %q is no region's name", region)
		}
		if err := e.validate(); err != nil {
			return fmt.Errorf("regions.%s.%w", region, err)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"timeout", c.Timeout}, {"attempt_timeout", c.AttemptTimeout}, {"connect_timeout", c.ConnectTimeout},
		{"queue_timeout", c.QueueTimeout},
	} {
		if d.value <= 0 {
			return fmt.Errorf("%s is %v, must be above zero", d.name, d.value)
		}
	}
	if c.AttemptTimeout > c.Timeout {
		return fmt.Errorf("attempt_timeout is %v, must be at most timeout (%v)", c.AttemptTimeout, c.Timeout)
	}
	if c.Attempts < 1 || c.Attempts > 10 {
		return fmt.Errorf("attempts is %d, must be 1 to 10", c.Attempts)
	}
	if c.MaxInFlight < 1 {
		return fmt.Errorf("max_in_flight is %d, must be 1 or more", c.MaxInFlight)
	}
	return nil
}

// validate checks the addresses.
func (e Endpoint) validate() error {
	if e.URL != "" {
		if _, err := parseURL(e.URL); err != nil {
			return fmt.Errorf("url is %w", err)
		}
	}
	if e.StreamsURL != "" {
		if _, err := parseURL(e.StreamsURL); err != nil {
			return fmt.Errorf("streams_url is %w", err)
		}
	}
	return nil
}

// Names reports whether the endpoint's tables are at address, a host and port.
func (e Endpoint) Names(address string) bool {
	u, err := parseURL(e.URL)
	return err == nil && sameAddress(u.Host, address)
}

// regionName is what a region is called. What a client names is only ever used when it looks like one, for it becomes
// a part of a host's name.
var regionName = regexp.MustCompile(`^[a-z]{2,8}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$`)

// anyName is what a region may be called where it is no part of an address: "local" is a custom before DynamoDB Local.
var anyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// validRegion reports whether region may be one: at Amazon what looks like one of Amazon's.
func (k Kind) validRegion(region string) bool {
	if k.Regional() {
		return len(region) <= 32 && regionName.MatchString(region)
	}
	return anyName.MatchString(region)
}

// kind is the kind, found out where it is not given.
func (c *Config) kind() Kind { return cmp.Or(c.Kind, KindOf(c.Endpoint.URL)) }

// trust reads CAFile, or what AWS_CA_BUNDLE names, into TLS. (SDKs and Tools Reference Guide, "General configuration
// settings": AWS_CA_BUNDLE.)
func (c *Config) trust() error {
	file := cmp.Or(c.CAFile, os.Getenv("AWS_CA_BUNDLE"))
	if c.TLS != nil || file == "" {
		return nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read certificate authorities: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("file %q holds no PEM certificate", file)
	}
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	return nil
}

// withDefaults fills in what New can decide without asking anybody.
func (c Config) withDefaults() Config {
	if c.Kind == "" {
		c.Kind = KindOf(c.Endpoint.URL)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	return c
}
