// Package invalidation makes the caches forget what writes have changed. The Guard is the one door to the backend:
// every mutation that a request makes begins and ends there. The Invalidator hears of changes from elsewhere, with the
// embedded engine of every commit, and translates them for the coherence core.
//
// It promises that before a write is acknowledged nothing that contradicts it can be served any more, and that a write
// whose outcome is unknown is taken for both. It never guesses that a failed write did not happen.
package invalidation

import (
	"sync"
	"sync/atomic"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// Invalidator is told of changes. It has the methods that the embedded engine calls for every commit, whoever made
// it: Pending before the commit can be read, Settled after, both with the same slice and from one goroutine.
type Invalidator struct {
	store   *cache.Store
	schemas atomic.Pointer[cache.SchemaCache] // set by the Guard; until then nothing is cached

	// changing is held for writing while what is announced changes; it is locked before mu.
	changing sync.RWMutex

	mu sync.Mutex

	layouts map[tableRef]layout
	pending map[*ddb.Change]*pending // by the first change of what is pending
	settled *sync.Cond               // on mu: something pending has settled
	all     bool                     // commits to tables that are off are announced too

	acked   ownWrites
	indexes indexWatch
	rules   Rules // set by the Guard
}

// pending is a commit that is announced.
type pending struct{ mutations []coherence.Mutation }

// tableRef names a table.
type tableRef struct{ scope, name string }

// layout is what a change is translated with, and the description it was made from, which is another one after every
// change of the table.
type layout struct {
	*cache.Layout
	desc  *ddb.TableDescription
	table *coherence.Table
	off   bool // nothing of the table is ever cached
}

// NewInvalidator makes an invalidator for what is in store. Give it to NewGuard, and to the engine as its hooks.
func NewInvalidator(store *cache.Store) *Invalidator {
	v := &Invalidator{store: store, layouts: map[tableRef]layout{}, pending: map[*ddb.Change]*pending{}}
	v.settled = sync.NewCond(&v.mu)
	v.indexes.within(store)
	return v
}

// Pending hears of changes about to become visible: from here to Settled their items and pages are not served.
func (v *Invalidator) Pending(changes []ddb.Change) {
	if deaf || len(changes) == 0 {
		return
	}
	v.changing.RLock()
	mutations := v.mutations(changes)
	v.mu.Lock()
	v.pending[&changes[0]] = &pending{mutations}
	v.mu.Unlock()
	v.changing.RUnlock()
	v.store.Core().Pending(v.store.Now(), mutations)
	v.count(metrics.FromCommit, len(mutations))
}

// Settled hears that the changes of the Pending before are visible to every read from now on.
func (v *Invalidator) Settled(changes []ddb.Change) {
	if deaf || len(changes) == 0 {
		return
	}
	v.mu.Lock()
	p := v.pending[&changes[0]]
	v.mu.Unlock()
	v.store.Core().Settled(v.store.Now(), p.mutations)
	v.mu.Lock()
	delete(v.pending, &changes[0])
	v.mu.Unlock()
	v.settled.Broadcast()
	v.store.Relieve()
}

// TablesChanging hears that a table is about to be made, changed or deleted. From here to TablesChanged nothing cached of it
// is served, and nothing read of it is stored.
func (v *Invalidator) TablesChanging(scope, table string) {
	if deaf {
		return
	}
	v.store.Core().Changing(v.store.Table(scope, table))
}

// TablesChanged hears that every read sees the change of the TablesChanging before. Nothing cached of the table until
// then is ever served.
func (v *Invalidator) TablesChanged(scope, table string) {
	if deaf {
		return
	}
	v.drop(scope, table)
	v.store.Core().Changed(v.store.Table(scope, table))
	v.count(metrics.FromTable, 1)
}

// Coverage is how a table's caches learn of writes that do not pass through here.
type Coverage struct {
	// Mode is cache.Stream or cache.TTL.
	Mode cache.Coverage
	// Delta bounds the age of answers under Stream; 0 is the table's own setting.
	Delta time.Duration
}

// Cover says how a table's caches learn of foreign writes from now on, and makes them forget: between one way and
// another something may go by. Call it with cache.Stream when every later commit is certain to come to Apply.
func (v *Invalidator) Cover(scope, table string, c Coverage) {
	if !deaf {
		v.indexes.cover(v.store.Now(), v.store.Table(scope, table))
		v.store.Cover(scope, table, c.Mode, c.Delta)
	}
}

// Advance says that every commit to a table up to watermark, on the store's clock, was given to Apply.
func (v *Invalidator) Advance(scope, table string, watermark coherence.Time) {
	v.store.Advance(scope, table, watermark)
	t := v.store.Table(scope, table)
	v.indexes.settle(v.store.Now(), t, watermark, func(lag time.Duration) { v.store.IndexLagged(t, lag) })
}

// Lost says that commits to a table may have gone by: what is cached of it is forgotten. why is for the log.
func (v *Invalidator) Lost(scope, table, why string) {
	if !deaf {
		v.indexes.cover(v.store.Now(), v.store.Table(scope, table))
		v.store.Lost(scope, table, why)
	}
}

// forget makes everything cached of a table forgotten, its schema too.
func (v *Invalidator) forget(scope, table string) {
	if deaf {
		return
	}
	v.drop(scope, table)
	if t := v.store.Used(scope, table); t != nil {
		v.indexes.forget(v.store.Now(), t, false)
	}
	v.store.Forget(scope, table)
}

// drop makes what is known of a table's keys stale.
func (v *Invalidator) drop(scope, table string) {
	if s := v.schemas.Load(); s != nil {
		s.Drop(scope, table)
	}
	v.mu.Lock()
	delete(v.layouts, tableRef{scope, table})
	v.mu.Unlock()
}

// mutations translates changes.
func (v *Invalidator) mutations(changes []ddb.Change) []coherence.Mutation {
	out := make([]coherence.Mutation, 0, len(changes))
	for i := range changes {
		c := &changes[i]
		l := v.layout(c)
		if l.off {
			continue
		}
		m := coherence.Mutation{Table: l.table, Positions: touched(l.Layout, c)}
		// A key that is not understood is nil: anything in the table.
		if key, ok := l.AppendKey(nil, c.Key); ok {
			m.Key = key
		}
		img := cache.ItemImage(c.New, c.HasNew)
		m.New = &img
		out = append(out, m)
	}
	return out
}

// layout is the layout of c's table at the time of the change.
func (v *Invalidator) layout(c *ddb.Change) layout {
	ref := tableRef{c.Scope, c.Table.TableName}
	v.mu.Lock()
	defer v.mu.Unlock()
	have := v.layouts[ref]
	if have.desc != c.Table {
		have = layout{
			Layout: cache.NewLayout(c.Table), desc: c.Table,
			table: v.store.Table(c.Scope, c.Table.TableName),
			off:   !v.all && !v.store.Settings().Table(c.Table.TableName).Items,
		}
		v.layouts[ref] = have
	}
	return have
}

// appendTouched appends the places of c in x.
func appendTouched(out []coherence.Position, x *cache.IndexLayout, c *ddb.Change) []coherence.Position {
	var oldAt, newAt coherence.Position
	var hadEntry, hasEntry bool
	if c.HasOld {
		oldAt.Partition, oldAt.Pos, hadEntry = x.Place(c.Old)
	}
	if c.HasNew {
		newAt.Partition, newAt.Pos, hasEntry = x.Place(c.New)
	}
	stays := hadEntry && hasEntry &&
		string(oldAt.Partition) == string(newAt.Partition) && string(oldAt.Pos) == string(newAt.Pos)
	add := func(name string) {
		if hadEntry {
			oldAt.Index = name
			out = append(out, oldAt)
		}
		if hasEntry && !stays {
			newAt.Index = name
			out = append(out, newAt)
		}
	}
	if !stays || !x.SameContent(c.Old, c.New) {
		add(x.SpanName(false))
	}
	if name := x.SpanName(true); name != x.Name {
		add(name) // such pages show attributes that the index does not hold, so any change is one to them
	}
	return out
}
