//go:build !race

package coherence

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"testing"
)

func TestHitAllocatesNothing(t *testing.T) {
	x := newFixture(t, TableOptions{Authoritative: true})
	x.fill("k", "value")
	x.fill("absent", "")
	x.fillPage("page", "", "")
	dst := make([]byte, 0, 64)
	key, absent, page := []byte("k"), []byte("absent"), []byte("page")
	s := Span{Partition: []byte("p")}
	o := ReadOptions{Strong: true, TTL: 1 << 40}
	f := func(name string, read func() Read, want Outcome) {
		t.Helper()
		var r Read
		if n := testing.AllocsPerRun(1000, func() { r = read() }); n != 0 || r.Outcome != want {
			t.Errorf("%s: %v allocations and outcome %d, want 0 and %d", name, n, r.Outcome, want)
		}
	}
	f("item", func() Read { return x.core.ReadItem(x.now, x.table, key, o, dst) }, Hit)
	f("negative", func() Read { return x.core.ReadItem(x.now, x.table, absent, o, dst) }, Negative)
	f("page", func() Read { return x.core.ReadPage(x.now, x.table, page, s, o, dst) }, Hit)
}

// TestHitIsACopy checks that an answer does not alias what the core holds.
func TestHitIsACopy(t *testing.T) {
	x := newFixture(t, TableOptions{})
	x.fill("k", "value")
	clear(x.read("k", ReadOptions{}).Body)
	x.want("k", "value")
}

func TestStoredBytesAreExact(t *testing.T) {
	const entryHead = 48 // of an item at rest
	const apart = 64     // of a blob with memory of its own, as all of this size are beside as little memory as the fixture's
	x := newFixture(t, TableOptions{})
	img := image("v")
	img.Bytes = append(make([]byte, 0, 4096), bytes.Repeat([]byte("v"), 100)...)
	x.core.Done(x.now, x.lead("k", ReadOptions{}), img)
	if got, want := x.core.Bytes(), int64(entryHead+1+100+100+apart); got > want || got < entryHead+1+100 {
		t.Errorf("an entry of 101 bytes costs %d, want at most %d", got, want)
	}
}

// heap is what is alive on the heap.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestBytesAreWhatTheHeapHolds compares Bytes with the memory that entries really take, for small and large keys, pages
// alone in their partition and many to one.
func TestBytesAreWhatTheHeapHolds(t *testing.T) {
	f := func(name string, n int, fill func(c *Core, table *Table, i int)) {
		t.Helper()
		c := New(Config{Shards: 4, Memory: 4 << 20})
		table := c.Table("t")
		c.Configure(table, TableOptions{Authoritative: true})
		before := heap()
		for i := range n {
			fill(c, table, i)
		}
		held, counted := heap()-before+c.Mapped(), c.Bytes()
		t.Logf("%s: %d bytes an entry are held, %d counted", name, held/int64(n), counted/int64(n))
		if float64(counted) < 0.85*float64(held) || float64(counted) > 1.5*float64(held) {
			t.Errorf("%s: %d bytes are held and %d counted", name, held, counted)
		}
		if c.Shed(math.MaxInt64); c.Bytes() != 0 {
			t.Errorf("%s: %d bytes are counted when nothing is held", name, c.Bytes())
		}
	}
	name := func(size, i int) []byte { return fmt.Appendf(nil, "%0*d", size, i) }
	items := func(key, value int) func(c *Core, table *Table, i int) {
		return func(c *Core, table *Table, i int) {
			r := c.ReadItem(1, table, name(key, i), ReadOptions{}, nil)
			c.Done(1, r.Flight, Image{Bytes: make([]byte, value)})
		}
	}
	pages := func(partition, bound, value, share int) func(c *Core, table *Table, i int) {
		return func(c *Core, table *Table, i int) {
			s := Span{Partition: name(partition, i/share), Lo: name(bound, i), Hi: name(bound, i+1)}
			key := append(append(append([]byte(nil), s.Partition...), s.Lo...), s.Hi...)
			r := c.ReadPage(1, table, key, s, ReadOptions{}, nil)
			if !c.DonePage(1, r.Flight, Image{Bytes: make([]byte, value)}, s) {
				t.Fatalf("page %d was not stored", i)
			}
		}
	}
	f("small items", 20000, items(16, 64))
	f("large items", 5000, items(100, 4096))
	f("small pages, one to a partition", 10000, pages(16, 8, 64, 1))
	f("small pages, many to a partition", 10000, pages(16, 8, 64, 1000))
	f("pages with long keys", 4000, pages(2000, 1000, 64, 1))
	f("pages with long bounds", 4000, pages(16, 1000, 64, 100))
}

// TestTablesThatAreGoneAreCounted makes and deletes tables of ever other names, and compares what is said to be held with the heap.
func TestTablesThatAreGoneAreCounted(t *testing.T) {
	for _, indexes := range []int{0, 1, 5} {
		const tables = 4000
		c := New(Config{Shards: 4, Memory: 4 << 20})
		before, was := heap(), c.Held()-c.Mapped()
		for i := range tables {
			table := c.Table(fmt.Sprintf("table-%08d", i))
			for x := range indexes {
				s := Span{Index: fmt.Sprintf("index-%d", x), Partition: []byte("p")}
				r := c.ReadPage(1, table, []byte(s.Index), s, ReadOptions{}, nil)
				c.DonePage(1, r.Flight, Image{}, s)
			}
			c.Forget(table)
			c.Shed(math.MaxInt64)
		}
		took, counted := heap()-before, c.Held()-c.Mapped()-was
		t.Logf("%d indexes: %d bytes a table are held, %d counted", indexes, took/tables, counted/tables)
		if float64(counted) < 0.75*float64(took) || float64(counted) > 1.35*float64(took) {
			t.Errorf("%d tables of %d indexes that are gone take %d bytes, %d are counted", tables, indexes, took, counted)
		}
		runtime.KeepAlive(c)
	}
}
