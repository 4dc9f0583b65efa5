package invalidation

import (
	"sync"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// ownWrites remembers when own writes were acknowledged, so that the time their records take can be measured. Its memory
// is bounded: a later write takes the place of an earlier one. A write that changes nothing has no record, so not every
// one is asked for. (Developer Guide, "Change data capture for DynamoDB Streams".)
type ownWrites struct {
	mu sync.Mutex

	slots []ownWrite
}

// ownWrite is one of them: what it left, so that its own record is told from those of others' writes to the item.
type ownWrite struct {
	digest uint64
	at     coherence.Time // 0: none is waited for
	seen   coherence.Time // when a record of the item came last, as far as is known
	sum    [16]byte
	absent bool
}

// ownWriteSlots is how many writes are remembered.
const ownWriteSlots = 1 << 12

// slot is the place of a table's item; its digest tells it from others. o is locked.
func (o *ownWrites) slot(t *coherence.Table, key []byte) (*ownWrite, uint64) {
	if o.slots == nil {
		o.slots = make([]ownWrite, ownWriteSlots)
	}
	// FNV-1a, the same in every process, so that a simulation repeats: what meets in a slot only costs a sample.
	d := uint64(14695981039346656037)
	for _, x := range []byte(t.Name()) {
		d = (d ^ uint64(x)) * 1099511628211
	}
	d *= 1099511628211
	for _, x := range key {
		d = (d ^ uint64(x)) * 1099511628211
	}
	return &o.slots[d%ownWriteSlots], d
}

// note remembers that a write begun then was acknowledged that left img. Nothing is remembered of one that left nobody knows
// what; nor of one during which a record of the item came, which may have been its own: somebody who much later leaves the
// same, such as no item, would be taken for it, and the stream for one that lags.
func (o *ownWrites) note(t *coherence.Table, key []byte, img *coherence.Image, begun, at coherence.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s, d := o.slot(t, key)
	told := s.digest == d && s.seen >= begun
	*s = ownWrite{}
	if img != nil && !told {
		*s = ownWrite{digest: d, at: at, sum: img.Sum, absent: img.Absent}
	}
}

// take returns when the item's latest own write was acknowledged, if that left what left makes, and forgets it in any
// case. Another record of the item means that its own came before the acknowledgement, or never will: a later write
// that happens to leave the same would be taken for it, and for a stream that lags.
func (o *ownWrites) take(t *coherence.Table, key []byte, now coherence.Time, left func() coherence.Image) (coherence.Time, bool) {
	o.mu.Lock()
	s, d := o.slot(t, key)
	w := *s
	if w.digest == d || w.at == 0 {
		*s = ownWrite{digest: d, seen: now}
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
	if !ok {
		return 0, false
	}
	at, same := v.acked.take(l.table, key, v.store.Now(), func() coherence.Image { return cache.ItemImage(c.New, c.HasNew) })
	if c.HasNew && c.NewUnknown {
		return 0, false
	}
	return at, same
}
