package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"millrace/ddb"
)

// itemFormat is the first byte of every stored item.
const itemFormat = 1

// errDamaged is what decoding wraps when stored bytes are not what this package writes.
var errDamaged = errors.New("stored item is damaged")

// appendItem appends item in the form it is stored in: a version byte, the item's size in DynamoDB's units, and then its
// attributes in the order of their names, so that equal items are equal bytes.
//
//	item   version(1) size(uvarint) map
//	map    count(uvarint) { name(text) value }
//	value  kind(1) then S, N, B: text | BOOL: 0 or 1 | NULL: nothing | sets: count { text } | L: count { value } | M: map
//	text   length(uvarint) bytes
func appendItem(dst []byte, item ddb.Item, size int) []byte {
	dst = append(dst, itemFormat)
	dst = binary.AppendUvarint(dst, uint64(size))
	return appendMap(dst, item)
}

// appendMap appends the attributes of an item or of an M.
func appendMap(dst []byte, item ddb.Item) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(item)))
	for i := range item {
		dst = appendText(dst, item[i].Name)
		dst = appendValue(dst, item[i].Value)
	}
	return dst
}

// appendText appends s behind its length.
func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendValue appends one value behind its kind. Kinds are stored by their number, which ddb therefore never changes.
func appendValue(dst []byte, v ddb.AttributeValue) []byte {
	k := v.Kind()
	dst = append(dst, byte(k))
	switch k {
	case ddb.KindS, ddb.KindN, ddb.KindB:
		return appendText(dst, v.Str())
	case ddb.KindBOOL:
		if v.Bool() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case ddb.KindNULL:
		return dst
	case ddb.KindSS, ddb.KindNS, ddb.KindBS:
		dst = binary.AppendUvarint(dst, uint64(len(v.Set())))
		for _, m := range v.Set() {
			dst = appendText(dst, m)
		}
		return dst
	case ddb.KindL:
		dst = binary.AppendUvarint(dst, uint64(len(v.List())))
		for _, e := range v.List() {
			dst = appendValue(dst, e)
		}
		return dst
	case ddb.KindM:
		return appendMap(dst, v.Map())
	}
	panic(fmt.Sprintf("storing a value of kind %d: %q", k, v.InvalidMessage()))
}

// decodeItem is appendItem's inverse. It copies stored once; all strings of the item share that copy.
func decodeItem(stored []byte) (ddb.Item, error) {
	d := decoder{rest: string(stored)}
	if d.byte() != itemFormat {
		return nil, fmt.Errorf("%w: unknown version", errDamaged)
	}
	d.uvarint()
	item := d.mapping(0)
	if d.bad || d.rest != "" {
		return nil, fmt.Errorf("%w: %d bytes", errDamaged, len(stored))
	}
	return item, nil
}

// storedSize is the size in DynamoDB's units of a stored item, without decoding it; 0 if stored is damaged.
func storedSize(stored []byte) int {
	if len(stored) < 2 || stored[0] != itemFormat {
		return 0
	}
	n, used := binary.Uvarint(stored[1:])
	if used <= 0 || n > math.MaxInt32 {
		return 0
	}
	return int(n)
}

// decoder reads from the front of rest. After the first fault everything it returns is zero.
type decoder struct {
	rest string
	bad  bool
}

// maxStoredDepth bounds recursion into damaged bytes; items nest at most 32 deep.
const maxStoredDepth = 64

// fault marks the input as damaged.
func (d *decoder) fault() { d.bad, d.rest = true, "" }

// byte reads one byte.
func (d *decoder) byte() byte {
	if d.rest == "" {
		d.fault()
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

// uvarint reads a number.
func (d *decoder) uvarint() uint64 {
	var n uint64
	for shift := uint(0); shift < 64; shift += 7 {
		b := d.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	d.fault()
	return 0
}

// count reads how many elements follow. Each takes a byte at least, which bounds what damaged bytes can allocate.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.fault()
		return 0
	}
	return int(n)
}

// text reads a string.
func (d *decoder) text() string {
	n := d.count()
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

// mapping reads the attributes of an item or M; never nil.
func (d *decoder) mapping(depth int) ddb.Item {
	n := d.count()
	item := make(ddb.Item, 0, n)
	for range n {
		name := d.text()
		item = append(item, ddb.Attribute{Name: name, Value: d.value(depth + 1)})
		if d.bad {
			return nil
		}
	}
	return item
}

// value reads one value.
func (d *decoder) value(depth int) ddb.AttributeValue {
	if depth > maxStoredDepth {
		d.fault()
		return ddb.AttributeValue{}
	}
	k := ddb.Kind(d.byte())
	switch k {
	case ddb.KindS:
		return ddb.StringValue(d.text())
	case ddb.KindN:
		return ddb.CanonicalNumber(d.text())
	case ddb.KindB:
		return ddb.BinaryValue(d.text())
	case ddb.KindBOOL:
		return ddb.BoolValue(d.byte() == 1)
	case ddb.KindNULL:
		return ddb.NullValue()
	case ddb.KindSS, ddb.KindNS, ddb.KindBS:
		members := make([]string, d.count())
		for i := range members {
			members[i] = d.text()
		}
		return ddb.CanonicalSet(k, members)
	case ddb.KindL:
		list := make([]ddb.AttributeValue, d.count())
		for i := range list {
			if list[i] = d.value(depth + 1); d.bad {
				return ddb.AttributeValue{}
			}
		}
		return ddb.ListValue(list)
	case ddb.KindM:
		return ddb.MapValue(d.mapping(depth))
	}
	d.fault()
	return ddb.AttributeValue{}
}
