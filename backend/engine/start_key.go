package engine

import (
	"bytes"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// textStartKey is what every refusal of an ExclusiveStartKey's form begins with.
const textStartKey = "The provided starting key is invalid"

// checkStartValues refuses an ExclusiveStartKey with names or values that no item may have.
func checkStartValues(start ddb.Item) *ddb.Error {
	if err := checkValues(start); err != nil {
		return ddb.Validation("%s", textStartKey+": "+err.Message)
	}
	return nil
}

// startKeySize is the number of attributes in a LastEvaluatedKey, and so in an ExclusiveStartKey, of idx, or of t
// itself when idx is nil.
func startKeySize(t *table, idx *index) int {
	n := len(t.desc.KeySchema)
	if idx != nil {
		for _, e := range idx.KeySchema {
			if !t.desc.KeySchema.Has(e.AttributeName) {
				n++
			}
		}
	}
	return n
}

// lastKey is the LastEvaluatedKey after item: the table's key and, for an index, the index's.
func lastKey(t *table, idx *index, item ddb.Item) ddb.Item {
	key := make([]ddb.Attribute, 0, startKeySize(t, idx))
	for _, a := range item {
		if t.desc.KeySchema.Has(a.Name) || idx != nil && idx.KeySchema.Has(a.Name) {
			key = append(key, a)
		}
	}
	return key
}

// checkStartSchema refuses an ExclusiveStartKey that lacks an attribute of schema, the key of the table or index
// read, or has one that no key there can have.
func checkStartSchema(t *table, schema ddb.KeySchema, start ddb.Item) *ddb.Error {
	for _, e := range schema {
		v, ok := start.Get(e.AttributeName)
		if !ok {
			return ddb.Validation(textStartKey)
		}
		if v.Kind() != t.desc.AttributeKind(e.AttributeName) {
			return ddb.Validation(textSchemaMismatch)
		}
		if err := checkKeyValue(e, v); err != nil {
			return err
		}
	}
	return nil
}

// checkStartTableKey refuses an ExclusiveStartKey whose attributes of t's own key are none.
func checkStartTableKey(t *table, start ddb.Item) *ddb.Error {
	key, ok := t.desc.KeySchema.KeyOf(start)
	if !ok {
		return ddb.Validation(textStartKey + ": " + textSchemaMismatch)
	}
	if err := checkKey(t, key); err != nil {
		return ddb.Validation("%s", textStartKey+": "+err.Message)
	}
	return nil
}

// checkQueryStart refuses an ExclusiveStartKey that a Query for r could not have given as a LastEvaluatedKey. It has
// passed checkStartSchema.
func checkQueryStart(t *table, idx *index, schema ddb.KeySchema, r expr.KeyRange, start ddb.Item) *ddb.Error {
	const once = "The query can return at most one row and cannot be restarted"
	if err := checkStartTableKey(t, start); err != nil {
		return err
	}
	samePartition := true
	for i, name := range schema.HashAll() {
		v, _ := start.Get(name)
		samePartition = samePartition && ddb.Equal(v, r.Hash[i])
	}
	if len(r.RangeEq) == 0 && r.Op == expr.RangeNone {
		switch {
		case !samePartition:
			return ddb.Validation("The provided starting key is outside query boundaries based on provided conditions")
		case idx == nil && schema.Range() == "":
			return ddb.Validation(once)
		}
		return nil
	}
	if !inRange(schema, r, start) {
		return ddb.Validation("The provided starting key does not match the range key predicate")
	}
	if !samePartition {
		return ddb.Validation(once)
	}
	return nil
}

// inRange reports whether the sort key attributes of key satisfy r.
func inRange(schema ddb.KeySchema, r expr.KeyRange, key ddb.Item) bool {
	names := schema.RangeAll()
	for i, want := range r.RangeEq {
		v, _ := key.Get(names[i])
		if !ddb.Equal(v, want) {
			return false
		}
	}
	if r.Op == expr.RangeNone {
		return true
	}
	v, _ := key.Get(names[len(r.RangeEq)])
	lower, upper := rangeBounds(nil, r.Op, r.A, r.B)
	at := ddb.AppendKeyValue(nil, v)
	return bytes.Compare(at, lower) >= 0 && (upper == nil || bytes.Compare(at, upper) < 0)
}
