package slab

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// seedFlag repeats a random test.
var seedFlag = flag.Uint64("seed", 0, "seed of random tests; 0 takes a new one")

// owner is what a cache does with an arena: an index from numbers to handles, kept right when blobs move.
type owner struct {
	t      testing.TB
	arena  *Arena
	index  map[uint32]Handle
	want   map[uint32][]byte
	moves  int
	copied int64
}

// put replaces the blob of key by one of n bytes.
func (o *owner) put(key uint32, n int, fill byte) {
	o.remove(key)
	h, room := o.arena.Alloc(n)
	if len(room) != n || cap(room) != n {
		o.t.Fatalf("Alloc(%d) gave %d bytes of capacity %d", n, len(room), cap(room))
	}
	binary.LittleEndian.PutUint32(room, key)
	for i := 4; i < n; i++ {
		room[i] = fill
	}
	o.index[key] = h
	o.want[key] = bytes.Clone(room)
}

// remove frees the blob of key, if there is one.
func (o *owner) remove(key uint32) {
	h, ok := o.index[key]
	if !ok {
		return
	}
	delete(o.index, key)
	delete(o.want, key)
	o.arena.Free(h, func(blob []byte, from, to Handle) {
		k := binary.LittleEndian.Uint32(blob)
		if o.index[k] != from {
			o.t.Fatalf("key %d moved from %#x, is at %#x", k, from, o.index[k])
		}
		o.index[k] = to
		o.moves++
		o.copied += int64(len(blob))
	})
}

// check compares all blobs and the counts.
func (o *owner) check() {
	o.t.Helper()
	var live int64
	for key, want := range o.want {
		if got := o.arena.At(o.index[key]); !bytes.Equal(got, want) {
			o.t.Fatalf("blob %d is %d bytes %x…, want %d bytes %x…", key, len(got), got[:4], len(want), want[:4])
		}
		live += Size(len(want))
	}
	if o.arena.Live() != live {
		o.t.Fatalf("Live() = %d, want %d", o.arena.Live(), live)
	}
	var held int64
	large, pages := &o.arena.Pool.apart, map[[2]int]bool{}
	for i := range o.arena.segments {
		if s := &o.arena.segments[i]; s.large {
			for g := s.apart.at; g < s.apart.at+s.apart.n; g++ {
				if at := [2]int{int(s.apart.span), int(g) / large.page}; !pages[at] {
					pages[at] = true
					held += int64(large.page * granule)
				}
			}
		} else {
			held += int64(len(s.bytes))
		}
	}
	held += int64(cap(o.arena.segments)) * segmentBytes
	if got := o.arena.Pool.Held() - int64(len(o.arena.Pool.warm)*o.arena.Pool.segment); got != held {
		o.t.Fatalf("Held() = %d and %d segments kept ready, want %d", o.arena.Pool.Held(), len(o.arena.Pool.warm), held)
	}
}

// newOwner makes an owner of an arena for about memory bytes.
func newOwner(t testing.TB, memory int64) *owner {
	return &owner{t: t, arena: &Arena{Pool: NewPool(memory, 1)}, index: map[uint32]Handle{}, want: map[uint32][]byte{}}
}

func TestArenaKeepsBlobsThroughMoves(t *testing.T) {
	// Segments of more than a page, of a page, and of less.
	for _, memory := range []int64{1 << 20, 256 << 10, 64 << 10} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) { keepBlobs(t, memory) })
	}
}

// keepBlobs puts and removes blobs at random in an arena for about memory bytes.
func keepBlobs(t *testing.T, memory int64) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	o := newOwner(t, memory)
	for step := range 30_000 {
		key := uint32(r.IntN(1500))
		switch r.IntN(20) {
		case 0, 1, 2, 3:
			o.remove(key)
		case 4: // a blob with a segment of its own
			o.put(key%7, o.arena.Pool.segment/4+r.IntN(100_000), byte(step))
		default:
			o.put(key, 4+r.IntN(1200), byte(step))
		}
		if step%5000 == 0 {
			o.check()
		}
	}
	o.check()
	if o.moves == 0 {
		t.Error("nothing was ever moved: the test says nothing of moves")
	}
	for key := range o.want {
		o.remove(key)
	}
	o.check()
}

func TestArenaHoldsLittleMoreThanItsBlobs(t *testing.T) {
	o := newOwner(t, 16<<20)
	r := rand.New(rand.NewPCG(7, 7))
	const keys = 20_000
	written := int64(0)
	for round := range 6 {
		// Sizes shift from round to round, which calcifies memory that is kept by size.
		for range keys {
			n := 64 + r.IntN(200*(round+1))
			o.put(uint32(r.IntN(keys)), n, byte(round))
			written += int64(n)
		}
		var shares int64
		for _, blob := range o.want {
			shares += o.arena.Pool.Share(len(blob))
		}
		if held, most := o.arena.Pool.Held(), shares+o.arena.Pool.Reserve(1); held > most {
			t.Errorf("round %d: %d bytes are held, want at most %d, of which %d are shares of what is alive", round, held, most, shares)
		}
	}
	o.check()
	t.Logf("moved %.2f bytes for each byte written; %.3f held for each alive", float64(o.copied)/float64(written), float64(o.arena.Pool.Held())/float64(o.arena.Live()))
	if o.copied > 8*written {
		t.Errorf("moved %d bytes for %d written", o.copied, written)
	}
}

func TestFreeingTwicePanics(t *testing.T) {
	o := newOwner(t, 1<<20)
	h, _ := o.arena.Alloc(10)
	_, _ = o.arena.Alloc(10)
	o.arena.Free(h, nil)
	defer func() {
		if recover() == nil {
			t.Error("second Free of a handle went unnoticed")
		}
	}()
	o.arena.Free(h, nil)
}

func TestPoolUsesSegmentsAgain(t *testing.T) {
	o := newOwner(t, 1<<20)
	for range 50 {
		for k := range uint32(1500) {
			o.put(k, 500, 1)
		}
		for k := range uint32(1500) {
			o.remove(k)
		}
	}
	pool := o.arena.Pool
	if n, most := len(pool.chunks.mapped)*pool.chunk, 1<<20; n > most {
		t.Errorf("50 fillings of 0.75 MB mapped %d bytes, want at most %d", n, most)
	}
	if held, most := pool.Mapped(), int64(pool.warmest*pool.segment); held > most {
		t.Errorf("an idle pool holds %d bytes, want at most %d", held, most)
	}
}

// TestShareIsWhatBlobsOfOneSizeHold checks the share of a blob without garbage, with which it must never be too small.
func TestShareIsWhatBlobsOfOneSizeHold(t *testing.T) {
	for _, n := range []int{1, 56, 459, 1000, 2000, 2048, 5000, 40_000} {
		o := newOwner(t, 2<<20)
		var shares int64
		for k := range uint32(1 << 20 / (n + 8)) {
			o.put(k, max(4, n), 1)
			shares += o.arena.Pool.Share(max(4, n))
		}
		held := o.arena.Pool.Held()
		t.Logf("%d bytes: %.3f held for each, %.3f in shares", n, float64(held)/float64(o.arena.live), float64(shares)/float64(o.arena.live))
		if held > shares+int64(o.arena.Pool.segment) || float64(shares) > 1.2*float64(held) {
			t.Errorf("blobs of %d bytes hold %d bytes, their shares are %d", n, held, shares)
		}
	}
}

// FuzzArena runs a script of puts and removals.
func FuzzArena(f *testing.F) {
	f.Add([]byte{1, 200, 3, 2, 100, 9, 1, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		o := newOwner(t, 1<<18)
		for i := 0; i+2 < len(script); i += 3 {
			key, n := uint32(script[i]), 4+int(script[i+1])*int(script[i+2]&63)
			if script[i+2]&64 != 0 {
				o.remove(key)
			} else {
				o.put(key, n, script[i+2])
			}
		}
		o.check()
	})
}

func BenchmarkChurn(b *testing.B) {
	o := newOwner(b, 64<<20)
	const keys = 100_000
	for k := range uint32(keys) {
		o.put(k, 459, 1)
	}
	want := o.want
	r := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		k := uint32(r.IntN(keys))
		delete(want, k)
		h := o.index[k]
		delete(o.index, k)
		o.arena.Free(h, func(blob []byte, _, to Handle) { o.index[binary.LittleEndian.Uint32(blob)] = to })
		nh, room := o.arena.Alloc(459)
		binary.LittleEndian.PutUint32(room, k)
		o.index[k] = nh
	}
}
