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
	StreamsURL string `yaml:"streams_url" doc:"Address for DynamoDB Streams. Empty is url, or the region's public one where that is empty or Amazon's, which has another address for streams."`
	Kind       string `yaml:"kind" doc:"What stands there: aws, alternator (ScyllaDB) or generic (dynalite, DynamoDB Local, another millrace). It sets how far streams may lag, how often they are asked, and whether regions have addresses of their own. auto: aws for Amazon's own names, else generic."`
	Region     string `yaml:"region" doc:"Region that is served and cached. Empty is AWS_REGION, or the profile's, with kind aws; with the others, which have one address for all regions, that of the first request that reads or changes data. Requests signed for another region go there uncached, for one process never mixes two."`
	Profile    string `yaml:"profile" doc:"Profile of the shared AWS configuration files. Empty is AWS_PROFILE, or the default one."`
	CAFile     string `yaml:"ca_file" doc:"PEM file of the authorities that sign upstream's certificate. Empty is AWS_CA_BUNDLE, or the system's."`

	Timeout        units.Duration `yaml:"timeout" doc:"How long one request may take upstream, attempts and waits together, a write's too; below http.request_timeout. Where no stream is read, an item of which a write ended so is not cached for this and 10s more. When it is too small, slow writes end with an outcome nobody knows; SDKs that ask upstream directly wait for a minute (Python) or without end (Go, JavaScript)."`
	AttemptTimeout units.Duration `yaml:"attempt_timeout" doc:"How long one attempt at a read may take, but for the last one, which has what is left of timeout, as a write's has. When it is too small, slow reads are made more than once; when it is too large, a dead connection holds a read that another attempt would serve."`
	ConnectTimeout units.Duration `yaml:"connect_timeout" doc:"How long making a connection may take, TLS included."`
	Attempts       int            `yaml:"attempts" doc:"The most attempts of one request. A write is only sent again when it certainly was not applied. A strong read for the cache that upstream refuses is made once more as a request of its own, with attempts of its own."`
	MaxInFlight    int            `yaml:"max_in_flight" doc:"The most requests upstream at once, and so the most connections. Too few make requests wait for each other; too many cost memory, at some 20 KB each."`
	QueueTimeout   units.Duration `yaml:"queue_timeout" doc:"How long a request waits for its turn when max_in_flight are under way, before it is answered with ThrottlingException."`

	StaleIfError bool `yaml:"stale_if_error" doc:"Answer GetItem, BatchGetItem, Query and Scan from what is older than the table's delta, though not than its time to live, when upstream gives no answer, or another answers in its place with a redirect or a page of its own; a batch if each of its keys can be answered. Such replies say stale in X-Millrace-Cache. They may lack anything that happened since: read-your-writes and the bound on staleness do not hold for them."`

	StreamPoll  units.Duration `yaml:"stream_poll" doc:"Time between two reads of a shard of a table's stream; 0s is what suits the kind: 250ms, and 10ms for generic. It adds to how late writes of others are seen, and every read is paid for."`
	StreamLag   units.Duration `yaml:"stream_lag" doc:"The least that streams are assumed to lag behind their tables, as long as own writes have not shown more; 0s is what suits the kind: 2s, 12s for alternator, 500ms for generic. When it is too small, answers may be older than a table's delta."`
	IndexLag    units.Duration `yaml:"index_lag" doc:"How far global indexes are assumed to lag behind their tables at least. What a table's stream and the pages of its indexes show raises it by table, and time lowers it again. When it is too small, pages show writes later, up to delta; when it is too large, less of the indexes is cached."`
	Provisional units.Duration `yaml:"provisional" doc:"How long a page of a global index is served that was read within index_lag after a write, and in proportion longer where an index lags more. It adds to how old such pages may be."`
	IndexWatch  units.Duration `yaml:"index_watch" doc:"How long after a write pages of its index are served for delta only, whatever the stream tells, because the index may not show the write yet. Four times the lag that was seen counts if that is longer. Where an index lags for longer than this and was not seen to, a page may lack a write until its time to live is over; when it is much too large, pages of partitions that are written to now and then are read more often."`

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
		IndexWatch:     units.Duration(time.Minute),
	}
}

// validate names the first setting that cannot be worked with; listen is the data port's address.
func (c UpstreamConfig) validate(listen string) error {
	kinds := []string{kindAuto, string(aws.Amazon), string(aws.Alternator), string(aws.Generic)}
	if !slices.Contains(kinds, c.Kind) {
		return fmt.Errorf("upstream.kind is %q, must be %s", c.Kind, strings.Join(kinds[:3], ", ")+" or "+kinds[3])
	}
	if c.IndexLag <= 0 || c.Provisional <= 0 || c.IndexWatch < c.IndexLag {
		return fmt.Errorf("upstream.index_lag is %v, upstream.provisional %v and upstream.index_watch %v, must be above zero, and the last at least the first",
			c.IndexLag, c.Provisional, c.IndexWatch)
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

// kind is what stands upstream.
func (c UpstreamConfig) kind() aws.Kind {
	if c.Kind == kindAuto {
		return aws.KindOf(c.URL)
	}
	return aws.Kind(c.Kind)
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
