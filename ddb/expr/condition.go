package expr

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"millrace/ddb"
)

// Condition is a condition or filter, ready to be matched against items. It is immutable.
type Condition struct {
	root *node
}

// ParseCondition reads a condition or a filter, as kind says, and notes in env the placeholders it uses.
func ParseCondition(kind Kind, text string, env *Env) (*Condition, *ddb.Error) {
	root, err := parseCondition(kind, text, env)
	if err != nil {
		return nil, err
	}
	return &Condition{root: root}, nil
}

// tree is the root of the condition's tree; nil for the nil Condition.
func (c *Condition) tree() *node {
	if c == nil {
		return nil
	}
	return c.root
}

// TopLevelNames are the attributes that the condition looks at or into, each once, in the order of mention.
func (c *Condition) TopLevelNames() []string {
	var names []string
	c.tree().paths(func(q path) {
		if !slices.Contains(names, q[0].name) {
			names = append(names, q[0].name)
		}
	})
	return names
}

// NestedNames are the attributes into which the condition looks, each once: the first names of its paths of more than
// one element. Key attributes cannot be among them.
func (c *Condition) NestedNames() []string {
	var names []string
	c.tree().paths(func(q path) {
		if len(q) > 1 && !slices.Contains(names, q[0].name) {
			names = append(names, q[0].name)
		}
	})
	return names
}

// paths calls f for every path in n, in the order of the text. The nil Condition's nil root has none.
func (n *node) paths(f func(path)) {
	if n == nil {
		return
	}
	for _, k := range n.kids {
		k.paths(f)
	}
	_ = walk(n.args, func(o *operand) *ddb.Error {
		if o.kind == operandPath {
			f(o.path)
		}
		return nil
	})
}

// leaves calls f for every comparison and function condition in n, in the order of the text, until f fails.
func (n *node) leaves(f func(*node) *ddb.Error) *ddb.Error {
	if len(n.kids) == 0 {
		return f(n)
	}
	for _, k := range n.kids {
		if err := k.leaves(f); err != nil {
			return err
		}
	}
	return nil
}

// parseCondition parses text and makes every check that needs no item. The checks come in DynamoDB's order: each
// looks at the whole expression before the next one starts, except those of checkLeaf, which are all made on one
// comparison before they go on to the next.
func parseCondition(kind Kind, text string, env *Env) (*node, *ddb.Error) {
	if err := kind.checkText(text); err != nil {
		return nil, err
	}
	p := newParser(kind, text, conditionKeywords)
	root, err := p.parseCondition()
	if err != nil {
		return nil, err
	}
	if err := p.checkParens(); err != nil {
		return nil, err
	}
	if err := root.leaves(func(n *node) *ddb.Error { return walk(n.args, p.checkFunction) }); err != nil {
		return nil, err
	}
	if err := root.leaves(p.checkCallPlaces); err != nil {
		return nil, err
	}
	if err := p.checkOperators(); err != nil {
		return nil, err
	}
	if err := root.leaves(func(n *node) *ddb.Error {
		return walk(n.args, func(o *operand) *ddb.Error { return p.checkPath(o.path) })
	}); err != nil {
		return nil, err
	}
	if err := root.leaves(func(n *node) *ddb.Error { return p.checkLeaf(n, env) }); err != nil {
		return nil, err
	}
	return root, nil
}

// checkCallPlaces refuses functions that stand where their result is of no use: only size() can be an operand, and
// size() alone is no condition.
func (p *parser) checkCallPlaces(n *node) *ddb.Error {
	check := func(args []*operand) *ddb.Error {
		for _, a := range args {
			if a.kind == operandCall && a.call != callSize {
				return p.misused(a)
			}
		}
		return nil
	}
	if err := walk(n.args, func(o *operand) *ddb.Error { return check(o.args) }); err != nil {
		return err
	}
	if n.op != opCall {
		return check(n.args)
	}
	if n.args[0].call == callSize {
		return p.misused(n.args[0])
	}
	return nil
}

// checkLeaf resolves the placeholders of one comparison and checks its operands.
func (p *parser) checkLeaf(n *node, env *Env) *ddb.Error {
	err := walk(n.args, func(o *operand) (err *ddb.Error) {
		if o.kind == operandValue {
			o.value, err = env.value(p.kind, o.text)
			return err
		}
		return p.resolvePath(o.path, env)
	})
	if err != nil {
		return err
	}
	if err := walk(n.args, p.checkOperandCount); err != nil {
		return err
	}
	if err := p.checkDistinct(n); err != nil {
		return err
	}
	if err := walk(n.args, p.checkCallTypes); err != nil {
		return err
	}
	return p.checkComparisonTypes(n)
}

// checkDistinct refuses to compare a path with itself. DynamoDB says "the remaining operands", so BETWEEN and IN are
// taken to be checked against each of theirs: assumed.
func (p *parser) checkDistinct(n *node) *ddb.Error {
	check := func(name string, args []*operand) *ddb.Error {
		for _, a := range args[min(1, len(args)):] {
			if args[0].kind == operandPath && a.kind == operandPath && args[0].path.equal(a.path) {
				return p.kind.invalid("The first operand must be distinct from the remaining operands for this operator or function; operator: " +
					name + ", first operand: " + a.path.String())
			}
		}
		return nil
	}
	if err := walk(n.args, func(o *operand) *ddb.Error { return check(o.text, o.args) }); err != nil {
		return err
	}
	if n.op == opCall {
		return nil
	}
	return check(n.name(), n.args)
}

// checkCallTypes refuses operands of functions whose type is known and wrong.
func (p *parser) checkCallTypes(o *operand) *ddb.Error {
	switch o.call {
	case callAttributeExists, callAttributeNotExists:
		if o.args[0].kind != operandPath {
			return p.needsPath(o.text)
		}
	case callBeginsWith:
		for _, a := range o.args {
			if k := a.staticKind(); k != ddb.KindInvalid && k != ddb.KindS && k != ddb.KindB {
				return p.wrongType(o.text, k.String())
			}
		}
	case callAttributeType:
		k := o.args[1].staticKind()
		if k == ddb.KindInvalid {
			// A path could be of any type. The order in which DynamoDB lists them is not fixed.
			return p.wrongType(o.text, "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")
		}
		if k != ddb.KindS {
			return p.wrongType(o.text, k.String())
		}
		if name := o.args[1].value.Str(); ddb.KindOf(name) == ddb.KindInvalid {
			return p.kind.invalid("Invalid attribute type name found; type: " + name + ", valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}")
		}
	case callSize:
		if k := o.args[0].staticKind(); k == ddb.KindN || k == ddb.KindBOOL || k == ddb.KindNULL {
			return p.wrongType(o.text, k.String())
		}
	}
	return nil
}

// checkComparisonTypes refuses literals that have no order where order is asked for, bounds of BETWEEN that can
// hold nothing, and too long an IN.
func (p *parser) checkComparisonTypes(n *node) *ddb.Error {
	if n.op == opIn && len(n.args)-1 > ddb.MaxInOperands {
		return p.kind.invalid("The IN operator is provided with too many operands; number of operands: " + strconv.Itoa(len(n.args)-1))
	}
	if !n.op.isOrder() && n.op != opBetween {
		return nil
	}
	for _, a := range n.args {
		if k := a.staticKind(); k != ddb.KindInvalid && !k.IsKey() {
			return p.wrongType(n.name(), k.String())
		}
	}
	if n.op != opBetween {
		return nil
	}
	low, high := n.args[1], n.args[2]
	if low.kind != operandValue || high.kind != operandValue {
		return nil
	}
	c, ok := ddb.Compare(low.value, high.value)
	if ok && c <= 0 {
		return nil
	}
	rule := "same data type for lower and upper bounds"
	if ok {
		rule = "upper bound to be greater than or equal to lower bound"
	}
	return p.kind.invalid("The BETWEEN operator requires " + rule +
		"; lower bound operand: AttributeValue: " + boundText(low.value) +
		", upper bound operand: AttributeValue: " + boundText(high.value))
}

// boundText shows a bound of BETWEEN, such as "{N:1}".
func boundText(v ddb.AttributeValue) string {
	var b strings.Builder
	b.WriteByte('{')
	b.WriteString(v.Kind().String())
	b.WriteByte(':')
	switch v.Kind() {
	case ddb.KindN:
		b.WriteString(v.Num())
	case ddb.KindB:
		b.WriteString(base64.StdEncoding.EncodeToString([]byte(v.Bin())))
	default:
		b.WriteString(v.Str())
	}
	b.WriteByte('}')
	return b.String()
}
