package verify

import (
	"context"
	"hash/fnv"
	"time"

	"millrace/internal/amazon"
)

// row is one promise and how it is put to the test.
type row struct {
	// name is the row's name in all reports; title says what is asked.
	name, title string
	// foreign rows write at the writer's endpoint and read at the target.
	foreign bool
	// The ways to write and to read, each drawn or taken in turn.
	writes []writeShape
	reads  []readShape
	// fresh begins each round with items that are not there and were read.
	fresh bool
	// readers only read, beside each client that also writes; clients is how many there are of those, 0 for as many as
	// the run has.
	readers, clients int
	// onlyMonotonic judges nothing but that answers do not go back.
	onlyMonotonic bool
	// seldomHits frees the row from the floor of hits: its reads are strong, or each follows a write that may well keep
	// it from being cached.
	seldomHits bool
	// scans has a table of its own, so that pages stay small. again makes tables of its own.
	scans, again bool
	// indexes is what the table must have.
	indexes tableShape
	// swaps tells that the script swaps versions on conditions. Its samples are conditions that had to fail.
	swaps bool
	// script is what is done instead of the usual rounds.
	script func(context.Context, *driver)
}

// readsPerRound is how often a client reads after each of its writes.
const readsPerRound = 6

// every is all the ways to write that change single items.
var every = []writeShape{putItem, updateItem, deleteItem, putItem, updateItem}

// The ways to read, by what they are made from.
var (
	get, getStrong     = getShape(false), getShape(true)
	query, queryStrong = queryShape("", 0, false), queryShape("", 0, true)
	queryPages         = queryShape("", 2, false)
	queryLocal         = queryShape(localIndex, 0, false)
	queryGlobal        = queryShape(globalIndex, 0, false)
)

// rows are all probes, in the order of the report.
var rows = []row{
	{name: "own-item", title: "GetItem after own PutItem, UpdateItem, DeleteItem", writes: every, reads: []readShape{get}, readers: 2},
	{name: "own-batch", title: "BatchGetItem after own BatchWriteItem", writes: []writeShape{batchWriteItem}, reads: []readShape{batchGetItem}, readers: 2},
	{name: "own-query", title: "Query after own writes", writes: every, reads: []readShape{query}, readers: 2},
	{name: "own-pages", title: "Query in pages after own writes", writes: every, reads: []readShape{queryPages}, readers: 1},
	{name: "own-local-index", title: "Query of a local index after own writes", writes: every, reads: []readShape{queryLocal}, readers: 1, indexes: tableShape{local: true}},
	{name: "own-global-index", title: "Query of a global index follows own writes", writes: every, reads: []readShape{queryGlobal}, readers: 1, indexes: tableShape{global: true}},
	{name: "own-scan", title: "Scan after own writes", writes: every, reads: []readShape{scan}, readers: 1, clients: 1, scans: true, seldomHits: true},
	{name: "own-insert", title: "an item read as absent, after its insertion", writes: []writeShape{putItem, batchWriteItem}, reads: []readShape{get, query}, fresh: true},
	{name: "own-strong", title: "consistent GetItem and Query show the latest", writes: every, reads: []readShape{getStrong, queryStrong}, readers: 1, seldomHits: true},
	{name: "own-monotonic", title: "answers never go back, for 6 readers of one item and page", writes: every, reads: []readShape{get, query}, readers: 6, onlyMonotonic: true, clients: 2},
	{name: "own-condition", title: "read, change if unchanged: the loop gets on", reads: []readShape{get}, seldomHits: true, swaps: true, script: contend},
	{name: "own-transaction", title: "GetItem and Query after own TransactWriteItems", writes: []writeShape{transactWriteItems}, reads: []readShape{get, query}, readers: 1},
	{name: "own-transact-get", title: "TransactGetItems shows the latest", writes: append([]writeShape{transactWriteItems}, every...), reads: []readShape{transactGetItems}, seldomHits: true},
	{name: "own-recreate", title: "nothing of a deleted table is in the new one of its name", reads: []readShape{get, query}, seldomHits: true, again: true, script: recreate},

	{name: "foreign-item", title: "GetItem follows writes past the target", foreign: true, writes: every, reads: []readShape{get}, readers: 1},
	{name: "foreign-query", title: "Query follows writes past the target", foreign: true, writes: every, reads: []readShape{query}, readers: 1},
	{name: "foreign-local-index", title: "Query of a local index follows writes past the target", foreign: true, writes: every, reads: []readShape{queryLocal}, readers: 1, indexes: tableShape{local: true}},
	{name: "foreign-global-index", title: "Query of a global index is no staler than the index", foreign: true, writes: every, reads: []readShape{queryGlobal}, readers: 1, indexes: tableShape{global: true}},
	{name: "foreign-scan", title: "Scan follows writes past the target", foreign: true, writes: every, reads: []readShape{scan}, clients: 1, scans: true, seldomHits: true},
	{name: "foreign-insert", title: "an item read as absent, after its insertion past the target", foreign: true, writes: []writeShape{putItem, batchWriteItem}, reads: []readShape{get, query}, fresh: true},
	{name: "foreign-strong", title: "consistent reads show writes past the target at once", foreign: true, writes: every, reads: []readShape{getStrong, queryStrong}, seldomHits: true},
	{name: "foreign-transaction", title: "GetItem and Query follow TransactWriteItems past the target", foreign: true, writes: []writeShape{transactWriteItems}, reads: []readShape{get, query}},
	{name: "foreign-condition", title: "the loop gets on when somebody else changes the item", foreign: true, reads: []readShape{get}, seldomHits: true, swaps: true, script: overtake},
	{name: "foreign-recreate", title: "nothing is left of a table made anew past the target", foreign: true, reads: []readShape{get, query}, seldomHits: true, again: true, script: recreate},
}

// polls tells whether a client waits after each write until it is shown.
func (r *row) polls() bool { return r.foreign || r.index() }

// index tells whether the row reads a global index, which even without a cache may lag.
func (r *row) index() bool { return r.indexes.global }

// rounds is how many rounds each client makes.
func (r *row) rounds(cfg Config) int {
	switch {
	case r.again && (r.foreign || amazon.Has(cfg.Target)):
		return 1
	case r.again:
		return 2
	case r.polls():
		return max(1, cfg.Rounds/3)
	}
	return cfg.Rounds
}

// fewSamples is the floor of samples for rows that make few by their nature: one client scans, and tables are made anew
// once or twice.
const fewSamples = 8

// minSamples is the least number of samples that the row needs to be said to hold.
func (r *row) minSamples(cfg Config) int {
	if r.again || r.scans {
		return min(cfg.MinSamples, fewSamples)
	}
	return cfg.MinSamples
}

// lanes is how many clients write.
func (r *row) lanes(cfg Config) int {
	if r.clients > 0 {
		return min(r.clients, cfg.Concurrency)
	}
	return cfg.Concurrency
}

// readsPerPoll is a bound of how many reads there are for each write of a row that waits until it is shown: at most so
// many polls, and one who only reads.
const readsPerPoll = 400

// budget is the most that a row may send: requests that write and that read. Whoever comes to its end stops the row.
func (r *row) budget(cfg Config) (writes, reads int) {
	rounds, lanes := r.rounds(cfg), r.lanes(cfg)
	most := 1
	for _, read := range r.reads {
		most = max(most, read.requests)
	}
	writes, reads = lanes*(rounds+2*perPartition), lanes*rounds*(readsPerRound+4)*(1+r.readers)*most
	if r.script != nil {
		// A loop's condition fails when another client was faster.
		writes, reads = lanes*(rounds+perPartition)*(2*lanes+20), lanes*rounds*(2*lanes+20)
	}
	if r.polls() {
		reads += lanes * rounds * readsPerPoll * len(r.reads)
		if r.script != nil {
			writes += lanes * rounds * readsPerPoll
		}
	}
	return writes, reads
}

// units is the most that a row costs in write and read units, by its budget.
func (r *row) units(cfg Config) (writeUnits, readUnits float64) {
	writes, reads := r.budget(cfg)
	perWrite, perRequest := 5.0, 0.5
	for _, w := range r.writes {
		perWrite = max(perWrite, w.wru)
	}
	for _, read := range r.reads {
		perRequest = max(perRequest, read.rru/float64(read.requests))
	}
	return float64(writes) * perWrite, float64(reads) * perRequest
}

// salt tells the lanes' random numbers apart.
func (r *row) salt(lane int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(r.name)) // It never fails.
	return h.Sum64() + uint64(lane)
}

// demand is what a row asks, given what the target promises.
func (r *row) demand(cfg Config, promise Promise) demand {
	d := demand{monotonic: promise == Session, onlyMonotonic: r.onlyMonotonic && promise == Session}
	if r.foreign || r.index() || promise == Eventual {
		d.slack = cfg.Bound
	}
	if r.index() {
		d.propagation = cfg.IndexBound
		// Each read of a global index may be answered by another replica of it.
		d.monotonic = d.monotonic && !cfg.indexLags
	}
	return d
}

// patience is how long a client waits for a write to be shown: until that is a violation, and some time more to see when
// it ends.
func (p *prober) patience(r *row) time.Duration {
	d := r.demand(p.cfg, p.promise)
	bound := d.slack + d.propagation
	return bound + max(bound/4, 250*time.Millisecond)
}

// slowest is the longest pause between two looks.
func (p *prober) slowest() time.Duration {
	return min(max(p.cfg.Bound/40, 5*time.Millisecond), 100*time.Millisecond)
}
