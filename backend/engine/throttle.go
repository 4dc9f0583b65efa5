package engine

import (
	"sync"
	"time"

	"millrace/ddb"
)

// burst is how long unused throughput is kept. (Developer Guide, "DynamoDB burst and adaptive capacity": up to 5 minutes.)
const burst = 300 * time.Second

// maxRate caps throughput in units per second so that a bucket's level fits an int64: ten times what an account has.
const maxRate = 1e7

// throttle limits provisioned tables and their global indexes to the throughput they have: one bucket for reads and one for
// writes, which fills at that rate and holds up to burst of it. A request is let in if the bucket has what it costs, to the
// half unit; one that costs more than the bucket can hold, if it is full. A new table has one second's worth, and what it
// does not use from then on; so has one that the engine has not served since it was opened. DynamoDB does not say what its
// buckets start with, nor how it treats large requests: these are assumed. On-demand tables are let through.
type throttle struct {
	clock func() time.Time

	mu sync.Mutex

	buckets map[bucketID]*bucket
}

// bucketID names a bucket: of a table or of one of its global indexes, for reads or for writes.
type bucketID struct {
	table  uint32
	index  uint16
	writes bool
}

// bucket is one account of throughput.
type bucket struct {
	// rate is in units per second.
	rate int64
	// level is in half units times nanoseconds: an integer, so that it adds up exactly. It is negative after a request
	// that cost more than the bucket can hold.
	level int64
	// at is when level was true.
	at time.Time
}

// charge is what one request is about to use of one table.
type charge struct {
	table  *table
	cost   cost
	writes bool
}

// newThrottle makes buckets that fill by clock; nil, which throttles nothing, when not on.
func newThrottle(on bool, clock func() time.Time) *throttle {
	if !on {
		return nil
	}
	return &throttle{clock: clock, buckets: make(map[bucketID]*bucket)}
}

// admit takes a charge from the buckets concerned, from all or from none. A global index that has too little refuses the
// write of the table. (Developer Guide, "Using Global Secondary Indexes in DynamoDB": Provisioned throughput considerations.)
func (th *throttle) admit(c charge) *ddb.Error {
	if th == nil {
		return nil
	}
	th.mu.Lock()
	defer th.mu.Unlock()
	draws, bad := th.draws(nil, c)
	if bad != nil {
		return bad
	}
	take(draws)
	return nil
}

// admitTransaction is admit for charges that must all be let in or none. The refusal cancels the transaction and gives the
// first action that is too much as the reason.
func (th *throttle) admitTransaction(charges []charge) *ddb.Error {
	th.mu.Lock()
	defer th.mu.Unlock()
	faults := make([]*ddb.Error, len(charges))
	var draws []draw
	for i, c := range charges {
		if draws, faults[i] = th.draws(draws, c); faults[i] != nil {
			return cancelled(faults)
		}
	}
	take(draws)
	return nil
}

// draw is what is to be taken from a bucket.
type draw struct {
	from   *bucket
	amount int64
}

// take takes draws.
func take(draws []draw) {
	for _, d := range draws {
		d.from.level -= d.amount
	}
}

// draws adds to those planned before what c takes, or refuses it. Local indexes share the table's throughput.
func (th *throttle) draws(planned []draw, c charge) ([]draw, *ddb.Error) {
	d := c.table.desc
	if isOnDemand(d) {
		return planned, nil
	}
	now := th.clock()
	halves := c.cost.table
	for _, n := range c.cost.local {
		halves += n
	}
	planned, ok := th.plan(planned, bucketID{c.table.number, baseIndex, c.writes}, d.ProvisionedThroughput, d.CreationDateTime, halves, now)
	if !ok {
		return planned, errThroughput()
	}
	for i := range d.GlobalSecondaryIndexes {
		x := &d.GlobalSecondaryIndexes[i]
		halves := c.cost.global[x.IndexName]
		idx, known := c.table.index(x.IndexName)
		if halves == 0 || !known {
			continue
		}
		id := bucketID{c.table.number, idx.number, c.writes}
		if planned, ok = th.plan(planned, id, x.ProvisionedThroughput, d.CreationDateTime, halves, now); !ok {
			return planned, &ddb.Error{Code: errThroughput().Code, Message: textIndexThroughput}
		}
	}
	return planned, nil
}

// plan adds a draw of halves from the bucket with the throughput p, which is there since created, to those planned before; false
// if there is too little.
func (th *throttle) plan(planned []draw, id bucketID, p *ddb.ProvisionedThroughputDescription, created ddb.Timestamp, halves int64, now time.Time) ([]draw, bool) {
	if halves == 0 || p == nil {
		return planned, true
	}
	rate := p.ReadCapacityUnits
	if id.writes {
		rate = p.WriteCapacityUnits
	}
	if rate = min(rate, maxRate); rate <= 0 {
		return planned, true
	}
	changed := max(p.LastIncreaseDateTime, p.LastDecreaseDateTime)
	b := th.buckets[id]
	if b == nil {
		b = newBucket(rate, timeOf(max(created, changed)), now)
		th.buckets[id] = b
	}
	b.fill(rate, timeOf(changed), now)
	left := b.level
	for _, d := range planned {
		if d.from == b {
			left -= d.amount
		}
	}
	amount := halves * int64(time.Second)
	if left < amount && b.level < b.room() {
		return planned, false
	}
	return append(planned, draw{b, amount}), true
}

// newBucket is a bucket of throughput that is there since then: with what has not been used since, and that of one second.
func newBucket(rate int64, since, now time.Time) *bucket {
	b := &bucket{rate: rate, at: now}
	b.level = 2 * rate * int64(min(max(now.Sub(since), time.Second), burst))
	return b
}

// room is the most that b can hold.
func (b *bucket) room() int64 { return 2 * b.rate * int64(burst) }

// fill adds what has come up to now, at the rate that b had until it was changed and at the new one from then on.
func (b *bucket) fill(rate int64, changed, now time.Time) {
	if rate != b.rate {
		if changed.After(now) {
			changed = now
		}
		if changed.After(b.at) {
			b.pour(changed)
		}
		b.rate = rate
	}
	b.pour(now)
}

// pour adds what has come up to now at b's rate. A clock that was set back adds nothing.
func (b *bucket) pour(now time.Time) {
	elapsed := min(max(now.Sub(b.at), 0), burst)
	b.level = min(b.level+2*b.rate*int64(elapsed), b.room())
	b.at = now
}

// timeOf is a description's time.
func timeOf(t ddb.Timestamp) time.Time { return time.UnixMilli(int64(t * 1000)) }

// forget drops the buckets of a table that is gone.
func (th *throttle) forget(table uint32) {
	if th == nil {
		return
	}
	th.mu.Lock()
	defer th.mu.Unlock()
	for id := range th.buckets {
		if id.table == table {
			delete(th.buckets, id)
		}
	}
}

// admitRead refuses a read of t that costs c when its throughput is used up.
func (e *Engine) admitRead(t *table, c cost) *ddb.Error {
	return e.throttle.admit(charge{table: t, cost: c})
}

// admitWrite refuses the mutation m when the throughput of its table, or of a global index that it changes, is used up.
func (e *Engine) admitWrite(m mutation) *ddb.Error {
	if e.throttle == nil {
		return nil
	}
	return e.throttle.admit(charge{table: m.table, cost: writeCost(m), writes: true})
}

// admitFailure is admitWrite for a write whose condition did not hold: it costs what the item as it is would.
// (API Reference, PutItem and Developer Guide, "DynamoDB provisioned capacity mode": conditional writes.)
func (e *Engine) admitFailure(m mutation) *ddb.Error {
	if e.throttle == nil {
		return nil
	}
	return e.throttle.admit(charge{table: m.table, cost: cost{table: writeHalves(m.old.Size())}, writes: true})
}

// admitTransaction cancels a transaction of ms when the throughput for one of them is used up.
func (e *Engine) admitTransaction(ms []mutation) *ddb.Error {
	if e.throttle == nil {
		return nil
	}
	charges := make([]charge, len(ms))
	for i, m := range ms {
		charges[i] = charge{table: m.table, cost: transactedWriteCost(m), writes: true}
	}
	return e.throttle.admitTransaction(charges)
}

// admitTransactedReads is admitTransaction for reads of items, each of the table in the same place.
func (e *Engine) admitTransactedReads(tables []*table, items []ddb.Item) *ddb.Error {
	if e.throttle == nil {
		return nil
	}
	charges := make([]charge, len(items))
	for i, item := range items {
		charges[i] = charge{table: tables[i], cost: transactedReadCost(item.Size())}
	}
	return e.throttle.admitTransaction(charges)
}
