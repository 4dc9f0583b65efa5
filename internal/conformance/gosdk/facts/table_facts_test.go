package facts

import (
	"fmt"
	"strings"
	"sync"
)

// tableFacts are about describing, listing, deleting and changing tables.
var tableFacts = []fact{
	{219, "DescribeTable tells what there is, and nothing of what is not used", func(s *session) {
		s.table("$T", "pk:S sk:N", "gsi by-g KEYS_ONLY g:S", "lsi by-l INCLUDE(a) pk:S l:S")
		s.has("DescribeTable", `{}`, `{"Table":{"TableName":"$T","TableStatus":"ACTIVE","ItemCount":0,"TableSizeBytes":0,"TableArn":"arn:…","TableId":"…","DeletionProtectionEnabled":false,`+
			`"AttributeDefinitions":[{"AttributeName":"g","AttributeType":"S"},{"AttributeName":"l","AttributeType":"S"},{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"}],`+
			`"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],`+
			`"GlobalSecondaryIndexes":[{"IndexName":"by-g","IndexStatus":"ACTIVE","IndexArn":"arn:…/index/by-g","IndexSizeBytes":0,"ItemCount":0,"KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],`+
			`"Projection":{"ProjectionType":"KEYS_ONLY"},"ProvisionedThroughput":{"NumberOfDecreasesToday":0,"ReadCapacityUnits":0,"WriteCapacityUnits":0}}],`+
			`"LocalSecondaryIndexes":[{"IndexName":"by-l","IndexArn":"arn:…/index/by-l","IndexSizeBytes":0,"ItemCount":0,"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"l","KeyType":"RANGE"}],`+
			`"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["a"]}}]}}`)
		table, _ := s.ok("DescribeTable", `{}`)["Table"].(map[string]any)
		for _, member := range []string{"RestoreSummary", "SSEDescription", "StreamSpecification", "LatestStreamArn"} {
			if table[member] != nil {
				s.t.Errorf("%s = %s, want none", member, encode(table[member]))
			}
		}
		if local := table["LocalSecondaryIndexes"].([]any)[0].(map[string]any); local["IndexStatus"] != nil {
			s.t.Errorf("a local index has a status: %s", encode(local))
		}
	}},
	{220, "ListTables is sorted and paged", func(s *session) {
		for _, name := range []string{"$C", "$A", "$B"} {
			s.table(name, "pk:S")
		}
		// Other tests' tables are listed too, so that it is asked for those behind this test's first name only.
		q := s.quiet()
		page := func(start string, limit int) ([]string, string) {
			got := q.ok("ListTables", fmt.Sprintf(`{"ExclusiveStartTableName":%q,"Limit":%d}`, start, limit))
			var names []string
			for _, name := range got["TableNames"].([]any) {
				names = append(names, name.(string))
			}
			last, _ := got["LastEvaluatedTableName"].(string)
			return names, last
		}
		names, last := page(s.prefix, 2)
		if strings.Join(names, " ") != s.expand("$A $B") || last != s.expand("$B") {
			s.t.Errorf("first page = %v and %q", names, last)
		}
		if names, _ = page(last, 1); strings.Join(names, " ") != s.expand("$C") {
			s.t.Errorf("second page = %v", names)
		}
		if names, last = page("zzzz", 100); len(names) != 0 || last != "" {
			s.t.Errorf("page behind all tables = %v and %q", names, last)
		}
		s.invalid("ListTables", `{"Limit":0}`, "…'limit'…greater than or equal to 1")
		s.invalid("ListTables", `{"Limit":101}`, "…'limit'…less than or equal to 100")
	}},
	{221, "DeleteTable answers a table that is going", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"}}`)
		got, _ := s.ok("DeleteTable", `{}`)["TableDescription"].(map[string]any)
		if diff := differ(got, s.decode(s.expand(`{"TableName":"$T","TableStatus":"DELETING"}`)), "", true); diff != "" {
			s.t.Error(diff)
		}
		for _, member := range []string{"KeySchema", "AttributeDefinitions", "CreationDateTime"} {
			if got[member] != nil {
				s.t.Errorf("%s = %s, want none", member, encode(got[member]))
			}
		}
		s.eventually("the table is gone", func(s *session) bool { return s.call("DescribeTable", `{}`).code() == "ResourceNotFoundException" })
		s.refuses("DeleteTable", `{}`, "ResourceNotFoundException", "Requested resource not found: Table: $T not found")
		// One of the same name is another table.
		s.ok("CreateTable", encode(tableInput("$T", "pk:S")))
		s.active("$T")
		s.item(`{"pk":{"S":"a"}}`, "")
		q := s.quiet()
		var done sync.WaitGroup
		for range 6 {
			done.Add(2)
			go func() {
				defer done.Done()
				if a := q.call("CreateTable", encode(tableInput("$U", "pk:S"))); a.status != 200 && a.code() != "ResourceInUseException" {
					s.t.Errorf("CreateTable = %d %s", a.status, a.body)
				}
			}()
			go func() {
				defer done.Done()
				a := q.call("DeleteTable", `{"TableName":"$U"}`)
				if a.status != 200 && a.code() != "ResourceNotFoundException" && (a.code() != "ResourceInUseException" ||
					!like(a.message(), q.expand("Attempt to change a resource which is still in use: Table is being …: $U"))) {
					s.t.Errorf("DeleteTable = %d %s", a.status, a.body)
				}
			}()
		}
		done.Wait()
		s.dropAtEnd("$U")
	}},
	{222, "a protected table is not deleted", func(s *session) {
		in := tableInput("$T", "pk:S")
		in["DeletionProtectionEnabled"] = true
		s.create(in)
		s.has("DescribeTable", `{}`, `{"Table":{"DeletionProtectionEnabled":true}}`)
		s.invalid("DeleteTable", `{}`, "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
		s.ok("UpdateTable", `{"DeletionProtectionEnabled":false}`)
		s.active("$T")
		s.ok("DeleteTable", `{}`)
	}},
	{223, "an update of a table changes something", func(s *session) {
		s.table("$T", "pk:S")
		const nothing = "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
		s.invalid("UpdateTable", `{}`, nothing)
		s.invalid("UpdateTable", `{"AttributeDefinitions":[{"AttributeName":"x","AttributeType":"S"}]}`, nothing)
	}},
	{224, "throughput changes to something else, or with the billing mode", func(s *session) {
		in := tableInput("$T", "pk:S")
		in["BillingMode"], in["ProvisionedThroughput"] = nil, object{"ReadCapacityUnits": 2, "WriteCapacityUnits": 3}
		s.create(in)
		s.invalid("UpdateTable", `{"ProvisionedThroughput":{"ReadCapacityUnits":2,"WriteCapacityUnits":3}}`,
			"The provisioned throughput for the table will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for the table: 2. Requested ReadCapacityUnits: 2. "+
				"Current WriteCapacityUnits provisioned for the table: 3. Requested WriteCapacityUnits: 3. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.")
		s.invalid("UpdateTable", `{"ProvisionedThroughput":{"ReadCapacityUnits":0,"WriteCapacityUnits":3}}`, "…greater than or equal to 1…")
		s.invalid("UpdateTable", `{"ProvisionedThroughput":{"ReadCapacityUnits":2,"WriteCapacityUnits":-1}}`, "…greater than or equal to 1…")
		update := func(in string) {
			s.t.Helper()
			s.has("UpdateTable", in, `{"TableDescription":{"TableStatus":"UPDATING"}}`)
			s.active("$T")
		}
		update(`{"ProvisionedThroughput":{"ReadCapacityUnits":5,"WriteCapacityUnits":3}}`)
		s.has("DescribeTable", `{}`, `{"Table":{"ProvisionedThroughput":{"ReadCapacityUnits":5,"WriteCapacityUnits":3}}}`)
		update(`{"BillingMode":"PAY_PER_REQUEST"}`)
		s.has("DescribeTable", `{}`, `{"Table":{"BillingModeSummary":{"BillingMode":"PAY_PER_REQUEST"}}}`)
		update(`{"BillingMode":"PAY_PER_REQUEST"}`)
		s.invalid("UpdateTable", `{"BillingMode":"PROVISIONED"}`, "…")
		update(`{"BillingMode":"PROVISIONED","ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}}`)
	}},
	{225, "a new index has the items that were there, those that fit", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"fits"},"g":{"S":"x"}}`, `{"pk":{"S":"none"}}`, `{"pk":{"S":"number"},"g":{"N":"1"}}`, `{"pk":{"S":"empty"},"g":{"S":""}}`, `{"pk":{"S":"long"},"g":{"S":"`+long("x", 2049)+`"}}`)
		s.has("UpdateTable", `{`+addIndex("by-g", "g")+`}`, `{"TableDescription":{"TableStatus":"UPDATING","GlobalSecondaryIndexes":[{"IndexName":"by-g","IndexStatus":"CREATING","Backfilling":false}]}}`)
		s.active("$T")
		s.has("Scan", `{"IndexName":"by-g"}`, `{"Items":[{"pk":{"S":"fits"},"g":{"S":"x"}}],"Count":1}`)
		s.put(`{"pk":{"S":"later"},"g":{"S":"y"}}`)
		s.has("Query", `{"IndexName":"by-g","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"y"}}}`, `{"Items":[{"pk":{"S":"later"},"g":{"S":"y"}}]}`)
	}},
	{226, "one index at a time, and each change is one thing", func(s *session) {
		s.table("$T", "pk:S", "gsi old ALL o:S")
		const create = `{"Create":{"IndexName":"%s","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}}`
		const definitions = `"AttributeDefinitions":[{"AttributeName":"g","AttributeType":"S"},{"AttributeName":"o","AttributeType":"S"},{"AttributeName":"pk","AttributeType":"S"}]`
		const tooMany = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
		s.refuses("UpdateTable", `{`+definitions+`,"GlobalSecondaryIndexUpdates":[`+fmt.Sprintf(create, "one")+`,`+fmt.Sprintf(create, "two")+`]}`, "LimitExceededException", tooMany)
		s.refuses("UpdateTable", `{`+definitions+`,"GlobalSecondaryIndexUpdates":[`+fmt.Sprintf(create, "one")+`,{"Delete":{"IndexName":"old"}}]}`, "LimitExceededException", tooMany)
		s.invalid("UpdateTable", `{"GlobalSecondaryIndexUpdates":[{}]}`, "…One of GlobalSecondaryIndexUpdate.Update, …Create, …Delete must not be null…")
		s.invalid("UpdateTable", `{`+definitions+`,"GlobalSecondaryIndexUpdates":[`+strings.TrimSuffix(fmt.Sprintf(create, "one"), "}")+`,"Delete":{"IndexName":"old"}}]}`, "…nly one…")
		s.refuses("UpdateTable", `{"GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"old"}},{"Delete":{"IndexName":"older"}}]}`, "LimitExceededException", tooMany)
	}},
	{227, "new indexes have new names, known ones are known", func(s *session) {
		in := tableInput("$T", "pk:S", "gsi old ALL o:S")
		units := object{"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
		in["BillingMode"], in["ProvisionedThroughput"] = "PROVISIONED", units
		in["GlobalSecondaryIndexes"].([]object)[0]["ProvisionedThroughput"] = units
		s.create(in)
		provisioned := func(name, attribute string) string {
			return strings.Replace(addIndex(name, attribute), `"Projection"`, `"ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1},"Projection"`, 1)
		}
		s.invalid("UpdateTable", `{`+provisioned("old", "g")+`}`, "…already exist…")
		s.refuses("UpdateTable", `{"GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"no-such"}}]}`, "ResourceNotFoundException", "Requested resource not found…")
		s.refuses("UpdateTable", `{"GlobalSecondaryIndexUpdates":[{"Update":{"IndexName":"no-such","ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}}}]}`,
			"ResourceNotFoundException", "Requested resource not found…")
		s.invalid("UpdateTable", `{"GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":"new","KeySchema":[{"AttributeName":"undefined","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"},`+
			`"ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}}}]}`, "…")
		s.invalid("UpdateTable", `{`+addIndex("new", "g")+`}`, "…")
		s.ok("UpdateTable", `{`+provisioned("new", "g")+`}`)
		s.active("$T")
		s.ok("UpdateTable", `{"GlobalSecondaryIndexUpdates":[{"Update":{"IndexName":"new","ProvisionedThroughput":{"ReadCapacityUnits":7,"WriteCapacityUnits":1}}}]}`)
		s.active("$T")
	}},
	{228, "a deleted index is gone, and so is what it demanded", func(s *session) {
		s.table("$T", "pk:S", "gsi by-g ALL g:S")
		s.put(`{"pk":{"S":"a"},"g":{"S":"x"}}`)
		s.invalid("PutItem", `{"Item":{"pk":{"S":"b"},"g":{"N":"1"}}}`, "…Type mismatch…")
		s.ok("UpdateTable", `{"GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"by-g"}}]}`)
		s.active("$T")
		s.invalid("Query", `{"IndexName":"by-g","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}}}`, "The table does not have the specified index: by-g")
		s.put(`{"pk":{"S":"b"},"g":{"N":"1"}}`)
		// Another type is fine now, too.
		s.ok("UpdateTable", `{`+strings.Replace(addIndex("by-g", "g"), `"AttributeName":"g","AttributeType":"S"`, `"AttributeName":"g","AttributeType":"N"`, 1)+`}`)
		s.active("$T")
		s.has("Scan", `{"IndexName":"by-g"}`, `{"Items":[{"pk":{"S":"b"},"g":{"N":"1"}}]}`)
	}},
	{229, "an update of the table leaves tags and expiry alone", func(s *session) {
		s.table("$T", "pk:S")
		arn := s.arn("$T")
		s.ok("TagResource", `{"ResourceArn":"`+arn+`","Tags":[{"Key":"k","Value":"v"}]}`)
		s.ok("UpdateTimeToLive", `{"TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`)
		s.ok("UpdateTable", `{`+addIndex("by-g", "g")+`}`)
		s.active("$T")
		s.want("ListTagsOfResource", `{"ResourceArn":"`+arn+`"}`, `{"Tags":[{"Key":"k","Value":"v"}]}`)
		s.has("DescribeTimeToLive", `{}`, `{"TimeToLiveDescription":{"AttributeName":"t"}}`)
	}},
}

// addIndex are the members of an UpdateTable that adds a global index, of everything, on a string attribute.
func addIndex(name, attribute string) string {
	return `"AttributeDefinitions":[{"AttributeName":"` + attribute + `","AttributeType":"S"},{"AttributeName":"pk","AttributeType":"S"}],` +
		`"GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":"` + name + `","KeySchema":[{"AttributeName":"` + attribute + `","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}}]`
}

// indexFacts are about what is in an index.
var indexFacts = []fact{
	{230, "every write keeps the indexes", func(s *session) {
		s.table("$T", "pk:S sk:S", "gsi by-g KEYS_ONLY g:S", "lsi by-l ALL pk:S l:S")
		const key = `"pk":{"S":"a"},"sk":{"S":"b"}`
		f := func(g, l string) {
			s.t.Helper()
			for index, want := range inOrder(map[string]string{"by-g": g, "by-l": l}) {
				s.ordered("Scan", `{"IndexName":"`+index+`"}`, strings.TrimPrefix(index, "by-"), want)
			}
			s.ordered("Query", `{"IndexName":"by-l","ConsistentRead":true,"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, "l", l)
		}
		f("", "")
		s.put(`{` + key + `,"g":{"S":"1"},"l":{"S":"1"}}`)
		f("1", "1")
		s.put(`{` + key + `,"g":{"S":"2"},"l":{"S":"2"}}`)
		f("2", "2")
		s.put(`{` + key + `,"g":{"S":"2"}}`)
		f("2", "")
		s.want("UpdateItem", `{"Key":{`+key+`},"UpdateExpression":"SET g=:v, l=:v","ExpressionAttributeValues":{":v":{"S":"3"}}}`, `{}`)
		f("3", "3")
		s.want("UpdateItem", `{"Key":{`+key+`},"UpdateExpression":"SET g=:v","ExpressionAttributeValues":{":v":{"S":"3"}}}`, `{}`)
		f("3", "3")
		s.want("UpdateItem", `{"Key":{`+key+`},"UpdateExpression":"REMOVE g"}`, `{}`)
		f("", "3")
		s.ok("BatchWriteItem", `{"RequestItems":{"$T":[{"PutRequest":{"Item":{`+key+`,"g":{"S":"4"},"l":{"S":"4"}}}}]}}`)
		f("4", "4")
		s.ok("TransactWriteItems", `{"TransactItems":[{"Update":{"TableName":"$T","Key":{`+key+`},"UpdateExpression":"SET g=:v REMOVE l","ExpressionAttributeValues":{":v":{"S":"5"}}}}]}`)
		f("5", "")
		s.ok("ExecuteStatement", statement(`UPDATE "$T" SET l='6' WHERE pk='a' AND sk='b'`))
		f("5", "6")
		s.want("DeleteItem", `{"Key":{`+key+`}}`, `{}`)
		f("", "")
	}},
	{231, "an index has what it projects", func(s *session) {
		s.table("$T", "pk:S", "gsi keys KEYS_ONLY g:S", "gsi some INCLUDE(a,zz) g:S", "gsi all ALL g:S")
		name := long("n", 300)
		s.put(`{"pk":{"S":"p"},"g":{"S":"x"},"a":{"N":"1"},"b":{"N":"2"},"` + name + `":{"N":"3"}}`)
		for index, want := range inOrder(map[string]string{
			"keys": `{"pk":{"S":"p"},"g":{"S":"x"}}`, "some": `{"pk":{"S":"p"},"g":{"S":"x"},"a":{"N":"1"}}`,
			"all": `{"pk":{"S":"p"},"g":{"S":"x"},"a":{"N":"1"},"b":{"N":"2"},"` + name + `":{"N":"3"}}`,
		}) {
			s.want("Scan", `{"IndexName":"`+index+`"}`, `{"Items":[`+want+`],"Count":1,"ScannedCount":1}`)
		}
	}},
	{232, "an index has a write soon, a local one at once", func(s *session) {
		s.table("$T", "pk:S sk:S", "gsi by-g ALL g:S", "lsi by-l ALL pk:S l:S")
		for i := range 5 {
			s.put(`{"pk":{"S":"a"},"sk":{"S":"b"},"g":{"S":"x` + text(i) + `"},"l":{"S":"` + text(i) + `"}}`)
			s.has("Query", `{"IndexName":"by-l","ConsistentRead":true,"KeyConditionExpression":"pk=:p AND l=:l","ExpressionAttributeValues":{":p":{"S":"a"},":l":{"S":"`+text(i)+`"}}}`, `{"Count":1}`)
			s.eventually("the index has the item", func(s *session) bool {
				got := s.ok("Query", `{"IndexName":"by-g","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x`+text(i)+`"}}}`)
				return fmt.Sprint(got["Count"]) == "1"
			})
		}
	}},
	{233, "paging resumes inside a tie", func(s *session) {
		s.table("$T", "pk:S sk:N", "gsi by-g ALL g:S h:N")
		s.batch("a", 30, `,"g":{"S":"x"},"h":{"N":"1"}`)
		s.batch("b", 30, `,"g":{"S":"x"},"h":{"N":"1"}`)
		for _, forward := range []string{"true", "false"} {
			seen, start := map[string]bool{}, ""
			for {
				got := s.ok("Query", `{"IndexName":"by-g","Limit":7,"ScanIndexForward":`+forward+`,"KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}}`+start+`}`)
				pks, sks := split(values(got, "pk")), split(values(got, "sk"))
				for i := range pks {
					if item := pks[i] + sks[i]; seen[item] {
						s.t.Errorf("item %s came twice", item)
					} else {
						seen[item] = true
					}
				}
				if got["LastEvaluatedKey"] == nil {
					break
				}
				start = `,"ExclusiveStartKey":` + encode(got["LastEvaluatedKey"])
			}
			if len(seen) != 60 {
				s.t.Errorf("pages have %d items, want 60", len(seen))
			}
		}
	}},
	{234, "odd names of key attributes are ordinary", func(s *session) {
		s.table("$T", ":attrs:S attrs:S", "gsi by-odd ALL #x.y[0]:S")
		s.put(`{":attrs":{"S":"a"},"attrs":{"S":"b"},"#x.y[0]":{"S":"c"}}`)
		s.item(`{":attrs":{"S":"a"},"attrs":{"S":"b"}}`, `{":attrs":{"S":"a"},"attrs":{"S":"b"},"#x.y[0]":{"S":"c"}}`)
		s.has("Query", `{"IndexName":"by-odd","KeyConditionExpression":"#k=:v","ExpressionAttributeNames":{"#k":"#x.y[0]"},"ExpressionAttributeValues":{":v":{"S":"c"}}}`, `{"Count":1}`)
		s.has("Query", `{"KeyConditionExpression":"#k=:v","ExpressionAttributeNames":{"#k":":attrs"},"ExpressionAttributeValues":{":v":{"S":"a"}}}`, `{"Count":1}`)
	}},
}
