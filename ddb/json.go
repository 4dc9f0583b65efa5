package ddb

import (
	"crypto/sha256"
	"encoding/base64"
	"unicode/utf8"
)

// ParseItemJSON reads an item from DynamoDB JSON, {"a":{"S":"x"}}. The error is a SerializationException or, for a
// value that is none, a ValidationException. The strings in the item share one copy of b.
func ParseItemJSON(b []byte) (Item, *Error) {
	it, _, err := parseItem(b)
	return it, err
}

// parseItem is ParseItemJSON, and reports whether the item does not hold all that b says.
func parseItem(b []byte) (_ Item, partial bool, _ *Error) {
	d := acquireDecoder(b)
	defer d.release()
	if d.peek() != '{' {
		return nil, true, Serialization("")
	}
	it, ok := d.item(1)
	if !ok || !d.end() {
		return nil, true, Serialization("")
	}
	if d.mismatch != "" {
		return nil, true, Serialization(d.mismatch)
	}
	for i := range it {
		if it[i].Value.kind == KindInvalid {
			return nil, true, Validation("%s", it[i].Value.s)
		}
	}
	return it, d.partial, nil
}

// AppendItemJSON writes an item as DynamoDB JSON, compact, attributes sorted by name. Equal items give equal bytes.
func AppendItemJSON(dst []byte, it Item) []byte {
	dst = append(dst, '{')
	for i := range it {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendJSONString(dst, it[i].Name), ':')
		dst = appendValue(dst, &it[i].Value)
	}
	return append(dst, '}')
}

// AppendValueJSON writes a value as DynamoDB JSON, {"S":"x"}; a KindInvalid value is {}.
func AppendValueJSON(dst []byte, v AttributeValue) []byte { return appendValue(dst, &v) }

// appendValue spares the copy of a value.
func appendValue(dst []byte, v *AttributeValue) []byte {
	switch v.kind {
	case KindInvalid:
		return append(dst, "{}"...)
	case KindS:
		return append(AppendJSONString(append(dst, `{"S":`...), v.s), '}')
	case KindN:
		dst = append(append(dst, `{"N":"`...), v.s...)
		return append(dst, `"}`...)
	case KindB:
		return append(AppendJSONBinary(append(dst, `{"B":`...), v.s), '}')
	case KindBOOL:
		if v.b {
			return append(dst, `{"BOOL":true}`...)
		}
		return append(dst, `{"BOOL":false}`...)
	case KindNULL:
		return append(dst, `{"NULL":true}`...)
	case KindM:
		return append(AppendItemJSON(append(dst, `{"M":`...), v.m), '}')
	case KindL:
		dst = append(dst, `{"L":[`...)
		for i := range v.list {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, &v.list[i])
		}
		return append(dst, "]}"...)
	}
	appendMember := AppendJSONString
	if v.kind == KindBS {
		appendMember = AppendJSONBinary
	}
	dst = append(dst, '{', '"')
	dst = append(append(dst, v.kind.String()...), `":[`...)
	for i, m := range v.set {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendMember(dst, m)
	}
	return append(dst, "]}"...)
}

// AppendJSONBinary writes raw bytes as DynamoDB JSON has them: a string of base64.
func AppendJSONBinary(dst []byte, raw string) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, []byte(raw))
	return append(dst, '"')
}

// hexDigits are those of \u escapes.
const hexDigits = "0123456789abcdef"

// AppendJSONString writes s with quotes. Only what must be is escaped; bytes that are not UTF-8 become U+FFFD.
func AppendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		// Most text is plain: byte by byte, this loop took a quarter of the time of a page of a hundred items.
		for i+8 <= len(s) && plainASCII(s[i:i+8]) {
			i += 8
		}
		if i == len(s) {
			break
		}
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// plainASCII reports whether the eight bytes of s stand for themselves in a JSON string. A byte's high bit comes up in
// one of the terms if it is no ASCII, below a space, a quote or a backslash; a borrow from a byte below can only bring it
// up where that byte's is up already.
func plainASCII(s string) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return (w|(w-ones*' ')|((w^ones*'"')-ones)|((w^ones*'\\')-ones))&high == 0
}

// Digest is the identity of the item's content: equal items, and for all practical purposes only those, have equal
// digests. It is DigestJSON of the item's JSON.
func (it Item) Digest() [16]byte {
	var buffer [2048]byte
	return DigestJSON(AppendItemJSON(buffer[:0], it))
}

// DigestJSON is the digest of an item that is already written, by AppendItemJSON and nothing else.
func DigestJSON(image []byte) [16]byte {
	sum := sha256.Sum256(image)
	return [16]byte(sum[:16])
}
