package partiql

import "millrace/ddb"

// Effect is what one statement may change.
type Effect struct {
	// Writes is false for what only reads; the rest is empty then.
	Writes bool
	// Table is the table written to, by name or ARN.
	Table string
	// Item has the primary key of the item written, among other attributes: what an INSERT puts, or everything that the
	// WHERE clause of another statement says an attribute is equal to.
	Item ddb.Item
}

// Classify tells what a statement may change without knowing its table. An error is what DynamoDB says of a text that
// is no statement, and would say of this one if it reads it as this package does, or that the statement gives an attribute twice: who
// cannot rely on that must take the statement for one that may change anything.
func Classify(text string, parameters []ddb.AttributeValue) (Effect, *ddb.Error) {
	s, err := Parse(text)
	if err != nil || !s.Verb.Writes() {
		return Effect{}, err
	}
	e := Effect{Writes: true, Table: s.Table}
	if s.Verb == Insert {
		e.Item, err = s.Item(parameters)
		if err == nil && s.value.kind == nodeStruct && len(e.Item) < len(s.value.kids)/2 {
			err = errTwice
		}
		return e, err
	}
	b := &binder{parameters: parameters}
	for _, n := range conjuncts(s.where) {
		name, value := equated(n)
		if value == nil {
			continue
		}
		v, err := b.value(value)
		if err != nil {
			return e, err
		}
		if _, again := e.Item.Get(name); again {
			return e, errTwice
		}
		e.Item = e.Item.With(name, v)
	}
	return e, nil
}

// errTwice is why it is not known which item a statement writes. It goes to nobody.
var errTwice = ddb.Validation("An attribute is given more than once")
