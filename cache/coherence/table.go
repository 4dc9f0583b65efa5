package coherence

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"millrace/cache/moments"
	"millrace/cache/shelf"
)

// Fill says how a miss is read from the backend.
type Fill uint8

const (
	// FillStrong reads every fill strongly. The default.
	FillStrong Fill = iota
	// FillAuto reads strongly only inside the quarantine (R4, R5); outside it, eventual reads are taken to be no
	// older than Tq, which is an assumption.
	FillAuto
	// FillEventual never reads strongly on its own. It is weaker: P1 and P2 hold only outside Tq.
	FillEventual
)

// TableOptions is how one table is treated.
type TableOptions struct {
	// Authoritative says that every commit to the table, whoever makes it, is announced by Pending before it is
	// visible and by Settled after, and that a backend read shows what is visible at some moment of the read.
	Authoritative bool
	// NoInstallOnWrite makes Settled store an image only for a key that had an entry or a fill under way.
	NoInstallOnWrite bool
	// Fill is how misses are read.
	Fill Fill
	// Covered says that every commit to the table that does not pass through here comes as a Record, late commits of own
	// writes of unknown outcome included; so those open no ambiguity window.
	Covered bool
	// Delta bounds how old an answer may be, see Core.Advance; 0 sets no bound but the reader's TTL. For covered tables:
	// elsewhere nothing but a reading tells that a value is current.
	Delta time.Duration
	// IndexWatch is how long after the last known write to its partition a page of such an index that was read then is served for
	// Delta only, watermark or not: until then the index may not show the write, and no more of it will tell (R58). 0 is not at all.
	IndexWatch time.Duration
	// IndexLag is the assumed bound on how far an index that cannot be read strongly lags behind the table (Tgsi); 0 means
	// Config.Tq. AWS publishes none.
	IndexLag time.Duration
	// Provisional is how long a page of such an index is served that was read within IndexLag after the last known write to
	// its partition (R44); 0 is not at all. It is too the shortest time between writes to a table at which its scans are
	// worth storing (R48).
	Provisional time.Duration
	// PagesUntilTTL lets pages live to their TTL whatever is written, as DAX does.
	PagesUntilTTL bool
}

// Table is the core's state for one table: counters and options. Get it from Core.Table; it lives as long as the core.
type Table struct {
	name      string
	items     *shelf.Space
	pages     *shelf.Space
	options   atomic.Pointer[TableOptions]
	epoch     counter // R25: DDL, lost position, unknown keys; carried by everything
	writes    counter // R48: any write; carried by scans
	lastWrite atomic.Int64
	quarAt    atomic.Int64 // quarantine of all its items and pages
	lostAt    atomic.Int64 // likewise, for what nobody here knows of: see Weaken
	ambItems  atomic.Int64 // R17 for a write whose keys are unknown
	ambScans  atomic.Int64 // R17 for any write: a scan depends on all of them
	lateUntil atomic.Int64 // when the last window would end that a covered table did not open
	watermark atomic.Int64 // every commit up to here has been applied, see Advance

	mu      sync.RWMutex
	indexes map[string]*index
}

// index is the core's state for one index of a table; the base table is the index "".
type index struct {
	id     uint32 // in Core.indexes
	name   string
	table  *Table
	space  *shelf.Space // of its partitions
	epoch  counter      // R43: a write somewhere unknown in the index: carried by its pages
	quarAt atomic.Int64
	amb    atomic.Int64
}

// counter moves with events that make what carries it doubtful, and says whether such an event is under way.
//
// begin and end surround an event that becomes visible somewhere between them. What was stamped with n and is found
// same(n) at some moment has not been overtaken by that moment: begin raises pending before n, end raises n before it
// lowers pending, and same reads pending before n. So if same sees no pending, every event that ended has moved n; and an
// event that begins after same looked at pending either moved n in time to be seen or is visible only afterwards.
type counter struct {
	n       atomic.Uint64
	pending atomic.Int64
}

// now returns the stamp to carry.
func (c *counter) now() uint64 { return c.n.Load() }

// same reports whether nothing has happened since the stamp, and nothing is happening.
func (c *counter) same(stamp uint64) bool { return c.pending.Load() == 0 && c.n.Load() == stamp }

// advance counts an event that is over.
func (c *counter) advance() { c.n.Add(1) }

// begin marks an event about to become visible.
func (c *counter) begin() { c.pending.Add(1); c.n.Add(1) }

// end marks the event of begin as visible to all.
func (c *counter) end() { c.n.Add(1); c.pending.Add(-1) }

// Table returns the state of the named table, made on first use. The name must tell scopes (accounts, regions) apart.
func (c *Core) Table(name string) *Table {
	c.mu.RLock()
	t := c.tables[name]
	c.mu.RUnlock()
	if t != nil {
		return t
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t = c.tables[name]; t == nil {
		t = &Table{name: name, items: c.shelf.Space("i/"+name, false), pages: c.shelf.Space("p/"+name, true), indexes: map[string]*index{}}
		t.options.Store(&TableOptions{})
		start := c.start.Load()
		t.lastWrite.Store(start)
		t.quarAt.Store(start)
		c.tables[name] = t
		c.known.Add(tableBytes + int64(len(name)))
	}
	return t
}

// tableBytes, indexBytes and firstIndex are what a table and an index take beside their names, with their parts of maps and lists (assumed). They
// stay when the table or the index is gone: requests under way hold them, the next table of that name goes on with their counters,
// and an entry that carries an index's number must not come to be another's. So they are counted to what is held, and names that come
// and go without end leave less room for entries, as anything else does.
const (
	tableBytes = int64(unsafe.Sizeof(Table{})+2*unsafe.Sizeof(shelf.Space{})+unsafe.Sizeof(TableOptions{})) + 150
	indexBytes = int64(unsafe.Sizeof(index{})+unsafe.Sizeof(shelf.Space{})) + 24
	firstIndex = 200 // and the first one more: the table's map
)

// Known says that something became known of t that lagging replicas may not show, of items that nobody can name.
func (c *Core) Known(now Time, t *Table) { moments.Raise(&t.quarAt, now) }

// Unseen is Known and Lost for a table that may not have been used yet. Nothing is kept of it, for any name may be asked for: all
// tables whose first use is still to come begin in quarantine, for what is known of one of them now lagging replicas may not show.
// Call it before looking for the table, and those if it is there.
func (c *Core) Unseen(now Time) { moments.Raise(&c.start, now) }

// Name returns the name given to Core.Table.
func (t *Table) Name() string { return t.name }

// Configure sets the options of t. What was cached or under way under other options is forgotten.
func (c *Core) Configure(t *Table, o TableOptions) {
	if *t.options.Load() == o {
		return
	}
	t.options.Store(&o)
	c.Forget(t)
}

// SetIndexLag sets options IndexLag, IndexWatch and Provisional of t, this one to Delta at most, without the forgetting. Pages of
// indexes that were read under a shorter watch go.
func (c *Core) SetIndexLag(t *Table, lag, watch, provisional time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.options.Load()
	o := *was
	o.IndexLag, o.IndexWatch, o.Provisional = lag, watch, provisional
	if o.Delta > 0 {
		o.Provisional = min(o.Provisional, o.Delta)
	}
	if !t.options.CompareAndSwap(was, &o) || watch <= was.IndexWatch {
		return
	}
	for name, x := range t.indexes {
		if name != "" {
			x.epoch.advance()
		}
	}
}

// Forget makes everything cached of t unservable and every flight unfit to be stored: the table was created, deleted or
// changed, or the position in its changes was lost. It costs O(1); dead entries leave when looked up or evicted.
func (c *Core) Forget(t *Table) { t.epoch.advance() }

// Changing is Forget for a change of t that is about to be visible: from here to Changed nothing of t is served, and what was
// read in between is not stored. Without it a hit could come from a table that others see is gone. Each is called once
// for a change; a change whose outcome is unknown is never called Changed.
func (c *Core) Changing(t *Table) { t.epoch.begin() }

// Changed tells that the change of Changing is visible to every read from now on.
func (c *Core) Changed(t *Table) { t.epoch.end() }

// authoritative reports whether every commit to t is announced.
func (t *Table) authoritative() bool { return t.options.Load().Authoritative }

// Epoch moves whenever everything of t is forgotten.
func (t *Table) Epoch() uint64 { return t.epoch.now() }

// Covered reports whether every commit to t comes as a record.
func (t *Table) Covered() bool { return t.options.Load().Covered }

// index returns the state of the named index, made on first use.
func (c *Core) index(t *Table, name string) *index {
	t.mu.RLock()
	x := t.indexes[name]
	t.mu.RUnlock()
	if x != nil {
		return x
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if x = t.indexes[name]; x == nil {
		x = &index{name: name, table: t, space: c.shelf.Space("x/"+t.name+"/"+name, true)}
		x.quarAt.Store(c.start.Load())
		c.register(x)
		if len(t.indexes) == 0 {
			c.known.Add(firstIndex)
		}
		t.indexes[name] = x
		c.known.Add(indexBytes + int64(len(name)))
	}
	return x
}

// register gives x its id.
func (c *Core) register(x *index) {
	for {
		all := c.indexes.Load()
		x.id = uint32(len(*all))
		if longer := append((*all)[:len(*all):len(*all)], x); c.indexes.CompareAndSwap(all, &longer) {
			return
		}
	}
}

// indexOf is the index with an id.
func (c *Core) indexOf(id uint32) *index { return (*c.indexes.Load())[id] }
