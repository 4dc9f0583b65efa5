package policy

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	// sampleSize is of how many the worst has to go.
	sampleSize = 16
	// clockSample is of how many uses one moves the clock, by as much as all: so that not all of them write to one word.
	clockSample = 64
)

// shard is the entries of some hashes.
type shard struct {
	mu       sync.Mutex // over all that is not atomic, and over changes of the table
	past     history
	window   ring
	cost     int64 // of its entries
	windowed int64 // of those in the window
	dice     uint64
	leads    int // the mode that it always has, plus one; 0 follows

	table atomic.Pointer[table]
	pace  atomic.Uint64 // parts of a tick that a use is
	clock atomic.Uint64 // ticks, in clockParts
	_     [24]byte
}

// clockParts is a tick of a shard's clock.
const clockParts = 1 << 32

// now is the tick.
func (s *shard) now() uint16 { return uint16(s.clock.Load() / clockParts) }

// bytes is the memory that the shard takes.
func (s *shard) bytes() int64 {
	return int64(unsafe.Sizeof(*s)) + int64(len(s.table.Load().slots))*slotBytes + s.past.bytes() + s.window.bytes()
}

// resize makes table and history as large as the entries need. It is locked.
func (s *shard) resize(p *Policy) {
	before := s.bytes()
	if t := s.table.Load(); t.full() {
		s.table.Store(t.resized(t.grown()))
	} else if t.sparse() {
		s.table.Store(t.resized(t.shrunk()))
	}
	s.past.fit(s.table.Load().count)
	p.own.Add(s.bytes() - before)
}

// setPace makes the clock go by the number of entries.
func (s *shard) setPace() {
	s.pace.Store(ticksPerHalfLife * clockParts / (halfLife * uint64(max(minSlots, s.table.Load().count))))
}

// add adds an entry or changes its cost. It is locked.
func (s *shard) add(p *Policy, hash, mixed uint64, cost uint32) {
	t := s.table.Load()
	if i := t.seek(hash, mixed); i >= 0 {
		s.reprice(p, &t.slots[i].meta, cost)
		return
	}
	s.resize(p)
	t = s.table.Load()
	now := uint16(s.clock.Add(s.pace.Load()) / clockParts)
	count := used(s.past.recall(mixed, now), uint16(s.roll()))
	t.put(hash, metaOf(cost, now, count, live|windowed))
	p.duel.missed(s.leads)
	s.cost += int64(cost)
	s.windowed += int64(cost)
	p.total.Add(int64(cost))
	p.own.Add(s.window.push(hash))
	s.setPace()
	s.admit(p)
}

// reprice changes the cost of the entry of a word.
func (s *shard) reprice(p *Policy, word *atomic.Uint64, cost uint32) {
	for {
		old := meta(word.Load())
		if !word.CompareAndSwap(uint64(old), uint64(metaOf(cost, old.tick(), old.count(), old&0xff))) {
			continue // a use
		}
		more := int64(cost) - int64(old.cost())
		s.cost += more
		if old&windowed != 0 {
			s.windowed += more
		}
		p.total.Add(more)
		return
	}
}

// remove drops the entry at place i, and remembers how often it was used.
func (s *shard) remove(p *Policy, i int) {
	t := s.table.Load()
	hash, m := t.slots[i].hash.Load(), meta(t.slots[i].meta.Load())
	t.delete(i)
	s.cost -= int64(m.cost())
	if m&windowed != 0 {
		s.windowed -= int64(m.cost())
		s.window.remove(hash)
	}
	p.total.Add(-int64(m.cost()))
	now := s.now()
	s.past.note(mix(hash, p.seed), now, aged(m.count(), since(now, m.tick()), uint16(s.roll())%ticksPerStep))
	s.resize(p)
	s.setPace()
}

// evict removes the entry at place i and names it.
func (s *shard) evict(p *Policy, i int) {
	p.name(s.table.Load().slots[i].hash.Load())
	s.remove(p, i)
}

// admit lets the oldest out of the window while that is too large: to the others where there is room, else in place of as many of
// them as it needs, each the worst of a sample, as long as it is worth more than they; else not at all.
func (s *shard) admit(p *Policy) {
	mode := s.mode(p)
	share := p.limit.Load() / int64(len(p.shards)) * mode.window / 100
	for s.windowed > share && s.window.count > 0 {
		hash := s.window.oldest()
		if s.wins(p, mode, hash) {
			s.promote(hash)
		} else {
			s.evict(p, s.table.Load().find(hash))
		}
	}
}

// wins makes room for the entry of hash, which is in the window, and reports whether there is.
func (s *shard) wins(p *Policy, mode *mode, hash uint64) bool {
	credit, cost := s.credit(mode, hash)
	for p.total.Load() > p.limit.Load() {
		worst, score := s.worst(mode)
		if worst < 0 {
			break // there is nobody else here: others have to make room
		}
		if credit <= score {
			return false
		}
		s.evict(p, worst)
	}
	return int64(cost) <= p.limit.Load()
}

// credit is the score of the entry of hash as a newcomer, and its cost.
func (s *shard) credit(mode *mode, hash uint64) (score int, cost uint32) {
	t := s.table.Load()
	m := meta(t.slots[t.find(hash)].meta.Load())
	return scoreOf(mode.credit[m.count()], since(s.now(), m.tick()), m.cost(), mode.silence), m.cost()
}

// promote takes the oldest entry of the window, that of hash, out of it.
func (s *shard) promote(hash uint64) {
	t := s.table.Load()
	m := meta(t.slots[t.find(hash)].meta.And(^uint64(windowed)))
	s.windowed -= int64(m.cost())
	s.window.remove(hash)
}

// trim evicts one entry if the shard has more than its share, or in any case, and reports whether it did. One that is larger than the
// share by itself may stay.
func (s *shard) trim(p *Policy, anyway bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit, t := p.limit.Load(), s.table.Load()
	if p.total.Load() <= limit || t.count == 0 {
		return false
	}
	if !anyway && (t.count == 1 || s.cost*int64(len(p.shards)) <= limit) {
		return false
	}
	mode := s.mode(p)
	i, score := s.worst(mode)
	if s.window.count > 0 {
		oldest := s.window.oldest()
		if credit, _ := s.credit(mode, oldest); i < 0 || credit <= score {
			i = t.find(oldest)
		}
	}
	s.evict(p, i)
	return true
}

// worst is the place and the score of the least worth of a sample outside of the window; -1 is none.
func (s *shard) worst(mode *mode) (place, score int) {
	t, now := s.table.Load(), s.now()
	place = -1
	n := len(t.slots)
	at := int(s.roll() % uint64(n))
	for seen, left := 0, n; seen < sampleSize && left > 0; left-- {
		m := meta(t.slots[at].meta.Load())
		if m != 0 && m&windowed == 0 {
			if x := scoreOf(m.count(), since(now, m.tick()), m.cost(), mode.silence); place < 0 || x < score {
				place, score = at, x
			}
			seen++
		}
		at = t.next(at)
	}
	return place, score
}

// roll is the next random number. (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.)
func (s *shard) roll() uint64 {
	s.dice += 0x9e3779b97f4a7c15
	x := s.dice
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
