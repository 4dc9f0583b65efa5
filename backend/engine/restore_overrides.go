package engine

import (
	"slices"

	"millrace/ddb"
)

// errRestore refuses an override. (The texts are the service's own.)
func errRestore(format string, args ...any) *ddb.Error {
	return ddb.Validation("Invalid Request: "+format, args...)
}

// restoredRecord is the record of the table that in makes of k. Keys, indexes, billing, throughput and encryption come from the
// backup unless they are overridden; tags, time to live, stream, table class and deletion protection do not. (Developer Guide,
// "Restoring a DynamoDB table from a backup".)
func (e *Engine) restoredRecord(k *backup, in *ddb.RestoreTableFromBackupInput, tableID string) (tableRecord, *ddb.Error) {
	was := k.record.Table.Description
	now := e.now()
	d := &ddb.TableDescription{
		TableName: in.TargetTableName, KeySchema: was.KeySchema, TableStatus: "CREATING", CreationDateTime: now,
		TableArn: ddb.TableARN(e.cfg.Region, e.cfg.AccountID, in.TargetTableName), TableId: tableID,
		SSEDescription: was.SSEDescription,
		RestoreSummary: &ddb.RestoreSummary{
			SourceBackupArn: k.record.ARN, SourceTableArn: was.TableArn, RestoreDateTime: k.record.Created, RestoreInProgress: true,
		},
	}
	if in.SSESpecificationOverride != nil {
		d.SSEDescription = e.describeEncryption(in.SSESpecificationOverride)
	}
	o := overrides{in: in, was: was, onDemand: isOnDemand(was)}
	if in.BillingModeOverride != nil {
		o.onDemand = onDemand(in.BillingModeOverride)
	}
	if o.onDemand {
		setOnDemand(d, now)
	}
	r := tableRecord{
		Scope: k.record.Table.Scope, Description: d, IndexNumbers: make(map[string]uint16), NextIndex: 1, Restoring: k.number,
	}
	for _, step := range []func(*tableRecord) *ddb.Error{o.throughput, o.localIndexes, o.globalIndexes, o.definitions} {
		if err := step(&r); err != nil {
			return tableRecord{}, err
		}
	}
	return r, nil
}

// overrides applies the overrides of a restore to a new record.
type overrides struct {
	in  *ddb.RestoreTableFromBackupInput
	was *ddb.TableDescription
	// onDemand is what the new table will be.
	onDemand bool
}

// throughput sets the table's throughput.
func (o *overrides) throughput(r *tableRecord) *ddb.Error {
	asked, was := o.in.ProvisionedThroughputOverride, isOnDemand(o.was)
	switch {
	case asked != nil && o.onDemand && o.in.BillingModeOverride != nil:
		return errRestore("Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST")
	case asked != nil && o.onDemand:
		return errRestore("Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED")
	case asked == nil && !o.onDemand && was:
		return errRestore("Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED")
	case o.in.OnDemandThroughputOverride != nil && !o.onDemand:
		return errRestore("Cannot override MaxReadRequestUnits for OnDemandThroughput unless BillingModeOverride is PAY_PER_REQUEST")
	}
	if asked == nil && !o.onDemand {
		asked = plainThroughput(o.was.ProvisionedThroughput)
	}
	r.Description.ProvisionedThroughput = describeThroughput(asked)
	if o.onDemand {
		r.Description.OnDemandThroughput = o.was.OnDemandThroughput
		if o.in.OnDemandThroughputOverride != nil {
			r.Description.OnDemandThroughput = o.in.OnDemandThroughputOverride
		}
	}
	return nil
}

// errNoSuchIndex refuses an index that the backup has not.
func errNoSuchIndex(name string) *ddb.Error {
	return errRestore("Index %s does not match a secondary index that existed in the source table and cannot be created during the restore operation", name)
}

// localIndexes gives r the local indexes that are wanted: all, or those listed, under the names given there.
func (o *overrides) localIndexes(r *tableRecord) *ddb.Error {
	d := r.Description
	add := func(name string, schema ddb.KeySchema, p *ddb.Projection) *ddb.Error {
		if _, taken := r.IndexNumbers[name]; taken {
			return invalid("Duplicate index name: %s", name)
		}
		d.LocalSecondaryIndexes = append(d.LocalSecondaryIndexes, ddb.LocalSecondaryIndexDescription{
			IndexName: name, KeySchema: schema, Projection: p, IndexArn: ddb.IndexARN(d.TableArn, name),
		})
		r.numberIndex(name)
		return nil
	}
	if o.in.LocalSecondaryIndexOverride == nil {
		for _, x := range o.was.LocalSecondaryIndexes {
			if err := add(x.IndexName, x.KeySchema, x.Projection); err != nil {
				return err
			}
		}
		return nil
	}
	for _, x := range o.in.LocalSecondaryIndexOverride {
		if !slices.ContainsFunc(o.was.LocalSecondaryIndexes, func(old ddb.LocalSecondaryIndexDescription) bool {
			return slices.Equal(old.KeySchema, x.KeySchema) && sameProjection(old.Projection, x.Projection)
		}) {
			return errNoSuchIndex(x.IndexName)
		}
		if err := add(x.IndexName, x.KeySchema, x.Projection); err != nil {
			return err
		}
	}
	return nil
}

// globalIndexes gives r the global indexes that are wanted: all, or those listed, under the names given there.
func (o *overrides) globalIndexes(r *tableRecord) *ddb.Error {
	wanted := o.in.GlobalSecondaryIndexOverride
	if wanted == nil {
		for _, x := range o.was.GlobalSecondaryIndexes {
			asked := ddb.GlobalSecondaryIndex{IndexName: x.IndexName, KeySchema: x.KeySchema, Projection: x.Projection}
			switch {
			case o.onDemand:
				asked.OnDemandThroughput = x.OnDemandThroughput
			case !isOnDemand(o.was):
				asked.ProvisionedThroughput = plainThroughput(x.ProvisionedThroughput)
			}
			wanted = append(wanted, asked)
		}
	}
	for _, x := range wanted {
		if !slices.ContainsFunc(o.was.GlobalSecondaryIndexes, func(old ddb.GlobalSecondaryIndexDescription) bool {
			return slices.Equal(old.KeySchema, x.KeySchema) && sameProjection(old.Projection, x.Projection)
		}) {
			return errNoSuchIndex(x.IndexName)
		}
		_, taken := r.IndexNumbers[x.IndexName]
		switch {
		case taken:
			return invalid("Duplicate index name: %s", x.IndexName)
		case o.onDemand && x.ProvisionedThroughput != nil:
			return errRestore("Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST for index %s", x.IndexName)
		case !o.onDemand && x.ProvisionedThroughput == nil:
			return errRestore("Must specify provisioned throughput for index %s", x.IndexName)
		}
		d := r.Description
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, ddb.GlobalSecondaryIndexDescription{
			IndexName: x.IndexName, KeySchema: x.KeySchema, Projection: x.Projection, IndexStatus: "CREATING",
			ProvisionedThroughput: describeThroughput(x.ProvisionedThroughput), OnDemandThroughput: x.OnDemandThroughput,
			IndexArn: ddb.IndexARN(d.TableArn, x.IndexName),
		})
		r.numberIndex(x.IndexName)
	}
	return nil
}

// definitions gives r the definitions of the attributes that are in its keys.
func (o *overrides) definitions(r *tableRecord) *ddb.Error {
	r.defineKeys(o.was.AttributeDefinitions)
	return nil
}

// sameProjection reports whether two projections hold the same attributes.
func sameProjection(a, b *ddb.Projection) bool {
	x, y := slices.Sorted(slices.Values(a.NonKeyAttributes)), slices.Sorted(slices.Values(b.NonKeyAttributes))
	return a.ProjectionType == b.ProjectionType && slices.Equal(x, y)
}
