//go:build !race

package slab

import (
	"runtime"
	"testing"
)

// TestTablesOfLargeBlobsAreCounted compares what is said to be held on the heap with what the heap has grown by; under the race detector the blobs
// themselves are on it.
func TestTablesOfLargeBlobsAreCounted(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const blobs, size = 100_000, 300
	arena := &Arena{Pool: NewPool(16<<20, 256)} // of segments of 1 KB, so that such blobs are large
	before := heap()
	var last Handle
	shares := int64(0)
	for range blobs {
		last, _ = arena.Alloc(size)
		shares += arena.Pool.Share(size)
	}
	took, counted := heap()-before, arena.Pool.Held()-arena.Pool.Mapped()
	t.Logf("%d bytes on the heap, %d counted; %d held in all, %d in shares", took, counted, arena.Pool.Held(), shares)
	if counted < took*9/10 || counted > took*11/10 {
		t.Errorf("%d large blobs take %d bytes of the heap, %d are counted", blobs, took, counted)
	}
	if held := arena.Pool.Held(); held > shares+arena.Pool.Reserve(1) {
		t.Errorf("%d bytes are held, the shares are %d", held, shares)
	}
	arena.Free(last, nil)
	if again, _ := arena.Alloc(size); again != last {
		t.Errorf("a vacant place is not used again: %#x after %#x", uint64(again), uint64(last))
	}
}
