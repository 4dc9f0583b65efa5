package expr

import (
	"strconv"
	"strings"
	"unicode/utf16"

	"millrace/ddb"
)

// Match reports whether item meets the condition. An item that does not exist is nil: all its attributes are missing,
// the key's too. Match never fails: whatever the item holds, a comparison that makes no sense is false. Every item
// meets the nil Condition.
func (c *Condition) Match(item ddb.Item) bool { return c == nil || c.root.match(item) }

// match evaluates n. Depth and width are bounded by the operator limit.
func (n *node) match(item ddb.Item) bool {
	switch n.op {
	case opAnd:
		for _, k := range n.kids {
			if !k.match(item) {
				return false
			}
		}
		return true
	case opOr:
		for _, k := range n.kids {
			if k.match(item) {
				return true
			}
		}
		return false
	case opNot:
		return !n.kids[0].match(item)
	case opCall:
		return n.args[0].holds(item)
	case opBetween:
		return n.order(item, 0, 1, opGE) && n.order(item, 0, 2, opLE)
	case opIn:
		v, ok := n.args[0].eval(item)
		if !ok {
			return false
		}
		for _, a := range n.args[1:] {
			if w, ok := a.eval(item); ok && ddb.Equal(v, w) {
				return true
			}
		}
		return false
	case opEQ, opNE:
		v, ok := n.args[0].eval(item)
		w, also := n.args[1].eval(item)
		return (ok && also && ddb.Equal(v, w)) == (n.op == opEQ)
	}
	return n.order(item, 0, 1, n.op)
}

// order compares two operands by op, one of the order comparisons. It is false if one is missing or they are not of
// one type that has an order.
func (n *node) order(item ddb.Item, left, right int, op operator) bool {
	v, ok := n.args[left].eval(item)
	if !ok {
		return false
	}
	w, ok := n.args[right].eval(item)
	if !ok {
		return false
	}
	c, ok := ddb.Compare(v, w)
	if !ok {
		return false
	}
	switch op {
	case opLT:
		return c < 0
	case opLE:
		return c <= 0
	case opGT:
		return c > 0
	}
	return c >= 0
}

// eval is the operand's value; false if it has none, because an attribute is missing or has no size.
func (o *operand) eval(item ddb.Item) (ddb.AttributeValue, bool) {
	switch o.kind {
	case operandPath:
		return o.path.find(item)
	case operandValue:
		return o.value, true
	case operandCondition:
		return ddb.BoolValue(o.cond.match(item)), true
	}
	v, ok := o.args[0].eval(item)
	if !ok {
		return v, false
	}
	n, ok := size(v)
	if !ok {
		return v, false
	}
	v, err := ddb.NumberValue(strconv.Itoa(n))
	return v, err == nil
}

// size is what size() says of v: characters of an S, bytes of a B, members of anything that has members.
// That a character outside the basic plane counts twice, as in Java, is assumed.
// (Developer Guide, "Condition and filter expressions, operators, and functions in DynamoDB".)
func size(v ddb.AttributeValue) (int, bool) {
	switch v.Kind() {
	case ddb.KindS:
		n := 0
		for _, r := range v.Str() {
			n += max(1, utf16.RuneLen(r))
		}
		return n, true
	case ddb.KindB:
		return len(v.Bin()), true
	case ddb.KindSS, ddb.KindNS, ddb.KindBS:
		return len(v.Set()), true
	case ddb.KindL:
		return len(v.List()), true
	case ddb.KindM:
		return len(v.Map()), true
	}
	return 0, false
}

// holds evaluates a function that is a condition by itself.
func (o *operand) holds(item ddb.Item) bool {
	v, ok := o.args[0].eval(item)
	switch o.call {
	case callAttributeExists:
		return ok
	case callAttributeNotExists:
		return !ok
	}
	if !ok {
		return false
	}
	w, ok := o.args[1].eval(item)
	if !ok {
		return false
	}
	switch o.call {
	case callAttributeType:
		return v.Kind().String() == w.Str()
	case callBeginsWith:
		return beginsWith(v, w)
	case callContains:
		return contains(v, w)
	case callNotContains:
		return !contains(v, w)
	}
	return false
}

// beginsWith reports whether v starts with w, both S or both B.
func beginsWith(v, w ddb.AttributeValue) bool {
	if v.Kind() != w.Kind() {
		return false
	}
	switch v.Kind() {
	case ddb.KindS:
		return strings.HasPrefix(v.Str(), w.Str())
	case ddb.KindB:
		return strings.HasPrefix(v.Bin(), w.Bin())
	}
	return false
}

// contains reports whether w is a part of the text or bytes v, a member of the set v or an element of the list v.
// Maps contain nothing.
func contains(v, w ddb.AttributeValue) bool {
	switch v.Kind() {
	case ddb.KindS:
		return w.Kind() == ddb.KindS && strings.Contains(v.Str(), w.Str())
	case ddb.KindB:
		return w.Kind() == ddb.KindB && strings.Contains(v.Bin(), w.Bin())
	case ddb.KindSS:
		return w.Kind() == ddb.KindS && isMember(v.Set(), w.Str())
	case ddb.KindNS:
		return w.Kind() == ddb.KindN && isMember(v.Set(), w.Num())
	case ddb.KindBS:
		return w.Kind() == ddb.KindB && isMember(v.Set(), w.Bin())
	case ddb.KindL:
		for _, e := range v.List() {
			if ddb.Equal(e, w) {
				return true
			}
		}
	}
	return false
}

// isMember reports whether m is in set. Members are canonical, so that equal bytes are equal values.
func isMember(set []string, m string) bool {
	for _, s := range set {
		if s == m {
			return true
		}
	}
	return false
}
