package proxy

import (
	"context"
	"errors"
	"fmt"

	"millrace/cache"
	"millrace/ddb"
)

// errUnprocessed ends the flight of a key that the backend did not get to. That says nothing of the item.
var errUnprocessed = errors.New("key was left unprocessed")

// batchFill is one backend read for the flights that a batch leads.
type batchFill struct {
	batch *batch
	leads []batchLead
}

// batchLead is one of the flights.
type batchLead struct {
	table *batchTable
	key   *batchKey
	ended bool
}

// add takes in a key whose flight the batch leads.
func (f *batchFill) add(t *batchTable, k *batchKey) {
	f.leads = append(f.leads, batchLead{table: t, key: k})
}

// keys are the keys to read.
func (f *batchFill) keys() []*batchKey {
	out := make([]*batchKey, len(f.leads))
	for i := range f.leads {
		out[i] = f.leads[i].key
	}
	return out
}

// fail ends the flights that are still open. Those who joined one read for themselves: what happened may have been
// another key's fault, or another table's.
func (f *batchFill) fail(p *Proxy, a cache.Answer) {
	a.Alone = true
	for i := range f.leads {
		if l := &f.leads[i]; !l.ended {
			l.ended = true
			p.items.Fail(l.key.read.Flight, a)
		}
	}
}

// startBatch reads what f leads.
func (p *Proxy) startBatch(ctx context.Context, f *batchFill) {
	if len(f.leads) == 0 {
		return
	}
	p.background(ctx,
		func(ctx context.Context) {
			if err := p.fillBatch(ctx, f); err != nil {
				f.fail(p, cache.Answer{Err: err})
			}
		},
		func(err error) { f.fail(p, cache.Answer{Err: err}) })
}

// fillBatch reads whole items, without the options that only decide what is shown of them.
func (p *Proxy) fillBatch(ctx context.Context, f *batchFill) error {
	in := &ddb.BatchGetItemInput{RequestItems: map[string]ddb.KeysAndAttributes{}}
	strong := true
	scope := ""
	for i := range f.leads {
		t, k := f.leads[i].table, f.leads[i].key
		scope = t.schema.Scope
		part := in.RequestItems[t.name]
		part.Keys = append(part.Keys, k.key)
		if t.strong || k.read.Flight.Strong {
			part.ConsistentRead = &strong // one strong read makes them all so; that does no harm
		}
		in.RequestItems[t.name] = part
	}
	resp, err := p.fill(ctx, scope, in)
	if err != nil {
		return err
	}
	got, err := f.batch.answer(resp)
	if err != nil {
		return err
	}
	for i := range f.leads {
		l := &f.leads[i]
		ref := batchRef{l.table.name, string(l.key.cacheKey)}
		item, exists := got.items[ref]
		l.ended = true
		if !exists && got.left[ref] {
			p.items.Fail(l.key.read.Flight, cache.Answer{Err: errUnprocessed, Alone: true})
			continue
		}
		a := p.items.Done(l.key.read.Flight, item, exists)
		filled(l.table.schema, ddb.BatchGetItem, itemHalves(a.Meta.Size, false), in.RequestItems[l.table.name].ConsistentRead != nil, l.table.strong)
	}
	return nil
}

// batchRef names one key of a batch.
type batchRef struct{ table, key string }

// batchAnswer is a BatchGetItem's response by key. What is in neither map is absent.
type batchAnswer struct {
	items map[batchRef]ddb.Item
	left  map[batchRef]bool // not processed
}

// answer sorts a response. One that cannot be understood must not be taken for the absence of anything.
func (b *batch) answer(resp *ddb.Response) (*batchAnswer, error) {
	out, err := ddb.OutputAs[ddb.BatchGetItemOutput](resp)
	if err != nil {
		return nil, err
	}
	got := &batchAnswer{items: make(map[batchRef]ddb.Item, b.keys), left: map[batchRef]bool{}}
	for table, list := range out.Responses {
		if t := b.table(table); t != nil && t.nameless {
			continue
		}
		for _, item := range list {
			ref, err := b.ref(table, item)
			if err != nil {
				return nil, err
			}
			got.items[ref] = item
		}
	}
	for table, part := range out.UnprocessedKeys {
		for _, key := range part.Keys {
			ref, err := b.ref(table, key)
			if err != nil {
				return nil, err
			}
			got.left[ref] = true
		}
	}
	return got, nil
}

// table is the part of the table of that name, nil if there is none.
func (b *batch) table(name string) *batchTable {
	for i := range b.tables {
		if b.tables[i].name == name {
			return &b.tables[i]
		}
	}
	return nil
}

// ref names the key that an item of a response is about.
func (b *batch) ref(table string, item ddb.Item) (batchRef, error) {
	if t := b.table(table); t != nil {
		if key, ok := t.schema.AppendItemKey(nil, item); ok {
			return batchRef{table, string(key)}, nil
		}
	}
	return batchRef{}, fmt.Errorf("batch get: answer about an unknown key of table %q", table)
}
