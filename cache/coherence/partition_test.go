package coherence

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTreapFindsWhatALinearSearchFinds checks stab against a plain list under random insertion and removal.
func TestTreapFindsWhatALinearSearchFinds(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	ns := &nodeShard{dice: 1}
	n := &node{}
	var list []*interval
	point := func() []byte {
		b := []byte{byte(r.IntN(12)), byte(r.IntN(3))}
		return b[:1+r.IntN(2)]
	}
	for step := range 20000 {
		switch {
		case r.IntN(2) == 0 && len(list) < 60:
			x := &interval{}
			if r.IntN(5) > 0 {
				x.lo = point()
			}
			if r.IntN(5) > 0 {
				x.hi = point()
			}
			list = append(list, ns.insert(n, x))
		case len(list) > 0 && r.IntN(2) == 0:
			i := r.IntN(len(list))
			ns.remove(n, list[i])
			list = slices.Delete(list, i, i+1)
		default:
			var pos []byte
			if r.IntN(20) > 0 {
				pos = point()
			}
			want := map[*interval]bool{}
			for _, x := range list {
				if pos == nil || bytes.Compare(x.lo, pos) <= 0 && (x.hi == nil || bytes.Compare(pos, x.hi) < 0) {
					want[x] = true
				}
			}
			got := stab(n.root, pos, nil)
			for _, x := range got {
				if !want[x] {
					t.Fatalf("step %d: stab(%x) found [%x,%x) wrongly or twice", step, pos, x.lo, x.hi)
				}
				delete(want, x)
			}
			if len(want) > 0 {
				t.Fatalf("step %d: stab(%x) missed %d intervals", step, pos, len(want))
			}
		}
	}
}

// TestTreapStaysShallow bounds the cost of a write in a partition with many pages, stored in the worst order for a plain tree.
func TestTreapStaysShallow(t *testing.T) {
	ns := &nodeShard{dice: 1}
	n := &node{}
	const pages = 1 << 14
	for i := range pages {
		ns.insert(n, &interval{lo: []byte{byte(i >> 8), byte(i)}, hi: []byte{byte((i + 1) >> 8), byte(i + 1)}})
	}
	var depth func(*interval) int
	depth = func(x *interval) int {
		if x == nil {
			return 0
		}
		return 1 + max(depth(x.left), depth(x.right))
	}
	if d := depth(n.root); d > 60 {
		t.Errorf("depth of %d pages appended in order = %d, want about 35", pages, d)
	}
	if found := stab(n.root, []byte{1, 2}, nil); len(found) != 1 {
		t.Errorf("stab found %d pages, want 1", len(found))
	}
}

func TestHull(t *testing.T) {
	var h hull
	if !h.empty() || h.meets(nil, nil) {
		t.Error("an empty hull meets something")
	}
	h.add([]byte("c"))
	h.add([]byte("e"))
	f := func(lo, hi string, want bool) {
		t.Helper()
		s := span(lo, hi)
		if got := h.meets(s.Lo, s.Hi); got != want {
			t.Errorf("hull c..e meets [%q,%q) = %v, want %v", lo, hi, got, want)
		}
	}
	f("", "c", false)
	f("", "d", true)
	f("d", "d1", true) // between two positions: the hull is all that is kept
	f("e", "", true)
	f("f", "", false)
	h.add(nil)
	f("f", "", true)
}
