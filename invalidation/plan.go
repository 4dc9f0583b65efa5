package invalidation

import (
	"context"
	"slices"
	"strings"
	"sync"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// plan is what one request may change.
type plan struct {
	// keys are the items it may write. one, placed and settledOne are memory for a write of one item.
	keys       []keyEffect
	one        [1]keyEffect
	placed     [1]coherence.Position
	settledOne [1]outcome
	// attributes finds the item that the answer to a write of one item brings; such a write has no outcomes. It is nil where what is
	// answered may be something else than what there is now.
	attributes attributesOf
	// memory is for what is settled; nil is none.
	memory *settleMemory
	// outcomes tells, after the call, what became of each of keys; result is what the error alone tells. It is
	// nil when that holds for all.
	outcomes func(resp *ddb.Response, err error, result coherence.Result) []outcome
	// tables are forgotten with their schemas when the request may have succeeded.
	tables []tableRef
	// unknown are tables written whose schemas are not known, so that nothing of them is cached. If one is learned
	// meanwhile, what is read of it then may be what was before the write, so it is forgotten.
	unknown []tableRef
	// everything is announced for every table, and every table is forgotten.
	everything bool
	// transaction is set where all of it is applied or nothing, which costs twice.
	transaction bool
	// instead is what is sent in the request's place: the same, asking for the image that it leaves. It may be nil.
	instead *ddb.Request
	// returns is the ReturnValues that the backend is asked for: the client's, or what it was changed to on the way.
	returns string
}

// keyEffect is one item that may be written.
type keyEffect struct {
	schema *cache.Schema
	effect coherence.Effect
	change // what is known of it beforehand
	// elsewhere says that the request names a table of another region or account, which upstream may or may not tell from
	// ours. What it leaves there is not known to be what ours holds.
	elsewhere bool
}

// change is what a request says that it makes of an item.
type change struct {
	// key has the primary key, among other things perhaps.
	key ddb.Item
	// after is what is known of the item after the write, and item the item if it is afterPut.
	after after
	item  ddb.Item
	// updates are the attributes that an update changes or changes something in; nil where that is not known.
	updates []string
	// member is the number of the action or statement that it is of.
	member int
}

// of is c as the change of an action, or statement.
func (c change) of(member int) change {
	c.member = member
	return c
}

// after is what is known of an item after a write.
type after uint8

const (
	afterUnknown after = iota
	afterPut           // it is the item given
	afterDelete        // it is gone
	afterCheck         // it is not written, only looked at
)

// outcome is what became of one item.
type outcome struct {
	result coherence.Result
	// memory is the plan's, and own what image points to if the write left it.
	memory *settleMemory
	own    coherence.Image
	// image is to be cached when the write is known to have left exactly that, or, with ConditionFailed, found it; else nil.
	image *coherence.Image
	// old and new are the item before and after, where the answer tells: known says so, and exists whether there was one.
	old, new told
}

// told is an item that an answer tells of.
type told struct {
	known, exists bool
	item          ddb.Item
}

// stale reports whether the keys were made with a schema that is no longer the table's.
func (p *plan) stale() bool {
	for i := range p.keys {
		if p.keys[i].schema.Stale() {
			return true
		}
	}
	return false
}

// settled is what became of each key.
func (p *plan) settled(g *Guard, resp *ddb.Response, err error, result coherence.Result) []outcome {
	var out []outcome
	switch {
	case p.attributes != nil:
		out = p.single(g, resp, err, result)
	case p.outcomes != nil:
		out = p.outcomes(resp, err, result)
	default:
		return p.all(result)
	}
	for i := range out {
		if p.keys[i].elsewhere {
			out[i] = outcome{result: out[i].result}
		}
	}
	return out
}

// all is the same outcome for every key.
func (p *plan) all(result coherence.Result) []outcome {
	out := p.settledOne[:]
	if len(p.keys) != len(out) {
		out = make([]outcome, len(p.keys))
	}
	for i := range out {
		out[i] = outcome{result: result, memory: p.memory}
	}
	return out
}

// planNothing is the plan of what changes nothing that is cached.
func planNothing(*Guard, context.Context, *ddb.Request) *plan { return &plan{} }

// planEverything is the plan of what may change anything. A backend that announces its commits tells exactly what
// changed, and nothing needs to be feared beyond that.
func planEverything(g *Guard, _ context.Context, _ *ddb.Request) *plan {
	return &plan{everything: !g.store.Authoritative()}
}

// planTable makes the plan of an operation that makes, changes or deletes the one table that name finds.
func planTable[T any](name func(*T) string) func(*Guard, context.Context, *ddb.Request) *plan {
	return func(g *Guard, ctx context.Context, req *ddb.Request) *plan {
		in, err := ddb.InputAs[T](req)
		if err != nil {
			return planEverything(g, ctx, req)
		}
		if !g.config.OneStore && g.foreign(ctx, req, name(in)) {
			return &plan{}
		}
		return &plan{tables: []tableRef{{req.Scope, ddb.TableName(name(in))}}}
	}
}

// add adds a change of an item of the given table. If the table's keys are not known, or the item has none, only the table
// is noted. A table of another region or account is none of ours, unless upstream may have one store for all.
func (p *plan) add(g *Guard, ctx context.Context, req *ddb.Request, table string, c change) {
	elsewhere := g.elsewhere(ctx, req, table)
	if elsewhere && !g.config.OneStore {
		return
	}
	name := ddb.TableName(table)
	s := g.schemas.Known(req.Scope, []byte(name))
	if s == nil && !elsewhere { // of no table of ours is cached what there is elsewhere, and upstream is not asked for it
		s, _ = g.schemas.Get(ctx, req.Scope, name)
	}
	if s == nil {
		p.unknown = append(p.unknown, tableRef{req.Scope, name})
		return
	}
	key, ok := s.AppendItemKey(make([]byte, 0, keyRoom), c.key)
	if !ok {
		// The backend will refuse it, or the schema is no longer right.
		if !g.store.Authoritative() {
			p.tables = append(p.tables, tableRef{req.Scope, name})
		}
		return
	}
	e := coherence.Effect{Table: s.Table, Key: key}
	if partition, position, ok := s.Base.Place(c.key); ok && !g.store.Authoritative() {
		e.Positions = p.placed[:]
		if len(p.keys) > 0 {
			e.Positions = make([]coherence.Position, 1)
		}
		e.Positions[0] = coherence.Position{Partition: partition, Pos: position}
	}
	if p.keys == nil {
		p.keys = p.one[:0]
	}
	p.keys = append(p.keys, keyEffect{s, e, c, elsewhere})
}

// keyRoom is room for the canonical keys of most items.
const keyRoom = 80

// positions are the places in indexes where a write that ended like this may have changed pages, beside its place in the
// table, which was announced; room is memory for them. cached is what was cached of the item when the write began.
//
// A page of a local index must show an own write that was acknowledged (P7), so every place that is not certain is the whole
// partition. Nothing such is promised of a global index: where the table is covered its record tells the places for certain,
// so what was cached will do for the old place; where nothing is known of it, all of the index goes (precision 7).
func (k *keyEffect) positions(room []coherence.Position, rules *Rules, o *outcome, cached func() told, covered bool) []coherence.Position {
	if o.result == coherence.NotApplied || len(k.schema.Indexes) == 0 {
		return nil
	}
	applied := o.result == coherence.Applied
	local := ddb.Change{Key: k.key, HasOld: true, OldUnknown: true, HasNew: true, NewUnknown: true}
	if o.old.known {
		local.HasOld, local.OldUnknown, local.Old = o.old.exists, false, o.old.item
	}
	if o.new.known {
		local.HasNew, local.NewUnknown, local.New = o.new.exists, false, o.new.item
	}
	global := local
	if global.OldUnknown {
		if c := cached(); c.known {
			global.HasOld, global.OldUnknown, global.Old = c.exists, false, c.item
		}
	}
	out := slices.Grow(room, 2*len(k.schema.Indexes)) // before and after
	for _, x := range k.schema.Indexes {
		known := &local
		if x.Global || !rules.Whole { // P7
			known = &global
		}
		switch {
		case applied && known.OldUnknown && !known.NewUnknown && k.staysIn(rules, x):
			// Where it is now it was before, if it was there at all.
			now := *known
			now.HasOld, now.OldUnknown = false, false
			out = appendPlaces(out, x, &now)
		case !x.Global:
			out = appendPlaces(out, x, known)
		case applied && known.NewUnknown && k.spares(rules, x):
			// The index shows nothing of what was changed.
		case applied && known.NewUnknown && !known.OldUnknown && known.HasOld && k.staysIn(rules, x):
			// Where it was it is.
			was := *known
			was.HasNew, was.NewUnknown = false, false
			out = appendPlaces(out, x, &was)
		case applied || !covered || !global.OldUnknown && !global.NewUnknown:
			out = appendPlaces(out, x, &global)
		}
	}
	return out
}

// spares reports whether the write changes nothing that x holds, whatever the item was. One that was not there before may come to be in an
// index whose key is made of the table's.
func (k *keyEffect) spares(rules *Rules, x *cache.IndexLayout) bool {
	if _, _, keyed := x.KeyPlace(k.key); keyed || !k.staysIn(rules, x) {
		return false
	}
	return !slices.ContainsFunc(k.updates, x.Projects)
}

// staysIn reports whether the write leaves the item's place in x as it is, whatever the item was.
func (c *change) staysIn(rules *Rules, x *cache.IndexLayout) bool {
	if c.updates == nil {
		return false
	}
	for _, k := range x.KeySchema() {
		if slices.Contains(c.updates, k.AttributeName) && rules.Stays { // R43
			return false
		}
	}
	return true
}

// cached is what was cached of the i-th key when the write began.
func (w *write) cached(i int) told {
	image, exists, known := w.guard.store.Core().Old(w.core, i, nil)
	if !known || !exists {
		return told{known: known}
	}
	item, err := ddb.ParseItemJSON(image)
	if err != nil {
		return told{}
	}
	return told{known: true, exists: true, item: item}
}

// doubtful reports whether err shows that what is known of a table's keys, or that it exists, is no longer right.
func doubtful(err error) bool {
	e, ok := err.(*ddb.Error)
	return ok && (e.Code == "ResourceNotFoundException" || e.Code == "ResourceInUseException" ||
		strings.Contains(e.Message, "does not match the schema"))
}

// settleMemory is what writes are settled in. It is used again: the core copies what it stores of an item, and keeps no positions, only
// the bytes of some.
type settleMemory struct {
	images    []byte
	positions []coherence.Position
}

// settleMemories are those that are used again.
var settleMemories = sync.Pool{New: func() any { return new(settleMemory) }}

// maxSettleBytes is the longest memory for images that is worth keeping.
const maxSettleBytes = 64 << 10

// release lets go of what is in m.
func (m *settleMemory) release() {
	if cap(m.images) > maxSettleBytes {
		m.images = nil
	}
	m.images = m.images[:0]
	clear(m.positions[:cap(m.positions)])
	settleMemories.Put(m)
}
