package invalidation

import (
	"hash/maphash"
	"sync"
	"time"

	"millrace/cache/coherence"
	"millrace/ddb"
)

// ownWrites remembers when own writes were acknowledged, so that the time their records take can be measured. Its memory
// is bounded: a later write takes the place of an earlier one. A write that changes nothing has no record, so not every
// one is asked for. (Developer Guide, "Change data capture for DynamoDB Streams".)
type ownWrites struct {
	seed maphash.Seed
	once sync.Once

	mu sync.Mutex

	slots []ownWrite
}

// ownWrite is one of them.
type ownWrite struct {
	digest uint64
	at     coherence.Time
	many   bool // more than one write: their records cannot be told apart
}

// ownWriteSlots is how many writes are remembered, and ownWriteLife for how long two writes of a key count as close together.
const (
	ownWriteSlots = 1 << 12
	ownWriteLife  = coherence.Time(30 * time.Second)
)

// slot is the place of a table's item; its digest tells it from others.
func (o *ownWrites) slot(t *coherence.Table, key []byte) (*ownWrite, uint64) {
	o.once.Do(func() { o.seed, o.slots = maphash.MakeSeed(), make([]ownWrite, ownWriteSlots) })
	var h maphash.Hash
	h.SetSeed(o.seed)
	h.WriteString(t.Name())
	h.WriteByte(0)
	h.Write(key)
	d := h.Sum64()
	return &o.slots[d%ownWriteSlots], d
}

// note remembers that a write was acknowledged.
func (o *ownWrites) note(t *coherence.Table, key []byte, at coherence.Time) {
	s, d := o.slot(t, key)
	o.mu.Lock()
	defer o.mu.Unlock()
	*s = ownWrite{digest: d, at: at, many: s.digest == d && at-s.at < ownWriteLife}
}

// take returns when the item's only recent write was acknowledged, and forgets it.
func (o *ownWrites) take(t *coherence.Table, key []byte) (coherence.Time, bool) {
	s, d := o.slot(t, key)
	o.mu.Lock()
	defer o.mu.Unlock()
	w := *s
	if w.digest != d {
		return 0, false
	}
	if w.many {
		return 0, false
	}
	*s = ownWrite{}
	return w.at, true
}

// AckedAt returns when the own write of which c is the record was acknowledged, on the store's clock, if it is known and
// certainly that one. It tells each write once.
func (v *Invalidator) AckedAt(c *ddb.Change) (coherence.Time, bool) {
	l := v.layout(c)
	key, ok := l.AppendKey(nil, c.Key)
	if !ok {
		return 0, false
	}
	return v.acked.take(l.table, key)
}
