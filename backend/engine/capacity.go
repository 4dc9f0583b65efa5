package engine

import (
	"maps"

	"millrace/ddb"
)

// The units of provisioned throughput, in bytes.
// (Developer Guide, "DynamoDB read and write operations".)
const (
	readUnitBytes  = 4 << 10
	writeUnitBytes = 1 << 10
)

// readHalves is what reading size bytes costs, in half read units: one for each 4 KB begun and at least one when
// the read is eventually consistent, twice that when it is strongly consistent.
func readHalves(size int, consistent bool) int64 {
	halves := int64(max(1, (size+readUnitBytes-1)/readUnitBytes))
	if consistent {
		halves *= 2
	}
	return halves
}

// writeHalves is what writing size bytes costs, in halves of a write unit so that it adds up with reads: a whole
// unit for each 1 KB begun, at least one.
func writeHalves(size int) int64 {
	return 2 * int64(max(1, (size+writeUnitBytes-1)/writeUnitBytes))
}

// cost is the throughput that one request used on one table, in half units. The zero value is no cost.
type cost struct {
	table  int64
	local  map[string]int64 // by index name; nil when no local index took part
	global map[string]int64
}

// addIndex charges halves to idx.
func (c *cost) addIndex(idx *index, halves int64) {
	arms := &c.local
	if idx.Global {
		arms = &c.global
	}
	if *arms == nil {
		*arms = make(map[string]int64)
	}
	(*arms)[idx.Name] += halves
}

// add charges everything in o.
func (c *cost) add(o cost) {
	c.table += o.table
	addArms(&c.local, o.local)
	addArms(&c.global, o.global)
}

// addArms adds each of from to into, which it makes when it is needed.
func addArms(into *map[string]int64, from map[string]int64) {
	if *into == nil {
		*into = maps.Clone(from)
		return
	}
	for name, halves := range from {
		(*into)[name] += halves
	}
}

// consumed is c as ReturnConsumedCapacity asks for it: nil for NONE or nothing, the sum for TOTAL, and the part of
// the table and of each index that took part for INDEXES. name is the table as the request spelled it.
func (c *cost) consumed(mode *string, name string) *ddb.ConsumedCapacity {
	if mode == nil || *mode == "NONE" {
		return nil
	}
	sum := c.table
	for _, halves := range c.local {
		sum += halves
	}
	for _, halves := range c.global {
		sum += halves
	}
	out := &ddb.ConsumedCapacity{TableName: name, CapacityUnits: units(sum)}
	if *mode == "INDEXES" {
		out.Table = &ddb.Capacity{CapacityUnits: units(c.table)}
		out.LocalSecondaryIndexes = armUnits(c.local)
		out.GlobalSecondaryIndexes = armUnits(c.global)
	}
	return out
}

// armUnits is arms on the wire; nil stays nil.
func armUnits(arms map[string]int64) map[string]ddb.Capacity {
	if arms == nil {
		return nil
	}
	out := make(map[string]ddb.Capacity, len(arms))
	for name, halves := range arms {
		out[name] = ddb.Capacity{CapacityUnits: units(halves)}
	}
	return out
}

// units is a count of halves in whole units.
func units(halves int64) float64 { return float64(halves) / 2 }

// consumedByWrites is what the writes ms of one table cost, as mode asks for it; name as in consumed. It looks at the
// indexes only when it is asked.
func consumedByWrites(mode *string, name string, ms ...mutation) *ddb.ConsumedCapacity {
	if mode == nil || *mode == "NONE" {
		return nil
	}
	var c cost
	for _, m := range ms {
		c.add(writeCost(m))
	}
	return c.consumed(mode, name)
}

// writeCost is what m costs: the larger of the item's two sizes on the table, and on every index the entries that
// have to be written. An index whose entry stays as it is costs nothing; one whose key changes costs a delete and
// a put. (Developer Guide, "Using Global Secondary Indexes in DynamoDB", Write capacity units.)
func writeCost(m mutation) cost {
	var c cost
	oldSize, newSize := 0, 0
	if m.hadOld {
		oldSize = m.old.Size()
	}
	if m.hasNew {
		newSize = m.new.Size()
	}
	c.table = writeHalves(max(oldSize, newSize))
	for _, idx := range m.table.indexes {
		if halves := indexWriteHalves(m, idx); halves > 0 {
			c.addIndex(idx, halves)
		}
	}
	return c
}

// indexWriteHalves is what m costs on idx.
func indexWriteHalves(m mutation, idx *index) int64 {
	var oldEntry, newEntry ddb.Item
	var hadEntry, hasEntry bool
	if m.hadOld {
		oldEntry, hadEntry = m.table.entry(idx, m.old)
	}
	if m.hasNew {
		newEntry, hasEntry = m.table.entry(idx, m.new)
	}
	switch {
	case hadEntry && hasEntry:
		if ddb.EqualItems(oldEntry, newEntry) {
			return 0
		}
		if !sameAttributes(idx.KeySchema, oldEntry, newEntry) {
			return writeHalves(oldEntry.Size()) + writeHalves(newEntry.Size())
		}
		return writeHalves(max(oldEntry.Size(), newEntry.Size()))
	case hadEntry:
		return writeHalves(oldEntry.Size())
	case hasEntry:
		return writeHalves(newEntry.Size())
	}
	return 0
}

// sameAttributes reports whether a and b have equal values for all attributes of schema.
func sameAttributes(schema ddb.KeySchema, a, b ddb.Item) bool {
	for _, e := range schema {
		x, _ := a.Get(e.AttributeName)
		y, _ := b.Get(e.AttributeName)
		if !ddb.Equal(x, y) {
			return false
		}
	}
	return true
}
