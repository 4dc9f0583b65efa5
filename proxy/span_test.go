package proxy

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"millrace/cache"
	"millrace/ddb"
	"millrace/ddb/expr"
)

// spanTable has an index with a hash key and two sort keys, a string and a number.
func spanLayout() *cache.IndexLayout {
	desc := &ddb.TableDescription{
		TableName: "t", TableStatus: "ACTIVE",
		AttributeDefinitions: []ddb.AttributeDefinition{
			{AttributeName: "h", AttributeType: "S"}, {AttributeName: "s", AttributeType: "S"}, {AttributeName: "n", AttributeType: "N"},
		},
		KeySchema: ddb.KeySchema{{AttributeName: "h", KeyType: "HASH"}, {AttributeName: "s", KeyType: "RANGE"}},
		GlobalSecondaryIndexes: []ddb.GlobalSecondaryIndexDescription{{
			IndexName: "i", IndexStatus: "ACTIVE", Projection: &ddb.Projection{ProjectionType: "ALL"},
			KeySchema: ddb.KeySchema{{AttributeName: "h", KeyType: "HASH"}, {AttributeName: "s", KeyType: "RANGE"}, {AttributeName: "n", KeyType: "RANGE"}},
		}},
	}
	x, _ := cache.NewLayout(desc).Index("i")
	return x
}

// A key condition's interval holds exactly the positions of the items that satisfy the condition, which is decided
// here by evaluating it as a filter.
func TestSpanHoldsExactlyWhatTheKeyConditionAdmits(t *testing.T) {
	t.Parallel()
	rng := newRand(t)
	x := spanLayout()
	kindOf := func(name string) ddb.Kind {
		if name == "n" {
			return ddb.KindN
		}
		return ddb.KindS
	}
	text := func() string {
		var b strings.Builder
		for range 1 + rng.IntN(3) {
			b.WriteByte([]byte{0, 1, 'a', 'b', 0x7f}[rng.IntN(5)])
		}
		return b.String()
	}
	number := func() ddb.AttributeValue {
		v, err := ddb.NumberValue(fmt.Sprintf("%d.%d", rng.IntN(5)-2, rng.IntN(3)))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	operators := []string{"%s = :a", "%s < :a", "%s <= :a", "%s > :a", "%s >= :a", "%s BETWEEN :a AND :b", "begins_with(%s, :a)", ""}
	held, all := 0, 0
	for range 3000 {
		condition, values := "h = :h", ddb.Values{":h": ddb.StringValue("p")}
		operator := operators[rng.IntN(len(operators))]
		name, value := "s", func() ddb.AttributeValue { return ddb.StringValue(text()) }
		if operator != "" && rng.IntN(2) == 0 {
			condition += " AND s = :s"
			values[":s"] = ddb.StringValue(text())
			name, value = "n", number
			if strings.HasPrefix(operator, "begins_with") {
				operator = operators[0]
			}
		}
		if operator != "" {
			condition += " AND " + fmt.Sprintf(operator, name)
			values[":a"] = value()
			if strings.Contains(operator, ":b") {
				values[":b"] = value()
				if c, _ := ddb.Compare(values[":a"], values[":b"]); c > 0 {
					values[":a"], values[":b"] = values[":b"], values[":a"]
				}
			}
		}
		key, err := expr.ParseKeyCondition(condition, expr.NewEnv(nil, values))
		if err != nil {
			t.Fatalf("%s: %v", condition, err)
		}
		schema := ddb.KeySchema{{AttributeName: "h", KeyType: "HASH"}, {AttributeName: "s", KeyType: "RANGE"}, {AttributeName: "n", KeyType: "RANGE"}}
		r, err := key.Bind(schema, kindOf)
		if err != nil {
			t.Fatalf("%s: %v", condition, err)
		}
		admits, err := expr.ParseCondition(expr.FilterExpression, condition, expr.NewEnv(nil, values))
		if err != nil {
			t.Fatalf("%s: %v", condition, err)
		}
		span := querySpan(x, "i", r)
		for range 30 {
			item := ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue("p")},
				ddb.Attribute{Name: "s", Value: ddb.StringValue(text())}, ddb.Attribute{Name: "n", Value: number()})
			if s, ok := values[":s"]; ok && rng.IntN(2) == 0 {
				item = item.With("s", s)
			}
			if v, ok := values[":a"]; ok && rng.IntN(4) == 0 {
				item = item.With(name, v)
			}
			partition, at, ok := x.Place(item)
			if !ok || !bytes.Equal(partition, span.Partition) {
				t.Fatalf("place of %s", ddb.AppendItemJSON(nil, item))
			}
			in := bytes.Compare(at, span.Lo) >= 0 && (span.Hi == nil || bytes.Compare(at, span.Hi) < 0)
			if want := admits.Match(item); in != want {
				t.Fatalf("%s with %v: interval [%x, %x) holds %s: %v, want %v", condition, values, span.Lo, span.Hi,
					ddb.AppendItemJSON(nil, item), in, want)
			}
			all++
			if in {
				held++
			}
		}
	}
	if held*10 < all {
		t.Errorf("%d of %d items lay inside: too few to show anything", held, all)
	}
}

// The scanned interval of a page holds all that was read for it: what lies between its start and its end, with its
// end, without its start unless others may share its position.
func TestScannedIntervalIsFromStartToEnd(t *testing.T) {
	t.Parallel()
	x := spanLayout()
	item := func(s, n string) ddb.Item {
		v, _ := ddb.NumberValue(n)
		return ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue("p")}, ddb.Attribute{Name: "s", Value: ddb.StringValue(s)},
			ddb.Attribute{Name: "n", Value: v})
	}
	key, err := expr.ParseKeyCondition("h = :h", expr.NewEnv(nil, ddb.Values{":h": ddb.StringValue("p")}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := key.Bind(x.KeySchema(), func(string) ddb.Kind { return ddb.KindS })
	if err != nil {
		t.Fatal(err)
	}
	whole := querySpan(x, "i", r)
	f := func(start, last ddb.Item, reverse bool, at ddb.Item, want bool) {
		t.Helper()
		rules := AllRules()
		span := rules.scanned(whole, x, start, last, reverse)
		_, pos, _ := x.Place(at)
		if in := bytes.Compare(pos, span.Lo) >= 0 && (span.Hi == nil || bytes.Compare(pos, span.Hi) < 0); in != want {
			t.Errorf("from %v to %v, reverse %v: holds %v is %v, want %v", start, last, reverse, at, in, want)
		}
	}
	b, c, d := item("b", "1"), item("c", "1"), item("d", "1")
	f(nil, nil, false, b, true)
	f(nil, c, false, b, true)
	f(nil, c, false, c, true)
	f(nil, c, false, d, false)
	f(c, nil, false, b, false)
	f(c, nil, false, c, true) // others may share the position
	f(c, nil, false, d, true)
	f(nil, c, true, b, false)
	f(nil, c, true, c, true)
	f(nil, c, true, d, true)
	f(c, nil, true, b, true)
	f(c, nil, true, c, true)
	f(c, nil, true, d, false)
	f(b, d, false, c, true)
	f(d, b, true, c, true)
}
