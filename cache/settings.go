package cache

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Mode says what of a table is cached.
type Mode string

// The modes. The empty Mode is inherited from the less specific setting, at last On.
const (
	// On caches items and the pages of queries and scans.
	On Mode = "on"
	// Off caches nothing: every request is forwarded.
	Off Mode = "off"
	// ItemsOnly caches items; queries and scans are forwarded.
	ItemsOnly Mode = "items-only"
)

// The default lifetimes. They bound what is served when nothing invalidates, which the embedded engine always
// does. (DAX's own are five minutes for both caches: Developer Guide, "DAX cluster components", Parameter groups.)
const (
	defaultItemTTL     = 5 * time.Minute
	defaultQueryTTL    = time.Minute
	defaultNegativeTTL = 75 * time.Second
	// defaultIndexTTL is the backstop for an index that lags for longer than was assumed.
	defaultIndexTTL = 30 * time.Second
)

// IndexConfig overrides settings for the pages of one index.
type IndexConfig struct {
	// Cache is On or Off, for an index holds pages only; empty inherits.
	Cache Mode
	// QueryTTL is how long a page of the index is served; 0 inherits.
	QueryTTL time.Duration
}

// TableConfig is what a configuration says of the tables that one glob matches.
type TableConfig struct {
	// Cache says what is cached; empty inherits.
	Cache Mode
	// ItemTTL is how long an item is served after it was read or written; 0 inherits. Too small costs hits; too
	// large only memory, as long as every writer goes through millrace.
	ItemTTL time.Duration
	// QueryTTL is the same for pages of queries and scans.
	QueryTTL time.Duration
	// NegativeTTL is the same for the knowledge that an item does not exist.
	NegativeTTL time.Duration
	// IndexTTL is the same for pages of global indexes that lag behind their table, which the embedded engine's do not.
	IndexTTL time.Duration
	// Audit is the share of hits that are compared with the backend afterwards, from 0 to 1, or off; empty inherits, at
	// last off.
	Audit string
	// Remote is how caches and requests are handled before a remote backend.
	Remote RemoteConfig
	// Indexes overrides by glob over index names.
	Indexes map[string]IndexConfig
}

// IndexSettings are the effective settings for pages of the table or of one index.
type IndexSettings struct {
	// Pages is whether pages are cached.
	Pages bool
	// TTL is how long one is served, LaggingTTL how long when the index lags behind its table.
	TTL, LaggingTTL time.Duration
}

// TableSettings are the effective settings of one table.
type TableSettings struct {
	// Items is whether items are cached.
	Items bool
	// ItemTTL and NegativeTTL are how long an item, or its absence, is served.
	ItemTTL, NegativeTTL time.Duration
	// Audit is the share of hits that are compared with the backend afterwards.
	Audit float64
	// RemoteSettings hold before a remote backend.
	RemoteSettings
}

// Settings answers what is cached of a table or index and for how long. It never changes.
type Settings struct {
	rules []rule // the most specific first
}

// rule is one glob of the configuration.
type rule struct {
	glob   string
	config TableConfig
}

// NewSettings checks tables, which is keyed by globs over table names as path.Match knows them ("*" is the
// default for all). Where several match, each setting comes from the most specific that has it: the glob with
// the most characters other than wildcards.
func NewSettings(tables map[string]TableConfig) (*Settings, error) {
	s := &Settings{}
	for glob, config := range tables {
		if err := checkGlob(glob); err != nil {
			return nil, fmt.Errorf("tables: %w", err)
		}
		if err := checkMode(config.Cache); err != nil {
			return nil, fmt.Errorf("tables.%s: %w", glob, err)
		}
		if config.ItemTTL < 0 || config.QueryTTL < 0 || config.NegativeTTL < 0 || config.IndexTTL < 0 {
			return nil, fmt.Errorf("tables.%s: a time to live is below zero", glob)
		}
		if _, err := shareOf(config.Audit); err != nil {
			return nil, fmt.Errorf("tables.%s.audit.sample %w", glob, err)
		}
		if err := config.Remote.check(); err != nil {
			return nil, fmt.Errorf("tables.%s.%w", glob, err)
		}
		for index, ic := range config.Indexes {
			if err := checkGlob(index); err != nil {
				return nil, fmt.Errorf("tables.%s.indexes: %w", glob, err)
			}
			if ic.Cache != "" && ic.Cache != On && ic.Cache != Off {
				return nil, fmt.Errorf("tables.%s.indexes.%s: cache is %q, must be on or off", glob, index, string(ic.Cache))
			}
			if ic.QueryTTL < 0 {
				return nil, fmt.Errorf("tables.%s.indexes.%s: a time to live is below zero", glob, index)
			}
		}
		s.rules = append(s.rules, rule{glob, config})
	}
	slices.SortFunc(s.rules, func(a, b rule) int { return compareGlobs(a.glob, b.glob) })
	return s, nil
}

// Table is the effective settings of the table called name.
func (s *Settings) Table(name string) TableSettings {
	out, remote := TableSettings{}, RemoteConfig{}
	mode, audit := Mode(""), ""
	for _, r := range s.matching(name) {
		audit = cmp.Or(audit, r.Audit)
		mode = cmp.Or(mode, r.Cache)
		out.ItemTTL = cmp.Or(out.ItemTTL, r.ItemTTL)
		out.NegativeTTL = cmp.Or(out.NegativeTTL, r.NegativeTTL)
		remote.inherit(&r.Remote)
	}
	// What is no share was refused before.
	out.Audit, _ = shareOf(audit)
	out.RemoteSettings = remote.settings()
	out.Items = mode != Off
	out.ItemTTL = cmp.Or(out.ItemTTL, defaultItemTTL)
	out.NegativeTTL = cmp.Or(out.NegativeTTL, defaultNegativeTTL)
	return out
}

// NeedsStream says which setting that was made for a table is of no effect unless its stream is read; empty if there is none.
func (s *Settings) NeedsStream(name string) string {
	var remote RemoteConfig
	for _, r := range s.matching(name) {
		remote.inherit(&r.Remote)
	}
	switch {
	case remote.Streams == StreamsOff, remote.Coherence == coherenceDAX:
	case remote.Streams == StreamsEnable:
		return "streams: enable"
	case remote.Delta > 0:
		return "delta: " + remote.Delta.String()
	}
	return ""
}

// shareOf reads a share: a number from 0 to 1, or off; nothing is off.
func shareOf(text string) (float64, error) {
	if text == "" || text == "off" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		return 0, fmt.Errorf("is %q, must be off or a share of hits from 0 to 1", text)
	}
	return f, nil
}

// Match is the effective settings for pages of an index; index "" is the table itself. What a table's glob says of
// an index goes before what any glob says of the whole table.
func (s *Settings) Match(table, index string) IndexSettings {
	var mode, tableMode Mode
	var ttl, tableTTL, laggingTTL time.Duration
	for _, r := range s.matching(table) {
		if index != "" {
			for _, glob := range slices.SortedFunc(keys(r.Indexes), compareGlobs) {
				if matches(glob, index) {
					mode = cmp.Or(mode, r.Indexes[glob].Cache)
					ttl = cmp.Or(ttl, r.Indexes[glob].QueryTTL)
				}
			}
		}
		tableMode = cmp.Or(tableMode, r.Cache)
		tableTTL = cmp.Or(tableTTL, r.QueryTTL)
		laggingTTL = cmp.Or(laggingTTL, r.IndexTTL)
	}
	// A table that is off stays off whatever is said of its indexes: nothing of it may be held in memory.
	if tableMode == Off {
		mode = Off
	}
	mode = cmp.Or(mode, tableMode, On)
	pages := cmp.Or(ttl, tableTTL, defaultQueryTTL)
	return IndexSettings{Pages: mode == On, TTL: pages, LaggingTTL: cmp.Or(ttl, laggingTTL, min(pages, defaultIndexTTL))}
}

// matching are the configurations whose globs match name, the most specific first.
func (s *Settings) matching(name string) []TableConfig {
	var out []TableConfig
	for _, r := range s.rules {
		if matches(r.glob, name) {
			out = append(out, r.config)
		}
	}
	return out
}

// keys iterates over the globs of indexes.
func keys(indexes map[string]IndexConfig) func(func(string) bool) {
	return func(yield func(string) bool) {
		for glob := range indexes {
			if !yield(glob) {
				return
			}
		}
	}
}

// matches reports whether glob, which was checked, matches name.
func matches(glob, name string) bool {
	ok, err := path.Match(glob, name)
	return ok && err == nil
}

// compareGlobs sorts the most specific glob first.
func compareGlobs(a, b string) int {
	weight := func(glob string) int {
		n := 2 * len(strings.Map(func(r rune) rune {
			if strings.ContainsRune("*?[]", r) {
				return -1
			}
			return r
		}, glob))
		if !strings.ContainsAny(glob, "*?[\\") {
			n++ // of two with equally many letters the plain name goes first
		}
		return n
	}
	if c := cmp.Compare(weight(b), weight(a)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// checkGlob refuses a pattern path.Match cannot read.
func checkGlob(glob string) error {
	if _, err := path.Match(glob, "x"); err != nil || glob == "" {
		return fmt.Errorf("%q is not a glob", glob)
	}
	return nil
}

// checkMode refuses an unknown mode.
func checkMode(m Mode) error {
	switch m {
	case "", On, Off, ItemsOnly:
		return nil
	}
	return fmt.Errorf("cache is %q, must be on, off or items-only", string(m))
}
