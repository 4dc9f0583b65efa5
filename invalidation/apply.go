package invalidation

import (
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// Apply hears of changes after the fact: records of a table's stream, in any order and any number of times, those of own
// writes among them. It is safe for concurrent use.
func (v *Invalidator) Apply(changes []ddb.Change) {
	if deafRecords || len(changes) == 0 {
		return
	}
	core, now := v.store.Core(), v.store.Now()
	records := make([]coherence.Record, 0, len(changes))
	for i := range changes {
		c := &changes[i]
		l := v.layout(c)
		if l.off {
			continue
		}
		r := coherence.Record{Table: l.table, Positions: touched(l.Layout, v.placed(c))}
		// A key that is not understood is nil: anything in the table.
		if key, ok := l.AppendKey(nil, c.Key); ok {
			r.Key = key
			// An image is worth making only to be compared. What comes to be cached meanwhile goes without one.
			if !(c.NewUnknown && c.HasNew) && core.Holds(l.table, key) {
				img := cache.ItemImage(c.New, c.HasNew)
				r.Image = &img
			}
		}
		records = append(records, r)
		v.indexes.note(now, v.store.IndexLag(l.table).Watch, l.table, l.Layout, c)
	}
	core.Record(now, records)
	v.count(metrics.FromStream, len(records))
	v.store.Relieve()
}

// placed is c as far as its places are concerned.
func (v *Invalidator) placed(c *ddb.Change) *ddb.Change {
	if v.rules.Old { // R43
		return c
	}
	now := *c
	now.Old, now.HasOld, now.OldUnknown = nil, false, false
	return &now
}

// touched are the places where c changes what a page can show: of the table always, of an index only when something that the index holds of
// the item has changed. An image may be unknown: exact is then what is known to suffice, else it is the partition of a local index, which the
// key tells, or the whole of a global index.
func touched(l *cache.Layout, c *ddb.Change) []coherence.Position {
	out := make([]coherence.Position, 0, 1+2*len(l.Indexes))
	if p, pos, ok := l.Base.Place(c.Key); ok {
		out = append(out, coherence.Position{Partition: p, Pos: pos})
	}
	for _, x := range l.Indexes {
		out = appendPlaces(out, x, c)
	}
	return out
}

// appendPlaces appends where c changes x: exactly, if c has both images, else wherever it may.
func appendPlaces(out []coherence.Position, x *cache.IndexLayout, c *ddb.Change) []coherence.Position {
	if !c.OldUnknown && !c.NewUnknown {
		return appendTouched(out, x, c)
	}
	for _, name := range x.SpanNames() {
		out = appendPossible(out, x, name, c)
	}
	return out
}

// appendPossible appends where the item of c may have been and may be in x, for pages called name.
func appendPossible(out []coherence.Position, x *cache.IndexLayout, name string, c *ddb.Change) []coherence.Position {
	if p, pos, ok := x.KeyPlace(c.Key); ok {
		return append(out, coherence.Position{Index: name, Partition: p, Pos: pos})
	}
	if c.HasOld && c.OldUnknown || c.HasNew && c.NewUnknown {
		// A local index has the table's partitions.
		return append(out, coherence.Position{Index: name, Partition: x.SharedPartition(c.Key)})
	}
	for _, side := range []struct {
		has  bool
		item ddb.Item
	}{{c.HasOld, c.Old}, {c.HasNew, c.New}} {
		if p, pos, ok := x.Place(side.item); side.has && ok {
			out = append(out, coherence.Position{Index: name, Partition: p, Pos: pos})
		}
	}
	return out
}
