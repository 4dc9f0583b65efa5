package expr

import "millrace/ddb"

// conditionKeywords end an operand in conditions, filters and key conditions.
var conditionKeywords = []string{"AND", "OR", "NOT", "BETWEEN", "IN"}

// term is what stands between two ANDs or ORs, or in parentheses: a condition, or an operand that some comparison
// around it will use. "(a)" can begin "(a) = :v", and "(size(a))" likewise.
type term struct {
	cond    *node
	operand *operand
	parens  bool // the whole of it stood in parentheses
}

// parseCondition reads a whole condition.
func (p *parser) parseCondition() (*node, *ddb.Error) {
	t, err := p.parseOr(false)
	if err != nil {
		return nil, err
	}
	n, err := p.condition(t)
	if err != nil {
		return nil, err
	}
	return n, p.end()
}

// condition makes t a condition: it is one, or it is a function call. A path or value alone is a syntax error at the
// token that ought to have been a comparison.
func (p *parser) condition(t term) (*node, *ddb.Error) {
	if t.cond != nil {
		return t.cond, nil
	}
	if t.operand.kind != operandCall {
		return nil, p.syntaxError()
	}
	return &node{op: opCall, args: []*operand{t.operand}}, nil
}

// parseOr reads terms joined by OR.
func (p *parser) parseOr(inParens bool) (term, *ddb.Error) {
	return p.parseChain("OR", opOr, inParens, p.parseAnd)
}

// parseAnd reads terms joined by AND.
func (p *parser) parseAnd(inParens bool) (term, *ddb.Error) {
	return p.parseChain("AND", opAnd, inParens, p.parseNot)
}

// parseChain reads what parse reads, joined by keyword. Chains within chains of the same operator become one: they
// mean the same.
func (p *parser) parseChain(keyword string, op operator, inParens bool, parse func(bool) (term, *ddb.Error)) (term, *ddb.Error) {
	first, err := parse(inParens)
	if err != nil || p.keyword() != keyword {
		return first, err
	}
	n := &node{op: op}
	for t := first; ; {
		kid, err := p.condition(t)
		if err != nil {
			return term{}, err
		}
		if kid.op == op {
			n.kids = append(n.kids, kid.kids...)
		} else {
			n.kids = append(n.kids, kid)
		}
		if p.keyword() != keyword {
			return term{cond: n}, nil
		}
		p.operators++
		p.advance()
		if t, err = parse(inParens); err != nil {
			return term{}, err
		}
	}
}

// parseNot reads a comparison behind any number of NOTs.
func (p *parser) parseNot(inParens bool) (term, *ddb.Error) {
	nots := 0
	for p.keyword() == "NOT" {
		p.operators++
		nots++
		p.advance()
	}
	t, err := p.parseComparison(inParens)
	if err != nil || nots == 0 {
		return t, err
	}
	n, err := p.condition(t)
	if err != nil {
		return term{}, err
	}
	for range nots {
		n = &node{op: opNot, kids: []*node{n}}
	}
	return term{cond: n}, nil
}

// parseComparison reads a comparison, a function call, or a condition in parentheses. Within parentheses it may also
// be a lone operand, if they close behind it.
func (p *parser) parseComparison(inParens bool) (term, *ddb.Error) {
	t, err := p.parseTerm()
	if err != nil || t.cond != nil {
		return t, err
	}
	var op operator
	args := []*operand{t.operand}
	switch {
	case p.keyword() == "BETWEEN":
		op = opBetween
		args, err = p.parseBounds(args)
	case p.keyword() == "IN":
		op = opIn
		args, err = p.parseList(args)
	default:
		if op = p.comparator(); op != opCall {
			p.operators++
			p.advance()
			args, err = p.parseArgument(args)
			break
		}
		if t.operand.kind == operandCall || (inParens && p.at(")")) {
			return t, nil
		}
		err = p.syntaxError()
	}
	if err != nil {
		return term{}, err
	}
	return term{cond: &node{op: op, args: args}}, nil
}

// parseTerm reads what a comparison can begin with: something in parentheses, or an operand.
func (p *parser) parseTerm() (term, *ddb.Error) {
	if !p.accept("(") {
		o, err := p.parseBareOperand()
		return term{operand: o}, err
	}
	t, err := p.parseOr(true)
	if err == nil {
		err = p.expect(")")
	}
	if err != nil {
		return term{}, err
	}
	p.redundantParens = p.redundantParens || t.parens
	if t.operand != nil {
		if more, err := p.parsePathRest(t.operand); more || err != nil {
			return term{operand: t.operand}, err
		}
	}
	t.parens = true
	return t, nil
}

// comparator is the comparison that the parser stands at; opCall if it does not.
func (p *parser) comparator() operator {
	if p.tok.kind == tokenPunct {
		for op := opEQ; op <= opGE; op++ {
			if p.text(p.tok) == operatorNames[op] {
				return op
			}
		}
	}
	return opCall
}

// parseArgument reads one more operand.
func (p *parser) parseArgument(args []*operand) ([]*operand, *ddb.Error) {
	o, err := p.parseOperand()
	return append(args, o), err
}

// parseBounds reads "BETWEEN low AND high".
func (p *parser) parseBounds(args []*operand) ([]*operand, *ddb.Error) {
	p.operators++
	p.advance()
	args, err := p.parseArgument(args)
	if err != nil {
		return nil, err
	}
	if p.keyword() != "AND" {
		return nil, p.syntaxError()
	}
	p.advance()
	return p.parseArgument(args)
}

// parseList reads "IN (a, b, …)".
func (p *parser) parseList(args []*operand) ([]*operand, *ddb.Error) {
	p.operators++
	p.advance()
	if err := p.expect("("); err != nil {
		return nil, err
	}
	for {
		var err *ddb.Error
		if args, err = p.parseArgument(args); err != nil {
			return nil, err
		}
		if !p.accept(",") {
			return args, p.expect(")")
		}
	}
}
