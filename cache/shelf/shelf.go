// Package shelf keeps what is cached where it is found: entries by full key, under one lock to a shard, as blobs outside the
// garbage collector's heap but for large pages. It counts the memory that they hold and tells an eviction policy, which
// stands beside it, what has come and gone.
//
// It promises that an entry which was installed is found under its own key and no other until it is removed, that its
// memory is counted for exactly as long, and that the policy hears of it in order. What may be served, and what must go,
// is its owner's affair (package coherence).
package shelf

import (
	"hash/maphash"
	"math/bits"
	"reflect"
	"sync"
	"sync/atomic"

	"millrace/cache/slab"
)

// Config fixes a shelf for its life.
type Config struct {
	// Memory is about how much will be held, in bytes; it sizes what memory is taken in.
	Memory int64
	// Shards is the number of locks, rounded up to a power of two.
	Shards int
	// FixedHash, if not 0, is the number of bits of a hash that is the same in every process, so that a simulation
	// repeats and hashes collide. 0 is the hash for production: 64 bits, seeded per process.
	FixedHash uint
	// ByHash takes a hash for an identity: another key's entry is found. It is there to be noticed by tests (R51).
	ByHash bool
	// Observer hears of installs, removals and hits; nil for none.
	Observer Observer
}

// Shelf is the entries. B is what its owner keeps of a key while something is under way, P what it keeps of a page.
//
// Exported fields and methods are guarded by the lock of the shard concerned where they say so.
type Shelf[B, P any] struct {
	cfg    Config
	gone   func(P)
	seed   maphash.Seed
	shards []Shard[B, P]
	pool   *slab.Pool // of the shards' arenas
	held   [2]holding // items, pages
	left   [numReasons]departure
	shed   atomic.Uint64

	indexed  atomic.Int64 // memory of the shards' indexes
	standing atomic.Int64 // memory of large pages

	mu     sync.Mutex
	spaces atomic.Pointer[[]*Space] // by id; a longer one each time
}

// New makes an empty shelf. P must hold no pointer. gone hears of every page that has left it, with no lock held; it may come late, but the
// shard's next Drain has waited for it or is followed by it.
func New[B, P any](cfg Config, gone func(P)) *Shelf[B, P] {
	if holdsPointers(reflect.TypeFor[P]()) {
		panic("shelf: a page's part with pointers, of which the collector would not know")
	}
	n := CeilPow2(cfg.Shards)
	x := &Shelf[B, P]{
		cfg: cfg, gone: gone, seed: maphash.MakeSeed(), shards: make([]Shard[B, P], n), pool: slab.NewPool(cfg.Memory, n),
	}
	x.spaces.Store(&[]*Space{})
	for i := range x.shards {
		x.shards[i].rest.arena.Pool = x.pool
		x.shards[i].slots = map[uint64]*Slot[B, P]{}
	}
	return x
}

// holdsPointers reports whether a value of t may.
func holdsPointers(t reflect.Type) bool {
	switch k := t.Kind(); {
	case k == reflect.Array:
		return holdsPointers(t.Elem())
	case k == reflect.Struct:
		for i := range t.NumField() {
			if holdsPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	default:
		return k > reflect.Complex128
	}
}

// CeilPow2 returns the least power of two not below n.
func CeilPow2(n int) int { return 1 << bits.Len(uint(n-1)) }

// Space is a kind of keys: a table's items, or its pages. Equal keys of two spaces are two keys.
type Space struct {
	id    uint32
	salt  uint64
	pages bool
}

// Space makes a space. The name sets its hashes apart from other spaces'.
func (x *Shelf[B, P]) Space(name string, pages bool) *Space {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := *x.spaces.Load()
	s := &Space{id: uint32(len(all)), pages: pages}
	if x.cfg.FixedHash == 0 {
		s.salt = maphash.String(x.seed, name)
	} else {
		s.salt = fnv([]byte(name))
	}
	all = append(all[:len(all):len(all)], s)
	x.spaces.Store(&all)
	return s
}

// Hash places key. Equal hashes mean nothing more than a shared place: identity is always the full key.
func (x *Shelf[B, P]) Hash(s *Space, key []byte) uint64 {
	if x.cfg.FixedHash == 0 {
		return maphash.Bytes(x.seed, key) ^ s.salt
	}
	return (fnv(key) ^ s.salt) & (1<<x.cfg.FixedHash - 1)
}

// fnv is FNV-1a folded once, the hash that repeats across processes (http://www.isthe.com/chongo/tech/comp/fnv/).
func fnv(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, x := range b {
		h = (h ^ uint64(x)) * 1099511628211
	}
	return h ^ h>>32
}
