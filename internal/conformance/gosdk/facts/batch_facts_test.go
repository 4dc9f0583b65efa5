package facts

import (
	"fmt"
	"strings"
)

// batchFacts are about BatchGetItem and BatchWriteItem.
var batchFacts = []fact{
	{178, "a batch is not empty", func(s *session) {
		s.invalid("BatchGetItem", `{"RequestItems":{}}`, "The requestItems parameter is required for BatchGetItem")
		s.invalid("BatchWriteItem", `{"RequestItems":{}}`, "The requestItems parameter is required for BatchWriteItem")
	}},
	{179, "a batch reads at most 100 items", func(s *session) {
		s.table("$T", "pk:S")
		s.table("$U", "pk:S")
		keys := func(n int) string {
			var list []string
			for i := range n {
				list = append(list, fmt.Sprintf(`{"pk":{"S":"%d"}}`, i))
			}
			return `{"Keys":[` + strings.Join(list, ",") + `]}`
		}
		s.invalid("BatchGetItem", `{"RequestItems":{"$T":`+keys(101)+`}}`,
			"1 validation error detected: Value at 'RequestItems.$T.member.Keys' failed to satisfy constraint: Member must have length less than or equal to 100")
		s.invalid("BatchGetItem", `{"RequestItems":{"$T":`+keys(60)+`,"$U":`+keys(41)+`}}`, "Too many items requested for the BatchGetItem call")
		s.ok("BatchGetItem", `{"RequestItems":{"$T":`+keys(60)+`,"$U":`+keys(40)+`}}`)
	}},
	{180, "a batch writes at most 25 items", func(s *session) {
		s.table("$T", "pk:S")
		s.table("$U", "pk:S")
		writes := func(n int) string {
			var list []string
			for i := range n {
				list = append(list, fmt.Sprintf(`{"PutRequest":{"Item":{"pk":{"S":"%d"}}}}`, i))
			}
			return `[` + strings.Join(list, ",") + `]`
		}
		const constraint = "' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]"
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":`+writes(26)+`}}`, "1 validation error detected: Value '{$T=[…]}"+constraint)
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[]}}`, "…"+constraint)
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":`+writes(20)+`,"$U":`+writes(6)+`}}`, "Too many items requested for the BatchWriteItem call")
		s.ok("BatchWriteItem", `{"RequestItems":{"$T":`+writes(20)+`,"$U":`+writes(5)+`}}`)
	}},
	{181, "a batch names no item twice", func(s *session) {
		s.table("$T", "pk:N")
		s.table("$U", "pk:N")
		const duplicates = "Provided list of item keys contains duplicates"
		const put, del = `{"PutRequest":{"Item":{"pk":{"N":"1"}}}}`, `{"DeleteRequest":{"Key":{"pk":{"N":"1"}}}}`
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[`+put+`,`+put+`]}}`, duplicates)
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[`+put+`,`+del+`]}}`, duplicates)
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[`+del+`,{"DeleteRequest":{"Key":{"pk":{"N":"1.00"}}}}]}}`, duplicates)
		s.invalid("BatchGetItem", `{"RequestItems":{"$T":{"Keys":[{"pk":{"N":"1"}},{"pk":{"N":"1"}}]}}}`, duplicates)
		s.ok("BatchWriteItem", `{"RequestItems":{"$T":[`+put+`],"$U":[`+put+`]}}`)
	}},
	{182, "one bad element and nothing is written", func(s *session) {
		s.table("$T", "pk:S", "gsi by-g ALL g:S")
		const good = `{"PutRequest":{"Item":{"pk":{"S":"good"}}}}`
		for _, bad := range []string{
			`{"PutRequest":{"Item":{"v":{"S":"a"}}}}`, `{"PutRequest":{"Item":{"pk":{"N":"1"}}}}`, `{"PutRequest":{"Item":{"pk":{"S":""}}}}`,
			`{"PutRequest":{"Item":{"pk":{"S":"a"},"g":{"S":""}}}}`, `{"PutRequest":{"Item":{"pk":{"S":"a"},"g":{"N":"1"}}}}`,
			`{"PutRequest":{"Item":{"pk":{"S":"a"},"v":{"S":"` + long("x", 400<<10) + `"}}}}`, `{"DeleteRequest":{"Key":{"pk":{"S":"a"},"x":{"S":"a"}}}}`,
			`{"DeleteRequest":{"Key":{"pk":{"N":"1"}}}}`,
		} {
			s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[`+good+`,`+bad+`]}}`, "…")
		}
		s.item(`{"pk":{"S":"good"}}`, "")
	}},
	{183, "an element is a put or a delete", func(s *session) {
		s.table("$T", "pk:S")
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[{"PutRequest":{"Item":{"pk":{"S":"a"}}},"DeleteRequest":{"Key":{"pk":{"S":"b"}}}}]}}`,
			"Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[{}]}}`, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}},
	{184, "every table is in the answer, missing items are not", func(s *session) {
		s.table("$T", "pk:S")
		s.table("$U", "pk:S")
		s.want("BatchWriteItem", `{"RequestItems":{"$T":[{"PutRequest":{"Item":{"pk":{"S":"a"}}}}]}}`, `{"UnprocessedItems":{}}`)
		s.want("BatchGetItem", `{"RequestItems":{"$T":{"Keys":[{"pk":{"S":"a"}},{"pk":{"S":"b"}}]},"$U":{"Keys":[{"pk":{"S":"a"}}]}}}`,
			`{"Responses":{"$T":[{"pk":{"S":"a"}}],"$U":[]},"UnprocessedKeys":{}}`)
	}},
	{185, "a batch reads at most 16 MB and tells what is left", func(s *session) {
		s.table("$T", "pk:S")
		wanted := map[string]bool{}
		var keys []string
		for i := range 60 {
			pk := fmt.Sprintf("p%d", i)
			wanted[pk] = true
			keys = append(keys, `{"pk":{"S":"`+pk+`"}}`)
			s.put(`{"pk":{"S":"` + pk + `"},"v":{"S":"` + long("x", 300_000) + `"}}`)
		}
		request := s.expand(`{"$T":{"Keys":[` + strings.Join(keys, ",") + `],"ConsistentRead":true,"ProjectionExpression":"pk,#v","ExpressionAttributeNames":{"#v":"v"}}}`)
		for rounds := 0; len(wanted) > 0; rounds++ {
			got := s.ok("BatchGetItem", `{"RequestItems":`+request+`}`)
			responses, _ := got["Responses"].(map[string]any)
			items, _ := responses[s.expand("$T")].([]any)
			if len(items) == 0 || len(items) > 56 {
				s.t.Fatalf("an answer has %d items of 300 KB, want 1 to 56", len(items))
			}
			for _, pk := range split(values(object{"Items": items}, "pk")) {
				if !wanted[pk] {
					s.t.Errorf("item %s came twice", pk)
				}
				delete(wanted, pk)
			}
			left, _ := got["UnprocessedKeys"].(map[string]any)
			if rest, _ := left[s.expand("$T")].(map[string]any); len(wanted) > 0 {
				if diff := differ(rest, s.decode(`{"ConsistentRead":true,"ProjectionExpression":"pk,#v","ExpressionAttributeNames":{"#v":"v"}}`), "UnprocessedKeys", true); diff != "" {
					s.t.Fatal(diff)
				}
				if n := len(rest["Keys"].([]any)); n != len(wanted) {
					s.t.Fatalf("%d keys are left, want %d", n, len(wanted))
				}
			} else if len(left) > 0 {
				s.t.Errorf("UnprocessedKeys = %s after all items came", encode(left))
			}
			request = encode(left)
		}
	}},
	{186, "a batch writes 25 large items", func(s *session) {
		s.table("$T", "pk:S")
		var puts []string
		for i := range 25 {
			puts = append(puts, fmt.Sprintf(`{"PutRequest":{"Item":{"pk":{"S":"%d"},"v":{"S":"%s"}}}}`, i, long("x", 400<<10-100)))
		}
		s.want("BatchWriteItem", `{"RequestItems":{"$T":[`+strings.Join(puts, ",")+`]}}`, `{"UnprocessedItems":{}}`)
		s.has("GetItem", `{"Key":{"pk":{"S":"24"}},"ProjectionExpression":"pk"}`, `{"Item":{"pk":{"S":"24"}}}`)
	}},
	{187, "a missing table refuses the batch", func(s *session) {
		s.table("$T", "pk:S")
		s.refuses("BatchGetItem", `{"RequestItems":{"$T":{"Keys":[{"pk":{"S":"a"}}]},"no-such":{"Keys":[{"pk":{"S":"a"}}]}}}`, "ResourceNotFoundException", "Requested resource not found")
		const put = `[{"PutRequest":{"Item":{"pk":{"S":"a"}}}}]`
		s.refuses("BatchWriteItem", `{"RequestItems":{"$T":`+put+`,"no-such":`+put+`}}`, "ResourceNotFoundException", "Requested resource not found")
		s.item(`{"pk":{"S":"a"}}`, "")
	}},
}
