package engine

import (
	"slices"
	"sync"

	"millrace/ddb"
)

// Reads that return items whole answer with the bytes as they are stored. What the front wants of them, JSON, is made of
// them directly; what the caches want, items, only if there is a cache.

// itemAnswer is GetItem's answer with a whole item.
type itemAnswer struct {
	// stored is a copy of the item's bytes.
	stored   []byte
	consumed *ddb.ConsumedCapacity
}

// AppendJSON is part of ddb.Answer.
func (a *itemAnswer) AppendJSON(dst []byte) ([]byte, error) {
	dst, err := appendStoredJSON(append(dst, `{"Item":`...), a.stored)
	if err != nil {
		return dst, err
	}
	if a.consumed != nil {
		dst = ddb.AppendShape(append(dst, `,"ConsumedCapacity":`...), a.consumed)
	}
	return append(dst, '}'), nil
}

// Output is part of ddb.Answer.
func (a *itemAnswer) Output() (any, error) {
	item, err := decodeItem(a.stored)
	if err != nil {
		return nil, err
	}
	return &ddb.GetItemOutput{Item: item, ConsumedCapacity: a.consumed}, nil
}

// Release is part of ddb.Answer; there is nothing worth keeping.
func (*itemAnswer) Release() {}

// storedItems are items as they are stored, one behind the other.
type storedItems struct {
	bytes []byte
	// ends has where each one ends in bytes.
	ends []int
}

// keptPage is the most bytes of a page that are kept for the next one: what the largest grows to.
const keptPage = 4 << 20

// pages recycles the memory of pages: in a Query of a hundred items, making it anew took a tenth of the time, and
// collecting it as much again.
var pages = sync.Pool{New: func() any { return new(storedItems) }}

// release gives the memory back for the next page.
func (s *storedItems) release() {
	if cap(s.bytes) <= keptPage {
		s.bytes, s.ends = s.bytes[:0], s.ends[:0]
		pages.Put(s)
	}
}

// add adds a copy of an item.
func (s *storedItems) add(stored []byte) {
	if cap(s.bytes)-len(s.bytes) < len(stored) {
		// A page is many items: growing by half and by quarters would copy the first of them time and again.
		s.bytes = slices.Grow(s.bytes, max(8<<10, 3*len(s.bytes)+len(stored)))
	}
	s.bytes = append(s.bytes, stored...)
	s.ends = append(s.ends, len(s.bytes))
}

// each calls f with every item until it fails.
func (s *storedItems) each(f func(stored []byte) error) error {
	from := 0
	for _, end := range s.ends {
		if err := f(s.bytes[from:end]); err != nil {
			return err
		}
		from = end
	}
	return nil
}

// pageAnswer is Query's answer, or Scan's, with whole items.
type pageAnswer struct {
	stored *storedItems
	// rest makes the output with the given items, nil for none: what else is in it.
	rest func(items []ddb.Item) any
}

// AppendJSON is part of ddb.Answer. Items is the first member of both outputs, and Count, which follows, is always there.
func (a *pageAnswer) AppendJSON(dst []byte) ([]byte, error) {
	// About what it comes to: names of types and quotes for what stored are a few bytes.
	dst = slices.Grow(dst, len(a.stored.bytes)+32*len(a.stored.ends)+512)
	dst = append(dst, `{"Items":[`...)
	first := true
	err := a.stored.each(func(stored []byte) (err error) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst, err = appendStoredJSON(dst, stored)
		return err
	})
	if err != nil {
		return dst, err
	}
	dst = append(dst, ']')
	// The brace that opens the rest is where its comma belongs.
	at := len(dst)
	dst = ddb.AppendShape(dst, a.rest(nil))
	dst[at] = ','
	return dst, nil
}

// Output is part of ddb.Answer.
func (a *pageAnswer) Output() (any, error) {
	items := make([]ddb.Item, 0, len(a.stored.ends))
	err := a.stored.each(func(stored []byte) error {
		item, err := decodeItem(stored)
		items = append(items, item)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.rest(items), nil
}

// Release is part of ddb.Answer.
func (a *pageAnswer) Release() { a.stored.release() }

// respond makes the response of a page; output makes the typed output with the given items.
func (out *page) respond(output func(items []ddb.Item) any) *ddb.Response {
	if out.stored != nil {
		return ddb.NewAnswer(&pageAnswer{stored: out.stored, rest: output})
	}
	return ddb.NewTypedResponse(output(out.items))
}
