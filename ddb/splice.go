package ddb

// span is where a member of an object lies in its text: its name from at, its value from start to end.
type span struct{ at, start, end int }

// objectMember finds the only member of the JSON object body that is called name, however its name is escaped. found is
// false when there is none, ok when body is no object, holds name twice, or is no JSON. last is where the closing brace stands,
// and members how many there are. lax takes strings of anything.
func objectMember(body []byte, name string, lax bool) (m span, found bool, last, members int, ok bool) {
	s := scanner{text: borrowedText(body), lax: lax}
	if s.peek() != '{' {
		return m, false, 0, 0, false
	}
	s.pos++
	for first := true; ; first = false {
		s.peek() // skips space, and after a comma key does
		at := s.pos
		key, more, ok := s.key(first)
		if !ok {
			return m, false, 0, 0, false
		}
		if !more {
			last = s.pos - 1
			return m, found, last, members, s.end()
		}
		s.peek()
		start := s.pos
		if !s.skip() {
			return m, false, 0, 0, false
		}
		if members++; key != name {
			continue
		}
		if found {
			return m, false, 0, 0, false
		}
		m, found = span{at, start, s.pos}, true
	}
}

// SetMember returns body, a JSON object, with its member name having value, which is JSON. Every other byte stays as it
// is. It reports false, and then nothing was made, when body is no object or names the member twice. body is not changed.
func SetMember(body []byte, name, value string) ([]byte, bool) {
	m, found, last, members, ok := objectMember(body, name, false)
	if !ok {
		return nil, false
	}
	out := make([]byte, 0, len(body)+len(name)+len(value)+4)
	if found {
		out = append(append(out, body[:m.start]...), value...)
		return append(out, body[m.end:]...), true
	}
	out = append(out, body[:last]...)
	if members > 0 {
		out = append(out, ',')
	}
	out = append(AppendJSONString(out, name), ':')
	out = append(out, value...)
	return append(out, body[last:]...), true
}

// CutMember returns body, a JSON object, without its member name; every other byte but one comma stays as it is. It
// reports false, and then nothing was made, when body is no object or names the member twice. What strings hold is
// nobody's concern. body is not changed.
func CutMember(body []byte, name string) ([]byte, bool) {
	m, found, _, members, ok := objectMember(body, name, true)
	if !ok || !found {
		return body, ok
	}
	from, to := m.at, m.end
	if members > 1 {
		// The comma is before it, where at stands, or after it when it is the first.
		if body[from] != ',' {
			for body[to] != ',' {
				to++
			}
			to++
		}
	}
	out := make([]byte, 0, len(body)-(to-from))
	return append(append(out, body[:from]...), body[to:]...), true
}
