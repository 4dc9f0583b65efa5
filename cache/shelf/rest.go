package shelf

import (
	"encoding/binary"
	"unsafe"

	"millrace/cache/slab"
)

// An entry lies in its shard's arena as one blob, where the garbage collector does not look, and is found by its hash. A slot
// stands for the key only while something of it is under way; Slot.Entry is then a view of the blob.
//
//	space u32 | key length and flags u32 | ValidAt 8 | Epoch 8 | Sum 16 | Meta.Size 8 | Meta.A, B 16 if any |
//	of a page: Weight 8, Meta.CRC 8, the owner's part | key | bytes
const (
	blobHead   = 48
	blobMeta   = 16 // of Meta.A and B
	blobPage   = 16 // of Weight and Meta.CRC
	flagAbsent = 1
	flagMeta   = 2
	flagPage   = 4
	flagBits   = 3
)

// restingPage is the most bytes that a page may have to rest in an arena. They are copied when it is served, under the shard's lock.
// Larger ones stand on the collector's heap, where they can be lent: so few fit into a budget that the collector, whose price is by
// the object, finds them in a few milliseconds.
const restingPage = 32 << 10

// standing reports whether the entry, which may be nil, is one of a large page.
func (e *Entry[P]) standing() bool { return e != nil && e.blob == 0 }

// Lasts reports whether the entry's bytes stay as they are for as long as anybody has them, the shard unlocked.
func (e *Entry[P]) Lasts() bool { return e.blob == 0 }

// indexShare is what a blob's place in the index takes, between 11 and 21 bytes.
const indexShare = 16

// atRest is the blobs of one shard, guarded by its lock.
type atRest struct {
	arena slab.Arena
	index slab.Index
}

// pageBytes is the part of a page's blob that is neither key nor bytes.
func pageBytes[P any]() int {
	var page P
	return blobPage + (int(unsafe.Sizeof(page))+7)&^7
}

// blobSize is the size of the blob of e with a key of n bytes.
func blobSize[P any](n int, e *Entry[P]) int {
	n += blobHead + len(e.Bytes)
	if e.Meta.A != 0 || e.Meta.B != 0 {
		n += blobMeta
	}
	if e.Page != nil {
		n += pageBytes[P]()
	}
	return n
}

// write fills b, of blobSize, with an entry.
func write[P any](b []byte, space uint32, key string, e *Entry[P]) {
	le, m := binary.LittleEndian, &e.Meta
	flags := uint32(len(key)) << flagBits
	if e.Absent {
		flags |= flagAbsent
	}
	le.PutUint32(b, space)
	le.PutUint64(b[8:], uint64(e.ValidAt))
	le.PutUint64(b[16:], e.Epoch)
	copy(b[24:], e.Sum[:])
	le.PutUint64(b[40:], uint64(m.Size))
	at := blobHead
	if m.A != 0 || m.B != 0 {
		flags |= flagMeta
		le.PutUint64(b[at:], uint64(m.A))
		le.PutUint64(b[at+8:], uint64(m.B))
		at += blobMeta
	}
	if e.Page != nil {
		flags |= flagPage
		le.PutUint64(b[at:], uint64(e.Weight))
		le.PutUint64(b[at+8:], uint64(m.CRC))
		*(*P)(unsafe.Pointer(&b[at+blobPage])) = *e.Page
		at += pageBytes[P]()
	}
	le.PutUint32(b[4:], flags)
	at += copy(b[at:], key)
	copy(b[at:], e.Bytes)
}

// pageAt is where blob b has what only pages have; 0 is nowhere.
func pageAt(b []byte) int {
	switch flags := binary.LittleEndian.Uint32(b[4:]); {
	case flags&flagPage == 0:
		return 0
	case flags&flagMeta != 0:
		return blobHead + blobMeta
	}
	return blobHead
}

// pageOf is the owner's part of the page of blob b; nil for an item. Blobs and all before it are of whole words, so it is aligned.
func pageOf[P any](b []byte) *P {
	at := pageAt(b)
	if at == 0 {
		return nil
	}
	return (*P)(unsafe.Pointer(&b[at+blobPage]))
}

// weightOf is the Weight of blob b.
func weightOf(b []byte) int64 {
	at := pageAt(b)
	if at == 0 {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(b[at:]))
}

// keyAt returns the space and the key of blob b and where its bytes begin.
func keyAt[P any](b []byte) (space uint32, key []byte, end int) {
	flags := binary.LittleEndian.Uint32(b[4:])
	at := blobHead
	if flags&flagMeta != 0 {
		at += blobMeta
	}
	if flags&flagPage != 0 {
		at += pageBytes[P]()
	}
	end = at + int(flags>>flagBits)
	return binary.LittleEndian.Uint32(b), b[at:end], end
}

// read makes e a view of blob b, good as long as that stays where it is.
func read[P any](b []byte, h slab.Handle, e *Entry[P]) {
	le := binary.LittleEndian
	flags := le.Uint32(b[4:])
	_, _, end := keyAt[P](b)
	*e = Entry[P]{blob: h, ValidAt: int64(le.Uint64(b[8:])), Epoch: le.Uint64(b[16:])}
	e.Bytes = b[end:]
	copy(e.Sum[:], b[24:])
	e.Absent = flags&flagAbsent != 0
	e.Meta.Size = int64(le.Uint64(b[40:]))
	if flags&flagMeta != 0 {
		e.Meta.A, e.Meta.B = int64(le.Uint64(b[blobHead:])), int64(le.Uint64(b[blobHead+8:]))
	}
	if at := pageAt(b); at != 0 {
		e.Weight, e.Meta.CRC, e.Page = int64(le.Uint64(b[at:])), le.Uint32(b[at+8:]), pageOf[P](b)
	}
}

// view makes e a view of the blob of a key, if there is one. The shard is locked, for reading at least.
func (x *Shelf[B, P]) view(sh *Shard[B, P], h uint64, in *Space, key []byte, e *Entry[P]) bool {
	r := &sh.rest
	for b, at := r.index.Find(h); b != 0; b, at = r.index.Next(h, at) {
		blob := r.arena.At(b)
		// A hash is not an identity. The whole key decides, or another item is served.
		if space, k, _ := keyAt[P](blob); space == in.id && (string(k) == string(key) || x.cfg.ByHash && x.Hash(in, k) == h) {
			read(blob, b, e)
			return true
		}
	}
	return false
}

// blobOf returns the first blob of hash h; 0 is none. The shard is locked.
func (x *Shelf[B, P]) blobOf(sh *Shard[B, P], h uint64) slab.Handle {
	b, at := sh.rest.index.Find(h)
	for b != 0 && x.blobHash(sh.rest.arena.At(b)) != h {
		b, at = sh.rest.index.Next(h, at)
	}
	return b
}

// resting is a slot made to look at the entry of a blob, good until another entry of the shard is removed. The shard is
// locked.
func (x *Shelf[B, P]) resting(sh *Shard[B, P], b slab.Handle) *Slot[B, P] {
	blob, e := sh.rest.arena.At(b), &Entry[P]{}
	read(blob, b, e)
	id, key, _ := keyAt[P](blob)
	space := (*x.spaces.Load())[id]
	return &Slot[B, P]{space: space, key: string(key), hash: x.Hash(space, key), Entry: e}
}

// restCost is what the blobs of hash h cost together. The shard is locked.
func (x *Shelf[B, P]) restCost(sh *Shard[B, P], h uint64) (cost int64) {
	r := &sh.rest
	for b, at := r.index.Find(h); b != 0; b, at = r.index.Next(h, at) {
		if blob := r.arena.At(b); x.blobHash(blob) == h {
			cost += x.blobCost(blob)
		}
	}
	return cost
}

// blobCost is the memory that blob b takes, with what its owner has for it elsewhere.
func (x *Shelf[B, P]) blobCost(b []byte) int64 {
	return x.pool.Share(len(b)) + indexShare + weightOf(b)
}

// blobHash is the hash of the key of blob b.
func (x *Shelf[B, P]) blobHash(b []byte) uint64 {
	space, key, _ := keyAt[P](b)
	return x.Hash((*x.spaces.Load())[space], key)
}

// lay puts the entry e of s, which holds bytes of the caller, into the arena, in place of the one of blob old, if any. The
// shard is locked.
func (x *Shelf[B, P]) lay(sh *Shard[B, P], s *Slot[B, P], e *Entry[P], old slab.Handle) {
	r, before := &sh.rest, sh.rest.index.Bytes()
	blob, room := r.arena.Alloc(blobSize(len(s.key), e))
	write(room, s.space.id, s.key, e)
	read(room, blob, e)
	if old == 0 {
		r.index.Add(s.hash, blob)
		x.indexed.Add(r.index.Bytes() - before)
		return
	}
	r.index.Replace(s.hash, old, blob)
	x.free(sh, old)
}

// lift takes the blob of hash h out of the arena. The shard is locked.
func (x *Shelf[B, P]) lift(sh *Shard[B, P], h uint64, blob slab.Handle) {
	sh.rest.index.Delete(h, blob)
	x.free(sh, blob)
}

// compact gives back memory of the index. The shard is locked, and nobody walks over the index.
func (x *Shelf[B, P]) compact(sh *Shard[B, P]) {
	before := sh.rest.index.Bytes()
	sh.rest.index.Shrink()
	x.indexed.Add(sh.rest.index.Bytes() - before)
}

// free ends a blob that is in the index no more. Others may move for it: then the index and the views of slots follow.
func (x *Shelf[B, P]) free(sh *Shard[B, P], blob slab.Handle) {
	sh.rest.arena.Free(blob, func(b []byte, from, to slab.Handle) {
		h := x.blobHash(b)
		sh.rest.index.Replace(h, from, to)
		for s := sh.slots[h]; s != nil; s = s.next {
			if s.Entry != nil && s.Entry.blob == from {
				read(b, to, s.Entry)
			}
		}
	})
}
