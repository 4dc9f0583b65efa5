package engine

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"sort"
	"time"

	"millrace/ddb"
)

// changeTables commits a change of the catalog. change is run by the committer, so that it sees every table that was
// made or deleted before; it returns the new catalog and adds the records to b, or refuses. id is the table it is about.
func (e *Engine) changeTables(ctx context.Context, id tableName, change func(cat *catalog, b *batch) (*catalog, error)) error {
	return e.commit(ctx, nil, func(*view) (writeSet, error) {
		return writeSet{tables: change, changed: id}, nil
	})
}

// createTable makes a table. The reply says CREATING, as DynamoDB's does; the table is ACTIVE for every request after it.
func (e *Engine) createTable(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.CreateTableInput](req)
	if err != nil {
		return nil, err
	}
	if err := checkCreateTable(in); err != nil {
		return nil, err
	}
	record, err := e.newRecord(e.scopeOf(req), in)
	if err != nil {
		return nil, err
	}
	id := tableName{record.Scope, in.TableName}
	err = e.changeTables(ctx, id, func(cat *catalog, b *batch) (*catalog, error) {
		if taken := e.states.checkCreate(cat, id); taken != nil {
			return nil, taken
		}
		cat = e.committer.createStream(cat, &record, in.StreamSpecification, b)
		next, t := cat.addTable(record, b)
		e.states.begin(t.number, "CREATING")
		return next, nil
	})
	if err != nil {
		return nil, err
	}
	return ddb.NewTypedResponse(&ddb.CreateTableOutput{TableDescription: inStatus(record.Description, "CREATING")}), nil
}

// newRecord is the record of the table that in asks for.
func (e *Engine) newRecord(scope string, in *ddb.CreateTableInput) (tableRecord, error) {
	id, err := newUUID(e.cfg.Random)
	if err != nil {
		return tableRecord{}, err
	}
	now := e.now()
	d := &ddb.TableDescription{
		AttributeDefinitions:      in.AttributeDefinitions,
		TableName:                 in.TableName,
		KeySchema:                 in.KeySchema,
		TableStatus:               "ACTIVE",
		CreationDateTime:          now,
		ProvisionedThroughput:     describeThroughput(in.ProvisionedThroughput),
		TableArn:                  ddb.TableARN(e.cfg.Region, e.cfg.AccountID, in.TableName),
		TableId:                   id,
		DeletionProtectionEnabled: in.DeletionProtectionEnabled != nil && *in.DeletionProtectionEnabled,
		OnDemandThroughput:        in.OnDemandThroughput,
		SSEDescription:            e.describeEncryption(in.SSESpecification),
	}
	if onDemand(in.BillingMode) {
		setOnDemand(d, now)
	}
	if in.TableClass != nil {
		d.TableClassSummary = &ddb.TableClassSummary{TableClass: *in.TableClass}
	}
	r := tableRecord{Scope: scope, Description: d, IndexNumbers: make(map[string]uint16), NextIndex: 1, Tags: in.Tags}
	for _, x := range in.LocalSecondaryIndexes {
		d.LocalSecondaryIndexes = append(d.LocalSecondaryIndexes, ddb.LocalSecondaryIndexDescription{
			IndexName: x.IndexName, KeySchema: x.KeySchema, Projection: x.Projection,
			IndexArn: ddb.IndexARN(d.TableArn, x.IndexName),
		})
		r.numberIndex(x.IndexName)
	}
	for _, x := range in.GlobalSecondaryIndexes {
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, ddb.GlobalSecondaryIndexDescription{
			IndexName: x.IndexName, KeySchema: x.KeySchema, Projection: x.Projection, IndexStatus: "ACTIVE",
			ProvisionedThroughput: describeThroughput(x.ProvisionedThroughput),
			OnDemandThroughput:    x.OnDemandThroughput,
			IndexArn:              ddb.IndexARN(d.TableArn, x.IndexName),
		})
		r.numberIndex(x.IndexName)
	}
	return r, nil
}

// numberIndex gives a new index its number.
func (r *tableRecord) numberIndex(name string) {
	r.IndexNumbers[name] = r.NextIndex
	r.NextIndex++
}

// describeTable answers a table's description with its counters, which are those of the last commit.
func (e *Engine) describeTable(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.DescribeTableInput](req)
	if err != nil {
		return nil, err
	}
	v := e.acquireView()
	defer v.release()
	t, notFound := v.tableForControl(e.scopeOf(req), in.TableName)
	if notFound != nil {
		if d := e.states.buried(tableName{e.scopeOf(req), ddb.TableName(in.TableName)}); d != nil {
			return ddb.NewTypedResponse(&ddb.DescribeTableOutput{Table: d}), nil
		}
		return nil, notFound
	}
	d, err := v.describe(t)
	if err != nil {
		return nil, err
	}
	return ddb.NewTypedResponse(&ddb.DescribeTableOutput{Table: d}), nil
}

// describe is t's description with the counters in it.
func (v *view) describe(t *table) (*ddb.TableDescription, error) {
	d := *t.desc
	n, err := v.count(t, nil)
	if err != nil {
		return nil, fmt.Errorf("describe table %q: %w", d.TableName, err)
	}
	d.ItemCount, d.TableSizeBytes = n.items, n.bytes
	d.LocalSecondaryIndexes = slices.Clone(d.LocalSecondaryIndexes)
	d.GlobalSecondaryIndexes = slices.Clone(d.GlobalSecondaryIndexes)
	for _, idx := range t.indexes {
		n, err := v.count(t, idx)
		if err != nil {
			return nil, fmt.Errorf("describe table %q: %w", d.TableName, err)
		}
		if i := idx.Number - 1; !idx.Global {
			x := &d.LocalSecondaryIndexes[i]
			x.ItemCount, x.IndexSizeBytes = n.items, n.bytes
		} else {
			x := &d.GlobalSecondaryIndexes[i-len(d.LocalSecondaryIndexes)]
			x.ItemCount, x.IndexSizeBytes = n.items, n.bytes
		}
	}
	v.states.show(t, &d)
	return &d, nil
}

// listTables answers the names of a scope's tables, up to Limit of them.
func (e *Engine) listTables(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.ListTablesInput](req)
	if err != nil {
		return nil, err
	}
	v := e.acquireView()
	defer v.release()
	names := e.states.withBuried(e.scopeOf(req), v.cat.names(e.scopeOf(req)))
	if start := in.ExclusiveStartTableName; start != nil {
		names = names[sort.Search(len(names), func(i int) bool { return names[i] > *start }):]
	}
	limit := maxListedTables
	if in.Limit != nil {
		limit = *in.Limit
	}
	out := &ddb.ListTablesOutput{TableNames: names}
	if len(names) > limit {
		out.TableNames = names[:limit]
		out.LastEvaluatedTableName = &names[limit-1]
	}
	if out.TableNames == nil {
		out.TableNames = []string{}
	}
	return ddb.NewTypedResponse(out), nil
}

// maxListedTables is how many names one ListTables answers, asked or not. (API Reference, ListTables: Limit.)
const maxListedTables = 100

// deleteTable removes a table and everything in it in one commit; its name is free when the reply is sent.
func (e *Engine) deleteTable(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.DeleteTableInput](req)
	if err != nil {
		return nil, err
	}
	id := tableName{e.scopeOf(req), ddb.TableName(in.TableName)}
	var gone *table
	err = e.changeTables(ctx, id, func(cat *catalog, b *batch) (*catalog, error) {
		if busy := e.states.checkDelete(cat, id); busy != nil {
			return nil, busy
		}
		t, notFound := cat.table(id)
		if notFound != nil {
			return nil, notFound
		}
		if refused := t.checkDelete(); refused != nil {
			return nil, refused
		}
		gone = t
		e.states.bury(t)
		return e.committer.closeStream(cat.dropTable(t, b), t, b), nil
	})
	if err != nil {
		return nil, err
	}
	e.throttle.forget(gone.number)
	return ddb.NewTypedResponse(&ddb.DeleteTableOutput{TableDescription: deletedDescription(gone.desc)}), nil
}

// checkDelete refuses to delete t while it is being made or an index is being filled, or if it is protected.
func (t *table) checkDelete() *ddb.Error {
	switch {
	case t.desc.TableStatus == "CREATING":
		return errStillInUse("Table is being created: %s", t.desc.TableName)
	case t.record.Filling != "":
		return errStillInUse("Cannot delete table while indexes are being created, updated, or deleted.")
	case t.desc.DeletionProtectionEnabled:
		return ddb.Validation("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	return nil
}

// dropTable is c without t, of which b removes everything. Only the items are left where a backup of them is still being
// written: it removes them in the end.
func (c *catalog) dropTable(t *table, b *batch) *catalog {
	b.delete(tableKey(t.number))
	for _, family := range []byte{familyCounter, familyExpiry, familyProgress} {
		b.deleteRange(prefixRange(family, t.number))
	}
	lower, upper := prefixRange(familyItem, t.number)
	if c.copiesItems(t.number) {
		lower, _ = keyspaceRange(t.number, baseIndex+1)
	}
	b.deleteRange(lower, upper)
	return c.without(t)
}

// inStatus is d as the reply to a change shows it: the table and its global indexes in the given status, no counters.
func inStatus(d *ddb.TableDescription, status string) *ddb.TableDescription {
	out := *d
	out.TableStatus = status
	out.GlobalSecondaryIndexes = slices.Clone(d.GlobalSecondaryIndexes)
	for i := range out.GlobalSecondaryIndexes {
		out.GlobalSecondaryIndexes[i].IndexStatus = status
	}
	return &out
}

// now is the engine's clock as descriptions show it.
func (e *Engine) now() ddb.Timestamp { return timestamp(e.cfg.Clock()) }

// timestamp is t with the milliseconds that DynamoDB shows.
func timestamp(t time.Time) ddb.Timestamp { return ddb.Timestamp(float64(t.UnixMilli()) / 1000) }

// newUUID is a random (version 4) UUID as text. (RFC 9562, section 5.4.)
func newUUID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make table id: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}
