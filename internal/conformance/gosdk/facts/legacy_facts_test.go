package facts

// legacyFacts are about the parameters that expressions have replaced.
var legacyFacts = []fact{
	{138, "AttributeUpdates puts, adds and deletes", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"n":{"N":"1"},"s":{"SS":["a"]},"l":{"L":[{"N":"1"}]},"x":{"S":"x"},"t":{"SS":["a","b"]}}`)
		s.want("UpdateItem", `{"Key":{"pk":{"S":"a"}},"ReturnValues":"ALL_NEW","AttributeUpdates":{"n":{"Action":"ADD","Value":{"N":"2"}},"s":{"Action":"ADD","Value":{"SS":["b"]}},`+
			`"l":{"Action":"ADD","Value":{"L":[{"N":"2"}]}},"x":{"Action":"DELETE"},"t":{"Action":"DELETE","Value":{"SS":["a"]}},"p":{"Value":{"S":"put"}}}}`,
			`{"Attributes":{"pk":{"S":"a"},"n":{"N":"3"},"s":{"SS":["a","b"]},"l":{"L":[{"N":"1"},{"N":"2"}]},"t":{"SS":["b"]},"p":{"S":"put"}}}`)
		f := func(update, message string) {
			s.t.Helper()
			s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"AttributeUpdates":{"n":`+update+`}}`, message)
		}
		f(`{"Action":"DELETE","Value":{"N":"1"}}`, "…DELETE action with value is not supported for the type N")
		f(`{"Action":"ADD","Value":{"S":"x"}}`, "…ADD action is not supported for the type S")
		f(`{"Action":"PUT"}`, "…Only DELETE action is allowed when no attribute value is specified")
		f(`{}`, "…Only DELETE action is allowed when no attribute value is specified")
		f(`{"Action":"ADD","Value":{"SS":["x"]}}`, "Type mismatch for attribute to update")
	}},
	{139, "AttributeUpdates leaves keys alone and stands alone", func(s *session) {
		s.table("$T", "pk:S")
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"AttributeUpdates":{"pk":{"Value":{"S":"b"}}}}`,
			"One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key")
		for _, other := range []string{`"UpdateExpression":"REMOVE a"`, `"ConditionExpression":"attribute_exists(a)"`} {
			s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"AttributeUpdates":{"a":{"Value":{"S":"b"}}},`+other+`}`,
				"Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributeUpdates} Expression parameters: {…}")
		}
	}},
	{140, "Expected has a value, or an operator with its arguments", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"a":{"N":"1"}}`)
		f := func(expected, message string) {
			s.t.Helper()
			s.invalid("PutItem", `{"Item":{"pk":{"S":"a"}},"Expected":{"a":`+expected+`}}`, "One or more parameter values were invalid: "+message)
		}
		f(`{"Value":{"N":"1"},"AttributeValueList":[{"N":"1"}]}`, "Value and AttributeValueList cannot be used together for Attribute: a")
		f(`{"Exists":true,"ComparisonOperator":"NULL"}`, "Exists and ComparisonOperator cannot be used together for Attribute: a")
		f(`{"ComparisonOperator":"EQ"}`, "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a")
		f(`{"AttributeValueList":[{"N":"1"}]}`, "AttributeValueList can only be used with a ComparisonOperator for Attribute: a")
		f(`{"Exists":true}`, "Value must be provided when Exists is true for Attribute: a")
		f(`{}`, "Value must be provided when Exists is null for Attribute: a")
		f(`{"Exists":false,"Value":{"N":"1"}}`, "Value cannot be used when Exists is false for Attribute: a")
		s.want("UpdateItem", `{"Key":{"pk":{"S":"a"}},"Expected":{"a":{"Value":{"N":"1.0"}},"b":{"Exists":false},"pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]}}}`, `{}`)
		s.refuses("UpdateItem", `{"Key":{"pk":{"S":"a"}},"Expected":{"a":{"Value":{"N":"2"}}}}`, "ConditionalCheckFailedException", "The conditional request failed")
	}},
	{141, "each operator has its number and types of arguments", func(s *session) {
		s.table("$T", "pk:S")
		f := func(operator, arguments, message string) {
			s.t.Helper()
			s.invalid("Scan", `{"ScanFilter":{"a":{"ComparisonOperator":"`+operator+`"`+arguments+`}}}`, "One or more parameter values were invalid: "+message)
		}
		const one, two = `,"AttributeValueList":[{"N":"1"}]`, `,"AttributeValueList":[{"N":"1"},{"N":"2"}]`
		for _, operator := range []string{"NULL", "NOT_NULL", "BETWEEN"} {
			f(operator, one, "Invalid number of argument(s) for the "+operator+" ComparisonOperator")
		}
		for _, operator := range []string{"EQ", "NE", "LE", "LT", "GE", "GT", "CONTAINS", "NOT_CONTAINS"} {
			f(operator, two, "Invalid number of argument(s) for the "+operator+" ComparisonOperator")
		}
		f("BEGINS_WITH", `,"AttributeValueList":[{"S":"1"},{"S":"2"}]`, "Invalid number of argument(s) for the BEGINS_WITH ComparisonOperator")
		f("IN", `,"AttributeValueList":[]`, "Invalid number of argument(s) for the IN ComparisonOperator")
		f("LT", `,"AttributeValueList":[{"L":[]}]`, "ComparisonOperator LT is not valid for L AttributeValue type")
		f("IN", `,"AttributeValueList":[{"N":"1"},{"S":"2"}]`, "AttributeValues inside AttributeValueList must be of same type")
		f("BETWEEN", `,"AttributeValueList":[{"N":"1"},{"S":"2"}]`, "AttributeValues inside AttributeValueList must be of same type")
		s.invalid("Scan", `{"ScanFilter":{"a":{"ComparisonOperator":"BETWEEN","AttributeValueList":[{"N":"2"},{"N":"1"}]}}}`,
			"…The BETWEEN condition was provided a range where the lower bound is greater than the upper bound")
	}},
	{142, "NULL is absence, CONTAINS looks into lists and sets, NE is true of what is missing", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"nil":{"NULL":true},"l":{"L":[{"S":"x"}]},"ss":{"SS":["x"]},"s":{"S":"axb"}}`)
		f := func(attribute, condition string, want string) {
			s.t.Helper()
			s.has("Scan", `{"ScanFilter":{"`+attribute+`":`+condition+`}}`, `{"Count":`+want+`}`)
		}
		f("nil", `{"ComparisonOperator":"NULL"}`, "0")
		f("nil", `{"ComparisonOperator":"NOT_NULL"}`, "1")
		f("no", `{"ComparisonOperator":"NULL"}`, "1")
		for _, attribute := range []string{"l", "ss", "s"} {
			f(attribute, `{"ComparisonOperator":"CONTAINS","AttributeValueList":[{"S":"x"}]}`, "1")
			f(attribute, `{"ComparisonOperator":"NOT_CONTAINS","AttributeValueList":[{"S":"x"}]}`, "0")
		}
		f("no", `{"ComparisonOperator":"NE","AttributeValueList":[{"S":"x"}]}`, "1")
		f("s", `{"ComparisonOperator":"IN","AttributeValueList":[{"S":"x"},{"S":"axb"}]}`, "1")
		s.invalid("Scan", `{"ScanFilter":{"a":{"ComparisonOperator":"IN","AttributeValueList":[{"L":[]}]}}}`, "…ComparisonOperator IN is not valid for L AttributeValue type")
		s.invalid("Scan", `{"ScanFilter":{"a":{"ComparisonOperator":"CONTAINS","AttributeValueList":[{"SS":["a"]}]}}}`, "…ComparisonOperator CONTAINS is not valid for SS AttributeValue type")
	}},
	{143, "ConditionalOperator joins conditions that are there", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"x":{"N":"1"}}`)
		const message = "ConditionalOperator cannot be used without Filter or Expected"
		s.invalid("Scan", `{"ConditionalOperator":"OR"}`, message)
		s.invalid("PutItem", `{"Item":{"pk":{"S":"a"}},"ConditionalOperator":"OR"}`, message)
		s.invalid("PutItem", `{"Item":{"pk":{"S":"a"}},"ConditionalOperator":"OR","Expected":{}}`, message)
		const filter = `"ScanFilter":{"x":{"ComparisonOperator":"NOT_NULL"},"y":{"ComparisonOperator":"NOT_NULL"}}`
		s.has("Scan", `{`+filter+`}`, `{"Count":0}`)
		s.has("Scan", `{`+filter+`,"ConditionalOperator":"AND"}`, `{"Count":0}`)
		s.has("Scan", `{`+filter+`,"ConditionalOperator":"OR"}`, `{"Count":1}`)
	}},
	{144, "KeyConditions has the keys, the first by EQ", func(s *session) {
		s.table("$T", "pk:S sk:N")
		s.batch("a", 5, "")
		f := func(conditions, message string) {
			s.t.Helper()
			s.invalid("Query", `{"KeyConditions":{`+conditions+`}}`, message)
		}
		const pk = `"pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]}`
		f(`"pk":{"ComparisonOperator":"GT","AttributeValueList":[{"S":"a"}]}`, "Query key condition not supported")
		f(`"sk":{"ComparisonOperator":"EQ","AttributeValueList":[{"N":"1"}]}`, "…Query condition missed key schema element: pk")
		f(pk+`,"sk":{"ComparisonOperator":"EQ","AttributeValueList":[{"N":"1"}]},"x":{"ComparisonOperator":"EQ","AttributeValueList":[{"N":"1"}]}`, "Conditions can be of length 1 or 2 only")
		for _, operator := range []string{"NE", "CONTAINS", "NOT_CONTAINS"} {
			f(pk+`,"sk":{"ComparisonOperator":"`+operator+`","AttributeValueList":[{"N":"1"}]}`, "Attempted conditional constraint is not an indexable operation")
		}
		f(`"pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"N":"1"}]}`, "One or more parameter values were invalid: Condition parameter type does not match schema type")
		for condition, want := range inOrder(map[string]string{
			`"EQ","AttributeValueList":[{"N":"2"}]`: "2", `"LE","AttributeValueList":[{"N":"2"}]`: "0 1 2", `"LT","AttributeValueList":[{"N":"2"}]`: "0 1",
			`"GE","AttributeValueList":[{"N":"2"}]`: "2 3 4", `"GT","AttributeValueList":[{"N":"2"}]`: "3 4", `"BETWEEN","AttributeValueList":[{"N":"1"},{"N":"3"}]`: "1 2 3",
		}) {
			s.ordered("Query", `{"KeyConditions":{`+pk+`,"sk":{"ComparisonOperator":`+condition+`}}}`, "sk", want)
		}
	}},
	{145, "a query has either kind of key conditions", func(s *session) {
		s.table("$T", "pk:S")
		s.invalid("Query", `{"KeyConditions":{"pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]}},"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, "…both…")
		s.invalid("Query", `{}`, "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}},
	{146, "KeyConditions may stand beside newer parameters, others may not", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"v":{"N":"1"},"w":{"N":"2"}}`)
		const keys = `"KeyConditions":{"pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]}}`
		s.has("Query", `{`+keys+`,"ProjectionExpression":"v"}`, `{"Items":[{"v":{"N":"1"}}]}`)
		s.has("Query", `{`+keys+`,"FilterExpression":"v=:v","ExpressionAttributeValues":{":v":{"N":"2"}}}`, `{"Count":0,"ScannedCount":1}`)
		const mixed = "Can not use both expression and non-expression parameters in the same request: …"
		s.invalid("Query", `{`+keys+`,"QueryFilter":{"v":{"ComparisonOperator":"NULL"}},"ProjectionExpression":"v"}`, mixed)
		s.invalid("Query", `{`+keys+`,"AttributesToGet":["v"],"FilterExpression":"v=w"}`, mixed)
		s.invalid("Scan", `{"ScanFilter":{"v":{"ComparisonOperator":"NULL"}},"ProjectionExpression":"v"}`, mixed)
		s.invalid("DeleteItem", `{"Key":{"pk":{"S":"a"}},"Expected":{"v":{"Exists":false}},"ConditionExpression":"v=w"}`, mixed)
	}},
}
