package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// An entry that contradicts the backend is watched for its bound, by a clock that stands still while anything runs: it is found
// out when the bound is over and not later; a successor with the same bytes is not it, however soon it came; and both reads are
// paid for. Where the second one fails, or an index says something else each time, it is asked again, within the budget, for as
// long as the entry is there.
func TestAuditsJudgeByTheBound(t *testing.T) {
	t.Parallel()
	const bound = 150 * time.Millisecond
	r, m := auditRig(t, rigOptions{
		remote: true,
		store:  cache.Config{Tables: map[string]cache.TableConfig{"*": {Remote: cache.RemoteConfig{Delta: 100 * time.Millisecond}}}},
		config: Config{Audit: AuditConfig{Lag: func(*cache.Schema) time.Duration { return 50 * time.Millisecond }}},
	})
	r.must(ddb.CreateTable, hashTable)
	const get = `{"TableName":"counters","Key":{"id":{"N":"1"}}}`
	r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"1"}}}`)
	r.must(ddb.GetItem, get)
	r.store.Cover("", "counters", cache.Stream, 0)
	r.proxy.reads.Wait()
	schema := r.proxy.schemas.Known("", []byte("counters"))
	if schema == nil {
		t.Fatal("the table is not known")
	}
	type audit struct {
		what string
		// succeeded is when another entry takes the place of the one that is audited.
		succeeded time.Duration
		lagging   bool
		ttl       time.Duration
		// ask is what the nth read says, from 0; nil says "new" always. It may spend the budget.
		ask       func(n int, budget *budget) (string, error)
		want      metrics.AuditVerdict
		wantTook  time.Duration
		wantUnits float64
		wantAsked int
	}
	const otherwise = 1000 // read units that something else spends
	f := func(a audit) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			p := r.proxy
			defer func(life context.Context) { p.life = life }(p.life)
			p.life = t.Context()
			start := time.Now()
			p.budget = newBudget(100, func() time.Time { return start })
			asked, spentOtherwise := 0, 0.0
			s := suspect{
				schema: schema, kind: "item", answer: []byte("old"), validAt: 1, ttl: cmp.Or(a.ttl, time.Hour), price: 1, prepaid: 1, lagging: a.lagging,
				again: func() (coherence.Read, bool) {
					now := coherence.Read{Body: []byte("old"), ValidAt: 1}
					if time.Since(start) >= a.succeeded {
						now.ValidAt = 2
					}
					return now, true
				},
				standing: func() coherence.Standing { return coherence.Standing{Cached: true} },
				trail:    func() []cache.Happening { return nil },
				ask: func(context.Context) ([]byte, int64, error) {
					asked++
					if a.ask == nil {
						return []byte("new"), 2, nil
					}
					before := p.budget.units
					answer, err := a.ask(asked-1, p.budget)
					spentOtherwise += before - p.budget.units
					if err != nil {
						return nil, 0, err
					}
					return []byte(answer), 2, nil
				},
				same: slices.Equal[[]byte],
			}
			before := m.Ledger.Table("counters").Units(metrics.Audits)
			p.budget.take(s.prepaid)
			got := p.judge(&s)
			took := time.Since(start)
			if got != a.want || took < a.wantTook || took > a.wantTook+bound/4 {
				t.Errorf("%s: judged %v after %v, want %v after %v", a.what, got, took, a.want, a.wantTook)
			}
			if asked != a.wantAsked {
				t.Errorf("%s: the backend is asked %d times, want %d", a.what, asked, a.wantAsked)
			}
			if spent := 100 - p.budget.units - spentOtherwise; spent != a.wantUnits {
				t.Errorf("%s: the budget is charged %v read units, want %v", a.what, spent, a.wantUnits)
			}
			if entered := m.Ledger.Table("counters").Units(metrics.Audits) - before; entered != a.wantUnits {
				t.Errorf("%s: the ledger has %v read units, want %v", a.what, entered, a.wantUnits)
			}
		})
	}
	f(audit{what: "an entry that stays", succeeded: time.Hour, want: metrics.AuditBeyondBound, wantTook: bound, wantUnits: 2, wantAsked: 2})
	f(audit{what: "a successor with equal bytes", succeeded: 20 * time.Millisecond, want: metrics.AuditWithinBound, wantTook: 20 * time.Millisecond, wantUnits: 1, wantAsked: 1})
	f(audit{what: "one that goes as the bound ends", succeeded: bound - time.Millisecond, want: metrics.AuditWithinBound, wantTook: bound - time.Millisecond, wantUnits: 1, wantAsked: 1})

	// throttled fails the reads from the second up to the nth.
	throttled := func(n int) func(int, *budget) (string, error) {
		return func(i int, _ *budget) (string, error) {
			if i > 0 && i <= n {
				return "", errors.New("throttled")
			}
			return "new", nil
		}
	}
	// The backend is asked again after 100 ms, 200 ms, and so on.
	f(audit{what: "five reads that fail", succeeded: time.Hour, ask: throttled(5),
		want: metrics.AuditBeyondBound, wantTook: bound + 3100*time.Millisecond, wantUnits: 2, wantAsked: 7})
	f(audit{what: "no answer before the entry goes", succeeded: time.Second, ask: throttled(1000),
		want: metrics.AuditUnresolved, wantTook: time.Second, wantUnits: 1, wantAsked: 5})
	f(audit{what: "no answer, and an entry that never goes", succeeded: time.Hour, ttl: time.Second, ask: throttled(1000),
		want: metrics.AuditUnresolved, wantTook: bound + time.Second, wantUnits: 1, wantAsked: 5})
	f(audit{what: "the budget spent by others", succeeded: time.Minute,
		ask: func(i int, b *budget) (string, error) {
			if i > 0 {
				b.spend(otherwise)
				return "", errors.New("throttled")
			}
			return "new", nil
		}, want: metrics.AuditUnresolved, wantTook: time.Minute, wantUnits: 1, wantAsked: 2})
	f(audit{what: "a value that came back meanwhile", succeeded: time.Hour,
		ask: func(i int, _ *budget) (string, error) {
			switch {
			case i == 0:
				return "new", nil
			case i < 3:
				return "", errors.New("throttled")
			}
			return "old", nil
		}, want: metrics.AuditWithinBound, wantTook: bound + 300*time.Millisecond, wantUnits: 2, wantAsked: 4})
	// An index gives another answer each time, and comes to rest.
	lag := r.proxy.pages.IndexLag(schema).Lag
	moving := func(i int, _ *budget) (string, error) { return fmt.Sprint("new", min(i, 5)), nil }
	f(audit{what: "an index that moves until the entry goes", succeeded: 4*(bound+lag) + time.Millisecond, lagging: true, ask: moving,
		want: metrics.AuditUnresolved, wantTook: 4*(bound+lag) + time.Millisecond, wantUnits: 5, wantAsked: 5})
	f(audit{what: "an index that comes to rest", succeeded: time.Hour, lagging: true, ask: moving,
		want: metrics.AuditBeyondBound, wantTook: 6 * (bound + lag), wantUnits: 7, wantAsked: 7})
}
