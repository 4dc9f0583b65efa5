package node

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/internal/units"
)

// write makes a configuration file.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "millrace.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreAsDocumented(t *testing.T) {
	t.Parallel()
	l, err := Load(Sources{})
	if err != nil {
		t.Fatal(err)
	}
	c := l.Config
	if c.Listen != "127.0.0.1:8000" || c.Admin.Listen != "127.0.0.1:9464" || c.DataDir != "./millrace-data" ||
		!c.Cache.Enabled || c.Durability != "sync" || c.Isolate || c.InMemory || c.Backend != "embedded" {
		t.Errorf("defaults are %+v", c)
	}
	for _, s := range Settings(c) {
		if s.Doc == "" {
			t.Errorf("setting %s has no documentation", s.Name)
		}
		if s.Name != strings.ToLower(s.Name) || strings.Contains(s.Name, "-") {
			t.Errorf("setting %s is not in lower snake case", s.Name)
		}
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	file := write(t, "listen: 127.0.0.1:1\nadmin: {listen: 127.0.0.1:1}\ndata_dir: file\nengine:\n  region: eu-west-1\n")
	l, err := Load(Sources{
		File:      file,
		Environ:   []string{"MILLRACE_LISTEN=127.0.0.1:2", "MILLRACE_ADMIN_LISTEN=127.0.0.1:2", "MILLRACE_CONFIG=x", "MILLRACE_SERVICE_HOST=1", "OTHER=1"},
		Flags:     map[string]string{"listen": "127.0.0.1:3"},
		FlagNames: map[string]string{"listen": "--listen"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := l.Config
	if c.Listen != "127.0.0.1:3" || c.Admin.Listen != "127.0.0.1:2" || c.DataDir != "file" || c.Durability != "sync" {
		t.Errorf("flag > variable > file > default gave %s, %s, %s, %s", c.Listen, c.Admin.Listen, c.DataDir, c.Durability)
	}
	if !reflect.DeepEqual(l.Unknown, []string{"MILLRACE_SERVICE_HOST"}) {
		t.Errorf("unknown variables are %q", l.Unknown)
	}
	for name, want := range map[string]string{"listen": "--listen", "admin.listen": "MILLRACE_ADMIN_LISTEN", "data_dir": "line 3 of " + file, "engine.region": "line 5 of " + file, "durability": ""} {
		if got := l.Origins[name]; got != want {
			t.Errorf("%s comes from %q, want %q", name, got, want)
		}
	}
}

func TestEverySettingHasAVariable(t *testing.T) {
	t.Parallel()
	// Setting each to its default by its variable changes nothing and is never unknown.
	for _, s := range Settings(DefaultConfig()) {
		l, err := Load(Sources{Environ: []string{s.Variable() + "=" + s.Text}})
		if err != nil || len(l.Unknown) > 0 || !reflect.DeepEqual(l.Config, DefaultConfig()) {
			t.Errorf("%s=%s: %v, unknown %q", s.Variable(), s.Text, err, l.Unknown)
		}
	}
}

func TestKubernetesWaitsLongerBeforeItStops(t *testing.T) {
	t.Parallel()
	f := func(environ []string, want time.Duration) {
		t.Helper()
		l, err := Load(Sources{Environ: environ})
		if err != nil || l.Config.Shutdown.Delay.Of() != want {
			t.Errorf("with %q the delay is %v (%v), want %v", environ, l.Config.Shutdown.Delay, err, want)
		}
	}
	f(nil, 100*time.Millisecond)
	f([]string{"KUBERNETES_SERVICE_HOST=10.0.0.1"}, 5*time.Second)
	f([]string{"KUBERNETES_SERVICE_HOST=10.0.0.1", "MILLRACE_SHUTDOWN_DELAY=1s"}, time.Second)
}

func TestFileErrorsNameTheirLine(t *testing.T) {
	t.Parallel()
	f := func(text string, line string, says string) {
		t.Helper()
		path := write(t, text)
		_, err := Load(Sources{File: path})
		if err == nil {
			t.Errorf("%q is accepted", text)
			return
		}
		got := err.Error()
		if !strings.HasPrefix(got, line+" of ") || !strings.Contains(got, path) || !strings.Contains(got, says) || strings.Contains(got, "\n") {
			t.Errorf("%q: error %q, want one line with %q and %q", text, got, line, says)
		}
	}
	f("listen: 127.0.0.1:1\nlisten_adress: x\n", "line 2", `unknown setting "listen_adress"`)
	f("http:\n  idle_timeout: 1m\n  idle: 1m\n", "line 3", `unknown setting "idle" in http`)
	f("http:\n  idle_timeout: 30\n", "line 2", "http.idle_timeout: time \"30\"")
	f("cache:\n  memory: 12\n", "line 2", "cache.memory: size \"12\"")
	f("\n\nin_memory: maybe\n", "line 3", "neither true nor false")
	f("http:\n  max_connections: many\n", "line 2", "not a whole number")
	f("listen: [a]\n", "line 1", "listen must be a single value")
	f("http: 1\n", "line 1", "http must be a mapping")
	f("tables:\n  orders:\n    cache: off\n    ttl: 1s\n", "line 4", `unknown setting "ttl" in tables.orders`)
	f("tables:\n  orders:\n    indexes:\n      i: {query_ttl: 5x}\n", "line 4", `time "5x"`)
	f("tables:\n  orders:\n    item_ttl: 0s\n", "line 3", "tables.orders.item_ttl is 0s, must be above zero")
	f("tables:\n  orders:\n    indexes:\n      i: {query_ttl: 0}\n", "line 4", "tables.orders.indexes.i.query_ttl is 0s")
	f("tables:\n  orders:\n    indexes:\n      i: {cache: items-only}\n", "line 4", "must be on or off")
	f("listen: 127.0.0.1:99999\n", "line 1", "must be host:port")
	f("in_memory: true\nin_memory: false\n", "line 2", "")
	f("a: [1\n", "line 1", "")
	f("http:\n\tidle_timeout: 1m\n", "line 2", "")
	f("- a\n", "line 1", "must be a mapping")
	f("in_memory: true\n---\nin_memory: true\n", "line 3", "second document")
	f("listen:\n", "line 1", "")
	// What is readable and wrong is located too.
	f("durability: never\n", "line 1", `durability is "never", must be sync or async`)
	f("\nhttp:\n  idle_timeout: 0\n", "line 3", "http.idle_timeout is 0s")
	f("tables:\n  orders:\n    cache: sometimes\n", "line 2", "sometimes")
	f("tables:\n  \"[\": {}\n", "line 1", "glob")
}

func TestOddFilesAreEmptyOnes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing\n", "\n\n", "---\n", "http:\ncache: ~\n", "tables: {}\n"} {
		l, err := Load(Sources{File: write(t, text)})
		if err != nil || l.Config.Listen != DefaultConfig().Listen || l.Config.HTTP != DefaultConfig().HTTP {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Load(Sources{File: "/nonexistent/millrace.yaml"}); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(Sources{File: t.TempDir()}); err == nil {
		t.Error("a folder is accepted as a file")
	}
}

func TestVariableAndFlagErrorsNameTheirSource(t *testing.T) {
	t.Parallel()
	f := func(src Sources, want string) {
		t.Helper()
		if _, err := Load(src); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	f(Sources{Environ: []string{"MILLRACE_CACHE_MEMORY=lots"}}, "variable MILLRACE_CACHE_MEMORY: size \"lots\"")
	f(Sources{Environ: []string{"MILLRACE_BACKEND=mysql"}}, `MILLRACE_BACKEND: backend is "mysql"`)
	f(Sources{Flags: map[string]string{"in_memory": "x"}, FlagNames: map[string]string{"in_memory": "--in-memory"}}, "flag --in-memory: ")
	f(Sources{Flags: map[string]string{"backend": "aws", "upstream.url": "x"}, FlagNames: map[string]string{"backend": "--backend", "upstream.url": "--upstream"}},
		`--upstream: upstream.url is "x", must be an address such as`)
}

func TestValidateNamesTheSetting(t *testing.T) {
	t.Parallel()
	f := func(change func(*Config), want string) {
		t.Helper()
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Validate = %v, want %q", err, want)
		}
	}
	f(func(c *Config) { c.Listen = "8000" }, "listen ")
	f(func(c *Config) { c.Listen = "" }, "listen ")
	f(func(c *Config) { c.Listen = "0.0.0.0:8000" }, "listen ")
	f(func(c *Config) { c.Listen = ":8000" }, "listen ")
	f(func(c *Config) { c.Listen = "example.com:8000" }, "listen ")
	f(func(c *Config) { c.Listen = "127.0.0.1:65536" }, "listen ")
	f(func(c *Config) { c.Admin.Listen = "[::]:9464" }, "admin.listen ")
	f(func(c *Config) { c.Admin.Listen = c.Listen }, "admin.listen ")
	f(func(c *Config) { c.Admin.Listen, c.InsecureBind = "0.0.0.0:9464", true }, "admin.listen is \"0.0.0.0:9464\", which others can reach: set admin.token")
	f(func(c *Config) { c.Admin.Token = "short" }, "admin.token holds 5 characters")
	f(func(c *Config) { c.Admin.Token = "with a space in the middle" }, "admin.token holds a space")
	f(func(c *Config) { c.Admin.Token, c.Admin.TokenFile = testToken, "x" }, "admin.token_file ")
	f(func(c *Config) { c.DataDir = "" }, "data_dir ")
	f(func(c *Config) { c.Log.Level = "loud" }, "log.level ")
	f(func(c *Config) { c.Log.Format = "xml" }, "log.format ")
	f(func(c *Config) { c.Cache.Memory = 1000 }, "cache.memory ")
	f(func(c *Config) { c.Cache.ItemTTL = 0 }, "cache.item_ttl ")
	f(func(c *Config) { c.Cache.QueryTTL = 0 }, "cache.query_ttl ")
	f(func(c *Config) { c.Cache.NegativeTTL = 0 }, "cache.negative_ttl ")
	f(func(c *Config) { c.HTTP.MaxConnections = 0 }, "http.max_connections ")
	f(func(c *Config) { c.Engine.AsyncWindow = 0 }, "engine.async_window ")
	f(func(c *Config) { c.Engine.SweepInterval = 0 }, "engine.sweep_interval ")
	f(func(c *Config) { c.Engine.Region = "a:b" }, "engine.region ")
	f(func(c *Config) { c.Engine.AccountID = "12" }, "engine.account_id ")
	f(func(c *Config) { c.Engine.BlockCache = 1 }, "engine.block_cache ")
	f(func(c *Config) { c.Engine.MemTable = 1 }, "engine.mem_table ")
	f(func(c *Config) { c.Engine.Streams.Shards = 0 }, "engine.streams.shards ")
	f(func(c *Config) { c.Engine.Streams.MaxShards = 1 }, "engine.streams.max_shards ")
	f(func(c *Config) { c.Engine.Streams.ShardLifetime = 0 }, "engine.streams.shard_lifetime ")
	f(func(c *Config) { c.Engine.Streams.SplitRate = -1 }, "engine.streams.split_rate ")
	ok := func(change func(*Config)) {
		t.Helper()
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err != nil {
			t.Errorf("Validate = %v", err)
		}
		if e := c.engine(); e.Validate() != nil {
			t.Errorf("the engine refuses what was accepted: %v", e.Validate())
		}
	}
	ok(func(c *Config) { c.Listen, c.InsecureBind = "0.0.0.0:8000", true })
	ok(func(c *Config) { c.Listen = "localhost:0" })
	ok(func(c *Config) { c.Listen = "[::1]:8000" })
	ok(func(c *Config) { c.Admin.Listen = "" })
	ok(func(c *Config) { c.Admin.Listen, c.Admin.Token = "0.0.0.0:9464", testToken })
	ok(func(c *Config) { c.Admin.Listen, c.Admin.TokenFile = ":9464", "/run/secrets/token" })
	ok(func(c *Config) { c.Listen, c.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0" })
	ok(func(c *Config) { c.DataDir, c.InMemory = "", true })
	ok(func(c *Config) { c.Durability = "async" })
	ok(func(c *Config) { c.HTTP.RequestTimeout = 1e9 }) // no upstream, no bound of its
	ok(func(c *Config) { c.Engine.BlockCache, c.Engine.MemTable = 1<<20, 1<<30 })
}

// A write has all the time that upstream and the client may take, and then some, so that it is upstream's bound that ends it.
func TestWritesHaveAsLongAsUpstream(t *testing.T) {
	t.Parallel()
	for _, of := range [][2]time.Duration{{time.Minute, 55 * time.Second}, {10 * time.Minute, 9 * time.Minute}, {2 * time.Second, time.Second}} {
		c := DefaultConfig()
		c.HTTP.RequestTimeout, c.Upstream.Timeout = units.Duration(of[0]), units.Duration(of[1])
		if got := c.writeTimeout(); got <= of[0] || got <= of[1] {
			t.Errorf("with http.request_timeout %v and upstream.timeout %v a write has %v, want more", of[0], of[1], got)
		}
	}
}

// testToken is a token for tests.
const testToken = "0123456789abcdef0123"

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	l, err := Load(Sources{Environ: []string{"MILLRACE_ADMIN_TOKEN=" + testToken}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := l.Print(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), testToken) || !strings.Contains(out.String(), "# token is set and not shown # MILLRACE_ADMIN_TOKEN") {
		t.Errorf("the token is shown, or not that it is set:\n%s", out.String())
	}
	for _, s := range Settings(l.Config) {
		if strings.Contains(s.Text, testToken) {
			t.Errorf("setting %s shows the token", s.Name)
		}
	}
}

func TestTableSettingsReachTheCache(t *testing.T) {
	t.Parallel()
	l, err := Load(Sources{File: write(t, `
cache: {item_ttl: 10s, negative_ttl: 3s}
tables:
  "*": {query_ttl: 7s}
  "orders-*":
    cache: items-only
    item_ttl: 1s
    index_ttl: 9s
    streams: enable
    delta: 2s
    fill: auto
    rewrite: {return_values: off, consumed_capacity: on}
    indexes: {by-date: {cache: off, query_ttl: 2s}}
  secret: {cache: off}
`)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := cache.NewSettings(l.Config.tables())
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Table("users"); !got.Items || got.ItemTTL != 10*time.Second || got.NegativeTTL != 3*time.Second ||
		got.Streams != cache.StreamsAuto || got.Delta != 5*time.Second || got.Fill != coherence.FillStrong ||
		got.Rewrite != (cache.Rewrite{ConsistentRead: true, Projection: true, ReturnValues: true}) {
		t.Errorf("users: %+v", got)
	}
	if got := s.Table("orders-1"); got.Streams != cache.StreamsEnable || got.Delta != 2*time.Second || got.Fill != coherence.FillAuto ||
		got.Rewrite != (cache.Rewrite{ConsistentRead: true, Projection: true, ConsumedCapacity: true}) {
		t.Errorf("orders-1: %+v", got)
	}
	if got := s.Match("orders-1", "other"); got.LaggingTTL != 9*time.Second {
		t.Errorf("pages of orders-1's lagging index: %+v", got)
	}
	if got := s.Match("users", ""); !got.Pages || got.TTL != 7*time.Second {
		t.Errorf("pages of users: %+v", got)
	}
	if got := s.Table("orders-1"); !got.Items || got.ItemTTL != time.Second {
		t.Errorf("orders-1: %+v", got)
	}
	if got := s.Match("orders-1", "by-date"); got.Pages || got.TTL != 2*time.Second {
		t.Errorf("pages of orders-1's index: %+v", got)
	}
	if s.Table("secret").Items {
		t.Error("secret is cached")
	}
}

func TestPrintIsReadBack(t *testing.T) {
	t.Parallel()
	file := write(t, "data_dir: 'a \"b\" # c'\ntables:\n  z*: {cache: off}\n  a: {item_ttl: 3s, indexes: {i: {query_ttl: 4s}}}\n  e: {}\n")
	l, err := Load(Sources{File: file, Environ: []string{"MILLRACE_HTTP_IDLE_TIMEOUT=90s"}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := l.Print(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "idle_timeout: 1m30s # MILLRACE_HTTP_IDLE_TIMEOUT") {
		t.Errorf("the origin of a setting is not shown:\n%s", out.String())
	}
	back, err := Load(Sources{File: write(t, out.String())})
	if err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	if !reflect.DeepEqual(back.Config, l.Config) {
		t.Errorf("read back as %+v, want %+v", back.Config, l.Config)
	}
	if l.Config.HTTP.IdleTimeout != units.Duration(90*time.Second) || len(l.Config.Tables) != 3 {
		t.Errorf("loaded %+v", l.Config)
	}
}
