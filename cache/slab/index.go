package slab

// Index finds the blobs of one arena by hash. It takes 8 bytes for a place: the upper bits of the hash as a tag, which
// tell too where the search for it begins, and the handle. So it can grow without looking at a blob, and two hashes with
// the same tag are told apart by whoever looks into the blobs. The zero value is empty. It is guarded like the arena: many
// may search at once, one alone may change it.
type Index struct {
	places []uint64 // a power of two of them, searched one after the other; 0 is vacant
	count  int
}

// handleMask is the handle's part of a place, and minPlaces the least that an index in use has.
const (
	handleMask = 1<<HandleBits - 1
	minPlaces  = 8
)

// Len is the number of blobs.
func (x *Index) Len() int { return x.count }

// Bytes is the memory that it takes.
func (x *Index) Bytes() int64 { return int64(len(x.places)) * 8 }

// Places is how many places there are; see Place.
func (x *Index) Places() int { return len(x.places) }

// Place returns what stands at place i; 0 is nothing. A walk over all places sees every blob that stays; when it deletes the
// one at i it must look at i again.
func (x *Index) Place(i int) Handle { return Handle(x.places[i] & handleMask) }

// home is where the search for a tag begins.
func (x *Index) home(place uint64) int {
	// The tag's lowest bits, for the owner may have used up the hash's highest.
	return int(place>>HandleBits) & (len(x.places) - 1)
}

// Find returns the first blob that may be of hash and where it stands; 0 is none. Next goes on from there.
func (x *Index) Find(hash uint64) (h Handle, at int) {
	if x.count == 0 {
		return 0, 0
	}
	return x.seek(hash, x.home(hash))
}

// Next returns the next blob that may be of hash after the one at place at.
func (x *Index) Next(hash uint64, at int) (Handle, int) {
	return x.seek(hash, (at+1)&(len(x.places)-1))
}

// seek searches from place at on.
func (x *Index) seek(hash uint64, at int) (Handle, int) {
	for mask := len(x.places) - 1; ; at = (at + 1) & mask {
		place := x.places[at]
		if place == 0 {
			return 0, at
		}
		if (place^hash)>>HandleBits == 0 {
			return Handle(place & handleMask), at
		}
	}
}

// Add adds a blob.
func (x *Index) Add(hash uint64, h Handle) {
	if 4*(x.count+1) > 3*len(x.places) {
		x.resize(max(minPlaces, 2*len(x.places)))
	}
	x.put(hash&^handleMask | uint64(h))
	x.count++
}

// put puts place into the first vacant one from its home on.
func (x *Index) put(place uint64) {
	at := x.home(place)
	for x.places[at] != 0 {
		at = (at + 1) & (len(x.places) - 1)
	}
	x.places[at] = place
}

// Replace puts the blob to in the place of from, which must be there.
func (x *Index) Replace(hash uint64, from, to Handle) {
	x.places[x.placeOf(hash, from)] = hash&^handleMask | uint64(to)
}

// placeOf is where the blob h of hash stands. That it stands nowhere is the owner's error.
func (x *Index) placeOf(hash uint64, h Handle) int {
	got, at := x.Find(hash)
	for ; got != h; got, at = x.Next(hash, at) {
		if got == 0 {
			panic("slab: a blob that is not in the index")
		}
	}
	return at
}

// Delete removes a blob, which must be there. What was pushed on by it moves up.
func (x *Index) Delete(hash uint64, h Handle) {
	hole, mask := x.placeOf(hash, h), len(x.places)-1
	for at := (hole + 1) & mask; x.places[at] != 0; at = (at + 1) & mask {
		// It may move up if the hole is not before its home, seen from its home on.
		if home := x.home(x.places[at]); (at-home)&mask >= (at-hole)&mask {
			x.places[hole] = x.places[at]
			hole = at
		}
	}
	x.places[hole] = 0
	x.count--
}

// Shrink gives back memory when most places are vacant, and reports whether it did. Places change then.
func (x *Index) Shrink() bool {
	n := len(x.places)
	for n > minPlaces && 16*x.count < 3*n {
		n /= 2
	}
	if n == len(x.places) {
		return false
	}
	x.resize(n)
	return true
}

// resize makes it n places.
func (x *Index) resize(n int) {
	old := x.places
	x.places = make([]uint64, n)
	for _, place := range old {
		if place != 0 {
			x.put(place)
		}
	}
}
