package engine

import (
	"millrace/ddb"
	"millrace/ddb/expr"
)

// conditioned are the parameters that PutItem and DeleteItem have alike.
type conditioned struct {
	expected             map[string]ddb.ExpectedAttributeValue
	operator, expression *string
	names                ddb.Names
	values               ddb.Values
	returns              *string
}

// check checks them and the item or key that is sent with them, in DynamoDB's order, and gives the condition, nil for none. more are what else
// the item must comply with.
func (c *conditioned) check(sent ddb.Item, more ...func(ddb.Item) *ddb.Error) (*expr.Condition, *ddb.Error) {
	bad := mixedParameters(
		[]parameter{{"Expected", c.expected != nil}, {"ConditionalOperator", c.operator != nil}},
		[]parameter{{"ConditionExpression", c.expression != nil}})
	if bad == nil {
		bad = checkValues(sent)
	}
	if bad != nil {
		return nil, bad
	}
	x := newExpressions(c.names, c.values, expr.Supplied{Kind: expr.ConditionExpression, Present: c.expression != nil})
	x.require(returnsOldOnly(c.returns))
	for _, check := range more {
		x.require(check(sent))
	}
	condition := x.expected(c.expected, c.operator)
	x.begin()
	if c.expression != nil {
		condition = x.condition(expr.ConditionExpression, c.expression)
	}
	return condition, x.finish()
}
