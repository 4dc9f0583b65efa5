package interval

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTreeFindsWhatALinearSearchFinds checks Stab against a plain list under random insertion and removal.
func TestTreeFindsWhatALinearSearchFinds(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	dice := Dice(1)
	var tree Tree[int]
	var list []*Node[int]
	point := func() []byte {
		b := []byte{byte(r.IntN(12)), byte(r.IntN(3))}
		return b[:1+r.IntN(2)]
	}
	for step := range 20000 {
		switch {
		case r.IntN(2) == 0 && len(list) < 60:
			x := &Node[int]{Value: step}
			if r.IntN(5) > 0 {
				x.Lo = point()
			}
			if r.IntN(5) > 0 {
				x.Hi = point()
			}
			tree.Insert(x, &dice)
			list = append(list, x)
		case len(list) > 0 && r.IntN(2) == 0:
			i := r.IntN(len(list))
			tree.Remove(list[i])
			if list[i].In() {
				t.Fatalf("step %d: what was removed is in the tree", step)
			}
			list = slices.Delete(list, i, i+1)
		default:
			var pos []byte
			if r.IntN(20) > 0 {
				pos = point()
			}
			want := map[*Node[int]]bool{}
			for _, x := range list {
				if pos == nil || bytes.Compare(x.Lo, pos) <= 0 && (x.Hi == nil || bytes.Compare(pos, x.Hi) < 0) {
					want[x] = true
				}
			}
			got := tree.Stab(pos, nil)
			for _, x := range got {
				if !want[x] {
					t.Fatalf("step %d: Stab(%x) found [%x,%x) wrongly or twice", step, pos, x.Lo, x.Hi)
				}
				delete(want, x)
			}
			if len(want) > 0 {
				t.Fatalf("step %d: Stab(%x) missed %d intervals", step, pos, len(want))
			}
		}
	}
}

// TestTreeStaysShallow bounds the cost of a write in a partition with many pages, stored in the worst order for a plain tree.
func TestTreeStaysShallow(t *testing.T) {
	dice := Dice(1)
	var tree Tree[int]
	const pages = 1 << 14
	for i := range pages {
		tree.Insert(&Node[int]{Lo: []byte{byte(i >> 8), byte(i)}, Hi: []byte{byte((i + 1) >> 8), byte(i + 1)}}, &dice)
	}
	var depth func(*Node[int]) int
	depth = func(x *Node[int]) int {
		if x == nil {
			return 0
		}
		return 1 + max(depth(x.left), depth(x.right))
	}
	if d := depth(tree.root); d > 60 {
		t.Errorf("depth of %d pages appended in order = %d, want about 35", pages, d)
	}
	if found := tree.Stab([]byte{1, 2}, nil); len(found) != 1 {
		t.Errorf("Stab found %d pages, want 1", len(found))
	}
}

// TestHull checks what a hull takes in.
func TestHull(t *testing.T) {
	var h Hull
	if !h.Empty() || h.Meets(nil, nil) {
		t.Error("an empty hull meets something")
	}
	h.Add([]byte("c"))
	h.Add([]byte("e"))
	f := func(lo, hi string, want bool) {
		t.Helper()
		bound := func(s string) []byte {
			if s == "" {
				return nil
			}
			return []byte(s)
		}
		if got := h.Meets(bound(lo), bound(hi)); got != want {
			t.Errorf("hull c..e meets [%q,%q) = %v, want %v", lo, hi, got, want)
		}
	}
	f("", "c", false)
	f("", "d", true)
	f("d", "d1", true) // between two positions: the hull is all that is kept
	f("e", "", true)
	f("f", "", false)
	h.Add(nil)
	f("f", "", true)
}
