package partiql

import (
	"slices"
	"strings"

	"millrace/ddb"
)

// parser reads expressions by precedence. The grammar, and with it what is said of a statement outside it, is that of
// PartiQL's reference implementation, where a statement is an expression like any other: an unknown first word is a
// name, and the fault is found later. (PartiQL Specification; messages as answered by DynamoDB.)
type parser struct {
	tokens     []token
	i          int
	parameters int
}

// Parse reads a statement.
func Parse(text string) (*Statement, *ddb.Error) {
	if len(text) > ddb.MaxStatementBytes {
		return nil, malformed("")
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	n, err := p.expression(lowest)
	if err != nil {
		return nil, err
	}
	p.accept(";")
	if p.tok().kind != tokenEnd {
		return nil, malformed("Unexpected token after expression")
	}
	return newStatement(n)
}

// tok is the current token.
func (p *parser) tok() token { return p.tokens[p.i] }

// after is the token n after the current one; the end lasts for ever.
func (p *parser) after(n int) token { return p.tokens[min(p.i+n, len(p.tokens)-1)] }

// take returns the current token and moves on.
func (p *parser) take() token {
	t := p.tokens[p.i]
	if t.kind != tokenEnd {
		p.i++
	}
	return t
}

// accept moves past text if it is the current token.
func (p *parser) accept(text string) bool {
	if p.tok().is(text) {
		p.i++
		return true
	}
	return false
}

// expect moves past text or fails with what DynamoDB calls it, which is assumed.
func (p *parser) expect(text, name string) *ddb.Error {
	if p.accept(text) {
		return nil
	}
	return malformed("Expected " + name)
}

// The precedences at which expressions are read: an operator of higher precedence than this binds.
const (
	lowest     = -1
	clause     = 6 // in SELECT's clauses
	underNot   = 30
	equality   = 40
	ordering   = 50
	addition   = 60
	multiply   = 70
	setAlgebra = 5
)

// precedences are those of binary operators.
var precedences = map[string]int{
	"union": setAlgebra, "except": setAlgebra, "intersect": setAlgebra, "or": 10, "and": 20,
	"=": equality, "<>": equality, "is": equality, "in": equality,
	"<": ordering, "<=": ordering, ">": ordering, ">=": ordering, "between": ordering, "like": ordering,
	"+": addition, "-": addition, "||": addition, "*": multiply, "/": multiply, "%": multiply,
}

// infix is the binary operator at the current token, in how many tokens: "NOT IN" is two.
func (p *parser) infix() (op token, not bool, width int, ok bool) {
	op = p.tok()
	if op.is("not") {
		if op = p.after(1); op.is("in") || op.is("between") || op.is("like") {
			return op, true, 2, true
		}
		return op, false, 0, false
	}
	_, ok = precedences[op.text]
	return op, false, 1, ok && (op.kind == tokenOperator || op.is("*"))
}

// expression reads an expression whose operators all bind more than above.
func (p *parser) expression(above int) (*node, *ddb.Error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	for {
		op, not, width, ok := p.infix()
		if !ok || precedences[op.text] <= above {
			return left, nil
		}
		if left, err = p.binary(left, op, not, width); err != nil {
			return nil, err
		}
	}
}

// binary reads on from the operator op behind left.
func (p *parser) binary(left *node, op token, not bool, width int) (*node, *ddb.Error) {
	n := &node{kind: nodeBinary, tok: op, text: op.text, not: not, kids: []*node{left}}
	switch {
	case op.text == "is":
		p.i += width
		n.kind = nodeIs
		n.not = p.accept("not")
		return n, p.typeName(n)
	case op.text == "in" && p.after(width).is("(") && !p.after(width+1).is("select") && !p.after(width+1).is("values"):
		p.i += width + 1
		list, err := p.list(")", "RIGHT_PAREN", lowest)
		n.kids = append(n.kids, &node{kind: nodeList, tok: op, kids: list})
		return n, err
	}
	right, err := p.right(op, width)
	if err != nil {
		return nil, err
	}
	n.kids = append(n.kids, right)
	switch op.text {
	case "between":
		n.kind = nodeBetween
		if err := p.expect("and", "AND"); err != nil {
			return nil, err
		}
		if p.tok().kind == tokenEnd || p.tok().is(";") {
			return nil, malformed("Expected expression after AND")
		}
		high, err := p.expression(ordering)
		n.kids = append(n.kids, high)
		return n, err
	case "like":
		if p.tok().is("escape") {
			p.i++
			_, err := p.expression(ordering)
			return n, err
		}
	}
	return n, nil
}

// right reads what follows a binary operator of so many tokens.
func (p *parser) right(op token, width int) (*node, *ddb.Error) {
	if p.after(width).kind == tokenEnd {
		return nil, malformed("Missing right-hand side expression of infix operator")
	}
	p.i += width
	return p.expression(precedences[op.text])
}

// typeName reads the type of an IS into n.
func (p *parser) typeName(n *node) *ddb.Error {
	name := p.tok().text
	for _, two := range [][2]string{{"double", "precision"}, {"character", "varying"}} {
		if p.tok().is(two[0]) && p.after(1).is(two[1]) {
			name = two[0] + " " + two[1]
			p.i++
		}
	}
	kind := p.tok().kind
	if _, ok := typeNames[name]; !ok || kind != tokenKeyword && kind != tokenNull && kind != tokenMissing {
		return malformed("Expected type name")
	}
	n.text = name
	p.i++
	return nil
}

// unary reads what a binary operator stands between. Signs before a number become part of it.
func (p *parser) unary() (*node, *ddb.Error) {
	op := p.tok()
	switch {
	case op.is("not"):
		p.i++
		kid, err := p.expression(underNot)
		return &node{kind: nodeUnary, tok: op, text: op.text, kids: []*node{kid}}, err
	case op.is("+") || op.is("-"):
		p.i++
		kid, err := p.unary()
		if err != nil {
			return nil, err
		}
		if kid.kind != nodeLiteral || kid.tok.kind != tokenNumber {
			return &node{kind: nodeUnary, tok: op, text: op.text, kids: []*node{kid}}, nil
		}
		if op.text == "-" {
			kid.text = negated(kid.text)
		}
		return kid, nil
	}
	return p.path()
}

// negated is the number text with the other sign.
func negated(text string) string {
	if text[0] == '-' {
		return text[1:]
	}
	return "-" + text
}

// path reads a term and the steps behind it.
func (p *parser) path() (*node, *ddb.Error) {
	n, err := p.term()
	if err != nil {
		return nil, err
	}
	return p.steps(n, false)
}

// simplePath reads a name and the steps behind it: what a statement works on, or an UPDATE changes.
func (p *parser) simplePath() (*node, *ddb.Error) {
	if !p.tok().isName() {
		return nil, malformed("Expected identifier for simple path")
	}
	t := p.take()
	return p.steps(&node{kind: nodeName, tok: t, text: t.text}, true)
}

// steps reads the steps that follow n.
func (p *parser) steps(n *node, simple bool) (*node, *ddb.Error) {
	path := &node{kind: nodePath, tok: n.tok, kids: []*node{n}}
	for {
		switch t := p.tok(); {
		case p.accept("."):
			t = p.tok()
			switch {
			case t.isName():
				path.kids = append(path.kids, &node{kind: nodeName, tok: t, text: t.text})
			case t.is("*") && simple:
				return nil, malformed("Invalid path dot component for simple path")
			case t.is("*"):
				path.kids = append(path.kids, &node{kind: nodeStar, tok: t})
			default:
				return nil, malformed("Invalid path dot component")
			}
			p.i++
		case p.accept("["):
			step := &node{kind: nodeIndex, tok: t}
			if p.tok().is("*") {
				step.kids = []*node{{kind: nodeStar, tok: p.take()}}
			} else {
				index, err := p.expression(lowest)
				if err != nil {
					return nil, err
				}
				step.kids = []*node{index}
			}
			if err := p.expect("]", "RIGHT_BRACKET"); err != nil {
				return nil, err
			}
			if simple && step.kids[0].kind != nodeLiteral {
				return nil, malformed("Invalid path component for simple path")
			}
			path.kids = append(path.kids, step)
		case len(path.kids) == 1:
			return n, nil
		default:
			return path, nil
		}
	}
}

// term reads the smallest of expressions.
func (p *parser) term() (*node, *ddb.Error) {
	t := p.tok()
	switch t.kind {
	case tokenString, tokenNumber, tokenTrue, tokenFalse, tokenNull, tokenMissing:
		p.i++
		return &node{kind: nodeLiteral, tok: t, text: t.text}, nil
	case tokenParameter:
		p.i++
		p.parameters++
		return &node{kind: nodeParameter, tok: t, number: p.parameters - 1}, nil
	case tokenName, tokenQuoted:
		p.i++
		if p.tok().is("(") {
			return p.call(t)
		}
		return &node{kind: nodeName, tok: t, text: t.text}, nil
	case tokenOperator:
		return nil, malformed("Unexpected operator")
	case tokenKeyword:
		return p.keyword(t)
	}
	switch t.text {
	case "(":
		return p.group()
	case "[":
		return p.collection(nodeList, "]", "RIGHT_BRACKET")
	case "<<":
		return p.collection(nodeBag, ">>", "RIGHT_DOUBLE_ANGLE_BRACKET")
	case "{":
		return p.tuple()
	}
	return nil, malformed("Unexpected term")
}

// keyword reads a term that begins with a reserved word: a statement, or a call.
func (p *parser) keyword(t token) (*node, *ddb.Error) {
	if read := p.statement(); read != nil {
		s, err := read()
		return &node{kind: nodeStatement, tok: t, statement: s}, err
	}
	if functions[t.text] && p.after(1).is("(") {
		p.i++
		return p.call(t)
	}
	return nil, malformed("Unexpected keyword")
}

// call reads a function call, at the parenthesis behind its name.
func (p *parser) call(name token) (*node, *ddb.Error) {
	p.i++
	n := &node{kind: nodeCall, tok: name, text: strings.ToLower(name.text)}
	switch {
	case p.accept(")"):
		return n, nil
	case p.tok().is("*"):
		if n.text != "count" {
			return nil, malformed(n.text + "(*) is not allowed")
		}
		n.kids = []*node{{kind: nodeStar, tok: p.take()}}
		return n, p.expect(")", "RIGHT_PAREN")
	}
	var err *ddb.Error
	n.kids, err = p.list(")", "RIGHT_PAREN", lowest)
	return n, err
}

// group reads an expression in parentheses, or several, which are a list.
func (p *parser) group() (*node, *ddb.Error) {
	t := p.take()
	kids, err := p.list(")", "RIGHT_PAREN", lowest)
	switch {
	case err != nil:
		return nil, err
	case len(kids) == 1:
		return kids[0], nil
	}
	return &node{kind: nodeList, tok: t, kids: kids}, nil
}

// collection reads a list or bag, standing at its opening bracket.
func (p *parser) collection(kind nodeKind, closing, name string) (*node, *ddb.Error) {
	n := &node{kind: kind, tok: p.take()}
	if p.accept(closing) {
		return n, nil
	}
	var err *ddb.Error
	n.kids, err = p.list(closing, name, lowest)
	return n, err
}

// list reads expressions up to closing, which DynamoDB calls name.
func (p *parser) list(closing, name string, above int) ([]*node, *ddb.Error) {
	var list []*node
	for {
		n, err := p.expression(above)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
		if !p.accept(",") {
			return list, p.expect(closing, name)
		}
	}
}

// tuple reads a map, standing at its opening brace.
func (p *parser) tuple() (*node, *ddb.Error) {
	n := &node{kind: nodeStruct, tok: p.take()}
	if p.accept("}") {
		return n, nil
	}
	for {
		key, err := p.expression(lowest)
		if err != nil {
			return nil, err
		}
		if err := p.expect(":", "COLON"); err != nil {
			return nil, err
		}
		value, err := p.expression(lowest)
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, key, value)
		if !p.accept(",") {
			return n, p.expect("}", "RIGHT_CURLY")
		}
	}
}

// conjuncts are the conditions that n joins by AND, or n itself; none for nil.
func conjuncts(n *node) []*node {
	switch {
	case n == nil:
		return nil
	case n.kind == nodeBinary && n.text == "and":
		return slices.Concat(conjuncts(n.kids[0]), conjuncts(n.kids[1]))
	}
	return []*node{n}
}
