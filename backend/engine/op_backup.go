package engine

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"millrace/ddb"
)

// createBackup begins a backup of a table as it is now. It is CREATING until all items are copied.
func (e *Engine) createBackup(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.CreateBackupInput](req)
	if err != nil {
		return nil, err
	}
	record, err := e.newBackupRecord(in.BackupName)
	if err != nil {
		return nil, err
	}
	id := tableName{e.scopeOf(req), ddb.TableName(in.TableName)}
	k := &backup{record: record}
	e.copies.mu.Lock()
	defer e.copies.mu.Unlock()
	err = e.changeTables(ctx, tableName{}, func(cat *catalog, b *batch) (*catalog, error) {
		t := cat.byName[id]
		if t == nil || t.desc.TableStatus == "CREATING" {
			return nil, errNoTable(in.TableName)
		}
		size := e.committer.counters[counterID{t.number, baseIndex}]
		k.number = cat.lastBackup + 1
		k.record.ARN = t.desc.TableArn + "/" + backupPart + k.record.ID
		k.record.Table, k.record.TableNumber = t.record, t.number
		k.record.Items, k.record.Bytes = size.items, size.bytes
		next := cat.withBackup(k)
		next.lastBackup = k.number
		b.set([]byte(systemLastBackup), strconv.AppendUint(nil, uint64(k.number), 10))
		b.set(backupKey(k.number), k.encode())
		return next, nil
	})
	if err != nil {
		return nil, err
	}
	e.copies.pin(e, k.number, 0)
	e.wakeWork()
	return ddb.NewTypedResponse(&ddb.CreateBackupOutput{BackupDetails: k.details()}), nil
}

// errNoTable is the answer of backup operations where there is no table. Unlike others, it is not a ResourceNotFoundException.
// (API Reference, CreateBackup: Errors; the text is the service's own.)
func errNoTable(name string) *ddb.Error {
	return &ddb.Error{Code: "TableNotFoundException", Message: "Table not found: " + name}
}

// backupPart is what comes before the id in a backup's ARN, after the table's.
const backupPart = "backup/"

// newBackupRecord names a new backup. Its id is the time and eight random hexadecimal digits, as DynamoDB's are.
func (e *Engine) newBackupRecord(name string) (backupRecord, error) {
	var random [4]byte
	if _, err := io.ReadFull(e.cfg.Random, random[:]); err != nil {
		return backupRecord{}, fmt.Errorf("make backup id: %w", err)
	}
	now := e.cfg.Clock()
	return backupRecord{
		ID:   fmt.Sprintf("%014d-%s", now.UnixMilli(), hex.EncodeToString(random[:])),
		Name: name, Status: backupCreating, Created: timestamp(now),
	}, nil
}

// backupID takes the ARN of a backup apart. Its account and region are not looked at: one store serves them all.
func backupID(arn string) (table, id string, refused *ddb.Error) {
	p, ok := ddb.ParseARN(arn)
	id, isBackup := strings.CutPrefix(p.Sub, backupPart)
	if !ok || !isBackup {
		return "", "", ddb.Validation("Invalid Backup ARN")
	}
	return p.Table, id, nil
}

// backup looks up the backup with that ARN.
func (c *catalog) backup(scope, arn string) (*backup, *ddb.Error) {
	table, id, refused := backupID(arn)
	if refused != nil {
		return nil, refused
	}
	for _, k := range c.backups {
		if r := &k.record; r.ID == id && r.Table.Scope == scope && r.Table.Description.TableName == table {
			return k, nil
		}
	}
	return nil, &ddb.Error{Code: "BackupNotFoundException", Message: "Backup not found: " + arn}
}

// errBackupInUse refuses to do something with a backup while something else is done with it.
func errBackupInUse(format string, args ...any) *ddb.Error {
	return &ddb.Error{Code: "BackupInUseException", Message: fmt.Sprintf(format, args...)}
}

// describeBackup answers what a backup holds.
func (e *Engine) describeBackup(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.DescribeBackupInput](req)
	if err != nil {
		return nil, err
	}
	v := e.acquireView()
	defer v.release()
	k, refused := v.cat.backup(e.scopeOf(req), in.BackupArn)
	if refused != nil {
		return nil, refused
	}
	return ddb.NewTypedResponse(&ddb.DescribeBackupOutput{BackupDescription: k.describe()}), nil
}

// deleteBackup removes a backup and its items in one commit.
func (e *Engine) deleteBackup(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.DeleteBackupInput](req)
	if err != nil {
		return nil, err
	}
	var gone backup
	err = e.changeTables(ctx, tableName{}, func(cat *catalog, b *batch) (*catalog, error) {
		k, refused := cat.backup(e.scopeOf(req), in.BackupArn)
		if refused != nil {
			return nil, refused
		}
		switch {
		case k.record.Status == backupCreating:
			// Assumed: that it is refused is documented, the text is not.
			return nil, errBackupInUse("Backup is being created: %s", in.BackupArn)
		case cat.restores(k.number):
			return nil, errBackupInUse("Backup is being used to restore table: %s", in.BackupArn)
		}
		gone = *k
		b.delete(backupKey(k.number))
		b.deleteRange(prefixRange(familyCopy, k.number))
		return cat.withoutBackup(k), nil
	})
	if err != nil {
		return nil, err
	}
	gone.record.Status = backupDeleted
	return ddb.NewTypedResponse(&ddb.DeleteBackupOutput{BackupDescription: gone.describe()}), nil
}

// maxListedBackups is how many backups one ListBackups answers, asked or not. (API Reference, ListBackups: Limit.)
const maxListedBackups = 100

// listBackups answers the backups of a scope, or of tables of one name, whether there is such a table or not, oldest first.
func (e *Engine) listBackups(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.ListBackupsInput](req)
	if err != nil {
		return nil, err
	}
	if in.TimeRangeLowerBound != 0 && in.TimeRangeUpperBound != 0 && in.TimeRangeLowerBound > in.TimeRangeUpperBound {
		return nil, invalid("Time range lower bound must be less than or equal to upper bound")
	}
	after := ""
	if in.ExclusiveStartBackupArn != nil {
		var refused *ddb.Error
		if _, after, refused = backupID(*in.ExclusiveStartBackupArn); refused != nil {
			return nil, refused
		}
	}
	limit := maxListedBackups
	if in.Limit != nil {
		limit = *in.Limit
	}
	v := e.acquireView()
	defer v.release()
	list := v.cat.listBackups(e.scopeOf(req), in)
	list = slices.DeleteFunc(list, func(k *backup) bool { return k.record.ID <= after })
	out := &ddb.ListBackupsOutput{BackupSummaries: []ddb.BackupSummary{}}
	if len(list) > limit {
		list = list[:limit]
		out.LastEvaluatedBackupArn = &list[limit-1].record.ARN
	}
	for _, k := range list {
		out.BackupSummaries = append(out.BackupSummaries, k.summary())
	}
	return ddb.NewTypedResponse(out), nil
}

// listBackups is the backups that in asks for, in the order of their ids, which is that of their times.
func (c *catalog) listBackups(scope string, in *ddb.ListBackupsInput) []*backup {
	var list []*backup
	if in.BackupType != nil && *in.BackupType != "USER" && *in.BackupType != "ALL" {
		return nil
	}
	for _, k := range c.backups {
		r := &k.record
		switch {
		case r.Table.Scope != scope:
		case in.TableName != nil && ddb.TableName(*in.TableName) != r.Table.Description.TableName:
		case in.TimeRangeLowerBound != 0 && r.Created < in.TimeRangeLowerBound:
		case in.TimeRangeUpperBound != 0 && r.Created >= in.TimeRangeUpperBound:
		default:
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b *backup) int { return cmp.Compare(a.record.ID, b.record.ID) })
	return list
}

// summary is k as ListBackups shows it.
func (k *backup) summary() ddb.BackupSummary {
	r, d := &k.record, k.record.Table.Description
	return ddb.BackupSummary{
		TableName: d.TableName, TableId: d.TableId, TableArn: d.TableArn, BackupArn: r.ARN, BackupName: r.Name,
		BackupCreationDateTime: r.Created, BackupStatus: r.Status, BackupType: "USER", BackupSizeBytes: &r.Bytes,
	}
}

// details is k itself.
func (k *backup) details() *ddb.BackupDetails {
	r := &k.record
	return &ddb.BackupDetails{
		BackupArn: r.ARN, BackupName: r.Name, BackupSizeBytes: &r.Bytes, BackupStatus: r.Status, BackupType: "USER",
		BackupCreationDateTime: r.Created,
	}
}

// describe is k with its table as it was.
func (k *backup) describe() *ddb.BackupDescription {
	r, d := &k.record, k.record.Table.Description
	source := &ddb.SourceTableDetails{
		TableName: d.TableName, TableId: d.TableId, TableArn: d.TableArn, TableSizeBytes: &r.Bytes, KeySchema: d.KeySchema,
		TableCreationDateTime: d.CreationDateTime, ProvisionedThroughput: plainThroughput(d.ProvisionedThroughput),
		OnDemandThroughput: d.OnDemandThroughput, ItemCount: &r.Items, BillingMode: "PROVISIONED",
	}
	if isOnDemand(d) {
		source.BillingMode = "PAY_PER_REQUEST"
	}
	features := &ddb.SourceTableFeatureDetails{SSEDescription: d.SSEDescription}
	if d.StreamSpecification != nil && d.StreamSpecification.StreamEnabled {
		features.StreamDescription = d.StreamSpecification
	}
	if a := r.Table.TTL.Attribute; a != "" {
		features.TimeToLiveDescription = &ddb.TimeToLiveDescription{TimeToLiveStatus: "ENABLED", AttributeName: a}
	}
	for _, x := range d.LocalSecondaryIndexes {
		features.LocalSecondaryIndexes = append(features.LocalSecondaryIndexes, ddb.LocalSecondaryIndexInfo{
			IndexName: x.IndexName, KeySchema: x.KeySchema, Projection: x.Projection,
		})
	}
	for _, x := range d.GlobalSecondaryIndexes {
		features.GlobalSecondaryIndexes = append(features.GlobalSecondaryIndexes, ddb.GlobalSecondaryIndexInfo{
			IndexName: x.IndexName, KeySchema: x.KeySchema, Projection: x.Projection,
			ProvisionedThroughput: plainThroughput(x.ProvisionedThroughput), OnDemandThroughput: x.OnDemandThroughput,
		})
	}
	return &ddb.BackupDescription{BackupDetails: k.details(), SourceTableDetails: source, SourceTableFeatureDetails: features}
}

// plainThroughput is the units of d alone.
func plainThroughput(d *ddb.ProvisionedThroughputDescription) *ddb.ProvisionedThroughput {
	return &ddb.ProvisionedThroughput{ReadCapacityUnits: d.ReadCapacityUnits, WriteCapacityUnits: d.WriteCapacityUnits}
}
