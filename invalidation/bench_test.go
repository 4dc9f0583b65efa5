package invalidation

import (
	"fmt"
	"testing"

	"millrace/cache"
	"millrace/ddb"
)

// BenchmarkApply applies records of 500-byte items with both images to a table with two global and one local index, of which
// one in ten is of a cached item.
func BenchmarkApply(b *testing.B) {
	store, err := cache.NewStore(cache.Config{})
	if err != nil {
		b.Fatal(err)
	}
	inv := NewInvalidator(store)
	desc := indexed()
	inv.Cover("", "t", Coverage{Mode: cache.Stream})
	l := inv.layout(&ddb.Change{Table: desc})
	schema := &cache.Schema{Name: "t", Layout: l.Layout, Table: l.table}
	text := fmt.Sprintf("%0400d", 0)
	item := func(i int, v string) ddb.Item {
		return ddb.ItemOf(
			ddb.Attribute{Name: "h", Value: ddb.StringValue(fmt.Sprint("customer#", i))}, ddb.Attribute{Name: "s", Value: ddb.StringValue("order")},
			ddb.Attribute{Name: "g", Value: ddb.StringValue(fmt.Sprint("state#", i%100))}, ddb.Attribute{Name: "r", Value: ddb.StringValue(v)},
			ddb.Attribute{Name: "text", Value: ddb.StringValue(text)})
	}
	const n, batch = 10_000, 100
	changes := make([]ddb.Change, n)
	for i := range changes {
		old, now := item(i, "1"), item(i, "2")
		changes[i] = ddb.Change{Table: desc, Key: ddb.ItemOf(old[0], old[1]), Old: old, New: now, HasOld: true, HasNew: true}
		if i%10 == 0 {
			key, _ := schema.AppendItemKey(nil, now)
			r := store.Items().Read(schema, key, cache.Lookup{}, nil)
			store.Items().Done(r.Flight, now, true)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at := i * batch % n
		inv.Apply(changes[at : at+batch])
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "records/s")
}
