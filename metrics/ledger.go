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
	// WritesConsumed: the same in write units.
	WritesConsumed
	// ReadsAvoided: what reads answered from the cache would have consumed.
	ReadsAvoided
	// StrongFills: what fills cost beyond the clients' own reads, because they were read strongly or in whole.
	StrongFills
	// StreamReads: what reading streams cost, in read units.
	StreamReads
	// Audits: what comparing answers with the backend cost.
	Audits
	numEntries
)

// entryNames are the values of label "entry"; of each the sign says which side of the net it is on.
var entryNames = [numEntries]string{"reads_consumed", "writes_consumed", "reads_avoided", "strong_fills", "stream_reads", "audits"}

// entrySigns are what an entry does to the net of read units.
var entrySigns = [numEntries]float64{ReadsAvoided: 1, StrongFills: -1, StreamReads: -1, Audits: -1}

// Ledger counts read and write units by table: what was consumed, what was avoided, and what avoiding it cost. A nil one
// counts nothing.
type Ledger struct {
	mu sync.Mutex

	tables map[string]*Account
}

// Account is one table's part. A nil one counts nothing.
type Account struct {
	// halves are half units, the smallest that there are.
	halves [numEntries]atomic.Uint64
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
		a = &Account{}
		l.tables[name] = a
	}
	return a
}

// Add enters half units.
func (a *Account) Add(e Entry, halves uint64) {
	if a != nil && halves > 0 {
		a.halves[e].Add(halves)
	}
}

// units is an entry in whole units.
func (a *Account) units(e Entry) float64 { return float64(a.halves[e].Load()) / 2 }

// net is the read units that the cache saved less what it cost; it may be below zero.
func (a *Account) net() float64 {
	n := 0.0
	for e, sign := range entrySigns {
		n += sign * a.units(Entry(e))
	}
	return n
}

// each calls fn for every table's account.
func (l *Ledger) each(fn func(table string, a *Account)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for table, a := range l.tables {
		fn(table, a)
	}
}
