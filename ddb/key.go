package ddb

import (
	"errors"
	"fmt"
	"strings"
)

// Key bytes are what items are stored, cached and locked under. Of each key attribute they hold a byte for the kind,
// then S and B with every 0x00 as 0x00 0xFF and closed by 0x00 0x01, or N as AppendNumberKey writes it. Bytes compare
// as the values do, no encoding of an attribute is a prefix of another's, and equal keys, 1 and 1.0 say, have equal
// bytes.
const (
	keyEscape     = 0x00
	keyEscapedNul = 0xFF
	keyTerminator = 0x01
)

// errKey is an encoding that AppendKeyValue does not make.
var errKey = errors.New("malformed key")

// AppendKeyValue writes one key attribute, which must be of kind S, N or B; it panics at others.
func AppendKeyValue(dst []byte, v AttributeValue) []byte {
	if v.kind == KindN {
		return AppendNumberKey(append(dst, byte(KindN)), v.s)
	}
	return append(AppendKeyPrefix(dst, v), keyEscape, keyTerminator)
}

// AppendKeyPrefix writes an S or B without its end: the bytes with which the keys of all values that begin with v
// begin. It panics at other kinds.
func AppendKeyPrefix(dst []byte, v AttributeValue) []byte {
	if v.kind != KindS && v.kind != KindB {
		panic(fmt.Sprintf("ddb: key of kind %q", v.kind))
	}
	dst = append(dst, byte(v.kind))
	s := v.s
	for {
		i := strings.IndexByte(s, keyEscape)
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		dst = append(dst, keyEscape, keyEscapedNul)
		s = s[i+1:]
	}
}

// AppendKey writes the attributes that schema names, in its order. It reports false, and dst is as far as it got, if
// item lacks one or has it of a kind that no key has.
func AppendKey(dst []byte, schema KeySchema, item Item) ([]byte, bool) {
	for i := range schema {
		v, ok := item.Get(schema[i].AttributeName)
		if !ok || !v.kind.IsKey() {
			return dst, false
		}
		dst = AppendKeyValue(dst, v)
	}
	return dst, true
}

// DecodeKeyValue reads the attribute that AppendKeyValue wrote at the front of b.
func DecodeKeyValue(b []byte) (v AttributeValue, rest []byte, err error) {
	if len(b) == 0 {
		return v, nil, errKey
	}
	kind := Kind(b[0])
	switch kind {
	case KindN:
		canonical, rest, err := decodeNumberKey(b[1:])
		return AttributeValue{kind: KindN, s: canonical}, rest, err
	case KindS, KindB:
		var text []byte
		for i := 1; i+1 < len(b); i++ {
			if b[i] != keyEscape {
				text = append(text, b[i])
				continue
			}
			i++
			if b[i] == keyTerminator {
				return AttributeValue{kind: kind, s: string(text)}, b[i+1:], nil
			}
			if b[i] != keyEscapedNul {
				return v, nil, errKey
			}
			text = append(text, keyEscape)
		}
	}
	return v, nil, errKey
}
