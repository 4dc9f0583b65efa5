package expr

import (
	"slices"
	"strings"

	"millrace/ddb"
)

// Env is a request's ExpressionAttributeNames and ExpressionAttributeValues. All expressions of a request are parsed
// against one Env, which remembers the placeholders they used. It is not for concurrent use.
type Env struct {
	names  ddb.Names
	values ddb.Values
	used   []string // each once, while they are few
	many   map[string]struct{}
	room   [fewPlaceholders]string
	// key is memory for a key condition of a remembered form, made by the first and used again after Reset.
	key *keyMemory
}

// fewPlaceholders is how many are told apart by looking at all of them.
const fewPlaceholders = 8

// NewEnv is the Env of a request; nil maps are parameters that were not sent. The maps are read, never changed.
func NewEnv(names ddb.Names, values ddb.Values) *Env {
	e := &Env{}
	e.Reset(names, values)
	return e
}

// Reset makes e the Env of another request. Nothing of what was parsed against it before may be used any more.
func (e *Env) Reset(names ddb.Names, values ddb.Values) {
	*e = Env{names: names, values: values, key: e.key}
	e.used = e.room[:0]
	if e.key != nil {
		*e.key = keyMemory{}
	}
}

// Supplied tells whether an expression that the operation has was sent.
type Supplied struct {
	Kind    Kind
	Present bool
}

// CheckSupplied is CheckPresence and then CheckPlaceholders. List the operation's expressions in the order in which
// DynamoDB names them: for Query the filter before the key condition, for UpdateItem the update first.
func (e *Env) CheckSupplied(exprs ...Supplied) *ddb.Error {
	if err := e.CheckPresence(exprs...); err != nil {
		return err
	}
	return e.CheckPlaceholders()
}

// CheckPresence refuses placeholders in a request without an expression that could use them. DynamoDB does so
// before the operation's own parameter rules, and CheckPlaceholders after them.
func (e *Env) CheckPresence(exprs ...Supplied) *ddb.Error {
	sent, valued := false, false
	var absent []string
	for _, x := range exprs {
		sent = sent || x.Present
		if x.Kind == ProjectionExpression {
			continue
		}
		valued = valued || x.Present
		absent = append(absent, x.Kind.String())
	}
	if e.names != nil && !sent {
		return ddb.Validation("ExpressionAttributeNames can only be specified when using expressions")
	}
	if e.values != nil && !valued && len(absent) > 0 {
		verb := " is null"
		if len(absent) > 1 {
			verb = " are null"
		}
		return ddb.Validation("%s", "ExpressionAttributeValues can only be specified when using expressions: "+
			strings.Join(absent, " and ")+verb)
	}
	return nil
}

// CheckPlaceholders refuses empty maps, malformed placeholders and bad values. Of several it reports the first in the
// order of the placeholders; DynamoDB's order is that of its hash map.
func (e *Env) CheckPlaceholders() *ddb.Error {
	if e.names != nil {
		if err := checkKeys("ExpressionAttributeNames", '#', e.names); err != nil {
			return err
		}
		var room [fewPlaceholders]string
		for _, k := range appendSorted(room[:0], e.names) {
			if e.names[k] == "" {
				return ddb.Validation("%s", "ExpressionAttributeNames contains invalid value: Empty attribute name for key "+k)
			}
		}
	}
	if e.values != nil {
		if err := checkKeys("ExpressionAttributeValues", ':', e.values); err != nil {
			return err
		}
		var room [fewPlaceholders]string
		for _, k := range appendSorted(room[:0], e.values) {
			if v := e.values[k]; v.Kind() == ddb.KindInvalid {
				return ddb.Validation("%s", "ExpressionAttributeValues contains invalid value: "+v.InvalidMessage()+" for key "+k)
			}
		}
	}
	return nil
}

// checkKeys refuses an empty map and keys that are no placeholders. The text for one that is too long is the API's
// own for such a map; where it appears is assumed.
func checkKeys[V any](param string, sigil byte, m map[string]V) *ddb.Error {
	if len(m) == 0 {
		return ddb.Validation("%s", param+" must not be empty")
	}
	var room [fewPlaceholders]string
	for _, k := range appendSorted(room[:0], m) {
		if !isPlaceholder(k, sigil) {
			return ddb.Validation("%s", param+` contains invalid key: Syntax error; key: "`+k+`"`)
		}
		if len(k) > ddb.MaxPlaceholderBytes {
			return ddb.Validation("%s", param+" contains invalid key: The expression attribute map contains a key that is too long; key: \""+k+`"`)
		}
	}
	return nil
}

// sortedKeys are the keys of m in order.
func sortedKeys[V any](m map[string]V) []string { return appendSorted(nil, m) }

// appendSorted appends the keys of m in order; most maps have few.
func appendSorted[V any](dst []string, m map[string]V) []string {
	for k := range m {
		dst = append(dst, k)
	}
	slices.Sort(dst)
	return dst
}

// Unused refuses placeholders that none of the expressions parsed so far has used. Call it after the last one.
func (e *Env) Unused() *ddb.Error {
	if len(e.used)+len(e.many) == len(e.names)+len(e.values) {
		return nil
	}
	if err := unused("ExpressionAttributeNames", e.names, e); err != nil {
		return err
	}
	return unused("ExpressionAttributeValues", e.values, e)
}

// unused lists the keys of m that were not used.
func unused[V any](param string, m map[string]V, e *Env) *ddb.Error {
	var left []string
	for k := range m {
		if !e.uses(k) {
			left = append(left, k)
		}
	}
	if left == nil {
		return nil
	}
	slices.Sort(left)
	return ddb.Validation("%s", "Value provided in "+param+" unused in expressions: keys: {"+strings.Join(left, ", ")+"}")
}

// name resolves the placeholder of an attribute name.
func (e *Env) name(kind Kind, placeholder string) (string, *ddb.Error) {
	n, ok := e.names[placeholder]
	if !ok {
		return "", kind.invalid("An expression attribute name used in the document path is not defined; attribute name: " + placeholder)
	}
	e.use(placeholder)
	return n, nil
}

// value resolves the placeholder of a value.
func (e *Env) value(kind Kind, placeholder string) (ddb.AttributeValue, *ddb.Error) {
	v, ok := e.values[placeholder]
	if !ok {
		return v, kind.invalid("An expression attribute value used in expression is not defined; attribute value: " + placeholder)
	}
	e.use(placeholder)
	return v, nil
}

// use remembers that a placeholder was used. Names and values cannot be mistaken for each other: the first byte tells.
func (e *Env) use(placeholder string) {
	if e.uses(placeholder) {
		return
	}
	if len(e.used) < fewPlaceholders {
		e.used = append(e.used, placeholder)
		return
	}
	if e.many == nil {
		e.many = make(map[string]struct{}, len(e.names)+len(e.values)-fewPlaceholders)
	}
	e.many[placeholder] = struct{}{}
}

// uses reports whether a placeholder was used.
func (e *Env) uses(placeholder string) bool {
	if slices.Contains(e.used, placeholder) {
		return true
	}
	_, ok := e.many[placeholder]
	return ok
}
