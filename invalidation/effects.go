package invalidation

import (
	"context"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// effectRow is what one operation may change.
type effectRow struct {
	// reads is true when it changes nothing that is cached: no item, and nothing in a schema.
	reads bool
	// plan finds out what a request may change, for operations that do not read. It must take what it does not
	// understand for everything.
	plan func(*Guard, context.Context, *ddb.Request) plan
	// observe tells the core of items that a read showed to a client without a flight: they may be newer than what
	// is cached. It is called on success, for backends that do not announce commits. May be nil.
	observe func(*Guard, *ddb.Request, *ddb.Response)
}

// read is the row of what only reads.
var read = effectRow{reads: true}

// harmless is the row of writes to what is never cached. They are rows of their own because a client that goes away
// must not end them either.
var harmless = effectRow{plan: planNothing}

// effects is what each operation may change. An operation this build does not know may change anything.
var effects = [ddb.NumOperations]effectRow{
	ddb.UnknownOperation: {plan: planEverything},

	ddb.PutItem:            {plan: planPutItem},
	ddb.UpdateItem:         {plan: planUpdateItem},
	ddb.DeleteItem:         {plan: planDeleteItem},
	ddb.BatchWriteItem:     {plan: planBatchWriteItem},
	ddb.TransactWriteItems: {plan: planTransactWriteItems},

	ddb.BatchExecuteStatement: {plan: planBatchExecuteStatement},
	ddb.ExecuteStatement:      {plan: planExecuteStatement},
	ddb.ExecuteTransaction:    {plan: planExecuteTransaction},
	ddb.StartBulkPutItems:     {plan: planEverything},

	ddb.CreateTable:               {plan: planTable(func(in *ddb.CreateTableInput) string { return in.TableName })},
	ddb.DeleteTable:               {plan: planTable(func(in *ddb.DeleteTableInput) string { return in.TableName })},
	ddb.UpdateTable:               {plan: planTable(func(in *ddb.UpdateTableInput) string { return in.TableName })},
	ddb.CreateGlobalTable:         {plan: planEverything},
	ddb.UpdateGlobalTable:         {plan: planEverything},
	ddb.RestoreTableFromBackup:    {plan: planEverything},
	ddb.RestoreTableToPointInTime: {plan: planEverything},
	ddb.ImportTable:               {plan: planEverything},

	ddb.CreateBackup:                       harmless,
	ddb.DeleteBackup:                       harmless,
	ddb.DeleteResourcePolicy:               harmless,
	ddb.DisableKinesisStreamingDestination: harmless,
	ddb.EnableKinesisStreamingDestination:  harmless,
	ddb.ExportTableToPointInTime:           harmless,
	ddb.PutResourcePolicy:                  harmless,
	ddb.TagResource:                        harmless,
	ddb.UntagResource:                      harmless,
	ddb.UpdateContinuousBackups:            harmless,
	ddb.UpdateContributorInsights:          harmless,
	ddb.UpdateGlobalTableSettings:          harmless,
	ddb.UpdateKinesisStreamingDestination:  harmless,
	ddb.UpdateTableReplicaAutoScaling:      harmless,
	ddb.UpdateTimeToLive:                   harmless,

	ddb.GetItem:          {reads: true, observe: observeGetItem},
	ddb.BatchGetItem:     {reads: true, observe: observeBatchGetItem},
	ddb.TransactGetItems: {reads: true, observe: observeTransactGetItems},

	ddb.DescribeBackup:                      read,
	ddb.DescribeContinuousBackups:           read,
	ddb.DescribeContributorInsights:         read,
	ddb.DescribeEndpoints:                   read,
	ddb.DescribeExport:                      read,
	ddb.DescribeGlobalTable:                 read,
	ddb.DescribeGlobalTableSettings:         read,
	ddb.DescribeImport:                      read,
	ddb.DescribeKinesisStreamingDestination: read,
	ddb.DescribeLimits:                      read,
	ddb.DescribeTable:                       read,
	ddb.DescribeTableReplicaAutoScaling:     read,
	ddb.DescribeTimeToLive:                  read,
	ddb.GetResourcePolicy:                   read,
	ddb.ListBackups:                         read,
	ddb.ListContributorInsights:             read,
	ddb.ListExports:                         read,
	ddb.ListGlobalTables:                    read,
	ddb.ListImports:                         read,
	ddb.ListTables:                          read,
	ddb.ListTagsOfResource:                  read,
	ddb.Query:                               read,
	ddb.Scan:                                read,
	ddb.SearchVectors:                       read,
	ddb.DescribeStream:                      read,
	ddb.GetRecords:                          read,
	ddb.GetShardIterator:                    read,
	ddb.ListStreams:                         read,
}

// plan is what one request may change.
type plan struct {
	// keys are the items it may write.
	keys []keyEffect
	// outcomes tells, after the call, what became of each of keys; result is what the error alone tells. It is
	// nil when that holds for all.
	outcomes func(resp *ddb.Response, err error, result coherence.Result) []outcome
	// tables are forgotten with their schemas when the request may have succeeded.
	tables []tableRef
	// everything is announced for every table, and every table is forgotten.
	everything bool
	// instead is what is sent in the request's place: the same, asking for the image that it leaves. It may be nil.
	instead *ddb.Request
}

// keyEffect is one item that may be written.
type keyEffect struct {
	schema *cache.Schema
	effect coherence.Effect
}

// outcome is what became of one item: its image when the write is known to have left exactly that.
type outcome struct {
	result coherence.Result
	image  *coherence.Image
}

// stale reports whether the keys were made with a schema that is no longer the table's.
func (p *plan) stale() bool {
	for i := range p.keys {
		if p.keys[i].schema.Stale() {
			return true
		}
	}
	return false
}

// settled is what became of each key.
func (p *plan) settled(resp *ddb.Response, err error, result coherence.Result) []outcome {
	if p.outcomes != nil {
		return p.outcomes(resp, err, result)
	}
	out := make([]outcome, len(p.keys))
	for i := range out {
		out[i].result = result
	}
	return out
}

// planNothing is the plan of what changes nothing that is cached.
func planNothing(*Guard, context.Context, *ddb.Request) plan { return plan{} }

// planEverything is the plan of what may change anything. A backend that announces its commits tells exactly what
// changed, and nothing needs to be feared beyond that.
func planEverything(g *Guard, _ context.Context, _ *ddb.Request) plan {
	return plan{everything: !g.store.Authoritative()}
}

// planTable makes the plan of an operation that makes, changes or deletes the one table that name finds.
func planTable[T any](name func(*T) string) func(*Guard, context.Context, *ddb.Request) plan {
	return func(g *Guard, ctx context.Context, req *ddb.Request) plan {
		in, err := ddb.InputAs[T](req)
		if err != nil {
			return planEverything(g, ctx, req)
		}
		if g.foreign(ctx, req, name(in)) {
			return plan{}
		}
		return plan{tables: []tableRef{{req.Scope, ddb.TableName(name(in))}}}
	}
}

// add adds the item of the given table with the given key, or the key of a whole item. It reports false when the
// table or the key is not understood, and the plan must be everything then.
func (p *plan) add(g *Guard, ctx context.Context, req *ddb.Request, table string, item ddb.Item) bool {
	s, err := g.schemas.Get(ctx, req.Scope, ddb.TableName(table))
	if err != nil || s == nil {
		return false
	}
	key, ok := s.AppendItemKey(nil, item)
	if !ok {
		return false
	}
	e := coherence.Effect{Table: s.Table, Key: key}
	if !g.store.Authoritative() {
		e.Positions = places(s, item)
	}
	p.keys = append(p.keys, keyEffect{s, e})
	return true
}

// places are where a write of unknown content to the item with this key may change pages. What the item was before
// is not known, so an index that can hold it anywhere is touched as a whole.
func places(s *cache.Schema, key ddb.Item) []coherence.Position {
	var out []coherence.Position
	partition, position, ok := s.Base.Place(key)
	if ok {
		out = append(out, coherence.Position{Partition: partition, Pos: position})
	}
	for _, x := range s.Indexes {
		out = append(out, coherence.Position{Index: x.SpanName(false)})
		if name := x.SpanName(true); name != x.Name {
			out = append(out, coherence.Position{Index: name})
		}
	}
	return out
}

// planKey is the plan of a write to one item.
func planKey(g *Guard, ctx context.Context, req *ddb.Request, table string, item ddb.Item, image func(*ddb.Response) *coherence.Image) plan {
	var p plan
	if g.foreign(ctx, req, table) {
		return p
	}
	if !p.add(g, ctx, req, table, item) {
		return planEverything(g, ctx, req)
	}
	p.outcomes = func(resp *ddb.Response, err error, result coherence.Result) []outcome {
		o := outcome{result: result}
		// An announced commit brings its own image.
		if result == coherence.Applied && !g.store.Authoritative() {
			o.image = image(resp)
		}
		return []outcome{o}
	}
	return p
}

// planPutItem plans a put, which leaves the item of the request.
func planPutItem(g *Guard, ctx context.Context, req *ddb.Request) plan {
	in, err := ddb.InputAs[ddb.PutItemInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	return planKey(g, ctx, req, in.TableName, in.Item, func(*ddb.Response) *coherence.Image {
		img := cache.ItemImage(in.Item, true)
		return &img
	})
}

// planDeleteItem plans a delete, which leaves nothing.
func planDeleteItem(g *Guard, ctx context.Context, req *ddb.Request) plan {
	in, err := ddb.InputAs[ddb.DeleteItemInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	return planKey(g, ctx, req, in.TableName, in.Key, func(*ddb.Response) *coherence.Image {
		return &coherence.Image{Absent: true}
	})
}

// planUpdateItem plans an update, which leaves what ALL_NEW returns; without that the entry only goes.
func planUpdateItem(g *Guard, ctx context.Context, req *ddb.Request) plan {
	in, err := ddb.InputAs[ddb.UpdateItemInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	instead := g.askForImage(req, in)
	p := planKey(g, ctx, req, in.TableName, in.Key, func(resp *ddb.Response) *coherence.Image {
		if instead == nil && (in.ReturnValues == nil || *in.ReturnValues != allNew) {
			return nil
		}
		out, err := ddb.OutputAs[ddb.UpdateItemOutput](resp)
		if err != nil || len(out.Attributes) == 0 {
			return nil
		}
		img := cache.ItemImage(out.Attributes, true)
		return &img
	})
	if len(p.keys) > 0 {
		p.instead = instead
	}
	return p
}

// planBatchWriteItem plans every put and delete of a batch; what comes back unprocessed was not applied.
func planBatchWriteItem(g *Guard, ctx context.Context, req *ddb.Request) plan {
	in, err := ddb.InputAs[ddb.BatchWriteItemInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	var p plan
	var images []ddb.Item // nil for a delete
	var writes []ddb.WriteRequest
	for table, list := range in.RequestItems {
		if g.foreign(ctx, req, table) {
			continue
		}
		for _, w := range list {
			item, put := writtenItem(w)
			if !p.add(g, ctx, req, table, item) {
				return planEverything(g, ctx, req)
			}
			writes = append(writes, w)
			if put {
				images = append(images, item)
			} else {
				images = append(images, nil)
			}
		}
	}
	p.outcomes = func(resp *ddb.Response, err error, result coherence.Result) []outcome {
		out := make([]outcome, len(writes))
		for i := range out {
			out[i].result = result
		}
		if result != coherence.Applied || g.store.Authoritative() {
			return out
		}
		left, ok := unprocessed(g, ctx, req, resp)
		for i := range out {
			key := p.keys[i].effect
			switch {
			case !ok:
				out[i].result = coherence.Ambiguous
			case left[itemRef{key.Table, string(key.Key)}]:
				out[i].result = coherence.NotApplied
			default:
				img := cache.ItemImage(images[i], images[i] != nil)
				out[i].image = &img
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
	out, err := ddb.OutputAs[ddb.BatchWriteItemOutput](resp)
	if err != nil {
		return nil, false
	}
	var p plan
	for table, list := range out.UnprocessedItems {
		if g.foreign(ctx, req, table) {
			continue
		}
		for _, w := range list {
			item, _ := writtenItem(w)
			if !p.add(g, ctx, req, table, item) {
				return nil, false
			}
		}
	}
	left := make(map[itemRef]bool, len(p.keys))
	for _, k := range p.keys {
		left[itemRef{k.effect.Table, string(k.effect.Key)}] = true
	}
	return left, true
}

// writtenItem is the item that w puts, or the key that it deletes.
func writtenItem(w ddb.WriteRequest) (item ddb.Item, put bool) {
	switch {
	case w.PutRequest != nil:
		return w.PutRequest.Item, true
	case w.DeleteRequest != nil:
		return w.DeleteRequest.Key, false
	}
	return nil, false
}

// planTransactWriteItems plans every action of a transaction. Nothing is ever installed: a request with a
// ClientRequestToken that was used before succeeds without writing. (API Reference, TransactWriteItems:
// ClientRequestToken.)
func planTransactWriteItems(g *Guard, ctx context.Context, req *ddb.Request) plan {
	in, err := ddb.InputAs[ddb.TransactWriteItemsInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	var p plan
	var reasons []int // the action behind each key
	for i, action := range in.TransactItems {
		table, item := "", ddb.Item(nil)
		switch {
		case action.Put != nil:
			table, item = action.Put.TableName, action.Put.Item
		case action.Update != nil:
			table, item = action.Update.TableName, action.Update.Key
		case action.Delete != nil:
			table, item = action.Delete.TableName, action.Delete.Key
		case action.ConditionCheck != nil:
			// It writes nothing, but when it fails what is cached of its item may be why the client was wrong.
			table, item = action.ConditionCheck.TableName, action.ConditionCheck.Key
		}
		if g.foreign(ctx, req, table) {
			continue
		}
		if !p.add(g, ctx, req, table, item) {
			return planEverything(g, ctx, req)
		}
		reasons = append(reasons, i)
	}
	p.outcomes = func(_ *ddb.Response, err error, result coherence.Result) []outcome {
		return transactedOutcomes(reasons, err, result)
	}
	return p
}

// transactedOutcomes is what became of the items of a transaction; reasons has, for each, the number of its action.
func transactedOutcomes(reasons []int, err error, result coherence.Result) []outcome {
	out := make([]outcome, len(reasons))
	for i := range out {
		out[i].result = result
		if e, ok := err.(*ddb.Error); ok && result == coherence.NotApplied && reasons[i] < len(e.CancellationReasons) {
			switch e.CancellationReasons[reasons[i]].Code {
			case "ConditionalCheckFailed", "DuplicateItem":
				out[i].result = coherence.ConditionFailed
			}
		}
	}
	return out
}
