package cache

import (
	"encoding/binary"
	"hash/crc32"
	"hash/maphash"
	"time"

	"millrace/cache/coherence"
)

// QueryCache holds pages of queries and scans by canonical request. A page's image is the response's JSON without
// ConsumedCapacity, which its Units stand for. It is safe for concurrent use.
type QueryCache struct{ store *Store }

// Units is what reading a page costs when it is read eventually consistently, in half read units of the table and
// of the index; -1 where the backend's answer has no such part.
type Units struct{ Table, Index int64 }

// Read looks up the page of the canonical request key, which is borrowed, as ItemCache.Read does. span is all that
// the page can depend on.
func (c *QueryCache) Read(s *Schema, key []byte, span coherence.Span, settings IndexSettings, l Lookup, dst []byte) coherence.Read {
	r := c.store.core.ReadPage(c.store.clock(), s.Table, key, span, l.options(settings.TTL, 0), dst)
	if r.Outcome == coherence.Lead && r.Flight.Strong && !l.Strong {
		c.store.temper(s, r.Flight, Unbatched)
	}
	return r
}

// Hit is Read for what may be served at once, and false, with nothing begun, for all else.
func (c *QueryCache) Hit(s *Schema, key []byte, settings IndexSettings, l Lookup, dst []byte) (coherence.Read, bool) {
	return c.store.core.PeekPage(c.store.clock(), s.Table, key, l.options(settings.TTL, 0), dst)
}

// Peek looks up a page without beginning or joining a read; false if none may be served.
func (c *QueryCache) Peek(s *Schema, key []byte, settings IndexSettings) (coherence.Read, bool) {
	return c.store.core.PeekPage(c.store.clock(), s.Table, key, Lookup{}.options(settings.TTL, 0), nil)
}

// Standing tells how a page stands with its table.
func (c *QueryCache) Standing(s *Schema, key []byte) coherence.Standing {
	return c.store.core.PageStanding(s.Table, key)
}

// Trail tells what happened lately to a page, as ItemCache.Trail does of an item.
func (c *QueryCache) Trail(s *Schema, key []byte) []Happening {
	return c.store.happenings(c.store.core.PageTrail(s.Table, key))
}

// IndexLag is what is assumed of the lag of a table's global indexes, and IndexLagged tells of one that was seen.
func (c *QueryCache) IndexLag(s *Schema) IndexLag { return c.store.IndexLag(s.Table) }

// IndexLagged is Store.IndexLagged.
func (c *QueryCache) IndexLagged(s *Schema, d time.Duration) { c.store.IndexLagged(s.Table, d) }

// Stale looks up a page as ItemCache.Stale does an item.
func (c *QueryCache) Stale(s *Schema, key []byte, settings IndexSettings, l Lookup, dst []byte) (coherence.Read, bool) {
	return c.store.core.StalePage(c.store.clock(), s.Table, key, l.options(settings.TTL, 0), dst)
}

// Done ends a flight with the page that the backend answered; scanned is the part of the span that was read.
func (c *QueryCache) Done(f *coherence.Flight, body []byte, units Units, scanned coherence.Span) Answer {
	img := coherence.Image{
		Bytes: body, Sum: pageSum(body),
		Meta: coherence.Meta{Size: int64(len(body)), A: units.Table, B: units.Index, CRC: crc32.ChecksumIEEE(body)},
	}
	a := Answer{Body: img.Bytes, Meta: img.Meta, Weak: f.Weak}
	c.store.core.DonePage(c.store.clock(), f, img, scanned)
	callOf(f).finish(a)
	c.store.Relieve()
	return a
}

// Weaken is coherence.Core.Weaken.
func (c *QueryCache) Weaken(f *coherence.Flight) bool { return c.store.core.Weaken(c.store.clock(), f) }

// Unread ends a flight with an answer that is not understood; a is what those waiting are told. Nothing cached equals it.
func (c *QueryCache) Unread(f *coherence.Flight, body []byte, a Answer) {
	if callOf(f).finished() {
		return
	}
	c.store.core.DonePage(c.store.clock(), f, coherence.Image{Sum: pageSum(body), Transient: true}, coherence.Span{})
	callOf(f).finish(a)
}

// Fail ends a flight that brought nothing; a.Err says why. A flight that has ended already stays as it is.
func (c *QueryCache) Fail(f *coherence.Flight, a Answer) {
	if callOf(f).finished() {
		return
	}
	c.store.core.Fail(c.store.clock(), f)
	callOf(f).finish(a)
}

// UnitsOf are the units a page was stored with.
func UnitsOf(m coherence.Meta) Units { return Units{m.A, m.B} }

// pageSeeds are secrets of the process, so that nobody can make pages of one sum.
var pageSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// pageSum is a digest of a page, of use within the process. SHA-256 of ten items took a tenth of the time of a miss besides the
// sockets.
func pageSum(body []byte) (sum [16]byte) {
	binary.LittleEndian.PutUint64(sum[:8], maphash.Bytes(pageSeeds[0], body))
	binary.LittleEndian.PutUint64(sum[8:], maphash.Bytes(pageSeeds[1], body))
	return sum
}
