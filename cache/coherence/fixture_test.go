package coherence

import "testing"

// fixture is a core with one table and a clock that the test moves.
type fixture struct {
	t     *testing.T
	core  *Core
	table *Table
	now   Time
}

// newFixture makes a core whose quarantine of the start has passed.
func newFixture(t *testing.T, o TableOptions) *fixture {
	t.Helper()
	c := New(Config{Memory: 1, Shards: 4, Tq: 10, Tamb: 100, Start: 1})
	x := &fixture{t: t, core: c, table: c.Table("t"), now: 1000}
	c.Configure(x.table, o)
	return x
}

// image is an item or page with the given text; "" is an absent item.
func image(text string) Image {
	if text == "" {
		return Image{Absent: true}
	}
	img := Image{Bytes: []byte(text), Meta: Meta{Size: int64(len(text))}}
	copy(img.Sum[:], text)
	return img
}

// read reads an item.
func (x *fixture) read(key string, o ReadOptions) Read {
	return x.core.ReadItem(x.now, x.table, []byte(key), o, nil)
}

// lead begins a flight, which must not be a hit or join.
func (x *fixture) lead(key string, o ReadOptions) *Flight {
	x.t.Helper()
	r := x.read(key, o)
	if r.Outcome != Lead {
		x.t.Fatalf("read of %q = %d %q, want a new flight", key, r.Outcome, r.Body)
	}
	return r.Flight
}

// fill caches an item.
func (x *fixture) fill(key, text string) {
	x.t.Helper()
	if !x.core.Done(x.now, x.lead(key, ReadOptions{}), image(text)) {
		x.t.Fatalf("an undisturbed fill of %q was not stored", key)
	}
}

// want checks that a read of key is a hit with text; "" wants a negative entry, "-" wants none.
func (x *fixture) want(key, text string) {
	x.t.Helper()
	r := x.read(key, ReadOptions{})
	got := "?"
	switch r.Outcome {
	case Hit:
		got = string(r.Body)
	case Negative:
		got = ""
	case Lead:
		got = "-"
		x.core.Fail(x.now, r.Flight)
	}
	if got != text {
		x.t.Errorf("read of %q = %q, want %q", key, got, text)
	}
}

// begin opens a write of key with the base position pos.
func (x *fixture) begin(key, pos string) *Write {
	return x.core.Begin(x.now, []Effect{{Table: x.table, Key: []byte(key), Positions: []Position{{Partition: []byte("p"), Pos: []byte(pos)}}}})
}

// settle ends a write of begin.
func (x *fixture) settle(w *Write, r Result, img *Image) {
	x.core.Settle(x.now, w, 0, r, img, nil)
	x.core.End(x.now, w)
}

// mutation is a commit of key with the base position pos.
func (x *fixture) mutation(key, pos, text string) []Mutation {
	img := image(text)
	return []Mutation{{Table: x.table, Key: []byte(key), New: &img, Positions: []Position{{Partition: []byte("p"), Pos: []byte(pos)}}}}
}

// page reads a page over positions lo to hi.
func (x *fixture) page(key, lo, hi string) Read {
	return x.core.ReadPage(x.now, x.table, []byte(key), span(lo, hi), ReadOptions{}, nil)
}

// span is an interval of partition p; "" is open.
func span(lo, hi string) Span {
	s := Span{Partition: []byte("p")}
	if lo != "" {
		s.Lo = []byte(lo)
	}
	if hi != "" {
		s.Hi = []byte(hi)
	}
	return s
}

// fillPage caches a page that scanned lo to hi.
func (x *fixture) fillPage(key, lo, hi string) {
	x.t.Helper()
	r := x.page(key, lo, "")
	if r.Outcome != Lead || !x.core.DonePage(x.now, r.Flight, image(key), span(lo, hi)) {
		x.t.Fatalf("page %q was not stored: outcome %d", key, r.Outcome)
	}
}

// wantPage checks whether a page is cached.
func (x *fixture) wantPage(key, lo string, cached bool) {
	x.t.Helper()
	r := x.page(key, lo, "")
	if r.Outcome == Lead {
		x.core.Fail(x.now, r.Flight)
	}
	if got := r.Outcome == Hit; got != cached {
		x.t.Errorf("page %q cached = %v, want %v", key, got, cached)
	}
}

// wantIdle checks that nothing is under way and nothing else than n entries are held.
func (x *fixture) wantIdle(n int) {
	x.t.Helper()
	st := x.core.Stats()
	if st.Flights+st.Fences+st.Pending+st.Fills != 0 || st.Slots != n || st.Entries != n {
		x.t.Errorf("Stats = %+v, want %d entries and nothing under way", st, n)
	}
}
