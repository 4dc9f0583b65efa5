package proxy

import (
	"bytes"

	"millrace/ddb"
)

// NamedTable is the name, or ARN, of the one table that a request's body names: its TableName, or the only member of its
// RequestItems. It is for counting: a body that is no JSON may give anything. The result borrows from body.
func NamedTable(body []byte) ([]byte, bool) {
	s := bodyScanner{b: body}
	if !s.take('{') {
		return nil, false
	}
	for {
		name, ok := s.str()
		if !ok || !s.take(':') {
			return nil, false
		}
		switch string(name) {
		case "TableName":
			return s.str()
		case "RequestItems":
			if !s.take('{') {
				return nil, false
			}
			table, ok := s.str()
			return table, ok && s.take(':') && s.skip() && s.take('}')
		}
		if !s.skip() || !s.take(',') {
			return nil, false
		}
	}
}

// skip skips a value: whatever ends where its brackets and quotes do.
func (s *bodyScanner) skip() bool {
	depth := 0
	for ; s.pos < len(s.b); s.pos++ {
		switch s.b[s.pos] {
		case '"':
			s.pos = endOfString(s.b, s.pos+1)
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return true // the object around it ends
			}
			if depth--; depth == 0 {
				s.pos++
				return true
			}
		case ',':
			if depth == 0 {
				return true
			}
		}
	}
	return false
}

// endOfString is where the string that begins at from has its closing quote; the end of b if it has none. A quote is escaped by an odd
// number of backslashes before it. What is between two quotes is looked at once, whatever it is.
func endOfString(b []byte, from int) int {
	for at := from; ; {
		i := bytes.IndexByte(b[at:], '"')
		if i < 0 {
			return len(b)
		}
		quote, run := at+i, 0
		for quote-run > from && b[quote-run-1] == '\\' {
			run++
		}
		if run%2 == 0 {
			return quote
		}
		at = quote + 1
	}
}

// KeyOf is the canonical key of the one item that a request names in its member Key or Item, of a table that is cached.
func (p *Proxy) KeyOf(req *ddb.Request) ([]byte, bool) {
	if p.items == nil {
		return nil, false
	}
	var in struct {
		TableName string
		Key, Item ddb.Item
	}
	body, err := req.JSON()
	if err != nil || ddb.DecodeShape(body, &in) != nil {
		return nil, false
	}
	s := p.schemas.Known(req.Scope, []byte(ddb.TableName(in.TableName)))
	if s == nil {
		return nil, false
	}
	if in.Key != nil {
		return s.AppendKey(nil, in.Key)
	}
	return s.AppendItemKey(nil, in.Item)
}
