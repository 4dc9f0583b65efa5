package ddb

import (
	"slices"
	"strings"
)

// Attribute is one named value.
type Attribute struct {
	Name  string
	Value AttributeValue
}

// Item is a set of attributes, sorted by name in byte order and without duplicates. It is also the content of
// an M. nil and empty are both "no attributes"; whether an item exists is told beside it, never by nil.
type Item []Attribute

// find is the place of name, or where it would stand.
func (it Item) find(name string) (int, bool) {
	return slices.BinarySearchFunc(it, name, func(a Attribute, n string) int { return strings.Compare(a.Name, n) })
}

// Get returns the value of the attribute called name.
func (it Item) Get(name string) (AttributeValue, bool) {
	if i, ok := it.find(name); ok {
		return it[i].Value, true
	}
	return AttributeValue{}, false
}

// With returns an item like it in which name has value v. It never changes its own backing array.
func (it Item) With(name string, v AttributeValue) Item {
	i, ok := it.find(name)
	if ok {
		out := slices.Clone(it)
		out[i].Value = v
		return out
	}
	out := make(Item, 0, len(it)+1)
	out = append(out, it[:i]...)
	out = append(out, Attribute{name, v})
	return append(out, it[i:]...)
}

// Without returns an item like it that has no attribute called name.
func (it Item) Without(name string) Item {
	i, ok := it.find(name)
	if !ok {
		return it
	}
	out := make(Item, 0, len(it)-1)
	out = append(out, it[:i]...)
	return append(out, it[i+1:]...)
}

// ItemOf sorts attrs, which it takes over, into an Item. Of two attributes with one name the last stays.
func ItemOf(attrs ...Attribute) Item {
	slices.SortStableFunc(attrs, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	out := attrs[:0]
	for i, a := range attrs {
		if i+1 < len(attrs) && attrs[i+1].Name == a.Name {
			continue
		}
		out = append(out, a)
	}
	return out
}
