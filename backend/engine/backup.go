package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"millrace/ddb"
)

// A backup is a copy of a table's items in the same store, under keys of its own, and the table's record as it was. It
// shares nothing with the table, which may be changed or deleted at once. Copies were chosen over checkpoints of the
// store's files, which would each hold parts of all other tables as well, be files to keep in step with the store's, and be
// of no use to a store in memory; the price is the space, and the time of writing it.
//
// The items are those of one published view, pinned before CreateBackup is answered, and written in the background. A crash
// takes the view away: then the backup is begun anew with the items as they are, and tells the time of that. They are there
// even if the table was deleted meanwhile: its items stay until the last backup of them is written.

// The statuses of backups. (API Reference, BackupDetails: BackupStatus.)
const (
	backupCreating  = "CREATING"
	backupAvailable = "AVAILABLE"
	backupDeleted   = "DELETED"
)

// backup is one version of a backup. It is immutable once it is in a catalog.
type backup struct {
	number uint32
	record backupRecord
}

// backupRecord is a backup as it is stored, as JSON.
type backupRecord struct {
	// ARN ends in "backup/" and the id.
	ARN, ID, Name, Status string
	Created               ddb.Timestamp
	// Table is the table's record as it was, and TableNumber the table's number.
	Table       tableRecord
	TableNumber uint32
	// Items and Bytes are the table's counters; of the copy when it is complete.
	Items, Bytes int64
}

// encode is what is stored under backupKey.
func (k *backup) encode() []byte {
	b, err := json.Marshal(&k.record)
	if err != nil {
		panic(fmt.Sprintf("encoding the record of backup %s: %v", k.record.ARN, err))
	}
	return b
}

// decodeBackup is encode's inverse.
func decodeBackup(number uint32, stored []byte) (*backup, error) {
	k := &backup{number: number}
	if err := json.Unmarshal(stored, &k.record); err != nil {
		return nil, fmt.Errorf("read record of backup %d: %w", number, err)
	}
	if k.record.Table.Description == nil {
		return nil, fmt.Errorf("read record of backup %d: %w", number, errDamaged)
	}
	return k, nil
}

// copiesItems reports whether a backup is being written of the table with that number.
func (c *catalog) copiesItems(table uint32) bool {
	for _, k := range c.backups {
		if k.record.TableNumber == table && k.record.Status == backupCreating {
			return true
		}
	}
	return false
}

// restores reports whether a table is being restored from the backup with that number.
func (c *catalog) restores(backup uint32) bool {
	for _, t := range c.byNumber {
		if t.record.Restoring == backup {
			return true
		}
	}
	return false
}

// copies are the backups being written.
type copies struct {
	// mu is held from before a backup is in the catalog until its view is pinned, so that no step finds one without.
	mu sync.Mutex

	byNumber map[uint32]*copying
}

// copying is how far the writing of one backup has come.
type copying struct {
	view *view
	// next is the store key of the next item, nil before the first.
	next         []byte
	items, bytes int64
	// begun is the time of the view if that is not the backup's own; zero otherwise.
	begun ddb.Timestamp
}

// pin makes the newest view the one that the backup is written from. c.mu is held.
func (c *copies) pin(e *Engine, number uint32, begun ddb.Timestamp) *copying {
	k := &copying{view: e.acquireView(), begun: begun}
	c.byNumber[number] = k
	return k
}

// release unpins the view of a backup that is written, if it is there.
func (c *copies) release(number uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.byNumber[number]; k != nil {
		k.view.release()
		delete(c.byNumber, number)
	}
}

// close unpins everything.
func (c *copies) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for number, k := range c.byNumber {
		k.view.release()
		delete(c.byNumber, number)
	}
}

// copySome writes some items of a backup, and marks it as available after the last.
func (e *Engine) copySome(ctx context.Context, number uint32) error {
	e.copies.mu.Lock()
	c := e.copies.byNumber[number]
	if c == nil {
		c = e.copies.pin(e, number, e.now())
	}
	e.copies.mu.Unlock()
	k := c.view.cat.backups[number]
	if k == nil {
		return errChoreMoved
	}
	part, err := c.read(k, e.stepItems*copiesPerItem)
	if err != nil {
		return fmt.Errorf("write backup %q: %w", k.record.Name, err)
	}
	if len(part.keys) == 0 {
		return e.finishBackup(ctx, number, c)
	}
	err = e.commit(ctx, nil, func(*view) (writeSet, error) {
		return writeSet{records: func(cat *catalog, b *batch) error {
			if now := cat.backups[number]; now == nil || now.record.Status != backupCreating {
				return errChoreMoved
			}
			if c.next == nil {
				// What was written before a crash.
				b.deleteRange(prefixRange(familyCopy, number))
			}
			for i, key := range part.keys {
				b.set(key, part.values[i])
			}
			return nil
		}}, nil
	})
	if err == nil {
		c.next = part.next
		c.items += int64(len(part.keys))
		c.bytes += part.bytes
	}
	return err
}

// copiedPart is some items of a backup as they are stored.
type copiedPart struct {
	keys, values [][]byte
	bytes        int64
	// next is the store key of the item after them.
	next []byte
}

// copiesPerItem is how many times fillBatch a step of a backup copies: that takes neither locks nor decoding.
const copiesPerItem = 8

// read reads the next part of k, at most limit items.
func (c *copying) read(k *backup, limit int) (part copiedPart, err error) {
	lower, upper := keyspaceRange(k.record.TableNumber, baseIndex)
	if c.next != nil {
		lower = c.next
	}
	it, err := c.view.snap.iterate(lower, upper)
	if err != nil {
		return part, err
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = closeErr
		}
	}()
	part.next = upper
	stored := 0
	for it.First(); it.Valid(); it.Next() {
		if len(part.keys) == limit || stored >= choreBytes {
			part.next = append([]byte(nil), it.Key()...)
			return part, nil
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return part, err
		}
		part.keys = append(part.keys, copyKey(k.number, it.Key()))
		part.values = append(part.values, append([]byte(nil), value...))
		part.bytes += int64(storedSize(value))
		stored += len(value)
	}
	return part, it.Error()
}

// finishBackup marks a backup as available. If its table is gone, and no other backup needs the items, they go.
func (e *Engine) finishBackup(ctx context.Context, number uint32, c *copying) error {
	err := e.changeTables(ctx, tableName{}, func(cat *catalog, b *batch) (*catalog, error) {
		k := cat.backups[number]
		if k == nil || k.record.Status != backupCreating {
			return nil, errChoreMoved
		}
		if c.next == nil {
			b.deleteRange(prefixRange(familyCopy, number))
		}
		next := &backup{number: number, record: k.record}
		next.record.Status, next.record.Items, next.record.Bytes = backupAvailable, c.items, c.bytes
		if c.begun != 0 {
			next.record.Created = c.begun
		}
		b.set(backupKey(number), next.encode())
		cat = cat.withBackup(next)
		if table := k.record.TableNumber; cat.byNumber[table] == nil && !cat.copiesItems(table) {
			b.deleteRange(keyspaceRange(table, baseIndex))
		}
		return cat, nil
	})
	if err == nil {
		e.copies.release(number)
	}
	return err
}
