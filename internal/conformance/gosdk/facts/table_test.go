package facts

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object to be encoded.
type object = map[string]any

// table creates a table, waits until it is active and deletes it at the end. Its keys are written "pk:S sk:N"; each
// index is "gsi NAME PROJECTION g:S r:N" or "lsi NAME ...", where PROJECTION may be INCLUDE(a,b).
func (s *session) table(name, keys string, indexes ...string) {
	s.t.Helper()
	s.create(tableInput(name, keys, indexes...))
}

// create is table with a request of one's own.
func (s *session) create(in object) {
	s.t.Helper()
	name := in["TableName"].(string)
	s.ok("CreateTable", encode(in))
	s.dropAtEnd(name)
	s.active(name)
}

// active waits until a table and its indexes are.
func (s *session) active(name string) {
	s.t.Helper()
	s.eventually(s.expand(name)+" is active", func(s *session) bool {
		var got struct {
			Table struct {
				TableStatus            string
				GlobalSecondaryIndexes []struct{ IndexStatus string }
			}
		}
		a := s.call("DescribeTable", encode(object{"TableName": name}))
		if err := json.Unmarshal(a.body, &got); err != nil {
			s.t.Fatal(err)
		}
		for _, index := range got.Table.GlobalSecondaryIndexes {
			if index.IndexStatus != "ACTIVE" {
				return false
			}
		}
		return got.Table.TableStatus == "ACTIVE"
	})
}

// dropAtEnd deletes the table when the test ends, if the test has not.
func (s *session) dropAtEnd(name string) {
	end := newSession(s.t, s.prefix).quiet()
	end.send = sendByHTTP
	s.t.Cleanup(func() {
		a := end.call("DeleteTable", encode(object{"TableName": name}))
		if a.status != 200 && a.code() != "ResourceNotFoundException" && a.code() != "ResourceInUseException" {
			end.t.Errorf("delete table %s: %d %s", end.expand(name), a.status, a.body)
		}
	})
}

// tableInput is a CreateTable request of an on-demand table; see table.
func tableInput(name, keys string, indexes ...string) object {
	kinds := map[string]string{}
	in := object{"TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": keySchema(keys, kinds)}
	for _, text := range indexes {
		words := strings.Fields(text)
		projection := object{"ProjectionType": words[2]}
		if kind, list, found := strings.Cut(words[2], "("); found {
			projection = object{"ProjectionType": kind, "NonKeyAttributes": strings.Split(strings.TrimSuffix(list, ")"), ",")}
		}
		member := map[string]string{"gsi": "GlobalSecondaryIndexes", "lsi": "LocalSecondaryIndexes"}[words[0]]
		list, _ := in[member].([]object)
		in[member] = append(list, object{
			"IndexName": words[1], "Projection": projection, "KeySchema": keySchema(strings.Join(words[3:], " "), kinds),
		})
	}
	in["AttributeDefinitions"] = definitions(kinds)
	return in
}

// definitions are the attribute definitions of names and types.
func definitions(kinds map[string]string) []object {
	var list []object
	for _, attribute := range slices.Sorted(maps.Keys(kinds)) {
		list = append(list, object{"AttributeName": attribute, "AttributeType": kinds[attribute]})
	}
	return list
}

// keySchema reads "pk:S sk:N" and notes the types. A sign of "+" before a name makes it one more of the kind before it.
func keySchema(keys string, kinds map[string]string) []object {
	var schema []object
	role := "HASH"
	for i, pair := range strings.Fields(keys) {
		// A name may have a colon.
		colon := strings.LastIndexByte(pair, ':')
		name, kind := pair[:colon], pair[colon+1:]
		if more, found := strings.CutPrefix(name, "+"); found {
			name = more
		} else if i > 0 {
			role = "RANGE"
		}
		kinds[name] = kind
		schema = append(schema, object{"AttributeName": name, "KeyType": role})
	}
	return schema
}

// put puts items, written as JSON, into "$T".
func (s *session) put(items ...string) {
	s.t.Helper()
	for _, item := range items {
		s.want("PutItem", `{"Item":`+item+`}`, `{}`)
	}
}

// item checks what GetItem answers for a key of "$T"; "" is no item. It reads with either consistency.
func (s *session) item(key, want string) {
	s.t.Helper()
	whole := `{}`
	if want != "" {
		whole = `{"Item":` + want + `}`
	}
	s.want("GetItem", `{"Key":`+key+`}`, whole)
	s.want("GetItem", `{"ConsistentRead":true,"Key":`+key+`}`, whole)
}

// batch puts n items with partition key p and sort keys 0 to n-1 into "$T", each with the members of extra, which may
// use %d for the sort key.
func (s *session) batch(p string, n int, extra string) {
	s.t.Helper()
	for first := 0; first < n; first += 25 {
		var writes []string
		for i := first; i < min(n, first+25); i++ {
			more := extra
			if strings.Contains(extra, "%d") {
				more = strings.ReplaceAll(extra, "%d", fmt.Sprint(i))
			}
			writes = append(writes, fmt.Sprintf(`{"PutRequest":{"Item":{"pk":{"S":%q},"sk":{"N":"%d"}%s}}}`, p, i, more))
		}
		s.want("BatchWriteItem", `{"RequestItems":{"$T":[`+strings.Join(writes, ",")+`]}}`, `{"UnprocessedItems":{}}`)
	}
}

// values are the values of one attribute in the order of an answer's Items; "-" where an item lacks it.
func values(answer map[string]any, attribute string) string {
	items, _ := answer["Items"].([]any)
	var out []string
	for _, item := range items {
		value, _ := item.(map[string]any)[attribute].(map[string]any)
		text := "-"
		for _, v := range value {
			text = fmt.Sprint(v)
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// ordered checks the values of one attribute in the order in which an operation answers.
func (s *session) ordered(operation, in, attribute, want string) {
	s.t.Helper()
	if got := values(s.ok(operation, in), attribute); got != want {
		s.t.Errorf("%s %s: %s = %q, want %q", operation, clip(s.expand(in)), attribute, got, want)
	}
}

// text is a number in decimal.
func text(i int) string { return strconv.Itoa(i) }

// split cuts text at spaces.
func split(text string) []string { return strings.Fields(text) }

// inOrder goes through m in the order of its keys, so that two runs send the same requests in the same order.
func inOrder[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
