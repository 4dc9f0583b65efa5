package facts

// jsonFacts are about JSON that does not have the declared types.
var jsonFacts = []fact{
	{35, "a value of the wrong JSON type is a SerializationException before all else", func(s *session) {
		f := func(operation, in, message string) {
			s.t.Helper()
			s.wire().refuses(operation, in, "SerializationException", message)
		}
		f("GetItem", `{"TableName":3,"Key":{}}`, "NUMBER_VALUE cannot be converted to String")
		f("GetItem", `{"TableName":3.5,"Key":{}}`, "DECIMAL_VALUE cannot be converted to String")
		f("GetItem", `{"TableName":true,"Key":{}}`, "TRUE_VALUE cannot be converted to String")
		f("GetItem", `{"TableName":false,"Key":{}}`, "FALSE_VALUE cannot be converted to String")
		f("Scan", `{"Limit":"x"}`, "STRING_VALUE cannot be converted to Integer")
		f("CreateTable", `{"ProvisionedThroughput":{"ReadCapacityUnits":"x"}}`, "STRING_VALUE cannot be converted to Long")
		f("GetItem", `{"ConsistentRead":"x"}`, "Unexpected token received from parser")
		f("GetItem", `{"TableName":[]}`, "Unrecognized collection type class java.lang.String")
		f("GetItem", `{"TableName":{}}`, "Start of structure or map found where not expected")
		f("GetItem", `{"AttributesToGet":"x"}`, "Unexpected field type")
		f("GetItem", `{"Key":{"pk":"x"}}`, "Unexpected value type in payload")
		// A constraint is broken too, which nobody hears of.
		f("GetItem", `{"TableName":"","Key":{},"ConsistentRead":3}`, "NUMBER_VALUE cannot be converted to Boolean")
	}},
	{36, "binary must be base64", func(s *session) {
		s.table("$T", "pk:S")
		f := func(value, message string) {
			s.t.Helper()
			w := s.wire()
			for operation, in := range inOrder(map[string]string{
				"PutItem":    `{"Item":{"pk":{"S":"a"},"b":{"B":` + value + `}}}`,
				"UpdateItem": `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET b=:b","ExpressionAttributeValues":{":b":{"B":` + value + `}}}`,
				"Scan":       `{"FilterExpression":"b=:b","ExpressionAttributeValues":{":b":{"B":` + value + `}}}`,
				"DeleteItem": `{"Key":{"pk":{"S":"a"}},"ConditionExpression":"b=:b","ExpressionAttributeValues":{":b":{"B":` + value + `}}}`,
			}) {
				w.refuses(operation, in, "SerializationException", message)
			}
		}
		f(`"YQ"`, "Base64 encoded length is expected a multiple of 4 bytes but found: 2")
		f(`"YWJjZ"`, "Base64 encoded length is expected a multiple of 4 bytes but found: 5")
		f(`"YR=="`, "Invalid last non-pad Base64 character dectected")
		f(`"+++!"`, "…")
		f(`"\u0080\u00ff\u00ff\u0080"`, "…")
	}},
	{37, "numbers travel as strings, names too", func(s *session) {
		s.table("$T", "pk:S")
		f := func(operation, in string) {
			s.t.Helper()
			s.wire().refuses(operation, in, "SerializationException", "NUMBER_VALUE cannot be converted to String")
		}
		f("PutItem", `{"Item":{"pk":{"S":"a"},"n":{"N":3}}}`)
		f("PutItem", `{"Item":{"pk":{"S":"a"},"n":{"NS":[3]}}}`)
		f("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"#n","ExpressionAttributeNames":{"#n":3}}`)
		f("CreateTable", `{"TableName":"$U","GlobalSecondaryIndexes":[{"Projection":{"NonKeyAttributes":[3]}}]}`)
	}},
	{38, "null means absent", func(s *session) {
		s.table("$T", "pk:S")
		w := s.wire()
		w.want("PutItem", `{"Item":{"pk":{"S":"a"},"n":{"N":"1","S":null}},"ReturnValues":null,"ConditionExpression":null,"Expected":null}`, `{}`)
		w.want("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":null,"ConsistentRead":null}`, `{"Item":{"pk":{"S":"a"},"n":{"N":"1"}}}`)
		w.invalid("GetItem", `{"TableName":null,"Key":null}`, "2 validation errors detected: …Value null at 'tableName'…")
	}},
	{39, "unknown members are ignored", func(s *session) {
		s.table("$T", "pk:S")
		s.wire().want("PutItem", `{"Item":{"pk":{"S":"a"}},"Nonsense":{"a":[1,2,{"b":null}]}}`, `{}`)
		s.wire().has("GetItem", `{"Nonsense":3,"Key":{"pk":{"S":"a"}}}`, `{"Item":{"pk":{"S":"a"}}}`)
	}},
}

// constraintFacts are about what the service model demands of each member.
var constraintFacts = []fact{
	{40, "broken constraints are counted and listed", func(s *session) {
		const one = "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
		s.invalid("ListTables", `{"Limit":0}`, one)
		s.invalid("Scan", `{"TableName":"abc","Limit":0,"Select":"x"}`,
			"2 validation errors detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1; "+
				"Value 'x' at 'select' failed to satisfy constraint: Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]")
	}},
	{41, "paths name members, list positions and map keys", func(s *session) {
		s.invalid("GetItem", `{"TableName":null,"Key":{"pk":{"S":"a"}}}`, "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null")
		s.invalid("CreateTable", `{"TableName":"abc","AttributeDefinitions":[{"AttributeName":"a","AttributeType":"S"},{"AttributeName":"b","AttributeType":"x"}],`+
			`"KeySchema":[{"AttributeName":"a","KeyType":"HASH"}]}`, "…Value 'x' at 'attributeDefinitions.2.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]…")
		s.invalid("Scan", `{"TableName":"abc","ScanFilter":{"a":{"ComparisonOperator":"x"}}}`, "…Value 'x' at 'scanFilter.a.member.comparisonOperator' failed to satisfy constraint: …")
	}},
	{42, "each kind of constraint has its words", func(s *session) {
		f := func(operation, in, message string) {
			s.t.Helper()
			s.invalid(operation, in, "…"+message+"…")
		}
		f("DescribeTimeToLive", `{"TableName":"a!"}`, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
		f("PutItem", `{"TableName":"abc"}`, "Value null at 'item' failed to satisfy constraint: Member must not be null")
		f("Query", `{"TableName":"abc","IndexName":"ab"}`, "Member must have length greater than or equal to 3")
		f("Query", `{"TableName":"abc","IndexName":"`+long("a", 256)+`"}`, "Member must have length less than or equal to 255")
		f("Scan", `{"TableName":"abc","TotalSegments":0,"Segment":0}`, "Member must have value greater than or equal to 1")
		f("Scan", `{"TableName":"abc","TotalSegments":1000001,"Segment":0}`, "Member must have value less than or equal to 1000000")
		f("PutItem", `{"TableName":"abc","Item":{},"ReturnValues":"x"}`, "Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]")
	}},
	{43, "several broken constraints come in one message, at most ten", func(s *session) {
		s.invalid("PutItem", `{"TableName":"abc","Item":{"pk":{"S":"a"}},"ReturnConsumedCapacity":"x","ReturnItemCollectionMetrics":"y","ReturnValues":"z"}`,
			"3 validation errors detected: Value 'z' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; "+
				"Value 'x' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; "+
				"Value 'y' at 'returnItemCollectionMetrics' failed to satisfy constraint: Member must satisfy enum value set: [SIZE, NONE]")
		in := `{"TableName":"abc","ScanFilter":{`
		for i := range 12 {
			if i > 0 {
				in += ","
			}
			in += `"` + string(rune('a'+i)) + `":{"ComparisonOperator":"x"}`
		}
		s.wire().invalid("Scan", in+`}}`, "10 validation errors detected: …")
	}},
	{44, "a bad table name is named whatever else is wrong", func(s *session) {
		s.invalid("PutItem", `{"TableName":"","Item":{"pk":{"S":"a"}},"ReturnValues":"z","ReturnConsumedCapacity":"y"}`, "… at 'tableName' failed to satisfy constraint: …")
		s.invalid("Query", `{"TableName":"a!","Limit":0,"Select":"z"}`, "… at 'tableName' failed to satisfy constraint: …")
	}},
	{45, "a missing table name has one text for items and another for tables", func(s *session) {
		s.invalid("PutItem", `{"TableName":null,"Item":{"pk":{"S":"a"}}}`, "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null")
		in := tableInput("$T", "pk:S")
		in["TableName"] = nil
		s.invalid("CreateTable", encode(in), "The parameter 'TableName' is required but was not present in the request")
	}},
	{46, "table names have other limits for items than for new tables", func(s *session) {
		s.invalid("GetItem", `{"TableName":"","Key":{"pk":{"S":"a"}}}`, "1 validation error detected: Value '' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 1")
		s.refuses("GetItem", `{"TableName":"ab","Key":{"pk":{"S":"a"}}}`, "ResourceNotFoundException", "Requested resource not found")
		s.invalid("CreateTable", encode(tableInput("ab", "pk:S")), "…Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3")
		s.invalid("CreateTable", encode(tableInput(long("a", 256), "pk:S")), "…at 'tableName' failed to satisfy constraint: Member must have length less than or equal to 255")
	}},
	{47, "a table name of other characters is invalid, not missing", func(s *session) {
		for operation, in := range inOrder(map[string]string{
			"GetItem": `{"TableName":"abc!","Key":{"pk":{"S":"a"}}}`, "PutItem": `{"TableName":"abc!","Item":{"pk":{"S":"a"}}}`,
			"DeleteItem": `{"TableName":"abc!","Key":{"pk":{"S":"a"}}}`, "Scan": `{"TableName":"abc!"}`,
			"UpdateItem": `{"TableName":"abc!","Key":{"pk":{"S":"a"}}}`,
			"Query":      `{"TableName":"abc!","KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`,
		}) {
			s.invalid(operation, in, "…Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+…")
		}
	}},
	{48, "a table's ARN is taken for its name", func(s *session) {
		s.table("$T", "pk:S")
		arn := s.arn("$T")
		s.want("PutItem", `{"TableName":"`+arn+`","Item":{"pk":{"S":"a"}}}`, `{}`)
		s.want("GetItem", `{"TableName":"`+arn+`","Key":{"pk":{"S":"a"}}}`, `{"Item":{"pk":{"S":"a"}}}`)
		s.has("Query", `{"TableName":"`+arn+`","KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, `{"Count":1}`)
		s.has("DescribeTable", `{"TableName":"`+arn+`"}`, `{"Table":{"TableName":"$T"}}`)
	}},
	{49, "a limit of zero is told of in two ways", func(s *session) {
		s.invalid("Scan", `{"TableName":"abc","Limit":0}`, "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
		s.invalid("Query", `{"TableName":"abc","Limit":0,"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`,
			"1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
	}},
	{50, "sets of words are told in a fixed order", func(s *session) {
		f := func(operation, in, words string) {
			s.t.Helper()
			s.invalid(operation, in, "1 validation error detected: …Member must satisfy enum value set: ["+words+"]")
		}
		f("Scan", `{"TableName":"abc","Select":"x"}`, "SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES")
		f("Scan", `{"TableName":"abc","ReturnConsumedCapacity":"x"}`, "INDEXES, TOTAL, NONE")
		f("Scan", `{"TableName":"abc","ConditionalOperator":"x"}`, "OR, AND")
		f("Scan", `{"TableName":"abc","ScanFilter":{"a":{"ComparisonOperator":"x"}}}`, "IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS")
		f("UpdateItem", `{"TableName":"abc","Key":{"pk":{"S":"a"}},"ReturnItemCollectionMetrics":"x"}`, "SIZE, NONE")
		f("UpdateItem", `{"TableName":"abc","Key":{"pk":{"S":"a"}},"ReturnValues":"x"}`, "ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW")
		f("UpdateItem", `{"TableName":"abc","Key":{"pk":{"S":"a"}},"AttributeUpdates":{"a":{"Action":"x"}}}`, "ADD, PUT, DELETE")
		f("CreateTable", `{"TableName":"abc","AttributeDefinitions":[{"AttributeName":"a","AttributeType":"x"}],"KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST"}`, "B, N, S")
		f("CreateTable", `{"TableName":"abc","AttributeDefinitions":[{"AttributeName":"a","AttributeType":"S"}],"KeySchema":[{"AttributeName":"a","KeyType":"x"}],"BillingMode":"PAY_PER_REQUEST"}`, "HASH, RANGE")
	}},
	{51, "words are case sensitive", func(s *session) {
		s.invalid("Scan", `{"TableName":"abc","Select":"count"}`, "…'count' at 'select'…")
		s.invalid("Scan", `{"TableName":"abc","ScanFilter":{"a":{"ComparisonOperator":"eq","AttributeValueList":[{"S":"a"}]}}}`, "…'eq' at…")
		in := tableInput("$T", "pk:S")
		in["BillingMode"] = "pay_per_request"
		s.invalid("CreateTable", encode(in), "…'pay_per_request' at 'billingMode'…")
	}},
	{52, "PutItem and DeleteItem give back nothing or what was there", func(s *session) {
		s.table("$T", "pk:S")
		for _, legal := range []string{"NONE", "ALL_OLD"} {
			s.want("PutItem", `{"Item":{"pk":{"S":"`+legal+`"}},"ReturnValues":"`+legal+`"}`, `{}`)
			s.ok("DeleteItem", `{"Key":{"pk":{"S":"`+legal+`"}},"ReturnValues":"`+legal+`"}`)
		}
		for _, other := range []string{"ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"} {
			s.invalid("PutItem", `{"Item":{"pk":{"S":"a"}},"ReturnValues":"`+other+`"}`, "ReturnValues can only be ALL_OLD or NONE")
			s.invalid("DeleteItem", `{"Key":{"pk":{"S":"a"}},"ReturnValues":"`+other+`"}`, "ReturnValues can only be ALL_OLD or NONE")
		}
	}},
}
