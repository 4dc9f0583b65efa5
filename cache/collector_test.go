package cache

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"millrace/cache/coherence"
)

// fillPages caches n pages of so many bytes, each of a partition of its own.
func fillPages(t testing.TB, s *Store, n, size int) {
	t.Helper()
	table := s.Table("", "t")
	for i := range n {
		span := coherence.Span{Partition: fmt.Appendf(nil, "partition %d", i)}
		key := fmt.Appendf(nil, "the canonical request of page %d", i)
		r := s.core.ReadPage(s.clock(), table, key, span, coherence.ReadOptions{}, nil)
		if r.Outcome != coherence.Lead {
			t.Fatalf("page %d is there already", i)
		}
		s.Pages().Done(r.Flight, make([]byte, size), Units{-1, -1}, span)
	}
	if entries, _ := s.core.Pages(); entries != int64(n) {
		t.Fatalf("%d pages are cached, want %d", entries, n)
	}
}

// heapObjects is how many objects a collection leaves.
func heapObjects() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapObjects
}

// The collector's price is by the object, and a cached page of a partition of its own makes none.
func TestPagesAreNothingToTheCollector(t *testing.T) {
	s, err := NewStore(Config{Memory: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	before := heapObjects()
	const pages = 10_000
	fillPages(t, s, pages, 4000)
	if more := int64(heapObjects()) - int64(before); more > pages/10 {
		t.Errorf("%d pages left %d objects on the heap", pages, more)
	}
	runtime.KeepAlive(s)
}

// BenchmarkCollectPages is a collection with 200 MB of cached pages of 5 KB, or of 40 KB.
func BenchmarkCollectPages(b *testing.B) {
	for _, size := range []int{5000, 40_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			clock := coherence.Time(time.Hour)
			s, err := NewStore(Config{Clock: func() coherence.Time { return clock }})
			if err != nil {
				b.Fatal(err)
			}
			fillPages(b, s, 200_000_000/size, size)
			for b.Loop() {
				runtime.GC()
			}
			runtime.KeepAlive(s)
		})
	}
}
