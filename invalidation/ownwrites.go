package invalidation

import (
	"hash/maphash"
	"sync"

	"millrace/cache"
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

// ownWrite is one of them: what it left, so that its own record is told from those of others' writes to the item.
type ownWrite struct {
	digest uint64
	at     coherence.Time
	sum    [16]byte
	absent bool
}

// ownWriteSlots is how many writes are remembered.
const ownWriteSlots = 1 << 12

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

// note remembers that a write was acknowledged that left img. Nothing is remembered of one that left nobody knows what.
func (o *ownWrites) note(t *coherence.Table, key []byte, img *coherence.Image, at coherence.Time) {
	s, d := o.slot(t, key)
	o.mu.Lock()
	defer o.mu.Unlock()
	*s = ownWrite{}
	if img != nil {
		*s = ownWrite{digest: d, at: at, sum: img.Sum, absent: img.Absent}
	}
}

// take returns when the item's latest own write was acknowledged, if that left what left makes, and forgets it in any
// case. Another record of the item means that its own came before the acknowledgement, or never will: a later write
// that happens to leave the same would be taken for it, and for a stream that lags.
func (o *ownWrites) take(t *coherence.Table, key []byte, left func() coherence.Image) (coherence.Time, bool) {
	s, d := o.slot(t, key)
	o.mu.Lock()
	w := *s
	if w.digest == d {
		*s = ownWrite{}
	}
	o.mu.Unlock()
	if w.digest != d || w.at == 0 {
		return 0, false
	}
	img := left()
	return w.at, w.sum == img.Sum && w.absent == img.Absent
}

// AckedAt returns when the own write of which c is the record was acknowledged, on the store's clock, if it is known and
// certainly that one. It tells each write once. A record without the image after it tells nothing.
func (v *Invalidator) AckedAt(c *ddb.Change) (coherence.Time, bool) {
	l := v.layout(c)
	key, ok := l.AppendKey(nil, c.Key)
	if !ok || c.HasNew && c.NewUnknown {
		return 0, false
	}
	return v.acked.take(l.table, key, func() coherence.Image { return cache.ItemImage(c.New, c.HasNew) })
}
