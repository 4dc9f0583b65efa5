package slab

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Handle names a blob of one arena, in the lowest HandleBits. It holds no pointer. The zero Handle is none.
type Handle uint64

// HandleBits is how many bits of a Handle are in use: the place of its segment, and within it the blob's in units of
// headBytes.
const (
	HandleBits = offsetBits + placeBits
	offsetBits = 16
	placeBits  = 24
)

// headBytes stand before each blob in its segment: its length, with the top bit set once it is freed. Blobs begin at
// multiples of it, so that their own fields can be read aligned.
const (
	headBytes = 8
	freed     = 1 << 31
)

// slackShare is the part of the bytes appended that may be garbage. More would hold more memory, less would move more
// for each byte written.
const slackShare = 12

// Arena is blobs in segments, appended and freed one by one. The zero value with a Pool set is ready. It is guarded by
// its owner's lock: At may be called by many at once, everything else by one alone.
type Arena struct {
	// Pool lends the segments.
	Pool *Pool

	segments []segment
	vacant   int32 // a place in segments that holds none, plus one; 0 is none. It knows the next
	open     int32 // the segment that is appended to, plus one; 0 is none
	live     int64 // bytes of blobs alive in the pool's segments, with their heads
	used     int64 // bytes appended to those
	large    int64 // bytes of blobs with memory of their own
}

// segment is one piece of memory.
type segment struct {
	bytes []byte // nil in a vacant place
	used  int    // bytes appended; of a vacant place the next one, as in Arena.vacant
	live  int    // of those, of blobs alive
	large bool   // one blob, in apart
	apart extent
}

// segmentBytes is what a segment takes in its arena's table, which grows by the growShare-th part of itself and never shrinks;
// segmentShare is that with its part of the places to come.
const (
	segmentBytes = int64(unsafe.Sizeof(segment{}))
	growShare    = 8
	segmentShare = segmentBytes + segmentBytes/growShare + 1
)

// Live is the memory of blobs alive, in bytes, heads included.
func (a *Arena) Live() int64 { return a.live + a.large }

// Size is what a blob of n bytes counts for in Live.
func Size(n int) int64 { return int64(headBytes + (n+headBytes-1)&^(headBytes-1)) }

// Alloc makes room for a blob of n bytes. They are anything; the caller fills them before it unlocks.
func (a *Arena) Alloc(n int) (Handle, []byte) {
	size := int(Size(n))
	if size > a.Pool.segment/largeShare {
		return a.allocLarge(n, size)
	}
	if a.open == 0 || a.segments[a.open-1].used+size > len(a.segments[a.open-1].bytes) {
		a.open = a.place(segment{bytes: a.Pool.get()}) + 1
	}
	return a.append(a.open-1, n, size)
}

// allocLarge gives a blob memory of its own, so that it never has to be moved.
func (a *Arena) allocLarge(n, size int) (Handle, []byte) {
	e, b := a.Pool.getLarge(size)
	a.large += int64(size)
	return a.append(a.place(segment{bytes: b, large: true, apart: e}), n, size)
}

// place puts s among the segments.
func (a *Arena) place(s segment) int32 {
	if i := a.vacant - 1; i >= 0 {
		a.vacant = int32(a.segments[i].used)
		a.segments[i] = s
		return i
	}
	if len(a.segments) == 1<<placeBits {
		panic("slab: an arena of more segments than a handle can tell apart")
	}
	if n := len(a.segments); n == cap(a.segments) {
		longer := make([]segment, n, n+n/growShare+1)
		copy(longer, a.segments)
		a.Pool.tables.Add(int64(cap(longer)-n) * segmentBytes)
		a.segments = longer
	}
	a.segments = append(a.segments, s)
	return int32(len(a.segments) - 1)
}

// append adds a blob to segment i, which has room.
func (a *Arena) append(i int32, n, size int) (Handle, []byte) {
	s := &a.segments[i]
	at := s.used
	binary.LittleEndian.PutUint32(s.bytes[at:], uint32(n))
	s.used += size
	s.live += size
	if !s.large {
		a.used += int64(size)
		a.live += int64(size)
	}
	return handleOf(i, at), s.bytes[at+headBytes : at+headBytes+n : at+headBytes+n]
}

// handleOf is the handle of the blob whose head is at an offset in segment i.
func handleOf(i int32, at int) Handle {
	return Handle(uint64(i)<<offsetBits | uint64(at/headBytes+1))
}

// find is the segment of h and where its head stands.
func (a *Arena) find(h Handle) (place int32, at int) {
	return int32(h >> offsetBits), (int(h&(1<<offsetBits-1)) - 1) * headBytes
}

// At returns the blob of h: the memory itself, good until h is freed or moved.
func (a *Arena) At(h Handle) []byte {
	i, at := a.find(h)
	s := &a.segments[i]
	n := int(binary.LittleEndian.Uint32(s.bytes[at:]))
	at += headBytes
	return s.bytes[at : at+n : at+n]
}

// Free ends the blob of h. When the garbage has become too much, what is alive of the emptiest segment is moved: moved is
// called for each such blob, with its new handle in force, and must not call the arena but for At.
func (a *Arena) Free(h Handle, moved func(blob []byte, from, to Handle)) {
	i, at := a.find(h)
	s := &a.segments[i]
	n := binary.LittleEndian.Uint32(s.bytes[at:])
	if n&freed != 0 {
		panic(fmt.Sprintf("slab: blob %#x freed twice", uint64(h)))
	}
	binary.LittleEndian.PutUint32(s.bytes[at:], n|freed)
	size := int(Size(int(n)))
	s.live -= size
	if s.large {
		a.large -= int64(size)
	} else {
		a.live -= int64(size)
	}
	if s.live == 0 {
		a.drop(i)
	} else if a.used-a.live > a.used/slackShare+int64(a.Pool.segment) {
		a.clean(moved)
	}
}

// drop gives back segment i, in which nothing is alive.
func (a *Arena) drop(i int32) {
	s := &a.segments[i]
	if s.large {
		a.Pool.putLarge(s.apart)
	} else {
		a.used -= int64(s.used)
		a.Pool.put(s.bytes)
	}
	if a.open == i+1 {
		a.open = 0
	}
	*s = segment{used: int(a.vacant)}
	a.vacant = i + 1
}

// clean moves what is alive out of the segment that has least of it, and gives that back.
func (a *Arena) clean(moved func(blob []byte, from, to Handle)) {
	worst, least := int32(-1), a.Pool.segment
	for i := range a.segments {
		s := &a.segments[i]
		if s.bytes == nil || s.large || int32(i) == a.open-1 {
			continue
		}
		if s.live < least && s.live < s.used {
			worst, least = int32(i), s.live
		}
	}
	if worst < 0 {
		return // all the garbage is in the open segment, which will close
	}
	bytes, used := a.segments[worst].bytes, a.segments[worst].used
	for at := 0; at < used; {
		n := binary.LittleEndian.Uint32(bytes[at:])
		size := int(Size(int(n &^ freed)))
		if n&freed == 0 {
			to, room := a.Alloc(int(n))
			copy(room, bytes[at+headBytes:])
			s := &a.segments[worst]
			s.live -= size
			a.live -= int64(size)
			moved(room, handleOf(worst, at), to)
		}
		at += size
	}
	a.drop(worst)
}
