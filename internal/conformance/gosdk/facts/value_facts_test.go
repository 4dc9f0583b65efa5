package facts

import (
	"fmt"
	"strings"
)

// valueFacts are about attribute values.
var valueFacts = []fact{
	{53, "a value has exactly one type", func(s *session) {
		const (
			none = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
			more = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
		)
		w := s.wire()
		f := func(value, message string) {
			s.t.Helper()
			for _, wrapped := range []string{value, `{"L":[` + value + `]}`, `{"M":{"a":` + value + `}}`, `{"L":[{"M":{"a":{"L":[` + value + `]}}}]}`} {
				w.invalid("PutItem", `{"TableName":"abc","Item":{"pk":{"S":"a"},"v":`+wrapped+`}}`, message)
			}
			w.invalid("GetItem", `{"TableName":"abc","Key":{"pk":`+value+`}}`, message)
		}
		f(`{}`, none)
		f(`{"X":"a"}`, none)
		f(`{"S":null}`, none)
		f(`{"S":"a","N":"1"}`, more)
		f(`{"NULL":true,"L":[]}`, more)
	}},
	{54, "NULL is true", func(s *session) {
		s.invalid("PutItem", `{"TableName":"abc","Item":{"pk":{"S":"a"},"v":{"NULL":false}}}`,
			"One or more parameter values were invalid: Null attribute value types must have the value of true")
	}},
	{55, "sets are not empty", func(s *session) {
		f := func(value, message string) {
			s.t.Helper()
			for _, wrapped := range []string{value, `{"L":[` + value + `]}`, `{"M":{"a":` + value + `}}`} {
				s.invalid("PutItem", `{"TableName":"abc","Item":{"pk":{"S":"a"},"v":`+wrapped+`}}`, "One or more parameter values were invalid: "+message)
			}
		}
		f(`{"SS":[]}`, "An string set  may not be empty")
		f(`{"NS":[]}`, "An number set  may not be empty")
		f(`{"BS":[]}`, "Binary sets should not be empty")
	}},
	{56, "sets have no duplicates", func(s *session) {
		f := func(value, message string) {
			s.t.Helper()
			s.invalid("PutItem", `{"TableName":"abc","Item":{"pk":{"S":"a"},"v":`+value+`}}`, message)
		}
		f(`{"SS":["a","a"]}`, "One or more parameter values were invalid: Input collection [a, a] contains duplicates.")
		f(`{"NS":["1","1"]}`, "Input collection contains duplicates")
		f(`{"NS":["1","1.0"]}`, "Input collection contains duplicates")
		f(`{"NS":["10","1e1","2"]}`, "Input collection contains duplicates")
		f(`{"BS":["YQ==","YQ=="]}`, "One or more parameter values were invalid: Input collection [YQ==, YQ==]of type BS contains duplicates.")
	}},
	{57, "empty strings, binaries, lists and maps are values", func(s *session) {
		s.table("$T", "pk:S")
		const item = `{"pk":{"S":"a"},"s":{"S":""},"b":{"B":""},"l":{"L":[]},"m":{"M":{}},"deep":{"L":[{"S":""},{"B":""},{"M":{"e":{"S":""}}}]}}`
		s.put(item)
		s.item(`{"pk":{"S":"a"}}`, item)
	}},
	{58, "any text is a string and an attribute's name", func(s *session) {
		s.table("$T", "pk:S")
		const item = `{"pk":{"S":"a\u0000b"},"a.b":{"S":"\u0000\u0001"},"quo\"te":{"S":"žlutý 😀 \uFFFF"},"new\nline":{"N":"1"},"nul\u0000":{"N":"2"}," ":{"S":" "}}`
		s.put(item)
		s.item(`{"pk":{"S":"a\u0000b"}}`, item)
		// A dot is no path here.
		s.want("UpdateItem", `{"Key":{"pk":{"S":"d"}},"AttributeUpdates":{"x.y":{"Value":{"N":"1"},"Action":"PUT"}}}`, `{}`)
		s.want("UpdateItem", `{"Key":{"pk":{"S":"d"}},"UpdateExpression":"SET #d=:v","ExpressionAttributeNames":{"#d":"p.q"},"ExpressionAttributeValues":{":v":{"N":"2"}}}`, `{}`)
		s.item(`{"pk":{"S":"d"}}`, `{"pk":{"S":"d"},"x.y":{"N":"1"},"p.q":{"N":"2"}}`)
	}},
	{59, "key attributes are not empty", func(s *session) {
		s.table("$T", "pk:S sk:B", "gsi by-g ALL g:S h:B")
		const prefix = "One or more parameter values are not valid. "
		key := func(kind, name string) string {
			return prefix + "The AttributeValue for a key attribute cannot contain an empty " + kind + " value. Key: " + name
		}
		f := func(key, message string) {
			s.t.Helper()
			s.invalid("PutItem", `{"Item":`+key+`}`, message)
			s.invalid("GetItem", `{"Key":`+key+`}`, message)
			s.invalid("DeleteItem", `{"Key":`+key+`}`, message)
			s.invalid("UpdateItem", `{"Key":`+key+`}`, message)
			s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[{"PutRequest":{"Item":`+key+`}}]}}`, message)
			s.invalid("BatchGetItem", `{"RequestItems":{"$T":{"Keys":[`+key+`]}}}`, message)
		}
		f(`{"pk":{"S":""},"sk":{"B":"YQ=="}}`, key("string", "pk"))
		f(`{"pk":{"S":"a"},"sk":{"B":""}}`, key("binary", "sk"))
		index := func(kind, name string) string {
			return prefix + "A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty " +
				kind + " value. IndexName: by-g, IndexKey: " + name
		}
		s.invalid("PutItem", `{"Item":{"pk":{"S":"a"},"sk":{"B":"YQ=="},"g":{"S":""}}}`, index("string", "g"))
		s.invalid("PutItem", `{"Item":{"pk":{"S":"a"},"sk":{"B":"YQ=="},"h":{"B":""}}}`, index("binary", "h"))
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"},"sk":{"B":"YQ=="}},"UpdateExpression":"SET g=:e","ExpressionAttributeValues":{":e":{"S":""}}}`, prefix+
			"The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value.")
	}},
	{60, "names of attributes have limits", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"` + long("n", 65535) + `":{"S":"x"}}`)
		s.invalid("PutItem", `{"Item":{"pk":{"S":"a"},"`+long("n", 65536)+`":{"S":"x"}}}`, "…6553…")
		s.invalid("PutItem", `{"Item":{"pk":{"S":"a"},"":{"S":"x"}}}`, "…Empty attribute name…")
		f := func(in object) {
			s.t.Helper()
			s.invalid("CreateTable", encode(in), "…255…")
		}
		f(tableInput("$U", long("k", 256)+":S"))
		f(tableInput("$U", "pk:S", "gsi ggg ALL "+long("k", 256)+":S"))
		f(tableInput("$U", "pk:S", "gsi ggg INCLUDE("+long("k", 256)+") g:S"))
		s.table("$V", long("k", 255)+":S")
	}},
	{61, "values are checked whatever a condition says, before the table is looked up", func(s *session) {
		const duplicates = "Input collection contains duplicates"
		s.invalid("PutItem", `{"TableName":"no-such-table","Item":{"pk":{"S":"a"},"v":{"NS":["1","1"]}}}`, duplicates)
		s.table("$T", "pk:S")
		s.invalid("PutItem", `{"Item":{"pk":{"S":"a"},"v":{"NS":["1","1"]}},"ConditionExpression":"attribute_exists(pk)"}`, duplicates)
		s.invalid("DeleteItem", `{"TableName":"no-such-table","Key":{"pk":{"S":"a"}},"ConditionExpression":"pk=:v","ExpressionAttributeValues":{":v":{"NS":["1","1"]}}}`, "…"+duplicates+"…")
	}},
}

// numberFacts are about numbers.
var numberFacts = []fact{
	{62, "a number has at most 38 significant digits", func(s *session) {
		s.table("$T", "pk:S")
		n38 := strings.Repeat("123456789", 4) + "12"
		for i, good := range []string{n38, "-" + n38, "000" + n38, n38 + "000", "0.000" + n38, "1" + long("0", 50) + "e1"} {
			s.put(fmt.Sprintf(`{"pk":{"S":"%d"},"n":{"N":"%s"}}`, i, good))
		}
		for _, bad := range []string{n38 + "3", "1" + long("0", 37) + "1", "0.1" + long("0", 37) + "1"} {
			s.invalid("PutItem", `{"Item":{"pk":{"S":"a"},"n":{"N":"`+bad+`"}}}`, "Attempting to store more than 38 significant digits in a Number")
		}
	}},
	{63, "a number's magnitude has bounds", func(s *session) {
		s.table("$T", "pk:S", "gsi by-n ALL n:N")
		const (
			over  = "Number overflow. Attempting to store a number with magnitude larger than supported range"
			under = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
		)
		for i, good := range []string{"1e125", "9.9999999999999999999999999999999999999e125", "-9.9e125", "1e-130", "-1e-130", "0.01e-128"} {
			s.put(fmt.Sprintf(`{"pk":{"S":"%d"},"n":{"N":"%s"}}`, i, good))
		}
		for bad, message := range inOrder(map[string]string{"1e126": over, "-1e126": over, "10e125": over, "1e-131": under, "-1e-131": under, "0.1e-130": under}) {
			s.invalid("PutItem", `{"Item":{"pk":{"S":"a"},"n":{"N":"`+bad+`"}}}`, message)
			s.invalid("PutItem", `{"Item":{"pk":{"S":"a"},"m":{"NS":["`+bad+`"]}}}`, message)
			s.invalid("GetItem", `{"Key":{"pk":{"N":"`+bad+`"}}}`, message)
			s.invalid("Scan", `{"FilterExpression":"a=:v","ExpressionAttributeValues":{":v":{"N":"`+bad+`"}}}`, "…"+message+"…")
		}
		s.put(`{"pk":{"S":"sum"},"n":{"N":"9e125"},"m":{"N":"9e125"}}`)
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"sum"}},"UpdateExpression":"SET n=n+m"}`, over)
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"sum"}},"UpdateExpression":"ADD m :v","ExpressionAttributeValues":{":v":{"N":"9e125"}}}`, over)
	}},
	{64, "what is no number is refused", func(s *session) {
		for _, bad := range []string{"NaN", "Infinity", "dog", " 1", "1 ", "0x1", "1e", "+-1", "1.2.3", "--1", "."} {
			s.invalid("PutItem", `{"TableName":"abc","Item":{"pk":{"N":"`+bad+`"}}}`, "The parameter cannot be converted to a numeric value: "+bad)
		}
		s.invalid("PutItem", `{"TableName":"abc","Item":{"pk":{"N":""}}}`, "The parameter cannot be converted to a numeric value")
	}},
	{65, "signs, fractions and exponents are taken", func(s *session) {
		s.table("$T", "pk:S")
		for _, good := range []string{"1", "+1", "-1", "1.5", ".5", "5.", "-.5", "1e3", "1E3", "1e+3", "1e-3", "1.5E2"} {
			s.put(`{"pk":{"S":"a"},"n":{"N":"` + good + `"}}`)
		}
	}},
	{66, "numbers come back normalised", func(s *session) {
		s.table("$T", "pk:S")
		for in, out := range inOrder(map[string]string{
			"1e3": "1000", "1.5E2": "150", "1e-3": "0.001", "-0": "0", "0.0": "0", "+007": "7", "1.2300": "1.23", "-0.5": "-0.5", ".5": "0.5", "5.": "5",
			"1e125": "1" + long("0", 125), "1e-130": "0." + long("0", 129) + "1", "0e500": "0",
		}) {
			s.put(`{"pk":{"S":"` + in + `"},"n":{"N":"` + in + `"},"s":{"NS":["` + in + `"]},"l":{"L":[{"N":"` + in + `"}]}}`)
			s.item(`{"pk":{"S":"`+in+`"}}`, `{"pk":{"S":"`+in+`"},"n":{"N":"`+out+`"},"s":{"NS":["`+out+`"]},"l":{"L":[{"N":"`+out+`"}]}}`)
		}
	}},
	{67, "keys are normalised too", func(s *session) {
		s.table("$T", "pk:N sk:N")
		s.put(`{"pk":{"N":"1e3"},"sk":{"N":"0.50"},"v":{"S":"first"}}`)
		s.item(`{"pk":{"N":"1000"},"sk":{"N":".5"}}`, `{"pk":{"N":"1000"},"sk":{"N":"0.5"},"v":{"S":"first"}}`)
		s.put(`{"pk":{"N":"1000.0"},"sk":{"N":"5e-1"},"v":{"S":"second"}}`)
		s.has("Query", `{"KeyConditionExpression":"pk=:p AND sk=:s","ExpressionAttributeValues":{":p":{"N":"1000"},":s":{"N":"00.5"}}}`,
			`{"Items":[{"pk":{"N":"1000"},"sk":{"N":"0.5"},"v":{"S":"second"}}]}`)
		s.want("DeleteItem", `{"Key":{"pk":{"N":"+1000"},"sk":{"N":"0.500"}}}`, `{}`)
		s.item(`{"pk":{"N":"1e3"},"sk":{"N":"0.5"}}`, "")
	}},
	{68, "members of number sets are compared by value", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"n":{"NS":["1","2.50","1e3"]}}`)
		const key = `"Key":{"pk":{"S":"a"}},`
		s.want("UpdateItem", `{`+key+`"UpdateExpression":"ADD n :v","ExpressionAttributeValues":{":v":{"NS":["1.0","1000"]}},"ReturnValues":"ALL_NEW"}`,
			`{"Attributes":{"pk":{"S":"a"},"n":{"NS":["1","2.5","1000"]}}}`)
		s.want("UpdateItem", `{`+key+`"UpdateExpression":"DELETE n :v","ConditionExpression":"n=:w","ExpressionAttributeValues":{":v":{"NS":["2.5"]},":w":{"NS":["1E3","1","2.5"]}},"ReturnValues":"ALL_NEW"}`,
			`{"Attributes":{"pk":{"S":"a"},"n":{"NS":["1","1000"]}}}`)
	}},
	{69, "equal numbers are one key in a batch of writes", func(s *session) {
		s.table("$T", "pk:N")
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[{"PutRequest":{"Item":{"pk":{"N":"1"}}}},{"DeleteRequest":{"Key":{"pk":{"N":"1.0"}}}}]}}`,
			"Provided list of item keys contains duplicates")
	}},
	{70, "arithmetic is exact to 38 digits", func(s *session) {
		s.table("$T", "pk:S")
		f := func(a, operator, b, want string) {
			s.t.Helper()
			s.put(`{"pk":{"S":"a"},"n":{"N":"` + a + `"}}`)
			s.want("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET n=n`+operator+`:v","ExpressionAttributeValues":{":v":{"N":"`+b+`"}},"ReturnValues":"UPDATED_NEW"}`,
				`{"Attributes":{"n":{"N":"`+want+`"}}}`)
		}
		f("0.1", "+", "0.2", "0.3")
		f("1", "-", "1.1", "-0.1")
		f("12345678901234567890123456789012345677", "+", "1", "12345678901234567890123456789012345678")
		f("1e37", "-", "1", long("9", 37))
		const tooMany = "Number overflow. Attempting to store a number with magnitude larger than supported range"
		s.put(`{"pk":{"S":"a"},"n":{"N":"1e50"}}`)
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET n=n+:v","ExpressionAttributeValues":{":v":{"N":"1"}}}`, tooMany)
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"ADD n :v","ExpressionAttributeValues":{":v":{"N":"1"}}}`, tooMany)
		s.put(`{"pk":{"S":"a"},"n":{"N":"9e125"}}`)
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET n=n+n"}`, tooMany)
	}},
	{71, "numbers sort by value", func(s *session) {
		s.table("$T", "pk:S sk:N")
		const order = "-1000 -12.5 -12.4 -1 -0.001 0 0.00000000000000000000000000000000000001 0.5 1 2 9.9999999999999999999999999999999999999 10 100 1000000"
		numbers := strings.Fields(order)
		for i := range numbers {
			// In an order that is not theirs.
			s.put(`{"pk":{"S":"a"},"sk":{"N":"` + numbers[(i*5+3)%len(numbers)] + `"}}`)
		}
		s.ordered("Query", `{"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, "sk", order)
		s.put(`{"pk":{"S":"b"},"sk":{"N":"-9.9e125"}}`, `{"pk":{"S":"b"},"sk":{"N":"9.9e125"}}`, `{"pk":{"S":"b"},"sk":{"N":"1e-130"}}`, `{"pk":{"S":"b"},"sk":{"N":"-1e-130"}}`, `{"pk":{"S":"b"},"sk":{"N":"0"}}`)
		s.ordered("Query", `{"KeyConditionExpression":"pk=:p AND sk BETWEEN :a AND :z","ExpressionAttributeValues":{":p":{"S":"b"},":a":{"N":"-1e-130"},":z":{"N":"1e-130"}}}`, "sk",
			"-0."+long("0", 129)+"1 0 0."+long("0", 129)+"1")
	}},
	{72, "huge exponents are refused, and cheaply", func(s *session) {
		for _, huge := range []string{"1e1000000000", "1e999999999999999999999"} {
			s.invalid("PutItem", `{"TableName":"abc","Item":{"pk":{"N":"`+huge+`"}}}`, "Number overflow. …")
		}
		s.invalid("PutItem", `{"TableName":"abc","Item":{"pk":{"N":"1e-1000000000"}}}`, "Number underflow. …")
	}},
}

// long is text n times.
func long(text string, n int) string { return strings.Repeat(text, n) }
