package slab

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestIndexIsAMultimap compares an index with a map from hashes to handles. It checks: all handles of a hash are found, and
// no other that is not of the same tag; counting is exact; a walk that deletes sees everything once at least.
func TestIndexIsAMultimap(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	// Hashes of the simulator, of which the tag has nothing; of few tags, which all begin in one place; and proper ones.
	for name, hash := range map[string]func(uint64) uint64{
		"none": func(n uint64) uint64 { return n % 8 },
		"few":  func(n uint64) uint64 { return (n%5)<<HandleBits | 3<<60 },
		"all":  func(n uint64) uint64 { return n * 0x9e3779b97f4a7c15 },
	} {
		var x Index
		want := map[uint64][]Handle{}
		next, n := Handle(0), 0
		check := func() {
			t.Helper()
			if x.Len() != n {
				t.Fatalf("%s: Len() = %d, want %d", name, x.Len(), n)
			}
			for hash, handles := range want {
				var got []Handle
				for h, at := x.Find(hash); h != 0; h, at = x.Next(hash, at) {
					got = append(got, h)
				}
				for _, h := range handles {
					if !slices.Contains(got, h) {
						t.Fatalf("%s: of hash %#x %v are found, want %v among them", name, hash, got, handles)
					}
				}
			}
		}
		for step := range 30_000 {
			hash := hash(uint64(r.IntN(500)))
			have := want[hash]
			switch k := r.IntN(5); {
			case k < 2 && n < 400:
				next++
				x.Add(hash, next)
				want[hash] = append(have, next)
				n++
			case k == 2 && len(have) > 0:
				next++
				x.Replace(hash, have[0], next)
				have[0] = next
			case len(have) > 0:
				i := r.IntN(len(have))
				x.Delete(hash, have[i])
				x.Shrink()
				want[hash] = slices.Delete(have, i, i+1)
				n--
			}
			if step%1000 == 0 {
				check()
			}
		}
		check()
		hashOf := map[Handle]uint64{}
		for hash, handles := range want {
			for _, h := range handles {
				hashOf[h] = hash
			}
		}
		for i := 0; i < x.Places(); {
			h := x.Place(i)
			if h == 0 || h%3 == 0 {
				i++
				continue
			}
			x.Delete(hashOf[h], h)
			delete(hashOf, h)
		}
		for h := range hashOf {
			if h%3 != 0 {
				t.Errorf("%s: a walk that deletes did not come by %d", name, h)
			}
		}
		if x.Len() != len(hashOf) {
			t.Errorf("%s: %d are left, want %d", name, x.Len(), len(hashOf))
		}
	}
}

func TestIndexGivesMemoryBack(t *testing.T) {
	var x Index
	for i := range uint64(100_000) {
		x.Add(i*0x9e3779b97f4a7c15, Handle(i+1))
	}
	if b := x.Bytes(); b > 22*100_000 {
		t.Errorf("100000 blobs take %d bytes", b)
	}
	for i := range uint64(100_000) {
		x.Delete(i*0x9e3779b97f4a7c15, Handle(i+1))
		x.Shrink()
	}
	if b := x.Bytes(); b > 8*minPlaces {
		t.Errorf("an emptied index takes %d bytes", b)
	}
}

func TestReplacingWhatIsNotThereIsTheOwnersError(t *testing.T) {
	var x Index
	x.Add(1, 1)
	defer func() {
		if recover() == nil {
			t.Error("Replace of a blob that is not there went unnoticed")
		}
	}()
	x.Replace(1, 2, 3)
}
