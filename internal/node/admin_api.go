package node

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/internal/admin"
	"millrace/invalidation"
	"millrace/metrics"
)

// adminNode is what the admin port shows of n and does to it.
func (n *Node) adminNode() admin.Node {
	return admin.Node{
		Checks: n.checks, Metrics: n.metrics.Handler(),
		Stats: n.stats, Tables: n.tables, Coherence: n.coherence, HotKeys: n.hotKeys, SlowRequests: n.slowRequests, Ledger: n.ledger,
		Config: n.showConfig, Purge: n.purge, Reload: n.Reload,
	}
}

// stats sums up what was counted.
func (n *Node) stats() admin.Stats {
	m, c := n.metrics.Snapshot(), n.caches()
	s := admin.Stats{
		Version: n.version, Backend: n.config.Backend, Started: m.Started.UTC(), UptimeSeconds: time.Since(m.Started).Seconds(),
		Ready: true, Checks: []admin.CheckResult{}, Total: admin.Traffic(m.Total), Refused: m.Refused, Panics: m.Panics, Slow: m.Slow,
		Operations: []admin.OperationStats{}, Tables: []admin.TableStats{},
		BatchKeys:     admin.BatchKeys{Hits: m.BatchHits, Misses: m.BatchMisses},
		Caches:        admin.CacheStats{MaxBytes: c.MaxBytes, Held: map[string]admin.Held{}, Left: map[string]admin.Count{}},
		Connections:   admin.Connections{Open: n.front.Connections(), Accepted: n.front.Accepted(), Cut: n.front.Cut()},
		BackendNow:    m.BackendInFlight,
		Invalidations: m.Invalidations,
		Audit:         auditsOf(n.metrics.Audited.Total()),
		Reload:        admin.ReloadState{Successful: !m.ReloadFailed, At: m.ReloadedAt.UTC()},
	}
	for _, c := range n.checks() {
		s.Checks = append(s.Checks, admin.CheckResult(c))
		s.Ready = s.Ready && (c.Fault == "" || c.Advisory)
	}
	for _, o := range m.Operations {
		s.Operations = append(s.Operations, admin.OperationStats{
			Operation: o.Operation, Traffic: admin.Traffic(o.Traffic), MedianSeconds: o.Median.Seconds(), P99Seconds: o.P99.Seconds(),
		})
	}
	for _, t := range m.Tables {
		s.Tables = append(s.Tables, admin.TableStats{Table: t.Table, Traffic: admin.Traffic(t.Traffic)})
	}
	for _, h := range c.Held {
		s.Caches.Held[h.Cache] = admin.Held{Entries: h.Entries, Bytes: h.Bytes}
	}
	for _, l := range c.Left {
		s.Caches.Left[l.Reason] = admin.Count{Entries: l.Entries, Bytes: l.Bytes}
	}
	return s
}

// auditsOf is what audits found, as the API tells it.
func auditsOf(c metrics.AuditCounts) admin.Audits {
	return admin.Audits{
		Agreed: c.Agreed, WithinBound: c.WithinBound, BeyondBound: c.BeyondBound, Unresolved: c.Unresolved, Skipped: c.Skipped,
		StalenessMedian: c.Median.Seconds(), StalenessP99: c.P99.Seconds(),
	}
}

// schemas are the tables whose schema is known, by name.
func (n *Node) schemas() []*cache.Schema {
	var out []*cache.Schema
	n.guard.Schemas().Each(func(s *cache.Schema) { out = append(out, s) })
	slices.SortFunc(out, func(a, b *cache.Schema) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Scope, b.Scope))
	})
	return out
}

// tables are the effective settings of the tables in use.
func (n *Node) tables() []admin.Table {
	var out []admin.Table
	for _, s := range n.schemas() {
		pages := s.Pages("")
		t := admin.Table{
			Scope: s.Scope, Table: s.Name, Items: s.Settings.Items,
			ItemTTL: s.Settings.ItemTTL.Seconds(), NegativeTTL: s.Settings.NegativeTTL.Seconds(),
			Pages: admin.Pages{Cached: pages.Pages, TTL: pages.TTL.Seconds()}, Indexes: []admin.Pages{},
			Coherence: string(n.store.CoverageOf(s.Scope, s.Name)), ApproximateSize: s.Description.TableSizeBytes,
		}
		for _, x := range s.Indexes {
			pages := s.Pages(x.Name)
			t.Indexes = append(t.Indexes, admin.Pages{Index: x.Name, Global: x.Global, Cached: pages.Pages, TTL: pages.TTL.Seconds()})
		}
		out = append(out, t)
	}
	return out
}

// fillNames are the words for how misses are read.
var fillNames = map[coherence.Fill]string{
	coherence.FillStrong: "strong", coherence.FillAuto: "auto", coherence.FillEventual: "eventual",
}

// coherence is how the caches of the tables in use stand with the backend.
func (n *Node) coherence() []admin.Coherence {
	var out []admin.Coherence
	now := n.store.Now()
	for _, s := range n.schemas() {
		st := n.store.Core().State(s.Table)
		c := admin.Coherence{
			Scope: s.Scope, Table: s.Name, Mode: string(n.store.CoverageOf(s.Scope, s.Name)), Fill: fillNames[st.Fill],
			Changing: st.Changing, Quarantine: st.QuarantineEnds > now, Ambiguous: st.AmbiguityEnds > now,
			Forgotten: st.Forgotten, Writes: st.Writes, WeakFills: s.Counters.WeakFills(),
			Cold: n.store.Cold(s), RefillRate: s.Settings.RefillRate,
			Audit: admin.TableAudit{Sample: s.Settings.Audit, Audits: auditsOf(s.Audit.Counts())},
		}
		if st.Covered {
			delta := st.Delta.Seconds()
			c.Delta = &delta
			if st.Watermark > 0 {
				age := time.Duration(now - st.Watermark).Seconds()
				c.WatermarkAge = &age
			}
			if n.streams != nil {
				lag := n.streams.Lag(s.Scope, s.Name).Seconds()
				c.StreamLag = &lag
			}
		}
		out = append(out, c)
	}
	return out
}

// shownHotKeys is how many hot keys are listed.
const shownHotKeys = 50

// hotKeys are the keys asked for most.
func (n *Node) hotKeys() []admin.HotKey {
	var out []admin.HotKey
	for _, k := range n.metrics.HotKeys.Top(shownHotKeys) {
		h := admin.HotKey{Table: k.Table, Hash: hashText(k.Hash), Share: k.Share}
		if k.Key != "" {
			h.Key = keyText(k.Key)
		}
		out = append(out, h)
	}
	return out
}

// hashText is a hash as it is shown.
func hashText(h uint64) string { return fmt.Sprintf("%016x", h) }

// keyText writes canonical key bytes as the values of the key attributes, in their order.
func keyText(key string) json.RawMessage {
	out := []byte{'['}
	for rest := []byte(key); len(rest) > 0; {
		v, after, err := ddb.DecodeKeyValue(rest)
		if err != nil {
			return nil
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out, rest = ddb.AppendValueJSON(out, v), after
	}
	return append(out, ']')
}

// slowRequests are the latest requests that took long.
func (n *Node) slowRequests() []admin.SlowRequest {
	var out []admin.SlowRequest
	for _, r := range n.metrics.Slow.Latest() {
		s := admin.SlowRequest{
			At: r.At.UTC(), Operation: r.Operation, Table: r.Table, Result: r.Result, Class: r.Class, Code: r.Code,
			Seconds: r.Took.Seconds(), RequestID: r.RequestID, TraceID: r.TraceID,
		}
		if r.Key != 0 {
			s.KeyHash = hashText(r.Key)
		}
		out = append(out, s)
	}
	return out
}

// showConfig is the configuration in force, without secrets.
func (n *Node) showConfig() (admin.Configuration, error) {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	var b strings.Builder
	err := (&Loaded{Config: n.current, Origins: n.origins}).Print(&b)
	return admin.Configuration{YAML: b.String()}, err
}

// refuse is a refusal of what a caller asked for.
func refuse(status int, problem, advice string) *admin.Refusal {
	return &admin.Refusal{Status: status, Problem: admin.Problem{Error: problem, Advice: advice}}
}

// purge makes the caches forget what was named.
func (n *Node) purge(ctx context.Context, p admin.Purge) (admin.Purged, error) {
	target := invalidation.Purge{Scope: p.Scope, Table: p.Table, Index: p.Index, All: p.All}
	var what string
	switch named := p.Table != "" || p.Index != "" || p.Key != nil || p.Partition != nil; {
	case p.All && named:
		return admin.Purged{}, refuse(http.StatusBadRequest, "all and a table are named", "name one of them")
	case p.All:
		what = "everything"
	case p.Table == "":
		return admin.Purged{}, refuse(http.StatusBadRequest, "no table is named", "name a table, or all")
	case p.Key != nil && (p.Partition != nil || p.Index != ""):
		return admin.Purged{}, refuse(http.StatusBadRequest, "a key is named beside an index or a partition", "name one of them; a key's pages go with it in every index")
	case p.Key != nil:
		what = "one item of table " + p.Table + ", and the pages that may show it"
	case p.Partition != nil && p.Index != "":
		what = "one partition of index " + p.Index + " of table " + p.Table
	case p.Partition != nil:
		what = "one partition of table " + p.Table
	case p.Index != "":
		what = "index " + p.Index + " of table " + p.Table
	default:
		what = "table " + p.Table
	}
	for _, part := range []struct {
		name string
		text json.RawMessage
		item *ddb.Item
	}{{"key", p.Key, &target.Key}, {"partition", p.Partition, &target.Partition}} {
		if part.text == nil {
			continue
		}
		var in struct{ Key ddb.Item }
		if err := ddb.DecodeShape([]byte(`{"Key":`+string(part.text)+`}`), &in); err != nil || len(in.Key) == 0 {
			return admin.Purged{}, refuse(http.StatusBadRequest, "the "+part.name+" is no item", `write it as DynamoDB does, such as {"id":{"S":"x"}}`)
		}
		*part.item = in.Key
	}
	err := n.guard.Purge(ctx, target)
	switch {
	case errors.Is(err, invalidation.ErrNoTable):
		return admin.Purged{}, refuse(http.StatusNotFound, err.Error(), "GET /api/v1/tables lists those in use")
	case errors.Is(err, invalidation.ErrPurge):
		return admin.Purged{}, refuse(http.StatusBadRequest, err.Error(), "")
	case err != nil:
		return admin.Purged{}, err
	}
	n.log.Info("purged on request", "what", what)
	return admin.Purged{Purged: what}, nil
}
