package invalidation

import (
	"fmt"
	"slices"
	"testing"

	"millrace/cache"
	"millrace/ddb"
)

// indexed is a table with a global index on everything, one with keys only, and a local index with keys only.
func indexed() *ddb.TableDescription {
	key := func(hash, sort string) ddb.KeySchema {
		return ddb.KeySchema{{AttributeName: hash, KeyType: "HASH"}, {AttributeName: sort, KeyType: "RANGE"}}
	}
	d := &ddb.TableDescription{TableName: "t", TableStatus: "ACTIVE", KeySchema: key("h", "s")}
	for _, name := range []string{"h", "s", "g", "r"} {
		d.AttributeDefinitions = append(d.AttributeDefinitions, ddb.AttributeDefinition{AttributeName: name, AttributeType: "S"})
	}
	d.GlobalSecondaryIndexes = []ddb.GlobalSecondaryIndexDescription{
		{IndexName: "all", IndexStatus: "ACTIVE", KeySchema: key("g", "r"), Projection: &ddb.Projection{ProjectionType: "ALL"}},
		{IndexName: "keys", IndexStatus: "ACTIVE", KeySchema: key("g", "r"), Projection: &ddb.Projection{ProjectionType: "KEYS_ONLY"}},
	}
	d.LocalSecondaryIndexes = []ddb.LocalSecondaryIndexDescription{
		{IndexName: "local", KeySchema: key("h", "r"), Projection: &ddb.Projection{ProjectionType: "KEYS_ONLY"}},
	}
	return d
}

// things is an item of attributes of one letter and their values: "h1s1" has h=1 and s=1.
func things(text string) ddb.Item {
	var attributes []ddb.Attribute
	for i := 0; i+1 < len(text); i += 2 {
		attributes = append(attributes, ddb.Attribute{Name: text[i : i+1], Value: ddb.StringValue(text[i+1 : i+2])})
	}
	return ddb.ItemOf(attributes...)
}

func TestChangeTouchesWhereSomethingChanged(t *testing.T) {
	t.Parallel()
	desc := indexed()
	l := cache.NewLayout(desc)
	decode := func(b []byte) string {
		if len(b) == 0 {
			return ""
		}
		v, _, err := ddb.DecodeKeyValue(b)
		if err != nil {
			t.Fatal(err)
		}
		return v.Str()
	}
	f := func(before, after string, want ...string) {
		t.Helper()
		c := &ddb.Change{Table: desc, Key: things("h1s1"), Old: things(before), New: things(after), HasOld: before != "", HasNew: after != ""}
		var got []string
		for _, p := range touched(l, c) {
			got = append(got, fmt.Sprintf("%s %s/%s", p.Index, decode(p.Partition), decode(p.Pos)))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q to %q touches %q, want %q", before, after, got, want)
		}
	}
	// An item in no index.
	f("", "h1s1", " 1/1")
	// Into all indexes.
	f("h1s1", "h1s1g1r1", " 1/1", "all 1/1", "keys 1/1", "local 1/1", "local* 1/1")
	// A new value that only the one index holds, and what is fetched through the other.
	f("h1s1g1r1x1", "h1s1g1r1x2", " 1/1", "all 1/1", "local* 1/1")
	// Another sort key: the old place and the new.
	f("h1s1g1r1", "h1s1g1r2", " 1/1", "all 1/1", "all 1/2", "keys 1/1", "keys 1/2", "local 1/1", "local 1/2", "local* 1/1", "local* 1/2")
	// Another partition: the local index projects no g.
	f("h1s1g1r1", "h1s1g2r1", " 1/1", "all 1/1", "all 2/1", "keys 1/1", "keys 2/1", "local* 1/1")
	// Out of the global indexes.
	f("h1s1g1r1", "h1s1r1", " 1/1", "all 1/1", "keys 1/1", "local* 1/1")
	// Deleted.
	f("h1s1g1r1", "", " 1/1", "all 1/1", "keys 1/1", "local 1/1", "local* 1/1")
}

// A change whose key is not understood may be of any item: half a key would be another one's.
func TestChangeOfAnUnknownKeyForgetsTheTable(t *testing.T) {
	t.Parallel()
	store, err := cache.NewStore(cache.Config{Memory: 1 << 20, Authoritative: true})
	if err != nil {
		t.Fatal(err)
	}
	changes := []ddb.Change{{Table: indexed(), Key: ddb.ItemOf(
		ddb.Attribute{Name: "h", Value: ddb.StringValue("1")}, ddb.Attribute{Name: "s", Value: ddb.CanonicalNumber("1")})}}
	if m := NewInvalidator(store).mutations(changes); len(m) != 1 || m[0].Key != nil {
		t.Errorf("mutations = %+v, want one of an unknown key", m)
	}
}
