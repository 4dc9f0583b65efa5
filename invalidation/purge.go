package invalidation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// Purge names what is to be forgotten though nothing is known to have changed it. Nothing but All is everything of the
// table.
type Purge struct {
	// Scope and Table say which table.
	Scope, Table string
	// Key is the primary key of one item: it goes, and so does every page that may show it.
	Key ddb.Item
	// Index is a secondary index, whose pages go.
	Index string
	// Partition is the partition key, of the index if one is named, else of the table: its pages go, and of the table its
	// items too.
	Partition ddb.Item
	// All is every table in use.
	All bool
}

// ErrNoTable is the answer to a purge of a table that is not there or not cached; a ErrPurge to one that makes no sense.
var (
	ErrNoTable = errors.New("no such table is cached")
	ErrPurge   = errors.New("cannot purge that")
)

// Purge makes the caches forget what p names. Reads that begin after it returned are answered by the backend, or from what
// was read of it after Purge began.
func (g *Guard) Purge(ctx context.Context, p Purge) error {
	if p.All {
		n := 0
		g.schemas.DropAll()
		g.store.EachTable(func(t *coherence.Table) { g.store.Core().Forget(t); n++ })
		g.inv.count(metrics.FromAdmin, n)
		return nil
	}
	s, err := g.schemas.Get(ctx, p.Scope, p.Table)
	if e, refused := err.(*ddb.Error); refused && e.Code == "ResourceNotFoundException" || err == nil && s == nil {
		return fmt.Errorf("table %q: %w", p.Table, ErrNoTable)
	}
	if err != nil {
		return fmt.Errorf("look up table %q: %w", p.Table, err)
	}
	g.inv.count(metrics.FromAdmin, 1)
	switch {
	case p.Key != nil:
		return g.purgeItem(s, p.Key)
	case p.Partition != nil:
		return g.purgePartition(s, p.Index, p.Partition)
	case p.Index != "":
		return g.purgeIndex(s, p.Index)
	}
	g.inv.forget(s.Scope, s.Name)
	return nil
}

// purgeItem forgets an item and the pages that may show it: where it stands in a global index is not known.
func (g *Guard) purgeItem(s *cache.Schema, key ddb.Item) error {
	k, ok := s.AppendKey(nil, key)
	if !ok {
		return fmt.Errorf("%w: the key is not one of table %q, which is made of %s", ErrPurge, s.Name, keyText(s))
	}
	core, now := g.store.Core(), g.store.Now()
	core.Purge(s.Table, k)
	core.PurgeScans(s.Table)
	if p, _, ok := s.Base.Place(key); ok {
		core.PurgePartition(now, s.Table, "", p)
	}
	for _, x := range s.Indexes {
		for _, name := range x.SpanNames() {
			var partition []byte
			if !x.Global {
				partition = x.SharedPartition(key)
			}
			core.PurgePartition(now, s.Table, name, partition)
		}
	}
	return nil
}

// keyText names the attributes of a table's primary key.
func keyText(s *cache.Schema) string {
	var parts []string
	for i := 0; ; i++ {
		name, kind, ok := s.KeyAt(i)
		if !ok {
			return strings.Join(parts, " and ")
		}
		parts = append(parts, fmt.Sprintf("%q of type %s", name, kind))
	}
}

// purgePartition forgets the pages of a partition, and of the table's own its items.
func (g *Guard) purgePartition(s *cache.Schema, index string, partition ddb.Item) error {
	x, ok := s.Index(index)
	if !ok {
		return fmt.Errorf("%w: table %q has no index %q", ErrPurge, s.Name, index)
	}
	p, ok := x.Partition(partition)
	if !ok {
		return fmt.Errorf("%w: that is not a partition key of table %q or its index %q", ErrPurge, s.Name, index)
	}
	core, now := g.store.Core(), g.store.Now()
	for _, name := range x.SpanNames() {
		core.PurgePartition(now, s.Table, name, p)
	}
	if index == "" {
		core.PurgeItems(s.Table, p)
		core.PurgeScans(s.Table)
	}
	return nil
}

// purgeIndex forgets all pages of an index.
func (g *Guard) purgeIndex(s *cache.Schema, index string) error {
	x, ok := s.Index(index)
	if !ok {
		return fmt.Errorf("%w: table %q has no index %q", ErrPurge, s.Name, index)
	}
	for _, name := range x.SpanNames() {
		g.store.Core().PurgePartition(g.store.Now(), s.Table, name, nil)
	}
	return nil
}

// count counts n changes.
func (v *Invalidator) count(from metrics.Source, n int) {
	if m := v.store.Metrics(); m != nil {
		m.Invalidations.Add(from, n)
	}
}
