package engine

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"millrace/ddb"
)

// Time to live works off a queue per table: one key for every item that has an expiry time, in the order of these
// times, written in the batch of the item itself. Finding what is due is a short scan, whatever the table's size. The
// queue is a hint: an item is deleted under its lock, after another look at its attribute.

// maxExpiryAge is how long after its expiry time an item may still expire. It keeps mistaken values from emptying a
// table. (Developer Guide, "Computing Time to Live (TTL) in DynamoDB": "... cannot be more than five years in the past".)
const maxExpiryAge = 5 * 365 * 24 * time.Hour

// maxExpirySeconds is where values stop being taken for times: they are tens of thousands of years ahead, such as
// milliseconds given for seconds.
const maxExpirySeconds = 1e12

// sweepBatch is how many items are expired, or put into the queue, by one commit.
const sweepBatch = 64

// errSettingMoved ends a fill that is about a setting that is no longer the table's.
var errSettingMoved = errors.New("time to live was changed")

// expiry is the time item expires at, in milliseconds of the Unix epoch; false if it never does. Only numbers count,
// and fractions of a second do.
func (s ttlSetting) expiry(item ddb.Item) (int64, bool) {
	if s.Attribute == "" {
		return 0, false
	}
	v, ok := item.Get(s.Attribute)
	if !ok || v.Kind() != ddb.KindN {
		return 0, false
	}
	seconds, err := strconv.ParseFloat(v.Num(), 64)
	if err != nil || seconds < 0 || seconds >= maxExpirySeconds {
		return 0, false
	}
	return int64(math.Ceil(seconds * 1000)), true
}

// queueExpiry adds to w what a mutation of the item at itemKey does to its table's queue.
func (w *prepared) queueExpiry(t *table, m *mutation, itemKey []byte) {
	if t.ttl.Attribute == "" {
		return
	}
	var was, is int64
	var had, has bool
	if m.hadOld {
		was, had = t.ttl.expiry(m.old)
	}
	if m.hasNew {
		is, has = t.ttl.expiry(m.new)
	}
	if had && has && was == is {
		// An item that is older than the setting may not be in the queue yet, but then the fill will put it there.
		return
	}
	if had {
		w.batch.delete(expiryKey(t.number, was, itemKey))
	}
	if has {
		w.batch.set(expiryKey(t.number, is, itemKey), nil)
	}
}

// expire fills queues and deletes what is due, until ctx ends.
func (e *Engine) expire(ctx context.Context) error {
	tick := time.NewTicker(e.cfg.SweepInterval)
	defer tick.Stop()
	for {
		if err := e.sweep(ctx); err != nil {
			// A sweep that the end of the context, or a table's, cut short says so in words of its own.
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errors.Is(err, errClosed) || e.store.failure() != nil {
				return err
			}
			// Items outlive their time, which DynamoDB allows; the next sweep tries again.
			e.cfg.Logger.Warn("sweep for expired items failed", "error", err)
		}
		select {
		case <-tick.C:
		case <-e.expiries:
		case <-e.done:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sweep goes once over all tables with time to live.
func (e *Engine) sweep(ctx context.Context) error {
	for _, t := range e.expiringTables() {
		if !t.ttl.Filled {
			if err := e.fillQueue(ctx, t); err != nil && !errors.Is(err, errSettingMoved) {
				return err
			}
		}
		pace := e.newPace()
		for more := true; more; {
			var err error
			if more, err = e.expireSome(ctx, t); err != nil {
				return err
			}
			if more {
				if err := pace.rest(ctx); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// expiringTables lists the tables with time to live.
func (e *Engine) expiringTables() []*table {
	if !e.enter() {
		return nil
	}
	defer e.gate.RUnlock()
	v := e.acquireView()
	defer v.release()
	var tables []*table
	for _, t := range v.cat.byNumber {
		if t.ttl.Attribute != "" {
			tables = append(tables, t)
		}
	}
	return tables
}

// dueRange bounds the part of a table's queue that holds expired items.
func (e *Engine) dueRange(table uint32) (lower, upper []byte) {
	now := e.cfg.Clock()
	header := make([]byte, itemHeaderBytes)
	lower = expiryKey(table, max(now.Add(-maxExpiryAge).UnixMilli(), 0), header)
	return lower, expiryKey(table, max(now.UnixMilli(), 0)+1, header)
}

// expireSome deletes up to sweepBatch expired items of t and reports whether there may be more.
func (e *Engine) expireSome(ctx context.Context, t *table) (more bool, err error) {
	if !e.enter() {
		return false, errClosed
	}
	defer e.gate.RUnlock()
	queued, err := e.dueItems(t)
	if err != nil || len(queued) == 0 {
		return false, err
	}
	keys := make([]lockKey, len(queued))
	for i, q := range queued {
		keys[i], _ = expiryItemKey(q)
	}
	err = e.commit(ctx, keys, func(v *view) (writeSet, error) {
		now, ok := v.cat.byNumber[t.number]
		if !ok || now.ttl.Attribute == "" {
			return writeSet{}, nil
		}
		return e.expireQueued(v, now, queued)
	})
	return len(queued) == sweepBatch, err
}

// dueItems reads the keys of up to sweepBatch entries of t's queue that are due.
func (e *Engine) dueItems(t *table) ([][]byte, error) {
	v := e.acquireView()
	defer v.release()
	it, err := v.snap.iterate(e.dueRange(t.number))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var queued [][]byte
	for it.First(); it.Valid() && len(queued) < sweepBatch; it.Next() {
		queued = append(queued, append([]byte(nil), it.Key()...))
	}
	return queued, it.Error()
}

// expireQueued deletes the items behind queued whose time has come by what their attribute says now. Their locks are
// held. Entries that no longer tell the truth are dropped.
func (e *Engine) expireQueued(v *view, t *table, queued [][]byte) (writeSet, error) {
	var set writeSet
	var stale [][]byte
	for _, q := range queued {
		itemKey, when := expiryItemKey(q)
		item, found, err := v.get(t, itemKey)
		if err != nil {
			return writeSet{}, err
		}
		if is, expires := t.ttl.expiry(item); !found || !expires || is != when {
			stale = append(stale, q)
			continue
		}
		key, _ := t.desc.KeySchema.KeyOf(item)
		set.mutations = append(set.mutations, mutation{table: t, key: key, old: item, hadOld: true, expired: true})
	}
	if len(stale) > 0 {
		set.records = func(_ *catalog, b *batch) error {
			for _, q := range stale {
				b.delete(q)
			}
			return nil
		}
	}
	return set, nil
}

// fillQueue puts the items that t had when its time to live was enabled into the queue, without holding up writers for
// longer than one small commit. It begins anew after a restart: entries are the same whoever writes them.
func (e *Engine) fillQueue(ctx context.Context, t *table) error {
	from, _ := keyspaceRange(t.number, baseIndex)
	for pace := e.newPace(); from != nil; {
		next, err := e.fillSome(ctx, t, from)
		if err == nil {
			err = pace.rest(ctx)
		}
		if err != nil {
			return err
		}
		from = next
	}
	if !e.enter() {
		return errClosed
	}
	defer e.gate.RUnlock()
	return e.changeTables(ctx, t.name(), func(cat *catalog, b *batch) (*catalog, error) {
		now := cat.byNumber[t.number]
		if now == nil || now.ttl != t.ttl {
			return nil, errSettingMoved
		}
		filled := now.changed(func(r *tableRecord) { r.TTL.Filled = true })
		b.set(tableKey(filled.number), filled.encode())
		return cat.with(filled), nil
	})
}

// fillSome queues the items of one stretch of t from the store key from on, and returns where the next one begins; nil at the
// end. Only items that expire are locked.
func (e *Engine) fillSome(ctx context.Context, t *table, from []byte) (next []byte, err error) {
	if !e.enter() {
		return nil, errClosed
	}
	defer e.gate.RUnlock()
	keys, next, err := e.expiringItems(t, from)
	if err != nil || len(keys) == 0 {
		return next, err
	}
	err = e.commit(ctx, keys, func(v *view) (writeSet, error) {
		var entries [][]byte
		for _, k := range keys {
			item, found, err := v.get(t, k)
			if err != nil {
				return writeSet{}, err
			}
			if when, expires := t.ttl.expiry(item); found && expires {
				entries = append(entries, expiryKey(t.number, when, k))
			}
		}
		return writeSet{records: func(cat *catalog, b *batch) error {
			if now := cat.byNumber[t.number]; now == nil || now.ttl != t.ttl {
				return errSettingMoved
			}
			for _, k := range entries {
				b.set(k, nil)
			}
			return nil
		}}, nil
	})
	return next, err
}

// fillStretch is how many items one step of a fill looks at.
const fillStretch = 1000

// expiringItems finds up to sweepBatch items with an expiry time among the next fillStretch.
func (e *Engine) expiringItems(t *table, from []byte) (keys []lockKey, next []byte, err error) {
	v := e.acquireView()
	defer v.release()
	c, err := v.scan(t, nil, from, nil, false)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if closeErr := c.close(); err == nil {
			err = closeErr
		}
	}()
	for seen := 0; c.next(); seen++ {
		if seen == fillStretch || len(keys) == sweepBatch {
			return keys, append([]byte(nil), c.key()...), nil
		}
		item, err := c.item()
		if err != nil {
			return nil, nil, err
		}
		if _, expires := t.ttl.expiry(item); expires {
			keys = append(keys, append(lockKey(nil), c.key()...))
		}
	}
	return keys, nil, nil
}
