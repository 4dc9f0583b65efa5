package engine

import (
	"strings"

	"millrace/ddb"
)

// invalid is a ValidationException with the words that most of CreateTable's begin with.
func invalid(format string, args ...any) *ddb.Error {
	return ddb.Validation("One or more parameter values were invalid: "+format, args...)
}

// The refusals that CreateTable and UpdateTable share.

// errUnitsOnDemand refuses throughput for an on-demand table.
func errUnitsOnDemand() *ddb.Error {
	return invalid("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
}

// errUnitsMissing refuses a provisioned table without throughput.
func errUnitsMissing() *ddb.Error {
	return invalid("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
}

// errIndexUnitsOnDemand refuses throughput for an index of an on-demand table.
func errIndexUnitsOnDemand(index string) *ddb.Error {
	return invalid("ProvisionedThroughput should not be specified for index: %s when BillingMode is PAY_PER_REQUEST", index)
}

// errIndexUnitsMissing refuses to make a table provisioned whose index would be without throughput.
func errIndexUnitsMissing(index string) *ddb.Error {
	return invalid("ProvisionedThroughput must be specified for index: %s", index)
}

// checkCreateTable is all of CreateTable's rules but for the name being taken, in the order in which DynamoDB reports
// them as far as that is known. (API Reference, CreateTable; texts by the service's own behaviour.)
func checkCreateTable(in *ddb.CreateTableInput) *ddb.Error {
	s := schemaCheck{in: in, kinds: make(map[string]bool), used: make(map[string]bool), indexes: make(map[string]bool)}
	for _, check := range []func() *ddb.Error{
		func() *ddb.Error { return checkTags(in.Tags) },
		s.billing, s.definitions, s.tableKey, s.localIndexes, s.globalIndexes, s.projected, s.definitionsUsed,
		func() *ddb.Error { return checkStreamCreate(in.StreamSpecification) },
		func() *ddb.Error { return checkEncryption(in.SSESpecification) }, s.unserved,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// schemaCheck walks over a CreateTable's parts and remembers what it has seen.
type schemaCheck struct {
	in *ddb.CreateTableInput
	// kinds has the defined attribute names, used those that are in a key, indexes the index names.
	kinds, used, indexes map[string]bool
	// names counts the NonKeyAttributes over all indexes.
	names int
}

// billing checks the table's own throughput against its billing mode.
func (s *schemaCheck) billing() *ddb.Error {
	switch {
	case onDemand(s.in.BillingMode) && s.in.ProvisionedThroughput != nil:
		return errUnitsOnDemand()
	case !onDemand(s.in.BillingMode) && s.in.ProvisionedThroughput == nil:
		return errUnitsMissing()
	}
	return nil
}

// definitions checks AttributeDefinitions by itself.
func (s *schemaCheck) definitions() *ddb.Error {
	for _, d := range s.in.AttributeDefinitions {
		if s.kinds[d.AttributeName] {
			return invalid("Duplicate attribute name in AttributeDefinitions: %s", d.AttributeName)
		}
		s.kinds[d.AttributeName] = true
	}
	return nil
}

// tableKey checks the table's KeySchema.
func (s *schemaCheck) tableKey() *ddb.Error {
	if err := s.keyShape(s.in.KeySchema); err != nil {
		return err
	}
	if err := s.keyDefined(s.in.KeySchema); err != nil {
		return err
	}
	noIndexes := s.in.LocalSecondaryIndexes == nil && s.in.GlobalSecondaryIndexes == nil
	if noIndexes && len(s.in.KeySchema) != len(s.in.AttributeDefinitions) {
		return invalid("Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	}
	return nil
}

// keyShape checks a KeySchema of one HASH and at most one RANGE.
func (s *schemaCheck) keyShape(schema ddb.KeySchema) *ddb.Error {
	if schema[0].KeyType != "HASH" {
		return ddb.Validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	}
	if len(schema) < 2 {
		return nil
	}
	if schema[1].KeyType != "RANGE" {
		return ddb.Validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	}
	if schema[0].AttributeName == schema[1].AttributeName {
		if len(s.in.AttributeDefinitions) < 2 {
			return ddb.Validation("Invalid KeySchema: Some index key attribute have no definition")
		}
		return errSameName()
	}
	return nil
}

// errSameName refuses a key that names one attribute twice.
func errSameName() *ddb.Error {
	return ddb.Validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")
}

// keyDefined checks that every attribute of a key has a definition, and notes it as used.
func (s *schemaCheck) keyDefined(schema ddb.KeySchema) *ddb.Error {
	for _, e := range schema {
		if !s.kinds[e.AttributeName] {
			return invalid("Some index key attributes are not defined in AttributeDefinitions. Keys: [%s], AttributeDefinitions: [%s]",
				strings.Join(keyNames(schema), ", "), strings.Join(s.definedNames(), ", "))
		}
		s.used[e.AttributeName] = true
	}
	return nil
}

// keyNames lists a schema's attributes.
func keyNames(schema ddb.KeySchema) []string {
	names := make([]string, len(schema))
	for i, e := range schema {
		names[i] = e.AttributeName
	}
	return names
}

// definedNames lists the defined attributes in the request's order.
func (s *schemaCheck) definedNames() []string {
	names := make([]string, len(s.in.AttributeDefinitions))
	for i, d := range s.in.AttributeDefinitions {
		names[i] = d.AttributeName
	}
	return names
}

// localIndexes checks LocalSecondaryIndexes.
func (s *schemaCheck) localIndexes() *ddb.Error {
	list := s.in.LocalSecondaryIndexes
	if list == nil {
		return nil
	}
	if len(list) == 0 {
		return invalid("List of LocalSecondaryIndexes is empty")
	}
	if s.in.KeySchema.Range() == "" {
		return invalid("Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")
	}
	if len(list) > ddb.MaxLocalIndexes {
		return invalid("Number of LocalSecondaryIndexes exceeds per-table limit of %d", ddb.MaxLocalIndexes)
	}
	for _, x := range list {
		if err := s.keyShape(x.KeySchema); err != nil {
			return err
		}
		if err := s.keyDefined(x.KeySchema); err != nil {
			return err
		}
		if len(x.KeySchema) < 2 {
			return invalid("Index KeySchema does not have a range key for index: %s", x.IndexName)
		}
		if hash, table := x.KeySchema.Hash(), s.in.KeySchema.Hash(); hash != table {
			return invalid("Index KeySchema does not have the same leading hash key as table KeySchema for index: %s. index hash key: %s, table hash key: %s",
				x.IndexName, hash, table)
		}
		if err := s.index(x.IndexName, x.Projection); err != nil {
			return err
		}
	}
	return nil
}

// globalIndexes checks GlobalSecondaryIndexes.
func (s *schemaCheck) globalIndexes() *ddb.Error {
	list := s.in.GlobalSecondaryIndexes
	if list == nil {
		return nil
	}
	if len(list) == 0 {
		return invalid("List of GlobalSecondaryIndexes is empty")
	}
	if len(list) > ddb.MaxGlobalIndexes {
		return invalid("GlobalSecondaryIndex count exceeds the per-table limit of %d", ddb.MaxGlobalIndexes)
	}
	for _, x := range list {
		if err := s.globalKey(x.KeySchema); err != nil {
			return err
		}
		if err := s.keyDefined(x.KeySchema); err != nil {
			return err
		}
		switch {
		case onDemand(s.in.BillingMode) && x.ProvisionedThroughput != nil:
			return errIndexUnitsOnDemand(x.IndexName)
		case !onDemand(s.in.BillingMode) && x.ProvisionedThroughput == nil:
			return invalid("ProvisionedThroughput is not specified for index: %s", x.IndexName)
		}
		if err := s.index(x.IndexName, x.Projection); err != nil {
			return err
		}
	}
	return nil
}

// globalKey checks a global index's KeySchema, which may have up to four attributes of each type.
// (Developer Guide, "Multi-attribute keys pattern"; the texts are the service's own.)
func (s *schemaCheck) globalKey(schema ddb.KeySchema) *ddb.Error {
	if schema[0].KeyType != "HASH" {
		return ddb.Validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	}
	hashes := len(schema.HashAll())
	if hashes > ddb.MaxIndexHashKeys {
		return invalid("The KeySchema exceeds the maximum allowed number of HASH key attributes")
	}
	if len(schema.RangeAll()) > ddb.MaxIndexRangeKeys {
		return invalid("The KeySchema exceeds the maximum allowed number of RANGE key attributes")
	}
	seen := make(map[string]bool)
	for i, e := range schema {
		if e.KeyType == "HASH" && i >= hashes {
			return invalid("All HASH key attributes must precede RANGE key attributes in the KeySchema")
		}
		if seen[e.AttributeName] {
			if len(schema) == 2 && hashes == 1 {
				return errSameName()
			}
			return ddb.Validation("The KeySchema contains multiple key attributes with the same name")
		}
		seen[e.AttributeName] = true
	}
	return nil
}

// index checks what both kinds of index have: a name of their own and a projection.
func (s *schemaCheck) index(name string, p *ddb.Projection) *ddb.Error {
	if err := checkProjection(p); err != nil {
		return err
	}
	if s.indexes[name] {
		return invalid("Duplicate index name: %s", name)
	}
	s.indexes[name] = true
	s.names += len(p.NonKeyAttributes)
	return nil
}

// checkProjection checks an index's Projection.
func checkProjection(p *ddb.Projection) *ddb.Error {
	switch {
	case p.ProjectionType == "":
		return invalid("Unknown ProjectionType: null")
	case p.ProjectionType == "INCLUDE" && len(p.NonKeyAttributes) == 0:
		return invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
	case p.ProjectionType != "INCLUDE" && p.NonKeyAttributes != nil:
		return invalid("ProjectionType is %s, but NonKeyAttributes is specified", p.ProjectionType)
	}
	seen := make(map[string]bool)
	for _, name := range p.NonKeyAttributes {
		if seen[name] {
			return invalid("Duplicate attribute name in NonKeyAttributes: %s", name)
		}
		seen[name] = true
		if name == "" || len(name) > ddb.MaxKeyNameBytes {
			return invalid("NonKeyAttributes names must have a length from 1 to %d", ddb.MaxKeyNameBytes)
		}
	}
	return nil
}

// projected checks the number of projected names over all indexes.
func (s *schemaCheck) projected() *ddb.Error {
	if s.names > ddb.MaxProjectedNames {
		return invalid("Number of NonKeyAttributes over all indexes exceeds the per-table limit of %d", ddb.MaxProjectedNames)
	}
	return nil
}

// definitionsUsed checks that no attribute is defined for nothing.
func (s *schemaCheck) definitionsUsed() *ddb.Error {
	if len(s.used) == len(s.kinds) {
		return nil
	}
	var used []string
	for _, name := range s.definedNames() {
		if s.used[name] {
			used = append(used, name)
		}
	}
	return invalid("Some AttributeDefinitions are not used. AttributeDefinitions: [%s], keys used: [%s]",
		strings.Join(s.definedNames(), ", "), strings.Join(used, ", "))
}

// unserved refuses what this engine does not have, rather than make a table that lacks it.
func (s *schemaCheck) unserved() *ddb.Error {
	if s.in.GlobalTableSourceArn != nil {
		return errNotServed("GlobalTableSourceArn")
	}
	return nil
}
