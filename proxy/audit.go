package proxy

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// AuditConfig is what audits go by: a share of hits, by table (cache.TableConfig.Audit), is compared with the backend after
// the client was answered.
type AuditConfig struct {
	// Budget is how many read units a second audits may cost; 0 means 10. Too small, and hits that were drawn are not looked
	// at, which is counted; too large shows in the backend's bill.
	Budget float64
	// Lag is how much later than Delta an entry of a table whose stream is read may go; nil is none.
	Lag func(*cache.Schema) time.Duration
	// Breach hears of a table of which an entry was served beyond its bound, and for how long it was seen to be; nil is nobody.
	Breach func(*cache.Schema, time.Duration)
}

// defaultAuditBudget is AuditConfig.Budget's.
const defaultAuditBudget = 10

// auditScanned audits the hit r of a GetItem whose body was never decoded. Its bytes are the reply's and are copied.
func (p *Proxy) auditScanned(ctx context.Context, req *ddb.Request, o Options, r coherence.Read, image []byte) {
	g, ok := p.newItemRead(ctx, req, o)
	if !ok {
		return
	}
	r.Body = nil
	if r.Outcome == coherence.Hit {
		r.Body = bytes.Clone(image)
	}
	p.auditItem(g, r)
}

// auditItem audits the hit r of g.
func (p *Proxy) auditItem(g *itemRead, r coherence.Read) {
	p.audit(p.itemSuspect(g, r), itemHalves(r.Meta.Size, true))
}

// auditPage audits the hit r of q, whose bytes are the reply's.
func (p *Proxy) auditPage(q *pageRead, r coherence.Read, body []byte) {
	r.Body = bytes.Clone(body)
	p.audit(p.pageSuspect(q, r), halves(eventualHalves(cache.UnitsOf(r.Meta)), !q.index.Global))
}

// audit holds s against the backend in the background, which will cost about so many half read units, unless the budget is
// spent, the table has not earned it, or too many are being looked into.
func (p *Proxy) audit(s suspect, halves int64) {
	if s.schema.Account.Poor() {
		s.schema.Audit.Judged(metrics.AuditSkipped)
		return
	}
	select {
	case p.suspects <- struct{}{}:
	default:
		s.schema.Audit.Judged(metrics.AuditSkipped)
		return
	}
	s.price = float64(halves) / 2
	if s.prepaid = s.price; !p.budget.take(s.prepaid) {
		<-p.suspects
		s.schema.Audit.Judged(metrics.AuditSkipped)
		return
	}
	p.reads.Go(func() {
		verdict := metrics.AuditUnresolved
		defer func() {
			<-p.suspects
			if r := recover(); r != nil {
				p.config.Logger.Error("panic in an audit", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			}
			s.schema.Audit.Judged(verdict)
		}()
		verdict = p.judge(&s)
	})
}

// budget is a bucket of read units that fills with time and holds what comes in a second. What is expected to be spent is
// taken before, and the difference when the price is known, so the bucket may be overdrawn; nothing is begun until that is
// made up.
type budget struct {
	rate float64
	now  func() time.Time

	mu sync.Mutex

	units float64
	at    time.Time
}

// newBudget makes a full one.
func newBudget(rate float64, now func() time.Time) *budget {
	return &budget{rate: rate, now: now, units: rate, at: now()}
}

// take takes what is expected to be spent, if it is there; of what is more than a second brings, a full bucket will do.
func (b *budget) take(expected float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill()
	if b.units < min(expected, b.rate) {
		return false
	}
	b.units -= expected
	return true
}

// spend takes what was spent.
func (b *budget) spend(units float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill()
	b.units -= units
}

// fill adds what has come in since. The lock is held.
func (b *budget) fill() {
	now := b.now()
	b.units = min(b.rate, b.units+b.rate*now.Sub(b.at).Seconds())
	b.at = now
}
