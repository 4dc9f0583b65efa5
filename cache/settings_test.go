package cache

import (
	"strings"
	"testing"
	"time"
)

// remote are the settings before a remote backend that nothing was said of.
var remote = (&RemoteConfig{}).settings()

func TestSettingsComeFromTheMostSpecificGlobThatHasThem(t *testing.T) {
	t.Parallel()
	s, err := NewSettings(map[string]TableConfig{
		"*":        {ItemTTL: time.Hour, QueryTTL: 30 * time.Second},
		"orders-*": {Cache: ItemsOnly, Audit: "0.25", NegativeTTL: time.Second, Indexes: map[string]IndexConfig{"by-*": {Cache: On}}},
		"orders-1": {ItemTTL: time.Minute, Audit: "off", Indexes: map[string]IndexConfig{"by-day": {QueryTTL: 5 * time.Second}, "by-*": {QueryTTL: 7 * time.Second}}},
		"secret":   {Cache: Off, Indexes: map[string]IndexConfig{"*": {Cache: On}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	table := func(name string, want TableSettings) {
		t.Helper()
		if got := s.Table(name); got != want {
			t.Errorf("Table(%q) = %+v, want %+v", name, got, want)
		}
	}
	index := func(table, index string, want IndexSettings) {
		t.Helper()
		if got := s.Match(table, index); got != want {
			t.Errorf("Match(%q, %q) = %+v, want %+v", table, index, got, want)
		}
	}
	table("other", TableSettings{true, time.Hour, 75 * time.Second, 0, remote})
	table("orders-1", TableSettings{true, time.Minute, time.Second, 0, remote})
	table("orders-2", TableSettings{true, time.Hour, time.Second, 0.25, remote})
	table("secret", TableSettings{false, time.Hour, 75 * time.Second, 0, remote})
	index("other", "", IndexSettings{true, 30 * time.Second, 30 * time.Second})
	index("other", "i", IndexSettings{true, 30 * time.Second, 30 * time.Second})
	index("orders-1", "", IndexSettings{false, 30 * time.Second, 30 * time.Second})
	index("orders-1", "by-day", IndexSettings{true, 5 * time.Second, 5 * time.Second})
	index("orders-1", "by-week", IndexSettings{true, 7 * time.Second, 7 * time.Second})
	index("orders-2", "by-day", IndexSettings{true, 30 * time.Second, 30 * time.Second})
	index("orders-2", "rest", IndexSettings{false, 30 * time.Second, 30 * time.Second})
	// A table that is off is off with all its indexes.
	index("secret", "i", IndexSettings{false, 30 * time.Second, 30 * time.Second})
	// Without any configuration the defaults stand: 5 min, 1 min, 75 s.
	none, err := NewSettings(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := none.Table("t"), (TableSettings{true, 5 * time.Minute, 75 * time.Second, 0, remote}); got != want {
		t.Errorf("defaults are %+v, want %+v", got, want)
	}
	if got, want := none.Match("t", "i"), (IndexSettings{true, time.Minute, 30 * time.Second}); got != want {
		t.Errorf("defaults are %+v, want %+v", got, want)
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	f := func(tables map[string]TableConfig, want string) {
		t.Helper()
		if _, err := NewSettings(tables); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", tables, err, want)
		}
	}
	f(map[string]TableConfig{"[": {}}, `"[" is not a glob`)
	f(map[string]TableConfig{"": {}}, `"" is not a glob`)
	f(map[string]TableConfig{"t": {Cache: "maybe"}}, `tables.t: cache is "maybe"`)
	f(map[string]TableConfig{"t": {Audit: "2"}}, `tables.t.audit.sample is "2", must be off or a share of hits from 0 to 1`)
	f(map[string]TableConfig{"t": {Audit: "NaN"}}, `tables.t.audit.sample is "NaN"`)
	f(map[string]TableConfig{"t": {ItemTTL: -1}}, "tables.t: a time to live is below zero")
	f(map[string]TableConfig{"t": {Indexes: map[string]IndexConfig{"[": {}}}}, "tables.t.indexes: ")
	f(map[string]TableConfig{"t": {Indexes: map[string]IndexConfig{"i": {Cache: "x"}}}}, "tables.t.indexes.i: cache")
	f(map[string]TableConfig{"t": {Indexes: map[string]IndexConfig{"i": {Cache: ItemsOnly}}}}, "tables.t.indexes.i: cache is \"items-only\", must be on or off")
	f(map[string]TableConfig{"t": {Indexes: map[string]IndexConfig{"i": {QueryTTL: -1}}}}, "tables.t.indexes.i: a time")
}

// The stream of a table is needed by what was set for it on purpose, and by no default.
func TestSettingsThatNeedTheStream(t *testing.T) {
	t.Parallel()
	s, err := NewSettings(map[string]TableConfig{
		"made-*": {Remote: RemoteConfig{Streams: StreamsEnable}}, "bound-*": {Remote: RemoteConfig{Delta: 2 * time.Second}},
		"bound-off": {Remote: RemoteConfig{Streams: StreamsOff}}, "bound-dax": {Remote: RemoteConfig{Coherence: coherenceDAX}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]string{"any": "", "made-a": "streams: enable", "bound-a": "delta: 2s", "bound-off": "", "bound-dax": ""} {
		if got := s.NeedsStream(table); got != want {
			t.Errorf("the stream of %q is needed by %q, want %q", table, got, want)
		}
	}
}
