package engine

import (
	"context"

	"millrace/ddb"
)

// updateTimeToLive switches a table's time to live on or off. It is in force when the reply is sent: there is no
// ENABLING or DISABLING. (API Reference, UpdateTimeToLive; DynamoDB itself may take up to one hour.)
func (e *Engine) updateTimeToLive(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.UpdateTimeToLiveInput](req)
	if err != nil {
		return nil, err
	}
	spec := *in.TimeToLiveSpecification
	id := tableName{e.scopeOf(req), ddb.TableName(in.TableName)}
	err = e.changeTables(ctx, id, func(cat *catalog, b *batch) (*catalog, error) {
		t, notFound := cat.table(id)
		if notFound != nil {
			return nil, notFound
		}
		if e.states.of(t) == "CREATING" {
			return nil, errTableNotFound(id.name)
		}
		next, refused := t.withTTL(spec)
		if refused != nil {
			return nil, refused
		}
		if next.ttl.Attribute == "" {
			b.deleteRange(prefixRange(familyExpiry, t.number))
		}
		b.set(tableKey(next.number), next.encode())
		return cat.with(next), nil
	})
	if err != nil {
		return nil, err
	}
	select {
	case e.expiries <- struct{}{}:
	default:
	}
	return ddb.NewTypedResponse(&ddb.UpdateTimeToLiveOutput{TimeToLiveSpecification: &spec}), nil
}

// withTTL is t with another setting, or DynamoDB's refusal of it.
func (t *table) withTTL(spec ddb.TimeToLiveSpecification) (*table, *ddb.Error) {
	now := t.ttl.Attribute
	switch {
	case spec.Enabled && now != "":
		return nil, ddb.Validation("TimeToLive is already enabled")
	case !spec.Enabled && now == "":
		return nil, ddb.Validation("TimeToLive is already disabled")
	case !spec.Enabled && now != spec.AttributeName:
		return nil, ddb.Validation("TimeToLive is active on a different AttributeName: current AttributeName is %s", now)
	}
	return t.changed(func(r *tableRecord) {
		r.TTL = ttlSetting{}
		if spec.Enabled {
			r.TTL.Attribute = spec.AttributeName
		}
	}), nil
}

// describeTimeToLive answers the setting.
func (e *Engine) describeTimeToLive(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.DescribeTimeToLiveInput](req)
	if err != nil {
		return nil, err
	}
	v := e.acquireView()
	defer v.release()
	t, notFound := v.tableForControl(e.scopeOf(req), in.TableName)
	if notFound != nil {
		if e.states.buried(tableName{e.scopeOf(req), ddb.TableName(in.TableName)}) != nil {
			return nil, ddb.Validation("Cannot describe time to live while table is in DELETING state: Current table state is DELETING")
		}
		return nil, notFound
	}
	d := &ddb.TimeToLiveDescription{TimeToLiveStatus: "DISABLED"}
	if t.ttl.Attribute != "" {
		d.TimeToLiveStatus, d.AttributeName = "ENABLED", t.ttl.Attribute
	}
	return ddb.NewTypedResponse(&ddb.DescribeTimeToLiveOutput{TimeToLiveDescription: d}), nil
}
