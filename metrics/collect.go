package metrics

import (
	"math"
	"strconv"
	"time"
)

// Sources are numbers that others keep and that are read when somebody collects. A nil function is none.
type Sources struct {
	// Version, GoVersion and Backend say what runs.
	Version, GoVersion, Backend string
	// Connections are the clients'.
	Connections func() Connections
	// Draining reports whether the node stops.
	Draining func() bool
	// Caches tells what the caches hold.
	Caches func() Caches
	// CertificateEnds is when the data port's certificate ends; zero is without TLS.
	CertificateEnds func() time.Time
}

// Connections counts clients' connections.
type Connections struct {
	Open          int
	Accepted, Cut uint64
}

// Caches tells what the caches hold and what left them.
type Caches struct {
	Held []Held
	Left []Left
	// MaxBytes is the budget.
	MaxBytes int64
}

// Held is what one cache holds; Cache is a value of label "cache".
type Held struct {
	Cache          string
	Entries, Bytes int64
}

// Left is what left the caches for a reason.
type Left struct {
	Reason         string
	Entries, Bytes uint64
}

// Attach says where to read from.
func (m *Metrics) Attach(s Sources) { m.sources.Store(&s) }

// sink takes numbers. The labels' values are in the order of the instrument's labels.
type sink interface {
	number(i *instrument, v float64, labels ...string)
	distribution(i *instrument, d distribution, labels ...string)
}

// hotRanks is how many hot keys have their share shown.
const hotRanks = 10

// collect gives every number to out. What was never counted by its labels is left out.
func (m *Metrics) collect(out sink) {
	m.collectRequests(out)
	out.number(&cacheBatchKeys, float64(m.plain.sum(batchHits)), "hit")
	out.number(&cacheBatchKeys, float64(m.plain.sum(batchMisses)), "miss")
	out.number(&receivedBytes, float64(m.plain.sum(received)))
	out.number(&sentBytes, float64(m.plain.sum(sent)))
	out.number(&panicsTotal, float64(m.plain.sum(panics)))
	out.number(&refusedTotal, float64(m.plain.sum(refused)))
	out.number(&slowTotal, float64(m.Slow.seen.Load()))
	for s := range m.Invalidations.counts {
		out.number(&invalidations, float64(m.Invalidations.counts[s].Load()), sourceNames[s])
	}
	for rank, k := range m.HotKeys.Top(hotRanks) {
		out.number(&hotKeyShare, k.Share, strconv.Itoa(rank+1), k.Table)
	}
	m.collectBehind(out)
	m.collectSources(out)
	out.number(&reloadOK, oneIf(!m.Reloads.failed.Load()))
	out.number(&reloadTime, float64(m.Reloads.at.Load())/1e9)
}

// collectRequests is the part that every request adds to.
func (m *Metrics) collectRequests(out sink) {
	results := len(m.names.Results)
	for _, t := range m.tables.all() {
		for why, n := range t.WeakFills() {
			out.number(&weakFills, float64(n), t.Name, why)
		}
		for op, name := range m.names.Operations {
			row := t.requests.made(op)
			if row == nil {
				continue
			}
			byResult := make([]uint64, results)
			for class, label := range classNames {
				var n uint64
				for r := range results {
					v := row.sum(class*results + r)
					n += v
					byResult[r] += v
				}
				if n > 0 {
					out.number(&requestsTotal, float64(n), name, t.Name, label)
				}
			}
			if cache := m.names.CacheOf(op); cache != "" {
				for r, n := range byResult {
					if n > 0 {
						out.number(&cacheRequests, float64(n), cache, name, t.Name, m.names.Results[r])
					}
				}
			}
		}
	}
	for op, name := range m.names.Operations {
		for r, result := range m.names.Results {
			if d, ok := m.latency.read(op*results + r); ok {
				out.distribution(&requestDuration, d, name, result)
			}
		}
	}
}

// collectBehind is the part about what is behind the caches.
func (m *Metrics) collectBehind(out sink) {
	out.number(&backendInFlight, float64(m.Backend.inFlight.Load()))
	out.number(&upstreamInFlight, float64(m.Upstream.inFlight.Load()))
	for op, name := range m.names.Operations {
		for class, label := range classNames {
			i := op*int(numClasses) + class
			if d, ok := m.Backend.latency.read(i); ok {
				out.distribution(&backendDuration, d, name, label)
			}
			if d, ok := m.Upstream.attempts.read(i); ok {
				out.distribution(&upstreamDuration, d, name, label)
			}
		}
		for why, label := range retryNames {
			if n := m.Upstream.retries.sum(op*int(numRetries) + why); n > 0 {
				out.number(&upstreamRetries, float64(n), name, label)
			}
		}
	}
	m.Streams.each(func(table string, x *Stream) {
		if f := x.stands(); f != Unwanted {
			out.number(&streamFollowed, oneIf(f == Followed), table)
		}
		if at := x.watermark.Load(); at != 0 {
			out.number(&streamWatermark, math.Max(0, time.Since(time.Unix(0, at)).Seconds()), table)
		}
		out.number(&streamRequests, float64(x.requests.Load()), table)
		out.number(&streamRecords, float64(x.records.Load()), table)
		out.number(&streamGaps, float64(x.gaps.Load()), table)
		if d := x.indexLag.Load(); d > 0 {
			out.number(&indexLag, time.Duration(d).Seconds(), table)
		}
		if d, ok := x.lag.read(0); ok {
			out.distribution(&streamLag, d, table)
		}
	})
	m.Audited.each(func(table string, x *Audit) {
		counts, d := x.counts()
		for v, label := range auditVerdictNames {
			out.number(&audits, float64(counts[v]), table, label)
		}
		if d.total > 0 {
			out.distribution(&staleness, d, table)
		}
	})
	m.Ledger.Each(func(table string, a *Account) {
		for e, label := range entryNames {
			out.number(&capacityUnits, a.Units(Entry(e)), table, label)
		}
		for op, label := range m.names.Operations {
			if n := a.ByOperation(op); n > 0 {
				out.number(&capacityConsumed, n, table, label)
			}
		}
		out.number(&capacityNet, a.Net(), table)
	})
	for i, label := range sightingNames {
		out.number(&observedReads, float64(m.Observations.Reads(Sighting(i))), label)
	}
	for i, label := range verdictNames {
		out.number(&observedVerdicts, float64(m.Observations.Verdicts(Verdict(i))), label)
	}
}

// collectSources is the part that others keep.
func (m *Metrics) collectSources(out sink) {
	s := m.sources.Load()
	if s == nil {
		return
	}
	out.number(&buildInfo, 1, s.Version, s.GoVersion, s.Backend)
	if s.Connections != nil {
		c := s.Connections()
		out.number(&connectionsOpen, float64(c.Open))
		out.number(&connectionsMade, float64(c.Accepted))
		out.number(&connectionsCut, float64(c.Cut))
	}
	if s.Draining != nil {
		out.number(&draining, oneIf(s.Draining()))
	}
	if s.Caches != nil {
		c := s.Caches()
		for _, h := range c.Held {
			out.number(&cacheEntries, float64(h.Entries), h.Cache)
			out.number(&cacheBytes, float64(h.Bytes), h.Cache)
		}
		for _, l := range c.Left {
			out.number(&cacheEvictions, float64(l.Entries), l.Reason)
			out.number(&cacheEvictedBytes, float64(l.Bytes), l.Reason)
		}
		out.number(&cacheMaxBytes, float64(c.MaxBytes))
	}
	if s.CertificateEnds != nil {
		if at := s.CertificateEnds(); !at.IsZero() {
			out.number(&certificateEnds, float64(at.Unix()))
		}
	}
}

// oneIf is a boolean as a number.
func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
