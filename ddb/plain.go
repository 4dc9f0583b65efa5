package ddb

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Answers are cached as they came where that can be, so their JSON is looked over and not decoded. What is taken is the way in
// which services write it: compact, and made of values as the API Reference has them. Whatever is unusual is left to the
// decoder, and what is taken the decoder would take as well. (FuzzPlainAnswers holds the scanner to that.)

// plainScanner looks over such JSON from left to right, once. A method that reports false has met something unusual, and
// nothing more may be asked of the scanner.
type plainScanner struct {
	text []byte
	pos  int
	// inexact is true once something was read that AppendItemJSON would write otherwise.
	inexact bool
	// size is what DynamoDB counts what was read as. (See AttributeValue.Size.)
	size int
	// attributes are those of the item that was read last, if they are few; unsorted is true if their names do not ascend.
	attributes [maxPlainAttributes]plainAttribute
	unsorted   bool
	// key has attributes that the item must have, and shown is how many of them it was seen to have.
	key   Item
	shown int
}

// plainAttribute is where an attribute of an item lies: its name without quotes, and all of it up to the comma.
type plainAttribute struct{ name, text []byte }

// maxPlainAttributes is how many attributes an item may have to be put in order here.
const maxPlainAttributes = 64

// word consumes w if it comes next.
func (s *plainScanner) word(w string) bool {
	if len(s.text)-s.pos < len(w) || string(s.text[s.pos:s.pos+len(w)]) != w {
		return false
	}
	s.pos += len(w)
	return true
}

// byte consumes c if it comes next.
func (s *plainScanner) byte(c byte) bool {
	if s.pos == len(s.text) || s.text[s.pos] != c {
		return false
	}
	s.pos++
	return true
}

// str consumes a string and gives its bytes between the quotes, with escapes as they stand; length is how many bytes they
// stand for.
func (s *plainScanner) str() (raw []byte, length int, escaped, ok bool) {
	if !s.byte('"') {
		return nil, 0, false, false
	}
	b, start, i := s.text, s.pos, s.pos
	for {
		for len(b)-i >= 8 && plainEight(binary.LittleEndian.Uint64(b[i:])) {
			i += 8
		}
		if i == len(b) {
			return nil, 0, false, false
		}
		switch c := b[i]; {
		case c == '"':
			s.pos = i + 1
			return b[start:i], i - start + length, escaped, true
		case c == '\\':
			width, bytes, canonical, ok := plainEscape(b[i:])
			if !ok {
				return nil, 0, false, false
			}
			escaped = true
			s.inexact = s.inexact || !canonical
			i += width
			length += bytes - width
		case c < ' ':
			return nil, 0, false, false
		case c >= utf8.RuneSelf:
			r, width := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && width == 1 {
				return nil, 0, false, false
			}
			i += width
		default:
			i++
		}
	}
}

// plainEight is plainASCII for eight bytes in one word.
func plainEight(w uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	return (w|(w-ones*' ')|((w^ones*'"')-ones)|((w^ones*'\\')-ones))&high == 0
}

// plainEscape reads the escape that b begins with: how wide it is, how many bytes it stands for, and whether it is how
// AppendJSONString writes that. A surrogate is unusual.
func plainEscape(b []byte) (width, bytes int, canonical, ok bool) {
	if len(b) < 2 {
		return 0, 0, false, false
	}
	switch b[1] {
	case '"', '\\', 'n', 'r', 't':
		return 2, 1, true, true
	case '/', 'b', 'f':
		return 2, 1, false, true
	case 'u':
		if len(b) < 6 {
			return 0, 0, false, false
		}
		r, ok := hex4(string(b[2:6]))
		if !ok || r >= 0xD800 && r < 0xE000 {
			return 0, 0, false, false
		}
		own := r < ' ' && r != '\n' && r != '\r' && r != '\t' && b[5] == hexDigits[r&15]
		return 6, utf8.RuneLen(r), own, true
	}
	return 0, 0, false, false
}

// item consumes an item or the content of an M; level counts it, from 1 for an item. It gives the number of its attributes.
func (s *plainScanner) item(level int) (n int, ok bool) {
	if !s.byte('{') {
		return 0, false
	}
	if s.byte('}') {
		return 0, true
	}
	var last []byte
	for {
		start := s.pos
		name, length, escaped, ok := s.str()
		if !ok || length == 0 || length > MaxAttributeNameBytes || !s.byte(':') {
			return 0, false
		}
		s.size += length
		if escaped {
			s.inexact = true // names are compared as they stand
		}
		if n > 0 && string(last) >= string(name) {
			if level > 1 {
				s.inexact = true
			}
			s.unsorted = s.unsorted || level == 1
		}
		last = name
		if !s.value(level) {
			return 0, false
		}
		if level == 1 {
			if n < len(s.attributes) {
				s.attributes[n] = plainAttribute{name, s.text[start:s.pos]}
			}
			if s.isOfKey(name, s.text[start:s.pos]) {
				s.shown++
			}
		}
		n++
		if s.byte(',') {
			continue
		}
		return n, s.byte('}')
	}
}

// isOfKey reports whether an attribute that was read, whose name is given too, is one of key's. Of one that is written with escapes
// that is not found out.
func (s *plainScanner) isOfKey(name, text []byte) bool {
	for i := range s.key {
		if a := &s.key[i]; string(name) == a.Name {
			return isPlainly(text[len(name)+len(`"":`):], &a.Value)
		}
	}
	return false
}

// isPlainly reports whether text, an AttributeValue that was read, is v, a key attribute's.
func isPlainly(text []byte, v *AttributeValue) bool {
	const before, after = len(`{"S":"`), len(`"}`)
	if len(text) < before+after || v.kind != KindS && v.kind != KindN && v.kind != KindB || string(text[2:3]) != v.kind.String() {
		return false
	}
	text = text[before : len(text)-after]
	if v.kind != KindB {
		return string(text) == v.s && strings.IndexByte(v.s, '\\') < 0
	}
	var raw [MaxRangeKeyBytes]byte
	if base64.StdEncoding.DecodedLen(len(text)) > len(raw) {
		return false
	}
	n, err := base64.StdEncoding.Decode(raw[:], text)
	return err == nil && string(raw[:n]) == v.s
}

// value consumes an AttributeValue that stands inside level items, Ls and Ms.
func (s *plainScanner) value(level int) bool {
	if !s.byte('{') {
		return false
	}
	ok := false
	switch {
	case s.word(`"S":`):
		var length int
		_, length, _, ok = s.str()
		s.size += length
	case s.word(`"N":`):
		_, ok = s.number()
	case s.word(`"B":`):
		ok = s.binary()
	case s.word(`"BOOL":`):
		ok = s.word("true") || s.word("false")
		s.size++
	case s.word(`"NULL":true`):
		ok = true
		s.size++
	case s.word(`"M":`):
		if level < MaxNestingLevels {
			var n int
			n, ok = s.item(level + 1)
			s.size += 3 + n
		}
	case s.word(`"L":[`):
		s.size += 3
		ok = level < MaxNestingLevels && (s.byte(']') || s.elements(func() bool {
			s.size++
			return s.value(level + 1)
		}))
	case s.word(`"SS":[`):
		ok = s.strings()
	case s.word(`"NS":[`):
		ok = s.numbers()
	case s.word(`"BS":[`):
		s.inexact = true // base64 has another order than what it stands for
		ok = s.elements(s.binary)
	}
	return ok && s.byte('}')
}

// elements consumes what is left of an array that is not empty.
func (s *plainScanner) elements(element func() bool) bool {
	for element() {
		if !s.byte(',') {
			return s.byte(']')
		}
	}
	return false
}

// borrowedText is b as a string, which is good for as long as b is.
func borrowedText(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// number consumes a number in a string and gives its canonical text.
func (s *plainScanner) number() (string, bool) {
	raw, _, escaped, ok := s.str()
	if !ok || escaped {
		return "", false
	}
	text := borrowedText(raw)
	canonical, err := ParseNumber(text)
	if err != nil {
		return "", false
	}
	s.inexact = s.inexact || canonical != text
	s.size += numberSize(canonical)
	return canonical, true
}

// numbers consumes what is left of an NS.
func (s *plainScanner) numbers() bool {
	last := ""
	return s.elements(func() bool {
		n, ok := s.number()
		s.inexact = s.inexact || ok && last != "" && CompareNumbers(last, n) >= 0
		last = n
		return ok
	})
}

// strings consumes what is left of an SS.
func (s *plainScanner) strings() bool {
	var last []byte
	return s.elements(func() bool {
		raw, length, escaped, ok := s.str()
		s.inexact = s.inexact || escaped || last != nil && string(last) >= string(raw)
		last = raw
		s.size += length
		return ok
	})
}

// base64Values are what characters of base64 stand for, and 64 for the others.
var base64Values = func() (values [256]byte) {
	for i := range values {
		values[i] = 64
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		values[c] = byte(i)
	}
	return values
}()

// binary consumes padded base64 in a string.
func (s *plainScanner) binary() bool {
	raw, _, escaped, ok := s.str()
	if !ok || escaped || len(raw)%4 != 0 {
		return false
	}
	digits := raw
	for len(digits) > 0 && len(raw)-len(digits) < 2 && digits[len(digits)-1] == '=' {
		digits = digits[:len(digits)-1]
	}
	for _, c := range digits {
		if base64Values[c] == 64 {
			return false
		}
	}
	padding := len(raw) - len(digits)
	if padding > 0 && base64Values[digits[len(digits)-1]]&(1<<(2*padding)-1) != 0 {
		return false // bits that stand for nothing
	}
	s.size += len(raw)/4*3 - padding
	return true
}

// count consumes a number that is a count.
func (s *plainScanner) count() bool {
	start := s.pos
	for s.pos < len(s.text) && s.text[s.pos] >= '0' && s.text[s.pos] <= '9' {
		s.pos++
	}
	n := s.pos - start
	return n == 1 || n > 1 && n <= 9 && s.text[start] != '0'
}
