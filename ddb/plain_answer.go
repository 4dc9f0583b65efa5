package ddb

import (
	"bytes"
	"slices"
)

// PlainItem is what the answer to a GetItem of a whole item shows, if it is plain. It borrows from the answer unless it says
// otherwise.
type PlainItem struct {
	// Image is the item as AppendItemJSON writes it; nil if there is none.
	Image []byte
	// Size is the item's.
	Size int
}

// ReadPlainItem looks over the answer to a GetItem that shows the item and nothing else. It reports false for an answer that
// has to be decoded, as one has whose item does not have all attributes of key. Attributes that come in no order are put in order,
// in memory of their own.
func ReadPlainItem(body []byte, key Item) (it PlainItem, ok bool) {
	s := plainScanner{text: body, key: key}
	if string(body) == "{}" {
		return it, true
	}
	if !s.word(`{"Item":`) {
		return it, false
	}
	start := s.pos
	n, ok := s.item(1)
	end := s.pos
	if !ok || !s.byte('}') || s.pos != len(body) || s.inexact || s.shown != len(key) {
		return it, false
	}
	it = PlainItem{Image: body[start:end:end], Size: s.size}
	if s.unsorted {
		if n > len(s.attributes) {
			return PlainItem{}, false
		}
		if it.Image, ok = sortedItem(make([]byte, 0, end-start), s.attributes[:n]); !ok {
			return PlainItem{}, false
		}
	}
	return it, true
}

// sortedItem appends an item with the given attributes in order to dst; false if two have one name.
func sortedItem(dst []byte, attributes []plainAttribute) ([]byte, bool) {
	slices.SortFunc(attributes, func(a, b plainAttribute) int { return bytes.Compare(a.name, b.name) })
	dst = append(dst, '{')
	for i, a := range attributes {
		if i > 0 {
			if bytes.Equal(a.name, attributes[i-1].name) {
				return nil, false
			}
			dst = append(dst, ',')
		}
		dst = append(dst, a.text...)
	}
	return append(dst, '}'), true
}

// PlainPage is what the answer to a Query or Scan shows, if it is plain.
type PlainPage struct {
	// Body is the answer without ConsumedCapacity, to the byte.
	Body []byte
	// Size is what DynamoDB counts the items as.
	Size int
	// LastEvaluatedKey and ConsumedCapacity are nil where there is none.
	LastEvaluatedKey Item
	ConsumedCapacity *ConsumedCapacity
}

// ReadPlainPage looks over the answer to a Query or Scan. It reports false for an answer that has to be decoded, of which
// nothing was changed; else Body has taken its memory over.
func ReadPlainPage(body []byte) (p PlainPage, ok bool) {
	s := plainScanner{text: body}
	if !s.byte('{') {
		return p, false
	}
	type member struct{ at, start, end int }
	var items, count, scanned, last, capacity member
	for {
		m := member{at: s.pos}
		into := &m
		switch {
		case s.word(`"Items":[`):
			into = &items
			m.start, p.Size = s.pos, -s.size
			ok = s.byte(']') || s.elements(func() bool {
				_, ok := s.item(1)
				return ok
			})
			p.Size += s.size
		case s.word(`"Count":`):
			into, ok = &count, s.count()
		case s.word(`"ScannedCount":`):
			into, ok = &scanned, s.count()
		case s.word(`"LastEvaluatedKey":`):
			into = &last
			m.start = s.pos
			_, ok = s.item(1)
		case s.word(`"ConsumedCapacity":`):
			into = &capacity
			m.start = s.pos
			ok = s.skip()
		default:
			ok = false
		}
		if m.end = s.pos; !ok || into.end > 0 {
			return PlainPage{}, false
		}
		*into = m
		if s.byte(',') {
			continue
		}
		if !s.byte('}') || s.pos != len(body) || count.end == 0 || scanned.end == 0 {
			return PlainPage{}, false
		}
		break
	}
	if last.end > 0 {
		key, err := ParseItemJSON(body[last.start:last.end])
		if err != nil {
			return PlainPage{}, false
		}
		p.LastEvaluatedKey = key
	}
	if capacity.end > 0 {
		p.ConsumedCapacity = new(ConsumedCapacity)
		if _, err := decodeOutput(body[capacity.start:capacity.end], p.ConsumedCapacity); err != nil {
			return PlainPage{}, false
		}
		// Count stands somewhere beside it, so there is a comma.
		if body[capacity.end] == ',' {
			capacity.end++
		} else {
			capacity.at--
		}
		body = slices.Delete(body, capacity.at, capacity.end)
	}
	p.Body = body
	return p, true
}

// skip consumes any object.
func (s *plainScanner) skip() bool {
	if s.pos == len(s.text) || s.text[s.pos] != '{' {
		return false
	}
	var room [16]byte // what a page cost nests less
	other := scanner{text: borrowedText(s.text), pos: s.pos, open: room[:0]}
	ok := other.skip()
	s.pos = other.pos
	return ok
}
