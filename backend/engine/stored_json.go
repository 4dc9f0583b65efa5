package engine

import (
	"fmt"
	"unsafe"

	"millrace/ddb"
)

// appendStoredJSON appends a stored item as ddb.AppendItemJSON writes it, to the byte, without making the item: a read that
// only copies has no need of one. With an error dst is spoiled.
func appendStoredJSON(dst, stored []byte) ([]byte, error) {
	// The string does not outlive the call.
	d := decoder{rest: unsafe.String(unsafe.SliceData(stored), len(stored))}
	if d.byte() != itemFormat {
		return dst, fmt.Errorf("%w: unknown version", errDamaged)
	}
	d.uvarint()
	dst = d.appendMapping(dst, 0)
	if d.bad || d.rest != "" {
		return dst, fmt.Errorf("%w: %d bytes", errDamaged, len(stored))
	}
	return dst, nil
}

// appendMapping appends the attributes of an item or M.
func (d *decoder) appendMapping(dst []byte, depth int) []byte {
	dst = append(dst, '{')
	for i := range d.count() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(ddb.AppendJSONString(dst, d.text()), ':')
		if dst = d.appendValue(dst, depth+1); d.bad {
			return dst
		}
	}
	return append(dst, '}')
}

// appendValue appends one value.
func (d *decoder) appendValue(dst []byte, depth int) []byte {
	if depth > maxStoredDepth {
		d.fault()
		return dst
	}
	k := ddb.Kind(d.byte())
	switch k {
	case ddb.KindS:
		return append(ddb.AppendJSONString(append(dst, `{"S":`...), d.text()), '}')
	case ddb.KindN:
		dst = append(append(dst, `{"N":"`...), d.text()...)
		return append(dst, `"}`...)
	case ddb.KindB:
		return append(ddb.AppendJSONBinary(append(dst, `{"B":`...), d.text()), '}')
	case ddb.KindBOOL:
		if d.byte() == 1 {
			return append(dst, `{"BOOL":true}`...)
		}
		return append(dst, `{"BOOL":false}`...)
	case ddb.KindNULL:
		return append(dst, `{"NULL":true}`...)
	case ddb.KindM:
		return append(d.appendMapping(append(dst, `{"M":`...), depth), '}')
	case ddb.KindL:
		dst = append(dst, `{"L":[`...)
		for i := range d.count() {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst = d.appendValue(dst, depth+1); d.bad {
				return dst
			}
		}
		return append(dst, "]}"...)
	case ddb.KindSS, ddb.KindNS, ddb.KindBS:
		appendMember := ddb.AppendJSONString
		if k == ddb.KindBS {
			appendMember = ddb.AppendJSONBinary
		}
		dst = append(append(append(dst, '{', '"'), k.String()...), `":[`...)
		for i := range d.count() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendMember(dst, d.text())
		}
		return append(dst, "]}"...)
	}
	d.fault()
	return dst
}
