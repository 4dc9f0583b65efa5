package ddb

import "reflect"

// Upstream may be newer than this build, or keep to no model at all: an answer may have members, data types and values that
// the shapes here do not know. It can be handed on, but must not be given again from what was understood of it, nor be
// taken for what it does not say. These are the doors to what is cached.

// WholeOutputAs is OutputAs for an answer whose typed output is taken in its place: it reports false unless that says all
// that the answer says. What an answer cost may have parts that nobody knows.
func WholeOutputAs[T any](r *Response) (*T, bool) {
	out, err := OutputAs[T](r)
	if err != nil || r.partial {
		return nil, false
	}
	return out, true
}

// Partial reports whether the request says more than its typed input, which was decoded: what the backend makes of it is then
// not known.
func (r *Request) Partial() bool { return r.partial }

// Repeated reports whether the request, which was decoded, gives a member or an attribute more than once. Here the last one counts; which
// one counts for the backend is not known.
func (r *Request) Repeated() bool { return r.repeated }

// writeAnswers are the outputs of operations that change items.
var writeAnswers = [NumOperations]reflect.Type{
	BatchExecuteStatement: reflect.TypeFor[BatchExecuteStatementOutput](),
	BatchWriteItem:        reflect.TypeFor[BatchWriteItemOutput](),
	DeleteItem:            reflect.TypeFor[DeleteItemOutput](),
	ExecuteStatement:      reflect.TypeFor[ExecuteStatementOutput](),
	ExecuteTransaction:    reflect.TypeFor[ExecuteTransactionOutput](),
	PutItem:               reflect.TypeFor[PutItemOutput](),
	TransactWriteItems:    reflect.TypeFor[TransactWriteItemsOutput](),
	UpdateItem:            reflect.TypeFor[UpdateItemOutput](),
}

// IsWriteAnswer reports whether r can be DynamoDB's answer to an operation that changes items: an object with no members
// but the operation's, whatever they hold. Somebody else's page, or half an answer, does not tell that anything was
// written. Of other operations nothing is said.
func IsWriteAnswer(op Operation, r *Response) bool {
	if r.body == nil || writeAnswers[op] == nil || string(r.body) == "{}" {
		return true
	}
	known := shapeOf(writeAnswers[op]).byName
	s := scanner{text: borrowedText(r.body), lax: true}
	if s.peek() != '{' {
		return false
	}
	s.pos++
	for first := true; ; first = false {
		name, more, ok := s.key(first)
		if !ok {
			return false
		}
		if !more {
			return s.end()
		}
		if _, ok := known[name]; !ok || !s.skip() {
			return false
		}
	}
}

// ParseWholeItem is ParseItemJSON for an item that is taken in the place of its text: it reports false unless it holds all that
// b says.
func ParseWholeItem(b []byte) (Item, bool) {
	it, partial, err := parseItem(b)
	return it, err == nil && !partial
}
