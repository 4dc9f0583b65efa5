package engine

import (
	"context"
	"fmt"

	"millrace/ddb"
)

// A restored table is there from the reply on, CREATING, and takes no reads or writes. The items of the backup are put into
// it in steps, each with its index entries and with how far it has come, so that a crash neither loses nor repeats one.
// Caches are not told of the items: nothing of the table can have been read before it is ACTIVE.

// restoreTableFromBackup makes a new table of a backup.
func (e *Engine) restoreTableFromBackup(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.RestoreTableFromBackupInput](req)
	if err != nil {
		return nil, err
	}
	if err := checkEncryption(in.SSESpecificationOverride); err != nil {
		return nil, err
	}
	tableID, err := newUUID(e.cfg.Random)
	if err != nil {
		return nil, err
	}
	id := tableName{e.scopeOf(req), in.TargetTableName}
	var made *table
	err = e.changeTables(ctx, id, func(cat *catalog, b *batch) (*catalog, error) {
		k, refused := cat.backup(id.scope, in.BackupArn)
		if refused != nil {
			return nil, refused
		}
		switch {
		case cat.byName[id] != nil:
			return nil, &ddb.Error{Code: "TableAlreadyExistsException", Message: "Table already exists: " + id.name}
		case k.record.Status == backupCreating:
			// Assumed: that it is refused is documented, the text is not.
			return nil, errBackupInUse("Backup is being created: %s", in.BackupArn)
		case cat.restores(k.number):
			return nil, errBackupInUse("Backup is being used to restore another table: %s", in.BackupArn)
		}
		r, refused := e.restoredRecord(k, in, tableID)
		if refused != nil {
			return nil, refused
		}
		cat, made = cat.addTable(r, b)
		return cat, nil
	})
	if err != nil {
		return nil, err
	}
	e.wakeWork()
	return ddb.NewTypedResponse(&ddb.RestoreTableFromBackupOutput{TableDescription: inStatus(made.desc, "CREATING")}), nil
}

// restoreSome puts some items of the backup into the table, and makes it ready after the last.
func (e *Engine) restoreSome(ctx context.Context, number uint32) error {
	finished := false
	err := e.commit(ctx, nil, func(v *view) (writeSet, error) {
		t := v.cat.byNumber[number]
		if t == nil || t.record.Restoring == 0 {
			return writeSet{}, errChoreMoved
		}
		set, err := v.restoreNext(t, e.stepItems)
		finished = len(set.mutations) == 0
		if err != nil || finished {
			return writeSet{}, err
		}
		return set, nil
	})
	if err != nil || !finished {
		return err
	}
	return e.finishRestore(ctx, number)
}

// restoreNext writes the next items, at most limit, of the backup that t is restored from. Nothing but this writes to t.
func (v *view) restoreNext(t *table, limit int) (set writeSet, err error) {
	fail := func(err error) (writeSet, error) {
		return writeSet{}, fmt.Errorf("restore table %q: %w", t.desc.TableName, err)
	}
	lower, upper := prefixRange(familyCopy, t.record.Restoring)
	from, err := v.progress(t.number, baseIndex)
	if err != nil {
		return fail(err)
	}
	if from != nil {
		lower = from
	}
	it, err := v.snap.iterate(lower, upper)
	if err != nil {
		return fail(err)
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = closeErr
		}
	}()
	next, stored := upper, 0
	for it.First(); it.Valid(); it.Next() {
		if len(set.mutations) == limit || stored >= choreBytes {
			next = append([]byte(nil), it.Key()...)
			break
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return fail(err)
		}
		item, err := decodeItem(value)
		if err != nil {
			return fail(err)
		}
		stored += len(value)
		set.mutations = append(set.mutations, mutation{table: t, key: item, new: item, hasNew: true})
	}
	if err := it.Error(); err != nil {
		return fail(err)
	}
	set.silent = true
	set.records = func(_ *catalog, b *batch) error {
		b.set(progressKey(t.number, baseIndex), next)
		return nil
	}
	return set, nil
}

// finishRestore makes a table that has all items of its backup ready for use.
func (e *Engine) finishRestore(ctx context.Context, number uint32) error {
	v := e.acquireView()
	t := v.cat.byNumber[number]
	v.release()
	if t == nil {
		return errChoreMoved
	}
	return e.changeTables(ctx, t.name(), func(cat *catalog, b *batch) (*catalog, error) {
		t := cat.byNumber[number]
		if t == nil || t.record.Restoring == 0 {
			return nil, errChoreMoved
		}
		b.delete(progressKey(number, baseIndex))
		return cat.changeTable(t.changed(func(r *tableRecord) {
			r.Restoring = 0
			r.Description.TableStatus = "ACTIVE"
			summary := *r.Description.RestoreSummary
			summary.RestoreInProgress = false
			r.Description.RestoreSummary = &summary
			for _, x := range r.Description.GlobalSecondaryIndexes {
				r.changeIndex(x.IndexName, func(x *ddb.GlobalSecondaryIndexDescription) { x.IndexStatus = "ACTIVE" })
			}
		}), b), nil
	})
}
