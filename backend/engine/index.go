package engine

import (
	"bytes"
	"fmt"

	"millrace/ddb"
)

// numberOrBase is the index's number in store keys; a nil index is the table itself.
func (idx *index) numberOrBase() uint16 {
	if idx == nil {
		return baseIndex
	}
	return idx.number
}

// entry is what idx holds of item, or false if item is not in idx: an item belongs to an index only if it has all of
// the index's key attributes, with the types the table defines, not empty and not too long. Writes with such values
// are refused before they come here; what is left out are items older than the index.
func (t *table) entry(idx *index, item ddb.Item) (ddb.Item, bool) {
	for _, e := range idx.KeySchema {
		v, ok := item.Get(e.AttributeName)
		if !ok || v.Kind() != t.desc.AttributeKind(e.AttributeName) {
			return nil, false
		}
		if v.Kind() == ddb.KindN {
			continue
		}
		limit := ddb.MaxRangeKeyBytes
		if e.KeyType == "HASH" {
			limit = ddb.MaxHashKeyBytes
		}
		if n := len(v.Str()); n == 0 || n > limit {
			return nil, false
		}
	}
	return idx.project(item), true
}

// project is the attributes of item that entries of idx hold.
func (idx *index) project(item ddb.Item) ddb.Item {
	if idx.projected == nil {
		return item
	}
	out := make(ddb.Item, 0, len(idx.projected))
	for _, name := range idx.projected {
		if v, ok := item.Get(name); ok {
			out = append(out, ddb.Attribute{Name: name, Value: v})
		}
	}
	return out
}

// storedEntry is an entry as bytes; a nil key is no entry.
type storedEntry struct {
	key, value []byte
	size       int
}

// storedEntryOf is item's entry in idx as bytes. itemKey is the item's store key.
func (t *table) storedEntryOf(idx *index, item ddb.Item, has bool, itemKey []byte) storedEntry {
	if !has {
		return storedEntry{}
	}
	projected, ok := t.entry(idx, item)
	if !ok {
		return storedEntry{}
	}
	key, ok := t.entryKey(idx, item, itemKey)
	if !ok {
		return storedEntry{}
	}
	size := projected.Size()
	return storedEntry{key: key, value: appendItem(nil, projected, size), size: size}
}

// maintain adds to w what a mutation of the item at itemKey does to idx.
func (w *prepared) maintain(t *table, idx *index, m *mutation, itemKey []byte) error {
	was := t.storedEntryOf(idx, m.old, m.hadOld, itemKey)
	is := t.storedEntryOf(idx, m.new, m.hasNew, itemKey)
	if idx.filling && was.key != nil {
		there, err := w.has(was.key)
		if err != nil {
			return fmt.Errorf("read index %q of table %q: %w", idx.Name, t.desc.TableName, err)
		}
		if !there {
			was = storedEntry{}
		}
	}
	moved := !bytes.Equal(was.key, is.key)
	gone := moved && was.key != nil
	if gone {
		w.batch.delete(was.key)
	}
	if is.key != nil && (moved || !bytes.Equal(was.value, is.value)) {
		w.batch.set(is.key, is.value)
	}
	w.count(t, idx.number, was.key != nil, is.key != nil, gone, was.size, is.size)
	return nil
}
