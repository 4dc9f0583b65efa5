package ddb

import (
	"cmp"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// appendStruct writes v's members, in declared order. Left out are nil pointers, maps, lists and items, and plain
// scalars that are zero, unless the member is tagged "always" or "required".
func appendStruct(dst []byte, s *shape, v reflect.Value) []byte {
	dst = append(dst, '{')
	first := true
	for i := range s.members {
		m := &s.members[i]
		field := v.Field(m.field)
		if field.IsZero() && !m.always && !(m.required && m.scalar()) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(AppendJSONString(dst, m.name), ':')
		dst = appendField(dst, m.shape, field)
	}
	return append(dst, '}')
}

// scalar reports whether m's zero value may be meant.
func (m *member) scalar() bool { return !m.pointer && m.shape.kind <= shapeTimestamp }

// appendField writes v, which may be a pointer, or nil where "always" is set: then it is empty or null.
func appendField(dst []byte, s *shape, v reflect.Value) []byte {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return append(dst, "null"...)
		}
		v = v.Elem()
	}
	switch s.kind {
	case shapeString:
		return AppendJSONString(dst, v.String())
	case shapeBool:
		return strconv.AppendBool(dst, v.Bool())
	case shapeInteger, shapeLong:
		return strconv.AppendInt(dst, v.Int(), 10)
	case shapeDouble:
		return appendDouble(dst, v.Float())
	case shapeTimestamp:
		return strconv.AppendFloat(dst, math.Round(v.Float()*1000)/1000, 'f', -1, 64)
	case shapeValue:
		return AppendValueJSON(dst, v.Interface().(AttributeValue))
	case shapeItem:
		return AppendItemJSON(dst, v.Interface().(Item))
	case shapeStruct:
		return appendStruct(dst, s, v)
	case shapeList:
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendField(dst, s.elem, v.Index(i))
		}
		return append(dst, ']')
	case shapeNames:
		return appendSorted(dst, v.Interface().(Names), AppendJSONString)
	case shapeValues:
		return appendSorted(dst, v.Interface().(Values), AppendValueJSON)
	}
	dst = append(dst, '{')
	for i, k := range sortedKeys(v) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendJSONString(dst, k.String()), ':')
		dst = appendField(dst, s.elem, v.MapIndex(k))
	}
	return append(dst, '}')
}

// appendDouble writes a number as Java does, with a fraction even if that is zero.
func appendDouble(dst []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.AppendFloat(dst, f, 'f', 1, 64)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// appendSorted writes a map in the order of its keys.
func appendSorted[V any](dst []byte, m map[string]V, appendValue func([]byte, V) []byte) []byte {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendJSONString(dst, k), ':')
		dst = appendValue(dst, m[k])
	}
	return append(dst, '}')
}

// sortedKeys is the keys of a map with strings for keys.
func sortedKeys(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	return keys
}
