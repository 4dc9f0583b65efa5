package node

import (
	"context"
	"fmt"
	"testing"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/internal/units"
)

func TestDefaultsFitIntoTheMemoryLimit(t *testing.T) {
	t.Parallel()
	f := func(limit, caches, blocks, table units.Bytes) {
		t.Helper()
		l, err := Load(Sources{MemoryLimit: int64(limit)})
		if err != nil {
			t.Fatal(err)
		}
		c := l.Config
		if c.Cache.Memory != caches || c.Engine.BlockCache != blocks || c.Engine.MemTable != table {
			t.Errorf("with %v: cache.memory %v, block_cache %v, mem_table %v, want %v, %v, %v",
				limit, c.Cache.Memory, c.Engine.BlockCache, c.Engine.MemTable, caches, blocks, table)
		}
		if units.Bytes(SoftMemoryLimit(int64(limit))) >= limit {
			t.Errorf("the soft limit of %v is %v", limit, units.Bytes(SoftMemoryLimit(int64(limit))))
		}
	}
	f(16<<20, 1<<20, 1<<20, 1<<20)
	f(64<<20, 12<<20, 2<<20, 1<<20)
	f(512<<20, 192<<20, 30<<20, 7<<20)
	f(4<<30, 1625<<20, 64<<20, 16<<20)
}

func TestMemoryThatIsSetIsNotFitted(t *testing.T) {
	t.Parallel()
	l, err := Load(Sources{
		File:        write(t, "engine:\n  block_cache: 3MiB\n"),
		Environ:     []string{"MILLRACE_CACHE_MEMORY=300MiB"},
		MemoryLimit: 64 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := l.Config; c.Cache.Memory != 300<<20 || c.Engine.BlockCache != 3<<20 {
		t.Errorf("cache.memory is %v, block_cache %v, want what was set", c.Cache.Memory, c.Engine.BlockCache)
	}
	if got := l.Origins["engine.mem_table"]; got != "from the limit of 64MiB" {
		t.Errorf("engine.mem_table comes %q", got)
	}
}

// TestHeapIsLeftWhatTheCachesHaveNotMapped checks that the heap's limit follows what is outside of it.
func TestHeapIsLeftWhatTheCachesHaveNotMapped(t *testing.T) {
	t.Parallel()
	store, err := cache.NewStore(cache.Config{Memory: 64 << 20, Authoritative: true})
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{store: store}
	limits := make(chan int64)
	n.KeepWithin(256<<20, Heap{Limit: func(limit int64) int64 { limits <- limit; return 0 }})
	ctx, stop := context.WithCancel(context.Background())
	ticks := make(chan time.Time)
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.paceHeap(ctx, ticks)
	}()
	if got := <-limits; got != 256<<20 {
		t.Errorf("the heap of an empty node is limited to %d, want all of %d", got, 256<<20)
	}
	core := store.Core()
	table := core.Table("t")
	for i := range 20_000 {
		r := core.ReadItem(1, table, fmt.Append(nil, i), coherence.ReadOptions{}, nil)
		core.Done(1, r.Flight, coherence.Image{Bytes: make([]byte, 1000)})
	}
	ticks <- time.Time{}
	if got, want := <-limits, 256<<20-core.Mapped(); got != want || core.Mapped() < 10<<20 {
		t.Errorf("with %d bytes mapped the heap is limited to %d, want %d", core.Mapped(), got, want)
	}
	ticks <- time.Time{} // nothing has changed, so nothing is set
	ticks <- time.Time{}
	core.Shed(1 << 40)
	ticks <- time.Time{}
	if got := <-limits; got < 240<<20 {
		t.Errorf("the heap of an emptied node is limited to %d", got)
	}
	stop()
	<-done
}

// TestGarbageMayTakeWhatTheCachesHaveNotFilled checks that the collector is told to wait while there is room, and no longer.
func TestGarbageMayTakeWhatTheCachesHaveNotFilled(t *testing.T) {
	t.Parallel()
	store, err := cache.NewStore(cache.Config{Memory: 64 << 20, Authoritative: true})
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{store: store}
	percents := make(chan int, 1)
	n.KeepWithin(256<<20, Heap{
		Limit:   func(int64) int64 { return 0 },
		Percent: func(percent int) int { percents <- percent; return 0 },
		Live:    func() int64 { return 5 << 20 },
	})
	ctx, stop := context.WithCancel(context.Background())
	ticks := make(chan time.Time)
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.paceHeap(ctx, ticks)
	}()
	tick := func() { // twice, so that the first was seen to
		ticks <- time.Time{}
		ticks <- time.Time{}
	}
	if got, most := <-percents, 100*(64/4)/5; got < 200 || got > most {
		t.Errorf("garbage may be %d %% of what is live in an empty node, want more than 200 and at most %d", got, most)
	}
	core := store.Core()
	table := core.Table("t")
	for i := range 60_000 {
		r := core.ReadItem(1, table, fmt.Append(nil, i), coherence.ReadOptions{}, nil)
		core.Done(1, r.Flight, coherence.Image{Bytes: make([]byte, 1000)})
	}
	tick()
	if got := <-percents; got != leastPercent || store.Held() < 50<<20 {
		t.Errorf("with %d of %d bytes held garbage may be %d %% of what is live, want %d", store.Held(), store.Memory(), got, leastPercent)
	}
	tick() // nothing has changed, so nothing is set
	core.Shed(1 << 40)
	tick()
	if got := <-percents; got < 200 {
		t.Errorf("garbage may be %d %% of what is live in an emptied node", got)
	}
	stop()
	<-done
	if got := garbagePercent(1<<40, 100<<20); got != 100*mostGarbage/(100<<20) {
		t.Errorf("garbage may be %d %% of 100 MiB live, want %d", got, 100*mostGarbage/(100<<20))
	}
	if got := garbagePercent(1<<40, 0); got != mostPercent {
		t.Errorf("garbage may be %d %% before the first collection, want %d at most", got, mostPercent)
	}
}

func TestNaturalMemoryIsTheBudgetAndALittle(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	if got, least, most := c.NaturalMemory(), int64(c.Cache.Memory)*5/4, int64(c.Cache.Memory)*2; got < least || got > most {
		t.Errorf("with a budget of %v it is %v, want between %v and %v", c.Cache.Memory, units.Bytes(got), units.Bytes(least), units.Bytes(most))
	}
	c.Cache.Memory = 16 << 30
	if got, most := c.NaturalMemory(), int64(c.Cache.Memory)*11/10; got > most {
		t.Errorf("with a budget of %v it is %v, want at most %v", c.Cache.Memory, units.Bytes(got), units.Bytes(most))
	}
	c.Cache.Enabled = false
	if got := c.NaturalMemory(); got != 0 {
		t.Errorf("without caches it is %v, want nothing in particular", units.Bytes(got))
	}
}
