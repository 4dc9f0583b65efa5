package engine

import (
	"millrace/ddb"
	"millrace/ddb/expr"
)

// expressions checks and parses the expressions of one request, and keeps the operation's own rules in their place
// among the checks: require, begin, the parse methods in DynamoDB's order, finish. The first fault stays in err and
// makes the later calls do nothing.
type expressions struct {
	env *expr.Env
	err *ddb.Error
}

// newExpressions starts on a request whose names and values these are; sent are the expressions that it could have
// had, in the order in which DynamoDB's messages list them.
func newExpressions(names ddb.Names, values ddb.Values, sent ...expr.Supplied) *expressions {
	env := expr.NewEnv(names, values)
	return &expressions{env: env, err: env.CheckPresence(sent...)}
}

// require adds the outcome of one of the operation's own rules, nil if it is kept.
func (x *expressions) require(err *ddb.Error) {
	if x.err == nil {
		x.err = err
	}
}

// begin checks the placeholders, after the operation's own rules.
func (x *expressions) begin() { x.require(x.env.CheckPlaceholders()) }

// condition parses a condition or a filter; nil text is none.
func (x *expressions) condition(kind expr.Kind, text *string) *expr.Condition {
	if x.err != nil || text == nil {
		return nil
	}
	return x.checkedCondition(expr.ParseCondition(kind, *text, x.env))
}

// expected translates Expected and ConditionalOperator, of a request that has no ConditionExpression.
func (x *expressions) expected(expected map[string]ddb.ExpectedAttributeValue, operator *string) *expr.Condition {
	if x.err != nil || expected == nil && operator == nil {
		return nil
	}
	return x.checkedCondition(expr.ParseExpected(expected, operator))
}

// filter translates QueryFilter or ScanFilter and ConditionalOperator, of a request that has no FilterExpression.
func (x *expressions) filter(filter map[string]ddb.Condition, operator *string) *expr.Condition {
	if x.err != nil || filter == nil && operator == nil {
		return nil
	}
	return x.checkedCondition(expr.ParseFilter(filter, operator))
}

// checkedCondition takes what a parser returned and checks the names in it.
func (x *expressions) checkedCondition(c *expr.Condition, err *ddb.Error) *expr.Condition {
	x.require(err)
	if x.err == nil && c != nil {
		x.checkNames(c.TopLevelNames())
	}
	return c
}

// projection parses a ProjectionExpression or AttributesToGet, of which there is one at most; nil is all.
func (x *expressions) projection(text *string, attributes []string) *expr.Projection {
	if x.err != nil || text == nil && attributes == nil {
		return nil
	}
	var p *expr.Projection
	if text != nil {
		p, x.err = expr.ParseProjection(*text, x.env)
	} else {
		p, x.err = expr.ParseAttributesToGet(attributes)
	}
	if x.err == nil {
		x.checkNames(p.TopLevelNames())
	}
	return p
}

// update parses an UpdateExpression or AttributeUpdates, of which there is one at most; nil is none.
func (x *expressions) update(text *string, attributes map[string]ddb.AttributeValueUpdate) *expr.Update {
	if x.err != nil || text == nil && attributes == nil {
		return nil
	}
	var u *expr.Update
	if text != nil {
		u, x.err = expr.ParseUpdate(*text, x.env)
	} else {
		u, x.err = expr.ParseAttributeUpdates(attributes)
	}
	if x.err == nil {
		x.checkNames(u.TopLevelNames())
	}
	return u
}

// keyCondition parses a KeyConditionExpression or KeyConditions.
func (x *expressions) keyCondition(text *string, conditions map[string]ddb.Condition) *expr.KeyCondition {
	if x.err != nil {
		return nil
	}
	var k *expr.KeyCondition
	switch {
	case text != nil:
		k, x.err = expr.ParseKeyCondition(*text, x.env)
	case conditions != nil:
		k, x.err = expr.ParseKeyConditions(conditions)
	default:
		x.err = ddb.Validation("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	return k
}

// checkNames refuses paths that begin with a name no attribute may have.
func (x *expressions) checkNames(names []string) {
	for _, name := range names {
		x.require(checkName(name))
	}
}

// finish returns the first fault; without one it refuses names and values that no expression used.
func (x *expressions) finish() *ddb.Error {
	if x.err != nil {
		return x.err
	}
	return x.env.Unused()
}
