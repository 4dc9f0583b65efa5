package expr

import (
	"cmp"
	"slices"
	"strconv"

	"millrace/ddb"
)

// The canonical text of an expression has its placeholders replaced by what they stand for, no more parentheses than
// it needs, one blank where blanks may be, and lists whose order means nothing sorted. Two spellings of one expression
// give one text, and expressions that differ in meaning give different ones. It is for cache keys and comparisons;
// DynamoDB would not read it, for names stand in it as JSON strings and values as DynamoDB JSON.

// AppendCanonical appends the condition's canonical text; the nil Condition has none.
func (c *Condition) AppendCanonical(dst []byte) []byte {
	if c == nil {
		return dst
	}
	p := literalPrinter(dst)
	p.node(c.root, opOr)
	return p.dst
}

// AppendCanonical appends the projection's canonical text: its paths, sorted.
func (pr *Projection) AppendCanonical(dst []byte) []byte {
	p := literalPrinter(dst)
	p.tree(pr.tree)
	return p.dst
}

// AppendCanonical appends the key condition's canonical text: its conditions, sorted by attribute. It may be called
// before Check, but means nothing if Check fails.
func (k *KeyCondition) AppendCanonical(dst []byte) []byte {
	p := literalPrinter(dst)
	p.keyCondition(k)
	return p.dst
}

// AppendCanonical appends the update's canonical text: sections in a fixed order, the actions in each sorted by path.
func (u *Update) AppendCanonical(dst []byte) []byte {
	p := literalPrinter(dst)
	p.update(u)
	return p.dst
}

// printer writes expressions. How it writes names and values is up to its maker.
type printer struct {
	dst   []byte
	name  func(dst []byte, name string) []byte
	value func(dst []byte, v ddb.AttributeValue) []byte
}

// literalPrinter writes names and values themselves.
func literalPrinter(dst []byte) *printer {
	return &printer{dst: dst, name: ddb.AppendJSONString, value: ddb.AppendValueJSON}
}

// text writes s.
func (p *printer) text(s string) { p.dst = append(p.dst, s...) }

// node writes n as it must stand within around: an OR within an AND, and either within a NOT, needs parentheses.
func (p *printer) node(n *node, around operator) {
	switch n.op {
	case opAnd, opOr:
		parens := around == opNot || (around == opAnd && n.op == opOr)
		if parens {
			p.text("(")
		}
		for i, k := range n.kids {
			if i > 0 {
				p.text(" " + operatorNames[n.op] + " ")
			}
			p.node(k, n.op)
		}
		if parens {
			p.text(")")
		}
	case opNot:
		p.text("NOT ")
		p.node(n.kids[0], opNot)
	case opCall:
		p.operand(n.args[0])
	case opBetween:
		p.operand(n.args[0])
		p.text(" BETWEEN ")
		p.operand(n.args[1])
		p.text(" AND ")
		p.operand(n.args[2])
	case opIn:
		p.operand(n.args[0])
		p.text(" IN (")
		p.operands(n.args[1:])
		p.text(")")
	default:
		p.operand(n.args[0])
		p.text(" " + operatorNames[n.op] + " ")
		p.operand(n.args[1])
	}
}

// operands writes a list of operands.
func (p *printer) operands(args []*operand) {
	for i, o := range args {
		if i > 0 {
			p.text(", ")
		}
		p.operand(o)
	}
}

// operand writes one operand.
func (p *printer) operand(o *operand) {
	switch o.kind {
	case operandPath:
		p.path(o.path)
	case operandValue:
		p.dst = p.value(p.dst, o.value)
	case operandCall:
		p.text(functions[o.call].name + "(")
		p.operands(o.args)
		p.text(")")
	case operandCondition:
		p.text("(")
		p.node(o.cond, opOr)
		p.text(")")
	}
}

// path writes a path.
func (p *printer) path(q path) {
	for i, e := range q {
		if e.isIndex() {
			p.dst = append(p.dst, '[')
			p.dst = strconv.AppendInt(p.dst, int64(e.index), 10)
			p.dst = append(p.dst, ']')
			continue
		}
		if i > 0 {
			p.dst = append(p.dst, '.')
		}
		p.dst = p.name(p.dst, e.name)
	}
}

// tree writes the paths that a tree is made of, in order.
func (p *printer) tree(tree []branch) {
	first := true
	var q path
	var visit func(tree []branch)
	visit = func(tree []branch) {
		for i := range tree {
			q = append(q, tree[i].element)
			if tree[i].kids != nil {
				visit(tree[i].kids)
			} else {
				if !first {
					p.text(", ")
				}
				first = false
				p.path(q)
			}
			q = q[:len(q)-1]
		}
	}
	visit(tree)
}

// keyCondition writes k.
func (p *printer) keyCondition(k *KeyCondition) {
	conds := slices.SortedFunc(slices.Values(k.conds), func(a, b keyCond) int { return cmp.Compare(a.name, b.name) })
	for i, c := range conds {
		if i > 0 {
			p.text(" AND ")
		}
		if c.op == RangeBeginsWith {
			p.text("begins_with(")
			p.dst = p.name(p.dst, c.name)
			p.text(", ")
			p.dst = p.value(p.dst, c.values[0])
			p.text(")")
			continue
		}
		p.dst = p.name(p.dst, c.name)
		p.text(" " + rangeOpNames[c.op])
		for j, v := range c.values {
			if j > 0 {
				p.text(" AND")
			}
			p.text(" ")
			p.dst = p.value(p.dst, v)
		}
	}
}

// update writes u.
func (p *printer) update(u *Update) {
	sorted := slices.Clone(u.actions)
	slices.SortFunc(sorted, func(a, b action) int {
		return cmp.Or(cmp.Compare(a.verb, b.verb), slices.CompareFunc(a.path, b.path, element.compare))
	})
	for i := range sorted {
		a := &sorted[i]
		switch {
		case i > 0 && a.verb == sorted[i-1].verb:
			p.text(", ")
		case i > 0:
			p.text(" " + verbNames[a.verb] + " ")
		default:
			p.text(verbNames[a.verb] + " ")
		}
		p.path(a.path)
		if a.left == nil {
			continue
		}
		p.text(" ")
		if a.verb == verbSet {
			p.text("= ")
		}
		p.operand(a.left)
		if a.right != nil {
			p.text(" " + string(a.op) + " ")
			p.operand(a.right)
		}
	}
}
