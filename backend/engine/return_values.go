package engine

import (
	"millrace/ddb"
	"millrace/ddb/expr"
)

// returnsOldOnly refuses the ReturnValues that PutItem and DeleteItem do not know: only NONE and ALL_OLD are theirs.
// (API Reference, PutItem: ReturnValues.)
func returnsOldOnly(mode *string) *ddb.Error {
	if mode == nil || *mode == "NONE" || *mode == "ALL_OLD" {
		return nil
	}
	return ddb.Validation("ReturnValues can only be ALL_OLD or NONE")
}

// returnedValues is the Attributes member of a write's answer: what mode asks for of m, whose touched paths an
// UpdateItem tells in touched (nil when it changed none). It is nil, so that the member is left out, when there is
// nothing to return.
func returnedValues(mode *string, m mutation, touched *expr.Touched) ddb.Item {
	if mode == nil {
		return nil
	}
	var out ddb.Item
	switch *mode {
	case "ALL_OLD":
		out = m.old
	case "ALL_NEW":
		out = m.new
	case "UPDATED_OLD":
		if touched != nil && m.hadOld {
			out = touched.Select(m.old)
		}
	case "UPDATED_NEW":
		if touched != nil && m.hasNew {
			out = touched.Select(m.new)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// conditionFailed is the refusal of a write whose condition does not hold for old; mode is its
// ReturnValuesOnConditionCheckFailure.
func conditionFailed(mode *string, old ddb.Item, exists bool) *ddb.Error {
	if exists && mode != nil && *mode == "ALL_OLD" {
		return ddb.ConditionalCheckFailed(old, true)
	}
	return ddb.ConditionalCheckFailed(nil, false)
}
