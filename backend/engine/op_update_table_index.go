package engine

import (
	"slices"

	"millrace/ddb"
)

// checkIndexUpdates is what can be refused of GlobalSecondaryIndexUpdates without looking at the table.
func checkIndexUpdates(in *ddb.UpdateTableInput) *ddb.Error {
	list := in.GlobalSecondaryIndexUpdates
	if list == nil {
		return nil
	}
	if len(list) == 0 {
		return invalid("List of GlobalSecondaryIndexUpdates is empty")
	}
	named, structural := make(map[string]bool), 0
	for i := range list {
		u := &list[i]
		name, n := "", 0
		if u.Update != nil {
			name, n = u.Update.IndexName, n+1
		}
		if u.Create != nil {
			name, n = u.Create.IndexName, n+1
		}
		if u.Delete != nil {
			name, n = u.Delete.IndexName, n+1
		}
		switch {
		case n == 0:
			return invalid("One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null")
		case n > 1:
			return invalid("Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object")
		case named[name]:
			return invalid("Only one global secondary index update per index is allowed simultaneously. Index: %s", name)
		}
		named[name] = true
		if u.Update == nil {
			structural++
		}
		if u.Create != nil && in.AttributeDefinitions == nil {
			return invalid("AttributeDefinitions is not specified for index: %s", name)
		}
	}
	if structural > 1 {
		return errOneIndexAtATime()
	}
	return nil
}

// errOneIndexAtATime refuses to add or remove an index beside another one.
func errOneIndexAtATime() *ddb.Error {
	return ddb.LimitExceeded("Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table")
}

// updateIndexes does what in asks for with the global indexes. r's description and its list of them are its own.
func (e *Engine) updateIndexes(r *tableRecord, in *ddb.UpdateTableInput) *ddb.Error {
	for i := range in.GlobalSecondaryIndexUpdates {
		var err *ddb.Error
		switch u := &in.GlobalSecondaryIndexUpdates[i]; {
		case u.Create != nil:
			err = r.createIndex(u.Create, in.AttributeDefinitions)
		case u.Delete != nil:
			err = r.deleteIndex(u.Delete.IndexName)
		default:
			err = e.updateIndex(r, u.Update)
		}
		if err != nil {
			return err
		}
	}
	d := r.Description
	if isOnDemand(d) {
		return nil
	}
	for i := range d.GlobalSecondaryIndexes {
		if x := &d.GlobalSecondaryIndexes[i]; x.ProvisionedThroughput.ReadCapacityUnits == 0 {
			return errIndexUnitsMissing(x.IndexName)
		}
	}
	return nil
}

// findGlobal is the place of a global index in r's list, or the refusal to do something with it.
func (r *tableRecord) findGlobal(name, action string) (int, *ddb.Error) {
	d := r.Description
	if slices.ContainsFunc(d.LocalSecondaryIndexes, func(x ddb.LocalSecondaryIndexDescription) bool { return x.IndexName == name }) {
		return 0, ddb.Validation("Cannot %s an index that is not a GlobalSecondaryIndex: %s", action, name)
	}
	at := slices.IndexFunc(d.GlobalSecondaryIndexes, func(x ddb.GlobalSecondaryIndexDescription) bool { return x.IndexName == name })
	if at < 0 {
		return 0, ddb.ResourceNotFound("Requested resource not found: Index %s for table %s", name, d.TableName)
	}
	return at, nil
}

// updateIndex changes an index's throughput.
func (e *Engine) updateIndex(r *tableRecord, u *ddb.UpdateGlobalSecondaryIndexAction) *ddb.Error {
	at, refused := r.findGlobal(u.IndexName, "update")
	if refused != nil {
		return refused
	}
	d := r.Description
	x := &d.GlobalSecondaryIndexes[at]
	if isOnDemand(d) {
		if u.ProvisionedThroughput != nil || u.OnDemandThroughput == nil && u.WarmThroughput == nil {
			return invalid("The only Updates for index: %s when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput", u.IndexName)
		}
		if u.OnDemandThroughput != nil {
			x.OnDemandThroughput = u.OnDemandThroughput
		}
		return nil
	}
	if u.ProvisionedThroughput == nil {
		if u.OnDemandThroughput == nil && u.WarmThroughput == nil {
			return errIndexUnitsNeeded(u.IndexName)
		}
		return nil
	}
	if sameThroughput(x.ProvisionedThroughput, u.ProvisionedThroughput) {
		return ddb.Validation("The provisioned throughput for the index %[1]s will not change. The requested value equals the current value. "+
			"Current ReadCapacityUnits provisioned for index %[1]s: %[2]d. Requested ReadCapacityUnits: %[3]d. "+
			"Current WriteCapacityUnits provisioned for index %[1]s: %[4]d. Requested WriteCapacityUnits: %[5]d. "+
			"Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.", u.IndexName,
			x.ProvisionedThroughput.ReadCapacityUnits, u.ProvisionedThroughput.ReadCapacityUnits,
			x.ProvisionedThroughput.WriteCapacityUnits, u.ProvisionedThroughput.WriteCapacityUnits)
	}
	x.ProvisionedThroughput = changeThroughput(x.ProvisionedThroughput, u.ProvisionedThroughput, e.cfg.Clock())
	return nil
}

// errIndexUnitsNeeded refuses to add an index without throughput to a provisioned table, or to change nothing of one.
func errIndexUnitsNeeded(index string) *ddb.Error {
	return invalid("Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: %s", index)
}

// createIndex adds an index, to be filled. definitions is the request's: what it defines beyond the index's key is ignored.
func (r *tableRecord) createIndex(c *ddb.CreateGlobalSecondaryIndexAction, definitions []ddb.AttributeDefinition) *ddb.Error {
	d := r.Description
	if err := r.checkCreateIndex(c, definitions); err != nil {
		return err
	}
	filling := true
	d.TableStatus = "UPDATING"
	d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, ddb.GlobalSecondaryIndexDescription{
		IndexName: c.IndexName, KeySchema: c.KeySchema, Projection: c.Projection, IndexStatus: "CREATING", Backfilling: &filling,
		ProvisionedThroughput: describeThroughput(c.ProvisionedThroughput), OnDemandThroughput: c.OnDemandThroughput,
		IndexArn: ddb.IndexARN(d.TableArn, c.IndexName),
	})
	d.AttributeDefinitions = slices.Clone(d.AttributeDefinitions)
	for _, def := range definitions {
		if c.KeySchema.Has(def.AttributeName) && d.AttributeKind(def.AttributeName) == ddb.KindInvalid {
			d.AttributeDefinitions = append(d.AttributeDefinitions, def)
		}
	}
	r.numberIndex(c.IndexName)
	r.Filling = c.IndexName
	return nil
}

// checkCreateIndex refuses an index that r's table cannot have.
func (r *tableRecord) checkCreateIndex(c *ddb.CreateGlobalSecondaryIndexAction, definitions []ddb.AttributeDefinition) *ddb.Error {
	d := r.Description
	if _, taken := d.Index(c.IndexName); taken {
		if c.IndexName == r.Filling {
			return errStillInUse("Index is being created.  Table: %s Index: %s", d.TableName, c.IndexName)
		}
		return ddb.Validation("Attempting to create an index which already exists")
	}
	s := schemaCheck{
		in: &ddb.CreateTableInput{AttributeDefinitions: definitions}, kinds: make(map[string]bool), used: make(map[string]bool),
		indexes: make(map[string]bool),
	}
	for _, check := range []func() *ddb.Error{
		s.definitions,
		func() *ddb.Error { return s.globalKey(c.KeySchema) },
		func() *ddb.Error { return s.keyDefined(c.KeySchema) },
		func() *ddb.Error { return s.index(c.IndexName, c.Projection) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	for _, def := range definitions {
		if kind := d.AttributeKind(def.AttributeName); c.KeySchema.Has(def.AttributeName) &&
			kind != ddb.KindInvalid && kind != ddb.KindOf(def.AttributeType) {
			// Assumed: that it is refused is known, the text is not.
			return invalid("Attribute %s is defined as %s for the table and its indexes and cannot be defined as %s for index: %s",
				def.AttributeName, kind, def.AttributeType, c.IndexName)
		}
	}
	switch onDemand := isOnDemand(d); {
	case onDemand && c.ProvisionedThroughput != nil:
		return invalid("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: %s when BillingMode is PAY_PER_REQUEST", c.IndexName)
	case !onDemand && c.ProvisionedThroughput == nil:
		return errIndexUnitsNeeded(c.IndexName)
	case r.Filling != "":
		return errOneIndexAtATime()
	case len(d.GlobalSecondaryIndexes) >= ddb.MaxGlobalIndexes:
		return ddb.LimitExceeded("Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of %d", ddb.MaxGlobalIndexes)
	}
	for _, info := range d.Indexes() {
		s.names += len(info.Projection.NonKeyAttributes)
	}
	return s.projected()
}

// deleteIndex removes an index, and the definitions of attributes that were in no other key. One that is being filled may
// go as well. (API Reference, GlobalSecondaryIndexDescription: Backfilling.)
func (r *tableRecord) deleteIndex(name string) *ddb.Error {
	at, refused := r.findGlobal(name, "delete")
	if refused != nil {
		return refused
	}
	d := r.Description
	switch r.Filling {
	case "":
	case name:
		r.Filling, d.TableStatus = "", "ACTIVE"
	default:
		return errOneIndexAtATime()
	}
	d.GlobalSecondaryIndexes = slices.Delete(d.GlobalSecondaryIndexes, at, at+1)
	if len(d.GlobalSecondaryIndexes) == 0 {
		d.GlobalSecondaryIndexes = nil
	}
	delete(r.IndexNumbers, name)
	r.defineKeys(d.AttributeDefinitions)
	return nil
}

// defineKeys makes those of definitions that are of r's keys r's.
func (r *tableRecord) defineKeys(definitions []ddb.AttributeDefinition) {
	d := r.Description
	var kept []ddb.AttributeDefinition
	for _, def := range definitions {
		used := d.KeySchema.Has(def.AttributeName)
		for _, info := range d.Indexes() {
			used = used || info.KeySchema.Has(def.AttributeName)
		}
		if used {
			kept = append(kept, def)
		}
	}
	d.AttributeDefinitions = kept
}

// dropIndex removes what the store holds of an index of t. What a writer who did not know adds goes with it: it is
// admitted before, or made anew.
func dropIndex(t *table, idx *index, b *batch) {
	b.deleteRange(keyspaceRange(t.number, idx.number))
	b.delete(counterKey(t.number, idx.number))
	b.delete(progressKey(t.number, idx.number))
}

// changeIndex changes the description of a global index, in a list that becomes r's own.
func (r *tableRecord) changeIndex(name string, change func(x *ddb.GlobalSecondaryIndexDescription)) {
	d := r.Description
	d.GlobalSecondaryIndexes = slices.Clone(d.GlobalSecondaryIndexes)
	for i := range d.GlobalSecondaryIndexes {
		if d.GlobalSecondaryIndexes[i].IndexName == name {
			change(&d.GlobalSecondaryIndexes[i])
		}
	}
}

// showIndexUpdates makes d, the table after an update, what the reply tells: an index that has gone since was is being deleted,
// one that has come is not being filled yet.
func showIndexUpdates(d, was *ddb.TableDescription) {
	filling := false
	for i := range d.GlobalSecondaryIndexes {
		x := &d.GlobalSecondaryIndexes[i]
		if _, older := was.Index(x.IndexName); !older {
			x.Backfilling = &filling
		}
	}
	for at, x := range was.GlobalSecondaryIndexes {
		if _, stays := d.Index(x.IndexName); !stays {
			x.IndexStatus, x.Backfilling = "DELETING", nil
			d.GlobalSecondaryIndexes = slices.Insert(d.GlobalSecondaryIndexes, min(at, len(d.GlobalSecondaryIndexes)), x)
			d.AttributeDefinitions = was.AttributeDefinitions
		}
	}
}
