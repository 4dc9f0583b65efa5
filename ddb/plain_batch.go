package ddb

import (
	"bytes"
	"encoding/base64"
	"sync"
)

// PlainBatchReader is told what the answer to a BatchGetItem shows, from left to right. What it is given is borrowed for the call.
// Only an item's image is borrowed from the answer, and is good once all of that was read, not before. Where it reports false,
// the answer has to be decoded.
type PlainBatchReader interface {
	// Table is told of the table whose items follow, and names the attributes of its key; sort is empty if there is one only. A
	// table that comes twice has to be refused.
	Table(name []byte) (hash, sort string, ok bool)
	// Item is told of an item of that table. key has the attributes of its key, and may have others.
	Item(key Item, it PlainItem) bool
}

// plainBatch is what looking over such an answer takes, in memory that is used again.
type plainBatch struct {
	plainScanner
	// sorted is where the attributes of an item are put in order.
	sorted []byte
	key    [2]Attribute
}

// plainBatches are those that are used again.
var plainBatches = sync.Pool{New: func() any { return new(plainBatch) }}

// keptSorted is the most of that memory that is kept.
const keptSorted = 64 << 10

// ReadPlainBatch looks over the answer to a BatchGetItem, and returns the keys that were left unprocessed, nil for none. It reports
// false for an answer that has to be decoded, maybe after r was told something. An item that is not plain is decoded by itself
// and the others are not. Attributes of an item that come in no order are put in order within body, which makes no
// difference to the decoder.
func ReadPlainBatch(body []byte, r PlainBatchReader) (left map[string]KeysAndAttributes, ok bool) {
	b := plainBatches.Get().(*plainBatch)
	b.text = body
	left, ok = b.read(r)
	sorted := b.sorted[:0]
	if cap(sorted) > keptSorted {
		sorted = nil
	}
	*b = plainBatch{sorted: sorted}
	plainBatches.Put(b)
	return left, ok
}

// read is ReadPlainBatch. Responses and UnprocessedKeys are the only members that a request which does not ask for the cost is answered with.
func (b *plainBatch) read(r PlainBatchReader) (left map[string]KeysAndAttributes, ok bool) {
	if !b.byte('{') {
		return nil, false
	}
	shown, told := false, false
	for {
		switch {
		case !shown && b.word(`"Responses":{`):
			shown = true
			if !b.byte('}') && !b.tables(r) {
				return nil, false
			}
		case !told && b.word(`"UnprocessedKeys":`):
			told = true
			start := b.pos
			if !b.skip() {
				return nil, false
			}
			if left, ok = unprocessed(b.text[start:b.pos]); !ok {
				return nil, false
			}
		default:
			return nil, false
		}
		if b.byte(',') {
			continue
		}
		return left, b.byte('}') && b.pos == len(b.text) && shown && told
	}
}

// unprocessed decodes the value of UnprocessedKeys.
func unprocessed(text []byte) (left map[string]KeysAndAttributes, ok bool) {
	if string(text) == "{}" {
		return nil, true
	}
	var out BatchGetItemOutput
	whole := append(append([]byte(`{"Responses":{},"UnprocessedKeys":`), text...), '}')
	partial, err := decodeOutput(whole, &out)
	return out.UnprocessedKeys, err == nil && !partial
}

// tables consumes what is left of Responses, which has a table.
func (b *plainBatch) tables(r PlainBatchReader) bool {
	for {
		name, _, escaped, ok := b.str()
		if !ok || escaped || !b.word(`:[`) {
			return false
		}
		hash, sort, ok := r.Table(name)
		if !ok {
			return false
		}
		if !b.byte(']') && !b.elements(func() bool { return b.one(r, hash, sort) }) {
			return false
		}
		if !b.byte(',') {
			return b.byte('}')
		}
	}
}

// one consumes one item of a list, and tells r of it.
func (b *plainBatch) one(r PlainBatchReader, hash, sort string) bool {
	start := b.pos
	b.inexact, b.unsorted, b.size = false, false, 0
	if n, ok := b.item(1); ok && !b.inexact && n <= len(b.attributes) {
		if key, ok := b.keyOf(n, hash, sort); ok {
			text := b.text[start:b.pos:b.pos]
			ok = r.Item(key, PlainItem{Image: text, Size: b.size})
			if ok && b.unsorted {
				if b.sorted, ok = sortedItem(b.sorted[:0], b.attributes[:n]); ok {
					copy(text, b.sorted) // which is as long, and overwrites what key borrows
				}
			}
			return ok
		}
	}
	b.pos = start
	if !b.skip() {
		return false
	}
	it, ok := ParseWholeItem(b.text[start:b.pos])
	if !ok {
		return false
	}
	size := it.Size()
	return r.Item(it, PlainItem{Image: AppendItemJSON(make([]byte, 0, size+size/2+16), it), Size: size})
}

// keyOf is the key of the item that was read last, which has n attributes; it borrows from the answer. It reports false for one
// that is not plainly there.
func (b *plainBatch) keyOf(n int, hash, sort string) (Item, bool) {
	key := Item(b.key[:0])
	for i := range b.attributes[:n] {
		a := &b.attributes[i]
		if string(a.name) != hash && string(a.name) != sort {
			continue
		}
		v, ok := plainKeyValue(a.text[len(a.name)+len(`"":`):])
		if !ok || len(key) == len(b.key) {
			return nil, false
		}
		key = append(key, Attribute{borrowedText(a.name), v})
	}
	if len(key) == 2 && key[1].Name < key[0].Name {
		key[0], key[1] = key[1], key[0]
	}
	return key, len(key) == 2 || len(key) == 1 && sort == ""
}

// plainKeyValue is the value of a key attribute from its text, which was read and is exact.
func plainKeyValue(text []byte) (v AttributeValue, ok bool) {
	const before, after = len(`{"S":"`), len(`"}`)
	if len(text) < before+after || text[before-1] != '"' {
		return v, false
	}
	raw := text[before : len(text)-after]
	switch text[2] {
	case 'S':
		return StringValue(borrowedText(raw)), bytes.IndexByte(raw, '\\') < 0
	case 'N':
		return CanonicalNumber(borrowedText(raw)), true
	case 'B':
		decoded, err := base64.StdEncoding.DecodeString(borrowedText(raw))
		return BinaryValue(borrowedText(decoded)), err == nil
	}
	return v, false
}
