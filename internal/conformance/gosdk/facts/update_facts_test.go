package facts

// projectionFacts are about ProjectionExpression and AttributesToGet.
var projectionFacts = []fact{
	{117, "paths keep their nesting, and lists are closed up", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"m":{"M":{"x":{"N":"1"},"y":{"M":{"z":{"N":"2"},"w":{"N":"3"}}}}},"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"},{"M":{"a":{"N":"3"},"b":{"N":"4"}}}]}}`)
		f := func(projection, want string) {
			s.t.Helper()
			s.want("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"`+projection+`"}`, `{"Item":`+want+`}`)
			s.has("Scan", `{"ProjectionExpression":"`+projection+`"}`, `{"Items":[`+want+`],"Count":1}`)
		}
		f("m.y.z", `{"m":{"M":{"y":{"M":{"z":{"N":"2"}}}}}}`)
		f("l[2],l[0]", `{"l":{"L":[{"N":"0"},{"N":"2"}]}}`)
		f("l[3].b, l[1]", `{"l":{"L":[{"N":"1"},{"M":{"b":{"N":"4"}}}]}}`)
		f("m.x, pk, nothing, m.nothing, l[9]", `{"m":{"M":{"x":{"N":"1"}}},"pk":{"S":"a"}}`)
		f("nothing", `{}`)
	}},
	{118, "keys are not added", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"v":{"N":"1"}}`)
		s.want("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"v"}`, `{"Item":{"v":{"N":"1"}}}`)
		s.want("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"w"}`, `{"Item":{}}`)
		s.want("GetItem", `{"Key":{"pk":{"S":"b"}},"ProjectionExpression":"w"}`, `{}`)
	}},
	{119, "paths may not overlap or conflict", func(s *session) {
		s.table("$T", "pk:S")
		f := func(projection, message string) {
			s.t.Helper()
			s.invalid("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"`+projection+`"}`, "Invalid ProjectionExpression: "+message)
		}
		const overlap = "Two document paths overlap with each other; must remove or rewrite one of these paths; "
		f("a, a.b", overlap+"path one: [a], path two: [a, b]")
		f("a.b, a", overlap+"path one: [a, b], path two: [a]")
		f("a, a", overlap+"path one: [a], path two: [a]")
		f("a[1], a[1].b", overlap+"path one: [a, [1]], path two: [a, [1], b]")
		f("a.b, a[1]", "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [1]]")
	}},
	{120, "AttributesToGet has names, none twice, and no expression beside it", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"v":{"N":"1"},"a.b":{"N":"2"}}`)
		const key = `"Key":{"pk":{"S":"a"}},`
		s.want("GetItem", `{`+key+`"AttributesToGet":["v","a.b","w"]}`, `{"Item":{"v":{"N":"1"},"a.b":{"N":"2"}}}`)
		s.invalid("GetItem", `{`+key+`"AttributesToGet":[]}`, "…'attributesToGet' failed to satisfy constraint: Member must have length greater than or equal to 1")
		s.invalid("GetItem", `{`+key+`"AttributesToGet":["a","a"]}`, "One or more parameter values were invalid: Duplicate value in attribute name: a")
		s.invalid("GetItem", `{`+key+`"AttributesToGet":["a"],"ProjectionExpression":"a"}`, "Can not use both expression and non-expression parameters in the same request: …")
	}},
	{121, "every read projects", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"n":{"N":"1"},"o":{"N":"2"}}`)
		const projection = `"ProjectionExpression":"#n","ExpressionAttributeNames":{"#n":"n"}`
		const item = `{"n":{"N":"1"}}`
		s.want("GetItem", `{"Key":{"pk":{"S":"a"}},`+projection+`}`, `{"Item":`+item+`}`)
		s.has("BatchGetItem", `{"RequestItems":{"$T":{"Keys":[{"pk":{"S":"a"}}],`+projection+`}}}`, `{"Responses":{"$T":[`+item+`]}}`)
		s.has("Query", `{"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}},`+projection+`}`, `{"Items":[`+item+`]}`)
		s.has("Scan", `{`+projection+`}`, `{"Items":[`+item+`]}`)
		s.want("TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"$T","Key":{"pk":{"S":"a"}},`+projection+`}}]}`, `{"Responses":[{"Item":`+item+`}]}`)
		// The item is whole all the same.
		s.item(`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"n":{"N":"1"},"o":{"N":"2"}}`)
	}},
}

// updateFacts are about UpdateExpression.
var updateFacts = []fact{
	{122, "each section comes once", func(s *session) {
		s.table("$T", "pk:S")
		for section, action := range inOrder(map[string]string{"SET": "a=:v", "REMOVE": "a", "ADD": "a :v", "DELETE": "a :v"}) {
			s.refusesUpdate(section+" "+action+" "+section+" "+action, `{":v":{"SS":["x"]}}`, `Invalid UpdateExpression: The "`+section+`" section can only be used once in an update expression;`)
		}
	}},
	{123, "paths may not overlap or conflict, in the whole expression", func(s *session) {
		s.table("$T", "pk:S")
		const overlap = "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; "
		s.refusesUpdate("SET a=:v, a=:v", `{":v":{"S":"x"}}`, overlap+"path one: [a], path two: [a]")
		s.refusesUpdate("SET a.b=:v REMOVE a", `{":v":{"S":"x"}}`, overlap+"path one: [a, b], path two: [a]")
		s.refusesUpdate("SET a=:v ADD a[0] :v", `{":v":{"N":"1"}}`, overlap+"path one: [a], path two: [a, [0]]")
		s.refusesUpdate("SET a.b=:v REMOVE a[0]", `{":v":{"N":"1"}}`,
			"Invalid UpdateExpression: Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [0]]")
	}},
	{124, "keys are not updated, not even to what they are", func(s *session) {
		s.table("$T", "pk:S sk:S")
		const key = `"Key":{"pk":{"S":"a"},"sk":{"S":"b"}},`
		for name, value := range inOrder(map[string]string{"pk": "a", "sk": "b"}) {
			message := "One or more parameter values were invalid: Cannot update attribute " + name + ". This attribute is part of the key"
			s.invalid("UpdateItem", `{`+key+`"UpdateExpression":"SET `+name+`=:v","ExpressionAttributeValues":{":v":{"S":"`+value+`"}}}`, message)
			s.invalid("UpdateItem", `{`+key+`"UpdateExpression":"REMOVE `+name+`"}`, message)
			s.invalid("UpdateItem", `{`+key+`"AttributeUpdates":{"`+name+`":{"Value":{"S":"`+value+`"}}}}`, message)
		}
	}},
	{125, "SET has one operator between two operands", func(s *session) {
		s.table("$T", "pk:S")
		s.update(`{"pk":{"S":"a"},"x":{"N":"5"},"y":{"N":"3"}}`, "SET a=x, b=:v, c=x+y, d=x-:v, e=:v+:v, f=if_not_exists(z,:v)+if_not_exists(x,:v)", `{":v":{"N":"1"}}`,
			`{"pk":{"S":"a"},"x":{"N":"5"},"y":{"N":"3"},"a":{"N":"5"},"b":{"N":"1"},"c":{"N":"8"},"d":{"N":"4"},"e":{"N":"2"},"f":{"N":"6"}}`)
		s.refusesUpdate("SET a=x+y+z", "", "Invalid UpdateExpression: Syntax error; …")
		s.refusesUpdate("SET a=if_not_exists(x, :v + :v)", `{":v":{"N":"1"}}`, "Invalid UpdateExpression: Syntax error; …")
		s.refusesUpdate("SET a=x*y", "", "Invalid UpdateExpression: Syntax error; …")
		s.refusesUpdate("SET a", "", "Invalid UpdateExpression: Syntax error; …")
	}},
	{126, "if_not_exists and list_append", func(s *session) {
		s.table("$T", "pk:S")
		s.update(`{"pk":{"S":"a"},"l":{"L":[{"N":"1"}]}}`, "SET l=list_append(l,:v), m=list_append(:v,l), o=list_append(if_not_exists(nil,:e),:v), p=if_not_exists(l,:v)", `{":v":{"L":[{"N":"2"}]},":e":{"L":[]}}`,
			`{"pk":{"S":"a"},"l":{"L":[{"N":"1"},{"N":"2"}]},"m":{"L":[{"N":"2"},{"N":"1"}]},"o":{"L":[{"N":"2"}]},"p":{"L":[{"N":"1"}]}}`)
		s.refusesUpdate("SET a=if_not_exists(:v,:v)", `{":v":{"N":"1"}}`, "Invalid UpdateExpression: Operator or function requires a document path; operator or function: if_not_exists")
		s.refusesUpdate("SET a=list_append(:v,:w)", `{":v":{"S":"x"},":w":{"L":[]}}`, "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: list_append, operand type: S")
		s.put(`{"pk":{"S":"a"},"s":{"S":"x"}}`)
		s.refusesUpdate("SET a=list_append(s,:v)", `{":v":{"L":[]}}`, "An operand in the update expression has an incorrect data type")
	}},
	{127, "what is read is the item before the update", func(s *session) {
		s.table("$T", "pk:S")
		s.update(`{"pk":{"S":"a"},"x":{"N":"1"},"y":{"N":"2"},"z":{"N":"3"}}`, "SET x=y, y=x, w=z REMOVE z", "", `{"pk":{"S":"a"},"x":{"N":"2"},"y":{"N":"1"},"w":{"N":"3"}}`)
	}},
	{128, "an attribute that is read must be there", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"}}`)
		const missing = "The provided expression refers to an attribute that does not exist in the item"
		s.refusesUpdate("SET a=b", "", missing)
		s.refusesUpdate("SET a=b+:v", `{":v":{"N":"1"}}`, missing)
		s.refusesUpdate("SET a=list_append(b,:v)", `{":v":{"L":[]}}`, missing)
		s.refusesUpdate("SET a=if_not_exists(b,c)", "", missing)
	}},
	{129, "arithmetic is for numbers", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"s":{"S":"x"}}`)
		s.refusesUpdate("SET a=s+:v", `{":v":{"N":"1"}}`, "An operand in the update expression has an incorrect data type")
		s.refusesUpdate("SET a=s-s", "", "An operand in the update expression has an incorrect data type")
		s.refusesUpdate("SET a=:s+:v", `{":v":{"N":"1"},":s":{"S":"x"}}`, "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: +, operand type: S")
		s.refusesUpdate("SET a=:v-:s", `{":v":{"N":"1"},":s":{"S":"x"}}`, "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: -, operand type: S")
	}},
	{130, "a nested path needs its parent", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"s":{"S":"x"},"m":{"M":{}},"l":{"L":[]}}`)
		const bad = "The document path provided in the update expression is invalid for update"
		for _, path := range []string{"nil.x", "nil[0]", "s.x", "s[0]", "m[0]", "l.x", "m.x.y"} {
			s.refusesUpdate("SET "+path+"=:v", `{":v":{"N":"1"}}`, bad)
			s.refusesUpdate("REMOVE "+path, "", bad)
		}
		s.want("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"REMOVE m.x, l[0], nothing"}`, `{}`)
		s.want("UpdateItem", `{"Key":{"pk":{"S":"none"}},"UpdateExpression":"REMOVE m.x"}`, `{}`)
	}},
	{131, "lists grow at their end, and indexes are those before the update", func(s *session) {
		s.table("$T", "pk:S")
		s.update(`{"pk":{"S":"a"},"l":{"L":[{"N":"0"},{"N":"1"}]}}`, "SET l[9]=:c, l[5]=:b, l[0]=:a", `{":a":{"S":"a"},":b":{"S":"b"},":c":{"S":"c"}}`,
			`{"pk":{"S":"a"},"l":{"L":[{"S":"a"},{"N":"1"},{"S":"b"},{"S":"c"}]}}`)
		s.update(`{"pk":{"S":"a"},"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"},{"N":"3"}]}}`, "REMOVE l[0], l[2], l[7]", "", `{"pk":{"S":"a"},"l":{"L":[{"N":"1"},{"N":"3"}]}}`)
		s.update(`{"pk":{"S":"a"},"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"}]}}`, "SET l[1]=:a REMOVE l[0]", `{":a":{"S":"a"}}`, `{"pk":{"S":"a"},"l":{"L":[{"S":"a"},{"N":"2"}]}}`)
		s.update(`{"pk":{"S":"a"},"l":{"L":[{"N":"0"}]},"m":{"M":{"x":{"N":"1"}}}}`, "REMOVE l[0], m.x", "", `{"pk":{"S":"a"},"l":{"L":[]},"m":{"M":{}}}`)
	}},
	{132, "an index is a number in the text", func(s *session) {
		s.table("$T", "pk:S")
		s.refusesUpdate("REMOVE l[:x]", `{":x":{"N":"0"}}`, "Invalid UpdateExpression: Syntax error; …")
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"REMOVE l[#x]","ExpressionAttributeNames":{"#x":"x"}}`, "Invalid UpdateExpression: Syntax error; …")
		s.refusesUpdate("REMOVE l[-1]", "", "Invalid UpdateExpression: Syntax error; …")
	}},
	{133, "ADD adds numbers and members of sets", func(s *session) {
		s.table("$T", "pk:S")
		s.update(`{"pk":{"S":"a"},"n":{"N":"1"},"s":{"SS":["a"]},"m":{"M":{"x":{"N":"1"}}}}`, "ADD n :n, o :n, s :s, t :s, m.x :n", `{":n":{"N":"2"},":s":{"SS":["a","b"]}}`,
			`{"pk":{"S":"a"},"n":{"N":"3"},"o":{"N":"2"},"s":{"SS":["a","b"]},"t":{"SS":["a","b"]},"m":{"M":{"x":{"N":"3"}}}}`)
		for kind, value := range inOrder(map[string]string{"STRING": `{"S":"x"}`, "LIST": `{"L":[]}`, "MAP": `{"M":{}}`, "BOOLEAN": `{"BOOL":true}`}) {
			s.refusesUpdate("ADD a :v", `{":v":`+value+`}`, "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: "+kind+"…")
		}
		const mismatch = "An operand in the update expression has an incorrect data type"
		s.put(`{"pk":{"S":"a"},"s":{"S":"x"},"ss":{"SS":["a"]},"n":{"N":"1"}}`)
		s.refusesUpdate("ADD s :v", `{":v":{"N":"1"}}`, mismatch)
		s.refusesUpdate("ADD ss :v", `{":v":{"N":"1"}}`, mismatch)
		s.refusesUpdate("ADD ss :v", `{":v":{"NS":["1"]}}`, mismatch)
		s.refusesUpdate("ADD n :v", `{":v":{"SS":["a"]}}`, mismatch)
	}},
	{134, "DELETE takes members out of sets", func(s *session) {
		s.table("$T", "pk:S")
		s.update(`{"pk":{"S":"a"},"s":{"SS":["a","b","c"]},"t":{"NS":["1"]}}`, "DELETE s :s, t :t, nil :s", `{":s":{"SS":["a","b","x"]},":t":{"NS":["1.0"]}}`, `{"pk":{"S":"a"},"s":{"SS":["c"]}}`)
		s.refusesUpdate("DELETE s :v", `{":v":{"SS":[]}}`, "…An string set  may not be empty…")
		s.refusesUpdate("DELETE s :v", `{":v":{"N":"1"}}`, "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER…")
		s.refusesUpdate("DELETE s :v", `{":v":{"NS":["1"]}}`, "An operand in the update expression has an incorrect data type")
	}},
	{135, "an update makes an item, unless it only removes", func(s *session) {
		s.table("$T", "pk:S")
		f := func(pk, in, want string) {
			s.t.Helper()
			s.want("UpdateItem", `{"Key":{"pk":{"S":"`+pk+`"}}`+in+`}`, `{}`)
			s.item(`{"pk":{"S":"`+pk+`"}}`, want)
		}
		f("nothing", ``, `{"pk":{"S":"nothing"}}`)
		f("set", `,"UpdateExpression":"SET a=:v","ExpressionAttributeValues":{":v":{"N":"1"}}`, `{"pk":{"S":"set"},"a":{"N":"1"}}`)
		f("add", `,"UpdateExpression":"ADD a :v","ExpressionAttributeValues":{":v":{"N":"1"}}`, `{"pk":{"S":"add"},"a":{"N":"1"}}`)
		f("remove", `,"UpdateExpression":"REMOVE a"`, "")
		f("delete", `,"UpdateExpression":"DELETE a :v","ExpressionAttributeValues":{":v":{"SS":["x"]}}`, "")
		f("old-delete", `,"AttributeUpdates":{"a":{"Action":"DELETE"}}`, "")
		f("old-put", `,"AttributeUpdates":{"a":{"Value":{"N":"1"}}}`, `{"pk":{"S":"old-put"},"a":{"N":"1"}}`)
	}},
	{136, "a failed condition leaves nothing behind", func(s *session) {
		s.table("$T", "pk:S")
		s.refuses("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET v=:v","ConditionExpression":"attribute_exists(pk)","ExpressionAttributeValues":{":v":{"N":"1"}}}`,
			"ConditionalCheckFailedException", "The conditional request failed")
		s.item(`{"pk":{"S":"a"}}`, "")
		s.has("Scan", `{}`, `{"Count":0}`)
	}},
	{137, "ReturnValues gives images, whole or of what was touched", func(s *session) {
		s.table("$T", "pk:S")
		f := func(before, update, which, want string) {
			s.t.Helper()
			s.want("DeleteItem", `{"Key":{"pk":{"S":"a"}}}`, `{}`)
			if before != "" {
				s.put(before)
			}
			s.want("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"`+update+`","ExpressionAttributeValues":{":v":{"N":"9"}},"ReturnValues":"`+which+`"}`, want)
		}
		const (
			before = `{"pk":{"S":"a"},"x":{"N":"1"},"y":{"N":"2"},"m":{"M":{"p":{"N":"3"},"q":{"N":"4"}}},"l":{"L":[{"N":"5"},{"N":"6"}]}}`
			update = "SET x=:v, m.p=:v, fresh=:v, l[1]=:v REMOVE y"
		)
		f(before, update, "NONE", `{}`)
		f(before, update, "ALL_OLD", `{"Attributes":`+before+`}`)
		f(before, update, "ALL_NEW", `{"Attributes":{"pk":{"S":"a"},"x":{"N":"9"},"fresh":{"N":"9"},"m":{"M":{"p":{"N":"9"},"q":{"N":"4"}}},"l":{"L":[{"N":"5"},{"N":"9"}]}}}`)
		f(before, update, "UPDATED_OLD", `{"Attributes":{"x":{"N":"1"},"y":{"N":"2"},"m":{"M":{"p":{"N":"3"}}},"l":{"L":[{"N":"6"}]}}}`)
		f(before, update, "UPDATED_NEW", `{"Attributes":{"x":{"N":"9"},"fresh":{"N":"9"},"m":{"M":{"p":{"N":"9"}}},"l":{"L":[{"N":"9"}]}}}`)
		f("", "SET x=:v", "ALL_OLD", `{}`)
		f("", "SET x=:v", "UPDATED_OLD", `{}`)
		f("", "SET x=:v", "UPDATED_NEW", `{"Attributes":{"x":{"N":"9"}}}`)
		f("", "SET x=:v", "ALL_NEW", `{"Attributes":{"pk":{"S":"a"},"x":{"N":"9"}}}`)
		s.want("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"REMOVE x","ReturnValues":"UPDATED_NEW"}`, `{}`)
	}},
}

// update checks what an update makes of an item whose partition key is "a".
func (s *session) update(before, expression, values, want string) {
	s.t.Helper()
	s.put(before)
	more := ""
	if values != "" {
		more = `,"ExpressionAttributeValues":` + values
	}
	s.want("UpdateItem", `{"Key":{"pk":{"S":"a"}},"ReturnValues":"ALL_NEW","UpdateExpression":"`+expression+`"`+more+`}`, `{"Attributes":`+want+`}`)
	s.item(`{"pk":{"S":"a"}}`, want)
}

// refusesUpdate checks that an update of the item whose partition key is "a" is invalid.
func (s *session) refusesUpdate(expression, values, message string) {
	s.t.Helper()
	more := ""
	if values != "" {
		more = `,"ExpressionAttributeValues":` + values
	}
	s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"`+expression+`"`+more+`}`, message)
}
