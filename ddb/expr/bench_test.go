package expr

import (
	"testing"

	"millrace/ddb"
)

// benchNames and benchValues are the placeholders of the benchmarks.
var (
	benchNames  = ddb.Names{"#s": "status", "#n": "n"}
	benchValues = func() ddb.Values {
		one, _ := ddb.NumberValue("1")
		return ddb.Values{":s": ddb.StringValue("open"), ":one": one, ":e": ddb.ListValue(nil)}
	}()
	benchItem = mustItem(`{"pk":{"S":"k"},"sk":{"S":"r"},"status":{"S":"open"},"n":{"N":"41"},"m":{"M":{"a":{"S":"x"},"b":{"L":[{"N":"1"}]}}},"tags":{"SS":["a","b","c"]}}`)
)

// benchFilter is a filter of ordinary size.
const benchFilter = "#s = :s AND (#n > :one OR attribute_not_exists(m.b[3])) AND size(tags) >= :one"

func BenchmarkParseCondition(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCondition(FilterExpression, benchFilter, NewEnv(benchNames, benchValues)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	c, err := ParseCondition(FilterExpression, benchFilter, NewEnv(benchNames, benchValues))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !c.Match(benchItem) {
			b.Fatal("no match")
		}
	}
}

func BenchmarkParseUpdate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseUpdate("SET #n = #n + :one, m.a = :s, l = if_not_exists(l, :e)", NewEnv(benchNames, benchValues)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyUpdate(b *testing.B) {
	u, err := ParseUpdate("SET #n = #n + :one, m.a = :s, l = if_not_exists(l, :e)", NewEnv(benchNames, benchValues))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := u.Apply(nil, benchItem, true); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProjection(b *testing.B) {
	pr, err := ParseProjection("#s, m.b[0], sk", NewEnv(benchNames, nil))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		pr.Apply(benchItem)
	}
}
