package proxy

import (
	"bytes"
	"hash/maphash"
	"slices"

	"millrace/ddb"
)

// The answer to a batch that missed is looked over and not decoded: each item is cut out of upstream's bytes, the caches copy
// it from there, and the client's answer is made of the same bytes.

// keyPlaces finds keys among as many as a batch may have, by hash. Places count from 1; there are more than twice as many as keys.
type keyPlaces [256]uint8

// batchSeed makes hashes of keys that nobody can foresee.
var batchSeed = maphash.MakeSeed()

// find is the place of a key, 0 if it is not there, and where in h it is or would be. same reports whether place i is the key's.
func (h *keyPlaces) find(key []byte, same func(i int) bool) (place int, at *uint8) {
	i := uint8(maphash.Bytes(batchSeed, key))
	for ; h[i] != 0; i++ {
		if same(int(h[i])) {
			return int(h[i]), &h[i]
		}
	}
	return 0, &h[i]
}

// plainAnswer sorts an answer of upstream's to what f leads.
type plainAnswer struct {
	fill   *batchFill
	places keyPlaces
	table  *batchTable
	seen   []*batchTable
	room   [keyBytes]byte
}

// readPlain sorts body, an answer of upstream's, to what f leads, if it can be looked over; false means that it has to be decoded.
// What it shows must be what was asked for, and all of that once.
func (f *batchFill) readPlain(body []byte) bool {
	a := &plainAnswer{fill: f}
	for i := range f.leads {
		l := &f.leads[i]
		if place, at := a.find(l.table, l.key.cacheKey); place == 0 {
			*at = uint8(i + 1)
		}
	}
	left, ok := ddb.ReadPlainBatch(body, a)
	return ok && a.leave(left)
}

// find is the place of the lead that reads a key of a table.
func (a *plainAnswer) find(t *batchTable, key []byte) (place int, at *uint8) {
	return a.places.find(key, func(i int) bool {
		l := &a.fill.leads[i-1]
		return l.table == t && bytes.Equal(l.key.cacheKey, key)
	})
}

// lead is the lead that reads the item with key, or with the key's attributes, nil if there is none.
func (a *plainAnswer) lead(t *batchTable, key ddb.Item) *batchLead {
	cacheKey, ok := t.schema.AppendItemKey(a.room[:0], key)
	if !ok {
		return nil
	}
	place, _ := a.find(t, cacheKey)
	if place == 0 {
		return nil
	}
	return &a.fill.leads[place-1]
}

// Table is part of ddb.PlainBatchReader.
func (a *plainAnswer) Table(name []byte) (hash, sort string, ok bool) {
	if a.table = a.fill.batch.table(borrowed(name)); a.table == nil || slices.Contains(a.seen, a.table) {
		return "", "", false
	}
	a.seen = append(a.seen, a.table)
	hash, _, ok = a.table.schema.KeyAt(0)
	sort, _, _ = a.table.schema.KeyAt(1)
	return hash, sort, ok
}

// Item is part of ddb.PlainBatchReader.
func (a *plainAnswer) Item(key ddb.Item, it ddb.PlainItem) bool {
	l := a.lead(a.table, key)
	if l == nil || l.item.Image != nil {
		return false
	}
	l.item = it
	return true
}

// leave notes the keys that upstream left unprocessed.
func (a *plainAnswer) leave(left map[string]ddb.KeysAndAttributes) bool {
	for table, part := range left {
		t := a.fill.batch.table(table)
		if t == nil {
			return false
		}
		for _, key := range part.Keys {
			l := a.lead(t, key)
			if l == nil {
				return false
			}
			l.left = true
		}
	}
	return true
}
