package metrics

import (
	"sync"
	"sync/atomic"
)

// Entry says what units were for.
type Entry uint8

// The entries of a Ledger.
const (
	// ReadsConsumed: what requests of clients consumed at the backend, in read units.
	ReadsConsumed Entry = iota
	// WritesConsumed: what their writes did, in write units.
	WritesConsumed
	// ReadsAvoided: what reads answered from the cache would have consumed.
	ReadsAvoided
	// StrongFills: what fills cost beyond the clients' own reads, because they were read strongly or in whole.
	StrongFills
	// StreamReads: GetRecords requests, which are charged by their number and apart from read units.
	StreamReads
	// Audits: what comparing answers with the backend cost.
	Audits
	numEntries
)

// entryNames are the values of label "entry"; of each the sign says which side of the net it is on.
var entryNames = [numEntries]string{"reads_consumed", "writes_consumed", "reads_avoided", "strong_fills", "stream_reads", "audits"}

// entrySigns are what an entry does to the net of read units; what is not here is no part of it.
var entrySigns = [numEntries]int64{ReadsAvoided: 1, StrongFills: -1, Audits: -1}

// Ledger counts read and write units by table: what was consumed, what was avoided, and what avoiding it cost. A nil one
// counts nothing.
type Ledger struct {
	operations int // how many there are

	mu sync.Mutex

	tables map[string]*Account
}

// init makes room.
func (l *Ledger) init(names Names) { l.operations = len(names.Operations) }

// Account is one table's part. A nil one counts nothing.
type Account struct {
	// halves are half units, the smallest that there are, by Entry.
	halves *vector
	// consumed are half units, by operation.
	consumed *vector
	// dearest is the largest surcharge so far in half units; poor is Poor.
	dearest atomic.Int64
	poor    atomic.Bool
}

// newAccount makes an account that has earned nothing.
func newAccount(operations int) *Account {
	a := &Account{halves: newVector(int(numEntries)), consumed: newVector(operations)}
	a.dearest.Store(2)
	a.poor.Store(true)
	return a
}

// Table is the account of a table; past the cap it is shared. Keep it: it is found under a lock.
func (l *Ledger) Table(name string) *Account {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tables == nil {
		l.tables = map[string]*Account{}
	}
	if l.tables[name] == nil && len(l.tables) >= maxTables {
		name = OtherTable
	}
	a := l.tables[name]
	if a == nil {
		a = newAccount(l.operations)
		l.tables[name] = a
	}
	return a
}

// Add enters half units.
func (a *Account) Add(e Entry, halves uint64) {
	if a == nil || halves == 0 {
		return
	}
	a.halves.add(stripe(), int(e), halves)
	if entrySigns[e] < 0 && int64(halves) > a.dearest.Load() {
		raise(&a.dearest, int64(halves))
	}
	if entrySigns[e] < 0 || entrySigns[e] > 0 && a.poor.Load() {
		a.poor.Store(a.net() < reserve*a.dearest.Load())
	}
}

// Consumed enters half units that the backend charged, or will have charged, for an operation.
func (a *Account) Consumed(operation int, halves uint64) {
	if a != nil && halves > 0 {
		a.consumed.add(stripe(), operation, halves)
	}
}

// ByOperation is what an operation consumed, in whole units.
func (a *Account) ByOperation(operation int) float64 {
	if a == nil {
		return 0
	}
	return float64(a.consumed.sum(operation)) / 2
}

// reserve is how many times the largest surcharge an account holds back: as many may be spent at once before any of them
// is entered.
const reserve = 32

// Poor reports whether what the cache has saved of the table does not cover another surcharge, so that spending it could
// make the table dearer than without a cache. A table begins poor; a nil account is not.
func (a *Account) Poor() bool { return a != nil && a.poor.Load() }

// raise lifts v to n.
func raise(v *atomic.Int64, n int64) {
	for old := v.Load(); old < n && !v.CompareAndSwap(old, n); old = v.Load() {
	}
}

// Units is an entry in whole units.
func (a *Account) Units(e Entry) float64 {
	if a == nil {
		return 0
	}
	return float64(a.halves.sum(int(e))) / 2
}

// net is the half read units that the cache saved less what it cost; it may be below zero.
func (a *Account) net() int64 {
	n := int64(0)
	for e, sign := range entrySigns {
		n += sign * int64(a.halves.sum(e))
	}
	return n
}

// Net is the read units that the cache saved less what it cost; it may be below zero.
func (a *Account) Net() float64 {
	if a == nil {
		return 0
	}
	return float64(a.net()) / 2
}

// Each calls fn for every table's account.
func (l *Ledger) Each(fn func(table string, a *Account)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for table, a := range l.tables {
		fn(table, a)
	}
}
