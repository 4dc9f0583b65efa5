// Package slab is memory for cached bytes that the garbage collector neither scans nor counts. An Arena appends blobs to
// segments and, when too much of them is garbage, moves what is alive together; a Pool lends the segments; an Index finds
// blobs by hash.
//
// It promises that a blob stays where its handle says until it is freed or told to have moved, that what is held beyond
// what is alive is bounded, and that both are counted exactly. It knows nothing of what the bytes mean.
package slab

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	// chunkBytes is how much is mapped at a time, at most. Segments are carved out of it: a mapping each would meet the
	// kernel's limit on their number (vm.max_map_count, 65530) at a few gigabytes.
	chunkBytes = 8 << 20
	// warmShare is the part of the memory, in returned segments, that is kept for the next use; warmSegments bounds it.
	warmShare, warmSegments = 64, 16
	// minSegment and maxSegment bound a segment: larger ones leave more unused at the end of each arena and take longer
	// to clean under the owner's lock, smaller ones waste more at their own end.
	minSegment, maxSegment = 1 << 10, 256 << 10
	// segmentsPerArena is how many segments an arena has when all memory is in use: half-used ones are then a small part.
	segmentsPerArena = 64
	// largeShare is the part of a segment that a blob may take; a larger one gets memory of its own. So no more than
	// this part of a segment stays unused at its end.
	largeShare = 8
)

// Pool lends segments to arenas. It is safe for concurrent use. What it has mapped is unmapped when nothing refers to it
// any more; bytes of a blob must not be used without their arena.
type Pool struct {
	segment int
	chunk   int
	warmest int
	whole   bool // segments are whole pages, and can be given back: else their neighbours' memory would go too

	segments atomic.Int64 // bytes of them lent, and warm
	large    atomic.Int64 // bytes of pages of blobs too large for a segment
	tables   atomic.Int64 // bytes of the arenas' tables of segments, on the heap

	mu     sync.Mutex
	chunks *chunks
	apart  extents
	warm   [][]byte // returned, memory kept
	cold   [][]byte // never used, or given back to the system
}

// chunks are what a pool has mapped.
type chunks struct{ mapped [][]byte }

// NewPool makes a pool for about memory bytes in all, spread over so many arenas.
func NewPool(memory int64, arenas int) *Pool {
	share := memory / int64(max(arenas, 1)) / segmentsPerArena
	segment := minSegment
	for int64(segment) < share && segment < maxSegment {
		segment *= 2
	}
	p := &Pool{segment: segment, chunks: &chunks{}, apart: newExtents()}
	p.chunk = max(segment, int(min(chunkBytes, memory/8))/segment*segment)
	p.warmest = int(min(warmSegments, memory/warmShare/int64(segment)))
	p.whole = segment%os.Getpagesize() == 0
	runtime.AddCleanup(p, func(c *chunks) {
		for _, b := range c.mapped {
			unmap(b)
		}
	}, p.chunks)
	return p
}

// Held is the memory of segments lent and kept ready, of large blobs, and of the tables of both, in bytes.
func (p *Pool) Held() int64 { return p.Mapped() + p.tables.Load() }

// Mapped is the part of Held that is outside the garbage collector's heap: all of it but the tables.
func (p *Pool) Mapped() int64 { return p.segments.Load() + p.large.Load() }

// Reserve is what so many arenas may hold beside the shares of their blobs: segments half used.
func (p *Pool) Reserve(arenas int) int64 {
	return int64(arenas)*2*int64(p.segment) + int64(p.warmest*p.segment)
}

// Share is the memory that a blob of n bytes takes, with its part of its segment's place in the table and of what stays unused at the
// end of segments of such blobs, and of the garbage that is not worth cleaning yet.
func (p *Pool) Share(n int) int64 {
	size := Size(n)
	if size > int64(p.segment/largeShare) {
		return (size+granule-1)/granule*granule + segmentShare
	}
	each := (int64(p.segment) + segmentShare) / (int64(p.segment) / size)
	return each + each/(slackShare-1) + 1
}

// getLarge gives size bytes that are nobody else's. They are anything.
func (p *Pool) getLarge(size int) (extent, []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := len(p.apart.spans)
	e, b := p.apart.alloc(size, p.chunk/granule)
	for _, s := range p.apart.spans[known:] {
		p.chunks.mapped = append(p.chunks.mapped, s.bytes)
	}
	p.large.Store(p.apart.held)
	return e, b
}

// putLarge takes them back.
func (p *Pool) putLarge(e extent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.apart.free(e)
	p.large.Store(p.apart.held)
}

// get lends a segment. Its bytes are anything.
func (p *Pool) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.warm); n > 0 {
		s := p.warm[n-1]
		p.warm = p.warm[:n-1]
		return s
	}
	if len(p.cold) == 0 {
		c := mapped(p.chunk)
		p.chunks.mapped = append(p.chunks.mapped, c)
		for at := len(c) - p.segment; at >= 0; at -= p.segment {
			p.cold = append(p.cold, c[at:at+p.segment:at+p.segment])
		}
	}
	n := len(p.cold)
	s := p.cold[n-1]
	p.cold = p.cold[:n-1]
	p.segments.Add(int64(p.segment))
	return s
}

// put takes a segment back.
func (p *Pool) put(s []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.warm) < p.warmest || !p.whole {
		p.warm = append(p.warm, s)
		return
	}
	release(s)
	p.cold = append(p.cold, s)
	p.segments.Add(-int64(p.segment))
}
