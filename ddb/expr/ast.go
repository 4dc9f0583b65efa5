package expr

import (
	"strconv"
	"strings"

	"millrace/ddb"
)

// element is one step of a document path: a map key, or a list index.
type element struct {
	name  string
	index int // -1 in a map key
}

// badIndex marks an element whose index does not fit; name holds its digits until the check reports them.
const badIndex = -2

// isIndex reports whether e steps into a list.
func (e element) isIndex() bool { return e.index != -1 }

// compare orders the elements under one parent: map keys by bytes, list indexes by number.
func (e element) compare(o element) int {
	if e.index != o.index {
		if e.index < o.index {
			return -1
		}
		return 1
	}
	return strings.Compare(e.name, o.name)
}

// path is a document path. Its first element is an attribute's name. Until it is resolved, a name that begins with
// "#" is a placeholder; afterwards every name is literal.
type path []element

// String is the path as error messages show it: "[a, [1], b]".
func (p path) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, e := range p {
		if i > 0 {
			b.WriteString(", ")
		}
		if e.isIndex() {
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(e.index))
			b.WriteByte(']')
		} else {
			b.WriteString(e.name)
		}
	}
	b.WriteByte(']')
	return b.String()
}

// equal reports whether p and q are the same path.
func (p path) equal(q path) bool {
	if len(p) != len(q) {
		return false
	}
	for i := range p {
		if p[i] != q[i] {
			return false
		}
	}
	return true
}

// find is the value that p leads to in item; false if some step leads nowhere.
func (p path) find(item ddb.Item) (ddb.AttributeValue, bool) {
	v, ok := item.Get(p[0].name)
	for _, e := range p[1:] {
		if !ok {
			return v, false
		}
		v, ok = e.step(v)
	}
	return v, ok
}

// step is the value directly below v that e names.
func (e element) step(v ddb.AttributeValue) (ddb.AttributeValue, bool) {
	if e.isIndex() {
		if l := v.List(); e.index < len(l) {
			return l[e.index], true
		}
		return ddb.AttributeValue{}, false
	}
	if v.Kind() != ddb.KindM {
		return ddb.AttributeValue{}, false
	}
	return v.Map().Get(e.name)
}

// operandKind says which part of an operand counts.
type operandKind uint8

// An operand is a path, a :value, a function of operands, or, in what is built without a text, a condition that
// stands for the BOOL it comes to.
const (
	operandPath operandKind = iota
	operandValue
	operandCall
	operandCondition
)

// operand is a value to be: read from the item, given in the request, or computed from others.
type operand struct {
	kind  operandKind
	path  path
	value ddb.AttributeValue
	text  string // ":v" or the function's name, as written
	call  function
	args  []*operand
	cond  *node
}

// literalKind is the type of a value given in the request; KindInvalid if it is not known before there is an item.
func (o *operand) literalKind() ddb.Kind {
	if o.kind == operandValue {
		return o.value.Kind()
	}
	return ddb.KindInvalid
}

// staticKind is as literalKind, but knows that size() gives a number and a condition a truth value.
func (o *operand) staticKind() ddb.Kind {
	if o.kind == operandCondition {
		return ddb.KindBOOL
	}
	if o.kind == operandCall && o.call == callSize {
		return ddb.KindN
	}
	return o.literalKind()
}

// function is a function of the language. (Developer Guide, "Condition and filter expressions, operators, and
// functions in DynamoDB" and "Using update expressions in DynamoDB".)
type function uint8

// The functions. callUnknown is any other name.
const (
	callUnknown function = iota
	callAttributeExists
	callAttributeNotExists
	callAttributeType
	callBeginsWith
	callContains
	callSize
	callIfNotExists
	callListAppend
	// callNotContains is the old NOT_CONTAINS, which no expression can name: it is false on a missing attribute.
	callNotContains
)

// functionFacts is what the parser must know of a function.
type functionFacts struct {
	name     string
	operands int
	update   bool // it belongs in update expressions, all others in conditions
}

// functions are indexed by function.
var functions = [...]functionFacts{
	callUnknown:            {},
	callAttributeExists:    {"attribute_exists", 1, false},
	callAttributeNotExists: {"attribute_not_exists", 1, false},
	callAttributeType:      {"attribute_type", 2, false},
	callBeginsWith:         {"begins_with", 2, false},
	callContains:           {"contains", 2, false},
	callSize:               {"size", 1, false},
	callIfNotExists:        {"if_not_exists", 2, true},
	callListAppend:         {"list_append", 2, true},
	callNotContains:        {"NOT_CONTAINS", 2, false},
}

// functionNamed finds a function by its name, whose case counts.
func functionNamed(name string) function {
	for f := callAttributeExists; f <= callListAppend; f++ {
		if functions[f].name == name {
			return f
		}
	}
	return callUnknown
}

// operator is what a node of a condition does.
type operator uint8

// The operators. opCall is a condition that is one function call.
const (
	opAnd operator = iota
	opOr
	opNot
	opEQ
	opNE
	opLT
	opLE
	opGT
	opGE
	opBetween
	opIn
	opCall
)

// operatorNames are the operators as messages and the canonical text show them.
var operatorNames = [...]string{"AND", "OR", "NOT", "=", "<>", "<", "<=", ">", ">=", "BETWEEN", "IN", ""}

// isOrder reports whether op compares by order.
func (op operator) isOrder() bool { return opLT <= op && op <= opGE }

// node is one node of a condition: AND and OR over two or more kids, NOT over one, or a leaf over operands.
type node struct {
	op   operator
	kids []*node
	args []*operand
}

// name is what messages call the node: the operator, or the function.
func (n *node) name() string {
	if n.op == opCall {
		return n.args[0].text
	}
	return operatorNames[n.op]
}
