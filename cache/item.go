package cache

import (
	"time"

	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// Lookup is how a caller wants to be answered.
type Lookup struct {
	// Strong is ConsistentRead.
	Strong bool
	// NoCache looks at no entry and joins no one.
	NoCache bool
	// Alone joins no one.
	Alone bool
	// MaxAge refuses entries older than this; 0 sets no bound.
	MaxAge time.Duration
	// Thrift reads a miss eventually and stores nothing where fill auto would read strongly: cheaper, and for once no better
	// than the backend's own eventual read.
	Thrift bool
	// KeepStale keeps what only Delta refuses, for Stale.
	KeepStale bool
	// Batched is what the first miss of the batch was that this is of.
	Batched Batched
	// Lend takes a page's own bytes instead of a copy; they must not be changed.
	Lend bool
}

// options are l in the core's terms.
func (l Lookup) options(ttl, negativeTTL time.Duration) coherence.ReadOptions {
	return coherence.ReadOptions{
		Strong: l.Strong, NoCache: l.NoCache, Exclusive: l.NoCache || l.Alone, MaxAge: l.MaxAge,
		TTL: ttl, NegativeTTL: negativeTTL, Thrift: l.Thrift, KeepStale: l.KeepStale, Lend: l.Lend,
	}
}

// ItemCache holds whole items by table and key, and the knowledge that there is none. An item's image is its
// canonical JSON, {"name":{"S":"x"}}; projections are made of it on the way out. It is safe for concurrent use.
type ItemCache struct {
	store *Store
	hot   *metrics.HotKeys
}

// Read looks up the item with the given key, the bytes of Layout.AppendKey, which are borrowed. On a Hit the image was
// appended to dst and is Read.Body. On Joined wait for CallOf(read). On Lead read the whole item from the backend,
// strongly if read.Flight.Strong, and then call Done or Fail exactly once.
func (c *ItemCache) Read(s *Schema, key []byte, l Lookup, dst []byte) coherence.Read {
	c.hot.Touch(s.Counters, key)
	r := c.store.core.ReadItem(c.store.clock(), s.Table, key, l.options(s.Settings.ItemTTL, s.Settings.NegativeTTL), dst)
	if r.Outcome == coherence.Lead && r.Flight.Strong && !l.Strong {
		c.store.temper(s, r.Flight, l.Batched)
	}
	return r
}

// Hit is Read for what may be served at once, and false, with nothing begun, for all else.
func (c *ItemCache) Hit(s *Schema, key []byte, l Lookup, dst []byte) (coherence.Read, bool) {
	c.hot.Touch(s.Counters, key)
	return c.store.core.PeekItem(c.store.clock(), s.Table, key, l.options(s.Settings.ItemTTL, s.Settings.NegativeTTL), dst)
}

// Peek looks up an item without beginning or joining a read; false if none may be served.
func (c *ItemCache) Peek(s *Schema, key []byte) (coherence.Read, bool) {
	o := Lookup{}.options(s.Settings.ItemTTL, s.Settings.NegativeTTL)
	return c.store.core.PeekItem(c.store.clock(), s.Table, key, o, nil)
}

// Standing tells how an item stands with its table.
func (c *ItemCache) Standing(s *Schema, key []byte) coherence.Standing {
	return c.store.core.ItemStanding(s.Table, key)
}

// Trail tells what happened lately to an item, oldest first, each with how long ago.
func (c *ItemCache) Trail(s *Schema, key []byte) []Happening {
	return c.store.happenings(c.store.core.ItemTrail(s.Table, key))
}

// Now is the caches' time.
func (c *ItemCache) Now() coherence.Time { return c.store.clock() }

// WatermarkAge is the time since the moment up to which every commit to the table has been applied.
func (c *ItemCache) WatermarkAge(s *Schema) time.Duration {
	return time.Duration(c.store.clock() - c.store.core.Watermark(s.Table))
}

// Stale looks up an item as Read does, and serves what is older than Delta, though not than its TTL. It is for a reader whom
// the backend gave no answer, who must be told. It reports false when there is nothing either.
func (c *ItemCache) Stale(s *Schema, key []byte, l Lookup, dst []byte) (coherence.Read, bool) {
	return c.store.core.StaleItem(c.store.clock(), s.Table, key, l.options(s.Settings.ItemTTL, s.Settings.NegativeTTL), dst)
}

// Done ends a flight with what the backend answered, gives it to those waiting, and caches it if the rules allow.
// It returns the answer, for the leader.
func (c *ItemCache) Done(f *coherence.Flight, item ddb.Item, exists bool) Answer {
	return c.done(f, ItemImage(item, exists))
}

// DonePlain is Done for an answer that was not decoded. It keeps the item's image.
func (c *ItemCache) DonePlain(f *coherence.Flight, item ddb.PlainItem) Answer {
	if item.Image == nil {
		return c.done(f, coherence.Image{Absent: true})
	}
	return c.done(f, coherence.Image{
		Bytes: item.Image, Sum: ddb.DigestJSON(item.Image), Meta: coherence.Meta{Size: int64(item.Size)},
	})
}

// done ends a flight with an image.
func (c *ItemCache) done(f *coherence.Flight, img coherence.Image) Answer {
	a := Answer{Body: img.Bytes, Meta: img.Meta, Absent: img.Absent, Weak: f.Weak}
	c.store.core.Done(c.store.clock(), f, img)
	callOf(f).finish(a)
	c.store.Relieve()
	return a
}

// Weaken is coherence.Core.Weaken.
func (c *ItemCache) Weaken(f *coherence.Flight) bool { return c.store.core.Weaken(c.store.clock(), f) }

// Unread ends a flight with an answer that is not understood; a is what those waiting are told. Nothing cached equals it.
func (c *ItemCache) Unread(f *coherence.Flight, body []byte, a Answer) {
	if callOf(f).finished() {
		return
	}
	c.store.core.Done(c.store.clock(), f, coherence.Image{Sum: pageSum(body), Transient: true})
	callOf(f).finish(a)
}

// Fail ends a flight that brought nothing; a.Err says why. A flight that has ended already stays as it is.
func (c *ItemCache) Fail(f *coherence.Flight, a Answer) {
	if callOf(f).finished() {
		return
	}
	c.store.core.Fail(c.store.clock(), f)
	callOf(f).finish(a)
}

// CallOf is where to wait when a read joined a flight.
func CallOf(r coherence.Read) *Call { return callOf(r.Flight) }

// ItemImage is what is cached of an item, or of its absence.
func ItemImage(item ddb.Item, exists bool) coherence.Image {
	img, _ := AppendItemImage(nil, item, exists)
	return img
}

// AppendItemImage is ItemImage with the bytes appended to dst, of which the image borrows. The core copies an item's when it stores them.
func AppendItemImage(dst []byte, item ddb.Item, exists bool) (coherence.Image, []byte) {
	if !exists {
		return coherence.Image{Absent: true}, dst
	}
	size := item.Size()
	if dst == nil {
		dst = make([]byte, 0, size+size/2+16)
	}
	n := len(dst)
	dst = ddb.AppendItemJSON(dst, item)
	image := dst[n:len(dst):len(dst)]
	return coherence.Image{Bytes: image, Sum: ddb.DigestJSON(image), Meta: coherence.Meta{Size: int64(size)}}, dst
}
