package shelf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// heard is an Observer that adds up.
type heard struct{ costs map[uint64]int64 }

// Added implements Observer.
func (h *heard) Added(hash uint64, cost int64) { h.costs[hash] = cost }

// Removed implements Observer.
func (h *heard) Removed(hash uint64) { delete(h.costs, hash) }

// Touched implements Observer.
func (h *heard) Touched(uint64) {}

// TestShelfIsAMap drives a shelf whose hashes collide and a plain map by the same random steps: what is found under a key is what
// was installed there last; the counts, the memory and what the Observer heard agree with it, each page that left is told
// once; and nothing is left in the end.
func TestShelfIsAMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	h, gone := &heard{map[uint64]int64{}}, map[int]int{}
	x := New[int](Config{Memory: 1, Shards: 2, FixedHash: 4, Observer: h}, func(p int) { gone[p]++ })
	spaces := []*Space{x.Space("a", false), x.Space("b", false), x.Space("a", true)}
	type name struct {
		space, key int
	}
	want, pages := map[name]string{}, map[int]name{}
	evicted := func(ok func(n name) bool) {
		for n := range want {
			if ok(n) {
				delete(want, n)
			}
		}
	}
	for step := range 20000 {
		n := name{r.IntN(len(spaces)), r.IntN(30)}
		in, key := spaces[n.space], fmt.Append(nil, n.key)
		hash := x.Hash(in, key)
		sh := x.Shard(hash)
		sh.Mu.Lock()
		var room Entry[int]
		e, b := x.Peek(sh, hash, in, key, &room)
		if text, ok := want[n]; ok != (e != nil) || ok && string(e.Bytes) != text || b != nil {
			t.Fatalf("step %d: %v holds %+v, want %q", step, n, e, text)
		}
		switch k := r.IntN(20); {
		case k < 10:
			e := &Entry[int]{Image: Image{Bytes: fmt.Append(nil, step, string(make([]byte, r.IntN(300))))}}
			if in.pages {
				if r.IntN(4) == 0 { // too large to rest
					e.Bytes = append(e.Bytes, make([]byte, restingPage)...)
				}
				id := step
				e.Page, e.Weight, pages[id] = &id, 100, n
			}
			want[n] = string(e.Bytes)
			s := x.Demand(sh, hash, in, key)
			x.Install(sh, s, e)
			s.Busy = nil
			sh.Tidy(s)
		case k < 17:
			if s := x.Find(sh, hash, in, key); s != nil {
				x.Remove(sh, s, Invalidated)
				sh.Tidy(s)
			}
			delete(want, n)
		}
		sh.Mu.Unlock()
		x.Drain(sh)
		switch r.IntN(200) {
		case 0:
			x.Evict(hash)
			evicted(func(o name) bool { return x.Hash(spaces[o.space], fmt.Append(nil, o.key)) == hash })
		case 1:
			had := len(want)
			entries := x.Purge(in, key[:1], func(sh *Shard[int, int], s *Slot[int, int]) { x.Remove(sh, s, Purged) })
			evicted(func(o name) bool { return o.space == n.space && fmt.Sprint(o.key)[0] == key[0] })
			if entries != had-len(want) {
				t.Fatalf("step %d: Purge counts %d entries, want %d", step, entries, had-len(want))
			}
		}
		var heardOf int64
		for _, cost := range h.costs {
			heardOf += cost
		}
		if st := x.Stats(func(*int) {}); st.Entries != len(want) || st.Slots != len(want) || st.Bytes != heardOf || x.Entries() != int64(len(want)) {
			t.Fatalf("step %d: %+v, want %d entries of %d bytes", step, st, len(want), heardOf)
		}
	}
	x.Shed(math.MaxInt64)
	if st := x.Stats(func(*int) {}); st.Slots != 0 || st.Bytes != 0 || len(h.costs) != 0 {
		t.Errorf("%+v is left, the policy knows of %v", st, h.costs)
	}
	for id := range pages {
		if gone[id] != 1 {
			t.Errorf("page %d left %d times", id, gone[id])
		}
	}
	var left uint64
	x.EachDeparture(func(_ Reason, entries, _ uint64) { left += entries })
	if left == 0 {
		t.Error("no entry left for any reason")
	}
}
