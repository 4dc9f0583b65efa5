package engine

import (
	"context"
	"maps"
	"slices"

	"millrace/ddb"
)

// batchWriteItem puts and deletes up to 25 items of any tables. DynamoDB promises no more than that each is atomic;
// here all are one commit, but for those that a table's throughput does not suffice for: they come back as UnprocessedItems.
func (e *Engine) batchWriteItem(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.BatchWriteItemInput](req)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(in.RequestItems))
	if bad := checkBatchWrite(in, names); bad != nil {
		return nil, bad
	}
	v := e.acquireView()
	writes, bad := planBatchWrite(v, e.scopeOf(req), in, names)
	v.release()
	if bad != nil {
		return nil, bad
	}
	locks := make([]lockKey, len(writes))
	for i, w := range writes {
		locks[i] = w.at
	}
	var done []batchWrite
	err = e.write(ctx, e.scopeOf(req), locks, func(v *view) ([]mutation, error) {
		// The tables may have changed while we waited, so all is checked against them as they are now.
		now, bad := planBatchWrite(v, e.scopeOf(req), in, names)
		if bad != nil {
			return nil, bad
		}
		for i := range now {
			if now[i].table.number != writes[i].table.number {
				return nil, ddb.ResourceNotFound("Requested resource not found")
			}
			m := &now[i].mutation
			var err error
			if m.old, m.hadOld, err = v.get(m.table, now[i].at); err != nil {
				return nil, err
			}
		}
		done = now
		return e.admitBatch(now)
	})
	if err != nil {
		return nil, err
	}
	return ddb.NewTypedResponse(e.batchWriteOutput(in, done)), nil
}

// admitBatch marks those of writes that are to stay unprocessed and returns the mutations of the others. If none is left the
// whole is refused. (API Reference, BatchWriteItem: "If none of the items can be processed due to insufficient provisioned
// throughput".)
func (e *Engine) admitBatch(writes []batchWrite) ([]mutation, error) {
	mutations := make([]mutation, 0, len(writes))
	var refused *ddb.Error
	for i := range writes {
		w := &writes[i]
		var bad *ddb.Error
		if e.leaves(ddb.BatchWriteItem, w.name) {
			bad = errThroughput()
		} else {
			bad = e.admitWrite(w.mutation)
		}
		if bad != nil {
			refused, w.unprocessed = bad, true
			continue
		}
		mutations = append(mutations, w.mutation)
	}
	if refused != nil && len(mutations) == 0 {
		return nil, refused
	}
	return mutations, nil
}

// checkBatchWrite checks in up to its tables. names are those of the tables, in the order to look at them.
func checkBatchWrite(in *ddb.BatchWriteItemInput, names []string) *ddb.Error {
	if len(names) == 0 {
		return ddb.Validation("The requestItems parameter is required for BatchWriteItem")
	}
	total := 0
	for _, name := range names {
		total += len(in.RequestItems[name])
	}
	if total > ddb.MaxBatchWrites {
		return ddb.Validation("Too many items requested for the BatchWriteItem call")
	}
	for _, name := range names {
		for _, w := range in.RequestItems[name] {
			if bad := checkWriteRequest(w); bad != nil {
				return bad
			}
		}
	}
	return nil
}

// checkWriteRequest checks one element without its table.
func checkWriteRequest(w ddb.WriteRequest) *ddb.Error {
	const text = "Supplied AttributeValue %s, must contain exactly one of the supported datatypes"
	switch {
	case w.PutRequest != nil && w.DeleteRequest != nil:
		return ddb.Validation(text, "has more than one datatypes set")
	case w.PutRequest != nil:
		if err := checkValues(w.PutRequest.Item); err != nil {
			return err
		}
		return checkPutSize(w.PutRequest.Item)
	case w.DeleteRequest != nil:
		return checkValues(w.DeleteRequest.Key)
	}
	return ddb.Validation(text, "is empty")
}

// batchWrite is one element of a BatchWriteItem.
type batchWrite struct {
	mutation
	// name is its table as the request names it, request what it says.
	name    string
	request ddb.WriteRequest
	// unprocessed is true when it was not done.
	unprocessed bool
	// at is the item's store key.
	at lockKey
}

// planBatchWrite makes the elements of in, without the old images, in the order of names. Any that is not legal for
// its table refuses the whole.
func planBatchWrite(v *view, scope string, in *ddb.BatchWriteItemInput, names []string) ([]batchWrite, *ddb.Error) {
	var writes []batchWrite
	seen := make(map[string]bool)
	for _, name := range names {
		t, bad := v.table(scope, name)
		if bad != nil {
			return nil, bad
		}
		for _, r := range in.RequestItems[name] {
			w := batchWrite{name: name, request: r, mutation: mutation{table: t}}
			if r.PutRequest != nil {
				w.new, w.hasNew = r.PutRequest.Item, true
				w.key, _ = t.desc.KeySchema.KeyOf(w.new)
				// A primary key that does not fit gets the text for keys here, not PutItem's for items. (Captured
				// from the service: github.com/nubo-db/dynoxide/issues/97.)
				if bad = checkKey(t, w.key); bad == nil {
					bad = checkItemKeys(t, w.new)
				}
			} else {
				w.key = r.DeleteRequest.Key
				bad = checkKey(t, w.key)
			}
			if bad != nil {
				return nil, bad
			}
			if w.at, bad = t.itemKey(w.key); bad != nil {
				return nil, bad
			}
			if seen[string(w.at)] {
				return nil, ddb.Validation("Provided list of item keys contains duplicates")
			}
			seen[string(w.at)] = true
			writes = append(writes, w)
		}
	}
	return writes, nil
}

// batchWriteOutput is the answer to in, whose elements fared as done says.
func (e *Engine) batchWriteOutput(in *ddb.BatchWriteItemInput, done []batchWrite) *ddb.BatchWriteItemOutput {
	out := &ddb.BatchWriteItemOutput{UnprocessedItems: map[string][]ddb.WriteRequest{}}
	for len(done) > 0 {
		name := done[0].name
		var mutations []mutation
		var metrics []ddb.ItemCollectionMetrics
		for ; len(done) > 0 && done[0].name == name; done = done[1:] {
			if done[0].unprocessed {
				out.UnprocessedItems[name] = append(out.UnprocessedItems[name], done[0].request)
				continue
			}
			mutations = append(mutations, done[0].mutation)
			if m := e.collectionMetrics(in.ReturnItemCollectionMetrics, done[0].mutation); m != nil {
				metrics = append(metrics, *m)
			}
		}
		if consumed := consumedByWrites(in.ReturnConsumedCapacity, name, mutations...); consumed != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, *consumed)
		}
		if metrics != nil {
			if out.ItemCollectionMetrics == nil {
				out.ItemCollectionMetrics = make(map[string][]ddb.ItemCollectionMetrics)
			}
			out.ItemCollectionMetrics[name] = metrics
		}
	}
	return out
}
