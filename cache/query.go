package cache

import (
	"crypto/sha256"

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
	return c.store.core.ReadPage(c.store.clock(), s.Table, key, span, l.options(settings.TTL, 0), dst)
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

// Stale looks up a page as ItemCache.Stale does an item.
func (c *QueryCache) Stale(s *Schema, key []byte, settings IndexSettings, l Lookup, dst []byte) (coherence.Read, bool) {
	return c.store.core.StalePage(c.store.clock(), s.Table, key, l.options(settings.TTL, 0), dst)
}

// Done ends a flight with the page that the backend answered; scanned is the part of the span that was read.
func (c *QueryCache) Done(f *coherence.Flight, body []byte, units Units, scanned coherence.Span) Answer {
	sum := sha256.Sum256(body)
	img := coherence.Image{Bytes: body, Meta: coherence.Meta{Size: int64(len(body)), A: units.Table, B: units.Index}}
	copy(img.Sum[:], sum[:])
	a := Answer{Body: img.Bytes, Meta: img.Meta}
	c.store.core.DonePage(c.store.clock(), f, img, scanned)
	callOf(f).finish(a)
	c.store.Relieve()
	return a
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
