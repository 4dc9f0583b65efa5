package metrics

import (
	"sync"
	"sync/atomic"
	"time"
)

// AuditVerdict is what came of a hit that was drawn to be compared with the backend.
type AuditVerdict uint8

// The verdicts of audits.
const (
	// AuditAgreed: the backend said the same.
	AuditAgreed AuditVerdict = iota
	// AuditWithinBound: it said something else, and the entry went in time.
	AuditWithinBound
	// AuditBeyondBound: the entry was still served after its table's bound. That breaks a promise.
	AuditBeyondBound
	// AuditUnresolved: it could not be found out.
	AuditUnresolved
	// AuditSkipped: the budget was spent, or too many audits were under way.
	AuditSkipped
	numAuditVerdicts
)

// auditVerdictNames are the values of label "verdict".
var auditVerdictNames = [numAuditVerdicts]string{"agreed", "within_bound", "beyond_bound", "unresolved", "skipped"}

// Observed is v as mode observe counts it, where what a client was given differed from what the caches held.
func (v AuditVerdict) Observed() Verdict {
	return [numAuditVerdicts]Verdict{BackendOlder, WithinBound, BeyondBound, Unresolved, Unresolved}[v]
}

// Audited counts what audits found, by table. A nil one counts nothing.
type Audited struct {
	mu sync.Mutex

	tables map[string]*Audit
}

// Audit is one table's. A nil one counts nothing.
type Audit struct {
	verdicts  [numAuditVerdicts]atomic.Uint64
	staleness histograms
}

// Table is the counters of a table; past the cap they are shared. Keep it: it is found under a lock.
func (a *Audited) Table(name string) *Audit {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tables == nil {
		a.tables = map[string]*Audit{}
	}
	if a.tables[name] == nil && len(a.tables) >= maxTables {
		name = OtherTable
	}
	x := a.tables[name]
	if x == nil {
		x = &Audit{staleness: newHistograms(1)}
		a.tables[name] = x
	}
	return x
}

// Judged counts an audit.
func (x *Audit) Judged(v AuditVerdict) {
	if x != nil {
		x.verdicts[v].Add(1)
	}
}

// Stale notes for how long an entry was seen to be served that the backend had been seen to contradict.
func (x *Audit) Stale(d time.Duration) {
	if x != nil {
		x.staleness.observe(stripe(), 0, d)
	}
}

// AuditCounts is what audits found.
type AuditCounts struct {
	// Agreed, WithinBound, BeyondBound, Unresolved and Skipped count audits, by verdict.
	Agreed, WithinBound, BeyondBound, Unresolved, Skipped uint64
	// Stale is how many times are in the histogram; half of them are at most Median, 99 of a hundred at most P99.
	Stale       uint64
	Median, P99 time.Duration
}

// counts are the verdicts and the staleness.
func (x *Audit) counts() ([numAuditVerdicts]uint64, distribution) {
	var n [numAuditVerdicts]uint64
	for v := range n {
		n[v] = x.verdicts[v].Load()
	}
	d, _ := x.staleness.read(0)
	return n, d
}

// countsOf puts verdicts and staleness into words.
func countsOf(n [numAuditVerdicts]uint64, d distribution) AuditCounts {
	return AuditCounts{
		Agreed: n[AuditAgreed], WithinBound: n[AuditWithinBound], BeyondBound: n[AuditBeyondBound],
		Unresolved: n[AuditUnresolved], Skipped: n[AuditSkipped],
		Stale: d.total, Median: d.quantile(0.5), P99: d.quantile(0.99),
	}
}

// Counts is what was found; nothing of a nil one.
func (x *Audit) Counts() AuditCounts {
	if x == nil {
		return AuditCounts{}
	}
	return countsOf(x.counts())
}

// Total is what was found of all tables.
func (a *Audited) Total() AuditCounts {
	var all [numAuditVerdicts]uint64
	var times distribution
	a.each(func(_ string, x *Audit) {
		n, d := x.counts()
		for v := range all {
			all[v] += n[v]
		}
		times.merge(d)
	})
	return countsOf(all, times)
}

// each calls fn for every table's.
func (a *Audited) each(fn func(table string, x *Audit)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for table, x := range a.tables {
		fn(table, x)
	}
}
