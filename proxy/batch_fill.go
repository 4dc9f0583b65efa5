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

// newBatchFill is one that most likely leads n flights.
func newBatchFill(b *batch, n int) *batchFill {
	return &batchFill{batch: b, leads: make([]batchLead, 0, n)}
}

// batchLead is one of the flights.
type batchLead struct {
	table *batchTable
	key   *batchKey
	ended bool
	// item is what the answer shows of it, and left is true if it was not processed, where the answer is not decoded.
	item ddb.PlainItem
	left bool
}

// ref names its key.
func (l *batchLead) ref() batchRef { return batchRef{l.table.name, string(l.key.cacheKey)} }

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

// failed is part of backendRead: it ends the flights that are still open. Those who joined one read for themselves: what happened may have been
// another key's fault, or another table's.
func (f *batchFill) failed(p *Proxy, a cache.Answer) {
	a.Alone = true
	for i := range f.leads {
		if l := &f.leads[i]; !l.ended {
			l.ended = true
			p.failItem(l.key.read.Flight, a)
		}
	}
}

// startBatch reads what f leads.
func (p *Proxy) startBatch(ctx context.Context, f *batchFill) {
	if len(f.leads) == 0 {
		return
	}
	p.background(ctx, f)
}

// read is part of backendRead.
func (f *batchFill) read(ctx context.Context, p *Proxy) {
	if err := p.fillBatch(ctx, f); err != nil {
		f.failed(p, cache.Answer{Err: err})
	}
}

// fillBatch reads whole items, without the options that only decide what is shown of them.
func (p *Proxy) fillBatch(ctx context.Context, f *batchFill) error {
	in, resp := (*ddb.BatchGetItemInput)(nil), (*ddb.Response)(nil)
	send := func(how strength) (err error) {
		in = f.request(how.strong)
		resp, err = p.fill(ctx, f.leads[0].table.schema.Scope, in, how)
		return err
	}
	raised := f.raised()
	err := send(strength{strong: true, once: len(raised) > 0})
	if err != nil && len(raised) > 0 {
		err = p.secondChance(err, raised[0].table.schema, func() bool { return p.weakenAll(raised) }, send)
	}
	if err != nil {
		return err
	}
	for i := range f.leads {
		cache.Identify(f.leads[i].key.read.Flight, resp.RequestID)
	}
	var got *batchAnswer
	if body := resp.Body(); body == nil || !f.readPlain(body) {
		if got, err = f.answer(resp); err != nil {
			return err
		}
	}
	for i := range f.leads {
		l := &f.leads[i]
		a, ok := l.end(p, got)
		if !ok {
			continue
		}
		filled(l.table.schema, ddb.BatchGetItem, itemHalves(a.Meta.Size, false), in.RequestItems[l.table.schema.Name].ConsistentRead != nil, l.table.strong)
	}
	return nil
}

// end ends the flight by what the backend answered, in got or, where that is nil, in l itself. It reports false for a key that was
// not processed.
func (l *batchLead) end(p *Proxy, got *batchAnswer) (a cache.Answer, ok bool) {
	var item ddb.Item
	exists, left := l.item.Image != nil, l.left
	if got != nil {
		ref := l.ref()
		item, exists = got.items[ref]
		left = got.left[ref]
	}
	l.ended = true
	switch f := l.key.read.Flight; {
	case left && !exists:
		p.items.Fail(f, cache.Answer{Err: errUnprocessed, Alone: true})
		return a, false
	case got != nil:
		return p.items.Done(f, item, exists), true
	default:
		return p.items.DonePlain(f, l.item), true
	}
}

// answer sorts the response to what f leads. One of upstream's that shows an item that was not asked for cannot be understood.
func (f *batchFill) answer(resp *ddb.Response) (*batchAnswer, error) {
	got, err := f.batch.answer(resp)
	if resp.Body() == nil {
		return got, err
	}
	asked := 0
	for i := range f.leads {
		if err == nil && got.items[f.leads[i].ref()] != nil {
			asked++
		}
	}
	if err != nil || asked != len(got.items) {
		return nil, &unread{resp}
	}
	return got, nil
}

// request reads what f leads: strongly for the clients who want that, and if strong is set for the caches too.
func (f *batchFill) request(strong bool) *ddb.BatchGetItemInput {
	in, consistent := &ddb.BatchGetItemInput{RequestItems: map[string]ddb.KeysAndAttributes{}}, true
	for i := range f.leads {
		t, k := f.leads[i].table, f.leads[i].key
		part, begun := in.RequestItems[t.schema.Name]
		if !begun {
			part.Keys = make([]ddb.Item, 0, min(len(f.leads), len(t.keys)))
		}
		part.Keys = append(part.Keys, k.key)
		if t.strong || k.read.Flight.Strong && strong {
			part.ConsistentRead = &consistent // one strong read makes them all so; that does no harm
		}
		in.RequestItems[t.schema.Name] = part
	}
	return in
}

// raised are the reads that are strong though their client did not ask for that.
func (f *batchFill) raised() (out []*batchLead) {
	for i := range f.leads {
		if l := &f.leads[i]; !l.table.strong && l.key.read.Flight.Strong {
			out = append(out, l)
		}
	}
	return out
}

// weakenAll weakens the flights of all of them, or reports false.
func (p *Proxy) weakenAll(leads []*batchLead) bool {
	for _, l := range leads {
		if !p.items.Weaken(l.key.read.Flight) {
			return false
		}
	}
	return true
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
	out, err := wholeOutput[ddb.BatchGetItemOutput](resp)
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

// table is the part of the table of that name, or ARN, nil if there is none.
func (b *batch) table(name string) *batchTable {
	for i := range b.tables {
		if b.tables[i].name == name || b.tables[i].schema.Name == name {
			return &b.tables[i]
		}
	}
	return nil
}

// ref names the key that an item of a response is about.
func (b *batch) ref(table string, item ddb.Item) (batchRef, error) {
	if t := b.table(table); t != nil {
		if key, ok := t.schema.AppendItemKey(nil, item); ok {
			return batchRef{t.name, string(key)}, nil
		}
	}
	return batchRef{}, fmt.Errorf("batch get: answer about an unknown key of table %q", table)
}
