package expr

import (
	"strconv"

	"millrace/ddb"
)

// maxPathElements is how deep a document path may go. (Developer Guide, "Quotas": nested levels.)
const maxPathElements = ddb.MaxNestingLevels

// walk calls f for every operand of args and of the calls and conditions in them, the inner before the outer, until f
// fails.
func walk(args []*operand, f func(*operand) *ddb.Error) *ddb.Error {
	for _, o := range args {
		if o.cond != nil {
			if err := o.cond.leaves(func(n *node) *ddb.Error { return walk(n.args, f) }); err != nil {
				return err
			}
		}
		if err := walk(o.args, f); err != nil {
			return err
		}
		if err := f(o); err != nil {
			return err
		}
	}
	return nil
}

// checkOperators refuses more than 300 operators and functions. DynamoDB stops counting at the first too many.
func (p *parser) checkOperators() *ddb.Error {
	if p.operators <= ddb.MaxExpressionOperators {
		return nil
	}
	return p.kind.invalid("The expression contains too many operators; operator count: " + strconv.Itoa(ddb.MaxExpressionOperators+1))
}

// checkParens refuses an expression in which something stands in two pairs of parentheses.
func (p *parser) checkParens() *ddb.Error {
	if p.redundantParens {
		return p.kind.invalid("The expression has redundant parentheses;")
	}
	return nil
}

// checkFunction refuses calls of functions that do not exist, or not in this kind of expression.
func (p *parser) checkFunction(o *operand) *ddb.Error {
	switch {
	case o.kind != operandCall:
		return nil
	case o.call == callUnknown:
		return p.kind.invalid("Invalid function name; function: " + o.text)
	case functions[o.call].update == (p.kind == UpdateExpression):
		return nil
	case p.kind == UpdateExpression:
		return p.kind.invalid("The function is not allowed in an update expression; function: " + o.text)
	}
	return p.kind.invalid("The function is not allowed in a condition expression; function: " + o.text)
}

// misused is the error of a function in a place where its result cannot be.
func (p *parser) misused(o *operand) *ddb.Error {
	return p.kind.invalid("The function is not allowed to be used this way in an expression; function: " + o.text)
}

// checkPath refuses reserved words, indexes out of range and paths that go too deep, all of which need no resolving.
// Reserved words and function names may coincide: "size" is one.
func (p *parser) checkPath(q path) *ddb.Error {
	for _, e := range q {
		switch {
		case e.index == badIndex:
			return p.kind.invalid("List index is not within the allowable range; index: [" + e.name + "]")
		case !e.isIndex() && e.name[0] != '#' && isReserved(e.name):
			return p.kind.invalid("Attribute name is a reserved keyword; reserved keyword: " + e.name)
		}
	}
	if len(q) > maxPathElements {
		return p.kind.invalid("The document path has too many nesting levels; nesting levels: " + strconv.Itoa(len(q)))
	}
	return nil
}

// resolvePath puts the names that its placeholders stand for into q.
func (p *parser) resolvePath(q path, env *Env) (err *ddb.Error) {
	for i, e := range q {
		if !e.isIndex() && e.name[0] == '#' {
			if q[i].name, err = env.name(p.kind, e.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkOperandCount refuses a call with too few or too many operands.
func (p *parser) checkOperandCount(o *operand) *ddb.Error {
	if o.kind != operandCall || len(o.args) == functions[o.call].operands {
		return nil
	}
	return p.kind.invalid("Incorrect number of operands for operator or function; operator or function: " + o.text +
		", number of operands: " + strconv.Itoa(len(o.args)))
}

// needsPath is the error of a function whose first operand is no path.
func (p *parser) needsPath(name string) *ddb.Error {
	return p.kind.invalid("Operator or function requires a document path; operator or function: " + name)
}

// wrongType is the error of an operand whose type is known to be wrong before there is an item.
func (p *parser) wrongType(name, kind string) *ddb.Error {
	return p.kind.invalid("Incorrect operand type for operator or function; operator or function: " + name + ", operand type: " + kind)
}

// checkPaths refuses two paths of which one contains the other, or that want one value to be a map and a list.
// An overlap anywhere is reported before any conflict.
func (p *parser) checkPaths(paths []path) *ddb.Error {
	var conflict *ddb.Error
	for i, two := range paths {
		for _, one := range paths[:i] {
			switch relate(one, two) {
			case pathsOverlap:
				return p.twoPaths("overlap", one, two)
			case pathsConflict:
				if conflict == nil {
					conflict = p.twoPaths("conflict", one, two)
				}
			}
		}
	}
	return conflict
}

// twoPaths is the error of two paths that cannot both be in one expression.
func (p *parser) twoPaths(verb string, one, two path) *ddb.Error {
	return p.kind.invalid("Two document paths " + verb + " with each other; must remove or rewrite one of these paths; path one: " +
		one.String() + ", path two: " + two.String())
}

// relation is how two paths stand to each other.
type relation uint8

// The relations. Paths overlap if one leads through the other, and conflict if they part in a map and in a list.
const (
	pathsApart relation = iota
	pathsOverlap
	pathsConflict
)

// relate compares two paths.
func relate(one, two path) relation {
	for i := 0; i < len(one) && i < len(two); i++ {
		if one[i].isIndex() != two[i].isIndex() {
			return pathsConflict
		}
		if one[i] != two[i] {
			return pathsApart
		}
	}
	return pathsOverlap
}
