package engine

import "millrace/ddb"

// collectionMetrics is the ItemCollectionMetrics of a write, if mode, its ReturnItemCollectionMetrics, asks for them
// and the table has a local index: only then are its items in collections.
// (API Reference, PutItem: ItemCollectionMetrics.)
func (e *Engine) collectionMetrics(mode *string, m mutation) *ddb.ItemCollectionMetrics {
	if mode == nil || *mode != "SIZE" || !m.table.hasLocalIndex() {
		return nil
	}
	name := m.table.desc.KeySchema.Hash()
	hash, _ := m.key.Get(name)
	low := e.collectionGigabytes(m.table, hash)
	return &ddb.ItemCollectionMetrics{
		ItemCollectionKey:   ddb.ItemOf(ddb.Attribute{Name: name, Value: hash}),
		SizeEstimateRangeGB: []float64{low, low + 1},
	}
}

// collectionGigabytes estimates the size of the collection of all items with partition key hash, and of their
// entries in local indexes, in whole gigabytes, rounded down. The estimate is what they take on disk, compressed
// and as of the last flush: DynamoDB's is an estimate as well.
func (e *Engine) collectionGigabytes(t *table, hash ddb.AttributeValue) float64 {
	lower := t.partitionPrefix(nil, hash)
	size := e.store.estimateBytes(lower, prefixEnd(lower))
	for _, idx := range t.indexes {
		if idx.Global {
			continue
		}
		lower := t.partitionPrefix(idx, hash)
		size += e.store.estimateBytes(lower, prefixEnd(lower))
	}
	return float64(size >> 30)
}
