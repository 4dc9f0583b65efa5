package ddb

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// decoder reads one JSON document into Go values, in one pass. Wrong JSON types and broken constraints are collected on
// the way, since what comes first in the answer is known only at the end: a syntax error anywhere beats both.
type decoder struct {
	scanner

	// lenient leaves constraints unchecked.
	lenient bool
	// partial is true once something was read that the Go values do not hold. (See WholeOutputAs.)
	partial bool
	// repeated is true once one member or attribute was given more than once.
	repeated bool
	// mismatch is the message of the first value of a wrong JSON type.
	mismatch string
	// param is the first missing member with the tag "param".
	param string
	// path leads to the value being read; broken are the violations found.
	path   []step
	broken []violation

	// attributes, values and texts are stacks on which items, lists and sets grow until their length is known.
	attributes []Attribute
	values     []AttributeValue
	texts      []string
}

// position is where a value stands: the texts for a wrong type depend on it.
type position uint8

const (
	asField position = iota
	asElement
)

// The texts of SerializationExceptions that name no type.
const (
	wrongFieldText   = "Unexpected field type"
	wrongElementText = "Unexpected value type in payload"
	wrongNestedText  = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base of loader 'bootstrap')"
	wrongBracketText = "Start of structure or map found where not expected"
	wrongListPrefix  = "Unrecognized collection type "
	wrongTokenText   = "Unexpected token received from parser"
	notBase64Text    = "only base-64-encoded strings are convertible to bytes"
)

// decoders recycles decoders with their stacks.
var decoders = sync.Pool{New: func() any { return new(decoder) }}

// acquireDecoder returns a decoder for a copy of body.
func acquireDecoder(body []byte) *decoder {
	d := decoders.Get().(*decoder)
	d.text = string(body)
	return d
}

// maxStack is the longest stack worth keeping from one request to the next.
const maxStack = 1024

// release gives d back. The stacks are empty by then and their backing arrays hold no references, unless a syntax
// error left them as they were.
func (d *decoder) release() {
	if max(cap(d.attributes), cap(d.values), cap(d.texts), cap(d.open)) > maxStack {
		return
	}
	clear(d.attributes)
	clear(d.values)
	clear(d.texts)
	*d = decoder{
		scanner: scanner{open: d.open[:0]}, path: d.path[:0],
		attributes: d.attributes[:0], values: d.values[:0], texts: d.texts[:0],
	}
	decoders.Put(d)
}

// document reads the whole text into v.
func (d *decoder) document(s *shape, v reflect.Value) *Error {
	if d.peek() != '{' || !d.structure(s, v) || !d.end() {
		return Serialization("")
	}
	switch {
	case d.mismatch != "":
		return Serialization(d.mismatch)
	case d.param != "":
		return Validation("The parameter '%s' is required but was not present in the request", d.param)
	case len(d.broken) > 0:
		return violationError(d.broken)
	}
	return nil
}

// wrong notes a value of the wrong type and skips it.
func (d *decoder) wrong(message string) bool {
	if d.mismatch == "" {
		d.mismatch = message
	}
	return d.skip()
}

// wrongScalar notes and skips a value that comes where one of the Java type java.lang.<name> was expected.
func (d *decoder) wrongScalar(name string) bool {
	switch c := d.peek(); c {
	case '[':
		return d.wrong(wrongListPrefix + "class java.lang." + name)
	case '{':
		return d.wrong(wrongBracketText)
	case '"':
		return d.wrong("STRING_VALUE cannot be converted to " + name)
	case 't':
		return d.wrong("TRUE_VALUE cannot be converted to " + name)
	case 'f':
		return d.wrong("FALSE_VALUE cannot be converted to " + name)
	}
	_, decimal, ok := d.number()
	if ok {
		d.wrongNumber(decimal, name)
	}
	return ok
}

// wrongNumber notes a number, already consumed, that cannot become the Java type java.lang.<name>.
func (d *decoder) wrongNumber(decimal bool, name string) {
	if d.mismatch != "" {
		return
	}
	if decimal {
		d.mismatch = "DECIMAL_VALUE cannot be converted to " + name
	} else {
		d.mismatch = "NUMBER_VALUE cannot be converted to " + name
	}
}

// value reads any value but null into v, which is addressable and zero.
func (d *decoder) value(s *shape, v reflect.Value, at position) bool {
	switch s.kind {
	case shapeString:
		text, ok := d.string()
		v.SetString(text)
		return ok
	case shapeBool:
		b, ok := d.bool()
		v.SetBool(b)
		return ok
	case shapeInteger, shapeLong:
		n, ok := d.integer(s)
		v.SetInt(n)
		return ok
	case shapeDouble, shapeTimestamp:
		f, ok := d.double()
		v.SetFloat(f)
		return ok
	case shapeValue:
		text := wrongFieldText
		if at == asElement {
			text = wrongElementText
		}
		value, ok := d.attributeValue(1, text)
		*v.Addr().Interface().(*AttributeValue) = value
		return ok
	case shapeItem:
		if d.peek() != '{' {
			return d.wrongMap(s, at)
		}
		item, ok := d.item(1)
		*v.Addr().Interface().(*Item) = item
		return ok
	case shapeNames:
		if d.peek() != '{' {
			return d.wrongMap(s, at)
		}
		return d.names(v.Addr().Interface().(*Names))
	case shapeValues:
		if d.peek() != '{' {
			return d.wrongMap(s, at)
		}
		return d.valueMap(v.Addr().Interface().(*Values))
	case shapeList:
		return d.list(s, v, at)
	case shapeMap:
		if d.peek() != '{' {
			return d.wrongMap(s, at)
		}
		return d.object(s, v)
	}
	if c := d.peek(); c != '{' {
		switch {
		case c == '[':
			return d.wrong(wrongListPrefix + "class " + s.class)
		case at == asElement:
			return d.wrong(wrongElementText)
		}
		return d.wrong(wrongFieldText)
	}
	return d.structure(s, v)
}

// wrongMap notes and skips what stands where a map was expected.
func (d *decoder) wrongMap(s *shape, at position) bool {
	switch {
	case d.peek() == '[':
		return d.wrong(wrongListPrefix + s.class)
	case at == asElement:
		return d.wrong(wrongNestedText)
	}
	return d.wrong(wrongFieldText)
}

// repeats notes that something may have been given more than once.
func (d *decoder) repeats(more bool) {
	d.repeated = d.repeated || more
	d.partial = d.partial || more
}

// structure reads an object into the fields of v.
func (d *decoder) structure(s *shape, v reflect.Value) bool {
	d.pos++
	var seen, met uint64 // by index: seen have a value, met came at all
	for first := true; ; first = false {
		name, more, ok := d.key(first)
		if !ok {
			return false
		}
		if !more {
			break
		}
		i, known := s.byName[name]
		if !known {
			d.partial = d.partial || !s.open
			if !d.skip() {
				return false
			}
			continue
		}
		m := &s.members[i]
		field := v.Field(m.field)
		d.path = append(d.path, step{member: m, order: i})
		if met&(1<<i) != 0 {
			field.SetZero()
			d.forget()
			d.repeats(true)
		}
		met |= 1 << i
		if d.null() {
			seen &^= 1 << i
			d.partial = d.partial || s.telling&(1<<i) != 0
		} else {
			seen |= 1 << i
			target := field
			if m.pointer {
				field.Set(reflect.New(m.shape.typ))
				target = field.Elem()
			}
			if !d.value(m.shape, target, asField) {
				return false
			}
			if m.rules != nil {
				if m.rules.table {
					target.SetString(strings.Clone(target.String()))
				}
				d.check(m, target)
			}
		}
		d.path = d.path[:len(d.path)-1]
	}
	d.partial = d.partial || s.always&^seen != 0
	if missing := s.required &^ seen; missing != 0 {
		d.missing(s, missing)
	}
	return true
}

// list reads an array into v.
func (d *decoder) list(s *shape, v reflect.Value, at position) bool {
	if c := d.peek(); c != '[' {
		switch {
		case c == '{':
			return d.wrong(wrongBracketText)
		case at == asElement:
			return d.wrong(wrongNestedText)
		}
		return d.wrong(wrongFieldText)
	}
	d.pos++
	v.Set(reflect.MakeSlice(s.typ, 0, 0))
	for n := 0; ; n++ {
		more, ok := d.element(n == 0)
		if !ok || !more {
			return ok
		}
		v.Grow(1)
		v.SetLen(n + 1)
		d.path = append(d.path, step{order: n})
		if !d.member(s, v.Index(n)) {
			return false
		}
		d.path = d.path[:len(d.path)-1]
	}
}

// member reads an element of a list or a value of a map into v. A null is an empty AttributeValue, and otherwise breaks
// a constraint (assumed).
func (d *decoder) member(s *shape, v reflect.Value) bool {
	v.SetZero()
	if d.null() {
		if s.elem.kind == shapeValue && !s.elemPointer {
			*v.Addr().Interface().(*AttributeValue) = d.noValue()
			return true
		}
		d.violate(reflect.Value{}, notNullText)
		return true
	}
	if s.elemPointer {
		v.Set(reflect.New(s.elem.typ))
		v = v.Elem()
	}
	return d.value(s.elem, v, asElement)
}

// object reads an object into the map v.
func (d *decoder) object(s *shape, v reflect.Value) bool {
	d.pos++
	v.Set(reflect.MakeMap(s.typ))
	for n := 0; ; n++ {
		key, more, ok := d.key(n == 0)
		if !ok || !more {
			d.repeats(v.Len() != n)
			return ok
		}
		key = strings.Clone(key)
		d.path = append(d.path, step{key: key, order: n})
		value := reflect.New(s.typ.Elem()).Elem()
		if !d.member(s, value) {
			return false
		}
		v.SetMapIndex(reflect.ValueOf(key), value)
		d.path = d.path[:len(d.path)-1]
	}
}

// names reads placeholders of names.
func (d *decoder) names(into *Names) bool {
	d.pos++
	*into = Names{}
	for n := 0; ; n++ {
		key, more, ok := d.key(n == 0)
		if !ok || !more {
			d.repeats(len(*into) != n)
			return ok
		}
		if d.null() {
			d.path = append(d.path, step{key: key, order: n})
			d.violate(reflect.Value{}, notNullText)
			d.path = d.path[:len(d.path)-1]
			continue
		}
		text, ok := d.string()
		if !ok {
			return false
		}
		(*into)[key] = text
	}
}

// valueMap reads placeholders of values.
func (d *decoder) valueMap(into *Values) bool {
	d.pos++
	*into = Values{}
	for n := 0; ; n++ {
		key, more, ok := d.key(n == 0)
		if !ok || !more {
			d.repeats(len(*into) != n)
			return ok
		}
		var value AttributeValue
		if d.null() {
			value = d.noValue()
		} else {
			if value, ok = d.attributeValue(1, wrongElementText); !ok {
				return false
			}
		}
		(*into)[key] = value
	}
}

// string reads a string.
func (d *decoder) string() (string, bool) {
	if d.peek() == '"' {
		return d.str()
	}
	return "", d.wrongScalar("String")
}

// bool reads a boolean. The words that DynamoDB takes for one in a string are dynalite's findings.
// (https://github.com/architect/dynalite, validations/index.js)
func (d *decoder) bool() (bool, bool) {
	switch d.peek() {
	case 't':
		return true, d.literal("true")
	case 'f':
		return false, d.literal("false")
	case '"':
		text, ok := d.str()
		if !ok {
			return false, false
		}
		d.partial = true
		switch strings.ToUpper(text) {
		case "TRUE", "1", "YES":
			return true, true
		case "FALSE", "0", "NO":
			return false, true
		}
		if d.mismatch == "" {
			d.mismatch = wrongTokenText
		}
		return false, true
	}
	return false, d.wrongScalar("Boolean")
}

// integer reads an Integer or a Long. A fraction is cut off; a number out of range is refused as of the wrong type
// (assumed).
func (d *decoder) integer(s *shape) (int64, bool) {
	name, bits := "Integer", 32
	if s.kind == shapeLong {
		name, bits = "Long", 64
	}
	if c := d.peek(); c != '-' && (c < '0' || c > '9') {
		return 0, d.wrongScalar(name)
	}
	text, decimal, ok := d.number()
	if !ok {
		return 0, false
	}
	if !decimal {
		n, err := strconv.ParseInt(text, 10, bits)
		if err != nil {
			d.wrongNumber(false, name)
		}
		return n, true
	}
	d.partial = true
	f, err := strconv.ParseFloat(text, 64)
	if limit := math.Ldexp(1, bits-1); err != nil || f >= limit || f < -limit {
		d.wrongNumber(true, name)
		return 0, true
	}
	return int64(f), true
}

// double reads a Double or a time.
func (d *decoder) double() (float64, bool) {
	if c := d.peek(); c != '-' && (c < '0' || c > '9') {
		return 0, d.wrongScalar("Double")
	}
	text, decimal, ok := d.number()
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		d.wrongNumber(decimal, "Double")
	}
	return f, true
}
