package expr

import (
	"slices"
	"strconv"

	"millrace/ddb"
)

// What follows builds conditions and updates piece by piece, for a language other than that of expressions: PartiQL's.
// Each piece is checked as it is made, with the texts of expressions but without the name of a parameter before them.

// builder makes the checks of pieces; it has no text.
var builder = &parser{kind: bare}

// Path is a document path that is built. The zero value is none; begin with NewPath.
type Path struct{ elements path }

// NewPath is the path to the attribute called name, whatever characters that has.
func NewPath(name string) Path { return Path{path{{name: name, index: -1}}} }

// Key is the path to what name stands for in the map at p.
func (p Path) Key(name string) Path { return p.append(element{name: name, index: -1}) }

// Index is the path to element i, which is not negative, of the list at p.
func (p Path) Index(i int) Path { return p.append(element{index: i}) }

// append leaves p's own elements alone: two paths may go on from one.
func (p Path) append(e element) Path {
	return Path{append(p.elements[:len(p.elements):len(p.elements)], e)}
}

// TopLevel is the name of the attribute that the path begins in.
func (p Path) TopLevel() string { return p.elements[0].name }

// Nested reports whether the path goes on below its attribute.
func (p Path) Nested() bool { return len(p.elements) > 1 }

// Equal reports whether p and q are the same path.
func (p Path) Equal(q Path) bool { return p.elements.equal(q.elements) }

// Find is the value that the path leads to in item; false if some step leads nowhere.
func (p Path) Find(item ddb.Item) (ddb.AttributeValue, bool) { return p.elements.find(item) }

// Check refuses a path that goes too deep.
func (p Path) Check() *ddb.Error {
	if len(p.elements) <= maxPathElements {
		return nil
	}
	return bare.invalid("The document path has too many nesting levels; nesting levels: " + strconv.Itoa(len(p.elements)))
}

// Operand is one side of a comparison, an argument of a function, or what an update assigns.
type Operand struct{ o *operand }

// At is what is found at p.
func At(p Path) Operand { return Operand{&operand{kind: operandPath, path: p.elements}} }

// Literal is v.
func Literal(v ddb.AttributeValue) Operand { return Operand{&operand{kind: operandValue, value: v}} }

// Truth is the BOOL that c comes to; c is not nil.
func Truth(c *Condition) Operand { return Operand{&operand{kind: operandCondition, cond: c.root}} }

// SizeOf is size() of its one argument.
func SizeOf(args ...Operand) (Operand, *ddb.Error) { return call(callSize, args) }

// ListAppend is list_append() of its two arguments, for updates.
func ListAppend(args ...Operand) (Operand, *ddb.Error) { return call(callListAppend, args) }

// call makes a checked call.
func call(f function, args []Operand) (Operand, *ddb.Error) {
	o := &operand{kind: operandCall, text: functions[f].name, call: f, args: operandsOf(args)}
	if err := builder.checkOperandCount(o); err != nil {
		return Operand{}, err
	}
	if err := builder.checkDistinct(&node{op: opCall, args: []*operand{o}}); err != nil {
		return Operand{}, err
	}
	if err := builder.checkCallTypes(o); err != nil {
		return Operand{}, err
	}
	if err := builder.checkSetCallTypes(o); err != nil {
		return Operand{}, err
	}
	return Operand{o}, nil
}

// operandsOf unwraps operands.
func operandsOf(args []Operand) []*operand {
	out := make([]*operand, len(args))
	for i := range args {
		out[i] = args[i].o
	}
	return out
}

// Compare is "left op right"; op is one of = <> < <= > >=.
func Compare(op string, left, right Operand) (*Condition, *ddb.Error) {
	for o := opEQ; o <= opGE; o++ {
		if operatorNames[o] == op {
			return leaf(o, left, right)
		}
	}
	panic("expr: no comparison " + op)
}

// Between is "v BETWEEN low AND high".
func Between(v, low, high Operand) (*Condition, *ddb.Error) { return leaf(opBetween, v, low, high) }

// In is "v IN (list)".
func In(v Operand, list ...Operand) (*Condition, *ddb.Error) {
	return leaf(opIn, append([]Operand{v}, list...)...)
}

// leaf makes a checked comparison.
func leaf(op operator, args ...Operand) (*Condition, *ddb.Error) {
	n := &node{op: op, args: operandsOf(args)}
	if err := builder.checkDistinct(n); err != nil {
		return nil, err
	}
	if err := builder.checkComparisonTypes(n); err != nil {
		return nil, err
	}
	return &Condition{root: n}, nil
}

// IsFunction reports whether Call knows name.
func IsFunction(name string) bool {
	f := functionNamed(name)
	return f != callUnknown && f != callSize && !functions[f].update
}

// Call is a condition that is one function call, such as begins_with; IsFunction(name) holds.
func Call(name string, args ...Operand) (*Condition, *ddb.Error) {
	o, err := call(functionNamed(name), args)
	if err != nil {
		return nil, err
	}
	return &Condition{root: &node{op: opCall, args: []*operand{o.o}}}, nil
}

// And holds where all of cs do; nil among them, and nothing at all, hold everywhere.
func And(cs ...*Condition) *Condition {
	n := join(opAnd, slices.DeleteFunc(slices.Clone(cs), func(c *Condition) bool { return c == nil }))
	if len(n.kids) == 0 && n.op == opAnd {
		return nil
	}
	return &Condition{root: n}
}

// Or holds where one of cs, of which none is nil, does; of none, nowhere.
func Or(cs ...*Condition) *Condition { return &Condition{root: join(opOr, cs)} }

// join puts cs under op; chains of one operator become one, and one condition stays as it is.
func join(op operator, cs []*Condition) *node {
	if len(cs) == 1 {
		return cs[0].root
	}
	n := &node{op: op}
	for _, c := range cs {
		if c.root.op == op {
			n.kids = append(n.kids, c.root.kids...)
		} else {
			n.kids = append(n.kids, c.root)
		}
	}
	return n
}

// Not holds where c, which is not nil, does not.
func Not(c *Condition) *Condition { return &Condition{root: &node{op: opNot, kids: []*node{c.root}}} }

// UpdateBuilder collects the actions of an update. The zero value is ready.
type UpdateBuilder struct{ actions []action }

// Set puts v at p.
func (b *UpdateBuilder) Set(p Path, v Operand) {
	b.actions = append(b.actions, action{verb: verbSet, path: p.elements, left: v.o})
}

// SetSum puts left + right or left - right, as op says, at p.
func (b *UpdateBuilder) SetSum(p Path, left Operand, op byte, right Operand) *ddb.Error {
	a := action{verb: verbSet, path: p.elements, op: op, left: left.o, right: right.o}
	b.actions = append(b.actions, a)
	return builder.checkSumTypes(&a)
}

// Remove drops what is at p.
func (b *UpdateBuilder) Remove(p Path) {
	b.actions = append(b.actions, action{verb: verbRemove, path: p.elements})
}

// Add adds the members of the set v to that at p, which it makes if there is none.
func (b *UpdateBuilder) Add(p Path, v ddb.AttributeValue) {
	b.actions = append(b.actions, action{verb: verbAdd, path: p.elements, left: Literal(v).o})
}

// Delete takes the members of the set v out of that at p.
func (b *UpdateBuilder) Delete(p Path, v ddb.AttributeValue) {
	b.actions = append(b.actions, action{verb: verbDelete, path: p.elements, left: Literal(v).o})
}

// Update checks that the actions do not get into each other's way and makes them an update.
func (b *UpdateBuilder) Update() (*Update, *ddb.Error) {
	paths := make([]path, len(b.actions))
	for i := range b.actions {
		paths[i] = b.actions[i].path
	}
	if err := builder.checkPaths(paths); err != nil {
		return nil, err
	}
	return newUpdate(b.actions, false), nil
}
