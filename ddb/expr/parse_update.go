package expr

import "millrace/ddb"

// updateKeywords open the sections of an update, and so cannot be attribute names in one. Indexed by verb.
var updateKeywords = verbNames[:]

// ParseUpdate reads an update expression and notes in env the placeholders it uses.
func ParseUpdate(text string, env *Env) (*Update, *ddb.Error) {
	if err := UpdateExpression.checkText(text); err != nil {
		return nil, err
	}
	p := newParser(UpdateExpression, text, updateKeywords)
	actions, again, err := p.parseSections()
	if err != nil {
		return nil, err
	}
	if err := p.checkUpdate(actions, again, env); err != nil {
		return nil, err
	}
	return newUpdate(actions, false), nil
}

// parseSections reads the whole update. again is the first section that comes a second time, or empty.
func (p *parser) parseSections() (actions []action, again string, err *ddb.Error) {
	var seen [len(verbNames)]bool
	for {
		keyword := p.keyword()
		if keyword == "" {
			return nil, "", p.syntaxError()
		}
		v := verbSet
		for verbNames[v] != keyword {
			v++
		}
		if seen[v] && again == "" {
			again = keyword
		}
		seen[v] = true
		p.advance()
		for {
			a, err := p.parseAction(v)
			if err != nil {
				return nil, "", err
			}
			actions = append(actions, a)
			if !p.accept(",") {
				break
			}
		}
		if p.tok.kind == tokenEOF {
			return actions, again, nil
		}
	}
}

// parseAction reads one action of a section.
func (p *parser) parseAction(v verb) (action, *ddb.Error) {
	q, err := p.parsePath()
	if err != nil {
		return action{}, err
	}
	a := action{verb: v, path: q}
	switch v {
	case verbSet:
		if err := p.expect("="); err != nil {
			return action{}, err
		}
		_, err = p.parseSum(&a)
	case verbAdd, verbDelete:
		if p.tok.kind != tokenValue {
			return action{}, p.syntaxError()
		}
		a.left, err = p.parseBareOperand()
	}
	return a, err
}

// parseSum reads what a SET assigns: an operand, or two with a plus or minus between them. Parentheses may enclose
// each operand and the whole. It tells whether they enclosed the whole of what it read.
func (p *parser) parseSum(a *action) (parens bool, err *ddb.Error) {
	if p.accept("(") {
		inner, err := p.parseSum(a)
		if err == nil {
			err = p.expect(")")
		}
		if err != nil {
			return false, err
		}
		p.redundantParens = p.redundantParens || inner
		parens = true
		if a.right != nil {
			return true, nil
		}
	} else if a.left, err = p.parseBareOperand(); err != nil {
		return false, err
	}
	if !p.at("+") && !p.at("-") {
		return parens, nil
	}
	a.op = p.text(p.tok)[0]
	p.operators++
	p.advance()
	a.right, err = p.parseOperand()
	return false, err
}

// checkUpdate makes every check that needs no item, in DynamoDB's order.
func (p *parser) checkUpdate(actions []action, again string, env *Env) *ddb.Error {
	if err := p.checkParens(); err != nil {
		return err
	}
	each := func(f func(a *action) *ddb.Error) *ddb.Error {
		for i := range actions {
			if err := f(&actions[i]); err != nil {
				return err
			}
		}
		return nil
	}
	operands := func(f func(*operand) *ddb.Error) *ddb.Error {
		return each(func(a *action) *ddb.Error { return walk(a.operands(), f) })
	}
	if err := each(func(a *action) *ddb.Error {
		if err := p.checkPath(a.path); err != nil {
			return err
		}
		return walk(a.operands(), func(o *operand) *ddb.Error { return p.checkPath(o.path) })
	}); err != nil {
		return err
	}
	if err := operands(p.checkFunction); err != nil {
		return err
	}
	if err := each(p.checkSetCalls); err != nil {
		return err
	}
	if again != "" {
		return p.kind.invalid(`The "` + again + `" section can only be used once in an update expression;`)
	}
	if err := p.checkOperators(); err != nil {
		return err
	}
	if err := each(func(a *action) *ddb.Error {
		if err := p.resolvePath(a.path, env); err != nil {
			return err
		}
		return walk(a.operands(), func(o *operand) *ddb.Error { return p.resolvePath(o.path, env) })
	}); err != nil {
		return err
	}
	if err := operands(func(o *operand) (err *ddb.Error) {
		if o.kind == operandValue {
			o.value, err = env.value(p.kind, o.text)
		}
		return err
	}); err != nil {
		return err
	}
	paths := make([]path, len(actions))
	for i := range actions {
		paths[i] = actions[i].path
	}
	if err := p.checkPaths(paths); err != nil {
		return err
	}
	if err := each(p.checkAddType); err != nil {
		return err
	}
	return each(func(a *action) *ddb.Error {
		if err := walk(a.operands(), func(o *operand) *ddb.Error {
			if err := p.checkOperandCount(o); err != nil {
				return err
			}
			return p.checkSetCallTypes(o)
		}); err != nil {
			return err
		}
		return p.checkSumTypes(a)
	})
}

// checkSetCalls refuses list_append as an operand: only if_not_exists can be one. DynamoDB does so for list_append
// within list_append; for other places that is assumed.
func (p *parser) checkSetCalls(a *action) *ddb.Error {
	check := func(o *operand) *ddb.Error {
		if o.kind == operandCall && o.call == callListAppend {
			return p.misused(o)
		}
		return nil
	}
	for _, o := range a.operands() {
		if err := walk(o.args, check); err != nil {
			return err
		}
		if a.right != nil {
			if err := check(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// typeNames are the types as ADD and DELETE call them in messages.
var typeNames = [...]string{
	ddb.KindS: "STRING", ddb.KindN: "NUMBER", ddb.KindB: "BINARY", ddb.KindBOOL: "BOOLEAN", ddb.KindNULL: "NULL",
	ddb.KindL: "LIST", ddb.KindM: "MAP",
}

// checkAddType refuses operands of ADD and DELETE that are no sets, nor for ADD a number.
func (p *parser) checkAddType(a *action) *ddb.Error {
	if a.verb != verbAdd && a.verb != verbDelete {
		return nil
	}
	k := a.left.value.Kind()
	if k.IsSet() || (a.verb == verbAdd && k == ddb.KindN) {
		return nil
	}
	return p.kind.invalid("Incorrect operand type for operator or function; operator: " + verbNames[a.verb] +
		", operand type: " + typeNames[k])
}

// checkSetCallTypes refuses operands of if_not_exists and list_append that are known to be wrong.
func (p *parser) checkSetCallTypes(o *operand) *ddb.Error {
	switch o.call {
	case callIfNotExists:
		if o.args[0].kind != operandPath {
			return p.needsPath(o.text)
		}
	case callListAppend:
		for _, a := range o.args {
			if k := a.literalKind(); k != ddb.KindInvalid && k != ddb.KindL {
				return p.wrongType(o.text, k.String())
			}
		}
	}
	return nil
}

// checkSumTypes refuses literals in a sum that are no numbers.
func (p *parser) checkSumTypes(a *action) *ddb.Error {
	if a.right == nil {
		return nil
	}
	for _, o := range a.operands() {
		if k := o.literalKind(); k != ddb.KindInvalid && k != ddb.KindN {
			return p.wrongType(string(a.op), k.String())
		}
	}
	return nil
}
