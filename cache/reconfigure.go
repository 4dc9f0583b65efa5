package cache

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// TableRef names a table.
type TableRef struct{ Scope, Name string }

// Reconfigure puts other settings into force and returns the tables in use that they change; those are forgotten, and the
// caller drops their schemas. The schemas that are learned from now on go by the new settings.
func (s *Store) Reconfigure(next *Settings, indexes func(TableRef) []string) []TableRef {
	old := s.settings.Swap(next)
	s.mu.Lock()
	defer s.mu.Unlock()
	var changed []TableRef
	for _, full := range slices.Sorted(maps.Keys(s.tables)) {
		scope, name, _ := strings.Cut(full, "\x00")
		ref := TableRef{scope, name}
		if sameFor(old, next, name, indexes(ref)) {
			continue
		}
		changed = append(changed, ref)
		t := s.tables[full]
		if t.coverage != Stream {
			t.coverage = s.uncovered(next.Table(name))
		}
		s.core.Configure(t.table, s.options(next.Table(name), t, 0))
		// Configure forgets only where the core's own options differ.
		s.core.Lost(s.clock(), t.table)
	}
	return changed
}

// sameFor reports whether two settings say the same of a table and its indexes.
func sameFor(a, b *Settings, table string, indexes []string) bool {
	if !reflect.DeepEqual(a.Table(table), b.Table(table)) || a.Match(table, "") != b.Match(table, "") {
		return false
	}
	return !slices.ContainsFunc(indexes, func(index string) bool { return a.Match(table, index) != b.Match(table, index) })
}

// Each calls fn for every schema that is known, in no order.
func (c *SchemaCache) Each(fn func(*Schema)) {
	for _, s := range *c.schemas.Load() {
		fn(s)
	}
}

// Coverage is how the table's caches learn of foreign writes now.
func (c *SchemaCache) Coverage(s *Schema) Coverage { return c.store.CoverageOf(s.Scope, s.Name) }
