package admin

import (
	"encoding/json"
	"time"
)

// The shapes of the API. Counts are since the start of the process, times are in seconds, sizes in bytes.

// Stats is the answer to GET /api/v1/stats.
type Stats struct {
	Version       string            `json:"version"`
	Backend       string            `json:"backend"`
	Started       time.Time         `json:"started"`
	UptimeSeconds float64           `json:"uptime_seconds"`
	Ready         bool              `json:"ready"`
	Checks        []CheckResult     `json:"checks"`
	Total         Traffic           `json:"total"`
	Refused       uint64            `json:"refused"`
	Panics        uint64            `json:"panics"`
	Slow          uint64            `json:"slow"`
	Operations    []OperationStats  `json:"operations"`
	Tables        []TableStats      `json:"tables"`
	BatchKeys     BatchKeys         `json:"batch_keys"`
	Caches        CacheStats        `json:"caches"`
	Connections   Connections       `json:"connections"`
	BackendNow    int64             `json:"backend_in_flight"`
	Invalidations map[string]uint64 `json:"invalidations"`
	Reload        ReloadState       `json:"reload"`
	Audit         Audits            `json:"audit"`
}

// Audits is what holding hits against the backend found; see metrics.AuditCounts.
type Audits struct {
	Agreed          uint64  `json:"agreed"`
	WithinBound     uint64  `json:"within_bound"`
	BeyondBound     uint64  `json:"beyond_bound"`
	Unresolved      uint64  `json:"unresolved"`
	Skipped         uint64  `json:"skipped"`
	StalenessMedian float64 `json:"staleness_median_seconds"`
	StalenessP99    float64 `json:"staleness_p99_seconds"`
}

// CheckResult is one check of readiness; an empty fault is fine.
type CheckResult struct {
	Name     string `json:"name"`
	Fault    string `json:"fault,omitempty"`
	Advisory bool   `json:"advisory"`
}

// Traffic counts requests; lookups are those a cache looked for, hits those it answered wholly.
type Traffic struct {
	Requests uint64 `json:"requests"`
	User     uint64 `json:"user_errors"`
	Throttle uint64 `json:"throttles"`
	Fault    uint64 `json:"faults"`
	Lookups  uint64 `json:"lookups"`
	Hits     uint64 `json:"hits"`
}

// OperationStats is one operation's traffic.
type OperationStats struct {
	Operation string `json:"operation"`
	Traffic
	MedianSeconds float64 `json:"median_seconds"`
	P99Seconds    float64 `json:"p99_seconds"`
}

// TableStats is one table's traffic; "other" are all past the hundredth, "-" requests about none or several.
type TableStats struct {
	Table string `json:"table"`
	Traffic
}

// BatchKeys counts the keys of BatchGetItem.
type BatchKeys struct {
	Hits   uint64 `json:"hits"`
	Misses uint64 `json:"misses"`
}

// CacheStats is what the caches hold and what left them.
type CacheStats struct {
	MaxBytes int64            `json:"max_bytes"`
	Held     map[string]Held  `json:"held"`
	Left     map[string]Count `json:"left"`
}

// Held is what one cache holds.
type Held struct {
	Entries int64 `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

// Count counts entries that left, and their bytes.
type Count struct {
	Entries uint64 `json:"entries"`
	Bytes   uint64 `json:"bytes"`
}

// Connections counts clients' connections.
type Connections struct {
	Open     int    `json:"open"`
	Accepted uint64 `json:"accepted"`
	Cut      uint64 `json:"cut"`
}

// ReloadState tells how the last reading of the configuration went.
type ReloadState struct {
	Successful bool      `json:"successful"`
	At         time.Time `json:"last_success"`
}

// Table is one table's effective settings, as GET /api/v1/tables lists them.
type Table struct {
	Scope           string  `json:"scope,omitempty"`
	Table           string  `json:"table"`
	Items           bool    `json:"items"`
	ItemTTL         float64 `json:"item_ttl_seconds"`
	NegativeTTL     float64 `json:"negative_ttl_seconds"`
	Pages           Pages   `json:"pages"`
	Indexes         []Pages `json:"indexes"`
	Coherence       string  `json:"coherence"`
	ApproximateSize int64   `json:"approximate_bytes"`
}

// Pages is how pages of the table, or of one index, are cached.
type Pages struct {
	Index  string  `json:"index,omitempty"`
	Global bool    `json:"global,omitempty"`
	Cached bool    `json:"cached"`
	TTL    float64 `json:"ttl_seconds"`
}

// Coherence is how one table's caches stand with the backend, as GET /api/v1/coherence lists it.
type Coherence struct {
	Scope string `json:"scope,omitempty"`
	Table string `json:"table"`
	// Mode is embedded, stream, ttl or dax-compatible.
	Mode string `json:"mode"`
	// Delta is how old an answer may be, and WatermarkAge how long ago everything was applied; null where there is none.
	Delta        *float64 `json:"delta_seconds"`
	WatermarkAge *float64 `json:"watermark_age_seconds"`
	Fill         string   `json:"fill"`
	Changing     bool     `json:"changing"`
	Quarantine   bool     `json:"quarantine"`
	Ambiguous    bool     `json:"ambiguous"`
	Forgotten    uint64   `json:"forgotten"`
	Writes       uint64   `json:"writes"`
	// StreamLag is how long the stream is taken to lag behind the table at most; null where none is read.
	StreamLag *float64 `json:"stream_lag_seconds"`
	// WeakFills are misses that were read eventually and not stored where they would have been read strongly, by why.
	WeakFills map[string]uint64 `json:"weak_fills"`
	// Cold is true while strong fills are kept within RefillRate a second, because the cache was dropped as a whole.
	Cold       bool       `json:"cold"`
	RefillRate int        `json:"refill_rate"`
	Audit      TableAudit `json:"audit"`
}

// TableAudit is what audits of one table's hits found, and the share of them that is audited.
type TableAudit struct {
	Sample float64 `json:"sample"`
	Audits
}

// HotKey is one of the keys asked for most, as GET /api/v1/hot-keys lists them.
type HotKey struct {
	Table string `json:"table"`
	// Hash stands for the key within this process. Key is there only with metrics.hot_keys plain.
	Hash  string          `json:"hash"`
	Key   json.RawMessage `json:"key,omitempty"`
	Share float64         `json:"share"`
}

// SlowRequest is a request that took long, as GET /api/v1/slow-requests lists them.
type SlowRequest struct {
	At        time.Time `json:"at"`
	Operation string    `json:"operation"`
	Table     string    `json:"table"`
	Result    string    `json:"result"`
	Class     string    `json:"class"`
	Code      string    `json:"code,omitempty"`
	Seconds   float64   `json:"seconds"`
	RequestID string    `json:"request_id,omitempty"`
	TraceID   string    `json:"trace_id,omitempty"`
	KeyHash   string    `json:"key_hash,omitempty"`
}

// Configuration is the answer to GET /api/v1/config.
type Configuration struct {
	// YAML is a file that would be read as what is in force, without secrets, with where each setting was set.
	YAML string `json:"yaml"`
}

// Purge is the body of POST /api/v1/purge.
type Purge struct {
	// All is every table; else Table names one, and Scope its access key and region under isolate.
	All   bool   `json:"all,omitempty"`
	Scope string `json:"scope,omitempty"`
	Table string `json:"table,omitempty"`
	// Key is an item's primary key, Index a secondary index, Partition a partition key, as DynamoDB writes items.
	Key       json.RawMessage `json:"key,omitempty"`
	Index     string          `json:"index,omitempty"`
	Partition json.RawMessage `json:"partition,omitempty"`
}

// Purged is its answer.
type Purged struct {
	Purged string `json:"purged"`
}

// Reloaded is the answer to POST /api/v1/reload.
type Reloaded struct {
	// Changed are the settings that are in force now, Restart those that were changed and need a restart to be.
	Changed []string `json:"changed"`
	Restart []string `json:"needs_restart"`
	// Tables are the tables whose caches were forgotten for it.
	Tables []string `json:"tables"`
}

// Refusal is an error with the status to answer it with.
type Refusal struct {
	Status int
	Problem
}

// Error is the whole sentence.
func (r *Refusal) Error() string { return r.Problem.sentence() }

// sentence joins what is wrong and what to do.
func (p Problem) sentence() string {
	if p.Advice == "" {
		return p.Error
	}
	return p.Error + "; " + p.Advice
}

// Ledger is what the caches have saved and cost since the start, as GET /api/v1/ledger tells it. Nets may be below zero.
// It counts reads that the caches serve; with the embedded engine, which charges nothing, it has no tables.
type Ledger struct {
	Mode          string            `json:"mode"`
	NetUnits      float64           `json:"net_units"`
	NetDollars    float64           `json:"net_dollars"`
	MemoryBytes   int64             `json:"memory_bytes"`
	MemoryDollars float64           `json:"memory_dollars"`
	Tables        []LedgerTable     `json:"tables"`
	Observed      map[string]uint64 `json:"observed_reads"`
	Verdicts      map[string]uint64 `json:"observed_verdicts"`
}

// LedgerTable is one table's part, in read units, for writes in write units, and for streams in requests.
type LedgerTable struct {
	Table          string  `json:"table"`
	ReadsConsumed  float64 `json:"reads_consumed"`
	WritesConsumed float64 `json:"writes_consumed"`
	ReadsAvoided   float64 `json:"reads_avoided"`
	StrongFills    float64 `json:"strong_fills"`
	Audits         float64 `json:"audits"`
	StreamReads    float64 `json:"stream_requests"`
	NetUnits       float64 `json:"net_units"`
	NetDollars     float64 `json:"net_dollars"`
	// Estimated is true where what some pages cost follows from the sizes of their items alone.
	Estimated bool `json:"estimated,omitempty"`
	// Advice is what to change, empty for nothing.
	Advice string `json:"advice,omitempty"`
}
