package engine

import (
	"slices"
	"strings"

	"millrace/ddb"
)

// The order in which DynamoDB looks for faults in a request of the data plane, and who looks here:
//
//  1. JSON types and the constraint list: ddb.InputAs.
//  2. Parameters of both generations in one request: mixedParameters.
//  3. Attribute values of keys and items: checkValues.
//  4. Names and values without an expression: newExpressions. Then the rules of one operation, such as Segment with
//     TotalSegments, and the size of a put item: expressions.require.
//  5. Names and values, the expressions' syntax and the use of every name and value: expressions.
//  6. The table, its index, the key's schema and the sizes of key attributes: checkKey, checkItemKeys.
//  7. The condition, the update, and the size of what it made: under the item's lock.

// The texts that several checks share.
const (
	textSchemaMismatch = "The provided key element does not match the schema"
	textInvalid        = "One or more parameter values were invalid: "
	textNotValid       = "One or more parameter values are not valid. "
)

// checkValues refuses names and values that no item may have: step 3.
func checkValues(it ddb.Item) *ddb.Error {
	for _, a := range it {
		if err := checkName(a.Name); err != nil {
			return err
		}
		if a.Value.Kind() == ddb.KindInvalid {
			return ddb.Validation("%s", a.Value.InvalidMessage())
		}
	}
	return nil
}

// checkName refuses a name that no attribute may have.
func checkName(name string) *ddb.Error {
	switch {
	case name == "":
		return ddb.Validation(textInvalid + "Empty attribute name")
	case len(name) > ddb.MaxAttributeNameBytes:
		return ddb.Validation(textInvalid + "Attribute name is too large, must be less than 65536 bytes")
	}
	return nil
}

// checkPutSize refuses an item that is too large to put: step 4, before the table is looked up.
func checkPutSize(it ddb.Item) *ddb.Error {
	if it.Size() > ddb.MaxItemBytes {
		return ddb.Validation("Item size has exceeded the maximum allowed size")
	}
	return nil
}

// checkKey refuses a Key that is not exactly t's primary key, or whose values are too long or empty.
func checkKey(t *table, key ddb.Item) *ddb.Error {
	if len(key) != len(t.desc.KeySchema) {
		return ddb.Validation(textSchemaMismatch)
	}
	for _, e := range t.desc.KeySchema {
		v, ok := key.Get(e.AttributeName)
		if !ok || v.Kind() != t.desc.AttributeKind(e.AttributeName) {
			return ddb.Validation(textSchemaMismatch)
		}
	}
	return checkKeyValues(t, key)
}

// checkKeyValues refuses primary key values that are empty or too long. it has them all, in the right kinds.
func checkKeyValues(t *table, it ddb.Item) *ddb.Error {
	for _, e := range t.desc.KeySchema {
		v, _ := it.Get(e.AttributeName)
		if err := checkKeyValue(e, v); err != nil {
			return err
		}
	}
	return nil
}

// checkKeyValue refuses a value for the key attribute e that is empty or too long.
func checkKeyValue(e ddb.KeySchemaElement, v ddb.AttributeValue) *ddb.Error {
	if kind := emptyKind(v); kind != "" {
		return emptyKeyError(e.AttributeName, kind)
	}
	return checkKeySize(e, v)
}

// emptyKeyError is the refusal of an empty value, "string" or "binary", for the key attribute called name.
func emptyKeyError(name, kind string) *ddb.Error {
	return ddb.Validation(textNotValid+"The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", kind, name)
}

// emptyKind is "string" or "binary" for an empty S or B, which no key attribute may be, and otherwise empty.
func emptyKind(v ddb.AttributeValue) string {
	switch {
	case v.Kind() == ddb.KindS && v.Str() == "":
		return "string"
	case v.Kind() == ddb.KindB && v.Bin() == "":
		return "binary"
	}
	return ""
}

// checkKeySize refuses a value that is too long for the key attribute e.
func checkKeySize(e ddb.KeySchemaElement, v ddb.AttributeValue) *ddb.Error {
	size := 0
	switch v.Kind() {
	case ddb.KindS:
		size = len(v.Str())
	case ddb.KindB:
		size = len(v.Bin())
	}
	switch {
	case e.KeyType == "HASH" && size > ddb.MaxHashKeyBytes:
		return ddb.Validation(textInvalid + "Size of hashkey has exceeded the maximum size limit of2048 bytes")
	case e.KeyType == "RANGE" && size > ddb.MaxRangeKeyBytes:
		return ddb.Validation(textInvalid + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
	}
	return nil
}

// checkItemKeys refuses an item to put into t that lacks a primary key attribute, has it in a wrong kind, or has an
// index key attribute that its index cannot hold.
func checkItemKeys(t *table, it ddb.Item) *ddb.Error {
	for _, e := range t.desc.KeySchema {
		v, ok := it.Get(e.AttributeName)
		if !ok {
			return ddb.Validation(textInvalid+"Missing the key %s in the item", e.AttributeName)
		}
		if want := t.desc.AttributeKind(e.AttributeName); v.Kind() != want {
			return ddb.Validation(textInvalid+"Type mismatch for key %s expected: %s actual: %s", e.AttributeName, want, v.Kind())
		}
	}
	if err := checkKeyValues(t, it); err != nil {
		return err
	}
	for _, idx := range t.indexes {
		for _, e := range idx.KeySchema {
			if t.desc.KeySchema.Has(e.AttributeName) {
				continue
			}
			v, ok := it.Get(e.AttributeName)
			if !ok {
				continue
			}
			if want := t.desc.AttributeKind(e.AttributeName); v.Kind() != want {
				return ddb.Validation(textInvalid+"Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s",
					e.AttributeName, want, v.Kind(), idx.Name)
			}
			if kind := emptyKind(v); kind != "" {
				return ddb.Validation(textNotValid+"A value specified for a secondary index key is not supported. "+
					"The AttributeValue for a key attribute cannot contain an empty %s value. IndexName: %s, IndexKey: %s",
					kind, idx.Name, e.AttributeName)
			}
			if err := checkKeySize(e, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkUpdatedIndexKeys is checkItemKeys for what an UpdateItem made. It looks only at the attributes that the
// update names: an item may hold, from before an index was added, a value the index skipped, and must stay
// updatable.
func checkUpdatedIndexKeys(t *table, it ddb.Item, names []string) *ddb.Error {
	for _, idx := range t.indexes {
		for _, e := range idx.KeySchema {
			if !slices.Contains(names, e.AttributeName) {
				continue
			}
			v, ok := it.Get(e.AttributeName)
			if !ok {
				continue
			}
			if v.Kind() != t.desc.AttributeKind(e.AttributeName) {
				return ddb.Validation("The update expression attempted to update the secondary index key to unsupported type")
			}
			if kind := emptyKind(v); kind != "" {
				// Assumed: the Developer Guide gives no text for this case.
				return ddb.Validation(textNotValid+"The update expression attempted to update a secondary index key to a value "+
					"that is not supported. The AttributeValue for a key attribute cannot contain an empty %s value.", kind)
			}
			if err := checkKeySize(e, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkNotKey refuses an update of an attribute of t's primary key, even to the value it has.
func checkNotKey(t *table, names []string) *ddb.Error {
	for _, e := range t.desc.KeySchema {
		if slices.Contains(names, e.AttributeName) {
			return ddb.Validation(textInvalid+"Cannot update attribute %s. This attribute is part of the key", e.AttributeName)
		}
	}
	return nil
}

// checkScalarPaths refuses paths into a key attribute of t or of one of its indexes, which is always a scalar.
// nested are the top-level names of an expression's paths of more than one element.
func checkScalarPaths(t *table, nested []string) *ddb.Error {
	if len(nested) == 0 {
		return nil
	}
	const text = "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
	for _, e := range t.desc.KeySchema {
		if slices.Contains(nested, e.AttributeName) {
			return ddb.Validation(text+"Key: %s", e.AttributeName)
		}
	}
	for _, idx := range t.indexes {
		for _, e := range idx.KeySchema {
			if slices.Contains(nested, e.AttributeName) {
				return ddb.Validation(text+"IndexKey: %s", e.AttributeName)
			}
		}
	}
	return nil
}

// parameter is a request member and whether the client sent it.
type parameter struct {
	name    string
	present bool
}

// mixedParameters refuses a request that has members of the expression generation beside those that expressions
// replaced. Both lists are in the order in which the service model declares them.
func mixedParameters(legacy, expressions []parameter) *ddb.Error {
	old, young := presentNames(legacy), presentNames(expressions)
	if len(old) == 0 || len(young) == 0 {
		return nil
	}
	return ddb.Validation("Can not use both expression and non-expression parameters in the same request: "+
		"Non-expression parameters: {%s} Expression parameters: {%s}", strings.Join(old, ", "), strings.Join(young, ", "))
}

// presentNames are the names of the parameters that were sent.
func presentNames(ps []parameter) []string {
	var names []string
	for _, p := range ps {
		if p.present {
			names = append(names, p.name)
		}
	}
	return names
}
