package engine

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// checkInvariants compares everything that is derived from items with what the items say: index entries, expiry queues
// and counters. It returns the first difference.
func checkInvariants(e *Engine) error {
	v := e.acquireView()
	defer v.release()
	for _, t := range v.cat.byNumber {
		if err := checkTable(v, t); err != nil {
			return fmt.Errorf("table %q: %w", t.desc.TableName, err)
		}
	}
	for _, k := range v.cat.backups {
		if err := checkBackup(v, k); err != nil {
			return err
		}
	}
	if err := checkStreams(v); err != nil {
		return err
	}
	return checkNothingElse(v)
}

// checkTable checks one table.
func checkTable(v *view, t *table) error {
	derived := make(map[string]string)
	counters := map[uint16]counter{baseIndex: {}}
	for _, idx := range t.indexes {
		counters[idx.number] = counter{}
	}
	c, err := v.scan(t, nil, nil, nil, false)
	if err != nil {
		return err
	}
	for c.next() {
		item, err := c.item()
		if err != nil {
			_ = c.close()
			return err
		}
		if c.size() != item.Size() {
			return fmt.Errorf("item %x: stored size %d, want %d", c.key(), c.size(), item.Size())
		}
		itemKey := slices.Clone(c.key())
		if own, err := t.itemKey(item); err != nil || !bytes.Equal(own, itemKey) {
			return fmt.Errorf("item %x is stored at %x", own, itemKey)
		}
		add(counters, baseIndex, item.Size())
		for _, idx := range t.indexes {
			entry := t.storedEntryOf(idx, item, true, itemKey)
			if entry.key == nil || idx.filling && mayBeMissing(v, t, idx, entry.key, itemKey) {
				continue
			}
			derived[string(entry.key)] = string(entry.value)
			add(counters, idx.number, entry.size)
		}
		if when, expires := t.ttl.expiry(item); expires && t.ttl.Filled {
			derived[string(expiryKey(t.number, when, itemKey))] = ""
		}
	}
	if err := c.close(); err != nil {
		return err
	}
	stored := make(map[string]string)
	keep := func(k, value []byte) error { stored[string(k)] = string(value); return nil }
	for _, idx := range t.indexes {
		lower, _ := keyspaceRange(t.number, idx.number)
		if err := v.snap.each(lower, keep); err != nil {
			return err
		}
	}
	if t.ttl.Attribute == "" || t.ttl.Filled {
		lower, _ := prefixRange(familyExpiry, t.number)
		if err := v.snap.each(lower, keep); err != nil {
			return err
		}
	}
	if !maps.Equal(stored, derived) {
		return fmt.Errorf("%d index and expiry entries are stored, %d would be rebuilt, or they differ", len(stored), len(derived))
	}
	for number, want := range counters {
		got, err := v.count(t, &index{number: number})
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("counter of index %d is %+v, want %+v", number, got, want)
		}
	}
	return nil
}

// mayBeMissing reports whether an entry is not in an index that is being filled, and need not be yet.
func mayBeMissing(v *view, t *table, idx *index, entryKey, itemKey []byte) bool {
	there, err := v.snap.has(entryKey)
	if there || err != nil {
		return false
	}
	filled, err := v.progress(t.number, idx.number)
	return err == nil && bytes.Compare(itemKey, filled) >= 0
}

// checkBackup compares a backup's record with its items.
func checkBackup(v *view, k *backup) error {
	var n counter
	lower, _ := prefixRange(familyCopy, k.number)
	if err := v.snap.each(lower, func(_, value []byte) error {
		n.items++
		n.bytes += int64(storedSize(value))
		return nil
	}); err != nil {
		return err
	}
	if want := (counter{k.record.Items, k.record.Bytes}); k.record.Status == backupAvailable && n != want {
		return fmt.Errorf("backup %q holds %+v, its record says %+v", k.record.Name, n, want)
	}
	return nil
}

// add counts one item or entry.
func add(counters map[uint16]counter, index uint16, size int) {
	n := counters[index]
	counters[index] = counter{n.items + 1, n.bytes + int64(size)}
}

// checkNothingElse reports keys of tables that are not in the catalog.
func checkNothingElse(v *view) error {
	return v.snap.each(nil, func(k, _ []byte) error {
		switch k[0] {
		case familySystem, familyStream, familyShard, familyLog, familyToken:
			return nil
		case familyBackup, familyCopy:
			if v.cat.backups[tableOf(k)] == nil {
				return fmt.Errorf("key %x belongs to no backup", k)
			}
			return nil
		case familyProgress:
			if t := v.cat.byNumber[tableOf(k)]; t == nil || t.record.Filling == "" && t.record.Restoring == 0 {
				return fmt.Errorf("key %x tells of no progress", k)
			}
			return nil
		case familyItem:
			if lower, _ := keyspaceRange(tableOf(k), baseIndex); bytes.HasPrefix(k, lower) && v.cat.copiesItems(tableOf(k)) {
				return nil
			}
		}
		if v.cat.byNumber[tableOf(k)] == nil {
			return fmt.Errorf("key %x belongs to no table", k)
		}
		return nil
	})
}

// mustHold fails the test if e's derived data do not agree with its items.
func mustHold(t testing.TB, e *Engine) {
	t.Helper()
	if err := checkInvariants(e); err != nil {
		t.Error(err)
	}
}
