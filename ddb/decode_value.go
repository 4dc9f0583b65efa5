package ddb

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// attributeValue reads an AttributeValue that stands inside level items, Ls and Ms. wrongText is the message for a
// scalar in its place. What is JSON of the right types but no legal value comes back as KindInvalid, a container with
// such a value inside as well.
func (d *decoder) attributeValue(level int, wrongText string) (AttributeValue, bool) {
	if c := d.peek(); c != '{' {
		if c == '[' {
			wrongText = wrongListPrefix + "class " + modelPackage + "AttributeValue"
		}
		return AttributeValue{}, d.wrong(wrongText)
	}
	d.pos++
	var v AttributeValue
	var have Kind
	var several map[Kind]AttributeValue // from the second data type on
	for first := true; ; first = false {
		name, more, ok := d.key(first)
		if !ok {
			return AttributeValue{}, false
		}
		if !more {
			break
		}
		kind := KindOf(name)
		if kind == KindInvalid {
			d.partial = true
			if !d.skip() {
				return AttributeValue{}, false
			}
			continue
		}
		if d.null() {
			if kind == have {
				have = KindInvalid
			}
			delete(several, kind)
			continue
		}
		value, ok := d.content(kind, level)
		if !ok {
			return AttributeValue{}, false
		}
		switch {
		case several != nil:
			several[kind] = value
		case have == KindInvalid || have == kind:
			d.repeats(have == kind)
			v, have = value, kind
		default:
			d.partial = true
			several = map[Kind]AttributeValue{have: v, kind: value}
		}
	}
	switch {
	case several != nil:
		return oneOf(several), true
	case have == KindInvalid:
		return d.noValue(), true
	}
	d.partial = d.partial || v.kind == KindInvalid
	return v, true
}

// noValue is a value without a data type.
func (d *decoder) noValue() AttributeValue {
	d.partial = true
	return InvalidValue(emptyValueText)
}

// oneOf is what a value with the given data types comes to: a fault in one of them is reported before their number.
func oneOf(several map[Kind]AttributeValue) AttributeValue {
	var only AttributeValue
	for kind := KindS; kind <= KindM; kind++ {
		if v, ok := several[kind]; ok {
			only = v
			if v.kind == KindInvalid {
				return v
			}
		}
	}
	switch len(several) {
	case 0:
		return InvalidValue(emptyValueText)
	case 1:
		return only
	}
	return InvalidValue(manyValuesText)
}

// content reads what stands behind the data type's name, which is not null.
func (d *decoder) content(kind Kind, level int) (AttributeValue, bool) {
	switch kind {
	case KindS:
		text, ok := d.string()
		return AttributeValue{kind: KindS, s: text}, ok
	case KindN:
		text, ok := d.string()
		if !ok || d.mismatch != "" {
			return AttributeValue{}, ok
		}
		canonical, err := ParseNumber(text)
		if err != nil {
			return InvalidValue(err.Message), true
		}
		return AttributeValue{kind: KindN, s: canonical}, true
	case KindB:
		raw, ok := d.binary()
		return AttributeValue{kind: KindB, s: raw}, ok
	case KindBOOL:
		b, ok := d.bool()
		return AttributeValue{kind: KindBOOL, b: b}, ok
	case KindNULL:
		b, ok := d.bool()
		if !b {
			return InvalidValue(nullNotTrueText), ok
		}
		return AttributeValue{kind: KindNULL}, ok
	case KindL:
		return d.listContent(level + 1)
	case KindM:
		return d.mapContent(level + 1)
	}
	return d.setContent(kind)
}

// binary reads base64 into raw bytes.
func (d *decoder) binary() (string, bool) {
	switch d.peek() {
	case '"':
	case '[':
		return "", d.wrong(wrongListPrefix + "class java.nio.ByteBuffer")
	case '{':
		return "", d.wrong(wrongBracketText)
	default:
		return "", d.wrong(notBase64Text)
	}
	text, ok := d.str()
	if !ok {
		return "", false
	}
	raw, fault := decodeBase64(text)
	if fault != "" && d.mismatch == "" {
		d.mismatch = fault
	}
	return raw, true
}

// decodeBase64 decodes padded standard base64; fault is the message for anything else.
func decodeBase64(text string) (raw, fault string) {
	if len(text)%4 != 0 {
		return "", "Base64 encoded length is expected a multiple of 4 bytes but found: " + strconv.Itoa(len(text))
	}
	// The package's decoder overlooks line ends; DynamoDB's does not.
	if !strings.ContainsAny(text, "\r\n") {
		if b, err := base64.StdEncoding.Strict().DecodeString(text); err == nil {
			return string(b), ""
		}
	}
	return "", "Invalid last non-pad Base64 character dectected"
}

// openList consumes the bracket that begins a list, or notes and skips what stands in its place.
func (d *decoder) openList() (opened, ok bool) {
	switch d.peek() {
	case '[':
		d.pos++
		return true, true
	case '{':
		return false, d.wrong(wrongBracketText)
	}
	return false, d.wrong(wrongFieldText)
}

// setContent reads the members of an SS, NS or BS.
func (d *decoder) setContent(kind Kind) (AttributeValue, bool) {
	if opened, ok := d.openList(); !opened {
		return AttributeValue{}, ok
	}
	start := len(d.texts)
	fault := ""
	for first := true; ; first = false {
		more, ok := d.element(first)
		if !ok {
			return AttributeValue{}, false
		}
		if !more {
			break
		}
		if d.null() {
			fault = map[Kind]string{KindSS: nullStringText, KindNS: nullNumberText, KindBS: nullBytesText}[kind]
			continue
		}
		var text string
		if kind == KindBS {
			text, ok = d.binary()
		} else {
			text, ok = d.string()
		}
		if !ok {
			return AttributeValue{}, false
		}
		d.texts = append(d.texts, text)
	}
	members := slices.Clone(d.texts[start:])
	clear(d.texts[start:])
	d.texts = d.texts[:start]
	switch {
	case d.mismatch != "":
		return AttributeValue{}, true
	case fault != "":
		return InvalidValue(fault), true
	}
	return setOf(kind, members), true
}

// listContent reads the elements of an L that is the level-th container from outside.
func (d *decoder) listContent(level int) (AttributeValue, bool) {
	if level > MaxNestingLevels {
		return InvalidValue(NestingText), d.skip()
	}
	if opened, ok := d.openList(); !opened {
		return AttributeValue{}, ok
	}
	start := len(d.values)
	var invalid AttributeValue
	faulty := false
	for first := true; ; first = false {
		more, ok := d.element(first)
		if !ok {
			return AttributeValue{}, false
		}
		if !more {
			break
		}
		var v AttributeValue
		if d.null() {
			v = d.noValue()
		} else {
			if v, ok = d.attributeValue(level, wrongElementText); !ok {
				return AttributeValue{}, false
			}
		}
		if v.kind == KindInvalid && !faulty {
			invalid, faulty = v, true
		}
		d.values = append(d.values, v)
	}
	elems := make([]AttributeValue, len(d.values)-start)
	copy(elems, d.values[start:])
	clear(d.values[start:])
	d.values = d.values[:start]
	if faulty {
		return invalid, true
	}
	return AttributeValue{kind: KindL, list: elems}, true
}

// mapContent reads the attributes of an M that is the level-th container from outside.
func (d *decoder) mapContent(level int) (AttributeValue, bool) {
	if level > MaxNestingLevels {
		return InvalidValue(NestingText), d.skip()
	}
	switch d.peek() {
	case '{':
	case '[':
		return AttributeValue{}, d.wrong(wrongListPrefix + mapClass(modelPackage+"AttributeValue"))
	default:
		return AttributeValue{}, d.wrong(wrongFieldText)
	}
	m, ok := d.item(level)
	if !ok {
		return AttributeValue{}, false
	}
	for i := range m {
		if m[i].Value.kind == KindInvalid {
			return m[i].Value, true
		}
	}
	for i := range m {
		if fault := nameFault(m[i].Name); fault != "" {
			return InvalidValue(fault), true
		}
	}
	return AttributeValue{kind: KindM, m: m}, true
}

// nameFault is the message for an attribute name that is not legal anywhere in an item, empty for a legal one.
func nameFault(name string) string {
	switch {
	case name == "":
		return "Empty attribute name"
	case len(name) > MaxAttributeNameBytes:
		return "Attribute name is too large, must be less than 65536 bytes"
	}
	return ""
}

// item reads an object of attributes, whose '{' the caller has seen. level counts the item or M itself. It is not nil.
func (d *decoder) item(level int) (Item, bool) {
	d.pos++
	start := len(d.attributes)
	sorted := true
	for first := true; ; first = false {
		name, more, ok := d.key(first)
		if !ok {
			return nil, false
		}
		if !more {
			break
		}
		var v AttributeValue
		if d.null() {
			v = d.noValue()
		} else {
			if v, ok = d.attributeValue(level, wrongElementText); !ok {
				return nil, false
			}
		}
		if n := len(d.attributes); n > start && d.attributes[n-1].Name >= name {
			sorted = false
		}
		d.attributes = append(d.attributes, Attribute{name, v})
	}
	it := make(Item, len(d.attributes)-start)
	copy(it, d.attributes[start:])
	clear(d.attributes[start:])
	d.attributes = d.attributes[:start]
	if !sorted {
		n := len(it)
		it = ItemOf(it...)
		d.repeats(len(it) != n)
	}
	return it, true
}
