package facts

import (
	"fmt"
	"strings"
)

// createTableFacts are about CreateTable.
var createTableFacts = []fact{
	{205, "a table has a name, keys and definitions", func(s *session) {
		without := func(member string) string {
			in := tableInput("$T", "pk:S")
			in[member] = nil
			return encode(in)
		}
		s.invalid("CreateTable", without("KeySchema"), "…eySchema…")
		s.invalid("CreateTable", without("AttributeDefinitions"), "…ttributeDefinitions…")
		s.invalid("CreateTable", without("TableName"), "…TableName…")
	}},
	{206, "names have 3 to 255 of the legal characters, and a case", func(s *session) {
		for _, good := range []string{".a" + s.prefix, s.prefix + "-_.", s.prefix + long("x", 255-len(s.prefix)), s.prefix + "CASE", s.prefix + "case"} {
			s.table(good, "pk:S")
		}
		for _, bad := range []string{"ab", long("x", 256), "a b c", "abc!", "äbc"} {
			s.invalid("CreateTable", encode(tableInput(bad, "pk:S")), "…'tableName' failed to satisfy constraint…")
		}
	}},
	{207, "definitions are unique and used", func(s *session) {
		in := tableInput("$T", "pk:S")
		in["AttributeDefinitions"] = []object{{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "pk", "AttributeType": "S"}}
		s.invalid("CreateTable", encode(in), "…uplicate…name…")
		in["AttributeDefinitions"] = []object{{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "x", "AttributeType": "S"}}
		s.invalid("CreateTable", encode(in), "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
		in = tableInput("$T", "pk:S", "gsi by-g ALL g:S")
		in["AttributeDefinitions"] = append(in["AttributeDefinitions"].([]object), object{"AttributeName": "x", "AttributeType": "S"})
		s.invalid("CreateTable", encode(in), "One or more parameter values were invalid: Some AttributeDefinitions are not used. AttributeDefinitions: […], keys used: […]")
	}},
	{208, "the key schema is one HASH and perhaps one RANGE, of different names", func(s *session) {
		f := func(schema, definitions, message string) {
			s.t.Helper()
			s.invalid("CreateTable", `{"TableName":"$T","BillingMode":"PAY_PER_REQUEST","KeySchema":`+schema+`,"AttributeDefinitions":`+definitions+`}`, message)
		}
		const a, ab = `[{"AttributeName":"a","AttributeType":"S"}]`, `[{"AttributeName":"a","AttributeType":"S"},{"AttributeName":"b","AttributeType":"S"}]`
		key := func(name, kind string) string { return `{"AttributeName":"` + name + `","KeyType":"` + kind + `"}` }
		f(`[`+key("a", "RANGE")+`]`, a, "Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
		f(`[`+key("a", "HASH")+`,`+key("b", "HASH")+`]`, ab, "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
		f(`[`+key("a", "HASH")+`,`+key("a", "RANGE")+`]`, ab, "…Both the Hash Key and the Range Key element in the KeySchema have the same name")
		f(`[`+key("a", "HASH")+`,`+key("b", "RANGE")+`,`+key("c", "RANGE")+`]`, ab, "…Value '[…]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2…")
		f(`[`+key("a", "HASH")+`,`+key("a", "RANGE")+`]`, a, "Invalid KeySchema: Some index key attribute have no definition")
	}},
	{209, "key attributes are defined", func(s *session) {
		in := tableInput("$T", "x:S y:S")
		in["AttributeDefinitions"] = []object{{"AttributeName": "p", "AttributeType": "S"}, {"AttributeName": "q", "AttributeType": "S"}}
		s.invalid("CreateTable", encode(in), "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [x, y], AttributeDefinitions: [p, q]")
	}},
	{210, "throughput goes with the billing mode", func(s *session) {
		in := tableInput("$T", "pk:S", "gsi by-g ALL g:S")
		const both = "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
		in["BillingMode"] = nil
		s.invalid("CreateTable", encode(in), both)
		in["BillingMode"] = "PROVISIONED"
		s.invalid("CreateTable", encode(in), both)
		units := object{"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
		in["BillingMode"], in["ProvisionedThroughput"] = "PAY_PER_REQUEST", units
		s.invalid("CreateTable", encode(in), "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
		in["ProvisionedThroughput"] = nil
		index := in["GlobalSecondaryIndexes"].([]object)[0]
		index["ProvisionedThroughput"] = units
		s.invalid("CreateTable", encode(in), "One or more parameter values were invalid: ProvisionedThroughput should not be specified for index: by-g when BillingMode is PAY_PER_REQUEST")
		in["BillingMode"], in["ProvisionedThroughput"] = nil, object{"ReadCapacityUnits": 0, "WriteCapacityUnits": 1}
		s.invalid("CreateTable", encode(in), "…Member must have value greater than or equal to 1…")
		in["ProvisionedThroughput"] = units
		s.create(in)
		s.has("DescribeTable", `{}`, `{"Table":{"ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}}}`)
	}},
	{211, "a name is taken once", func(s *session) {
		s.table("$T", "pk:S")
		s.refuses("CreateTable", encode(tableInput("$T", "pk:S")), "ResourceInUseException", "Table already exists: $T")
		s.refuses("CreateTable", encode(tableInput("$T", "other:N")), "ResourceInUseException", "Table already exists: $T")
	}},
	{212, "local indexes share the table's hash key", func(s *session) {
		f := func(in object, message string) {
			s.t.Helper()
			s.invalid("CreateTable", encode(in), message)
		}
		const prefix = "One or more parameter values were invalid: "
		f(tableInput("$T", "pk:S", "lsi by-l ALL pk:S l:S"), prefix+"Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")
		f(tableInput("$T", "pk:S sk:S", "lsi by-l ALL x:S l:S"), prefix+"Index KeySchema does not have the same leading hash key as table KeySchema for index: by-l. index hash key: x, table hash key: pk")
		f(tableInput("$T", "pk:S sk:S", "lsi by-l ALL pk:S"), prefix+"Index KeySchema does not have a range key for index: by-l")
		in := tableInput("$T", "pk:S sk:S")
		in["LocalSecondaryIndexes"] = []object{}
		f(in, prefix+"List of LocalSecondaryIndexes is empty")
		var six []string
		for i := range 6 {
			six = append(six, fmt.Sprintf("lsi lsi%d ALL pk:S l%d:S", i, i))
		}
		f(tableInput("$T", "pk:S sk:S", six...), "…")
		f(tableInput("$T", "pk:S sk:S", "lsi by-l ALL pk:S l:S +m:S"), "…")
		s.table("$T", "pk:S sk:S", six[:5]...)
	}},
	{213, "global indexes are at most 20, and names of indexes are unique", func(s *session) {
		var many []string
		for i := range 21 {
			many = append(many, fmt.Sprintf("gsi gsi%02d ALL g:S", i))
		}
		s.invalid("CreateTable", encode(tableInput("$T", "pk:S", many...)), "…GlobalSecondaryIndex count exceeds the per-table limit of 20")
		s.invalid("CreateTable", encode(tableInput("$T", "pk:S sk:S", "gsi same ALL g:S", "lsi same ALL pk:S l:S")), "One or more parameter values were invalid: Duplicate index name: same")
		s.invalid("CreateTable", encode(tableInput("$T", "pk:S", "gsi same ALL g:S", "gsi same ALL g:S")), "One or more parameter values were invalid: Duplicate index name: same")
		s.invalid("CreateTable", encode(tableInput("$T", "pk:S", "gsi ab ALL g:S")), "…indexName' failed to satisfy constraint: Member must have length greater than or equal to 3…")
		var names []string
		for i := range 101 {
			names = append(names, fmt.Sprintf("n%d", i))
		}
		s.invalid("CreateTable", encode(tableInput("$T", "pk:S", "gsi one INCLUDE("+strings.Join(names[:51], ",")+") g:S", "gsi two INCLUDE("+strings.Join(names[51:], ",")+") g:S")), "…100…")
		s.table("$T", "pk:S", many[:20]...)
	}},
	{214, "a projection has a type, and attributes where the type has", func(s *session) {
		f := func(projection object, message string) {
			s.t.Helper()
			in := tableInput("$T", "pk:S", "gsi by-g ALL g:S")
			in["GlobalSecondaryIndexes"].([]object)[0]["Projection"] = projection
			s.invalid("CreateTable", encode(in), message)
		}
		f(object{}, "One or more parameter values were invalid: Unknown ProjectionType: null")
		f(object{"ProjectionType": "INCLUDE"}, "One or more parameter values were invalid: ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
		f(object{"ProjectionType": "ALL", "NonKeyAttributes": []string{"a"}}, "One or more parameter values were invalid: ProjectionType is ALL, but NonKeyAttributes is specified")
		f(object{"ProjectionType": "INCLUDE", "NonKeyAttributes": []string{"a", "a"}}, "…uplicate…")
		f(object{"ProjectionType": "SOME"}, "…projectionType' failed to satisfy constraint: Member must satisfy enum value set: …")
		s.table("$U", "pk:S", "gsi by-g INCLUDE(pk,g,a) g:S")
		s.want("PutItem", `{"TableName":"$U","Item":{"pk":{"S":"a"},"g":{"S":"x"},"a":{"N":"1"},"b":{"N":"2"}}}`, `{}`)
		s.has("Scan", `{"TableName":"$U","IndexName":"by-g"}`, `{"Items":[{"pk":{"S":"a"},"g":{"S":"x"},"a":{"N":"1"}}]}`)
	}},
	{215, "a global index has up to four partition and four sort attributes", func(s *session) {
		s.table("$T", "pk:S", "gsi many ALL a:S +b:N r:S +t:N +u:S")
		put := func(pk, a, b, r, t, u string) {
			s.put(`{"pk":{"S":"` + pk + `"},"a":{"S":"` + a + `"},"b":{"N":"` + b + `"},"r":{"S":"` + r + `"},"t":{"N":"` + t + `"},"u":{"S":"` + u + `"}}`)
		}
		put("1", "x", "1", "r1", "1", "u1")
		put("2", "x", "1", "r1", "2", "u1")
		put("3", "x", "1", "r1", "2", "u2")
		put("4", "x", "1", "r2", "1", "u1")
		put("5", "x", "2", "r1", "1", "u1")
		s.put(`{"pk":{"S":"6"},"a":{"S":"x"},"b":{"N":"1"},"r":{"S":"r1"}}`)
		const base = `":a":{"S":"x"},":b":{"N":"1"}`
		query := func(condition, values string) string {
			return `{"IndexName":"many","KeyConditionExpression":"` + condition + `","ExpressionAttributeValues":{` + values + `}}`
		}
		s.ordered("Query", query("a=:a AND b=:b", base), "pk", "1 2 3 4")
		s.ordered("Query", query("a=:a AND b=:b AND r=:r AND t>:t", base+`,":r":{"S":"r1"},":t":{"N":"1"}`), "pk", "2 3")
		s.ordered("Query", query("a=:a AND b=:b AND r=:r AND t=:t AND begins_with(u,:u)", base+`,":r":{"S":"r1"},":t":{"N":"2"},":u":{"S":"u"}`), "pk", "2 3")
		s.invalid("Query", query("a=:a", `":a":{"S":"x"}`), "…")
		s.invalid("Query", query("a=:a AND b>:b", base), "…")
		s.invalid("Query", query("a=:a AND b=:b AND t=:t", base+`,":t":{"N":"1"}`), "…")
		s.invalid("Query", query("a=:a AND b=:b AND r>:r AND t=:t", base+`,":r":{"S":"r1"},":t":{"N":"1"}`), "…")
		s.invalid("Query", `{"IndexName":"many","KeyConditions":{"a":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"x"}]},"b":{"ComparisonOperator":"EQ","AttributeValueList":[{"N":"1"}]}}}`, "…")
		s.has("Query", query("a=:a AND b=:b", base)[:len(query("a=:a AND b=:b", base))-1]+`,"Limit":1}`,
			`{"LastEvaluatedKey":{"pk":{"S":"1"},"a":{"S":"x"},"b":{"N":"1"},"r":{"S":"r1"},"t":{"N":"1"},"u":{"S":"u1"}}}`)
		s.invalid("CreateTable", encode(tableInput("$U", "pk:S", "gsi many ALL a:S +b:S +c:S +d:S +e:S")), "…HASH…")
		s.invalid("CreateTable", encode(tableInput("$U", "pk:S", "gsi many ALL a:S b:S +c:S +d:S +e:S +f:S")), "…RANGE…")
		s.invalid("CreateTable", encode(tableInput("$U", "pk:S", "gsi many ALL a:S b:S +b:S")), "…same name…")
		s.table("$V", "pk:S", "gsi most ALL a:S +b:S +c:S +d:S e:S +f:S +g:S +h:S")
	}},
	{216, "an attribute has one type; equal indexes are allowed", func(s *session) {
		in := tableInput("$T", "pk:S", "gsi one ALL g:S", "gsi two ALL h:S")
		in["AttributeDefinitions"] = append(in["AttributeDefinitions"].([]object), object{"AttributeName": "g", "AttributeType": "N"})
		s.invalid("CreateTable", encode(in), "…")
		s.table("$T", "pk:S sk:S", "gsi one ALL g:S", "gsi two ALL g:S", "gsi same ALL pk:S sk:S")
		s.put(`{"pk":{"S":"a"},"sk":{"S":"b"},"g":{"S":"x"}}`)
		for _, index := range []string{"one", "two", "same"} {
			s.has("Scan", `{"IndexName":"`+index+`"}`, `{"Count":1}`)
		}
	}},
	{217, "the answer describes the new table", func(s *session) {
		// What follows is the answer of the one CreateTable whose table is not waited for.
		got := s.ok("CreateTable", encode(tableInput("$T", "pk:S sk:N", "gsi by-g ALL g:S")))
		s.dropAtEnd("$T")
		want := `{"TableDescription":{"TableName":"$T","TableStatus":"CREATING","ItemCount":0,"TableSizeBytes":0,"DeletionProtectionEnabled":false,` +
			`"TableArn":"arn:aws:dynamodb:us-east-1:…:table/$T","TableId":"…-…-…-…-…","BillingModeSummary":{"BillingMode":"PAY_PER_REQUEST"},` +
			`"TableThroughputModeSummary":{"TableThroughputMode":"PAY_PER_REQUEST"},"ProvisionedThroughput":{"NumberOfDecreasesToday":0,"ReadCapacityUnits":0,"WriteCapacityUnits":0},` +
			`"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],"GlobalSecondaryIndexes":[{"IndexName":"by-g","IndexStatus":"CREATING"}]}}`
		if diff := differ(got, s.decode(s.expand(want)), "", true); diff != "" {
			s.t.Errorf("%s in %s", diff, encode(got))
		}
		if created, ok := got["TableDescription"].(map[string]any)["CreationDateTime"]; !ok || strings.Trim(fmt.Sprint(created), "0123456789.E") != "" {
			s.t.Errorf("CreationDateTime = %v, want seconds", created)
		}
		s.active("$T")
	}},
	{218, "tags and streams are checked before there is a table", func(s *session) {
		f := func(member string, value any) {
			s.t.Helper()
			in := tableInput("$T", "pk:S")
			in[member] = value
			s.invalid("CreateTable", encode(in), "…")
			s.refuses("DescribeTable", `{}`, "ResourceNotFoundException", "Requested resource not found: Table: $T not found")
		}
		f("Tags", []object{{"Key": "good", "Value": "x"}, {"Key": "bad!", "Value": "x"}})
		f("StreamSpecification", object{"StreamEnabled": false, "StreamViewType": "NEW_IMAGE"})
		f("StreamSpecification", object{"StreamEnabled": true})
		in := tableInput("$T", "pk:S")
		in["StreamSpecification"], in["SSESpecification"] = object{"StreamEnabled": false}, object{"Enabled": false}
		in["Tags"] = []object{{"Key": "k", "Value": "v"}}
		s.create(in)
		s.want("ListTagsOfResource", `{"ResourceArn":"`+s.arn("$T")+`"}`, `{"Tags":[{"Key":"k","Value":"v"}]}`)
	}},
}
