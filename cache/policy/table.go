package policy

import (
	"math/bits"
	"sync/atomic"
)

// slot is one entry, or vacant.
type slot struct {
	hash atomic.Uint64
	meta atomic.Uint64 // 0 in a vacant one; see meta
}

// slotBytes is the size of a slot.
const slotBytes = 16

// meta is what is kept of an entry in one word, so that it can be changed as one:
//
//	cost u32 | tick of the last use u16 | count u8 | flags u8
type meta uint64

// The flags of a meta.
const (
	live     meta = 1 << iota // an entry
	windowed                  // still in the window
)

// metaOf packs one.
func metaOf(cost uint32, tick uint16, count uint8, flags meta) meta {
	return meta(cost)<<32 | meta(tick)<<16 | meta(count)<<8 | flags
}

// cost, tick and count unpack it.
func (m meta) cost() uint32 { return uint32(m >> 32) }
func (m meta) tick() uint16 { return uint16(m >> 16) }
func (m meta) count() uint8 { return uint8(m >> 8) }

// touched is m after a use at tick now; dice are anything.
func (m meta) touched(now uint16, dice uint32) meta {
	count := used(aged(m.count(), since(now, m.tick()), uint16(dice)%ticksPerStep), uint16(dice>>16))
	return metaOf(m.cost(), now, count, m&0xff)
}

// table is the entries of one shard: slots searched one after the other from where the mixed hash falls. One alone changes it,
// under the shard's lock; uses are counted without.
type table struct {
	seed  uint64
	slots []slot
	count int
}

// Tables are at most maxLoad eighths full; then they grow to growth fourths of their size. When less than minLoad eighths are in
// use they shrink. minSlots is the least.
const (
	maxLoad, minLoad = 7, 3
	growth           = 5
	minSlots         = 16
)

// mix spreads hash over 64 bits that nobody can foresee, as whoever chose it may have used up bits of it. (The multiplication is that of wyhash,
// https://github.com/wangyi-fudan/wyhash.)
func mix(hash, seed uint64) uint64 {
	hi, lo := bits.Mul64(hash^seed, 0x9e3779b97f4a7c15)
	return hi ^ lo
}

// home is where the search for a mixed hash begins.
func (t *table) home(mixed uint64) int {
	hi, _ := bits.Mul64(mixed, uint64(len(t.slots)))
	return int(hi)
}

// next is the place after i.
func (t *table) next(i int) int {
	if i++; i == len(t.slots) {
		return 0
	}
	return i
}

// find is seek for one whose mixed hash is not at hand.
func (t *table) find(hash uint64) int { return t.seek(hash, mix(hash, t.seed)) }

// seek returns where hash stands; -1 is nowhere. Without the lock it may miss an entry that moves meanwhile.
func (t *table) seek(hash, mixed uint64) int {
	i := t.home(mixed)
	for range t.slots {
		s := &t.slots[i]
		if s.meta.Load() == 0 {
			return -1
		}
		if s.hash.Load() == hash {
			return i
		}
		i = t.next(i)
	}
	return -1
}

// put adds an entry, which must not be there, to a table that has room.
func (t *table) put(hash uint64, m meta) {
	i := t.home(mix(hash, t.seed))
	for t.slots[i].meta.Load() != 0 {
		i = t.next(i)
	}
	// A use that reads between the two finds the slot vacant.
	t.slots[i].hash.Store(hash)
	t.slots[i].meta.Store(uint64(m))
	t.count++
}

// delete vacates place i. What was pushed on by it moves up.
func (t *table) delete(i int) {
	hole, n := i, len(t.slots)
	for at := t.next(hole); t.slots[at].meta.Load() != 0; at = t.next(at) {
		// It may move up if the hole is not before its home, seen from its home on.
		home := t.home(mix(t.slots[at].hash.Load(), t.seed))
		if (at-home+n)%n >= (at-hole+n)%n {
			// A use that is counted between the two is lost, or is that of another entry.
			t.slots[hole].hash.Store(t.slots[at].hash.Load())
			t.slots[hole].meta.Store(t.slots[at].meta.Load())
			hole = at
		}
	}
	t.slots[hole].meta.Store(0)
	t.count--
}

// resized is t with n slots.
func (t *table) resized(n int) *table {
	to := &table{seed: t.seed, slots: make([]slot, n)}
	for i := range t.slots {
		if m := t.slots[i].meta.Load(); m != 0 {
			to.put(t.slots[i].hash.Load(), meta(m))
		}
	}
	return to
}

// full reports that t must grow before one more is put.
func (t *table) full() bool { return 8*(t.count+1) > maxLoad*len(t.slots) }

// sparse reports that t should shrink.
func (t *table) sparse() bool { return len(t.slots) > minSlots && 8*t.count < minLoad*len(t.slots) }

// grown and shrunk are sizes.
func (t *table) grown() int  { return len(t.slots)*growth/4 + 1 }
func (t *table) shrunk() int { return max(minSlots, 3*len(t.slots)/5) }
