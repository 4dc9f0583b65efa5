package slab

import (
	"math/bits"
	"os"
)

// granule is what large blobs are measured in, in bytes: so that they share pages at their ends, and that little is lost where blobs
// are large only beside a small cache.
const granule = 64

// extents are the large blobs of a pool: runs of granules, each in one span of mapped memory, none ever moved. Pages on which nothing
// is alive are given back to the system, so that gaps cost addresses and no memory. The pool's lock guards it.
type extents struct {
	spans []*span
	page  int   // granules to a page
	held  int64 // bytes of pages on which something is alive
	// holes are free runs, by the bits of their length, the last found first: those that were free when they were put here, and not
	// all that are. Large blobs are about as large as those that went before them, so that one of the last fits mostly.
	holes [32][]extent
}

// mostHoles bounds each of holes, and holesTried how many of one length's bits are looked at for a blob.
const mostHoles, holesTried = 1 << 12, 8

// span is a mapped piece.
type span struct {
	bytes []byte
	taken []uint64 // a bit for each granule
	alive []uint16 // granules taken of each page
	// longest bounds the free runs from above: it is what a search that failed has found, or what has become free since.
	longest int
}

// extent is where a large blob lies.
type extent struct{ span, at, n int32 }

// newExtents makes none.
func newExtents() extents { return extents{page: max(1, os.Getpagesize()/granule)} }

// newSpan maps a span of at least n granules.
func (x *extents) newSpan(n int) *span {
	n = (n + 63) / 64 * 64
	return &span{
		bytes: mapped(n * granule), taken: make([]uint64, n/64), alive: make([]uint16, (n+x.page-1)/x.page),
		longest: n,
	}
}

// alloc takes size bytes, from a span of usual granules where there is room in none.
func (x *extents) alloc(size, usual int) (extent, []byte) {
	n := (size + granule - 1) / granule
	if e := x.hole(n); e.n > 0 {
		return x.take(int(e.span), int(e.at), n, size)
	}
	for i, s := range x.spans {
		if s.longest < n {
			continue
		}
		if at := s.find(n); at >= 0 {
			return x.take(i, at, n, size)
		}
	}
	s := x.newSpan(max(n, usual))
	x.spans = append(x.spans, s)
	x.leave(extent{int32(len(x.spans) - 1), int32(n), int32(len(s.taken)*64 - n)})
	return x.take(len(x.spans)-1, 0, n, size)
}

// leave puts a free run among the holes.
func (x *extents) leave(e extent) {
	if at := &x.holes[bits.Len32(uint32(e.n))]; e.n > 0 && len(*at) < mostHoles {
		*at = append(*at, e)
	}
}

// hole takes one of the holes of n granules or more out of them, and leaves the rest of it. It is empty if none of those looked at is.
func (x *extents) hole(n int) extent {
	for class := bits.Len32(uint32(n)); class < len(x.holes); class++ {
		holes := x.holes[class]
		for i := len(holes) - 1; i >= max(0, len(holes)-holesTried); i-- {
			e := holes[i]
			if int(e.n) < n {
				continue
			}
			holes[i] = holes[len(holes)-1]
			holes = holes[:len(holes)-1]
			x.holes[class] = holes
			if !x.spans[e.span].vacant(int(e.at), int(e.n)) {
				continue // part of it was taken, as part of another
			}
			x.leave(extent{e.span, e.at + int32(n), e.n - int32(n)})
			return e
		}
	}
	return extent{}
}

// vacant reports whether the n granules from at on are free.
func (s *span) vacant(at, n int) bool {
	for n > 0 {
		part := min(n, 64-at%64)
		if s.taken[at/64]>>(at%64)&(1<<part-1) != 0 {
			return false
		}
		at, n = at+part, n-part
	}
	return true
}

// around is the free run that holds the n free granules from at on.
func (s *span) around(at, n int) (from, to int) {
	from, to = at, at+n
	for from > 0 {
		// The word's bits below from, at its top.
		free := bits.LeadingZeros64(s.taken[(from-1)/64] << (63 - (from-1)%64))
		if free = min(free, (from-1)%64+1); free == 0 {
			break
		}
		from -= free
	}
	for to < len(s.taken)*64 {
		free := min(bits.TrailingZeros64(s.taken[to/64]>>(to%64)), 64-to%64)
		if free == 0 {
			break
		}
		to += free
	}
	return from, to
}

// find is where n free granules stand in a row; -1 is nowhere.
func (s *span) find(n int) int {
	longest := 0
	for at := 0; at < len(s.taken)*64; {
		word := s.taken[at/64] >> (at % 64)
		if word&1 == 1 {
			at += min(bits.TrailingZeros64(^word), 64-at%64)
			continue
		}
		run := 0
		for at+run < len(s.taken)*64 && run < n {
			free := min(bits.TrailingZeros64(s.taken[(at+run)/64]>>((at+run)%64)), 64-(at+run)%64)
			if free == 0 {
				break
			}
			run += free
		}
		if run >= n {
			return at
		}
		longest = max(longest, run)
		at += run
	}
	s.longest = longest
	return -1
}

// take marks n granules taken.
func (x *extents) take(i, at, n, size int) (extent, []byte) {
	s := x.spans[i]
	s.mark(at, n)
	for page := at / x.page; page <= (at+n-1)/x.page; page++ {
		if s.alive[page] == 0 {
			x.held += int64(x.page * granule)
		}
		s.alive[page] += uint16(x.part(page, at, n))
	}
	from := at * granule
	return extent{int32(i), int32(at), int32(n)}, s.bytes[from : from+size : from+size]
}

// free ends an extent.
func (x *extents) free(e extent) {
	s, at, n := x.spans[e.span], int(e.at), int(e.n)
	s.mark(at, n)
	from, to := s.around(at, n)
	s.longest = max(s.longest, to-from)
	x.leave(extent{e.span, int32(from), int32(to - from)})
	empty, first := 0, 0 // a run of pages on which nothing is alive any more
	for page := at / x.page; page <= (at+n-1)/x.page; page++ {
		if s.alive[page] -= uint16(x.part(page, at, n)); s.alive[page] == 0 {
			x.held -= int64(x.page * granule)
			if empty == 0 {
				first = page
			}
			empty++
		}
	}
	if empty > 0 {
		size := x.page * granule
		release(s.bytes[first*size : min((first+empty)*size, len(s.bytes))])
	}
}

// part is how many of the n granules from at on are of a page.
func (x *extents) part(page, at, n int) int {
	return min(at+n, (page+1)*x.page) - max(at, page*x.page)
}

// mark turns n granules from taken to free, or back.
func (s *span) mark(at, n int) {
	for n > 0 {
		part := min(n, 64-at%64)
		s.taken[at/64] ^= (1<<part - 1) << (at % 64)
		at, n = at+part, n-part
	}
}
