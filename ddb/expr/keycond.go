package expr

import (
	"slices"

	"millrace/ddb"
)

// KeyCondition says which items of one partition a Query reads. It is immutable.
type KeyCondition struct {
	conds  []keyCond
	shape  *ddb.Error
	legacy bool // KeyConditions, which cannot query keys of several attributes
	// hash is memory for KeyRange.Hash, if there is any.
	hash []ddb.AttributeValue
}

// keyCond is one condition on one key attribute; the attribute stands on the left.
type keyCond struct {
	name   string
	op     RangeOp
	values []ddb.AttributeValue
}

// RangeOp is a condition on a sort key attribute.
type RangeOp uint8

// The conditions. RangeNone is none, rangeUnusable one that no index can answer, from KeyConditions.
const (
	RangeNone RangeOp = iota
	RangeEQ
	RangeLT
	RangeLE
	RangeGT
	RangeGE
	RangeBetween
	RangeBeginsWith
	rangeUnusable
)

// rangeOpNames are the conditions as the canonical text shows them.
var rangeOpNames = [...]string{"", "=", "<", "<=", ">", ">=", "BETWEEN", "begins_with", ""}

// KeyRange is a key condition, bound to a key schema. Hash holds the value of every partition key attribute, in schema
// order. RangeEq holds the values of those sort key attributes that are bound by "=" and followed by another bound one;
// Op is the condition on the last bound sort key attribute, with its value in A, and for BETWEEN the upper bound in B.
// A lone "sk = :v" is Op RangeEQ with A; without a condition on a sort key, Op is RangeNone.
type KeyRange struct {
	Hash    []ddb.AttributeValue
	RangeEq []ddb.AttributeValue
	Op      RangeOp
	A, B    ddb.AttributeValue
}

// ParseKeyCondition reads a key condition and notes in env the placeholders it uses. The language is that of
// conditions; what of it a key condition may not use is found by Check.
func ParseKeyCondition(text string, env *Env) (*KeyCondition, *ddb.Error) {
	if k := remembered(text, env); k != nil {
		return k, nil
	}
	root, err := parseCondition(KeyConditionExpression, text, env)
	if err != nil {
		return nil, err
	}
	k := &KeyCondition{}
	k.shape = k.collect(root)
	if place := keyFormPlace(text); place != nil && k.shape == nil {
		if f := keyFormOf(text); f != nil {
			place.Store(f)
		}
	}
	return k, nil
}

// Check refuses what no key schema could make right: operators other than those on keys, two conditions on one key.
// DynamoDB does so after it has parsed all of the request's expressions and looked for unused placeholders, and before
// it looks for the table. Bind repeats it.
func (k *KeyCondition) Check() *ddb.Error {
	if k.shape != nil {
		return k.shape
	}
	if n := len(k.conds); n > ddb.MaxIndexHashKeys+ddb.MaxIndexRangeKeys {
		return tooManyKeys()
	}
	return nil
}

// tooManyKeys is the error of a condition on more keys than there can be. The text is from before keys of an index
// could have several attributes.
func tooManyKeys() *ddb.Error { return ddb.Validation("Conditions can be of length 1 or 2 only") }

// collect takes the conditions out of n.
func (k *KeyCondition) collect(n *node) *ddb.Error {
	invalid := func(name string) *ddb.Error {
		return ddb.Validation("%s", "Invalid operator used in KeyConditionExpression: "+name)
	}
	switch n.op {
	case opAnd:
		for _, kid := range n.kids {
			if err := k.collect(kid); err != nil {
				return err
			}
		}
		return nil
	case opOr, opNot, opIn, opNE:
		return invalid(n.name())
	case opCall:
		if n.args[0].call != callBeginsWith {
			return invalid(n.name())
		}
		if n.args[0].args[0].kind != operandPath {
			return notFirst(n.name())
		}
		return k.collectOne(n.args[0].args, RangeBeginsWith)
	case opBetween:
		if n.args[0].kind != operandPath {
			return notFirst(n.name())
		}
		return k.collectOne(n.args, RangeBetween)
	}
	return k.collectOne(n.args, comparisons[n.op-opEQ])
}

// notFirst is the error of a condition that has something else where its key attribute should be.
func notFirst(name string) *ddb.Error {
	return ddb.Validation("%s", "Invalid condition in KeyConditionExpression: "+name+
		" operator must have the key attribute as its first operand")
}

// comparisons are indexed by operator, from opEQ; reversed is what each becomes when its operands change places.
var (
	comparisons = [...]RangeOp{RangeEQ, RangeNone, RangeLT, RangeLE, RangeGT, RangeGE}
	reversed    = [...]RangeOp{RangeEQ: RangeEQ, RangeLT: RangeGT, RangeLE: RangeGE, RangeGT: RangeLT, RangeGE: RangeLE}
)

// collectOne adds one condition, whose operands are one top-level path and otherwise literals.
func (k *KeyCondition) collectOne(args []*operand, op RangeOp) *ddb.Error {
	c := keyCond{op: op}
	found := false
	for i, a := range args {
		switch a.kind {
		case operandCall:
			return ddb.Validation("KeyConditionExpressions cannot contain nested operations")
		case operandValue:
			c.values = append(c.values, a.value)
		case operandPath:
			if found {
				return ddb.Validation("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
			}
			if len(a.path) > 1 {
				return ddb.Validation("KeyConditionExpressions cannot have conditions on nested attributes")
			}
			found = true
			c.name = a.path[0].name
			if i > 0 {
				c.op = reversed[op]
			}
		}
	}
	if !found {
		return ddb.Validation("Invalid condition in KeyConditionExpression: No key attribute specified")
	}
	if _, again := k.on(c.name); again {
		return ddb.Validation("KeyConditionExpressions must only contain one condition per key")
	}
	k.conds = append(k.conds, c)
	return nil
}

// on is the condition on the attribute called name.
func (k *KeyCondition) on(name string) (*keyCond, bool) {
	i := slices.IndexFunc(k.conds, func(c keyCond) bool { return c.name == name })
	if i < 0 {
		return nil, false
	}
	return &k.conds[i], true
}

// TopLevelNames are the attributes that the condition is on.
func (k *KeyCondition) TopLevelNames() []string {
	names := make([]string, len(k.conds))
	for i := range k.conds {
		names[i] = k.conds[i].name
	}
	return names
}

// Bind checks the condition against a table's or an index's keys and says what they range over. kindOf gives a key
// attribute's type. There must be an equality on every partition key attribute, and sort key attributes may be bound
// from the first on without a gap, all but the last by equality. (Developer Guide, "Key condition expressions for the
// Query operation" and "Multi-attribute keys".)
func (k *KeyCondition) Bind(schema ddb.KeySchema, kindOf func(attr string) ddb.Kind) (KeyRange, *ddb.Error) {
	var r KeyRange
	if err := k.Check(); err != nil {
		return r, err
	}
	var hashRoom, rangeRoom [2]string // more are rare
	hashes, ranges := schema.AppendHashAll(hashRoom[:0]), schema.AppendRangeAll(rangeRoom[:0])
	multi := len(hashes) > 1 || len(ranges) > 1
	if len(k.conds) > 2 && !multi {
		return r, tooManyKeys()
	}
	if k.legacy && multi {
		return r, unsupported()
	}
	if len(schema) == 1 && len(k.conds) > 1 {
		return r, unsupported()
	}
	if r.Hash = k.hash; cap(r.Hash) < len(hashes) {
		r.Hash = make([]ddb.AttributeValue, 0, len(hashes))
	}
	for _, name := range hashes {
		c, ok := k.on(name)
		if !ok {
			return r, missed(name)
		}
		if err := c.check(kindOf(name), multi); err != nil {
			return r, err
		}
		if c.op != RangeEQ {
			return r, unsupported()
		}
		r.Hash = append(r.Hash, c.values[0])
	}
	bound := len(hashes)
	for _, name := range ranges {
		if bound == len(k.conds) {
			break
		}
		c, ok := k.on(name)
		if !ok {
			return r, missed(name)
		}
		if err := c.check(kindOf(name), multi); err != nil {
			return r, err
		}
		switch r.Op {
		case RangeNone:
		case RangeEQ:
			r.RangeEq = append(r.RangeEq, r.A)
		default:
			return r, unsupported()
		}
		r.Op, r.A = c.op, c.values[0]
		if c.op == RangeBetween {
			r.B = c.values[1]
		}
		bound++
	}
	if bound < len(k.conds) {
		return r, unsupported()
	}
	return r, nil
}

// unsupported is the error of a condition on keys that are there, but not in a way that can be looked up.
func unsupported() *ddb.Error { return ddb.Validation("Query key condition not supported") }

// missed is the error of a condition that leaves out the key attribute called name.
func missed(name string) *ddb.Error {
	return ddb.Validation("%s", "Query condition missed key schema element: "+name)
}

// check refuses a condition whose operator or values do not fit a key attribute of type kind. What DynamoDB says of
// begins_with on a number in a key of several attributes is assumed.
func (c *keyCond) check(kind ddb.Kind, multi bool) *ddb.Error {
	if c.op == rangeUnusable {
		return ddb.Validation("Attempted conditional constraint is not an indexable operation")
	}
	if multi && c.op == RangeBeginsWith && kind == ddb.KindN {
		return KeyConditionExpression.invalid("Incorrect operand type for operator or function; operator or function: begins_with, operand type: N")
	}
	for i := range c.values {
		if c.values[i].Kind() != kind {
			return ddb.Validation("One or more parameter values were invalid: Condition parameter type does not match schema type")
		}
	}
	return nil
}
