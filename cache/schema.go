package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"millrace/cache/coherence"
	"millrace/ddb"
)

// describeTimeout bounds one DescribeTable that several callers may be waiting for.
const describeTimeout = 10 * time.Second

// Schema is what must be known of a table to cache it. It never changes but for becoming stale.
type Schema struct {
	// Scope and Name say which table.
	Scope, Name string
	// Layout is its keys and indexes.
	*Layout
	// Description is what it was read from.
	Description *ddb.TableDescription
	// Table is the core's state of it.
	Table *coherence.Table
	// Settings say what of it is cached.
	Settings TableSettings

	pages map[string]IndexSettings
	stale atomic.Bool
}

// Stale reports whether the table has been changed, dropped or made anew since. It is set before the core forgets
// the table, so whoever looked something up or began a flight and then finds the schema not stale has used the
// right keys; and what a flight begun before then brings back is not stored.
func (s *Schema) Stale() bool { return s.stale.Load() }

// Pages are the settings for pages of an index; "" is the table.
func (s *Schema) Pages(index string) IndexSettings { return s.pages[index] }

// SchemaCache holds the schemas of tables, learned by DescribeTable. It is safe for concurrent use.
type SchemaCache struct {
	store    *Store
	describe func(ctx context.Context, scope, table string) (*ddb.TableDescription, error)

	schemas atomic.Pointer[map[schemaKey]*Schema] // copied on change

	mu       sync.Mutex
	learning map[schemaKey]*lesson
	drops    uint64 // number of Drop calls, so that a description read before one is not kept after it
}

// schemaKey names a table.
type schemaKey struct{ scope, name string }

// lesson is a DescribeTable under way.
type lesson struct {
	done   chan struct{}
	schema *Schema
	err    error
}

// NewSchemaCache makes a cache over describe, which reads a table's description from the backend.
func NewSchemaCache(store *Store, describe func(ctx context.Context, scope, table string) (*ddb.TableDescription, error)) *SchemaCache {
	c := &SchemaCache{store: store, describe: describe, learning: map[schemaKey]*lesson{}}
	c.schemas.Store(&map[schemaKey]*Schema{})
	return c
}

// Known returns the schema of a table if it has been learned. name is borrowed.
func (c *SchemaCache) Known(scope string, name []byte) *Schema {
	return (*c.schemas.Load())[schemaKey{scope, string(name)}]
}

// Get returns the schema of a table, asking the backend when it must. Its error is the backend's. The schema is nil,
// without an error, for a table that is not ready for use and for a name that is not a plain table name.
func (c *SchemaCache) Get(ctx context.Context, scope, name string) (*Schema, error) {
	key := schemaKey{scope, name}
	if s := (*c.schemas.Load())[key]; s != nil {
		return s, nil
	}
	if name == "" || ddb.TableName(name) != name {
		return nil, nil
	}
	c.mu.Lock()
	if s := (*c.schemas.Load())[key]; s != nil {
		c.mu.Unlock()
		return s, nil
	}
	l, joined := c.learning[key]
	if !joined {
		l = &lesson{done: make(chan struct{})}
		c.learning[key] = l
	}
	drops := c.drops
	c.mu.Unlock()
	if joined {
		select {
		case <-l.done:
			return l.schema, l.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	// The caller reads for all who wait, so its own end must not be theirs.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), describeTimeout)
	defer cancel()
	desc, err := c.describe(ctx, scope, name)
	if err == nil && (desc.TableStatus == "ACTIVE" || desc.TableStatus == "UPDATING") && desc.TableName == name {
		l.schema = c.newSchema(key, desc)
	}
	l.err = err
	c.mu.Lock()
	if c.learning[key] == l {
		delete(c.learning, key)
	}
	if l.schema != nil {
		if c.drops == drops {
			c.replace(key, l.schema)
		} else {
			l.schema.stale.Store(true)
		}
	}
	c.mu.Unlock()
	close(l.done)
	return l.schema, l.err
}

// newSchema derives everything from desc.
func (c *SchemaCache) newSchema(key schemaKey, desc *ddb.TableDescription) *Schema {
	s := &Schema{
		Scope: key.scope, Name: key.name, Layout: NewLayout(desc), Description: desc,
		Table:    c.store.Table(key.scope, key.name),
		Settings: c.store.settings.Table(key.name),
		pages:    map[string]IndexSettings{"": c.store.settings.Match(key.name, "")},
	}
	for _, x := range s.Indexes {
		settings := c.store.settings.Match(key.name, x.Name)
		settings.Pages = settings.Pages && x.Usable
		s.pages[x.Name] = settings
	}
	return s
}

// replace puts s, or nothing, in key's place. c.mu is held.
func (c *SchemaCache) replace(key schemaKey, s *Schema) {
	old := *c.schemas.Load()
	next := make(map[schemaKey]*Schema, len(old)+1)
	for k, v := range old {
		next[k] = v
	}
	if s == nil {
		delete(next, key)
	} else {
		next[key] = s
	}
	c.schemas.Store(&next)
}

// Drop forgets a table's schema. Call it before the core forgets the table.
func (c *SchemaCache) Drop(scope, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	// A DescribeTable under way may bring the old description to those who wait for it, and they will find it
	// stale; whoever comes from now on must not join them.
	delete(c.learning, schemaKey{scope, name})
	key := schemaKey{scope, name}
	if s := (*c.schemas.Load())[key]; s != nil {
		s.stale.Store(true)
		c.replace(key, nil)
	}
}

// DropAll forgets every schema.
func (c *SchemaCache) DropAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	clear(c.learning)
	for _, s := range *c.schemas.Load() {
		s.stale.Store(true)
	}
	c.schemas.Store(&map[schemaKey]*Schema{})
}
