package partiql

import (
	"strings"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// Change is what an UPDATE or DELETE does, and what an EXISTS checks.
type Change struct {
	// Key is the item's primary key. Its values are as they were given: of any kind.
	Key ddb.Item
	// Condition is the rest of the WHERE clause; nil if there is none.
	Condition *expr.Condition
	// Update is what an UPDATE changes; nil otherwise.
	Update *expr.Update
}

// Change translates an UPDATE, DELETE or EXISTS on a table whose primary key is schema.
func (s *Statement) Change(parameters []ddb.AttributeValue, schema ddb.KeySchema) (*Change, *ddb.Error) {
	b := &binder{parameters: parameters}
	update, err := b.update(s)
	if err != nil {
		return nil, err
	}
	key, rest, err := b.key(s, schema)
	if err != nil {
		return nil, err
	}
	conditions := make([]*expr.Condition, len(rest))
	for i, n := range rest {
		if conditions[i], err = b.condition(n); err != nil {
			return nil, err
		}
	}
	return &Change{Key: key, Condition: expr.And(conditions...), Update: update}, nil
}

// key splits the WHERE clause into the values of schema's attributes and the other conditions. Only equality, joined to
// the rest by AND, gives a value. Two values for an attribute are a fault in a write; in EXISTS the first one is the
// key's and the others are conditions.
func (b *binder) key(s *Statement, schema ddb.KeySchema) (ddb.Item, []*node, *ddb.Error) {
	var key ddb.Item
	var rest []*node
	for _, n := range conjuncts(s.where) {
		name, value := equated(n)
		if value == nil || !schema.Has(name) {
			rest = append(rest, n)
			continue
		}
		v, err := b.value(value)
		if err != nil {
			return nil, nil, err
		}
		old, again := key.Get(name)
		switch {
		case !again:
			key = key.With(name, v)
		case ddb.Equal(old, v):
		case s.Verb == Exists:
			rest = append(rest, n)
		default:
			return nil, nil, ddb.Validation("%s", "Multiple conditions on same key "+name+". Only single item Update/Insert/Delete are supported")
		}
	}
	whole := len(key) == len(schema)
	switch {
	case s.Verb == Exists && (!whole || len(rest) == 0):
		return nil, nil, ddb.Validation("EXISTS() must contain a single item read with additional condition")
	case !whole:
		return nil, nil, ddb.Validation(textIncompleteKey)
	}
	return key, rest, nil
}

// textIncompleteKey is the refusal of a write that does not say to which item.
const textIncompleteKey = "Where clause does not contain a mandatory equality on all key attributes"

// IsIncompleteKey reports whether err refuses a write because its WHERE clause does not name one item: transactions say
// that in other words.
func IsIncompleteKey(err *ddb.Error) bool {
	return err.Message == textIncompleteKey || strings.HasPrefix(err.Message, "Multiple conditions on same key ")
}

// equated is the attribute and the value of "name = value" or "value = name"; a nil value if n is neither.
func equated(n *node) (name string, value *node) {
	if n.kind != nodeBinary || n.text != "=" {
		return "", nil
	}
	left, right := n.kids[0], n.kids[1]
	switch {
	case left.kind == nodeName && isValue(right):
		return left.text, right
	case right.kind == nodeName && isValue(left):
		return right.text, left
	}
	return "", nil
}

// update translates the actions of an UPDATE; nil if it is none.
func (b *binder) update(s *Statement) (*expr.Update, *ddb.Error) {
	if s.Verb != Update {
		return nil, nil
	}
	u := &expr.UpdateBuilder{}
	for _, a := range s.actions {
		if err := b.action(u, a); err != nil {
			return nil, err
		}
	}
	return u.Update()
}

// action adds one SET or REMOVE to u.
func (b *binder) action(u *expr.UpdateBuilder, a action) *ddb.Error {
	target, err := path(a.target)
	if err != nil {
		return err
	}
	switch n := a.value; {
	case n == nil:
		u.Remove(target)
		return nil
	case n.kind == nodeCall && (n.text == "set_add" || n.text == "set_delete"):
		return b.changeSet(u, target, n)
	case n.kind == nodeCall && n.text != "list_append":
		return unrecognized(n)
	case n.kind == nodeCall:
		args, err := b.updateOperands(n.kids)
		if err != nil {
			return err
		}
		v, err := expr.ListAppend(args...)
		if err != nil {
			return err
		}
		u.Set(target, v)
		return nil
	case n.kind == nodeBinary && (n.text == "+" || n.text == "-"):
		args, err := b.updateOperands(n.kids)
		if err != nil {
			return err
		}
		return u.SetSum(target, args[0], n.text[0], args[1])
	default:
		args, err := b.updateOperands([]*node{n})
		if err != nil {
			return err
		}
		u.Set(target, args[0])
		return nil
	}
}

// updateOperands translates operands of SET, which are paths and values.
func (b *binder) updateOperands(nodes []*node) ([]expr.Operand, *ddb.Error) {
	for _, n := range nodes {
		if n.kind == nodeCall {
			return nil, unrecognized(n)
		}
		if !isValue(n) && n.kind != nodeName && n.kind != nodePath {
			return nil, notSupported(n)
		}
	}
	return b.operands(nodes...)
}

// changeSet adds "target = set_add(target, members)" or set_delete to u.
func (b *binder) changeSet(u *expr.UpdateBuilder, target expr.Path, n *node) *ddb.Error {
	name := strings.ToUpper(n.text)
	if len(n.kids) != 2 {
		return ddb.Validation("%s", name+" must have exactly two arguments"+n.tok.at.String())
	}
	first, second := n.kids[0], n.kids[1]
	same := first.kind == nodeName || first.kind == nodePath
	if same {
		p, err := path(first)
		if err != nil {
			return err
		}
		same = p.Equal(target)
	}
	if !same {
		return ddb.Validation("%s", "The first argument to "+name+" must equal the assignment value"+n.tok.at.String())
	}
	var v ddb.AttributeValue
	if isValue(second) {
		var err *ddb.Error
		if v, err = b.value(second); err != nil {
			return err
		}
	}
	if !v.Kind().IsSet() {
		return ddb.Validation("%s", "The second argument to "+name+" must be a value with type SET"+first.tok.at.String())
	}
	if n.text == "set_add" {
		u.Add(target, v)
	} else {
		u.Delete(target, v)
	}
	return nil
}
