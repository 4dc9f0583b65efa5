package partiql

import (
	"strconv"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// Conditions are those of expressions, which DynamoDB's refusals show to be checked by the same rules; their texts lack
// the parameter's name. What PartiQL adds is IS, and that a condition's outcome can be compared like a value.

// condition translates n; nil is no condition.
func (b *binder) condition(n *node) (*expr.Condition, *ddb.Error) {
	if n == nil {
		return nil, nil
	}
	switch n.kind {
	case nodeUnary:
		if n.text == "not" {
			c, err := b.condition(n.kids[0])
			return negate(c, err)
		}
	case nodeBinary:
		switch n.text {
		case "and", "or":
			return b.junction(n)
		case "in":
			return b.in(n)
		}
		if isComparison(n) {
			return b.comparison(n)
		}
	case nodeBetween:
		args, err := b.operands(n.kids...)
		if err != nil {
			return nil, err
		}
		return b.leaf(n, func() (*expr.Condition, *ddb.Error) { return expr.Between(args[0], args[1], args[2]) })
	case nodeIs:
		return b.is(n)
	case nodeCall:
		if !expr.IsFunction(n.text) {
			return nil, unrecognized(n)
		}
		args, err := b.operands(n.kids...)
		if err != nil {
			return nil, err
		}
		return b.leaf(n, func() (*expr.Condition, *ddb.Error) { return expr.Call(n.text, args...) })
	}
	return nil, notSupported(n)
}

// unrecognized is the refusal of a function that DynamoDB does not have.
func unrecognized(n *node) *ddb.Error {
	return ddb.Validation("%s", "Unrecognized function: "+n.text+n.tok.at.String())
}

// notSupported is the refusal of an expression that PartiQL has and DynamoDB has not; its text is assumed.
func notSupported(n *node) *ddb.Error {
	what := n.text
	if what == "" || n.kind == nodeLiteral || n.kind == nodeName {
		what = n.className()
	}
	return ddb.Validation("%s", "Unsupported operator in expression: "+what+n.tok.at.String())
}

// leaf makes one comparison or function, counts it, and negates it if n says so.
func (b *binder) leaf(n *node, build func() (*expr.Condition, *ddb.Error)) (*expr.Condition, *ddb.Error) {
	if err := b.count(); err != nil {
		return nil, err
	}
	c, err := build()
	if n.not {
		return negate(c, err)
	}
	return c, err
}

// count counts an operator.
func (b *binder) count() *ddb.Error {
	if b.operators++; b.operators > ddb.MaxExpressionOperators {
		return ddb.Validation("%s", "The expression contains too many operators; operator count: "+strconv.Itoa(b.operators))
	}
	return nil
}

// negate is NOT c, unless there is an error.
func negate(c *expr.Condition, err *ddb.Error) (*expr.Condition, *ddb.Error) {
	if err != nil {
		return nil, err
	}
	return expr.Not(c), nil
}

// junction translates AND and OR.
func (b *binder) junction(n *node) (*expr.Condition, *ddb.Error) {
	if err := b.count(); err != nil {
		return nil, err
	}
	left, err := b.condition(n.kids[0])
	if err != nil {
		return nil, err
	}
	right, err := b.condition(n.kids[1])
	if err != nil {
		return nil, err
	}
	if n.text == "and" {
		return expr.And(left, right), nil
	}
	return expr.Or(left, right), nil
}

// isComparison reports whether n is one of = <> < <= > >=.
func isComparison(n *node) bool {
	if n.kind != nodeBinary {
		return false
	}
	switch n.text {
	case "=", "<>", "<", "<=", ">", ">=":
		return true
	}
	return false
}

// comparison translates a comparison.
func (b *binder) comparison(n *node) (*expr.Condition, *ddb.Error) {
	args, err := b.operands(n.kids...)
	if err != nil {
		return nil, err
	}
	return b.leaf(n, func() (*expr.Condition, *ddb.Error) { return expr.Compare(n.text, args[0], args[1]) })
}

// in translates IN, whose right side is a list, written with brackets or parentheses.
func (b *binder) in(n *node) (*expr.Condition, *ddb.Error) {
	if n.kids[1].kind != nodeList && n.kids[1].kind != nodeBag {
		return nil, notSupported(n)
	}
	left, err := b.operand(n.kids[0])
	if err != nil {
		return nil, err
	}
	list, err := b.operands(n.kids[1].kids...)
	if err != nil {
		return nil, err
	}
	return b.leaf(n, func() (*expr.Condition, *ddb.Error) { return expr.In(left, list...) })
}

// is translates IS MISSING, IS NULL and IS with another type. Nothing is of a type that DynamoDB does not have.
func (b *binder) is(n *node) (*expr.Condition, *ddb.Error) {
	arg, err := b.operand(n.kids[0])
	if err != nil {
		return nil, err
	}
	if n.text == "missing" {
		return b.leaf(n, func() (*expr.Condition, *ddb.Error) { return expr.Call("attribute_not_exists", arg) })
	}
	var types []*expr.Condition
	for _, kind := range typeNames[n.text] {
		c, err := expr.Call("attribute_type", arg, expr.Literal(ddb.StringValue(kind.String())))
		if err != nil {
			return nil, err
		}
		types = append(types, c)
	}
	return b.leaf(n, func() (*expr.Condition, *ddb.Error) { return expr.Or(types...), nil })
}

// operands translates what comparisons and functions are of.
func (b *binder) operands(nodes ...*node) ([]expr.Operand, *ddb.Error) {
	out := make([]expr.Operand, len(nodes))
	for i, n := range nodes {
		var err *ddb.Error
		if out[i], err = b.operand(n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// operand translates one: a path, a value, size(), or a condition.
func (b *binder) operand(n *node) (expr.Operand, *ddb.Error) {
	switch {
	case isValue(n):
		v, err := b.value(n)
		return expr.Literal(v), err
	case n.kind == nodeName || n.kind == nodePath:
		p, err := path(n)
		if err != nil {
			return expr.Operand{}, err
		}
		return expr.At(p), nil
	case n.kind == nodeCall && n.text == "size":
		args, err := b.operands(n.kids...)
		if err != nil {
			return expr.Operand{}, err
		}
		if err := b.count(); err != nil {
			return expr.Operand{}, err
		}
		return expr.SizeOf(args...)
	}
	c, err := b.condition(n)
	if err != nil {
		return expr.Operand{}, err
	}
	return expr.Truth(c), nil
}

// names adds the attributes that n mentions to into, each once.
func (n *node) names(into map[string]bool) {
	switch n.kind {
	case nodeName:
		into[n.text] = true
	case nodePath:
		if first := flatten(n)[0]; first.kind == nodeName {
			into[first.text] = true
		}
	default:
		for _, k := range n.kids {
			k.names(into)
		}
	}
}
