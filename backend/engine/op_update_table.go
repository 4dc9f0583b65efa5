package engine

import (
	"context"
	"slices"

	"millrace/ddb"
)

// updateTable changes throughput, billing, class, deletion protection, the stream, and adds or removes an index. The change is in
// force for every request after the reply, but for an index that is added: it is read when it has the older items. Parts that this
// engine does not have are refused whole, never ignored.
func (e *Engine) updateTable(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.UpdateTableInput](req)
	if err != nil {
		return nil, err
	}
	if err := checkUpdateTable(in); err != nil {
		return nil, err
	}
	id := tableName{e.scopeOf(req), ddb.TableName(in.TableName)}
	var was, next *table
	err = e.changeTables(ctx, id, func(cat *catalog, b *batch) (*catalog, error) {
		if busy := e.states.checkUpdate(cat, id, in); busy != nil {
			return nil, busy
		}
		t, notFound := cat.table(id)
		if notFound != nil {
			return nil, notFound
		}
		changed, refused := e.updated(t, in)
		if refused != nil {
			return nil, refused
		}
		if cat, changed, refused = e.committer.updateStream(cat, changed, in.StreamSpecification, b); refused != nil {
			return nil, refused
		}
		for _, idx := range t.indexes {
			if _, stays := changed.index(idx.Name); !stays {
				dropIndex(t, idx, b)
			}
		}
		was, next = t, changed
		e.states.begin(t.number, "UPDATING")
		return cat.changeTable(next, b), nil
	})
	if err != nil {
		return nil, err
	}
	e.wakeWork()
	v := e.acquireView()
	defer v.release()
	d, err := v.describe(next)
	if err != nil {
		return nil, err
	}
	d.TableStatus = "UPDATING"
	showIndexUpdates(d, was.desc)
	return ddb.NewTypedResponse(&ddb.UpdateTableOutput{TableDescription: d}), nil
}

// checkUpdateTable is what can be refused without looking at the table.
func checkUpdateTable(in *ddb.UpdateTableInput) *ddb.Error {
	if in.ProvisionedThroughput == nil && in.BillingMode == nil && len(in.GlobalSecondaryIndexUpdates) == 0 &&
		in.StreamSpecification == nil && in.SSESpecification == nil && in.ReplicaUpdates == nil &&
		in.TableClass == nil && in.DeletionProtectionEnabled == nil && in.OnDemandThroughput == nil &&
		in.WarmThroughput == nil && in.MultiRegionConsistency == nil && in.GlobalTableWitnessUpdates == nil {
		return ddb.Validation("At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required")
	}
	if in.ProvisionedThroughput != nil && onDemand(in.BillingMode) {
		return errUnitsOnDemand()
	}
	for _, check := range []func(*ddb.UpdateTableInput) *ddb.Error{checkIndexUpdates, checkCompany} {
		if err := check(in); err != nil {
			return err
		}
	}
	if err := checkStreamUpdate(in.StreamSpecification); err != nil {
		return err
	}
	if err := checkEncryption(in.SSESpecification); err != nil {
		return err
	}
	switch {
	case in.ReplicaUpdates != nil:
		return errNotServed("ReplicaUpdates")
	case in.MultiRegionConsistency != nil:
		return errNotServed("MultiRegionConsistency")
	case in.GlobalTableWitnessUpdates != nil:
		return errNotServed("GlobalTableWitnessUpdates")
	}
	return nil
}

// checkCompany refuses changes that DynamoDB does not make in one request. (API Reference, UpdateTable: "You can only perform
// one of the following operations at once"; the texts are the service's own.)
func checkCompany(in *ddb.UpdateTableInput) *ddb.Error {
	units, stream := in.ProvisionedThroughput != nil, in.StreamSpecification != nil
	others := 0
	for _, set := range []bool{
		units || in.BillingMode != nil, in.GlobalSecondaryIndexUpdates != nil, stream, in.SSESpecification != nil,
		in.TableClass != nil, in.DeletionProtectionEnabled != nil,
	} {
		if set {
			others++
		}
	}
	creates := slices.ContainsFunc(in.GlobalSecondaryIndexUpdates, func(u ddb.GlobalSecondaryIndexUpdate) bool { return u.Create != nil })
	deletes := slices.ContainsFunc(in.GlobalSecondaryIndexUpdates, func(u ddb.GlobalSecondaryIndexUpdate) bool { return u.Delete != nil })
	switch {
	case in.SSESpecification != nil && others > 1:
		return invalid("Server-Side Encryption modification must be the only operation in the request")
	case in.TableClass != nil && others > 1:
		return invalid("TableClass modification must be the only operation in the request")
	case in.DeletionProtectionEnabled != nil && others > 1:
		return invalid("DeletionProtection modification must be the only operation in the request")
	case units && stream:
		return invalid("You cannot modify stream status while updating table IOPS")
	case units && (creates || deletes):
		return invalid("You cannot create or delete index while updating table IOPS")
	case stream && (creates || deletes):
		return invalid("You cannot create or delete index while changing stream status")
	case in.WarmThroughput != nil && creates:
		return invalid("Create global secondary index cannot be specified when updating WarmThroughput")
	}
	return nil
}

// errNotServed refuses a parameter that this engine does not serve. The text is our own: DynamoDB serves them all.
func errNotServed(parameter string) *ddb.Error {
	return ddb.Validation("One or more parameter values were invalid: %s is not supported by millrace's embedded engine", parameter)
}

// updated is t as in asks for it, or DynamoDB's refusal.
func (e *Engine) updated(t *table, in *ddb.UpdateTableInput) (*table, *ddb.Error) {
	if t.desc.TableStatus == "CREATING" {
		return nil, errStillInUse("Table is being created: %s", t.desc.TableName)
	}
	var refused *ddb.Error
	next := t.changed(func(r *tableRecord) {
		d := r.Description
		d.GlobalSecondaryIndexes = slices.Clone(d.GlobalSecondaryIndexes)
		if refused = e.updateBilling(d, in); refused != nil {
			return
		}
		if refused = e.updateIndexes(r, in); refused != nil {
			return
		}
		if in.DeletionProtectionEnabled != nil {
			d.DeletionProtectionEnabled = *in.DeletionProtectionEnabled
		}
		if in.TableClass != nil {
			d.TableClassSummary = &ddb.TableClassSummary{TableClass: *in.TableClass, LastUpdateDateTime: e.now()}
		}
		if in.OnDemandThroughput != nil {
			d.OnDemandThroughput = in.OnDemandThroughput
		}
		if in.SSESpecification != nil {
			d.SSEDescription = e.describeEncryption(in.SSESpecification)
		}
	})
	return next, refused
}

// errStillInUse refuses a change of something that another change is busy with.
func errStillInUse(format string, args ...any) *ddb.Error {
	return ddb.ResourceInUse("Attempt to change a resource which is still in use: "+format, args...)
}

// updateBilling changes d's billing mode and the table's own throughput. d's list of indexes is its own.
func (e *Engine) updateBilling(d *ddb.TableDescription, in *ddb.UpdateTableInput) *ddb.Error {
	asked, was := in.ProvisionedThroughput, isOnDemand(d)
	will := was
	if in.BillingMode != nil {
		will = onDemand(in.BillingMode)
	}
	switch {
	case will && asked != nil:
		return errUnitsOnDemand()
	case will && !was:
		setOnDemand(d, e.now())
		d.ProvisionedThroughput = describeThroughput(nil)
		for i := range d.GlobalSecondaryIndexes {
			d.GlobalSecondaryIndexes[i].ProvisionedThroughput = describeThroughput(nil)
		}
	case !will && was:
		if asked == nil {
			return errUnitsNeeded()
		}
		setProvisioned(d)
		d.ProvisionedThroughput = changeThroughput(d.ProvisionedThroughput, asked, e.cfg.Clock())
	case !will && asked == nil && in.BillingMode != nil:
		return errUnitsNeeded()
	case !will && asked != nil:
		if sameThroughput(d.ProvisionedThroughput, asked) {
			return ddb.Validation("The provisioned throughput for the table will not change. The requested value equals the current value. "+
				"Current ReadCapacityUnits provisioned for the table: %d. Requested ReadCapacityUnits: %d. "+
				"Current WriteCapacityUnits provisioned for the table: %d. Requested WriteCapacityUnits: %d. "+
				"Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.",
				d.ProvisionedThroughput.ReadCapacityUnits, asked.ReadCapacityUnits,
				d.ProvisionedThroughput.WriteCapacityUnits, asked.WriteCapacityUnits)
		}
		d.ProvisionedThroughput = changeThroughput(d.ProvisionedThroughput, asked, e.cfg.Clock())
	}
	return nil
}

// errUnitsNeeded refuses a change to provisioned without throughput.
func errUnitsNeeded() *ddb.Error {
	return invalid("ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
}
