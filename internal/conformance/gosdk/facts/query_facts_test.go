package facts

import (
	"fmt"
	"slices"
	"strings"
)

// queryFacts are about Query.
var queryFacts = []fact{
	{160, "a key condition is an equality, and one more condition at most", func(s *session) {
		s.table("$T", "pk:S sk:N")
		s.batch("a", 6, "")
		f := func(condition, values, want string) {
			s.t.Helper()
			s.ordered("Query", `{"KeyConditionExpression":"`+condition+`","ExpressionAttributeValues":{":p":{"S":"a"}`+values+`}}`, "sk", want)
		}
		f("pk = :p", "", "0 1 2 3 4 5")
		f("pk = :p AND sk = :s", `,":s":{"N":"2"}`, "2")
		f("pk = :p AND sk < :s", `,":s":{"N":"2"}`, "0 1")
		f("pk = :p AND sk <= :s", `,":s":{"N":"2"}`, "0 1 2")
		f("pk = :p AND sk > :s", `,":s":{"N":"3"}`, "4 5")
		f("pk = :p AND sk >= :s", `,":s":{"N":"3"}`, "3 4 5")
		f("pk = :p AND sk BETWEEN :s AND :t", `,":s":{"N":"2"},":t":{"N":"4"}`, "2 3 4")
		f("sk = :s AND pk = :p", `,":s":{"N":"2"}`, "2")
		f(":p = pk AND :s < sk", `,":s":{"N":"3"}`, "4 5")
		f("(pk = :p) AND (sk = :s)", `,":s":{"N":"2"}`, "2")
		s.table("$U", "pk:S sk:S")
		for _, sk := range []string{"ab", "abc", "abd", "ac"} {
			s.want("PutItem", `{"TableName":"$U","Item":{"pk":{"S":"a"},"sk":{"S":"`+sk+`"}}}`, `{}`)
		}
		s.ordered("Query", `{"TableName":"$U","KeyConditionExpression":"pk=:p AND begins_with(sk,:s)","ExpressionAttributeValues":{":p":{"S":"a"},":s":{"S":"ab"}}}`, "sk", "ab abc abd")
	}},
	{161, "other key conditions are refused, each in its words", func(s *session) {
		s.table("$T", "pk:S sk:N")
		f := func(condition, values, message string) {
			s.t.Helper()
			s.invalid("Query", `{"KeyConditionExpression":"`+condition+`","ExpressionAttributeValues":{`+values+`}}`, message)
		}
		const p, s1 = `":p":{"S":"a"}`, `":s":{"N":"1"}`
		f("sk = :s", s1, "Query condition missed key schema element: pk")
		f("x = :s", s1, "Query condition missed key schema element: pk")
		f("pk > :p", p, "Query key condition not supported")
		f("pk = :p AND sk > :s AND sk < :s", p+`,`+s1, "KeyConditionExpressions must only contain one condition per key")
		f("pk = :p OR sk = :s", p+`,`+s1, "Invalid operator used in KeyConditionExpression: OR")
		f("pk = :p AND NOT sk = :s", p+`,`+s1, "Invalid operator used in KeyConditionExpression: NOT")
		f("pk = :p AND sk <> :s", p+`,`+s1, "Invalid operator used in KeyConditionExpression: <>")
		f("pk = :p AND sk IN (:s)", p+`,`+s1, "Invalid operator used in KeyConditionExpression: IN")
		f("pk = :p AND attribute_exists(sk)", p, "Invalid operator used in KeyConditionExpression: attribute_exists")
		f("pk = :p AND contains(sk, :s)", p+`,`+s1, "Invalid operator used in KeyConditionExpression: contains")
		f("pk.a = :p", p, "KeyConditionExpressions cannot have conditions on nested attributes")
		f("pk = :p AND sk.a = :s", p+`,`+s1, "KeyConditionExpressions cannot have conditions on nested attributes")
		f(":p = :p", p, "Invalid condition in KeyConditionExpression: No key attribute specified")
		f("pk = :p AND sk = pk", p, "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
		f("pk = :p AND begins_with(sk, :s)", p+`,`+s1, "…begins_with…")
		f("pk = :s", s1, "One or more parameter values were invalid: Condition parameter type does not match schema type")
		f("pk = :p AND sk = :p", p, "One or more parameter values were invalid: Condition parameter type does not match schema type")
	}},
	{162, "items come in the order of the sort key, or reversed", func(s *session) {
		s.table("$T", "pk:S sk:N", "gsi by-g ALL g:S h:N")
		for i, sk := range []string{"5", "-1", "30", "4", "0.5"} {
			s.put(`{"pk":{"S":"a"},"sk":{"N":"` + sk + `"},"g":{"S":"x"},"h":{"N":"` + text(i/2) + `"}}`)
		}
		const q = `"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}`
		s.ordered("Query", `{`+q+`}`, "sk", "-1 0.5 4 5 30")
		s.ordered("Query", `{`+q+`,"ScanIndexForward":true}`, "sk", "-1 0.5 4 5 30")
		s.ordered("Query", `{`+q+`,"ScanIndexForward":false}`, "sk", "30 5 4 0.5 -1")
		// Equal index keys come in the order of the table's keys.
		const g = `"IndexName":"by-g","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}}`
		s.ordered("Query", `{`+g+`}`, "sk", "-1 5 4 30 0.5")
		s.ordered("Query", `{`+g+`,"ScanIndexForward":false}`, "sk", "0.5 30 4 5 -1")
	}},
	{163, "a page ends at Limit or at 1 MB", func(s *session) {
		s.table("$T", "pk:S sk:N")
		s.batch("a", 24, `,"v":{"S":"`+long("x", 100_000)+`"}`)
		const q = `"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}},"ProjectionExpression":"sk"`
		s.ordered("Query", `{`+q+`,"Limit":3}`, "sk", "0 1 2")
		// The item that passes 1 MB is the last of its page.
		s.ordered("Query", `{`+q+`}`, "sk", "0 1 2 3 4 5 6 7 8 9 10")
		s.ordered("Query", `{`+q+`,"ScanIndexForward":false}`, "sk", "23 22 21 20 19 18 17 16 15 14 13")
		s.has("Query", `{"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}},"FilterExpression":"attribute_not_exists(v)"}`, `{"Count":0,"ScannedCount":11,"LastEvaluatedKey":{"pk":{"S":"a"},"sk":{"N":"10"}}}`)
		s.has("Query", `{"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}},"Select":"COUNT","Limit":20}`, `{"Count":11}`)
	}},
	{164, "LastEvaluatedKey is there where the page stopped early", func(s *session) {
		s.table("$T", "pk:S sk:N", "gsi by-g ALL g:S h:N", "lsi by-l ALL pk:S l:N")
		s.batch("a", 4, `,"g":{"S":"x"},"h":{"N":"1%d"},"l":{"N":"2%d"}`)
		const q = `"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}`
		s.lacks("Query", `{`+q+`}`, "LastEvaluatedKey")
		s.lacks("Query", `{`+q+`,"Limit":5}`, "LastEvaluatedKey")
		f := func(in, want string) {
			s.t.Helper()
			got := s.ok("Query", in)
			if diff := differ(got["LastEvaluatedKey"], s.decode(want), "LastEvaluatedKey", false); diff != "" {
				s.t.Errorf("%s: %s", in, diff)
			}
		}
		f(`{`+q+`,"Limit":4}`, `{"pk":{"S":"a"},"sk":{"N":"3"}}`)
		f(`{`+q+`,"Limit":1}`, `{"pk":{"S":"a"},"sk":{"N":"0"}}`)
		f(`{"IndexName":"by-l",`+q+`,"Limit":1}`, `{"pk":{"S":"a"},"sk":{"N":"0"},"l":{"N":"20"}}`)
		f(`{"IndexName":"by-g","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}},"Limit":2}`, `{"pk":{"S":"a"},"sk":{"N":"1"},"g":{"S":"x"},"h":{"N":"11"}}`)
	}},
	{165, "a starting key need not exist, but must fit", func(s *session) {
		s.table("$T", "pk:S sk:N", "gsi by-g ALL g:S h:N")
		s.table("$U", "pk:S")
		s.batch("a", 4, `,"g":{"S":"x"},"h":{"N":"%d"}`)
		const p = `"ExpressionAttributeValues":{":p":{"S":"a"}},"KeyConditionExpression":"pk=:p",`
		s.ordered("Query", `{`+p+`"ExclusiveStartKey":{"pk":{"S":"a"},"sk":{"N":"1.5"}}}`, "sk", "2 3")
		s.ordered("Query", `{`+p+`"ScanIndexForward":false,"ExclusiveStartKey":{"pk":{"S":"a"},"sk":{"N":"1.5"}}}`, "sk", "1 0")
		f := func(key, message string) {
			s.t.Helper()
			s.invalid("Query", `{`+p+`"ExclusiveStartKey":`+key+`}`, message)
		}
		f(`{"pk":{"S":"a"}}`, "The provided starting key is invalid…")
		f(`{"pk":{"S":"a"},"sk":{"S":"1"}}`, "…The provided key element does not match the schema")
		f(`{"pk":{"S":"a"},"x":{"N":"1"}}`, "The provided starting key is invalid…")
		f(`{"pk":{"S":"a"},"sk":{"N":"1"},"x":{"N":"1"}}`, "…starting key…")
		f(`{"pk":{"S":"b"},"sk":{"N":"1"}}`, "The provided starting key is outside query boundaries based on provided conditions")
		s.invalid("Query", `{"KeyConditionExpression":"pk=:p AND sk>:s","ExpressionAttributeValues":{":p":{"S":"a"},":s":{"N":"2"}},"ExclusiveStartKey":{"pk":{"S":"a"},"sk":{"N":"1"}}}`,
			"The provided starting key does not match the range key predicate")
		s.invalid("Query", `{"TableName":"$U","ExpressionAttributeValues":{":p":{"S":"a"}},"KeyConditionExpression":"pk=:p","ExclusiveStartKey":{"pk":{"S":"a"}}}`,
			"The query can return at most one row and cannot be restarted")
		s.invalid("Query", `{"IndexName":"by-g","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}},"ExclusiveStartKey":{"g":{"S":"x"},"h":{"N":"1"}}}`, "The provided starting key is invalid…")
		s.ordered("Query", `{"IndexName":"by-g","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}},"ExclusiveStartKey":{"g":{"S":"x"},"h":{"N":"1"},"pk":{"S":"a"},"sk":{"N":"1"}}}`, "sk", "2 3")
	}},
	{166, "Select says what is answered", func(s *session) {
		s.table("$T", "pk:S", "gsi by-g KEYS_ONLY g:S")
		s.put(`{"pk":{"S":"a"},"g":{"S":"x"},"v":{"N":"1"}}`)
		const q = `"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}`
		const g = `"IndexName":"by-g","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}}`
		s.has("Query", `{`+q+`}`, `{"Items":[{"pk":{"S":"a"},"g":{"S":"x"},"v":{"N":"1"}}]}`)
		s.has("Query", `{`+q+`,"Select":"ALL_ATTRIBUTES"}`, `{"Items":[{"pk":{"S":"a"},"g":{"S":"x"},"v":{"N":"1"}}]}`)
		s.want("Query", `{`+q+`,"Select":"COUNT"}`, `{"Count":1,"ScannedCount":1}`)
		s.want("Query", `{`+g+`}`, `{"Items":[{"pk":{"S":"a"},"g":{"S":"x"}}],"Count":1,"ScannedCount":1}`)
		s.want("Query", `{`+g+`,"Select":"ALL_PROJECTED_ATTRIBUTES"}`, `{"Items":[{"pk":{"S":"a"},"g":{"S":"x"}}],"Count":1,"ScannedCount":1}`)
		s.want("Query", `{`+q+`,"Select":"SPECIFIC_ATTRIBUTES","ProjectionExpression":"v"}`, `{"Items":[{"v":{"N":"1"}}],"Count":1,"ScannedCount":1}`)
		s.invalid("Query", `{`+q+`,"Select":"ALL_PROJECTED_ATTRIBUTES"}`, "…ALL_PROJECTED_ATTRIBUTES…")
		s.invalid("Query", `{`+q+`,"Select":"SPECIFIC_ATTRIBUTES"}`, "…SPECIFIC_ATTRIBUTES…")
		s.invalid("Query", `{`+q+`,"Select":"ALL_ATTRIBUTES","ProjectionExpression":"v"}`, "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES")
		s.invalid("Query", `{"KeyConditions":{"pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]}},"Select":"COUNT","AttributesToGet":["v"]}`,
			"1 validation error detected: Cannot specify the AttributesToGet when choosing to get only the Count")
		s.invalid("Scan", `{"Select":"ALL_ATTRIBUTES","ProjectionExpression":"v"}`, "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES")
	}},
	{167, "a global index has only what it projects, a local one fetches", func(s *session) {
		s.table("$T", "pk:S sk:S", "gsi by-g KEYS_ONLY g:S", "lsi by-l KEYS_ONLY pk:S l:S")
		s.put(`{"pk":{"S":"a"},"sk":{"S":"b"},"g":{"S":"x"},"l":{"S":"y"},"v":{"N":"1"}}`)
		s.invalid("Query", `{"IndexName":"by-g","Select":"ALL_ATTRIBUTES","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}}}`,
			"One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index by-g because its projection type is not ALL")
		s.has("Query", `{"IndexName":"by-l","Select":"ALL_ATTRIBUTES","KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`,
			`{"Items":[{"pk":{"S":"a"},"sk":{"S":"b"},"g":{"S":"x"},"l":{"S":"y"},"v":{"N":"1"}}]}`)
	}},
	{168, "what a global index does not project cannot be asked of it", func(s *session) {
		s.table("$T", "pk:S sk:S", "gsi by-g INCLUDE(i) g:S", "lsi by-l KEYS_ONLY pk:S l:S")
		s.put(`{"pk":{"S":"a"},"sk":{"S":"b"},"g":{"S":"x"},"l":{"S":"y"},"v":{"N":"1"},"i":{"N":"2"}}`)
		s.invalid("Query", `{"IndexName":"by-g","ProjectionExpression":"v","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}}}`, "One or more parameter values were invalid: Global secondary index by-g does not project [v]")
		s.has("Query", `{"IndexName":"by-g","ProjectionExpression":"i,pk","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}}}`, `{"Items":[{"i":{"N":"2"},"pk":{"S":"a"}}]}`)
		s.has("Query", `{"IndexName":"by-l","ProjectionExpression":"v","KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, `{"Items":[{"v":{"N":"1"}}]}`)
	}},
	{169, "an unknown index is invalid, an unknown table missing", func(s *session) {
		s.table("$T", "pk:S")
		const q = `"IndexName":"no-such","KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}`
		s.invalid("Query", `{`+q+`}`, "The table does not have the specified index: no-such")
		s.invalid("Scan", `{"IndexName":"no-such"}`, "The table does not have the specified index: no-such")
		s.refuses("Query", `{"TableName":"no-such",`+q+`}`, "ResourceNotFoundException", "Requested resource not found")
	}},
	{170, "a global index is not read consistently, a local one is", func(s *session) {
		s.table("$T", "pk:S sk:S", "gsi by-g ALL g:S", "lsi by-l ALL pk:S l:S")
		s.put(`{"pk":{"S":"a"},"sk":{"S":"b"},"g":{"S":"x"},"l":{"S":"y"}}`)
		s.invalid("Query", `{"IndexName":"by-g","ConsistentRead":true,"KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"x"}}}`,
			"Consistent reads are not supported on global secondary indexes")
		s.invalid("Scan", `{"IndexName":"by-g","ConsistentRead":true}`, "Consistent reads are not supported on global secondary indexes")
		s.has("Query", `{"IndexName":"by-l","ConsistentRead":true,"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, `{"Count":1}`)
	}},
	{171, "Items may be empty, the counts are there", func(s *session) {
		s.table("$T", "pk:S")
		s.want("Query", `{"KeyConditionExpression":"pk=:p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, `{"Items":[],"Count":0,"ScannedCount":0}`)
		s.want("Scan", `{}`, `{"Items":[],"Count":0,"ScannedCount":0}`)
	}},
}

// scanFacts are about Scan.
var scanFacts = []fact{
	{172, "the order is stable, and that of the sort key within a partition", func(s *session) {
		s.table("$T", "pk:S sk:N")
		for _, pk := range []string{"a", "b", "c", "d"} {
			s.batch(pk, 5, "")
		}
		first := values(s.ok("Scan", `{}`), "pk")
		s.ordered("Scan", `{}`, "sk", "0 1 2 3 4 0 1 2 3 4 0 1 2 3 4 0 1 2 3 4")
		partitions := slices.Compact(split(first))
		if len(partitions) != 4 {
			s.t.Errorf("partitions are not apart: %s", first)
		}
		s.ordered("Scan", `{"ConsistentRead":true}`, "pk", first)
		s.put(`{"pk":{"S":"a"},"sk":{"N":"0"},"v":{"N":"1"}}`)
		s.ordered("Scan", `{}`, "pk", first)
	}},
	{173, "segments come with their total", func(s *session) {
		s.table("$T", "pk:S")
		s.invalid("Scan", `{"Segment":0}`, "The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
		s.invalid("Scan", `{"TotalSegments":1}`, "The Segment parameter is required but was not present in the request when parameter TotalSegments is present")
		s.invalid("Scan", `{"Segment":5,"TotalSegments":5}`, "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 5 is not less than TotalSegments: 5")
		s.invalid("Scan", `{"Segment":0,"TotalSegments":1000001}`, "…'totalSegments' failed to satisfy constraint: Member must have value less than or equal to 1000000")
		s.has("Scan", `{"Segment":999999,"TotalSegments":1000000}`, `{"Count":0}`)
	}},
	{174, "segments are disjoint and complete", func(s *session) {
		s.table("$T", "pk:S sk:N")
		for i := range 30 {
			s.batch(fmt.Sprintf("p%d", i), 3, "")
		}
		for _, total := range []int{1, 3, 7} {
			seen := map[string]int{}
			var foreign string
			for segment := range total {
				start := ""
				for {
					got := s.ok("Scan", fmt.Sprintf(`{"Segment":%d,"TotalSegments":%d,"Limit":8%s}`, segment, total, start))
					pks, sks := split(values(got, "pk")), split(values(got, "sk"))
					for i := range pks {
						seen[pks[i]+"/"+sks[i]]++
					}
					if got["LastEvaluatedKey"] == nil {
						break
					}
					start = `,"ExclusiveStartKey":` + encode(got["LastEvaluatedKey"])
					if segment == 0 {
						foreign = start
					}
				}
			}
			if len(seen) != 90 {
				s.t.Errorf("%d segments have %d items, want 90", total, len(seen))
			}
			for item, times := range seen {
				if times != 1 {
					s.t.Errorf("%d segments have %s %d times", total, item, times)
				}
			}
			if total > 1 && foreign != "" {
				s.invalid("Scan", fmt.Sprintf(`{"Segment":%d,"TotalSegments":%d%s}`, total-1, total, foreign),
					fmt.Sprintf("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: %d Segment: %d", total, total-1))
			}
		}
	}},
	{175, "an index's scan has the index's items", func(s *session) {
		s.table("$T", "pk:S sk:N", "gsi by-g KEYS_ONLY g:S")
		s.batch("a", 10, `,"g":{"S":"g%d"}`)
		s.batch("b", 10, "")
		var seen []string
		start := ""
		for {
			got := s.ok("Scan", `{"IndexName":"by-g","Limit":3,"FilterExpression":"sk <> :s","ExpressionAttributeValues":{":s":{"N":"4"}}`+start+`}`)
			seen = append(seen, split(values(got, "g"))...)
			if got["LastEvaluatedKey"] == nil {
				break
			}
			if diff := differ(got["LastEvaluatedKey"], s.decode(`{"g":{"S":"…"},"pk":{"S":"a"},"sk":{"N":"…"}}`), "LastEvaluatedKey", false); diff != "" && !strings.Contains(diff, ".N ") {
				s.t.Error(diff)
			}
			start = `,"ExclusiveStartKey":` + encode(got["LastEvaluatedKey"])
		}
		slices.Sort(seen)
		if got, want := strings.Join(seen, " "), "g0 g1 g2 g3 g5 g6 g7 g8 g9"; got != want {
			s.t.Errorf("items = %q, want %q", got, want)
		}
	}},
	{176, "deleted items do not make pages", func(s *session) {
		s.table("$T", "pk:S sk:N")
		s.batch("a", 500, "")
		for first := 1; first < 499; first += 25 {
			var deletes []string
			for i := first; i < min(first+25, 499); i++ {
				deletes = append(deletes, fmt.Sprintf(`{"DeleteRequest":{"Key":{"pk":{"S":"a"},"sk":{"N":"%d"}}}}`, i))
			}
			s.ok("BatchWriteItem", `{"RequestItems":{"$T":[`+strings.Join(deletes, ",")+`]}}`)
		}
		s.want("Scan", `{"Limit":3}`, `{"Items":[{"pk":{"S":"a"},"sk":{"N":"0"}},{"pk":{"S":"a"},"sk":{"N":"499"}}],"Count":2,"ScannedCount":2}`)
	}},
	{177, "Select is as for queries", func(s *session) {
		s.table("$T", "pk:S", "gsi by-g KEYS_ONLY g:S")
		s.put(`{"pk":{"S":"a"},"g":{"S":"x"},"v":{"N":"1"}}`)
		s.want("Scan", `{"Select":"COUNT"}`, `{"Count":1,"ScannedCount":1}`)
		s.has("Scan", `{"IndexName":"by-g","Select":"ALL_PROJECTED_ATTRIBUTES"}`, `{"Items":[{"pk":{"S":"a"},"g":{"S":"x"}}]}`)
		s.invalid("Scan", `{"IndexName":"by-g","Select":"ALL_ATTRIBUTES"}`,
			"One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index by-g because its projection type is not ALL")
		s.invalid("Scan", `{"Select":"SPECIFIC_ATTRIBUTES"}`, "…SPECIFIC_ATTRIBUTES…")
		s.invalid("Scan", `{"Select":"ALL_PROJECTED_ATTRIBUTES"}`, "…ALL_PROJECTED_ATTRIBUTES…")
		s.has("Scan", `{"ScanFilter":{"v":{"ComparisonOperator":"EQ","AttributeValueList":[{"N":"2"}]}}}`, `{"Count":0,"ScannedCount":1}`)
	}},
}
