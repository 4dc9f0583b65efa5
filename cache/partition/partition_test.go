package partition

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPartitionsRestAndStand checks, with pages of random bounds that come and go in a few partitions of few hashes, that each
// partition has exactly its own pages whether it rests or stands, that it rests when it may, and that nothing is left at the end.
func TestPartitionsRestAndStand(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	set := New[int](256<<20, 1)
	sh := set.Shard(0)
	type place struct {
		index     uint32
		partition string
	}
	type tenant = Tenant[int]
	type page struct {
		tenant
		lo, hi []byte
	}
	want := map[place][]page{}
	bound := func() []byte {
		switch r.IntN(8) {
		case 0:
			return nil
		case 1:
			return []byte{}
		case 2:
			return bytes.Repeat([]byte{byte(r.IntN(256))}, 1000)
		}
		return fmt.Append(nil, r.IntN(1000))
	}
	rested, stood := 0, 0
	for id := uint64(1); id < 20000; id++ {
		at := place{r.Uint32N(2), fmt.Sprint("partition", r.IntN(6))}
		h := hash(at.partition)
		n := sh.Demand(h, at.index, []byte(at.partition))
		var got []page
		n.tree.Each(func(r *Reach[int]) { got = append(got, page{r.Value, r.Lo, r.Hi}) })
		slices.SortFunc(got, func(a, b page) int { return int(a.ID) - int(b.ID) })
		if !slices.EqualFunc(got, want[at], func(a, b page) bool {
			return a.tenant == b.tenant && bytes.Equal(a.lo, b.lo) && bytes.Equal(a.hi, b.hi) && (a.lo == nil) == (b.lo == nil) && (a.hi == nil) == (b.hi == nil)
		}) {
			t.Fatalf("page %d: %v has %v, want %v", id, at, got, want[at])
		}
		if pages := want[at]; r.IntN(40) < 10+len(pages) && len(pages) > 0 {
			i := r.IntN(len(pages))
			found, interval := sh.Page(h, pages[i].ID)
			if found != n || interval == nil {
				t.Fatalf("page %d of %v is found in %v", pages[i].ID, at, found)
			}
			sh.Remove(n, interval)
			want[at] = slices.Delete(pages, i, i+1)
		} else {
			p := page{tenant{Hash: r.Uint64(), ID: id}, bound(), bound()}
			sh.Insert(n, new(Reach[int]), p.lo, p.hi, p.tenant)
			want[at] = append(pages, p)
		}
		size, _ := n.size()
		sh.Settle(n)
		rests := sh.resting(h, func(b []byte) bool {
			p := open(b)
			return p.index == at.index && string(p.partition) == at.partition
		}) != 0
		if fits := len(want[at]) > 0 && len(want[at]) <= mostPacked && size <= mostPackedBytes; rests != fits {
			t.Fatalf("page %d: %v with %d pages of %d bytes rests: %v", id, at, len(want[at]), size, rests)
		}
		if rests {
			rested++
		} else {
			stood++
		}
		if _, early := sh.Page(h, id+1); early != nil {
			t.Fatalf("page %d is found before it came", id+1)
		}
	}
	if rested < 1000 || stood < 1000 {
		t.Errorf("partitions rested %d times and stood %d times", rested, stood)
	}
	for at, pages := range want {
		for _, p := range pages {
			sh.ForgetPage(hash(at.partition), p.ID)
		}
	}
	if partitions, pages, fills := set.Stats(); partitions != 0 || pages != 0 || fills != 0 {
		t.Errorf("%d partitions, %d pages and %d fills are left", partitions, pages, fills)
	}
	if held := set.pool.Held(); held > set.Reserve() || set.beside.Load() != sh.index.Bytes() {
		t.Errorf("%d bytes are held for no partitions, and %d beside", held, set.beside.Load())
	}
}

// hash is one of two.
func hash(partition string) uint64 { return uint64(partition[len(partition)-1]) & 1 }
