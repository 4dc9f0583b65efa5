package invalidation

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// lagging is a setup whose clock the test moves, with a covered table that has a global index, and what Apply and IndexPage need.
type lagging struct {
	*setup
	now    coherence.Time
	schema *cache.Schema
	index  *cache.IndexLayout
	seq    int
}

// newLagging makes one.
func newLagging(t *testing.T) *lagging {
	t.Helper()
	x := &lagging{now: coherence.Time(time.Hour)}
	x.setup = newSetupWith(t, cache.Config{Clock: func() coherence.Time { return x.now }, IndexWatch: 10 * time.Second})
	x.must(ddb.CreateTable, `{"TableName":"moved","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"h","AttributeType":"S"},{"AttributeName":"g","AttributeType":"S"},{"AttributeName":"r","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"h","KeyType":"HASH"}],
		"GlobalSecondaryIndexes":[{"IndexName":"by-g","KeySchema":[{"AttributeName":"g","KeyType":"HASH"},{"AttributeName":"r","KeyType":"RANGE"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["v"]}}]}`)
	var err error
	if x.schema, err = x.guard.Schemas().Get(t.Context(), "", "moved"); err != nil {
		t.Fatal(err)
	}
	x.index, _ = x.schema.Index("by-g")
	x.inv.Cover("", "moved", Coverage{Mode: cache.Stream})
	x.now += coherence.Time(time.Minute)
	return x
}

// item is an item; other is an attribute that the index does not hold.
func (x *lagging) item(text string) ddb.Item {
	item, err := ddb.ParseItemJSON([]byte(text))
	if err != nil {
		x.t.Fatal(err)
	}
	return item
}

// record applies a change of item h; "" is none.
func (x *lagging) record(before, after string) {
	x.seq++
	c := ddb.Change{Table: x.schema.Description, Sequence: string(rune('a' + x.seq)), HasOld: before != "", HasNew: after != ""}
	if c.HasOld {
		c.Old = x.item(before)
		c.Key = c.Old
	}
	if c.HasNew {
		c.New = x.item(after)
		c.Key = c.New
	}
	h, _ := c.Key.Get("h")
	c.Key = ddb.ItemOf(ddb.Attribute{Name: "h", Value: h})
	x.inv.Apply([]ddb.Change{c})
}

// page takes a page of partition 1 that shows the given items as the index does, and reports whether it is complete.
func (x *lagging) page(items string) bool {
	partition, _ := x.index.Partition(x.item(`{"g":{"S":"1"}}`))
	x.now++
	return x.guard.IndexPage(x.schema, x.index, coherence.Span{Index: "by-g", Partition: partition, Eventual: true}, true, x.now, []byte(`{"Items":[`+items+`]}`))
}

// The states of an item: as the table has them, and as the index shows them.
const (
	movedOne   = `{"h":{"S":"a"},"g":{"S":"1"},"r":{"S":"x"},"v":{"S":"1"},"other":{"S":"o"}}`
	movedTwo   = `{"h":{"S":"a"},"g":{"S":"1"},"r":{"S":"x"},"v":{"S":"2"},"other":{"S":"o"}}`
	movedThree = `{"h":{"S":"a"},"g":{"S":"2"},"r":{"S":"x"},"v":{"S":"2"},"other":{"S":"o"}}`
	movedUp    = `{"h":{"S":"a"},"g":{"S":"1"},"r":{"S":"y"},"v":{"S":"2"},"other":{"S":"o"}}`
	shownOne   = `{"h":{"S":"a"},"g":{"S":"1"},"r":{"S":"x"},"v":{"S":"1"}}`
	shownTwo   = `{"h":{"S":"a"},"g":{"S":"1"},"r":{"S":"x"},"v":{"S":"2"}}`
	shownUp    = `{"h":{"S":"a"},"g":{"S":"1"},"r":{"S":"y"},"v":{"S":"2"}}`
)

// R58: a page of an index is complete if it shows every write of which a record has come as far back as the index may lag.
func TestIndexPagesAreCompleteIfTheyShowWhatIsKnown(t *testing.T) {
	t.Parallel()
	x := newLagging(t)
	f := func(items string, want bool) {
		t.Helper()
		if got := x.page(items); got != want {
			t.Errorf("page with %s: complete %v, want %v", items, got, want)
		}
	}
	f("", true) // nothing has happened since coverage began
	x.record("", movedOne)
	x.now += coherence.Time(11 * time.Second)
	f(shownOne, true) // the index may not lag for that long, whatever is shown
	x.record(movedOne, movedTwo)
	f(shownOne, false)
	f("", false)
	f(shownTwo, true)
	x.record(movedTwo, movedUp) // to another place in the partition
	f(shownTwo, false)
	f(shownUp, true)
	f(shownTwo+","+shownUp, false)
	x.record(movedUp, movedTwo)
	x.record(movedTwo, movedThree)
	f(shownTwo, false)
	f(shownUp, false)
	f("", true)
	x.seq = 2
	x.record(movedOne, movedTwo) // an old record again
	f("", true)
	// Records that do not tell all, and those that may have gone by, end what is known.
	x.inv.Lost("", "moved", "test")
	f("", false)
	x.now += coherence.Time(11 * time.Second)
	f("", true)
	x.inv.Apply([]ddb.Change{{Table: x.schema.Description, Key: x.item(`{"h":{"S":"b"}}`), HasOld: true, OldUnknown: true, Sequence: "z"}})
	x.now += coherence.Time(11 * time.Second)
	f("", false)
}

// R58: where more was written to a partition than is remembered of it, no page of it is complete until all of that must show.
func TestPagesOfAPartitionOfManyWritesAreNotComplete(t *testing.T) {
	t.Parallel()
	x := newLagging(t)
	x.page("") // from here on it is remembered
	x.now += coherence.Time(11 * time.Second)
	var last []string
	for i := range placeWrites + 3 {
		shown := fmt.Sprintf(`"h":{"S":"%d"},"g":{"S":"1"},"r":{"S":"x"}`, i)
		x.record("", "{"+shown+`,"other":{"S":"o"}}`)
		if i >= placeWrites {
			last = append(last, "{"+shown+"}")
		}
	}
	if x.page(strings.Join(last, ",")) {
		t.Error("a page that shows the last few of the writes is complete")
	}
	x.now += coherence.Time(11 * time.Second)
	if !x.page(strings.Join(last, ",")) {
		t.Error("nor is one after the index may have lagged")
	}
}

// The lag of an index is learned from pages that show what was before a record, once it is certain that no further write brought
// that back; it rises at once, carries the watch with it, and falls slowly.
func TestIndexLagIsLearned(t *testing.T) {
	t.Parallel()
	x := newLagging(t)
	lag := func() time.Duration { return x.store.IndexLag(x.schema.Table).Lag.Round(time.Millisecond) }
	advance := func() { x.inv.Advance("", "moved", x.now+1) }
	f := func(what string, want time.Duration) {
		t.Helper()
		if got := lag(); got != want {
			t.Errorf("%s: the index is taken to lag by %v, want %v", what, got, want)
		}
	}
	x.page("")
	x.record("", movedOne)
	x.now += coherence.Time(2 * time.Second)
	x.page(shownOne)
	advance()
	f("a page that shows the record", time.Second)
	x.record(movedOne, movedTwo)
	x.now += coherence.Time(2 * time.Second)
	x.page(shownOne)
	f("before the stream has told of all until then", time.Second)
	x.record(movedTwo, movedOne)
	advance()
	f("a further write had brought it back", time.Second)
	x.record(movedOne, movedTwo)
	x.now += coherence.Time(2 * time.Second)
	x.page(shownOne)
	advance()
	f("an item as it was 2 s ago", 3*time.Second)
	x.record(movedTwo, movedThree)
	x.now += coherence.Time(4 * time.Second)
	x.page(shownTwo)
	advance()
	f("an item that left 4 s ago", 6*time.Second)
	if got := x.store.IndexLag(x.schema.Table); got.Watch.Round(time.Millisecond) != 24*time.Second || got.Moment.Round(time.Millisecond) != 1200*time.Millisecond {
		t.Errorf("with it goes %+v, want a watch of 24s and moments of 1.2s", got)
	}
	x.now += coherence.Time(5 * time.Minute)
	advance()
	f("five minutes later", 4500*time.Millisecond)
	x.now += coherence.Time(time.Hour)
	advance()
	f("an hour later", time.Second)
}

// What is remembered of an index's writes counts towards the caches' memory, takes a small part of it however long keys are, and is given
// back when it is old.
func TestWhatIsRememberedOfIndexesCounts(t *testing.T) {
	t.Parallel()
	x := newLagging(t)
	x.record("", movedTwo) // what is known of the table and its index counts too, once
	before, share := x.store.Held(), x.store.Memory()/indexShare
	if x.record("", movedOne); x.store.Held() != before {
		t.Errorf("%d bytes are held before a page of an index was read, want none", x.store.Held()-before)
	}
	x.page("")
	long := strings.Repeat("x", 1000)
	write := func(i int) {
		item := x.item(fmt.Sprintf(`{"h":{"S":"%s%06d"},"g":{"S":"%d"},"r":{"S":"%s"}}`, long, i, i, long))
		h, _ := item.Get("h")
		x.inv.Apply([]ddb.Change{{Table: x.schema.Description, Sequence: fmt.Sprintf("%020d", i), HasNew: true, New: item, Key: ddb.ItemOf(ddb.Attribute{Name: "h", Value: h})}})
	}
	var most int64
	for i := range 3 * indexWrites {
		write(i)
		most = max(most, x.store.Held()-before)
	}
	if most < share/2 || most > share+share/16 {
		t.Errorf("writes of indexes take up to %d bytes, want about %d", most, share)
	}
	for i := range 2 {
		x.now += coherence.Time(11 * time.Second)
		write(-i)
	}
	if left := x.store.Held() - before; left > 10_000 {
		t.Errorf("%d bytes are held for two writes", left)
	}
}
