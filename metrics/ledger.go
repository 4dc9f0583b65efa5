package metrics

import (
	"math/rand/v2"
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
	// streamUnits is Price's.
	streamUnits float64

	mu sync.Mutex

	tables map[string]*Account
}

// init makes room.
func (l *Ledger) init(names Names) { l.operations = len(names.Operations) }

// Price sets how many read units are worth as much as one GetRecords request; 0, where that costs nothing or nobody knows,
// leaves the stream out of what is weighed. Call it before anybody asks for an account.
func (l *Ledger) Price(streamUnits float64) { l.streamUnits = streamUnits }

// Account is one table's part. A nil one counts nothing.
type Account struct {
	// halves are half units, the smallest that there are, by Entry.
	halves *vector
	// consumed are half units, by operation.
	consumed *vector
	// streamUnits is Ledger.Price's.
	streamUnits float64
	// dearest is what reserve is a multiple of.
	dearest dearest
	// poor is Poor, and red the same with the stream's price taken off.
	poor, red atomic.Bool
	// estimated is Estimated.
	estimated atomic.Bool
}

// newAccount makes an account that has earned nothing.
func newAccount(operations int, streamUnits float64) *Account {
	a := &Account{halves: newVector(int(numEntries)), consumed: newVector(operations), streamUnits: streamUnits}
	a.dearest.init()
	a.weigh()
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
		a = newAccount(l.operations, l.streamUnits)
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
	sign := entrySigns[e]
	dearer := sign != 0 && a.dearest.saw(int64(halves))
	// Hits come here: what they save is summed up only while that can change anything. Where it takes long, because a stream
	// has to be paid for first, its requests do so too, and one hit in many is enough.
	if dearer || sign < 0 || e == StreamReads && a.streamUnits > 0 ||
		sign > 0 && (a.poor.Load() || a.red.Load() && rand.Uint32()%64 == 0) {
		if sign != 0 {
			a.dearest.age()
		}
		a.weigh()
	}
}

// dearest is the most in half units that a read was worth, or cost more than its client's, lately: of the last dearestWindow entries at which
// an account was weighed, and of up to as many before. A page that was read once does not hold the cache back for good.
type dearest struct {
	recent, before atomic.Int64
	entries        atomic.Uint64
}

// dearestWindow is how many entries are lately.
const dearestWindow = 4096

// cheapest is the price to begin with: of an item read strongly.
const cheapest = 2

// init begins with the least.
func (d *dearest) init() {
	d.recent.Store(cheapest)
	d.before.Store(cheapest)
}

// saw notes a price, and reports whether that is dearer than any before.
func (d *dearest) saw(halves int64) bool {
	if halves <= d.recent.Load() {
		return false
	}
	dearer := halves > d.price()
	for old := d.recent.Load(); old < halves && !d.recent.CompareAndSwap(old, halves); old = d.recent.Load() {
	}
	return dearer
}

// price is the dearest.
func (d *dearest) price() int64 { return max(d.recent.Load(), d.before.Load()) }

// age counts an entry, and lets what is old go.
func (d *dearest) age() {
	if d.entries.Add(1)%dearestWindow != 0 {
		return
	}
	for {
		// What is noted meanwhile is in the one or in the other.
		n := d.recent.Load()
		d.before.Store(n)
		if d.recent.CompareAndSwap(n, cheapest) {
			return
		}
	}
}

// weigh brings Poor and Thrifty up to date.
func (a *Account) weigh() {
	net, dearest := a.net(), a.dearest.price()
	a.poor.Store(net < reserve*dearest)
	a.red.Store(a.streamUnits > 0 && net-a.streamHalves() < reserve*dearest)
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

// reserve is what an account holds back, in multiples of the dearest read lately: what may be under way before any of it is
// entered, which is a batch that fills a hundred keys, or 64 audits that cost twice their hits. What nobody has seen the price of
// is covered too, one at a time: a page of 1 MB adds 256 half units, and dearest begins at two.
const reserve = 128

// Poor reports whether the read units that the cache has saved of the table do not cover another audit. A table begins poor; a
// nil account is not.
func (a *Account) Poor() bool { return a != nil && a.poor.Load() }

// Thrifty reports whether what the cache has saved of the table, less the price of reading its stream, does not cover another
// fill that costs more than its client's read, so that spending that could make the table dearer than without a cache. A table
// begins thrifty; a nil account is not.
func (a *Account) Thrifty() bool { return a != nil && (a.poor.Load() || a.red.Load()) }

// lossAfter is how many GetRecords requests are seen before reading a stream is called a loss: an hour of a shard on AWS.
const lossAfter = 4 * 3600

// Loses reports whether reading the table's stream has cost more than the cache has saved of the table, for long enough that
// this is not just the start. Where the stream has no price it does not.
func (a *Account) Loses() bool {
	return a != nil && a.streamUnits > 0 && a.halves.sum(int(StreamReads)) >= 2*lossAfter && a.net() < a.streamHalves()
}

// streamHalves is what reading the stream has cost, as half read units.
func (a *Account) streamHalves() int64 {
	return int64(float64(a.halves.sum(int(StreamReads))) * a.streamUnits)
}

// Estimate tells that what a page cost was estimated, because the backend was not asked.
func (a *Account) Estimate() {
	if a != nil && !a.estimated.Load() {
		a.estimated.Store(true)
	}
}

// Estimated reports whether any of it was.
func (a *Account) Estimated() bool { return a != nil && a.estimated.Load() }

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
