package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// deniedPause is how long a table is left uncached before DescribeTable, which was denied, is tried again.
const deniedPause = time.Minute

// maxPaused is of how many such tables it is remembered; others are asked for each time. Names need not be of tables that exist.
const maxPaused = 1 << 10

// describeTimeout bounds one DescribeTable that several callers may be waiting for. Meanwhile they are not served, and when it is over they
// are without the caches: too small, and a table is not cached while its description is slow to come; too large, and an upstream
// that is mute holds the first requests for so long.
const describeTimeout = 3 * time.Second

// failedPause is how long a table is left uncached whose description was waited for in vain, for slowFailure at least, so that not
// everybody waits.
const (
	failedPause = time.Second
	slowFailure = 250 * time.Millisecond
)

// errUnlearned is the error of a description that could not be had just now, and is not asked for again yet.
var errUnlearned = errors.New("the table could not be described just now")

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
	// Counters are the table's; nil without metrics.
	Counters *metrics.Table
	// Account is where what reads and writes of the table cost and save is entered; nil as of Store.Account.
	Account *metrics.Account
	// Audit is where audits of the table's hits are counted; nil without metrics.
	Audit *metrics.Audit

	pages map[string]IndexSettings
	stale atomic.Bool
	// sample is Settings.Audit as a bound on 64 random bits.
	sample uint64
	refill *refill
}

// Sampled draws whether a hit is one that is to be audited. It costs nothing where none are.
func (s *Schema) Sampled() bool { return s.sample != 0 && rand.Uint64() <= s.sample }

// boundOf is the number that the given share of all 64-bit numbers do not exceed; 0 for none.
func boundOf(share float64) uint64 {
	if share >= 1 {
		return math.MaxUint64
	}
	return uint64(share * (1 << 63) * 2)
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
	onLearn  func(*Schema)
	learning map[schemaKey]*lesson // a lesson that is not here any more was dropped
	seen     map[schemaKey]sighting
	paused   map[schemaKey]pause
}

// schemaKey names a table.
type schemaKey struct{ scope, name string }

// pause is until when a table is not described again, and whether that was denied.
type pause struct {
	until  coherence.Time
	denied bool
}

// sighting is which table a name was last seen to be, and which stream it had.
type sighting struct{ table, stream string }

// lesson is a DescribeTable under way.
type lesson struct {
	done   chan struct{}
	schema *Schema
	err    error
}

// NewSchemaCache makes a cache over describe, which reads a table's description from the backend.
func NewSchemaCache(store *Store, describe func(ctx context.Context, scope, table string) (*ddb.TableDescription, error)) *SchemaCache {
	c := &SchemaCache{store: store, describe: describe, learning: map[schemaKey]*lesson{}, seen: map[schemaKey]sighting{}, paused: map[schemaKey]pause{}}
	c.schemas.Store(&map[schemaKey]*Schema{})
	return c
}

// Known returns the schema of a table if it has been learned. name is borrowed.
func (c *SchemaCache) Known(scope string, name []byte) *Schema {
	return (*c.schemas.Load())[schemaKey{scope, string(name)}]
}

// OnLearn sets what is told of every schema when it is learned or learned anew. fn is called on whatever goroutine learned
// it, a reader's mostly, so it must return at once; and under the cache's lock, so it must not call the cache.
func (c *SchemaCache) OnLearn(fn func(*Schema)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onLearn = fn
}

// Get returns the schema of a table, asking the backend when it must. Its error is the backend's. The schema is nil,
// without an error, for a table that is not ready for use, for a name that is not a plain table name, and for a minute
// after the backend refused to describe the table, which is uncached then. For a second after a description was waited for in vain
// there is an error at once.
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
	if p, ok := c.paused[key]; ok && c.store.clock() < p.until {
		c.mu.Unlock()
		if p.denied {
			return nil, nil
		}
		return nil, errUnlearned
	}
	l, joined := c.learning[key]
	if !joined {
		l = &lesson{done: make(chan struct{})}
		c.learning[key] = l
	}
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
	asked := c.store.clock()
	desc, err := c.describe(ctx, scope, name)
	c.learn(key, l, desc, err, time.Duration(c.store.clock()-asked))
	return l.schema, l.err
}

// learn ends l with what DescribeTable answered after some time. A schema that was dropped meanwhile is given to those who wait, who find it
// stale, and is not kept.
func (c *SchemaCache) learn(key schemaKey, l *lesson, desc *ddb.TableDescription, err error, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(l.done)
	kept := c.learning[key] == l
	if kept {
		delete(c.learning, key)
	}
	l.err = err
	if err != nil {
		c.refused(key, l, took)
		return
	}
	delete(c.paused, key)
	if !usable(desc, key.name) {
		return
	}
	l.schema = c.newSchema(key, desc)
	if !kept {
		l.schema.stale.Store(true)
		return
	}
	c.sight(key, desc)
	c.replace(key, l.schema)
	if c.onLearn != nil {
		c.onLearn(l.schema)
	}
}

// sight notes which table a name is, and which stream it has. c.mu is held.
//
// R25: a table of the same name with another id holds other data, and its stream is another.
func (c *SchemaCache) sight(key schemaKey, desc *ddb.TableDescription) {
	now := sighting{tableIdentity(desc), desc.LatestStreamArn}
	if last, ok := c.seen[key]; ok && last != now {
		c.store.halt(key.scope, key.name)
		if last.table != now.table {
			c.store.core.Lost(c.store.clock(), c.store.Table(key.scope, key.name))
		}
	}
	c.seen[key] = now
}

// Sighted hears of a description that was not learned. Whoever follows the stream that it names calls it before: a reader
// who learns the same later must not take the stream that is covered by then for another one.
func (c *SchemaCache) Sighted(scope, name string, desc *ddb.TableDescription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if usable(desc, name) {
		c.sight(schemaKey{scope, name}, desc)
	}
}

// usable reports whether desc is of a table called name that can be read.
func usable(desc *ddb.TableDescription, name string) bool {
	return (desc.TableStatus == "ACTIVE" || desc.TableStatus == "UPDATING") && desc.TableName == name
}

// refused notes that DescribeTable is denied, or was waited for in vain: the table runs uncached, which is right if useless, and is
// asked for again after a while. Of a denial the operator is told once.
func (c *SchemaCache) refused(key schemaKey, l *lesson, took time.Duration) {
	e, ok := l.err.(*ddb.Error)
	denied := ok && e.Code == "AccessDeniedException"
	length := failedPause
	switch {
	case denied:
		l.err, length = nil, deniedPause
		if !c.paused[key].denied {
			c.store.log.Warn("dynamodb:DescribeTable is denied; the table runs uncached until it is allowed", "table", key.name, "error", e.Message)
		}
	case took < slowFailure:
		return
	}
	now := c.store.clock()
	if len(c.paused) >= maxPaused {
		maps.DeleteFunc(c.paused, func(_ schemaKey, p pause) bool { return p.until <= now })
	}
	if len(c.paused) < maxPaused {
		c.paused[key] = pause{now + coherence.Time(length), denied}
	}
}

// newSchema derives everything from desc.
func (c *SchemaCache) newSchema(key schemaKey, desc *ddb.TableDescription) *Schema {
	s := &Schema{
		Scope: key.scope, Name: key.name, Layout: NewLayout(desc), Description: desc,
		Table:    c.store.Table(key.scope, key.name),
		Settings: c.store.Settings().Table(key.name),
		Counters: c.store.metrics.Table(key.name),
		Account:  c.store.Account(key.name),
		pages:    map[string]IndexSettings{"": c.store.Settings().Match(key.name, "")},
	}
	if m := c.store.metrics; m != nil {
		s.Audit = m.Audited.Table(key.name)
	}
	// Asking the embedded engine costs nothing, and nobody's words are changed by it.
	s.Settings.Rewrite.ConsumedCapacity = s.Settings.Rewrite.ConsumedCapacity || c.store.authoritative
	s.sample, s.refill = boundOf(s.Settings.Audit), c.store.refillOf(key.scope, key.name)
	for _, x := range s.Indexes {
		settings := c.store.Settings().Match(key.name, x.Name)
		settings.Pages = settings.Pages && x.Usable
		if x.Global && !c.store.authoritative {
			settings.TTL = settings.LaggingTTL
		}
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
	clear(c.learning)
	for _, s := range *c.schemas.Load() {
		s.stale.Store(true)
	}
	c.schemas.Store(&map[schemaKey]*Schema{})
}

// tableIdentity tells a table from another one that had its name before. Not every endpoint gives tables an id.
func tableIdentity(desc *ddb.TableDescription) string {
	return cmp.Or(desc.TableId, fmt.Sprint(desc.CreationDateTime))
}
