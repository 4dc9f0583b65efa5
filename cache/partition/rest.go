package partition

import (
	"encoding/binary"

	"millrace/cache/slab"
)

// Nearly all partitions hold one page or a few, and nothing is under way on them. Such a partition rests as one blob outside the
// collector's heap:
//
//	hash 8 | index u32 | pages u16 | length of the partition u16 | partition | each page's hash 8, id 8, and bounds
//
// A bound is its length and one, as u16, and its bytes; 0 is open.
const (
	packedHead = 16
	packedPage = 16 + 2*2
	// mostPacked is how many pages a partition may have to rest, and mostPackedBytes how long its blob may be, and so all in it:
	// taking one apart and together again is work for whoever reads or writes it.
	mostPacked      = 8
	mostPackedBytes = 4 << 10
)

// size is how long the blob of n is; false is that it must stand.
func (n *Node[F]) size() (size int, ok bool) {
	size = packedHead + len(n.partition) + n.pages*packedPage + n.bounds
	return size, n.quiet() && n.pages <= mostPacked && size <= mostPackedBytes
}

// pack writes n to b, of its size.
func (n *Node[F]) pack(b []byte) {
	le := binary.LittleEndian
	le.PutUint64(b, n.hash)
	le.PutUint32(b[8:], n.of)
	le.PutUint16(b[12:], uint16(n.pages))
	le.PutUint16(b[14:], uint16(len(n.partition)))
	at := packedHead + copy(b[packedHead:], n.partition)
	n.tree.Each(func(r *Reach[F]) {
		le.PutUint64(b[at:], r.Value.Hash)
		le.PutUint64(b[at+8:], r.Value.ID)
		at = putBound(b, putBound(b, at+16, r.Lo), r.Hi)
	})
}

// putBound writes a bound at b[at:] and returns where it ends.
func putBound(b []byte, at int, bound []byte) int {
	if bound == nil {
		binary.LittleEndian.PutUint16(b[at:], 0)
		return at + 2
	}
	binary.LittleEndian.PutUint16(b[at:], uint16(len(bound)+1))
	return at + 2 + copy(b[at+2:], bound)
}

// boundAt returns a copy of the bound at b[at:] and where it ends.
func boundAt(b []byte, at int) ([]byte, int) {
	n := int(binary.LittleEndian.Uint16(b[at:]))
	at += 2
	if n == 0 {
		return nil, at
	}
	return append(make([]byte, 0, n-1), b[at:at+n-1]...), at + n - 1
}

// packed is what a blob says, and where it says it of its pages.
type packed struct {
	hash      uint64
	index     uint32
	partition []byte
	pages, at int
}

// open reads blob b.
func open(b []byte) packed {
	le := binary.LittleEndian
	at := packedHead + int(le.Uint16(b[14:]))
	return packed{hash: le.Uint64(b), index: le.Uint32(b[8:]), partition: b[packedHead:at], pages: int(le.Uint16(b[12:])), at: at}
}

// holds reports whether the partition of blob b has the page with an id.
func holds(b []byte, id uint64) bool {
	le, p := binary.LittleEndian, open(b)
	for range p.pages {
		if le.Uint64(b[p.at+8:]) == id {
			return true
		}
		p.at += 16
		for range 2 {
			p.at += 2 + max(0, int(le.Uint16(b[p.at:]))-1)
		}
	}
	return false
}

// resting returns the blob of hash h that is wanted; 0 is none.
func (sh *Shard[F]) resting(h uint64, wanted func(b []byte) bool) slab.Handle {
	blob, at := sh.index.Find(h)
	for blob != 0 && !wanted(sh.arena.At(blob)) {
		blob, at = sh.index.Next(h, at)
	}
	return blob
}

// stand makes a node of a blob, which ends. Others may move for it.
func (sh *Shard[F]) stand(blob slab.Handle) *Node[F] {
	b := sh.arena.At(blob)
	le, p := binary.LittleEndian, open(b)
	n := sh.link(&Node[F]{of: p.index, partition: string(p.partition), hash: p.hash})
	at := p.at
	for range p.pages {
		r := &Reach[F]{Value: Tenant[F]{Hash: le.Uint64(b[at:]), ID: le.Uint64(b[at+8:])}}
		r.Lo, at = boundAt(b, at+16)
		r.Hi, at = boundAt(b, at)
		n.add(r, &sh.dice)
	}
	sh.index.Delete(n.hash, blob)
	sh.arena.Free(blob, func(b []byte, from, to slab.Handle) { sh.index.Replace(open(b).hash, from, to) })
	if before := sh.index.Bytes(); sh.index.Shrink() {
		sh.beside.Add(sh.index.Bytes() - before)
	}
	return n
}
