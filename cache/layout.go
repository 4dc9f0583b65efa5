package cache

import (
	"slices"

	"millrace/ddb"
)

// Size limits of key attributes, in bytes of the raw value.
// (Developer Guide, "Constraints in Amazon DynamoDB": partition keys and sort keys.)
const (
	maxHashBytes  = 2048
	maxRangeBytes = 1024
)

// Layout tells where an item stands: its key in the item cache and its place in the table and in every index.
// It is made from one table description and never changes.
type Layout struct {
	// Base is the table itself, an index without a name.
	Base *IndexLayout
	// Indexes are the secondary indexes, global and local.
	Indexes []*IndexLayout

	byName map[string]*IndexLayout
	keys   map[string]bool // every key attribute of the table and its indexes
}

// IndexLayout tells where an item stands in one index, or in the table itself.
//
// A place is a partition and a position in it. Both are canonical key bytes (ddb.AppendKeyValue), the partition of the
// hash attributes and the position of the sort attributes. Positions sort as the items do. Items of an index with equal
// sort attributes share a position, for the order among them is the backend's affair: DynamoDB documents none.
type IndexLayout struct {
	// Name is the index's; empty for the table.
	Name string
	// Global is false for the table and for local indexes.
	Global bool
	// Usable is false for a global index that is being built or dropped; pages of it are not cached.
	Usable bool

	schema     ddb.KeySchema
	hash, sort []keyAttribute
	all        bool // everything is projected
	projected  map[string]bool
	fetchName  string
	keyed      bool // every key attribute is one of the table's
}

// keyAttribute is one attribute of a key and the kind it must have.
type keyAttribute struct {
	name string
	kind ddb.Kind
}

// NewLayout reads the layout off a table's description.
func NewLayout(desc *ddb.TableDescription) *Layout {
	attributes := func(names []string) []keyAttribute {
		out := make([]keyAttribute, len(names))
		for i, name := range names {
			out[i] = keyAttribute{name, desc.AttributeKind(name)}
		}
		return out
	}
	l := &Layout{byName: map[string]*IndexLayout{}, keys: map[string]bool{}}
	for _, a := range desc.AttributeDefinitions {
		l.keys[a.AttributeName] = true // DynamoDB allows definitions of key attributes only
	}
	l.Base = &IndexLayout{
		Usable: true, schema: desc.KeySchema,
		hash: attributes(desc.KeySchema.HashAll()), sort: attributes(desc.KeySchema.RangeAll()),
		all: true,
	}
	l.byName[""] = l.Base
	key := append(append([]keyAttribute(nil), l.Base.hash...), l.Base.sort...)
	add := func(name string, usable bool) {
		info, ok := desc.Index(name)
		if !ok {
			return
		}
		x := &IndexLayout{
			Name: name, Global: info.Global, Usable: usable, schema: info.KeySchema,
			hash: attributes(info.KeySchema.HashAll()), sort: attributes(info.KeySchema.RangeAll()),
			projected: map[string]bool{},
			// "*" is in no index name, so this is the name of nothing else.
			// (API Reference, Query, IndexName: pattern [a-zA-Z0-9_.-]+.)
			fetchName: name + "*",
		}
		x.all = info.Projection.ProjectionType == "ALL"
		for _, a := range x.hash {
			x.projected[a.name] = true
		}
		for _, a := range x.sort {
			x.projected[a.name] = true
		}
		for _, a := range key {
			x.projected[a.name] = true
		}
		x.keyed = true
		for _, a := range append(append([]keyAttribute(nil), x.hash...), x.sort...) {
			x.keyed = x.keyed && slices.Contains(key, a)
		}
		for _, name := range info.Projection.NonKeyAttributes {
			x.projected[name] = true
		}
		l.Indexes = append(l.Indexes, x)
		l.byName[name] = x
	}
	for _, gsi := range desc.GlobalSecondaryIndexes {
		add(gsi.IndexName, gsi.IndexStatus == "ACTIVE")
	}
	for _, lsi := range desc.LocalSecondaryIndexes {
		add(lsi.IndexName, true)
	}
	return l
}

// Index finds an index by name; "" is the table.
func (l *Layout) Index(name string) (*IndexLayout, bool) {
	x, ok := l.byName[name]
	return x, ok
}

// IsKey reports whether the attribute called name is part of a key of the table or of an index.
func (l *Layout) IsKey(name string) bool { return l.keys[name] }

// KeyAt returns the name and kind of the i-th attribute of the primary key; false when there is none.
func (l *Layout) KeyAt(i int) (name string, kind ddb.Kind, ok bool) {
	if i < len(l.Base.hash) {
		return l.Base.hash[i].name, l.Base.hash[i].kind, true
	}
	if i -= len(l.Base.hash); i < len(l.Base.sort) {
		return l.Base.sort[i].name, l.Base.sort[i].kind, true
	}
	return "", 0, false
}

// AppendKey appends the item cache's key of the item whose primary key is key. It reports false for anything
// that is not exactly a legal key of this table; DynamoDB would refuse that.
func (l *Layout) AppendKey(dst []byte, key ddb.Item) ([]byte, bool) {
	if len(key) != len(l.Base.hash)+len(l.Base.sort) {
		return dst, false
	}
	return l.AppendItemKey(dst, key)
}

// AppendItemKey is AppendKey for a whole item.
func (l *Layout) AppendItemKey(dst []byte, item ddb.Item) ([]byte, bool) {
	dst, ok := appendAttributes(dst, l.Base.hash, item, maxHashBytes)
	if !ok {
		return dst, false
	}
	return appendAttributes(dst, l.Base.sort, item, maxRangeBytes)
}

// appendAttributes appends the canonical bytes of attrs. It reports false when item lacks one, has it with
// another kind, empty, or longer than limit.
func appendAttributes(dst []byte, attrs []keyAttribute, item ddb.Item, limit int) ([]byte, bool) {
	for _, a := range attrs {
		v, ok := item.Get(a.name)
		if !ok || v.Kind() != a.kind {
			return dst, false
		}
		if n := len(v.Str()); n == 0 || (n > limit && a.kind != ddb.KindN) {
			return dst, false
		}
		dst = ddb.AppendKeyValue(dst, v)
	}
	return dst, true
}

// KeySchema is the key schema that key conditions are bound to.
func (x *IndexLayout) KeySchema() ddb.KeySchema { return x.schema }

// Place is where item stands in x. It reports false when x does not hold the item, because it lacks one of
// the key attributes.
func (x *IndexLayout) Place(item ddb.Item) (partition, position []byte, ok bool) {
	if !x.holds(item) {
		return nil, nil, false
	}
	place, ok := appendAttributes(make([]byte, 0, placeBytes), x.hash, item, maxHashBytes)
	if !ok {
		return nil, nil, false
	}
	n := len(place)
	if place, ok = x.AppendPosition(place, item); !ok {
		return nil, nil, false
	}
	return place[:n:n], place[n:], true
}

// placeBytes is room for most places.
const placeBytes = 80

// holds reports whether item has x's key attributes, of whatever kind.
func (x *IndexLayout) holds(item ddb.Item) bool {
	for _, attributes := range [2][]keyAttribute{x.hash, x.sort} {
		for _, a := range attributes {
			if _, ok := item.Get(a.name); !ok {
				return false
			}
		}
	}
	return true
}

// Partition is the partition whose key is key, which has the hash attributes and nothing else.
func (x *IndexLayout) Partition(key ddb.Item) ([]byte, bool) {
	if len(key) != len(x.hash) {
		return nil, false
	}
	return appendAttributes(make([]byte, 0, placeBytes), x.hash, key, maxHashBytes)
}

// AppendPosition appends item's position in its partition; item may be only a key, such as an ExclusiveStartKey.
func (x *IndexLayout) AppendPosition(dst []byte, item ddb.Item) ([]byte, bool) {
	return appendAttributes(dst, x.sort, item, maxRangeBytes)
}

// Projects reports whether the attribute called name is in the index.
func (x *IndexLayout) Projects(name string) bool { return x.all || x.projected[name] }

// ProjectsAll reports whether every attribute is in the index.
func (x *IndexLayout) ProjectsAll() bool { return x.all }

// SpanName is the index's name in a page's span. Pages of a local index that fetch attributes from the table which
// the index does not hold (fetches) change when any attribute does, others only with what is projected; so
// they go by two names.
func (x *IndexLayout) SpanName(fetches bool) string {
	if fetches && !x.Global && !x.all && x.Name != "" {
		return x.fetchName
	}
	return x.Name
}

// Shows is item as the index shows it: what is projected of it.
func (x *IndexLayout) Shows(item ddb.Item) ddb.Item {
	if x.all {
		return item
	}
	var shown ddb.Item
	for name := range x.projected {
		if v, ok := item.Get(name); ok {
			shown = shown.With(name, v)
		}
	}
	return shown
}

// SameContent reports whether a and b are alike in everything the index holds.
func (x *IndexLayout) SameContent(a, b ddb.Item) bool {
	if x.all {
		return ddb.EqualItems(a, b)
	}
	for name := range x.projected {
		av, aok := a.Get(name)
		bv, bok := b.Get(name)
		if aok != bok || aok && !ddb.Equal(av, bv) {
			return false
		}
	}
	return true
}

// KeyPlace is where an item stands in x whose primary key tells that, as it does when x is keyed by attributes of the table's
// key; key may be the whole item.
func (x *IndexLayout) KeyPlace(key ddb.Item) (partition, position []byte, ok bool) {
	if !x.keyed {
		return nil, nil, false
	}
	return x.Place(key)
}

// SpanNames are all the names that SpanName gives.
func (x *IndexLayout) SpanNames() []string {
	if name := x.SpanName(true); name != x.Name {
		return []string{x.Name, name}
	}
	return []string{x.Name}
}

// SharedPartition is the partition of the item with the given primary key in a local index, which has its table's
// partition key; nil in a global one, where the key does not tell.
func (x *IndexLayout) SharedPartition(key ddb.Item) []byte {
	if x.Global {
		return nil
	}
	p, ok := appendAttributes(make([]byte, 0, placeBytes), x.hash, key, maxHashBytes)
	if !ok {
		return nil
	}
	return p
}
