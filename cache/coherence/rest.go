package coherence

import (
	"encoding/binary"

	"millrace/cache/slab"
)

// An item's entry lies in its shard's arena as one blob, where the garbage collector does not look, and is found by its
// hash. A slot stands for the key only while reads or writes of it are under way; slot.entry is then a view of the blob.
//
//	table u32 | key length and flags u32 | validAt 8 | epoch 8 | sum 16 | Meta.Size 8 | Meta.A, B 16 if any | key | bytes
const (
	blobHead   = 48
	blobMeta   = 16 // of Meta.A and B
	flagAbsent = 1
	flagMeta   = 2
	flagBits   = 2
)

// indexShare is what a blob's place in the index takes, between 11 and 21 bytes.
const indexShare = 16

// atRest is the blobs of one shard, guarded by its lock.
type atRest struct {
	arena slab.Arena
	index slab.Index
}

// blobSize is the size of the blob of an item with a key of n bytes.
func blobSize(n int, img *Image) int {
	n += blobHead + len(img.Bytes)
	if img.Meta.A != 0 || img.Meta.B != 0 {
		n += blobMeta
	}
	return n
}

// write fills b, of blobSize, with an entry.
func write(b []byte, t *Table, key string, e *entry) {
	le, m := binary.LittleEndian, &e.img.Meta
	flags := uint32(len(key)) << flagBits
	if e.img.Absent {
		flags |= flagAbsent
	}
	le.PutUint32(b, t.id)
	le.PutUint64(b[8:], uint64(e.validAt))
	le.PutUint64(b[16:], e.epoch)
	copy(b[24:], e.img.Sum[:])
	le.PutUint64(b[40:], uint64(m.Size))
	at := blobHead
	if m.A != 0 || m.B != 0 {
		flags |= flagMeta
		le.PutUint64(b[at:], uint64(m.A))
		le.PutUint64(b[at+8:], uint64(m.B))
		at += blobMeta
	}
	le.PutUint32(b[4:], flags)
	at += copy(b[at:], key)
	copy(b[at:], e.img.Bytes)
}

// keyAt returns the table and the key of blob b and where its bytes begin.
func keyAt(b []byte) (table uint32, key []byte, end int) {
	flags := binary.LittleEndian.Uint32(b[4:])
	at := blobHead
	if flags&flagMeta != 0 {
		at += blobMeta
	}
	end = at + int(flags>>flagBits)
	return binary.LittleEndian.Uint32(b), b[at:end], end
}

// read makes e a view of blob b, good as long as that stays where it is.
func read(b []byte, h slab.Handle, e *entry) {
	le := binary.LittleEndian
	flags := le.Uint32(b[4:])
	_, _, end := keyAt(b)
	*e = entry{blob: h, validAt: Time(le.Uint64(b[8:])), epoch: le.Uint64(b[16:])}
	e.img.Bytes = b[end:]
	copy(e.img.Sum[:], b[24:])
	e.img.Absent = flags&flagAbsent != 0
	e.img.Meta.Size = int64(le.Uint64(b[40:]))
	if flags&flagMeta != 0 {
		e.img.Meta.A, e.img.Meta.B = int64(le.Uint64(b[blobHead:])), int64(le.Uint64(b[blobHead+8:]))
	}
}

// view makes e a view of the blob of an item, if there is one. The shard is locked, for reading at least.
func (c *Core) view(sh *shard, h uint64, t *Table, key []byte, e *entry) bool {
	r := &sh.rest
	for b, at := r.index.Find(h); b != 0; b, at = r.index.Next(h, at) {
		blob := r.arena.At(b)
		// R51: a hash is not an identity. The whole key decides, or another item is served.
		if table, k, _ := keyAt(blob); table == t.id && (string(k) == string(key) || !c.rules.R51 && c.hash(t.itemSalt, k) == h) {
			read(blob, b, e)
			return true
		}
	}
	return false
}

// rested is a slot made to look at the item's entry, or nil. The shard is locked.
func (c *Core) rested(sh *shard, h uint64, t *Table, key []byte) *slot {
	if e := (entry{}); c.view(sh, h, t, key, &e) {
		return &slot{table: t, hash: h, entry: &e}
	}
	return nil
}

// blobOf returns the first blob of hash h; 0 is none. The shard is locked.
func (c *Core) blobOf(sh *shard, h uint64) slab.Handle {
	b, at := sh.rest.index.Find(h)
	for b != 0 && c.blobHash(sh.rest.arena.At(b)) != h {
		b, at = sh.rest.index.Next(h, at)
	}
	return b
}

// resting is a slot made to look at the entry of a blob, good until another entry of the shard is removed. The shard is
// locked.
func (c *Core) resting(sh *shard, b slab.Handle) *slot {
	blob, e := sh.rest.arena.At(b), &entry{}
	read(blob, b, e)
	table, key, _ := keyAt(blob)
	t := (*c.byID.Load())[table]
	return &slot{table: t, key: string(key), hash: c.hash(t.itemSalt, key), entry: e}
}

// restCost is what the blobs of hash h cost together. The shard is locked.
func (c *Core) restCost(sh *shard, h uint64) (cost int64) {
	r := &sh.rest
	for b, at := r.index.Find(h); b != 0; b, at = r.index.Next(h, at) {
		if blob := r.arena.At(b); c.blobHash(blob) == h {
			cost += c.blobCost(len(blob))
		}
	}
	return cost
}

// blobCost is the memory that a blob of n bytes takes.
func (c *Core) blobCost(n int) int64 { return c.pool.Share(n) + indexShare }

// blobHash is the hash of the item of blob b.
func (c *Core) blobHash(b []byte) uint64 {
	table, key, _ := keyAt(b)
	return c.hash((*c.byID.Load())[table].itemSalt, key)
}

// lay puts the entry e of s, which holds bytes of the caller, into the arena, in place of the one of blob old, if any. The
// shard is locked.
func (c *Core) lay(sh *shard, s *slot, e *entry, old slab.Handle) {
	r, before := &sh.rest, sh.rest.index.Bytes()
	blob, room := r.arena.Alloc(blobSize(len(s.key), &e.img))
	write(room, s.table, s.key, e)
	read(room, blob, e)
	if old == 0 {
		r.index.Add(s.hash, blob)
		c.indexed.Add(r.index.Bytes() - before)
		return
	}
	r.index.Replace(s.hash, old, blob)
	c.free(sh, old)
}

// lift takes the blob of hash h out of the arena. The shard is locked.
func (c *Core) lift(sh *shard, h uint64, blob slab.Handle) {
	sh.rest.index.Delete(h, blob)
	c.free(sh, blob)
}

// compact gives back memory of the index. The shard is locked, and nobody walks over the index.
func (c *Core) compact(sh *shard) {
	before := sh.rest.index.Bytes()
	sh.rest.index.Shrink()
	c.indexed.Add(sh.rest.index.Bytes() - before)
}

// free ends a blob that is in the index no more. Others may move for it: then the index and the views of slots follow.
func (c *Core) free(sh *shard, blob slab.Handle) {
	sh.rest.arena.Free(blob, func(b []byte, from, to slab.Handle) {
		h := c.blobHash(b)
		sh.rest.index.Replace(h, from, to)
		for s := sh.slots[h]; s != nil; s = s.next {
			if s.entry != nil && s.entry.blob == from {
				read(b, to, s.entry)
			}
		}
	})
}

// Held is the memory of all that is cached as it is held: what is mapped, garbage included, the indexes, and pages.
func (c *Core) Held() int64 { return c.pool.Held() + c.indexed.Load() + c.held[1].bytes.Load() }

// Mapped is the part of Held that is outside the garbage collector's heap.
func (c *Core) Mapped() int64 { return c.pool.Mapped() }

// Reserve is what may be held beyond Bytes however little is cached.
func (c *Core) Reserve() int64 { return c.pool.Reserve(len(c.shards)) }
