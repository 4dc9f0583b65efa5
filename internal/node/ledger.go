package node

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"millrace/backend/aws"
	"millrace/cache"
	"millrace/internal/admin"
	"millrace/metrics"
)

// LedgerConfig is the part about what units cost, to tell what the caches save in money.
type LedgerConfig struct {
	ReadPrice   float64 `yaml:"read_price" doc:"US dollars for a million read request units."`
	StreamPrice float64 `yaml:"stream_price" doc:"US dollars for a million GetRecords requests of a table's stream. With kind aws and both prices above 0, fill auto weighs it: a fill may cost more than its client's read only where the cache has saved more than reading the stream has cost."`
	MemoryPrice float64 `yaml:"memory_price" doc:"US dollars for a GiB of the caches' memory for an hour; 0 where it is spare."`
}

// defaultLedger has list prices of us-east-1, on demand, without free tiers, as of November 2026 assumed unchanged since
// the reduction of November 2024: $0.125 a million read request units, $0.02 for 100 000 stream read requests
// (https://aws.amazon.com/dynamodb/pricing/on-demand/). A sidecar's memory is taken to be spare.
func defaultLedger() LedgerConfig { return LedgerConfig{ReadPrice: 0.125, StreamPrice: 0.2} }

// validate refuses prices below nothing.
func (c LedgerConfig) validate() error {
	for _, price := range []struct {
		name  string
		value float64
	}{{"read_price", c.ReadPrice}, {"stream_price", c.StreamPrice}, {"memory_price", c.MemoryPrice}} {
		if price.value < 0 {
			return fmt.Errorf("ledger.%s is %v, must be 0 or more", price.name, price.value)
		}
	}
	return nil
}

// streamUnits is how many read units cost as much as one GetRecords request to an upstream of that kind; 0 where nobody is
// charged for it, or a price is missing. Only Amazon sends bills.
func (c LedgerConfig) streamUnits(kind aws.Kind) float64 {
	if kind != aws.Amazon || c.ReadPrice == 0 {
		return 0
	}
	return c.StreamPrice / c.ReadPrice
}

// streamLoss is what to do about a stream that costs more to read than its table's cache saves.
const streamLoss = `reading its stream costs more than its cache saves: with streams: "off" it is not read, and writes of others are seen when an entry's time to live is over`

// ledger is what the caches have saved and cost.
func (n *Node) ledger() admin.Ledger {
	prices := n.config.Ledger
	out := admin.Ledger{Mode: n.config.Mode, Tables: []admin.LedgerTable{}, Observed: map[string]uint64{}, Verdicts: map[string]uint64{}}
	following := map[string]bool{}
	if n.streams != nil {
		for _, t := range n.streams.Tables() {
			following[t.Table] = following[t.Table] || t.Mode == cache.Stream
		}
	}
	n.metrics.Ledger.Each(func(table string, a *metrics.Account) {
		t := admin.LedgerTable{
			Table: table, ReadsConsumed: a.Units(metrics.ReadsConsumed), WritesConsumed: a.Units(metrics.WritesConsumed), ReadsAvoided: a.Units(metrics.ReadsAvoided),
			StrongFills: a.Units(metrics.StrongFills), Audits: a.Units(metrics.Audits), StreamReads: a.Units(metrics.StreamReads),
			NetUnits: a.Net(), Estimated: a.Estimated(),
		}
		if a.Loses() && following[table] {
			t.Advice = streamLoss
		}
		t.NetDollars = t.NetUnits*prices.ReadPrice/1e6 - t.StreamReads*prices.StreamPrice/1e6
		out.NetUnits += t.NetUnits
		out.NetDollars += t.NetDollars
		out.Tables = append(out.Tables, t)
	})
	slices.SortFunc(out.Tables, func(a, b admin.LedgerTable) int { return strings.Compare(a.Table, b.Table) })
	out.MemoryBytes = n.store.Core().Bytes()
	hours := time.Since(n.metrics.Started()).Hours()
	out.MemoryDollars = float64(n.config.Cache.Memory) / (1 << 30) * hours * prices.MemoryPrice
	out.NetDollars -= out.MemoryDollars
	n.metrics.Observations.Each(func(kind, name string, count uint64) {
		if kind == "reads" {
			out.Observed[name] = count
		} else {
			out.Verdicts[name] = count
		}
	})
	return out
}
