package expr

import "millrace/ddb"

// outcome is what is to stand at the end of an action's path.
type outcome struct {
	value ddb.AttributeValue
	what  effect
}

// effect says what to do with an outcome.
type effect uint8

// The effects. effectNone leaves the place as it is.
const (
	effectNone effect = iota
	effectPut
	effectDrop
)

// graftItem makes the map that m becomes when the outcomes are put where the branches lead.
func graftItem(tree []branch, outcomes []outcome, m ddb.Item) ddb.Item {
	out := make(ddb.Item, 0, len(m)+len(tree))
	i := 0
	for t := range tree {
		b := &tree[t]
		for i < len(m) && m[i].Name < b.element.name {
			out = append(out, m[i])
			i++
		}
		var old ddb.AttributeValue
		has := i < len(m) && m[i].Name == b.element.name
		if has {
			old = m[i].Value
			i++
		}
		if v, ok := b.graft(outcomes, old, has); ok {
			out = append(out, ddb.Attribute{Name: b.element.name, Value: v})
		}
	}
	return append(out, m[i:]...)
}

// graft makes what old becomes, or whether there is anything at all afterwards. If old is not there, or not of the
// shape that the branches need, no outcome below does anything: settle has seen to that.
func (b *branch) graft(outcomes []outcome, old ddb.AttributeValue, has bool) (ddb.AttributeValue, bool) {
	if b.kids == nil {
		switch o := &outcomes[b.leaf]; o.what {
		case effectPut:
			return o.value, true
		case effectDrop:
			return old, false
		}
		return old, has
	}
	switch {
	case !has:
		return old, false
	case b.kids[0].element.isIndex():
		if old.Kind() == ddb.KindL {
			return ddb.ListValue(graftList(b.kids, outcomes, old.List())), true
		}
	case old.Kind() == ddb.KindM:
		return ddb.MapValue(graftItem(b.kids, outcomes, old.Map())), true
	}
	return old, true
}

// graftList is graftItem for a list. All indexes are those of old; what goes beyond its end is appended in the order of
// the indexes.
func graftList(kids []branch, outcomes []outcome, old []ddb.AttributeValue) []ddb.AttributeValue {
	out := make([]ddb.AttributeValue, 0, len(old)+len(kids))
	i := 0
	for k := range kids {
		b := &kids[k]
		for i < len(old) && i < b.element.index {
			out = append(out, old[i])
			i++
		}
		var was ddb.AttributeValue
		has := i < len(old)
		if has {
			was = old[i]
			i++
		}
		if v, ok := b.graft(outcomes, was, has); ok {
			out = append(out, v)
		}
	}
	return append(out, old[i:]...)
}
