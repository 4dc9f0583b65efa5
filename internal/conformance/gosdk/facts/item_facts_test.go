package facts

// itemFacts are about reading and writing single items.
var itemFacts = []fact{
	{147, "a missing item is an empty answer", func(s *session) {
		s.table("$T", "pk:S")
		s.want("GetItem", `{"Key":{"pk":{"S":"a"}}}`, `{}`)
		s.want("GetItem", `{"Key":{"pk":{"S":"a"}},"ReturnConsumedCapacity":"TOTAL"}`, `{"ConsumedCapacity":{"TableName":"$T","CapacityUnits":0.5}}`)
	}},
	{148, "a put replaces the whole item; deleting nothing succeeds", func(s *session) {
		s.table("$T", "pk:S")
		s.want("PutItem", `{"Item":{"pk":{"S":"a"},"x":{"N":"1"}},"ReturnValues":"ALL_OLD"}`, `{}`)
		s.item(`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"x":{"N":"1"}}`)
		s.want("PutItem", `{"Item":{"pk":{"S":"a"},"y":{"N":"2"}},"ReturnValues":"ALL_OLD"}`, `{"Attributes":{"pk":{"S":"a"},"x":{"N":"1"}}}`)
		s.item(`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"y":{"N":"2"}}`)
		s.want("DeleteItem", `{"Key":{"pk":{"S":"a"}},"ReturnValues":"ALL_OLD"}`, `{"Attributes":{"pk":{"S":"a"},"y":{"N":"2"}}}`)
		s.want("DeleteItem", `{"Key":{"pk":{"S":"a"}},"ReturnValues":"ALL_OLD"}`, `{}`)
		s.item(`{"pk":{"S":"a"}}`, "")
	}},
	{149, "writes answer with an empty object", func(s *session) {
		s.table("$T", "pk:S")
		s.want("PutItem", `{"Item":{"pk":{"S":"a"}}}`, `{}`)
		s.want("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET v=:v","ExpressionAttributeValues":{":v":{"N":"1"}}}`, `{}`)
		s.want("DeleteItem", `{"Key":{"pk":{"S":"a"}}}`, `{}`)
	}},
	{150, "a failed condition may give back the item", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"v":{"N":"1"}}`)
		f := func(operation, in, want string) {
			s.t.Helper()
			a := s.refuses(operation, in, "ConditionalCheckFailedException", "The conditional request failed")
			if diff := differ(s.members(a)["Item"], s.decode(want), "Item", false); want != "" && diff != "" {
				s.t.Error(diff)
			}
			if want == "" && s.members(a)["Item"] != nil {
				s.t.Errorf("%s has an Item: %s", operation, a.body)
			}
		}
		const item = `{"pk":{"S":"a"},"v":{"N":"1"}}`
		const back = `,"ReturnValuesOnConditionCheckFailure":"ALL_OLD"`
		f("PutItem", `{"Item":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)"`+back+`}`, item)
		f("PutItem", `{"Item":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)"}`, "")
		f("UpdateItem", `{"Key":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)"`+back+`}`, item)
		f("DeleteItem", `{"Key":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)"`+back+`}`, item)
		f("DeleteItem", `{"Key":{"pk":{"S":"none"}},"ConditionExpression":"attribute_exists(pk)"`+back+`}`, "")
		s.invalid("DeleteItem", `{"Key":{"pk":{"S":"a"}},"ReturnValuesOnConditionCheckFailure":"x"}`, "…'returnValuesOnConditionCheckFailure'…")
	}},
	{151, "a missing table is told without its name, or with it", func(s *session) {
		const missing = "Requested resource not found"
		for operation, in := range inOrder(map[string]string{
			"GetItem": `{"TableName":"no-such","Key":{"pk":{"S":"a"}}}`, "PutItem": `{"TableName":"no-such","Item":{"pk":{"S":"a"}}}`,
			"UpdateItem": `{"TableName":"no-such","Key":{"pk":{"S":"a"}}}`, "DeleteItem": `{"TableName":"no-such","Key":{"pk":{"S":"a"}}}`,
			"Scan": `{"TableName":"no-such"}`, "Query": `{"TableName":"no-such","KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`,
			"BatchGetItem":   `{"RequestItems":{"no-such":{"Keys":[{"pk":{"S":"a"}}]}}}`,
			"BatchWriteItem": `{"RequestItems":{"no-such":[{"PutRequest":{"Item":{"pk":{"S":"a"}}}}]}}`,
		}) {
			s.refuses(operation, in, "ResourceNotFoundException", missing)
		}
		for operation, in := range inOrder(map[string]string{
			"DescribeTable": `{"TableName":"no-such"}`, "DeleteTable": `{"TableName":"no-such"}`, "UpdateTable": `{"TableName":"no-such","BillingMode":"PAY_PER_REQUEST"}`,
		}) {
			s.refuses(operation, in, "ResourceNotFoundException", missing+": Table: no-such not found")
		}
	}},
	{152, "a table that is being created or deleted is not there for items", func(s *session) {
		s = s.quiet()
		// What answers before the table is active depends on time; whatever answers must be one of two.
		s.ok("CreateTable", encode(tableInput("$T", "pk:S")))
		s.dropAtEnd("$T")
		f := func() {
			s.t.Helper()
			a := s.call("PutItem", `{"Item":{"pk":{"S":"a"}}}`)
			if a.status != 200 && (a.code() != "ResourceNotFoundException" || a.message() != "Requested resource not found") {
				s.t.Errorf("PutItem = %d %s", a.status, a.body)
			}
		}
		f()
		s.active("$T")
		s.put(`{"pk":{"S":"a"}}`)
		s.ok("DeleteTable", `{}`)
		s.refuses("GetItem", `{"Key":{"pk":{"S":"a"}}}`, "ResourceNotFoundException", "Requested resource not found")
	}},
}

// capacityFacts are about ConsumedCapacity.
var capacityFacts = []fact{
	{153, "TOTAL tells the sum, INDEXES the arms too", func(s *session) {
		s.table("$T", "pk:S sk:S", "gsi by-g ALL g:S", "lsi by-l ALL pk:S l:S")
		const plain, indexed = `{"pk":{"S":"a"},"sk":{"S":"1"}}`, `{"pk":{"S":"a"},"sk":{"S":"2"},"g":{"S":"x"},"l":{"S":"y"}}`
		s.want("PutItem", `{"Item":`+plain+`}`, `{}`)
		s.want("PutItem", `{"Item":`+plain+`,"ReturnConsumedCapacity":"NONE"}`, `{}`)
		s.want("PutItem", `{"Item":`+plain+`,"ReturnConsumedCapacity":"TOTAL"}`, `{"ConsumedCapacity":{"TableName":"$T","CapacityUnits":1}}`)
		s.want("PutItem", `{"Item":`+plain+`,"ReturnConsumedCapacity":"INDEXES"}`, `{"ConsumedCapacity":{"TableName":"$T","CapacityUnits":1,"Table":{"CapacityUnits":1}}}`)
		s.want("PutItem", `{"Item":`+indexed+`,"ReturnConsumedCapacity":"INDEXES"}`, `{"ConsumedCapacity":{"TableName":"$T","CapacityUnits":3,"Table":{"CapacityUnits":1},`+
			`"GlobalSecondaryIndexes":{"by-g":{"CapacityUnits":1}},"LocalSecondaryIndexes":{"by-l":{"CapacityUnits":1}}}}`)
		s.invalid("PutItem", `{"Item":`+plain+`,"ReturnConsumedCapacity":"x"}`, "…'returnConsumedCapacity'…")
	}},
	{154, "a read costs its size in 4 KB, half if it may be old", func(s *session) {
		s.table("$T", "pk:S sk:N")
		f := func(operation, in, units string) {
			s.t.Helper()
			s.has(operation, `{"ReturnConsumedCapacity":"TOTAL",`+in[1:], `{"ConsumedCapacity":{"TableName":"$T","CapacityUnits":`+units+`}}`)
		}
		// The name and the value of each key are four bytes together, those of v one more than the text.
		sized := func(sk string, size int) string {
			return `{"pk":{"S":"a"},"sk":{"N":"` + sk + `"},"v":{"S":"` + long("x", size-len("pka")-len("sk")-2-len("v")) + `"}}`
		}
		s.put(sized("1", 4096), sized("2", 4097), sized("3", 100), sized("4", 100))
		key := func(sk string) string { return `"Key":{"pk":{"S":"a"},"sk":{"N":"` + sk + `"}}` }
		f("GetItem", `{`+key("1")+`}`, "0.5")
		f("GetItem", `{`+key("1")+`,"ConsistentRead":true}`, "1")
		f("GetItem", `{`+key("2")+`}`, "1")
		f("GetItem", `{`+key("2")+`,"ConsistentRead":true}`, "2")
		f("GetItem", `{`+key("2")+`,"ProjectionExpression":"pk"}`, "1")
		f("GetItem", `{`+key("9")+`}`, "0.5")
		f("GetItem", `{`+key("9")+`,"ConsistentRead":true}`, "1")
		const all = `"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}`
		f("Query", `{`+all+`}`, "1.5")
		f("Query", `{`+all+`,"ConsistentRead":true}`, "3")
		f("Query", `{"KeyConditionExpression":"pk=:p AND sk > :s","ExpressionAttributeValues":{":p":{"S":"a"},":s":{"N":"2"}},"ConsistentRead":true}`, "1")
		f("Query", `{"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"none"}}}`, "0.5")
		f("Scan", `{"ConsistentRead":false}`, "1.5")
		f("Scan", `{"ConsistentRead":true,"FilterExpression":"attribute_not_exists(pk)"}`, "3")
	}},
	{155, "batches cost what their items do", func(s *session) {
		s.table("$T", "pk:S")
		s.table("$U", "pk:S")
		large := `{"pk":{"S":"b"},"v":{"S":"` + long("x", 5000) + `"}}`
		s.has("BatchWriteItem", `{"RequestItems":{"$T":[{"PutRequest":{"Item":{"pk":{"S":"a"}}}},{"PutRequest":{"Item":`+large+`}},{"DeleteRequest":{"Key":{"pk":{"S":"none"}}}}]},"ReturnConsumedCapacity":"TOTAL"}`,
			`{"ConsumedCapacity":[{"TableName":"$T","CapacityUnits":7}]}`)
		s.has("BatchGetItem", `{"RequestItems":{"$T":{"Keys":[{"pk":{"S":"a"}},{"pk":{"S":"b"}},{"pk":{"S":"none"}}]}},"ReturnConsumedCapacity":"TOTAL"}`,
			`{"ConsumedCapacity":[{"TableName":"$T","CapacityUnits":2}]}`)
		s.has("BatchGetItem", `{"RequestItems":{"$T":{"Keys":[{"pk":{"S":"a"}},{"pk":{"S":"b"}}],"ConsistentRead":true}},"ReturnConsumedCapacity":"TOTAL"}`,
			`{"ConsumedCapacity":[{"TableName":"$T","CapacityUnits":3}]}`)
		got := s.ok("BatchGetItem", `{"RequestItems":{"$T":{"Keys":[{"pk":{"S":"a"}}]},"$U":{"Keys":[{"pk":{"S":"a"}}]}},"ReturnConsumedCapacity":"TOTAL"}`)
		if tables, _ := got["ConsumedCapacity"].([]any); len(tables) != 2 {
			s.t.Errorf("ConsumedCapacity = %s, want one element for each table", encode(got["ConsumedCapacity"]))
		}
	}},
	{156, "a write costs the larger image in KB", func(s *session) {
		s.table("$T", "pk:S")
		sized := func(size int) string {
			return `{"pk":{"S":"a"},"v":{"S":"` + long("x", size-len("pka")-len("v")) + `"}}`
		}
		f := func(operation, in, units string) {
			s.t.Helper()
			s.want(operation, in[:len(in)-1]+`,"ReturnConsumedCapacity":"TOTAL"}`, `{"ConsumedCapacity":{"TableName":"$T","CapacityUnits":`+units+`}}`)
		}
		f("PutItem", `{"Item":`+sized(1024)+`}`, "1")
		f("PutItem", `{"Item":`+sized(1025)+`}`, "2")
		f("PutItem", `{"Item":`+sized(100)+`}`, "2")
		f("PutItem", `{"Item":`+sized(100)+`}`, "1")
		f("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET v=:v","ExpressionAttributeValues":{":v":{"S":"`+long("x", 3000)+`"}}}`, "3")
		f("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"REMOVE v"}`, "3")
		s.put(sized(2049))
		f("DeleteItem", `{"Key":{"pk":{"S":"a"}}}`, "3")
		f("DeleteItem", `{"Key":{"pk":{"S":"a"}}}`, "1")
	}},
	{157, "an index costs where its entry changes", func(s *session) {
		s.table("$T", "pk:S", "gsi by-g KEYS_ONLY g:S")
		f := func(item, units string) {
			s.t.Helper()
			s.has("PutItem", `{"Item":`+item+`,"ReturnConsumedCapacity":"TOTAL"}`, `{"ConsumedCapacity":{"CapacityUnits":`+units+`}}`)
		}
		f(`{"pk":{"S":"a"}}`, "1")
		f(`{"pk":{"S":"a"},"v":{"N":"1"}}`, "1")
		f(`{"pk":{"S":"a"},"g":{"S":"x"}}`, "2")
		// The index has nothing of v.
		f(`{"pk":{"S":"a"},"g":{"S":"x"},"v":{"N":"2"}}`, "1")
		// Moving is a delete and a put.
		f(`{"pk":{"S":"a"},"g":{"S":"y"},"v":{"N":"2"}}`, "3")
		f(`{"pk":{"S":"a"}}`, "2")
	}},
	{158, "a query on an index costs the index", func(s *session) {
		s.table("$T", "pk:S sk:S", "gsi by-g ALL g:S", "lsi by-l ALL pk:S l:S")
		s.put(`{"pk":{"S":"a"},"sk":{"S":"1"},"g":{"S":"x"},"l":{"S":"y"}}`)
		got := s.ok("Query", `{"IndexName":"by-g","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}},"ReturnConsumedCapacity":"INDEXES"}`)
		capacity, _ := got["ConsumedCapacity"].(map[string]any)
		if diff := differ(capacity, s.decode(s.expand(`{"TableName":"$T","CapacityUnits":0.5,"GlobalSecondaryIndexes":{"by-g":{"CapacityUnits":0.5}}}`)), "", true); diff != "" {
			s.t.Error(diff)
		}
		if table, _ := capacity["Table"].(map[string]any); table != nil && differ(table, s.decode(`{"CapacityUnits":0}`), "", false) != "" {
			s.t.Errorf("Table = %s, want none or 0", encode(table))
		}
		s.has("Query", `{"IndexName":"by-l","KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}},"ReturnConsumedCapacity":"INDEXES"}`,
			`{"ConsumedCapacity":{"CapacityUnits":0.5,"LocalSecondaryIndexes":{"by-l":{"CapacityUnits":0.5}}}}`)
	}},
	{159, "transactions cost twice", func(s *session) {
		s.table("$T", "pk:S")
		s.has("TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"$T","Item":{"pk":{"S":"a"}}}},{"Delete":{"TableName":"$T","Key":{"pk":{"S":"b"}}}}],"ReturnConsumedCapacity":"TOTAL"}`,
			`{"ConsumedCapacity":[{"TableName":"$T","CapacityUnits":4}]}`)
		s.has("TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"$T","Key":{"pk":{"S":"a"}}}},{"Get":{"TableName":"$T","Key":{"pk":{"S":"b"}}}}],"ReturnConsumedCapacity":"TOTAL"}`,
			`{"ConsumedCapacity":[{"TableName":"$T","CapacityUnits":4}]}`)
	}},
}
