package shelf

import (
	"sync"
	"sync/atomic"

	"millrace/cache/slab"
)

// Shard is one lock and the keys under it.
type Shard[B, P any] struct {
	Mu sync.RWMutex

	slots map[uint64]*Slot[B, P] // large pages, and what is busy
	rest  atRest                 // all other entries
	queue []change[P]

	queued atomic.Bool
	policy sync.Mutex
	told   []change[P] // memory for the next queue, guarded by policy
	// What readers got, counted by the owner.
	Hits, Misses, Joins, Stores atomic.Uint64
	_                           [48]byte
}

// Slot is the place of one item or page. That of a large page exists while it has an entry or is busy, any other while it is busy,
// and no longer.
type Slot[B, P any] struct {
	Entry *Entry[P]
	Busy  *B // reads and writes under way, if any: the owner's

	next  *Slot[B, P] // of the same 64-bit hash
	space *Space
	key   string
	hash  uint64
	room  *Entry[P] // for its first entry; nil once that is taken
}

// itemSlot is an item's slot in one object with what it has while it is busy.
type itemSlot[B, P any] struct {
	slot  Slot[B, P]
	busy  B
	entry Entry[P]
}

// pageSlot is a page's slot and its first entry in one object.
type pageSlot[B, P any] struct {
	slot  Slot[B, P]
	entry pageRoom[P]
}

// pageRoom is an entry of a page with the owner's part of it.
type pageRoom[P any] struct {
	Entry[P]
	page P
}

// newSlot makes a slot without a key.
func newSlot[B, P any](in *Space, h uint64) *Slot[B, P] {
	if in.pages {
		s := &pageSlot[B, P]{slot: Slot[B, P]{space: in, hash: h}}
		s.slot.room = s.entry.ready()
		return &s.slot
	}
	s := &itemSlot[B, P]{slot: Slot[B, P]{space: in, hash: h}}
	s.slot.room, s.slot.Busy = &s.entry, &s.busy
	return &s.slot
}

// ready makes the entry one of a page.
func (r *pageRoom[P]) ready() *Entry[P] {
	r.Page = &r.page
	return &r.Entry
}

// NewEntry makes an empty entry to be installed in s; that of a page has its Page. The shard is locked.
func (s *Slot[B, P]) NewEntry() *Entry[P] {
	e := s.room
	switch s.room = nil; {
	case e != nil:
		return e
	case s.space.pages:
		return new(pageRoom[P]).ready()
	}
	return new(Entry[P])
}

// Entry is a cached image and what its truth hangs on.
type Entry[P any] struct {
	Image
	ValidAt int64       // the owner's
	Epoch   uint64      // the owner's
	Page    *P          // the owner's part of a page, without pointers; nil for an item
	Weight  int64       // memory of a page that is not the shelf's; it must not change
	blob    slab.Handle // of what rests in the arena: Bytes and Page are then part of it, and move with it
}

// Image is what is cached of an item or page.
type Image struct {
	// Bytes are served as they are. Those of a large page are the shelf's once installed; others are copied.
	Bytes []byte
	// Sum is the identity of the value: equal sums are taken for equal images, so it must be a digest.
	Sum [16]byte
	// Absent marks a negative entry: the item is known not to exist.
	Absent bool
	// Transient forbids storing it; it still counts as an answer given out.
	Transient bool
	// Meta travels along.
	Meta Meta
}

// Meta is what a hit must know beside the bytes.
type Meta struct {
	Size int64  // in DynamoDB's bytes, for capacity
	A, B int64  // the caller's
	CRC  uint32 // of a page's bytes (IEEE); an item has none
}

// Hash is the hash of the slot's key.
func (s *Slot[B, P]) Hash() uint64 { return s.hash }

// Shard returns the shard of hash h.
func (x *Shelf[B, P]) Shard(h uint64) *Shard[B, P] { return &x.shards[h&uint64(len(x.shards)-1)] }

// linked returns the slot of key or nil. The shard is locked, for reading at least.
func (x *Shelf[B, P]) linked(sh *Shard[B, P], h uint64, in *Space, key []byte) *Slot[B, P] {
	for s := sh.slots[h]; s != nil; s = s.next {
		if s.space == in && (s.key == string(key) || x.cfg.ByHash) {
			return s
		}
	}
	return nil
}

// Peek returns the entry of key and what is under way; either may be nil. The entry may be room, made to look at where it rests.
// The shard is locked, for reading at least, and as long as they are used.
func (x *Shelf[B, P]) Peek(sh *Shard[B, P], h uint64, in *Space, key []byte, room *Entry[P]) (*Entry[P], *B) {
	if s := x.linked(sh, h, in, key); s != nil {
		return s.Entry, s.Busy
	}
	if x.view(sh, h, in, key, room) {
		return room, nil
	}
	return nil, nil
}

// Find returns the slot of key, or one made to look at what rests, or nil. What is not busy is only good until another entry of
// the shard is removed. The shard is locked.
func (x *Shelf[B, P]) Find(sh *Shard[B, P], h uint64, in *Space, key []byte) *Slot[B, P] {
	if s := x.linked(sh, h, in, key); s != nil {
		return s
	}
	var e Entry[P]
	if !x.view(sh, h, in, key, &e) {
		return nil
	}
	found := e // so that what is not found takes no memory
	return &Slot[B, P]{space: in, hash: h, Entry: &found}
}

// FindPage is Find for a page of hash h that is known by the owner's part of it.
func (x *Shelf[B, P]) FindPage(sh *Shard[B, P], h uint64, is func(*P) bool) *Slot[B, P] {
	for s := sh.slots[h]; s != nil; s = s.next {
		if s.Entry != nil && s.Entry.Page != nil && is(s.Entry.Page) {
			return s
		}
	}
	r := &sh.rest
	for b, at := r.index.Find(h); b != 0; b, at = r.index.Next(h, at) {
		if p := pageOf[P](r.arena.At(b)); p != nil && is(p) {
			return x.resting(sh, b)
		}
	}
	return nil
}

// Demand returns the slot of key, made if need be and busy either way. The shard is locked; call Tidy when done.
func (x *Shelf[B, P]) Demand(sh *Shard[B, P], h uint64, in *Space, key []byte) *Slot[B, P] {
	s := x.linked(sh, h, in, key)
	if s == nil {
		if s = x.Find(sh, h, in, key); s == nil {
			s = newSlot[B, P](in, h)
		}
		s.key, s.next = string(key), sh.slots[h]
		sh.slots[h] = s
	}
	if s.Busy == nil {
		s.Busy = new(B)
	}
	return s
}

// Tidy drops s if it holds nothing any more: what rests needs none. The shard is locked.
func (sh *Shard[B, P]) Tidy(s *Slot[B, P]) {
	if s.Busy != nil || s.Entry.standing() {
		return
	}
	head := sh.slots[s.hash]
	if head == s {
		if s.next == nil {
			delete(sh.slots, s.hash)
		} else {
			sh.slots[s.hash] = s.next
		}
		return
	}
	for o := head; o != nil; o = o.next {
		if o.next == s {
			o.next = s.next
			return
		}
	}
}
