package facts

import (
	"encoding/base64"
	"strings"
)

// keyFacts are about keys, sizes and the limits of expressions.
var keyFacts = []fact{
	{73, "keys have at most 2048 and 1024 bytes", func(s *session) {
		s.table("$T", "pk:S sk:B", "gsi by-g ALL g:S h:S")
		const (
			hash    = "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"
			sortKey = "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
		)
		bytes := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(long("x", n))) }
		s.put(`{"pk":{"S":"` + long("x", 2048) + `"},"sk":{"B":"` + bytes(1024) + `"},"g":{"S":"` + long("é", 1024) + `"},"h":{"S":"` + long("x", 1024) + `"}}`)
		f := func(key, message string) {
			s.t.Helper()
			s.invalid("PutItem", `{"Item":`+key+`}`, message)
			s.invalid("GetItem", `{"Key":`+key+`}`, message)
			s.invalid("UpdateItem", `{"Key":`+key+`}`, message)
			s.invalid("DeleteItem", `{"Key":`+key+`}`, message)
		}
		f(`{"pk":{"S":"`+long("x", 2049)+`"},"sk":{"B":"YQ=="}}`, hash)
		f(`{"pk":{"S":"`+long("é", 1025)+`"},"sk":{"B":"YQ=="}}`, hash)
		f(`{"pk":{"S":"x"},"sk":{"B":"`+bytes(1025)+`"}}`, sortKey)
		s.invalid("PutItem", `{"Item":{"pk":{"S":"x"},"sk":{"B":"YQ=="},"g":{"S":"`+long("x", 2049)+`"},"h":{"S":"x"}}}`, "…2048…")
		s.invalid("PutItem", `{"Item":{"pk":{"S":"x"},"sk":{"B":"YQ=="},"g":{"S":"x"},"h":{"S":"`+long("x", 1025)+`"}}}`, "…1024…")
		s.item(`{"pk":{"S":"x"},"sk":{"B":"YQ=="}}`, "")
	}},
	{74, "an item has at most 400 KiB", func(s *session) {
		s.table("$T", "pk:S")
		const most = 400 << 10
		fits := long("x", most-len("pka")-len("v"))
		s.put(`{"pk":{"S":"a"},"v":{"S":"` + fits + `"}}`)
		s.invalid("PutItem", `{"Item":{"pk":{"S":"a"},"v":{"S":"`+fits+`x"}}}`, "Item size has exceeded the maximum allowed size")
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[{"PutRequest":{"Item":{"pk":{"S":"a"},"v":{"S":"`+fits+`x"}}}}]}}`, "Item size has exceeded the maximum allowed size")
		const tooLarge = "Item size to update has exceeded the maximum allowed size"
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET w=:w","ExpressionAttributeValues":{":w":{"S":"x"}}}`, tooLarge)
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET w=v"}`, tooLarge)
	}},
	{75, "an item's size is that of its names and values", func(s *session) {
		s.table("$T", "pk:S")
		// Each item is as large as it can be for one more unit of 1 KB not to be charged.
		f := func(attribute string, size int) {
			s.t.Helper()
			for more, units := range []string{"1", "2"} {
				s.want("PutItem", `{"Item":{"pk":{"S":"a"},`+attribute+`,"f":{"S":"`+long("x", 1024-len("pka")-len("f")-size+more)+`"}},"ReturnConsumedCapacity":"TOTAL"}`,
					`{"ConsumedCapacity":{"TableName":"$T","CapacityUnits":`+units+`}}`)
				s.want("DeleteItem", `{"Key":{"pk":{"S":"a"}}}`, `{}`)
			}
		}
		f(`"né":{"S":"žx"}`, 3+3)
		f(`"n":{"B":"YWJj"}`, 1+3)
		f(`"n":{"BOOL":true}`, 1+1)
		f(`"n":{"NULL":true}`, 1+1)
		f(`"n":{"SS":["ab","c"]}`, 1+3)
		f(`"n":{"BS":["YWJj"]}`, 1+3)
		f(`"n":{"L":[]}`, 1+3)
		f(`"n":{"L":[{"S":"ab"},{"S":"c"}]}`, 1+3+1+2+1+1)
		f(`"n":{"M":{}}`, 1+3)
		f(`"n":{"M":{"ab":{"S":"cd"}}}`, 1+3+1+2+2)
		f(`"n":{"N":"1234"}`, 1+3)
		f(`"n":{"N":"-1234"}`, 1+4)
		f(`"n":{"N":"0"}`, 1+1)
		f(`"n":{"NS":["1234","0"]}`, 1+3+1)
	}},
	{76, "writes to a table with a local index tell the size of the item collection", func(s *session) {
		s.table("$T", "pk:S sk:S", "lsi by-l ALL pk:S l:S")
		const want = `{"ItemCollectionMetrics":{"ItemCollectionKey":{"pk":{"S":"a"}},"SizeEstimateRangeGB":[0,1]}}`
		s.want("PutItem", `{"Item":{"pk":{"S":"a"},"sk":{"S":"b"}},"ReturnItemCollectionMetrics":"SIZE"}`, want)
		s.want("UpdateItem", `{"Key":{"pk":{"S":"a"},"sk":{"S":"b"}},"UpdateExpression":"SET v=pk","ReturnItemCollectionMetrics":"SIZE"}`, want)
		s.want("DeleteItem", `{"Key":{"pk":{"S":"a"},"sk":{"S":"b"}},"ReturnItemCollectionMetrics":"SIZE"}`, want)
		s.has("BatchWriteItem", `{"RequestItems":{"$T":[{"PutRequest":{"Item":{"pk":{"S":"a"},"sk":{"S":"b"}}}}]},"ReturnItemCollectionMetrics":"SIZE"}`,
			`{"ItemCollectionMetrics":{"$T":[{"ItemCollectionKey":{"pk":{"S":"a"}},"SizeEstimateRangeGB":[0,1]}]}}`)
		s.want("PutItem", `{"Item":{"pk":{"S":"a"},"sk":{"S":"b"}}}`, `{}`)
		s.table("$U", "pk:S")
		s.want("PutItem", `{"TableName":"$U","Item":{"pk":{"S":"a"}},"ReturnItemCollectionMetrics":"SIZE"}`, `{}`)
	}},
	{77, "a put needs its keys, of their types", func(s *session) {
		s.table("$T", "pk:S sk:N")
		f := func(item, message string) {
			s.t.Helper()
			s.invalid("PutItem", `{"Item":`+item+`}`, "One or more parameter values were invalid: "+message)
		}
		f(`{"sk":{"N":"1"}}`, "Missing the key pk in the item")
		f(`{"pk":{"S":"a"}}`, "Missing the key sk in the item")
		f(`{"pk":{"N":"1"},"sk":{"N":"1"}}`, "Type mismatch for key pk expected: S actual: N")
		f(`{"pk":{"S":"a"},"sk":{"S":"b"}}`, "Type mismatch for key sk expected: N actual: S")
	}},
	{78, "a key must be the schema's", func(s *session) {
		s.table("$T", "pk:S sk:N")
		for _, key := range []string{
			`{}`, `{"pk":{"S":"a"}}`, `{"sk":{"N":"1"}}`, `{"pk":{"S":"a"},"sk":{"S":"b"}}`, `{"pk":{"S":"a"},"sk":{"N":"1"},"x":{"S":"c"}}`, `{"pk":{"S":"a"},"x":{"N":"1"}}`,
		} {
			for _, operation := range []string{"GetItem", "UpdateItem", "DeleteItem"} {
				s.invalid(operation, `{"Key":`+key+`}`, "The provided key element does not match the schema")
			}
		}
	}},
	{79, "keys are strings, numbers or binaries", func(s *session) {
		s.table("$T", "pk:S")
		for _, value := range []string{`{"BOOL":true}`, `{"NULL":true}`, `{"L":[]}`, `{"M":{}}`, `{"SS":["a"]}`} {
			s.invalid("GetItem", `{"Key":{"pk":`+value+`}}`, "…")
			s.invalid("PutItem", `{"Item":{"pk":`+value+`}}`, "…")
		}
	}},
	{80, "an attribute that is an index's key has its type", func(s *session) {
		s.table("$T", "pk:S", "gsi by-g ALL g:S")
		f := func(value, kind string) {
			s.t.Helper()
			message := "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: " + kind + " IndexName: by-g"
			s.invalid("PutItem", `{"Item":{"pk":{"S":"a"},"g":`+value+`}}`, message)
			s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[{"PutRequest":{"Item":{"pk":{"S":"a"},"g":`+value+`}}}]}}`, message)
			s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET g=:v","ExpressionAttributeValues":{":v":`+value+`}}`,
				"The update expression attempted to update the secondary index key to unsupported type")
		}
		f(`{"N":"1"}`, "N")
		f(`{"NULL":true}`, "NULL")
		f(`{"M":{}}`, "M")
		s.item(`{"pk":{"S":"a"}}`, "")
	}},
	{81, "a key is no document", func(s *session) {
		s.table("$T", "pk:S", "gsi by-g ALL g:S")
		const scalar = "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
		s.refusesUpdate("SET g.a=:v", `{":v":{"S":"x"}}`, scalar+"IndexKey: g")
		s.refusesUpdate("REMOVE g[0]", "", scalar+"IndexKey: g")
		s.refusesUpdate("SET v=pk.a", "", scalar+"Key: pk")
		s.invalid("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"pk.a"}`, scalar+"Key: pk")
		s.invalid("Scan", `{"FilterExpression":"attribute_exists(g.a)"}`, scalar+"IndexKey: g")
		for _, path := range []string{"pk.a", "pk[0]"} {
			s.refusesUpdate("REMOVE "+path, "", "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key")
		}
	}},
	{82, "an item without an index's key is not in the index", func(s *session) {
		s.table("$T", "pk:S", "gsi by-g ALL g:S h:S")
		s.put(`{"pk":{"S":"a"},"g":{"S":"x"},"h":{"S":"y"}}`, `{"pk":{"S":"b"},"g":{"S":"x"}}`, `{"pk":{"S":"c"}}`)
		s.has("Scan", `{"IndexName":"by-g"}`, `{"Count":1,"Items":[{"pk":{"S":"a"}}]}`)
		s.has("Scan", `{}`, `{"Count":3}`)
	}},
	{83, "expressions have limits", func(s *session) {
		s.table("$T", "pk:S")
		f := func(condition, names, message string) {
			s.t.Helper()
			s.invalid("DeleteItem", `{"Key":{"pk":{"S":"a"}},"ConditionExpression":"`+condition+`"`+names+`}`, message)
		}
		f(long("a", 4097), "", "Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; expression size: 4097")
		f("a=#"+long("x", 255), `,"ExpressionAttributeNames":{"#`+long("x", 255)+`":"b"}`, "…")
		many := "a<>b" + strings.Repeat(" OR a=b", 150)
		f(many, "", "…The expression contains too many operators; operator count: 301")
		f("a IN ("+strings.TrimSuffix(long("b,", 101), ",")+")", "", "…")
		s.want("DeleteItem", `{"Key":{"pk":{"S":"a"}},"ConditionExpression":"a<>b`+strings.Repeat(" OR a=b", 149)+`"}`, `{}`)
		name := "#" + long("x", 254)
		s.want("DeleteItem", `{"Key":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(`+name+`)","ExpressionAttributeNames":{"`+name+`":"b"}}`, `{}`)
	}},
	{84, "deep expressions are refused and do no harm", func(s *session) {
		s.table("$T", "pk:S")
		for _, condition := range []string{
			long("(", 2000) + "a=b" + long(")", 2000), long("NOT ", 1000) + "a=b", long("(", 4000), long("NOT(", 600) + "a=b" + long(")", 600), "a" + long("[0]", 1300) + "=b",
		} {
			s.invalid("DeleteItem", `{"Key":{"pk":{"S":"a"}},"ConditionExpression":"`+condition+`"}`, "…")
		}
	}},
	{85, "paths have at most 32 levels and sensible indexes", func(s *session) {
		s.table("$T", "pk:S")
		s.ok("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"a`+long(".a", 31)+`"}`)
		s.invalid("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"a`+long(".a", 40)+`"}`, "…nesting levels…")
		s.invalid("GetItem", `{"Key":{"pk":{"S":"a"}},"ProjectionExpression":"a[99999999999999999999]"}`, "…List index is not within the allowable range…")
	}},
}
