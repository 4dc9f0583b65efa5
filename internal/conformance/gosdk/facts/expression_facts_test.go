package facts

// expressionFacts are about what all expressions have in common.
var expressionFacts = []fact{
	{86, "an expression is not empty", func(s *session) {
		s.table("$T", "pk:S")
		const key = `"Key":{"pk":{"S":"a"}},`
		f := func(operation, in, kind string) {
			s.t.Helper()
			s.invalid(operation, in, "Invalid "+kind+": The expression can not be empty;")
		}
		f("PutItem", `{"Item":{"pk":{"S":"a"}},"ConditionExpression":""}`, "ConditionExpression")
		f("UpdateItem", `{`+key+`"UpdateExpression":""}`, "UpdateExpression")
		f("GetItem", `{`+key+`"ProjectionExpression":""}`, "ProjectionExpression")
		f("Scan", `{"FilterExpression":""}`, "FilterExpression")
		f("Query", `{"KeyConditionExpression":""}`, "KeyConditionExpression")
	}},
	{87, "a syntax error tells the token and what is near it", func(s *session) {
		s.table("$T", "pk:S")
		const key = `"Key":{"pk":{"S":"a"}},`
		f := func(operation, in, message string) {
			s.t.Helper()
			s.invalid(operation, in, message)
		}
		f("PutItem", `{"Item":{"pk":{"S":"a"}},"ConditionExpression":"!!! INVALID !!!"}`, `Invalid ConditionExpression: Syntax error; token: "!", near: "!!"`)
		f("UpdateItem", `{`+key+`"UpdateExpression":"INVALID SYNTAX"}`, `Invalid UpdateExpression: Syntax error; token: "INVALID", near: "INVALID SYNTAX"`)
		f("UpdateItem", `{`+key+`"UpdateExpression":"SET a="}`, `Invalid UpdateExpression: Syntax error; token: "<EOF>", near: "="`)
		f("GetItem", `{`+key+`"ProjectionExpression":"a,,b"}`, `Invalid ProjectionExpression: Syntax error; token: ",", near: ",,b"`)
		f("Scan", `{"FilterExpression":"a ="}`, `Invalid FilterExpression: Syntax error; token: "<EOF>", near: "="`)
	}},
	{88, "reserved words are refused, in any case, anywhere in a path", func(s *session) {
		s.table("$T", "pk:S")
		const key = `"Key":{"pk":{"S":"a"}},`
		for _, word := range []string{"name", "NAME", "Name", "status", "abort", "zone", "count", "attribute"} {
			s.invalid("GetItem", `{`+key+`"ProjectionExpression":"`+word+`"}`, "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: "+word)
			s.invalid("GetItem", `{`+key+`"ProjectionExpression":"a.`+word+`"}`, "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: "+word)
		}
		s.invalid("UpdateItem", `{`+key+`"UpdateExpression":"SET name=:v","ExpressionAttributeValues":{":v":{"S":"x"}}}`, "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: name")
		s.ok("GetItem", `{`+key+`"ProjectionExpression":"named, pk, #n","ExpressionAttributeNames":{"#n":"name"}}`)
	}},
	{89, "placeholders must be defined", func(s *session) {
		s.table("$T", "pk:S")
		s.invalid("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"#x"}`,
			"Invalid ProjectionExpression: An expression attribute name used in the document path is not defined; attribute name: #x")
		s.invalid("Scan", `{"FilterExpression":"a=:v"}`, "Invalid FilterExpression: An expression attribute value used in expression is not defined; attribute value: :v")
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET a=:v","ExpressionAttributeValues":{":w":{"S":"x"}}}`,
			"Invalid UpdateExpression: An expression attribute value used in expression is not defined; attribute value: :v")
	}},
	{90, "placeholders must be used, whatever a condition says", func(s *session) {
		s.table("$T", "pk:S")
		const key = `"Key":{"pk":{"S":"a"}},`
		s.invalid("GetItem", `{`+key+`"ProjectionExpression":"a","ExpressionAttributeNames":{"#x":"b"}}`, "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}")
		s.invalid("DeleteItem", `{`+key+`"ConditionExpression":"attribute_exists(pk)","ExpressionAttributeValues":{":v":{"S":"x"}}}`,
			"Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}")
		s.invalid("GetItem", `{`+key+`"ProjectionExpression":"a","ExpressionAttributeNames":{"#x":"b","#y":"c"}}`, "Value provided in ExpressionAttributeNames unused in expressions: keys: {#…, #…}")
		// What one expression does not use another may; what is not evaluated is used.
		s.want("UpdateItem", `{`+key+`"UpdateExpression":"SET #a=:v","ConditionExpression":"attribute_not_exists(#b) OR c=:w","ExpressionAttributeNames":{"#a":"a","#b":"b"},"ExpressionAttributeValues":{":v":{"S":"x"},":w":{"S":"x"}}}`, `{}`)
	}},
	{91, "placeholders need an expression", func(s *session) {
		s.table("$T", "pk:S")
		s.invalid("GetItem", `{"Key":{"pk":{"S":"a"}},"ExpressionAttributeNames":{"#x":"b"}}`, "ExpressionAttributeNames can only be specified when using expressions")
		s.invalid("PutItem", `{"Item":{"pk":{"S":"a"}},"ExpressionAttributeValues":{":v":{"S":"x"}}}`,
			"ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null")
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"ExpressionAttributeValues":{":v":{"S":"x"}}}`,
			"ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and ConditionExpression are null")
		s.invalid("Scan", `{"ExpressionAttributeValues":{":v":{"S":"x"}}}`, "ExpressionAttributeValues can only be specified when using expressions: FilterExpression is null")
	}},
	{92, "maps of placeholders are not empty and their keys are placeholders", func(s *session) {
		s.table("$T", "pk:S")
		s.invalid("Scan", `{"FilterExpression":"a=b","ExpressionAttributeNames":{}}`, "ExpressionAttributeNames must not be empty")
		s.invalid("Scan", `{"FilterExpression":"a=b","ExpressionAttributeValues":{}}`, "ExpressionAttributeValues must not be empty")
		s.invalid("Scan", `{"FilterExpression":"a=b","ExpressionAttributeNames":{"x":"a"}}`, `ExpressionAttributeNames contains invalid key: Syntax error; key: "x"`)
		s.invalid("Scan", `{"FilterExpression":"a=b","ExpressionAttributeValues":{"x":{"S":"a"}}}`, `ExpressionAttributeValues contains invalid key: Syntax error; key: "x"`)
		s.invalid("Scan", `{"FilterExpression":"a=:v","ExpressionAttributeValues":{":v":{"NULL":false}}}`,
			"ExpressionAttributeValues contains invalid value: One or more parameter values were invalid: Null attribute value types must have the value of true for key :v")
	}},
	{93, "old and new parameters do not mix", func(s *session) {
		s.table("$T", "pk:S")
		const mixed = "Can not use both expression and non-expression parameters in the same request: "
		s.invalid("PutItem", `{"Item":{"pk":{"S":"a"}},"Expected":{"a":{"Exists":false}},"ConditionExpression":"a=b"}`,
			mixed+"Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}")
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"AttributeUpdates":{"a":{"Action":"DELETE"}},"Expected":{"a":{"Exists":false}},"UpdateExpression":"REMOVE a","ConditionExpression":"a=b"}`,
			mixed+"Non-expression parameters: {AttributeUpdates, Expected} Expression parameters: {UpdateExpression, ConditionExpression}")
		s.invalid("Scan", `{"AttributesToGet":["a"],"FilterExpression":"a=b"}`, mixed+"Non-expression parameters: {AttributesToGet} Expression parameters: {FilterExpression}")
	}},
	{94, "bare names are letters, digits and underscores; other names need a placeholder", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"a_1B":{"N":"1"},"x-y":{"N":"2"},"p.q":{"N":"3"},"p":{"M":{"q":{"N":"4"}}}}`)
		f := func(projection, names, want string) {
			s.t.Helper()
			s.want("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"`+projection+`"`+names+`}`, `{"Item":`+want+`}`)
		}
		f("a_1B", "", `{"a_1B":{"N":"1"}}`)
		f("#d", `,"ExpressionAttributeNames":{"#d":"x-y"}`, `{"x-y":{"N":"2"}}`)
		f("#d", `,"ExpressionAttributeNames":{"#d":"p.q"}`, `{"p.q":{"N":"3"}}`)
		f("#p.#q", `,"ExpressionAttributeNames":{"#p":"p","#q":"q"}`, `{"p":{"M":{"q":{"N":"4"}}}}`)
		for _, bad := range []string{"x-y", "1a", "_a", "a!"} {
			s.invalid("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"`+bad+`"}`, "Invalid ProjectionExpression: Syntax error; …")
		}
	}},
	{95, "keywords have any case, functions only theirs, and space is free", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"n":{"N":"1"},"m":{"N":"2"}}`)
		s.holds("n between :a aNd :b and not (m = :a)", `{":a":{"N":"1"},":b":{"N":"2"}}`, true)
		s.holds("n IN(:a)Or m In ( :a )", `{":a":{"N":"2"}}`, true)
		s.holds("\\n\\tattribute_exists ( n )\\r\\n AND\\tsize(pk)=:a", `{":a":{"N":"1"}}`, true)
		s.refusesCondition("ATTRIBUTE_EXISTS(n)", "", "…Invalid function name; function: ATTRIBUTE_EXISTS")
		s.want("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"set x=:v remove n Add m :v","ExpressionAttributeValues":{":v":{"N":"1"}},"ReturnValues":"ALL_NEW"}`,
			`{"Attributes":{"pk":{"S":"a"},"x":{"N":"1"},"m":{"N":"3"}}}`)
	}},
	{96, "functions are known and used in their place", func(s *session) {
		s.table("$T", "pk:S")
		s.refusesCondition("dog(a)", "", "Invalid …: Invalid function name; function: dog")
		s.refusesCondition("size(a)", "", "Invalid …: The function is not allowed to be used this way in an expression; function: size")
		s.refusesCondition("attribute_exists(a) = :v", `{":v":{"BOOL":true}}`, "Invalid …: The function is not allowed to be used this way in an expression; function: attribute_exists")
		s.refusesCondition("if_not_exists(a, :v) = :v", `{":v":{"N":"1"}}`, "Invalid …: The function is not allowed in a condition expression; function: if_not_exists")
		s.refusesCondition("list_append(a, :v) = :v", `{":v":{"L":[]}}`, "Invalid …: The function is not allowed in a condition expression; function: list_append")
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET a=dog(b)"}`, "Invalid UpdateExpression: Invalid function name; function: dog")
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET a=size(b)"}`, "Invalid UpdateExpression: The function is not allowed in an update expression; function: size")
	}},
	{97, "functions have their number and types of operands", func(s *session) {
		s.table("$T", "pk:S")
		s.refusesCondition("contains(a)", "", "Invalid …: Incorrect number of operands for operator or function; operator or function: contains, number of operands: 1")
		s.refusesCondition("attribute_exists(a, b)", "", "Invalid …: Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2")
		s.refusesCondition("begins_with(a, :v)", `{":v":{"N":"1"}}`, "Invalid …: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N")
	}},
	{98, "doubled parentheses are redundant, single ones are not", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"}}`)
		s.refusesCondition("((a = b))", "", "Invalid …: The expression has redundant parentheses;")
		s.holds("(attribute_exists(pk))", "", true)
		s.holds("(attribute_exists(pk)) AND (attribute_exists(pk))", "", true)
		s.holds("((attribute_exists(pk)) AND attribute_exists(pk))", "", true)
	}},
	{99, "NOT binds before AND, AND before OR", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"t":{"N":"1"}}`)
		values := `{":t":{"N":"1"},":f":{"N":"2"}}`
		s.holds("t = :t OR t = :t AND t = :f", values, true)
		s.holds("(t = :t OR t = :t) AND t = :f", values, false)
		s.holds("NOT t = :f AND t = :t", values, true)
		s.holds("NOT t = :t OR t = :t AND NOT t = :f", values, true)
		s.holds("NOT (t = :t OR t = :f)", values, false)
		s.holds("t BETWEEN :t AND :f AND t = :t", values, true)
	}},
}

// conditionFacts are about what conditions and filters mean.
var conditionFacts = []fact{
	{100, "operands are paths, values and sizes", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"x":{"N":"1"},"y":{"N":"1"},"z":{"N":"2"},"l":{"L":[{"N":"2"}]}}`)
		s.holds("x = y", "", true)
		s.holds("x < z", "", true)
		s.holds("l[0] = z", "", true)
		s.holds("size(pk) = x", "", true)
		s.holds(":v = x", `{":v":{"N":"1"}}`, true)
		s.holds("size(pk) = size(l)", "", true)
		s.refusesCondition("x", "", "Invalid …: Syntax error; …")
		s.refusesCondition(":v", `{":v":{"N":"1"}}`, "Invalid …: Syntax error; …")
	}},
	{101, "a missing attribute is unequal to everything and has no order", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"}}`)
		value := `{":v":{"S":"x"}}`
		for condition, want := range inOrder(map[string]bool{
			"nil = :v": false, "nil <> :v": true, "nil < :v": false, "nil <= :v": false, "nil > :v": false, "nil >= :v": false, "nil BETWEEN :v AND :v": false,
			"nil IN (:v)": false, "begins_with(nil, :v)": false, "contains(nil, :v)": false, ":v BETWEEN nil AND pk": false,
		}) {
			s.holds(condition, value, want)
		}
		for condition, want := range inOrder(map[string]bool{"nil = nul": false, "nil <> nul": true, "nil < nul": false, "nil <= nul": false, "nil = pk": false, "nil <> pk": true}) {
			s.holds(condition, "", want)
		}
	}},
	{102, "values of different types are unequal and have no order", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"s":{"S":"1"},"n":{"N":"1"},"b":{"B":"MQ=="},"l":{"L":[]},"nil":{"NULL":true}}`)
		for condition, want := range inOrder(map[string]bool{
			"s = n": false, "s <> n": true, "s < n": false, "s > n": false, "s = b": false, "l < n": false, "l = s": false, "nil <> n": true, "nil < n": false, "n BETWEEN s AND s": false,
		}) {
			s.holds(condition, "", want)
		}
	}},
	{103, "a literal without an order cannot be ordered", func(s *session) {
		s.table("$T", "pk:S")
		for kind, value := range inOrder(map[string]string{
			"L": `{"L":[]}`, "M": `{"M":{}}`, "SS": `{"SS":["a"]}`, "NS": `{"NS":["1"]}`, "BS": `{"BS":["YQ=="]}`, "BOOL": `{"BOOL":true}`, "NULL": `{"NULL":true}`,
		}) {
			for _, operator := range []string{"<", "<=", ">", ">="} {
				s.refusesCondition("a "+operator+" :v", `{":v":`+value+`}`, "Invalid …: Incorrect operand type for operator or function; operator or function: "+operator+", operand type: "+kind)
			}
			s.refusesCondition("a BETWEEN :v AND :v", `{":v":`+value+`}`, "Invalid …: Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: "+kind)
		}
	}},
	{104, "the bounds of BETWEEN have one type and an order", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"n":{"N":"2"}}`)
		s.refusesCondition("n BETWEEN :a AND :b", `{":a":{"N":"2"},":b":{"N":"1"}}`,
			"Invalid …: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}")
		s.refusesCondition("n BETWEEN :a AND :b", `{":a":{"N":"1"},":b":{"S":"2"}}`, "Invalid …: The BETWEEN operator requires same data type for lower and upper bounds; …")
		s.holds("n BETWEEN :a AND :a", `{":a":{"N":"2"}}`, true)
	}},
	{105, "strings and binaries are ordered by their bytes", func(s *session) {
		s.table("$T", "pk:S sk:S")
		const order = "A B Z a b z ~ é ž 漢 \uff5e 😀"
		for i, words := 0, split(order); i < len(words); i++ {
			s.put(`{"pk":{"S":"a"},"sk":{"S":"` + words[(i*5+2)%len(words)] + `"}}`)
		}
		s.ordered("Query", `{"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, "sk", order)
		s.table("$U", "pk:S sk:B")
		for _, b := range []string{"gA==", "fw==", "/w==", "AA==", "fwA="} {
			s.want("PutItem", `{"TableName":"$U","Item":{"pk":{"S":"a"},"sk":{"B":"`+b+`"}}}`, `{}`)
		}
		s.ordered("Query", `{"TableName":"$U","KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, "sk", "AA== fw== fwA= gA== /w==")
	}},
	{106, "sets are equal as sets, maps by content, lists in order", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"s":{"SS":["a","b"]},"n":{"NS":["1","2"]},"d":{"L":[{"M":{"x":{"SS":["p","q"]},"y":{"N":"1"}}}]}}`)
		f := func(path, value string, want bool) {
			s.t.Helper()
			s.holds(path+" = :v", `{":v":`+value+`}`, want)
			s.holds(path+" <> :v", `{":v":`+value+`}`, !want)
		}
		f("s", `{"SS":["b","a"]}`, true)
		f("s", `{"SS":["a"]}`, false)
		f("n", `{"NS":["2.0","1e0"]}`, true)
		f("d", `{"L":[{"M":{"y":{"N":"1.0"},"x":{"SS":["q","p"]}}}]}`, true)
		f("d", `{"L":[{"M":{"y":{"N":"2"},"x":{"SS":["q","p"]}}}]}`, false)
		f("d[0].x", `{"SS":["q","p"]}`, true)
	}},
	{107, "IN takes one to a hundred operands", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"x":{"N":"7"},"y":{"N":"7"}}`)
		s.holds("x IN (:a, y)", `{":a":{"N":"1"}}`, true)
		s.holds("x IN (:a)", `{":a":{"N":"7.0"}}`, true)
		list, given := "", ""
		for i := range 100 {
			list += ",:v" + text(i)
			given += `,":v` + text(i) + `":{"N":"` + text(i) + `"}`
		}
		s.holds("x IN ("+list[1:]+")", `{`+given[1:]+`}`, true)
		s.refusesCondition("x IN ("+list[1:]+",:z)", `{`+given[1:]+`,":z":{"N":"1"}}`, "…")
		s.refusesCondition("x IN ()", "", "Invalid …: Syntax error; …")
	}},
	{108, "attribute_exists wants a path", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"m":{"M":{"l":{"L":[{"N":"1"}]}}}}`)
		s.holds("attribute_exists(m.l[0]) AND attribute_not_exists(m.l[1]) AND attribute_not_exists(m.x) AND attribute_exists(pk)", "", true)
		s.refusesCondition("attribute_exists(:v)", `{":v":{"S":"a"}}`, "Invalid …: Operator or function requires a document path; operator or function: attribute_exists")
		s.refusesCondition("attribute_not_exists(:v)", `{":v":{"S":"a"}}`, "Invalid …: Operator or function requires a document path; operator or function: attribute_not_exists")
	}},
	{109, "attribute_type wants the name of a type", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"N":{"N":"1"},"B":{"B":"YQ=="},"SS":{"SS":["a"]},"NS":{"NS":["1"]},"BS":{"BS":["YQ=="]},"L":{"L":[]},"M":{"M":{}},"NULL":{"NULL":true},"BOOL":{"BOOL":false}}`)
		for _, kind := range []string{"N", "B", "SS", "NS", "BS", "L", "M", "NULL", "BOOL"} {
			s.holdsWith("attribute_type(#k, :t)", `{"#k":"`+kind+`"}`, `{":t":{"S":"`+kind+`"}}`, true)
			s.holdsWith("attribute_type(#k, :t)", `{"#k":"`+kind+`"}`, `{":t":{"S":"S"}}`, false)
		}
		s.refusesCondition("attribute_type(a, :t)", `{":t":{"S":"DOG"}}`, "Invalid …: Invalid attribute type name found; type: DOG, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}")
		s.refusesCondition("attribute_type(a, :t)", `{":t":{"N":"1"}}`, "Invalid …: Incorrect operand type for operator or function; operator or function: attribute_type, operand type: N")
		s.refusesCondition("attribute_type(a, b)", "", "…")
	}},
	{110, "begins_with is for strings and binaries", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"abc"},"b":{"B":"YWJj"},"n":{"N":"123"}}`)
		s.holdsFor("abc", "begins_with(pk, :v)", `{":v":{"S":"ab"}}`, true)
		s.holdsFor("abc", "begins_with(pk, :v)", `{":v":{"S":"bc"}}`, false)
		s.holdsFor("abc", "begins_with(b, :v)", `{":v":{"B":"YWI="}}`, true)
		s.holdsFor("abc", "begins_with(b, :v)", `{":v":{"S":"a"}}`, false)
		s.holdsFor("abc", "begins_with(n, :v)", `{":v":{"S":"1"}}`, false)
		s.holdsFor("abc", "begins_with(pk, n)", "", false)
		for kind, value := range inOrder(map[string]string{"N": `{"N":"1"}`, "BOOL": `{"BOOL":true}`, "SS": `{"SS":["a"]}`, "L": `{"L":[]}`}) {
			s.refusesCondition("begins_with(a, :v)", `{":v":`+value+`}`, "Invalid …: Incorrect operand type for operator or function; operator or function: begins_with, operand type: "+kind)
		}
	}},
	{111, "contains looks into strings, binaries, sets and lists", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"s":{"S":"abc1"},"b":{"B":"YWJj"},"ss":{"SS":["x","y"]},"ns":{"NS":["1"]},"l":{"L":[{"S":"x"},{"L":[]},{"N":"1"}]},"m":{"M":{"x":{"S":"x"}}}}`)
		f := func(path, value string, want bool) {
			s.t.Helper()
			s.holds("contains("+path+", :v)", `{":v":`+value+`}`, want)
		}
		f("s", `{"S":"bc"}`, true)
		f("s", `{"S":"x"}`, false)
		f("s", `{"N":"1"}`, false)
		f("b", `{"B":"YmM="}`, true)
		f("ss", `{"S":"x"}`, true)
		f("ss", `{"S":"z"}`, false)
		f("ns", `{"N":"1.0"}`, true)
		f("l", `{"S":"x"}`, true)
		f("l", `{"N":"1"}`, true)
		f("l", `{"L":[]}`, true)
		f("m", `{"S":"x"}`, false)
		s.refusesCondition("contains(a, a)", "", "Invalid …: The first operand must be distinct from the remaining operands for this operator or function; operator: contains, first operand: [a]")
	}},
	{112, "size counts bytes, characters or members", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"s":{"S":"abc"},"b":{"B":"YWJj"},"ss":{"SS":["x","yy"]},"l":{"L":[{"S":"x"},{"L":[]},{"N":"1"}]},"m":{"M":{"x":{"S":"x"}}},"n":{"N":"1"},"t":{"BOOL":true},"z":{"NULL":true}}`)
		for path, size := range inOrder(map[string]string{"s": "3", "b": "3", "ss": "2", "l": "3", "m": "1", ":w": "2"}) {
			if path == ":w" {
				s.holds("size(:w) = :v", `{":w":{"S":"ab"},":v":{"N":"`+size+`"}}`, true)
				continue
			}
			s.holds("size("+path+") = :v", `{":v":{"N":"`+size+`"}}`, true)
			s.holds("size("+path+") > :v", `{":v":{"N":"`+size+`"}}`, false)
		}
		for _, path := range []string{"n", "t", "z", "nowhere"} {
			s.holds("size("+path+") >= :v", `{":v":{"N":"0"}}`, false)
		}
		s.refusesCondition("size(:w) = :v", `{":w":{"N":"12"},":v":{"N":"2"}}`, "Invalid …: Incorrect operand type for operator or function; operator or function: size, operand type: N")
	}},
	{113, "on a missing item every attribute is missing, the key too", func(s *session) {
		s.table("$T", "pk:S")
		s.want("PutItem", `{"Item":{"pk":{"S":"a"}},"ConditionExpression":"pk <> :p AND attribute_not_exists(pk)","ExpressionAttributeValues":{":p":{"S":"a"}}}`, `{}`)
		s.refuses("PutItem", `{"Item":{"pk":{"S":"b"}},"ConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"b"}}}`, "ConditionalCheckFailedException", "The conditional request failed")
		// The item before the change.
		s.refuses("PutItem", `{"Item":{"pk":{"S":"a"},"v":{"N":"1"}},"ConditionExpression":"attribute_exists(v)"}`, "ConditionalCheckFailedException", "The conditional request failed")
	}},
	{114, "a query's filter does not name the primary key of what is queried", func(s *session) {
		s.table("$T", "pk:S sk:S", "gsi by-g ALL g:S h:S")
		s.put(`{"pk":{"S":"a"},"sk":{"S":"b"},"g":{"S":"c"},"h":{"S":"d"}}`)
		const query = `"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}},`
		s.invalid("Query", `{`+query+`"FilterExpression":"pk=:p"}`, "Filter Expression can only contain non-primary key attributes: Primary key attribute: pk")
		s.invalid("Query", `{`+query+`"FilterExpression":"attribute_exists(sk)"}`, "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk")
		s.invalid("Query", `{"KeyConditions":{"pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]}},"QueryFilter":{"sk":{"ComparisonOperator":"NOT_NULL"}}}`,
			"QueryFilter can only contain non-primary key attributes: Primary key attribute: sk")
		const index = `"IndexName":"by-g","KeyConditionExpression":"g=:g",`
		s.invalid("Query", `{`+index+`"ExpressionAttributeValues":{":g":{"S":"c"}},"FilterExpression":"h=:g"}`, "Filter Expression can only contain non-primary key attributes: Primary key attribute: h")
		s.has("Query", `{`+index+`"ExpressionAttributeValues":{":g":{"S":"c"},":p":{"S":"a"}},"FilterExpression":"pk=:p"}`, `{"Count":1}`)
		s.has("Scan", `{"FilterExpression":"pk=:p AND sk=:s","ExpressionAttributeValues":{":p":{"S":"a"},":s":{"S":"b"}}}`, `{"Count":1}`)
	}},
	{115, "filters are checked though nothing is read", func(s *session) {
		s.table("$T", "pk:S")
		s.invalid("Scan", `{"FilterExpression":"begins_with(a, :v)","ExpressionAttributeValues":{":v":{"N":"1"}}}`, "…Incorrect operand type…")
		s.invalid("Scan", `{"FilterExpression":"dog(a)"}`, "…Invalid function name…")
		s.invalid("Query", `{"KeyConditionExpression":"pk=:p","FilterExpression":"a < :l","ExpressionAttributeValues":{":p":{"S":"a"},":l":{"L":[]}}}`, "…Incorrect operand type…")
	}},
	{116, "filters come after the page is cut and before it is projected", func(s *session) {
		s.table("$T", "pk:S sk:N")
		s.batch("a", 10, `,"n":{"N":"%d"}`)
		const query = `"KeyConditionExpression":"pk=:p","FilterExpression":"n >= :n","ExpressionAttributeValues":{":p":{"S":"a"},":n":{"N":"3"}},`
		s.want("Query", `{`+query+`"Limit":5,"ProjectionExpression":"sk"}`,
			`{"Items":[{"sk":{"N":"3"}},{"sk":{"N":"4"}}],"Count":2,"ScannedCount":5,"LastEvaluatedKey":{"pk":{"S":"a"},"sk":{"N":"4"}}}`)
		s.want("Query", `{`+query+`"Limit":2}`, `{"Items":[],"Count":0,"ScannedCount":2,"LastEvaluatedKey":{"pk":{"S":"a"},"sk":{"N":"1"}}}`)
		s.has("Scan", `{"FilterExpression":"n >= :n","ExpressionAttributeValues":{":n":{"N":"3"}},"Select":"COUNT"}`, `{"Count":7,"ScannedCount":10}`)
	}},
}

// holds checks a condition on the one item of "$T", whose partition key is "a": by a write and by a filter.
func (s *session) holds(condition, values string, want bool) {
	s.t.Helper()
	s.holdsFor("a", condition, values, want)
}

// holdsFor is holds for another partition key.
func (s *session) holdsFor(pk, condition, values string, want bool) {
	s.t.Helper()
	s.check(pk, condition, "", values, want)
}

// holdsWith is holds with names.
func (s *session) holdsWith(condition, names, values string, want bool) {
	s.t.Helper()
	s.check("a", condition, names, values, want)
}

// check does what holds promises. The write changes nothing.
func (s *session) check(pk, condition, names, values string, want bool) {
	s.t.Helper()
	more := ""
	if names != "" {
		more += `,"ExpressionAttributeNames":` + names
	}
	if values != "" {
		more += `,"ExpressionAttributeValues":` + values
	}
	write := `{"Key":{"pk":{"S":"` + pk + `"}},"ConditionExpression":"` + condition + `"` + more + `}`
	filter := `{"FilterExpression":"` + condition + `"` + more + `}`
	if want {
		s.want("UpdateItem", write, `{}`)
		s.has("Scan", filter, `{"Count":1,"ScannedCount":1}`)
		return
	}
	s.refuses("UpdateItem", write, "ConditionalCheckFailedException", "The conditional request failed")
	s.has("Scan", filter, `{"Count":0,"ScannedCount":1}`)
}

// refusesCondition checks that a condition, and the same filter, are invalid.
func (s *session) refusesCondition(condition, values, message string) {
	s.t.Helper()
	more := ""
	if values != "" {
		more = `,"ExpressionAttributeValues":` + values
	}
	s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"ConditionExpression":"`+condition+`"`+more+`}`, message)
	s.invalid("Scan", `{"FilterExpression":"`+condition+`"`+more+`}`, message)
}
