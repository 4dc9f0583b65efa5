package proxy

import (
	"unicode/utf8"

	"millrace/cache"
	"millrace/ddb"
)

// scannedGet is what scan found in the body of a GetItem: the plainest one there is, with TableName, Key and
// ConsistentRead, each at most once, strings without escapes, and key attributes of type S, or N in canonical form.
// It borrows from the body.
//
// scan takes no body that the full decoder would refuse or read otherwise; the other way round it gives up on
// anything unusual, so that it can be small. (FuzzScanGetItem holds it to that.)
type scannedGet struct {
	table  []byte
	keys   [2]scannedKey
	count  int
	strong bool
}

// scannedKey is one attribute of a Key.
type scannedKey struct {
	name, value []byte
	kind        ddb.Kind
}

// bodyScanner reads JSON from left to right.
type bodyScanner struct {
	b   []byte
	pos int
}

// scan reads body and reports whether it understood all of it.
func (g *scannedGet) scan(body []byte) bool {
	s := bodyScanner{b: body}
	if !s.take('{') {
		return false
	}
	var haveKey, haveStrong bool
	for {
		name, ok := s.str()
		if !ok || !s.take(':') {
			return false
		}
		switch string(name) {
		case "TableName":
			if g.table != nil {
				return false
			}
			if g.table, ok = s.str(); !ok || len(g.table) == 0 {
				return false
			}
		case "Key":
			if haveKey || !g.scanKey(&s) {
				return false
			}
			haveKey = true
		case "ConsistentRead":
			if haveStrong || !s.truth(&g.strong) {
				return false
			}
			haveStrong = true
		default:
			return false
		}
		if s.take(',') {
			continue
		}
		return s.take('}') && s.end() && haveKey && g.table != nil
	}
}

// scanKey reads the value of Key.
func (g *scannedGet) scanKey(s *bodyScanner) bool {
	if !s.take('{') {
		return false
	}
	for {
		if g.count == len(g.keys) {
			return false
		}
		k := &g.keys[g.count]
		var ok bool
		if k.name, ok = s.str(); !ok || !s.take(':') || !s.take('{') {
			return false
		}
		kind, ok := s.str()
		if !ok || !s.take(':') {
			return false
		}
		if k.value, ok = s.str(); !ok || len(k.value) == 0 || !s.take('}') {
			return false
		}
		switch string(kind) {
		case "S":
			k.kind = ddb.KindS
		case "N":
			k.kind = ddb.KindN
			if !isPlainInteger(k.value) {
				return false
			}
		default:
			return false
		}
		g.count++
		if s.take(',') {
			continue
		}
		return s.take('}')
	}
}

// isPlainInteger reports whether n is an integer written as DynamoDB itself writes it.
func isPlainInteger(n []byte) bool {
	if n[0] == '-' {
		n = n[1:]
	} else if len(n) == 1 && n[0] == '0' {
		return true
	}
	if len(n) == 0 || len(n) > 38 || n[0] == '0' {
		return false
	}
	for _, c := range n {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// maxScannedKey is the length of values up to which no limit on key attributes needs a look.
const maxScannedKey = 1024

// appendKey appends the item cache's key; false when what was scanned is not plainly a key of s.
func (g *scannedGet) appendKey(dst []byte, s *cache.Schema) ([]byte, bool) {
	for i := range g.count {
		name, kind, ok := s.KeyAt(i)
		if !ok {
			return dst, false
		}
		// A key has two attributes at most, in either order; equal names leave the other one without a match.
		k := &g.keys[i]
		if string(k.name) != name {
			k = &g.keys[g.count-1-i]
		}
		if string(k.name) != name || k.kind != kind || len(k.value) > maxScannedKey {
			return dst, false
		}
		if kind == ddb.KindN {
			dst = ddb.AppendKeyValue(dst, ddb.CanonicalNumber(borrowed(k.value)))
		} else {
			dst = ddb.AppendKeyValue(dst, ddb.StringValue(borrowed(k.value)))
		}
	}
	_, _, more := s.KeyAt(g.count)
	return dst, !more
}

// item is the key that was scanned, in memory of its own. appendKey has taken it for a key.
func (g *scannedGet) item() ddb.Item {
	it := make(ddb.Item, g.count)
	for i := range it {
		k := &g.keys[i]
		it[i] = ddb.Attribute{Name: string(k.name), Value: ddb.StringValue(string(k.value))}
		if k.kind == ddb.KindN {
			it[i].Value = ddb.CanonicalNumber(string(k.value))
		}
	}
	if len(it) == 2 && it[1].Name < it[0].Name {
		it[0], it[1] = it[1], it[0]
	}
	return it
}

// borrowed appends the key that was scanned, which borrows from the body. appendKey has taken it for a key of s.
func (g *scannedGet) borrowed(dst ddb.Item, s *cache.Schema) ddb.Item {
	for i := range g.count {
		k := &g.keys[i]
		name, _, _ := s.KeyAt(i)
		if string(k.name) != name {
			name, _, _ = s.KeyAt(g.count - 1 - i)
		}
		v := ddb.StringValue(borrowed(k.value))
		if k.kind == ddb.KindN {
			v = ddb.CanonicalNumber(borrowed(k.value))
		}
		dst = append(dst, ddb.Attribute{Name: name, Value: v})
	}
	if len(dst) == 2 && dst[1].Name < dst[0].Name {
		dst[0], dst[1] = dst[1], dst[0]
	}
	return dst
}

// space skips white space.
func (s *bodyScanner) space() {
	for s.pos < len(s.b) {
		switch s.b[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// take skips white space and then c, if it is there.
func (s *bodyScanner) take(c byte) bool {
	s.space()
	if s.pos < len(s.b) && s.b[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// truth reads true or false into v.
func (s *bodyScanner) truth(v *bool) bool {
	*v = s.word("true")
	return *v || s.word("false")
}

// word skips white space and then w, if it is there.
func (s *bodyScanner) word(w string) bool {
	s.space()
	if len(s.b)-s.pos >= len(w) && string(s.b[s.pos:s.pos+len(w)]) == w {
		s.pos += len(w)
		return true
	}
	return false
}

// end reports whether only white space is left.
func (s *bodyScanner) end() bool {
	s.space()
	return s.pos == len(s.b)
}

// str reads a string without escapes and of valid UTF-8.
func (s *bodyScanner) str() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	start, ascii := s.pos, true
	for ; s.pos < len(s.b); s.pos++ {
		switch c := s.b[s.pos]; {
		case c == '"':
			v := s.b[start:s.pos]
			s.pos++
			return v, ascii || utf8.Valid(v)
		case c == '\\' || c < ' ':
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}
