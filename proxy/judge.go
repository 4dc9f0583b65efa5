package proxy

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// suspect is an answer of the caches that is held against the backend's, long after whoever asked was answered.
type suspect struct {
	schema *cache.Schema
	// kind is item or page, key the key in its cache.
	kind string
	key  []byte
	// answer is the image, nil for the absence of an item; validAt tells its entry from a later one that looks the same.
	answer  []byte
	validAt coherence.Time
	// ttl is how long the entry may live, lagging whether it shows an index that lags behind its table.
	ttl     time.Duration
	lagging bool
	// price is what a read is expected to cost in read units, prepaid how many of them the budget has been charged already.
	price, prepaid float64
	// again looks once more, without leading a read. standing tells how the entry stands now.
	again    func() (coherence.Read, bool)
	standing func() coherence.Standing
	// trail tells what happened to what is under the key, the entry's coming among it.
	trail func() []cache.Happening
	// ask reads the same from the backend, strongly where that can be, and tells what it cost in half read units. The caches
	// do not hear of it: it is nobody's answer, and would hide what is looked for.
	ask func(ctx context.Context) (answer []byte, halves int64, err error)
	// same compares two answers.
	same func(a, b []byte) bool
}

// itemSuspect is r, the answer to g.
func (p *Proxy) itemSuspect(g *itemRead, r coherence.Read) suspect {
	ttl := g.schema.Settings.ItemTTL
	if r.Outcome == coherence.Negative {
		ttl = g.schema.Settings.NegativeTTL
	}
	return suspect{
		schema: g.schema, kind: "item", key: g.cacheKey, answer: r.Body, validAt: r.ValidAt, ttl: ttl,
		again:    func() (coherence.Read, bool) { return p.items.Peek(g.schema, g.cacheKey) },
		standing: func() coherence.Standing { return p.items.Standing(g.schema, g.cacheKey) },
		trail:    func() []cache.Happening { return p.items.Trail(g.schema, g.cacheKey) },
		ask: func(ctx context.Context) ([]byte, int64, error) {
			strong := true
			resp, err := p.fill(ctx, g.schema.Scope, &ddb.GetItemInput{TableName: g.schema.Name, Key: g.key, ConsistentRead: &strong}, strength{strong: true})
			if err != nil {
				return nil, 0, err
			}
			out, err := wholeOutput[ddb.GetItemOutput](resp)
			if err != nil {
				return nil, 0, err
			}
			img := cache.ItemImage(out.Item, out.Item != nil)
			return img.Bytes, itemHalves(img.Meta.Size, true), nil
		},
		same: sameItem,
	}
}

// pageSuspect is r, the answer to q. A global index cannot be read strongly.
func (p *Proxy) pageSuspect(q *pageRead, r coherence.Read) suspect {
	strong := !q.index.Global
	return suspect{
		schema: q.schema, kind: "page", key: q.key, answer: r.Body, validAt: r.ValidAt, ttl: q.settings.TTL,
		lagging:  q.index.Global && p.schemas.Coverage(q.schema) != cache.Embedded,
		again:    func() (coherence.Read, bool) { return p.pages.Peek(q.schema, q.key, q.settings) },
		standing: func() coherence.Standing { return p.pages.Standing(q.schema, q.key) },
		trail:    func() []cache.Happening { return p.pages.Trail(q.schema, q.key) },
		ask: func(ctx context.Context) ([]byte, int64, error) {
			got, err := q.fetch(ctx, p, strength{strong: strong})
			if err != nil {
				return nil, 0, err
			}
			return got.body, halves(eventualHalves(q.unitsOf(&got, strong)), strong), nil
		},
		same: samePage,
	}
}

// sameItem reports whether two images show one item. A set's members have no order.
func sameItem(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	x, errX := ddb.ParseItemJSON(a)
	y, errY := ddb.ParseItemJSON(b)
	return errX == nil && errY == nil && ddb.EqualItems(x, y)
}

// samePage is sameItem for pages.
func samePage(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y ddb.QueryOutput // Scan's has the same members
	if ddb.DecodeShape(a, &x) != nil || ddb.DecodeShape(b, &y) != nil {
		return false
	}
	return x.Count == y.Count && x.ScannedCount == y.ScannedCount && ddb.EqualItems(x.LastEvaluatedKey, y.LastEvaluatedKey) &&
		slices.EqualFunc(x.Items, y.Items, ddb.EqualItems)
}

// served reports whether the very entry that s came from would be served now. One of the same bytes that was read or
// written later is another: what contradicted the first one may not contradict it.
func (s *suspect) served() bool {
	now, ok := s.again()
	return ok && now.ValidAt == s.validAt && bytes.Equal(now.Body, s.answer)
}

// judge finds out whether the entry of s contradicts the backend, and whether it goes in time.
//
// The backend's answer was current after s was read, so if it differs, a write came between: the entry is old, whatever the
// item becomes later. It must be gone a bound after that, and another entry in its place counts as gone. So an item that is
// written all the time is judged as surely as another, and none is blamed for a value that came back.
//
// An index that lags is read like any client does, from whichever copy; one answer that differs may be the older one. There
// it takes two, a bound apart, that agree with each other and not with the entry; if they differ too, it is tried again.
//
// So it is where the backend does not answer, which happens just when streams lag too. Only the end of the entry ends that.
func (p *Proxy) judge(s *suspect) metrics.AuditVerdict {
	other, err := p.ask(s)
	switch {
	case err != nil:
		return metrics.AuditUnresolved
	case s.same(other, s.answer):
		return metrics.AuditAgreed
	}
	began := time.Now()
	bound := p.boundOf(s)
	w := &watch{suspect: s, bound: bound, seen: began, last: began, due: bound, retry: firstRetry}
	w.history = history{start: began, now: p.items.Now}
	pause := min(firstLook, max(bound/50, time.Millisecond))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		w.history.note(s.standing())
		if !s.served() {
			return p.gone(w)
		}
		w.last = time.Now()
		if w.open && w.last.Sub(began) > bound+s.ttl { // nothing lives so long, whoever is to blame
			return p.gone(w)
		}
		if w.last.Sub(w.seen) >= w.due {
			if verdict, ok := p.confirm(w, &other); ok {
				return verdict
			}
			continue
		}
		timer.Reset(min(pause, w.due-w.last.Sub(w.seen)))
		select {
		case <-timer.C:
		case <-p.life.Done():
			return metrics.AuditUnresolved
		}
		pause = min(pause*3/2, max(bound/50, firstLook))
	}
}

// watch is an entry that was contradicted and is looked at until it is gone.
type watch struct {
	*suspect
	bound time.Duration
	// seen is when it was contradicted, last when it was last seen to be served.
	seen, last time.Time
	// due is how long after seen the backend is to confirm it, retry how much later if it does not answer.
	due, retry time.Duration
	// open is set when a bound went by and the backend did not say which of the two is right.
	open    bool
	history history
}

// confirm asks the backend again, a bound after it contradicted the entry of w by answer other; false if that told nothing, and
// it is to be asked later. What is asked beyond the second time must have a place in the budget.
func (p *Proxy) confirm(w *watch, other *[]byte) (metrics.AuditVerdict, bool) {
	if w.open {
		if !p.budget.take(w.price) {
			w.later()
			return 0, false
		}
		w.prepaid = w.price
	}
	now, err := p.ask(w.suspect)
	switch {
	case err != nil:
		w.open = true
		w.later()
		return 0, false
	case w.same(now, w.answer):
		w.schema.Audit.Stale(w.last.Sub(w.seen))
		return metrics.AuditWithinBound, true
	case !w.served():
		return p.gone(w), true
	case w.lagging && !w.same(now, *other):
		*other, w.seen, w.due, w.open = now, time.Now(), w.bound, true
		return 0, false
	}
	w.schema.Audit.Stale(w.last.Sub(w.seen))
	w.history.note(w.standing())
	p.breached(w.suspect, w.bound, time.Since(w.seen), &w.history)
	return metrics.AuditBeyondBound, true
}

// firstRetry is when the backend is asked again that did not answer; each time later by twice as much, up to maxRetry.
const (
	firstRetry = 100 * time.Millisecond
	maxRetry   = 10 * time.Second
)

// later puts the next question off.
func (w *watch) later() {
	w.due = time.Since(w.seen) + w.retry
	w.retry = min(2*w.retry, maxRetry)
}

// gone is the verdict on an entry that is served no more: in time, unless it stayed for its bound and nobody could be asked
// whether that was wrong. Of that the operator is told.
func (p *Proxy) gone(w *watch) metrics.AuditVerdict {
	stale := w.last.Sub(w.seen)
	if w.open {
		p.config.Logger.Warn("an entry may have been served beyond its bound; the backend did not confirm it while it was there",
			"table", w.schema.Name, "kind", w.kind, "key_hash", p.keyHash(w.key), "bound", w.bound, "stale_for", stale, "history", w.history.notes)
		return metrics.AuditUnresolved
	}
	w.schema.Audit.Stale(stale)
	return metrics.AuditWithinBound
}

// firstLook is when an entry that was contradicted is looked at first; the pauses grow from there.
const firstLook = 5 * time.Millisecond

// ask reads what s shows from the backend, and enters what that cost.
func (p *Proxy) ask(s *suspect) ([]byte, error) {
	ctx, cancel := context.WithTimeout(p.life, p.config.ReadTimeout)
	defer cancel()
	answer, halves, err := s.ask(ctx)
	s.schema.Account.Add(metrics.Audits, uint64(max(0, halves)))
	p.budget.spend(float64(halves)/2 - s.prepaid)
	s.prepaid = 0
	return answer, err
}

// boundOf is how long after the backend's contradiction the entry of s may be served: not at all where every commit is
// announced; Delta, and the stream's lag to be on the safe side, where its stream is read; its time to live elsewhere.
func (p *Proxy) boundOf(s *suspect) time.Duration {
	switch p.schemas.Coverage(s.schema) {
	case cache.Embedded:
		return 0
	case cache.Stream:
		bound := s.schema.Settings.Delta
		if p.config.Audit.Lag != nil {
			bound += p.config.Audit.Lag(s.schema)
		}
		if s.lagging {
			bound += p.pages.IndexLag(s.schema).Lag
		}
		return min(bound, s.ttl)
	}
	return s.ttl
}

// breached does what can be done about an entry that is served beyond its bound: it tells the operator all that is known,
// takes the stream to lag by so much, and forgets the table.
func (p *Proxy) breached(s *suspect, bound, stale time.Duration, h *history) {
	p.config.Logger.Error("an entry is served beyond its bound; its table is forgotten",
		"table", s.schema.Name, "kind", s.kind, "key_hash", p.keyHash(s.key), "coverage", string(p.schemas.Coverage(s.schema)),
		"bound", bound, "stale_for", stale, "transitions", transitions(s.trail()), "history", h.notes)
	if s.lagging { // it was taken for complete, perhaps too early
		p.pages.IndexLagged(s.schema, p.pages.IndexLag(s.schema).Watch)
	}
	if p.config.Audit.Breach != nil {
		p.config.Audit.Breach(s.schema, stale)
	}
	p.guard.Lost(s.schema, fmt.Sprintf("an audit found a cached %s %v out of date", s.kind, stale.Round(time.Millisecond)))
}

// transitions are what happened to an entry before it was found out, in words.
func transitions(trail []cache.Happening) []string {
	out := make([]string, len(trail))
	for i, x := range trail {
		out[i] = fmt.Sprintf("%v ago: %s", x.Ago.Round(time.Millisecond), x.What)
	}
	return out
}

// keyHash stands for a key in logs: as in the list of hot keys, where keys are counted.
func (p *Proxy) keyHash(key []byte) string {
	if p.config.Metrics == nil {
		return "-"
	}
	return fmt.Sprintf("%016x", p.config.Metrics.HotKeys.Hash(key))
}

// maxNotes is how many changes of an entry are kept, besides the first.
const maxNotes = 16

// history is how an entry came to stand while it was looked at: a note for each change, the first and the last ones.
type history struct {
	start time.Time
	now   func() coherence.Time
	last  coherence.Standing
	notes []string
}

// note takes down how the entry stands, if that is something new. The watermark and the count of writes move all the time.
func (h *history) note(st coherence.Standing) {
	what := st
	what.Watermark, what.Writes = 0, 0
	if len(h.notes) > 0 && what == h.last {
		return
	}
	h.last = what
	if len(h.notes) > maxNotes {
		h.notes = slices.Delete(h.notes, 1, 2)
	}
	now := h.now()
	ago := func(t coherence.Time) string {
		if t == 0 {
			return "never"
		}
		return fmt.Sprintf("%v ago", time.Duration(now-t).Round(time.Millisecond))
	}
	h.notes = append(h.notes, fmt.Sprintf(
		"after %v: cached %v, of this epoch %v, valid %s, watermark %s, key last touched %s, table %s, table's writes %d, forgotten %d, under way %d reads %d writes %d commits",
		time.Since(h.start).Round(time.Millisecond), st.Cached, st.Current, ago(st.ValidAt), ago(st.Watermark), ago(st.Stamped), ago(st.TableStamped),
		st.Writes, st.Forgotten, st.Reads, st.OwnWrites, st.Commits))
}
