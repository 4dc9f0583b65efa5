package stack

import (
	"fmt"
	"strings"

	"millrace/ddb"
)

// The table: three partitions of four items, a local index by attribute l and two global ones by attribute g.
const (
	tableName = "ttt"
	numKeys   = 12
	perPart   = 4
	arn       = "arn:aws:dynamodb:us-east-1:000000000000:table/" + tableName

	local  = "lll" // p, l; everything
	global = "ggg" // g, s; everything
	keysIn = "kkk" // g, l; keys only
)

// state is the table at one moment: an item per key, nil where there is none. Keys are in the order of p and s.
type state [numKeys]ddb.Item

// keyItem is the primary key of key k.
func keyItem(k int) ddb.Item {
	return ddb.ItemOf(
		ddb.Attribute{Name: "p", Value: ddb.StringValue(string(rune('a' + k/perPart)))},
		ddb.Attribute{Name: "s", Value: ddb.StringValue(string(rune('1' + k%perPart)))})
}

// keyOf is the number of an item's primary key.
func keyOf(it ddb.Item) int {
	p, _ := it.Get("p")
	s, _ := it.Get("s")
	if len(p.Str()) != 1 || len(s.Str()) != 1 {
		return -1
	}
	return int(p.Str()[0]-'a')*perPart + int(s.Str()[0]-'1')
}

// makeItem is an item of key k with a value that no other has; pick says where it is in the indexes.
func makeItem(k int, value string, pick int) ddb.Item {
	it := keyItem(k).With("v", ddb.StringValue(value))
	if pick%4 > 0 {
		it = it.With("l", ddb.StringValue(string(rune('0'+pick%3))))
	}
	if pick/4%4 > 0 {
		it = it.With("g", ddb.StringValue(string(rune('x'+pick/4%2))))
	}
	return it
}

// schemaOf are an index's keys; "" is the table.
func schemaOf(index string) ddb.KeySchema {
	names := map[string][2]string{"": {"p", "s"}, local: {"p", "l"}, global: {"g", "s"}, keysIn: {"g", "l"}}[index]
	return ddb.KeySchema{{AttributeName: names[0], KeyType: "HASH"}, {AttributeName: names[1], KeyType: "RANGE"}}
}

// describe is the table's description.
func (m *model) describe() *ddb.TableDescription {
	all, keys := &ddb.Projection{ProjectionType: "ALL"}, &ddb.Projection{ProjectionType: "KEYS_ONLY"}
	d := &ddb.TableDescription{
		TableName: tableName, TableStatus: "ACTIVE", KeySchema: schemaOf(""), TableArn: arn, TableId: fmt.Sprintf("table-%d", m.generation),
		LocalSecondaryIndexes: []ddb.LocalSecondaryIndexDescription{{IndexName: local, KeySchema: schemaOf(local), Projection: all}},
		GlobalSecondaryIndexes: []ddb.GlobalSecondaryIndexDescription{
			{IndexName: global, KeySchema: schemaOf(global), Projection: all, IndexStatus: "ACTIVE"},
			{IndexName: keysIn, KeySchema: schemaOf(keysIn), Projection: keys, IndexStatus: "ACTIVE"},
		},
	}
	for _, name := range []string{"p", "s", "l", "g"} {
		d.AttributeDefinitions = append(d.AttributeDefinitions, ddb.AttributeDefinition{AttributeName: name, AttributeType: "S"})
	}
	if m.stream != nil {
		d.LatestStreamArn = m.stream.arn
		d.StreamSpecification = &ddb.StreamSpecification{StreamEnabled: true, StreamViewType: m.stream.view}
	}
	return d
}

// asIndex is what an index shows of an item.
func asIndex(index string, it ddb.Item) ddb.Item {
	if index == keysIn {
		return it.Without("v").Without("w")
	}
	return it
}

// place is where an item is in an index: its partition, and its position there with the primary key behind.
func place(index string, it ddb.Item) (partition, position string, ok bool) {
	schema := schemaOf(index)
	h, okh := it.Get(schema.Hash())
	r, okr := it.Get(schema.Range())
	if !okh || !okr {
		return "", "", false
	}
	var b strings.Builder
	b.WriteString(r.Str())
	b.WriteByte(0)
	b.WriteByte(byte(keyOf(it)) + 1)
	return h.Str(), b.String(), true
}
