package ddb

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth is how deep JSON may nest where nobody looks at it. It is far beyond what any shape needs and keeps the
// memory of skipping small.
const maxJSONDepth = 10_000

// scanner reads JSON (RFC 8259, strictly) from left to right, once. The strings it gives out share text where they
// have no escapes. A method that reports false has met a syntax error, and nothing more may be asked of the scanner.
type scanner struct {
	text string
	pos  int
	// open is skip's memory of the brackets it is inside.
	open []byte
	// lax takes strings of any bytes and halves of surrogate pairs, for those who cut and do not read.
	lax bool
}

// peek skips white space and shows the byte that the next value, or punctuation, begins with; 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// end reports whether only white space is left.
func (s *scanner) end() bool { return s.peek() == 0 && s.pos == len(s.text) }

// null consumes a null if one comes next.
func (s *scanner) null() bool {
	if s.peek() == 'n' && strings.HasPrefix(s.text[s.pos:], "null") {
		s.pos += len("null")
		return true
	}
	return false
}

// key goes on to the next member of an object: first is true right after its '{'. more is false at the '}', which is
// consumed.
func (s *scanner) key(first bool) (name string, more, ok bool) {
	c := s.peek()
	if c == '}' {
		s.pos++
		return "", false, true
	}
	if !first {
		if c != ',' {
			return "", false, false
		}
		s.pos++
		c = s.peek()
	} else if c == ',' {
		return "", false, false
	}
	if c != '"' {
		return "", false, false
	}
	if name, ok = s.str(); !ok || s.peek() != ':' {
		return "", false, false
	}
	s.pos++
	return name, true, true
}

// element goes on to the next element of an array: first is true right after its '['. more is false at the ']', which
// is consumed.
func (s *scanner) element(first bool) (more, ok bool) {
	c := s.peek()
	if c == ']' {
		s.pos++
		return false, true
	}
	if first {
		return true, true
	}
	if c != ',' {
		return false, false
	}
	s.pos++
	return true, true
}

// str consumes a string, which the caller has seen the quote of.
func (s *scanner) str() (string, bool) {
	start := s.pos + 1
	ascii := true
	for i := start; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.pos = i + 1
			return s.text[start:i], ascii || s.lax || utf8.ValidString(s.text[start:i])
		case c == '\\':
			return s.escaped(start, i)
		case c < ' ':
			return "", false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return "", false
}

// escaped consumes a string that begins at start and has its first backslash at i.
func (s *scanner) escaped(start, i int) (string, bool) {
	out := append(make([]byte, 0, i-start+32), s.text[start:i]...)
	for i < len(s.text) {
		c := s.text[i]
		switch {
		case c == '"':
			s.pos = i + 1
			return string(out), s.lax || utf8.Valid(out)
		case c < ' ':
			return "", false
		case c != '\\':
			out = append(out, c)
			i++
			continue
		}
		if i+1 >= len(s.text) {
			return "", false
		}
		c = s.text[i+1]
		i += 2
		switch c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, width, ok := unicodeEscape(s.text[i:])
			if !ok && s.lax {
				r, ok = hex4(s.text[i:])
				width = 4 // one half by itself, which AppendRune makes U+FFFD
			}
			if !ok {
				return "", false
			}
			out = utf8.AppendRune(out, r)
			i += width
		default:
			return "", false
		}
	}
	return "", false
}

// unicodeEscape reads what follows \u: four hexadecimal digits, and a second escape where they are half of a surrogate
// pair. A half alone is refused (assumed: UTF-8, in which DynamoDB keeps strings, cannot hold it).
func unicodeEscape(s string) (r rune, width int, ok bool) {
	high, ok := hex4(s)
	if !ok || !utf16.IsSurrogate(high) {
		return high, 4, ok
	}
	if len(s) < 10 || s[4] != '\\' || s[5] != 'u' {
		return 0, 0, false
	}
	low, ok := hex4(s[6:])
	if !ok {
		return 0, 0, false
	}
	r = utf16.DecodeRune(high, low)
	return r, 10, r != utf8.RuneError
}

// hex4 reads four hexadecimal digits.
func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for i := range 4 {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number consumes a number and gives its text; decimal tells that it has a fraction or an exponent.
func (s *scanner) number() (text string, decimal, ok bool) {
	i, start := s.pos, s.pos
	if i < len(s.text) && s.text[i] == '-' {
		i++
	}
	digits := func() bool {
		from := i
		for i < len(s.text) && s.text[i] >= '0' && s.text[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(s.text) && s.text[i] == '0' {
		i++
	} else if !digits() {
		return "", false, false
	}
	if i < len(s.text) && s.text[i] == '.' {
		decimal = true
		i++
		if !digits() {
			return "", false, false
		}
	}
	if i < len(s.text) && (s.text[i] == 'e' || s.text[i] == 'E') {
		decimal = true
		i++
		if i < len(s.text) && (s.text[i] == '+' || s.text[i] == '-') {
			i++
		}
		if !digits() {
			return "", false, false
		}
	}
	s.pos = i
	return s.text[start:i], decimal, true
}

// literal consumes word.
func (s *scanner) literal(word string) bool {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return false
	}
	s.pos += len(word)
	return true
}

// scalar consumes a value that is neither an object nor an array.
func (s *scanner) scalar() bool {
	switch c := s.peek(); c {
	case '"':
		_, ok := s.str()
		return ok
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		_, _, ok := s.number()
		return ok
	}
}

// skip consumes any value, checking its syntax. It does not recurse.
func (s *scanner) skip() bool {
	s.open = s.open[:0]
	first := true
	for {
		// A value begins here, unless an array or object ends or goes on first.
		if n := len(s.open); n > 0 {
			var more, ok bool
			if s.open[n-1] == '{' {
				_, more, ok = s.key(first)
			} else {
				more, ok = s.element(first)
			}
			if !ok {
				return false
			}
			if !more {
				s.open = s.open[:n-1]
				if n == 1 {
					return true
				}
				first = false
				continue
			}
		}
		if c := s.peek(); c == '{' || c == '[' {
			if len(s.open) == maxJSONDepth {
				return false
			}
			s.pos++
			s.open = append(s.open, c)
			first = true
			continue
		}
		if !s.scalar() {
			return false
		}
		if len(s.open) == 0 {
			return true
		}
		first = false
	}
}
