package node

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/internal/units"
	"millrace/proxy/awsjson"
)

// Config is everything a node can be told. A setting's name is its path in the file: "http.idle_timeout", which is
// MILLRACE_HTTP_IDLE_TIMEOUT in the environment. The settings that people change by hand have flags too. Struct tag
// doc is the setting's documentation.
type Config struct {
	Listen       string `yaml:"listen" doc:"Address of the data port, which speaks DynamoDB's HTTP protocol. Port 0 takes a free one."`
	InsecureBind bool   `yaml:"insecure_bind" doc:"Let the data port listen on addresses other than the loopback interface. Signatures are not verified: whoever reaches the port may read and write everything, with TLS too."`
	Backend      string `yaml:"backend" doc:"Where items are: embedded, the engine in this process, or aws, Amazon DynamoDB."`
	Mode         string `yaml:"mode" doc:"serve answers from the caches. observe forwards every request as it came and lets the caches follow unseen, to tell by metrics and millrace stats ledger what they would have answered and saved: a first step in production that changes nothing. It makes no read of its own, so that it tells less than there would be where items are read within two seconds of a write: what serve reads strongly then is counted as unfilled. The keys of a BatchGetItem are watched one by one."`
	DataDir      string `yaml:"data_dir" doc:"Folder of the embedded engine's store; it is made if need be. One process at a time."`
	InMemory     bool   `yaml:"in_memory" doc:"Keep the store in memory. Everything is gone when the process ends."`
	Durability   string `yaml:"durability" doc:"sync: a write is acknowledged when it is on stable storage. async: when it is in memory; a crash of the machine or the process may lose what was acknowledged within engine.async_window."`
	Isolate      bool   `yaml:"isolate" doc:"Give each pair of access key and region tables of its own, as Amazon does. Otherwise one store serves all keys and regions, so that tables do not seem to vanish when a region or key differs."`

	Admin    AdminConfig            `yaml:"admin"`
	Engine   EngineConfig           `yaml:"engine"`
	Upstream UpstreamConfig         `yaml:"upstream"`
	Ledger   LedgerConfig           `yaml:"ledger"`
	Cache    CacheConfig            `yaml:"cache"`
	Audit    AuditConfig            `yaml:"audit"`
	Tables   map[string]TableConfig `yaml:"tables" doc:"Cache settings of the tables that a glob matches; where several match, the glob with the most literal characters counts, setting by setting."`
	HTTP     awsjson.Config         `yaml:"http"`
	Record   RecordConfig           `yaml:"record"`
	Shutdown ShutdownConfig         `yaml:"shutdown"`
	TLS      TLSConfig              `yaml:"tls"`
	Metrics  MetricsConfig          `yaml:"metrics"`
	Log      LogConfig              `yaml:"log"`

	// Sockets are what HandedOver gave; each is used for the port whose address it has.
	Sockets []net.Listener `yaml:"-"`
}

// EngineConfig is the part about the embedded engine.
type EngineConfig struct {
	AsyncWindow   units.Duration `yaml:"async_window" doc:"With durability async, the longest time between two syncs, which is how much a crash can lose."`
	Region        string         `yaml:"region" doc:"Region in the ARNs of tables."`
	AccountID     string         `yaml:"account_id" doc:"Account in the ARNs of tables: twelve digits."`
	BlockCache    units.Bytes    `yaml:"block_cache" doc:"Memory for blocks read from disk; by default less where the process's memory is limited. Too small, and reads that the caches do not have go to the disk."`
	MemTable      units.Bytes    `yaml:"mem_table" doc:"Size at which recent writes move to a table on disk. Too small costs write throughput, too large memory and time to start after a crash."`
	SweepInterval units.Duration `yaml:"sweep_interval" doc:"Time between two looks for items past their time to live."`
	Throttle      bool           `yaml:"throttle" doc:"Refuse what exceeds a provisioned table's throughput, or a global index's, once five minutes' worth of what was not used is gone."`
	Streams       StreamsConfig  `yaml:"streams"`
	Faults        FaultsConfig   `yaml:"faults"`
}

// StreamsConfig is how tables' streams are cut into shards.
type StreamsConfig struct {
	Shards        int            `yaml:"shards" doc:"Shards of a new stream. Too few leave readers nothing to do side by side; each one has to be polled."`
	MaxShards     int            `yaml:"max_shards" doc:"The most open shards that splitting leads to."`
	ShardLifetime units.Duration `yaml:"shard_lifetime" doc:"How long a shard takes records before a child takes its place. Short ones test readers' handling of shards."`
	SplitRate     int            `yaml:"split_rate" doc:"Records a second, over some ten seconds, that make two children take a shard's place; 0 is never."`
}

// CacheConfig is the part about the caches as a whole.
type CacheConfig struct {
	Enabled     bool           `yaml:"enabled" doc:"Answer reads from the item and query caches. Off forwards every request."`
	Memory      units.Bytes    `yaml:"memory" doc:"Budget of both caches: keys, items, pages, bookkeeping and the eviction policy, as held. What requests under way and the engine need comes on top. Too small costs hits. Where the process's memory is limited, as in a container, the default is four tenths of that, less what an idle process needs."`
	ItemTTL     units.Duration `yaml:"item_ttl" doc:"How long a cached item is served when nothing invalidates it."`
	QueryTTL    units.Duration `yaml:"query_ttl" doc:"How long a cached page of a query or scan is served when nothing invalidates it."`
	NegativeTTL units.Duration `yaml:"negative_ttl" doc:"How long the absence of an item is served when nothing invalidates it."`
}

// TableConfig is the part about some tables. What is left out comes from a less specific glob or from cache.
type TableConfig struct {
	Cache       string                 `yaml:"cache" doc:"on, off or items-only (queries and scans are forwarded)."`
	ItemTTL     units.Duration         `yaml:"item_ttl" doc:"As cache.item_ttl."`
	QueryTTL    units.Duration         `yaml:"query_ttl" doc:"As cache.query_ttl."`
	NegativeTTL units.Duration         `yaml:"negative_ttl" doc:"As cache.negative_ttl."`
	IndexTTL    units.Duration         `yaml:"index_ttl" doc:"How long a cached page of a global index of a remote table is served when nothing invalidates it: 30s unless set, or query_ttl where that is less. It is the backstop for an index that lags behind its table for longer than is usual."`
	Streams     string                 `yaml:"streams" doc:"auto reads the table's stream, where there is one, to learn of writes that others make; enable makes one where there is none; off leaves it alone: such writes are seen when what they changed is past its time to live. For remote tables, like all that follow but indexes."`
	Delta       units.Duration         `yaml:"delta" doc:"How old an answer may be while the stream is read: 5s unless set. Below what the stream takes to tell of a write, about a second, hardly anything may be served; a large one hides foreign writes for as long when the stream lags."`
	Fill        string                 `yaml:"fill" doc:"How misses are read: strong, at twice the price of an eventually consistent read; auto, strongly only within two seconds of a write or answer that a replica may not show yet, and then only where the cache has saved what that adds, else eventually without caching the answer, so that a table of which every read follows a write so soon is not cached; eventual, weaker: what was just written may be missing."`
	RefillRate  int                    `yaml:"refill_rate" doc:"How many misses a second are read strongly, at twice the price, while the table's cache is cold: when it was dropped as a whole, as after a gap in its stream, or the process has just started, until as much has come back or misses keep within this by themselves. Those beyond it are read as their clients sent them and not cached, but for what was written within two seconds. 3000 unless set; too small, and the cache is slow to warm, by the number of its keys over this; too large, and a table of little capacity is throttled after a gap."`
	Coherence   string                 `yaml:"coherence" doc:"auto, or dax-compatible: writes leave cached pages alone and foreign writes are unseen until the time to live. Only for comparison."`
	Audit       TableAuditConfig       `yaml:"audit"`
	Rewrite     RewriteConfig          `yaml:"rewrite" doc:"Which requests may be changed on their way to a remote backend, to ask for more than their clients did; there is no other way. Answers keep the shape that was asked for. What policies deny where the client's own request is allowed is left alone for ten minutes at a time, which the log tells; then one request tries it again, of which its client notices nothing."`
	Indexes     map[string]IndexConfig `yaml:"indexes" doc:"Settings for pages of the indexes that a glob matches."`
}

// RewriteConfig is the part about changing requests on their way; on unless set to off.
type RewriteConfig struct {
	ConsistentRead   string `yaml:"consistent_read" doc:"on or off: read misses strongly. Off makes fill eventual."`
	Projection       string `yaml:"projection" doc:"on or off: read whole items for reads of some attributes. Off forwards those."`
	ReturnValues     string `yaml:"return_values" doc:"on or off: ask writes for the image they leave, so that it can be cached. Turn it off where policies forbid dynamodb:ReturnValues."`
	ConsumedCapacity string `yaml:"consumed_capacity" doc:"on or off: ask upstream what queries and scans cost that fill the cache, because another client may want to know and the ledger does. Off unless set, and they are cached all the same: a hit whose client asks is read anew, up to once for each of TOTAL and INDEXES for each page and by each of those who wait for one read, and the ledger estimates. Before the embedded engine it is always known."`
}

// IndexConfig is the part about some indexes of some tables.
type IndexConfig struct {
	Cache    string         `yaml:"cache" doc:"on or off."`
	QueryTTL units.Duration `yaml:"query_ttl" doc:"As cache.query_ttl."`
}

// ShutdownConfig is the part about how a node goes.
type ShutdownConfig struct {
	Delay units.Duration `yaml:"delay" doc:"How long requests are still taken after SIGTERM, while /readyz answers 503 and every reply closes its connection, so that load balancers notice first. Too small loses connections in Kubernetes, where the default is 5s."`
}

// LogConfig is the part about the log on stderr.
type LogConfig struct {
	Level  string `yaml:"level" doc:"debug, info, warn or error."`
	Format string `yaml:"format" doc:"text, json, or auto: text on a terminal."`
}

// The default delays between SIGTERM and the end of accepting. Kubernetes removes a pod from its services while
// the pod is being stopped already (Kubernetes, "Pod lifecycle", Termination of Pods).
const (
	defaultDelay    = 100 * time.Millisecond
	kubernetesDelay = 5 * time.Second
)

// DefaultConfig is what runs when nothing was said.
func DefaultConfig() Config {
	e := engine.DefaultConfig()
	return Config{
		Listen:     "127.0.0.1:8000",
		Backend:    "embedded",
		Mode:       "serve",
		Ledger:     defaultLedger(),
		DataDir:    "./millrace-data",
		Durability: "sync",
		Admin:      AdminConfig{Listen: "127.0.0.1:9464"},
		Engine: EngineConfig{
			AsyncWindow:   units.Duration(e.AsyncWindow),
			Region:        e.Region,
			AccountID:     e.AccountID,
			BlockCache:    units.Bytes(e.CacheBytes),
			MemTable:      units.Bytes(e.MemTableBytes),
			SweepInterval: units.Duration(e.SweepInterval),
			Streams: StreamsConfig{
				Shards: e.Streams.Shards, MaxShards: e.Streams.MaxShards,
				ShardLifetime: units.Duration(e.Streams.ShardLifetime), SplitRate: e.Streams.SplitRate,
			},
			Faults: defaultFaults(),
		},
		Upstream: defaultUpstream(),
		Cache: CacheConfig{
			Enabled:     true,
			Memory:      256 << 20,
			ItemTTL:     units.Duration(5 * time.Minute),
			QueryTTL:    units.Duration(time.Minute),
			NegativeTTL: units.Duration(75 * time.Second),
		},
		Audit:    defaultAudit(),
		HTTP:     awsjson.DefaultConfig(),
		Record:   RecordConfig{Keys: "hashed"},
		Shutdown: ShutdownConfig{Delay: units.Duration(defaultDelay)},
		Metrics:  MetricsConfig{HotKeys: "hashed", SlowThreshold: units.Duration(100 * time.Millisecond)},
		Log:      LogConfig{Level: "info", Format: "auto"},
	}
}

// Validate names the first setting that cannot be worked with. Its errors begin with the setting's name.
func (c Config) Validate() error {
	host, err := hostOf("listen", c.Listen)
	if err != nil {
		return err
	}
	if !c.InsecureBind && !isLoopback(host) {
		return fmt.Errorf("listen is %q, which others can reach, and millrace verifies no signatures: add --insecure-bind if your network keeps strangers out", c.Listen)
	}
	if err := c.Admin.validate(); err != nil {
		return err
	}
	if err := c.TLS.validate(); err != nil {
		return err
	}
	if c.Admin.Listen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
		return fmt.Errorf("admin.listen is %q, which is listen's; they need a port each", c.Admin.Listen)
	}
	for _, choice := range []struct {
		name, value string
		of          []string
	}{
		{"backend", c.Backend, []string{"embedded", "aws"}},
		{"mode", c.Mode, []string{"serve", "observe"}},
		{"durability", c.Durability, []string{"sync", "async"}},
		{"metrics.hot_keys", c.Metrics.HotKeys, []string{"hashed", "plain", "off"}},
		{"log.level", c.Log.Level, []string{"debug", "info", "warn", "error"}},
		{"log.format", c.Log.Format, []string{"auto", "text", "json"}},
	} {
		if !slices.Contains(choice.of, choice.value) {
			last := len(choice.of) - 1
			return fmt.Errorf("%s is %q, must be %s or %s", choice.name, choice.value, strings.Join(choice.of[:last], ", "), choice.of[last])
		}
	}
	if c.Backend == "aws" {
		if err := c.Upstream.validate(c.Listen); err != nil {
			return err
		}
		if c.Isolate {
			return fmt.Errorf("isolate is for the embedded engine; with backend aws there is one account and one region")
		}
	}
	if c.DataDir == "" && !c.InMemory {
		return fmt.Errorf("data_dir is empty; name a folder, or set in_memory")
	}
	if c.Cache.Memory < 1<<20 {
		return fmt.Errorf("cache.memory is %v, must be 1MiB or more; to do without, set cache.enabled to false", c.Cache.Memory)
	}
	for _, ttl := range []struct {
		name  string
		value units.Duration
	}{{"cache.item_ttl", c.Cache.ItemTTL}, {"cache.query_ttl", c.Cache.QueryTTL}, {"cache.negative_ttl", c.Cache.NegativeTTL}} {
		if ttl.value == 0 {
			return fmt.Errorf("%s is 0s, must be above zero; to cache nothing, set cache.enabled to false, or cache to off for a table", ttl.name)
		}
	}
	if _, err := cache.NewSettings(c.tables()); err != nil {
		return err
	}
	if err := c.Audit.validate(); err != nil {
		return err
	}
	if err := c.Ledger.validate(); err != nil {
		return err
	}
	if err := c.HTTP.Validate(); err != nil {
		return fmt.Errorf("http.%w", err)
	}
	if err := c.Record.validate(); err != nil {
		return err
	}
	if err := c.Engine.Faults.validate(c.Cache.Enabled); err != nil {
		return err
	}
	return c.Engine.validate()
}

// validate checks what the engine's own Validate would, under the names of the file.
func (c EngineConfig) validate() error {
	switch {
	case c.AsyncWindow <= 0:
		return fmt.Errorf("engine.async_window is %v, must be above zero", c.AsyncWindow)
	case c.SweepInterval <= 0:
		return fmt.Errorf("engine.sweep_interval is %v, must be above zero", c.SweepInterval)
	case c.Region == "" || strings.ContainsAny(c.Region, ":/ "):
		return fmt.Errorf("engine.region is %q, must be a region's name such as us-east-1", c.Region)
	case len(c.AccountID) != 12 || strings.Trim(c.AccountID, "0123456789") != "":
		return fmt.Errorf("engine.account_id is %q, must be twelve digits", c.AccountID)
	case c.BlockCache < 1<<20:
		return fmt.Errorf("engine.block_cache is %v, must be 1MiB or more", c.BlockCache)
	case c.MemTable < 1<<20 || c.MemTable > 1<<30:
		return fmt.Errorf("engine.mem_table is %v, must be 1MiB to 1GiB", c.MemTable)
	case c.Streams.Shards < 1 || c.Streams.Shards > 1<<16:
		return fmt.Errorf("engine.streams.shards is %d, must be 1 to 65536", c.Streams.Shards)
	case c.Streams.MaxShards < c.Streams.Shards || c.Streams.MaxShards > 1<<16:
		return fmt.Errorf("engine.streams.max_shards is %d, must be engine.streams.shards (%d) to 65536", c.Streams.MaxShards, c.Streams.Shards)
	case c.Streams.ShardLifetime <= 0:
		return fmt.Errorf("engine.streams.shard_lifetime is %v, must be above zero", c.Streams.ShardLifetime)
	case c.Streams.SplitRate < 0:
		return fmt.Errorf("engine.streams.split_rate is %d, must be 0 or more", c.Streams.SplitRate)
	}
	return nil
}

// cacheTables are the cache settings that are in force: with the caches off, nothing is cached of any table.
func (c Config) cacheTables() map[string]cache.TableConfig {
	if !c.Cache.Enabled {
		return map[string]cache.TableConfig{"*": {Cache: cache.Off}}
	}
	return c.tables()
}

// NeedsStream says which setting of a table asks for its stream to be read: one for how late writes of others may be seen, or one that makes
// the stream. Empty is none; then the stream is read where that can be done.
func (c Config) NeedsStream(table string) string {
	settings, err := cache.NewSettings(c.cacheTables())
	if err != nil || !settings.Table(table).Items && !settings.Match(table, "").Pages {
		return ""
	}
	return settings.NeedsStream(table)
}

// tables are the cache settings in the cache's own types; "*" carries the defaults.
func (c Config) tables() map[string]cache.TableConfig {
	out := map[string]cache.TableConfig{}
	for glob, t := range c.Tables {
		tc := cache.TableConfig{Cache: cache.Mode(t.Cache), ItemTTL: t.ItemTTL.Of(), QueryTTL: t.QueryTTL.Of(), NegativeTTL: t.NegativeTTL.Of()}
		tc.IndexTTL, tc.Audit = t.IndexTTL.Of(), t.Audit.Sample
		tc.Remote = cache.RemoteConfig{
			Streams: cache.Streams(t.Streams), Delta: t.Delta.Of(), Fill: t.Fill, Coherence: t.Coherence, RefillRate: t.RefillRate,
			ConsistentRead: t.Rewrite.ConsistentRead, Projection: t.Rewrite.Projection, ReturnValues: t.Rewrite.ReturnValues,
			ConsumedCapacity: t.Rewrite.ConsumedCapacity,
		}
		if c.Mode == "observe" {
			tc.Remote.Fill, tc.Remote.ReturnValues = "auto", "off" // what clients ask for is all there is to fill with
		}
		for index, i := range t.Indexes {
			if tc.Indexes == nil {
				tc.Indexes = map[string]cache.IndexConfig{}
			}
			tc.Indexes[index] = cache.IndexConfig{Cache: cache.Mode(i.Cache), QueryTTL: i.QueryTTL.Of()}
		}
		out[glob] = tc
	}
	all := out["*"]
	if c.Mode == "observe" {
		all.Remote.Fill, all.Remote.ReturnValues = "auto", "off"
	}
	if all.Audit == "" {
		all.Audit = c.Audit.text()
	}
	if all.ItemTTL == 0 {
		all.ItemTTL = c.Cache.ItemTTL.Of()
	}
	if all.QueryTTL == 0 {
		all.QueryTTL = c.Cache.QueryTTL.Of()
	}
	if all.NegativeTTL == 0 {
		all.NegativeTTL = c.Cache.NegativeTTL.Of()
	}
	out["*"] = all
	return out
}

// engine is the configuration in the engine's own type, without hooks and logger.
func (c Config) engine() engine.Config {
	e := engine.DefaultConfig()
	e.Dir, e.InMemory, e.Isolate = c.DataDir, c.InMemory, c.Isolate
	e.Durability = engine.Sync
	if c.Durability == "async" {
		e.Durability = engine.Async
	}
	e.AsyncWindow, e.SweepInterval = c.Engine.AsyncWindow.Of(), c.Engine.SweepInterval.Of()
	e.Region, e.AccountID = c.Engine.Region, c.Engine.AccountID
	e.Throttle = c.Engine.Throttle
	// What cannot be is no error here: it was found when the configuration was checked.
	e.Faults, _ = c.Engine.Faults.engine()
	e.CacheBytes, e.MemTableBytes = int64(c.Engine.BlockCache), int64(c.Engine.MemTable)
	e.Streams = engine.StreamConfig{
		Shards: c.Engine.Streams.Shards, MaxShards: c.Engine.Streams.MaxShards,
		ShardLifetime: c.Engine.Streams.ShardLifetime.Of(), SplitRate: c.Engine.Streams.SplitRate,
	}
	return e
}

// store describes where items are, for the line that is logged at start.
func (c Config) store() string {
	if c.InMemory {
		return "memory, gone when the process ends"
	}
	if abs, err := filepath.Abs(c.DataDir); err == nil {
		return abs
	}
	return c.DataDir
}

// inKubernetes reports whether the environment is a pod's.
func inKubernetes(environ []string) bool {
	return slices.ContainsFunc(environ, func(v string) bool { return strings.HasPrefix(v, "KUBERNETES_SERVICE_HOST=") })
}

// readFile reads a configuration file; the error is a sentence.
func readFile(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("config file %q does not exist", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read config file: %w", err)
	}
	return b, nil
}
