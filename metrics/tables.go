package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// maxTables is how many tables have a label of their own.
const maxTables = 100

// The values of label "table" beside tables' names: OtherTable for those past the cap and for those that were never
// answered about, NoTable for requests about none or several. The shortest name a table may have is of three
// characters. (API Reference, CreateTable: TableName.)
const (
	OtherTable = "other"
	NoTable    = "-"
)

// Table is one table's counters. Get it from Metrics.Table once, and keep it.
type Table struct {
	// Name is the value of label "table".
	Name string
	// results is how many results there are.
	results int
	// requests are class × result, by operation.
	requests rows
	// weak counts by Weakness.
	weak [numWeaknesses]atomic.Uint64
}

// Weakness is why a fill was read eventually, and not stored, where it would have been read strongly.
type Weakness uint8

// The reasons.
const (
	// WeakRefused: upstream failed the strong read.
	WeakRefused Weakness = iota
	// WeakThrottled: it throttled it.
	WeakThrottled
	// WeakCold: the table was cold, and its budget of strong fills spent.
	WeakCold
	numWeaknesses
)

// weaknessNames are the values of label "reason".
var weaknessNames = [numWeaknesses]string{"refused", "throttled", "cold"}

// Weakened counts a fill that was; a nil t does not.
func (t *Table) Weakened(why Weakness) {
	if t != nil {
		t.weak[why].Add(1)
	}
}

// WeakFills are how many there were, by reason, without those of which there was none.
func (t *Table) WeakFills() map[string]uint64 {
	if t == nil {
		return nil
	}
	out := map[string]uint64{}
	for why, name := range weaknessNames {
		if n := t.weak[why].Load(); n > 0 {
			out[name] = n
		}
	}
	return out
}

// row is the counters of an operation.
func (t *Table) row(operation int) *vector { return t.requests.row(operation) }

// tables are the tables by name.
type tables struct {
	operations, results int
	none, other         *Table

	byName atomic.Pointer[map[string]*Table] // copied on change

	mu sync.Mutex
}

// init makes those without a name.
func (t *tables) init(operations, results int) {
	t.operations, t.results = operations, results
	t.none, t.other = t.make(NoTable), t.make(OtherTable)
	t.byName.Store(&map[string]*Table{})
}

// make makes a table's counters.
func (t *tables) make(name string) *Table {
	return &Table{Name: name, results: t.results, requests: newRows(t.operations, int(numClasses)*t.results)}
}

// Table is the counters of the table called name, which exists; past the cap they are those of all others.
func (m *Metrics) Table(name string) *Table {
	if m == nil {
		return nil
	}
	t := &m.tables
	if known := (*t.byName.Load())[name]; known != nil {
		return known
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	have := *t.byName.Load()
	if known := have[name]; known != nil {
		return known
	}
	if len(have) >= maxTables {
		return t.other
	}
	next := maps.Clone(have)
	made := t.make(name)
	next[name] = made
	t.byName.Store(&next)
	return made
}

// KnownTable is the counters of the table called name, which is borrowed, if they were ever asked for by Table; else it
// is those of all others, and false. So a client that asks for tables that do not exist makes no labels.
func (m *Metrics) KnownTable(name []byte) (*Table, bool) {
	if known := (*m.tables.byName.Load())[string(name)]; known != nil {
		return known, true
	}
	return m.tables.other, false
}

// all are all tables' counters.
func (t *tables) all() []*Table {
	out := []*Table{t.none, t.other}
	for _, table := range *t.byName.Load() {
		out = append(out, table)
	}
	return out
}
