package shelf

import (
	"bytes"
	"math"
	"strings"
)

// Evict removes every entry of hash.
func (x *Shelf[B, P]) Evict(hash uint64) {
	sh := x.Shard(hash)
	sh.Mu.Lock()
	x.evict(sh, hash, Capacity)
	x.compact(sh)
	sh.Mu.Unlock()
	x.Drain(sh)
}

// evict removes the entries of hash. The shard is locked.
func (x *Shelf[B, P]) evict(sh *Shard[B, P], hash uint64, why Reason) {
	var next *Slot[B, P]
	for s := sh.slots[hash]; s != nil; s = next {
		next = s.next
		x.Remove(sh, s, why)
		sh.Tidy(s)
	}
	for b := x.blobOf(sh, hash); b != 0; b = x.blobOf(sh, hash) {
		x.Remove(sh, x.resting(sh, b), why)
	}
}

// Shed removes entries without regard to their use until at least so many bytes are free or none is left, and returns the
// bytes freed. It is the last resort against a policy that falls behind.
func (x *Shelf[B, P]) Shed(bytes int64) (freed int64) {
	before := x.Bytes()
	enough := func() bool { return before-x.Bytes() >= bytes }
	for range x.shards {
		sh := &x.shards[x.shed.Add(1)&uint64(len(x.shards)-1)]
		sh.Mu.Lock()
		for hash := range sh.slots {
			if enough() {
				break
			}
			x.evict(sh, hash, Shedding)
		}
		for i := 0; i < sh.rest.index.Places() && !enough(); i++ {
			for b := sh.rest.index.Place(i); b != 0 && !enough(); b = sh.rest.index.Place(i) {
				x.evict(sh, x.blobHash(sh.rest.arena.At(b)), Shedding)
			}
		}
		x.compact(sh)
		sh.Mu.Unlock()
		x.Drain(sh)
		if enough() {
			break
		}
	}
	return before - x.Bytes()
}

// Purge calls purge with every slot of a space whose key begins with prefix, its shard locked, and returns how many had an
// entry. purge must remove that, and leaves tidying to Purge. It walks everything, a shard at a time.
func (x *Shelf[B, P]) Purge(in *Space, prefix []byte, purge func(*Shard[B, P], *Slot[B, P])) (entries int) {
	for i := range x.shards {
		sh := &x.shards[i]
		sh.Mu.Lock()
		for _, s := range sh.slots {
			var next *Slot[B, P]
			for ; s != nil; s = next {
				next = s.next // a purged slot may leave its chain
				if s.space != in || !strings.HasPrefix(s.key, string(prefix)) {
					continue
				}
				if s.Entry != nil {
					entries++
				}
				purge(sh, s)
				sh.Tidy(s)
			}
		}
		for i := 0; i < sh.rest.index.Places(); {
			if b := sh.rest.index.Place(i); b != 0 {
				if id, key, _ := keyAt[P](sh.rest.arena.At(b)); id == in.id && bytes.HasPrefix(key, prefix) {
					entries++
					purge(sh, x.resting(sh, b))
					continue // another may stand here now
				}
			}
			i++
		}
		x.compact(sh)
		sh.Mu.Unlock()
		x.Drain(sh)
	}
	return entries
}

// Reset forgets all entries, and all that is under way, without telling anyone.
func (x *Shelf[B, P]) Reset() {
	x.Shed(math.MaxInt64)
	for i := range x.shards {
		clear(x.shards[i].slots)
	}
}
