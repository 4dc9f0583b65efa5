package proxy

import (
	"millrace/cache"
	"millrace/ddb"
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

// unitsOf reads a page's units off what the backend charged for it with INDEXES.
func unitsOf(cc *ddb.ConsumedCapacity, index string, strong bool) cache.Units {
	u := cache.Units{Table: -1, Index: -1}
	if cc == nil {
		return u
	}
	eventual := func(units float64) int64 {
		if strong {
			return int64(units)
		}
		return int64(2 * units)
	}
	if cc.Table != nil {
		u.Table = eventual(cc.Table.CapacityUnits)
	}
	if c, ok := cc.GlobalSecondaryIndexes[index]; ok {
		u.Index = eventual(c.CapacityUnits)
	} else if c, ok := cc.LocalSecondaryIndexes[index]; ok {
		u.Index = eventual(c.CapacityUnits)
	}
	return u
}

// known reports whether the backend told anything.
func known(u cache.Units) bool { return u.Table >= 0 || u.Index >= 0 }

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
