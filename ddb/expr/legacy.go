package expr

import (
	"slices"

	"millrace/ddb"
)

// The parameters from before there were expressions, translated to the same trees. Each has validation texts of its own.
// Where a map holds several faults, the first in the order of attribute names is reported; DynamoDB's order is that of
// its hash map. (Developer Guide, "Legacy conditional parameters".)

// legacyOperator is what the parser must know of a ComparisonOperator.
type legacyOperator struct {
	arguments int // how many values it takes; -1 for one or more
	kinds     []ddb.Kind
	key       RangeOp
	build     func(attribute *operand, values []*operand) *node
}

// The types that operators take. nil is any.
var (
	orderedKinds = []ddb.Kind{ddb.KindS, ddb.KindN, ddb.KindB}
	prefixKinds  = []ddb.Kind{ddb.KindS, ddb.KindB}
	scalarKinds  = []ddb.Kind{ddb.KindS, ddb.KindN, ddb.KindB, ddb.KindBOOL, ddb.KindNULL}
)

// legacyOperators are the ComparisonOperators. Those whose key is rangeUnusable cannot be answered by an index.
var legacyOperators = map[string]legacyOperator{
	"EQ":           {1, nil, RangeEQ, compareBy(opEQ)},
	"NE":           {1, nil, rangeUnusable, compareBy(opNE)},
	"LE":           {1, orderedKinds, RangeLE, compareBy(opLE)},
	"LT":           {1, orderedKinds, RangeLT, compareBy(opLT)},
	"GE":           {1, orderedKinds, RangeGE, compareBy(opGE)},
	"GT":           {1, orderedKinds, RangeGT, compareBy(opGT)},
	"BETWEEN":      {2, orderedKinds, RangeBetween, compareBy(opBetween)},
	"IN":           {-1, orderedKinds, rangeUnusable, compareBy(opIn)},
	"NULL":         {0, nil, rangeUnusable, callBy(callAttributeNotExists)},
	"NOT_NULL":     {0, nil, rangeUnusable, callBy(callAttributeExists)},
	"CONTAINS":     {1, scalarKinds, rangeUnusable, callBy(callContains)},
	"NOT_CONTAINS": {1, scalarKinds, rangeUnusable, callBy(callNotContains)},
	"BEGINS_WITH":  {1, prefixKinds, RangeBeginsWith, callBy(callBeginsWith)},
}

// compareBy builds a comparison.
func compareBy(op operator) func(*operand, []*operand) *node {
	return func(attribute *operand, values []*operand) *node {
		return &node{op: op, args: append([]*operand{attribute}, values...)}
	}
}

// callBy builds a condition that is one function call.
func callBy(f function) func(*operand, []*operand) *node {
	return func(attribute *operand, values []*operand) *node {
		call := &operand{kind: operandCall, text: functions[f].name, call: f, args: append([]*operand{attribute}, values...)}
		return &node{op: opCall, args: []*operand{call}}
	}
}

// attributeOperand is the top-level attribute called name. A dot in it is a dot.
func attributeOperand(name string) *operand {
	return &operand{kind: operandPath, path: path{{name: name, index: -1}}}
}

// invalidParameter is the error of a parameter that contradicts itself.
func invalidParameter(reason string) *ddb.Error {
	return ddb.Validation("%s", "One or more parameter values were invalid: "+reason)
}

// checkLegacyValue refuses a value that is none.
func checkLegacyValue(v *ddb.AttributeValue) *ddb.Error {
	if v != nil && v.Kind() == ddb.KindInvalid {
		return ddb.Validation("%s", v.InvalidMessage())
	}
	return nil
}

// checkComparison refuses the wrong number or types of values for a ComparisonOperator.
func checkComparison(name string, values []ddb.AttributeValue) (*legacyOperator, *ddb.Error) {
	op, ok := legacyOperators[name]
	if !ok {
		return nil, invalidParameter("Unknown ComparisonOperator: " + name)
	}
	for i := range values {
		if err := checkLegacyValue(&values[i]); err != nil {
			return nil, err
		}
	}
	if len(values) != op.arguments && (op.arguments >= 0 || len(values) == 0) {
		return nil, invalidParameter("Invalid number of argument(s) for the " + name + " ComparisonOperator")
	}
	for i := range values {
		if values[i].Kind() != values[0].Kind() {
			return nil, invalidParameter("AttributeValues inside AttributeValueList must be of same type")
		}
	}
	for i := range values {
		if op.kinds != nil && !slices.Contains(op.kinds, values[i].Kind()) {
			return nil, invalidParameter("ComparisonOperator " + name + " is not valid for " + values[i].Kind().String() + " AttributeValue type")
		}
	}
	if op.key == RangeBetween {
		if c, _ := ddb.Compare(values[0], values[1]); c > 0 {
			return nil, ddb.Validation("The BETWEEN condition was provided a range where the lower bound is greater than the upper bound")
		}
	}
	return &op, nil
}

// node is the condition that the attribute called name compares so with values.
func (op *legacyOperator) node(name string, values []ddb.AttributeValue) *node {
	operands := make([]*operand, len(values))
	for i := range values {
		operands[i] = &operand{kind: operandValue, value: values[i]}
	}
	return op.build(attributeOperand(name), operands)
}

// combine joins conditions as ConditionalOperator says; nil is AND.
func combine(nodes []*node, conditionalOperator *string) (*Condition, *ddb.Error) {
	if len(nodes) == 0 {
		if conditionalOperator != nil {
			return nil, ddb.Validation("ConditionalOperator cannot be used without Filter or Expected")
		}
		return nil, nil
	}
	if len(nodes) == 1 {
		return &Condition{root: nodes[0]}, nil
	}
	op := opAnd
	if conditionalOperator != nil && *conditionalOperator == "OR" {
		op = opOr
	}
	return &Condition{root: &node{op: op, kids: nodes}}, nil
}

// ParseExpected translates Expected and ConditionalOperator. Without an expectation the condition is nil, which every
// item meets.
func ParseExpected(expected map[string]ddb.ExpectedAttributeValue, conditionalOperator *string) (*Condition, *ddb.Error) {
	nodes := make([]*node, 0, len(expected))
	for _, name := range sortedKeys(expected) {
		x := expected[name]
		n, err := parseExpected(name, &x)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return combine(nodes, conditionalOperator)
}

// parseExpected translates what is expected of one attribute.
func parseExpected(name string, x *ddb.ExpectedAttributeValue) (*node, *ddb.Error) {
	forAttribute := func(reason string) *ddb.Error { return invalidParameter(reason + " for Attribute: " + name) }
	if err := checkLegacyValue(x.Value); err != nil {
		return nil, err
	}
	if x.AttributeValueList != nil && x.Value != nil {
		return nil, forAttribute("Value and AttributeValueList cannot be used together")
	}
	if x.ComparisonOperator != nil {
		comparison := *x.ComparisonOperator
		if x.Exists != nil {
			return nil, forAttribute("Exists and ComparisonOperator cannot be used together")
		}
		values := x.AttributeValueList
		if x.Value != nil {
			values = []ddb.AttributeValue{*x.Value}
		}
		if values == nil && comparison != "NULL" && comparison != "NOT_NULL" {
			return nil, forAttribute("Value or AttributeValueList must be used with ComparisonOperator: " + comparison)
		}
		op, err := checkComparison(comparison, values)
		if err != nil {
			return nil, err
		}
		return op.node(name, values), nil
	}
	switch {
	case x.AttributeValueList != nil:
		return nil, forAttribute("AttributeValueList can only be used with a ComparisonOperator")
	case x.Exists != nil && !*x.Exists:
		if x.Value != nil {
			return nil, forAttribute("Value cannot be used when Exists is false")
		}
		return callBy(callAttributeNotExists)(attributeOperand(name), nil), nil
	case x.Value == nil && x.Exists != nil:
		return nil, forAttribute("Value must be provided when Exists is true")
	case x.Value == nil:
		return nil, forAttribute("Value must be provided when Exists is null")
	}
	return compareBy(opEQ)(attributeOperand(name), []*operand{{kind: operandValue, value: *x.Value}}), nil
}

// ParseFilter translates QueryFilter or ScanFilter and ConditionalOperator. Without a filter the condition is nil,
// which every item meets.
func ParseFilter(filter map[string]ddb.Condition, conditionalOperator *string) (*Condition, *ddb.Error) {
	nodes := make([]*node, 0, len(filter))
	for _, name := range sortedKeys(filter) {
		c := filter[name]
		op, err := checkComparison(comparisonOf(c), c.AttributeValueList)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, op.node(name, c.AttributeValueList))
	}
	return combine(nodes, conditionalOperator)
}

// comparisonOf is c's operator. The request's constraints have seen to it that there is one.
func comparisonOf(c ddb.Condition) string {
	if c.ComparisonOperator == nil {
		return ""
	}
	return *c.ComparisonOperator
}

// ParseKeyConditions translates KeyConditions. What is wrong with them whatever the keys are is found here.
func ParseKeyConditions(conditions map[string]ddb.Condition) (*KeyCondition, *ddb.Error) {
	k := &KeyCondition{legacy: true}
	for _, name := range sortedKeys(conditions) {
		c := conditions[name]
		op, err := checkComparison(comparisonOf(c), c.AttributeValueList)
		if err != nil {
			return nil, err
		}
		k.conds = append(k.conds, keyCond{name: name, op: op.key, values: c.AttributeValueList})
	}
	if len(k.conds) != 1 && len(k.conds) != 2 {
		return nil, tooManyKeys()
	}
	return k, nil
}

// ParseAttributesToGet translates AttributesToGet, whose names are whole attributes: a dot in one is a dot.
func ParseAttributesToGet(names []string) (*Projection, *ddb.Error) {
	paths := make([]path, len(names))
	seen := make(map[string]struct{}, len(names))
	for i, n := range names {
		if _, again := seen[n]; again {
			return nil, invalidParameter("Duplicate value in attribute name: " + n)
		}
		seen[n] = struct{}{}
		paths[i] = path{{name: n, index: -1}}
	}
	return newProjection(paths), nil
}

// ParseAttributeUpdates translates AttributeUpdates. An empty map is an update that does nothing but create the item.
func ParseAttributeUpdates(updates map[string]ddb.AttributeValueUpdate) (*Update, *ddb.Error) {
	actions := make([]action, 0, len(updates))
	for _, name := range sortedKeys(updates) {
		x := updates[name]
		a, err := parseAttributeUpdate(&x)
		if err != nil {
			return nil, err
		}
		a.path = path{{name: name, index: -1}}
		if a.verb != verbRemove {
			a.left = &operand{kind: operandValue, value: *x.Value}
		}
		actions = append(actions, a)
	}
	return newUpdate(actions, true), nil
}

// parseAttributeUpdate checks one update and finds its verb.
func parseAttributeUpdate(x *ddb.AttributeValueUpdate) (action, *ddb.Error) {
	if err := checkLegacyValue(x.Value); err != nil {
		return action{}, err
	}
	name := "PUT"
	if x.Action != nil {
		name = *x.Action
	}
	if x.Value == nil {
		if name != "DELETE" {
			return action{}, invalidParameter("Only DELETE action is allowed when no attribute value is specified")
		}
		return action{verb: verbRemove}, nil
	}
	switch k := x.Value.Kind(); name {
	case "ADD":
		if !k.IsSet() && k != ddb.KindN && k != ddb.KindL {
			return action{}, invalidParameter("ADD action is not supported for the type " + k.String())
		}
		return action{verb: verbAdd}, nil
	case "DELETE":
		if !k.IsSet() {
			return action{}, invalidParameter("DELETE action with value is not supported for the type " + k.String())
		}
		return action{verb: verbDelete}, nil
	}
	return action{verb: verbSet}, nil
}
