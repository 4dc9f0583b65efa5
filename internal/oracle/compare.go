package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// answer is a reply without what two correct sides may answer differently.
type answer struct {
	status int
	// code and message are an exception's; body is the rest of it, or the whole of a success.
	code, message string
	body          object
}

// passing are members that name a moment or an identity, or that are brought up to date at leisure.
var passing = []string{
	"Backfilling", "CreationDateTime", "IndexArn", "IndexSizeBytes", "IndexStatus", "ItemCount", "LastDecreaseDateTime", "LastIncreaseDateTime",
	"LastUpdateToPayPerRequestDateTime", "LatestStreamArn", "LatestStreamLabel", "TableArn", "TableId", "TableSizeBytes", "TableStatus", "TimeToLiveStatus", "WarmThroughput",
}

// anyOrder are members whose elements DynamoDB gives in no promised order.
var anyOrder = []string{
	"AttributeDefinitions", "BS", "ConsumedCapacity", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "NS", "NonKeyAttributes", "SS", "TableNames", "Tags",
}

// normalise makes the answer to o of a reply. prefix is what "$" stood for.
func normalise(o op, r reply, prefix string) answer {
	a := answer{status: r.status, code: r.code()}
	body, _ := plain(r.body, prefix).(object)
	a.body = object{}
	for name, member := range body {
		switch {
		case name == "__type":
		case strings.EqualFold(name, "message") && a.code != "":
			a.message, _ = member.(string)
		default:
			a.body[name] = member
		}
	}
	if o.operation == "BatchGetItem" {
		if responses, ok := a.body["Responses"].(object); ok {
			for table, items := range responses {
				responses[table] = sorted(items)
			}
		}
	}
	if unordered(o) && a.body["Items"] != nil {
		a.body["Items"] = sorted(a.body["Items"])
	}
	return a
}

// plain is a copy of v without what is passing, and with lists that have no order in one.
func plain(v any, prefix string) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, prefix, "$")
	case object:
		out := object{}
		for name, member := range v {
			if slices.Contains(passing, name) {
				continue
			}
			member = plain(member, prefix)
			if slices.Contains(anyOrder, name) {
				member = sorted(member)
			}
			out[strings.ReplaceAll(name, prefix, "$")] = member
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = plain(element, prefix)
		}
		return out
	}
	return v
}

// sorted is a list in the order of its elements' JSON; anything else is itself.
func sorted(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(encode(a), encode(b)) })
	return list
}

// differ tells where two answers are not equal, or "" where they are. texts is whether errors' texts count.
func differ(a, b answer, texts bool) string {
	switch {
	case a.status != b.status:
		return "status"
	case a.code != b.code:
		return "exception"
	case texts && a.message != b.message:
		return "text"
	}
	return differAt(a.body, b.body, "body")
}

// differAt is differ for decoded JSON at a path.
func differAt(a, b any, path string) string {
	switch x := a.(type) {
	case object:
		y, ok := b.(object)
		if !ok {
			return path
		}
		for _, name := range sortedKeys(x) {
			if _, there := y[name]; !there {
				return path + "." + name
			}
			if where := differAt(x[name], y[name], path+"."+name); where != "" {
				return where
			}
		}
		for _, name := range sortedKeys(y) {
			if _, there := x[name]; !there {
				return path + "." + name
			}
		}
		return ""
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return path
		}
		for i := range x {
			if where := differAt(x[i], y[i], fmt.Sprintf("%s[%d]", path, i)); where != "" {
				return where
			}
		}
		return ""
	}
	if reflect.DeepEqual(a, b) || sameNumber(a, b) {
		return ""
	}
	return path
}

// sameNumber tells whether two decoded values are one number, such as 1 and 1.0.
func sameNumber(a, b any) bool {
	x, ok := a.(json.Number)
	y, also := b.(json.Number)
	if !ok || !also {
		return false
	}
	f, err := x.Float64()
	g, err2 := y.Float64()
	return err == nil && err2 == nil && f == g
}

// outcome is an answer in a word.
func (a answer) outcome() string {
	if a.code != "" {
		return a.code
	}
	return fmt.Sprint(a.status)
}

// short is an answer in a few words.
func (a answer) short() string {
	if a.code != "" {
		return a.code + " " + a.message
	}
	return fmt.Sprint(a.status)
}

// line is the whole answer.
func (a answer) line() string {
	return fmt.Sprintf("%d %s %q %s", a.status, a.code, a.message, encode(a.body))
}
