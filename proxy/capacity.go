package proxy

import (
	"millrace/cache"
	"millrace/ddb"
	"millrace/invalidation"
)

// A hit reports what DynamoDB would have charged for the same read without a cache. That is computed from what is
// known of the answer, never kept in the cached bytes.

// readUnitBytes is what one strongly consistent read unit reads, or two eventually consistent reads.
// (Developer Guide, "DynamoDB read and write operations".)
const readUnitBytes = 4096

// itemHalves is what reading an item of size bytes costs, in half read units; an absent one has size 0.
func itemHalves(size int64, strong bool) int64 {
	return halves(max(1, (size+readUnitBytes-1)/readUnitBytes), strong)
}

// halves is n eventually consistent half units as the read was made.
func halves(n int64, strong bool) int64 {
	if strong {
		return 2 * n
	}
	return n
}

// wantsCapacity reports whether ReturnConsumedCapacity asks for anything.
func wantsCapacity(mode *string) bool { return mode != nil && *mode != "NONE" }

// tableCapacity is the ConsumedCapacity of halves half units on a table alone.
func tableCapacity(mode, table string, halves int64) *ddb.ConsumedCapacity {
	cc := &ddb.ConsumedCapacity{TableName: table, CapacityUnits: float64(halves) / 2}
	if mode == "INDEXES" {
		cc.Table = &ddb.Capacity{CapacityUnits: float64(halves) / 2}
	}
	return cc
}

// pageCapacity is the ConsumedCapacity of a page.
func pageCapacity(mode, table string, x *cache.IndexLayout, u cache.Units, strong bool) *ddb.ConsumedCapacity {
	onTable, onIndex := halves(max(0, u.Table), strong), halves(max(0, u.Index), strong)
	cc := &ddb.ConsumedCapacity{TableName: table, CapacityUnits: float64(onTable+onIndex) / 2}
	if mode != "INDEXES" {
		return cc
	}
	if u.Table >= 0 {
		cc.Table = &ddb.Capacity{CapacityUnits: float64(onTable) / 2}
	}
	if u.Index >= 0 {
		arm := map[string]ddb.Capacity{x.Name: {CapacityUnits: float64(onIndex) / 2}}
		if x.Global {
			cc.GlobalSecondaryIndexes = arm
		} else {
			cc.LocalSecondaryIndexes = arm
		}
	}
	return cc
}

// capacityIndexes is the ReturnConsumedCapacity that pages are read with, for another caller may ask for it.
const capacityIndexes = "INDEXES"

// fillCapacity is a ReturnConsumedCapacity that nobody writes.
var fillCapacity = capacityIndexes

// capacityMode is the ReturnConsumedCapacity that a fill of q is sent with.
func (p *Proxy) capacityMode(q *pageRead) *string {
	if !p.guard.MayRewrite(q.schema, invalidation.RewriteCapacity) {
		return q.capacity
	}
	return &fillCapacity
}

// What Units.Table says where the parts of a page's price are not known: Units.Index is all of it then.
const (
	// onlyTotal: the backend told the sum alone, as TOTAL asks.
	onlyTotal = -2
	// estimated: it told nothing. What follows from the sizes of the page's items is the least that it can have been: what a
	// filter, a projection or a count leaves out is missing.
	estimated = -3
)

// unitsOf are the units of a page that the backend answered.
func (q *pageRead) unitsOf(got *page, strong bool) cache.Units {
	u := unitsOf(got.cost, q.index.Name, strong)
	switch {
	case u.Table >= 0 || u.Index >= 0 || q.schema.Account == nil && got.cost == nil:
	case got.cost != nil && got.cost.CapacityUnits > 0:
		u = cache.Units{Table: onlyTotal, Index: eventualUnits(got.cost.CapacityUnits, strong)}
	default:
		u = cache.Units{Table: estimated, Index: itemHalves(int64(got.size), false)}
		q.schema.Account.Estimate()
	}
	return u
}

// untold reports whether a page's units do not tell its client what was asked for.
func (q *pageRead) untold(u cache.Units) bool {
	switch {
	case !wantsCapacity(q.capacity):
		return false
	case u.Table == onlyTotal:
		return *q.capacity == capacityIndexes
	}
	return u.Table == estimated || u.Table < 0 && u.Index < 0
}

// unitsOf reads a page's units off what the backend charged for it with INDEXES.
func unitsOf(cc *ddb.ConsumedCapacity, index string, strong bool) cache.Units {
	u := cache.Units{Table: -1, Index: -1}
	if cc == nil {
		return u
	}
	if cc.Table != nil {
		u.Table = eventualUnits(cc.Table.CapacityUnits, strong)
	}
	if c, ok := cc.GlobalSecondaryIndexes[index]; ok {
		u.Index = eventualUnits(c.CapacityUnits, strong)
	} else if c, ok := cc.LocalSecondaryIndexes[index]; ok {
		u.Index = eventualUnits(c.CapacityUnits, strong)
	}
	return u
}

// eventualUnits is what a read that was charged so many units costs in half units when it is read eventually.
func eventualUnits(units float64, strong bool) int64 {
	if strong {
		return int64(units)
	}
	return int64(2 * units)
}

// appendCapacity adds ConsumedCapacity, which is the last member of every response, to the response whose JSON
// begins at start in body.
func appendCapacity(body []byte, start int, capacity any) []byte {
	empty := len(body)-start == len("{}")
	body = body[:len(body)-1]
	if !empty {
		body = append(body, ',')
	}
	body = append(body, `"ConsumedCapacity":`...)
	body = ddb.AppendShape(body, capacity)
	return append(body, '}')
}
