// Package expr is DynamoDB's expression language: conditions, filters, key conditions, projections and updates,
// and the older parameters that say the same (Expected, KeyConditions, AttributeUpdates and their kin).
//
// A text is parsed once, against the request's placeholders, into an immutable tree; the tree is then applied to
// any number of items, by any number of goroutines. Everything that DynamoDB refuses before it looks at an item is
// refused here with its text, byte for byte, and in its order: syntax first, then the checks over the whole
// expression, then those within each condition. Where that order or a text was not to be had from the
// documentation or from the answers of the live service, the comment says "assumed".
//
// The package never touches a table: key schemas and item images are passed in.
package expr

import "millrace/ddb"

// Kind is the request parameter that an expression came in. It opens every message about it.
type Kind uint8

// The five parameters, and bare for what is built without a text: its messages name no parameter.
const (
	ConditionExpression Kind = iota
	FilterExpression
	KeyConditionExpression
	ProjectionExpression
	UpdateExpression
	bare
)

// kindNames are the parameters as they stand in a request, indexed by Kind.
var kindNames = [...]string{
	"ConditionExpression", "FilterExpression", "KeyConditionExpression", "ProjectionExpression", "UpdateExpression", "",
}

// String is the parameter's name, such as "FilterExpression".
func (k Kind) String() string { return kindNames[k] }

// invalid is the ValidationException of an expression of kind k that is refused for reason.
func (k Kind) invalid(reason string) *ddb.Error {
	if k == bare {
		return ddb.Validation("%s", reason)
	}
	return ddb.Validation("%s", "Invalid "+kindNames[k]+": "+reason)
}

// checkText refuses what is not worth reading: an empty expression and one of more than 4096 bytes.
// That blanks alone count as empty is assumed.
func (k Kind) checkText(text string) *ddb.Error {
	if len(text) > ddb.MaxExpressionBytes {
		return ddb.Validation("Invalid %s: Expression size has exceeded the maximum allowed size; expression size: %d",
			k, len(text))
	}
	for i := 0; i < len(text); i++ {
		if !isSpace(text[i]) {
			return nil
		}
	}
	return k.invalid("The expression can not be empty;")
}
