package invalidation

import (
	"context"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/ddb/expr"
)

// planKey is the plan of a write to one item.
func planKey(g *Guard, ctx context.Context, req *ddb.Request, table string, returns *string, c change, attributes attributesOf) *plan {
	p := &plan{}
	if returns != nil {
		p.returns = *returns
	}
	p.add(g, ctx, req, table, c)
	if !req.Partial() { // else what is answered may be something else than what there is now
		p.attributes = attributes
	}
	return p
}

// single is what became of the one item of the plan.
func (p *plan) single(g *Guard, resp *ddb.Response, err error, result coherence.Result) []outcome {
	out := p.all(result)
	if len(out) == 0 || g.store.Authoritative() {
		return out // an announced commit brings its own image
	}
	switch o := &out[0]; result {
	case coherence.Applied:
		o.applied(&p.keys[0].change)
		o.returned(p.returns, p.attributes, resp)
	case coherence.ConditionFailed:
		o.refused(err)
	}
	return out
}

// applied takes what a change that was acknowledged left.
func (o *outcome) applied(c *change) {
	switch c.after {
	case afterPut:
		o.left(c.item, true)
	case afterDelete:
		o.left(nil, false)
	}
}

// left says what there is after the write.
func (o *outcome) left(item ddb.Item, exists bool) {
	if m := o.memory; m != nil {
		o.own, m.images = cache.AppendItemImage(m.images, item, exists)
	} else {
		o.own = cache.ItemImage(item, exists)
	}
	o.image, o.new = &o.own, told{known: true, exists: exists, item: item}
}

// returned takes the images that the answer brings. returns is the ReturnValues that the backend was asked for.
//
// ALL_OLD of an item that was not there brings no attributes. ALL_NEW always brings the item. (API Reference, UpdateItem:
// ReturnValues.)
func (o *outcome) returned(returns string, attributes attributesOf, resp *ddb.Response) {
	if returns != "ALL_OLD" && returns != allNew {
		return
	}
	item, ok := attributes(resp)
	switch {
	case !ok:
	case returns == "ALL_OLD":
		o.old = told{known: true, exists: len(item) > 0, item: item}
	case len(item) > 0:
		o.left(item, true)
	}
}

// attributesOf finds the Attributes in the answer to a write of one item; false when it cannot be understood.
type attributesOf func(*ddb.Response) (ddb.Item, bool)

// attributesIn is one for outputs of a type, whose attributes are found so.
func attributesIn[T any](resp *ddb.Response, attributes func(*T) ddb.Item) (ddb.Item, bool) {
	out, ok := ddb.WholeOutputAs[T](resp)
	if !ok {
		return nil, false
	}
	return attributes(out), true
}

// putAttributes, deleteAttributes and updateAttributes are those of the operations.
func putAttributes(resp *ddb.Response) (ddb.Item, bool) {
	return attributesIn(resp, func(out *ddb.PutItemOutput) ddb.Item { return out.Attributes })
}

// deleteAttributes is described at putAttributes.
func deleteAttributes(resp *ddb.Response) (ddb.Item, bool) {
	return attributesIn(resp, func(out *ddb.DeleteItemOutput) ddb.Item { return out.Attributes })
}

// updateAttributes is described at putAttributes.
func updateAttributes(resp *ddb.Response) (ddb.Item, bool) {
	return attributesIn(resp, func(out *ddb.UpdateItemOutput) ddb.Item { return out.Attributes })
}

// refused takes the item that a failed condition shows, if ReturnValuesOnConditionCheckFailure asked for it (R16).
func (o *outcome) refused(err error) {
	e, ok := err.(*ddb.Error)
	if !ok || !e.HasItem {
		return
	}
	img := cache.ItemImage(e.Item, true)
	o.image = &img
	// Pages that show it as it was cached, or elsewhere, may be why the client was wrong.
	o.new = told{known: true, exists: true, item: e.Item}
}

// planPutItem plans a put, which leaves the item of the request.
func planPutItem(g *Guard, ctx context.Context, req *ddb.Request) *plan {
	in, err := ddb.InputAs[ddb.PutItemInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	return planKey(g, ctx, req, in.TableName, in.ReturnValues, putOf(req, in.Item), putAttributes)
}

// planDeleteItem plans a delete, which leaves nothing.
func planDeleteItem(g *Guard, ctx context.Context, req *ddb.Request) *plan {
	in, err := ddb.InputAs[ddb.DeleteItemInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	return planKey(g, ctx, req, in.TableName, in.ReturnValues, deleteOf(req, in.Key), deleteAttributes)
}

// planUpdateItem plans an update, which leaves what ALL_NEW returns; without that the entry only goes.
func planUpdateItem(g *Guard, ctx context.Context, req *ddb.Request) *plan {
	in, err := ddb.InputAs[ddb.UpdateItemInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	var updates []string
	if !req.Partial() {
		updates = updatedNames(in)
	}
	p := planKey(g, ctx, req, in.TableName, in.ReturnValues, change{key: in.Key, updates: updates}, updateAttributes)
	if req.Partial() {
		return p
	}
	if instead := g.askForImage(req, in); instead != nil && len(p.keys) > 0 && !p.keys[0].elsewhere {
		p.instead, p.returns = instead, allNew
	}
	return p
}

// updatedNames are the attributes that an update changes or changes something in; nil when it cannot be understood.
func updatedNames(in *ddb.UpdateItemInput) []string {
	names := []string{}
	for name := range in.AttributeUpdates {
		names = append(names, name)
	}
	if in.UpdateExpression == nil {
		return names
	}
	update, err := expr.ParseUpdate(*in.UpdateExpression, expr.NewEnv(in.ExpressionAttributeNames, in.ExpressionAttributeValues))
	if err != nil {
		return nil
	}
	return append(names, update.TopLevelNames()...)
}

// planBatchWriteItem plans every put and delete of a batch.
func planBatchWriteItem(g *Guard, ctx context.Context, req *ddb.Request) *plan {
	in, err := ddb.InputAs[ddb.BatchWriteItemInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	p := &plan{}
	for table, list := range in.RequestItems {
		for _, w := range list {
			p.add(g, ctx, req, table, writtenItem(req, w))
		}
	}
	p.outcomes = func(resp *ddb.Response, err error, result coherence.Result) []outcome {
		out := p.all(result)
		if result != coherence.Applied || g.store.Authoritative() {
			return out
		}
		left, ok := unprocessed(g, ctx, req, resp)
		for i := range out {
			key := p.keys[i].effect
			switch {
			case !ok:
				out[i].result = coherence.Ambiguous
			case left[itemRef{key.Table, string(key.Key)}] && g.config.Rules.Unprocessed:
				// R18: not written, most likely for want of throughput; but "an internal processing failure" is a
				// reason too (API Reference, BatchWriteItem: UnprocessedItems), so what is cached goes.
				out[i].result = coherence.ConditionFailed
			default:
				out[i].applied(&p.keys[i].change)
			}
		}
		return out
	}
	return p
}

// itemRef names an item.
type itemRef struct {
	table *coherence.Table
	key   string
}

// unprocessed are the items that a batch did not write; false when the answer cannot be understood.
func unprocessed(g *Guard, ctx context.Context, req *ddb.Request, resp *ddb.Response) (map[itemRef]bool, bool) {
	out, ok := ddb.WholeOutputAs[ddb.BatchWriteItemOutput](resp)
	if !ok {
		return nil, false
	}
	var p plan
	for table, list := range out.UnprocessedItems {
		for _, w := range list {
			p.add(g, ctx, req, table, writtenItem(req, w))
		}
	}
	if len(p.unknown)+len(p.tables) > 0 {
		return nil, false
	}
	left := make(map[itemRef]bool, len(p.keys))
	for _, k := range p.keys {
		left[itemRef{k.effect.Table, string(k.effect.Key)}] = true
	}
	return left, true
}

// writtenItem is what w does.
func writtenItem(req *ddb.Request, w ddb.WriteRequest) change {
	switch {
	case w.PutRequest != nil:
		return putOf(req, w.PutRequest.Item)
	case w.DeleteRequest != nil:
		return deleteOf(req, w.DeleteRequest.Key)
	}
	return change{}
}

// putOf is a put of item. What it leaves is not known if req says things that nobody here understands.
func putOf(req *ddb.Request, item ddb.Item) change {
	if req.Partial() {
		return change{key: item}
	}
	return change{key: item, after: afterPut, item: item}
}

// deleteOf is a delete of the item with the given key, likewise.
func deleteOf(req *ddb.Request, key ddb.Item) change {
	if req.Partial() {
		return change{key: key}
	}
	return change{key: key, after: afterDelete}
}

// planTransactWriteItems plans every action of a transaction. Nothing is ever installed: a request with a
// ClientRequestToken that was used before succeeds without writing (R20). (API Reference, TransactWriteItems:
// ClientRequestToken.)
func planTransactWriteItems(g *Guard, ctx context.Context, req *ddb.Request) *plan {
	in, err := ddb.InputAs[ddb.TransactWriteItemsInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	p := &plan{transaction: true}
	for i, action := range in.TransactItems {
		switch {
		case action.Put != nil:
			p.add(g, ctx, req, action.Put.TableName, putOf(req, action.Put.Item).of(i))
		case action.Update != nil:
			p.add(g, ctx, req, action.Update.TableName, change{key: action.Update.Key, member: i})
		case action.Delete != nil:
			p.add(g, ctx, req, action.Delete.TableName, deleteOf(req, action.Delete.Key).of(i))
		case action.ConditionCheck != nil:
			// It writes nothing, but when it fails what is cached of its item may be why the client was wrong.
			p.add(g, ctx, req, action.ConditionCheck.TableName, change{key: action.ConditionCheck.Key, after: afterCheck, member: i})
		}
	}
	p.outcomes = func(_ *ddb.Response, err error, result coherence.Result) []outcome {
		return p.transacted(&g.config.Rules, err, result)
	}
	return p
}

// transacted is what became of the items of a transaction (R19).
func (p *plan) transacted(rules *Rules, err error, result coherence.Result) []outcome {
	out := p.all(result)
	e, refused := err.(*ddb.Error)
	for i := range out {
		o, c := &out[i], &p.keys[i].change
		if refused && result == coherence.NotApplied && c.member < len(e.CancellationReasons) {
			switch e.CancellationReasons[c.member].Code {
			case "ConditionalCheckFailed", "DuplicateItem":
				if rules.Condition { // R16
					o.result = coherence.ConditionFailed
				}
			}
		}
		switch {
		case i > 0 && !rules.Members: // R19
			o.result = coherence.NotApplied
		case c.after == afterCheck && o.result != coherence.ConditionFailed:
			o.result = coherence.NotApplied
		case o.result == coherence.Applied:
			o.applied(c)
			if rules.Replay { // R20
				o.image = nil
			}
		}
	}
	return out
}
