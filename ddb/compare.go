package ddb

import (
	"slices"
	"strings"
)

// Equal reports whether a and b are the same value of the same kind. Nothing equals a KindInvalid value.
func Equal(a, b AttributeValue) bool {
	if a.kind != b.kind || a.kind == KindInvalid {
		return false
	}
	switch a.kind {
	case KindBOOL:
		return a.b == b.b
	case KindSS, KindNS, KindBS:
		return slices.Equal(a.set, b.set)
	case KindL:
		return slices.EqualFunc(a.list, b.list, Equal)
	case KindM:
		return EqualItems(a.m, b.m)
	}
	return a.s == b.s
}

// EqualItems reports whether a and b have the same attributes with equal values.
func EqualItems(a, b Item) bool {
	return slices.EqualFunc(a, b, func(x, y Attribute) bool { return x.Name == y.Name && Equal(x.Value, y.Value) })
}

// Compare orders two values of one of the kinds that have an order: S by UTF-8 bytes, B by unsigned bytes, N by value.
// It reports false for other kinds and for two kinds.
func Compare(a, b AttributeValue) (int, bool) {
	if a.kind != b.kind {
		return 0, false
	}
	switch a.kind {
	case KindS, KindB:
		return strings.Compare(a.s, b.s), true
	case KindN:
		return CompareNumbers(a.s, b.s), true
	}
	return 0, false
}
