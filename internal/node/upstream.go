package node

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"millrace/backend/aws"
	"millrace/internal/units"
)

// UpstreamConfig is the part about the DynamoDB that backend aws forwards to.
type UpstreamConfig struct {
	URL        string `yaml:"url" doc:"Address of a compatible endpoint, or of a VPC endpoint of Amazon's. Empty is the region's public one. The AWS_ENDPOINT_URL variables are never used for it."`
	StreamsURL string `yaml:"streams_url" doc:"Address for DynamoDB Streams. Empty is url, or the region's public one where that is empty too."`
	Kind       string `yaml:"kind" doc:"What stands there: aws, alternator (ScyllaDB) or generic (dynalite, DynamoDB Local, another millrace). It sets how far streams may lag, how often they are asked, and whether regions mean anything. auto: aws for Amazon's own names, else generic."`
	Region     string `yaml:"region" doc:"Region that is served and cached. Empty is AWS_REGION, or the profile's. Requests signed for another region go there uncached, with kind aws; the other kinds know one region, and serve such a request as one for theirs."`
	Profile    string `yaml:"profile" doc:"Profile of the shared AWS configuration files. Empty is AWS_PROFILE, or the default one."`
	CAFile     string `yaml:"ca_file" doc:"PEM file of the authorities that sign upstream's certificate. Empty is AWS_CA_BUNDLE, or the system's."`

	Timeout        units.Duration `yaml:"timeout" doc:"How long one request may take upstream, attempts and waits together. Keep it below http.request_timeout."`
	AttemptTimeout units.Duration `yaml:"attempt_timeout" doc:"How long one attempt may take. When it is too small, slow writes end with an outcome nobody knows; when it is too large, a dead connection holds a read that another attempt would serve."`
	ConnectTimeout units.Duration `yaml:"connect_timeout" doc:"How long making a connection may take, TLS included."`
	Attempts       int            `yaml:"attempts" doc:"The most attempts of one request. A write is only sent again when it certainly was not applied."`
	MaxInFlight    int            `yaml:"max_in_flight" doc:"The most requests upstream at once, and so the most connections. Too few make requests wait for each other; too many cost memory, at some 20 KB each."`
	QueueTimeout   units.Duration `yaml:"queue_timeout" doc:"How long a request waits for its turn when max_in_flight are under way, before it is answered with ThrottlingException."`

	StaleIfError bool `yaml:"stale_if_error" doc:"Answer GetItem, BatchGetItem, Query and Scan from what is older than the table's delta, though not than its time to live, when upstream gives no answer; a batch if each of its keys can be answered. Such replies say stale in X-Millrace-Cache. They may lack anything that happened since: read-your-writes and the bound on staleness do not hold for them."`

	StreamPoll  units.Duration `yaml:"stream_poll" doc:"Time between two reads of a shard of a table's stream; 0s is what suits the kind: 250ms, and 10ms for generic. It adds to how late writes of others are seen, and every read is paid for."`
	StreamLag   units.Duration `yaml:"stream_lag" doc:"The least that streams are assumed to lag behind their tables, as long as own writes have not shown more; 0s is what suits the kind: 2s, 12s for alternator, 500ms for generic. When it is too small, answers may be older than a table's delta."`
	IndexLag    units.Duration `yaml:"index_lag" doc:"How far global indexes are assumed to lag behind their tables. When it is too small, a page of an index may lack a write until its time to live is over; when it is too large, less of the indexes is cached."`
	Provisional units.Duration `yaml:"provisional" doc:"How long a page of a global index is served that was read within index_lag after a write. It adds to how old such pages may be."`

	Regions map[string]UpstreamRegion `yaml:"regions" doc:"Addresses of other regions, by region, where they are not the public ones."`
}

// UpstreamRegion is where another region's tables are.
type UpstreamRegion struct {
	URL        string `yaml:"url" doc:"As upstream.url."`
	StreamsURL string `yaml:"streams_url" doc:"As upstream.streams_url."`
}

// kindAuto is the kind that follows from the address.
const kindAuto = "auto"

// defaultUpstream is what is assumed when nothing was said.
func defaultUpstream() UpstreamConfig {
	c := aws.DefaultConfig()
	return UpstreamConfig{
		Kind:           kindAuto,
		Timeout:        units.Duration(c.Timeout),
		AttemptTimeout: units.Duration(c.AttemptTimeout),
		ConnectTimeout: units.Duration(c.ConnectTimeout),
		Attempts:       c.Attempts,
		MaxInFlight:    c.MaxInFlight,
		QueueTimeout:   units.Duration(c.QueueTimeout),
		IndexLag:       units.Duration(time.Second),
		Provisional:    units.Duration(200 * time.Millisecond),
	}
}

// validate names the first setting that cannot be worked with; listen is the data port's address.
func (c UpstreamConfig) validate(listen string) error {
	kinds := []string{kindAuto, string(aws.Amazon), string(aws.Alternator), string(aws.Generic)}
	if !slices.Contains(kinds, c.Kind) {
		return fmt.Errorf("upstream.kind is %q, must be %s", c.Kind, strings.Join(kinds[:3], ", ")+" or "+kinds[3])
	}
	if c.IndexLag <= 0 || c.Provisional <= 0 {
		return fmt.Errorf("upstream.index_lag is %v and upstream.provisional %v, must be above zero", c.IndexLag, c.Provisional)
	}
	ac := c.Backend()
	if err := ac.Validate(); err != nil {
		return fmt.Errorf("upstream.%w", err)
	}
	if ac.Endpoint.Names(listen) {
		return fmt.Errorf("upstream.url is %q, which is millrace's own address (listen); name the DynamoDB behind it", c.URL)
	}
	return nil
}

// Backend is the configuration in the backend's own type, without what New adds.
func (c UpstreamConfig) Backend() aws.Config {
	ac := aws.DefaultConfig()
	if c.Kind != kindAuto {
		ac.Kind = aws.Kind(c.Kind)
	}
	ac.Region, ac.Profile, ac.CAFile = c.Region, c.Profile, c.CAFile
	ac.Endpoint = aws.Endpoint{URL: c.URL, StreamsURL: c.StreamsURL}
	for region, r := range c.Regions {
		if ac.Regions == nil {
			ac.Regions = map[string]aws.Endpoint{}
		}
		ac.Regions[region] = aws.Endpoint{URL: r.URL, StreamsURL: r.StreamsURL}
	}
	ac.Timeout, ac.AttemptTimeout, ac.ConnectTimeout = c.Timeout.Of(), c.AttemptTimeout.Of(), c.ConnectTimeout.Of()
	ac.Attempts, ac.MaxInFlight, ac.QueueTimeout = c.Attempts, c.MaxInFlight, c.QueueTimeout.Of()
	return ac
}
