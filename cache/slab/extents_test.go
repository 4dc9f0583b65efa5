package slab

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestExtentsDoNotMeet takes and frees large blobs at random and checks that none changes another's bytes, that what is held is what is
// alive but for the ends of pages, and that freed room is used again.
func TestExtentsDoNotMeet(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	x := newExtents()
	type blob struct {
		e     extent
		bytes []byte
		fill  byte
	}
	const usual, most = 4096, 64 << 10
	var blobs []blob
	alive := 0
	for step := range 20_000 {
		// The number of blobs goes up and down, and their sizes shift.
		if n := len(blobs); n > 0 && (r.IntN(200) < n || step%4000 > 3000) {
			i := r.IntN(n)
			b := blobs[i]
			if want := bytes.Repeat([]byte{b.fill}, len(b.bytes)); !bytes.Equal(b.bytes, want) {
				t.Fatalf("a blob of %d bytes at %+v was changed", len(b.bytes), b.e)
			}
			x.free(b.e)
			alive -= len(b.bytes)
			blobs[i] = blobs[n-1]
			blobs = blobs[:n-1]
		} else {
			size := 1 + r.IntN(most>>(step/4000))
			e, b := x.alloc(size, usual)
			if len(b) != size || cap(b) != size {
				t.Fatalf("alloc(%d) gave %d bytes of capacity %d", size, len(b), cap(b))
			}
			for i := range b {
				b[i] = byte(step)
			}
			blobs = append(blobs, blob{e, b, byte(step)})
			alive += size
		}
		if least, at := int64(alive), int64(alive+len(blobs)*(granule+2*x.page*granule)); x.held < least || x.held > at {
			t.Fatalf("%d bytes are held for %d alive in %d blobs, want %d to %d", x.held, alive, len(blobs), least, at)
		}
	}
	for _, b := range blobs {
		x.free(b.e)
	}
	if x.held != 0 {
		t.Errorf("%d bytes are held for nothing", x.held)
	}
	mapped := 0
	for _, s := range x.spans {
		mapped += len(s.bytes)
	}
	if limit := 200 * most; mapped > limit {
		t.Errorf("%d bytes of addresses were used for at most %d alive", mapped, limit)
	}
}

func TestExtentLargerThanASpanHasOneOfItsOwn(t *testing.T) {
	x := newExtents()
	big, b := x.alloc(100*granule+1, 64)
	small, s := x.alloc(10, 64)
	if len(b) != 100*granule+1 || len(s) != 10 {
		t.Fatalf("got %d and %d bytes", len(b), len(s))
	}
	x.free(big)
	again, _ := x.alloc(90*granule, 64)
	if again.span != big.span {
		t.Errorf("freed room at %+v was not used again: %+v", big, again)
	}
	x.free(again)
	x.free(small)
	if x.held != 0 {
		t.Errorf("%d bytes are held for nothing", x.held)
	}
}

// A run is free exactly if nothing in it is taken, and the free run around one ends where something is.
func TestSpansKnowWhatIsFree(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	const n = 256
	for range 2000 {
		s := &span{taken: make([]uint64, n/64)}
		var taken [n]bool
		for range r.IntN(6) {
			at := r.IntN(n)
			if !taken[at] {
				taken[at] = true
				s.mark(at, 1)
			}
		}
		for range 20 {
			at := r.IntN(n)
			length := 1 + r.IntN(n-at)
			from, to := at, at+length
			free := true
			for i := from; i < to; i++ {
				free = free && !taken[i]
			}
			if got := s.vacant(at, length); got != free {
				t.Fatalf("%d from %d on are free: %v, want %v, of %x", length, at, got, free, s.taken)
			}
			if !free {
				continue
			}
			for from > 0 && !taken[from-1] {
				from--
			}
			for to < n && !taken[to] {
				to++
			}
			if gotFrom, gotTo := s.around(at, length); gotFrom != from || gotTo != to {
				t.Fatalf("%d to %d is free around %d from %d on, want %d to %d, of %x", gotFrom, gotTo, length, at, from, to, s.taken)
			}
		}
	}
}
