package coherence

import (
	"bytes"
	"strings"
	"testing"
)

// A flight's bytes are its leader's alone once it has ended, unless somebody joined it or they are of a large page that was stored; and
// what was stored of the others stays as it was when they are overwritten.
func TestBytesOfAFlightAreItsLeadersUnlessShared(t *testing.T) {
	t.Parallel()
	f := func(what string, flight *Flight, join func() Read, done func(Image) bool, size int, joins, want bool) {
		t.Helper()
		if joins {
			if r := join(); r.Outcome != Joined {
				t.Fatalf("%s: outcome %d, want a joined flight", what, r.Outcome)
			}
		}
		text := strings.Repeat("x", size)
		img := image(text)
		if !done(img) || flight.Shared() != want {
			t.Fatalf("%s of %d bytes, joined is %v: shared is %v, want %v", what, size, joins, flight.Shared(), want)
		}
		if want {
			return
		}
		clear(img.Bytes)
		if r := join(); r.Outcome != Hit || !bytes.Equal(r.Body, []byte(text)) {
			t.Errorf("%s of %d bytes that were overwritten is outcome %d, %.20q", what, size, r.Outcome, r.Body)
		}
	}
	for _, joins := range []bool{false, true} {
		for _, size := range []int{1, 32 << 10, 32<<10 + 1} {
			x := newFixture(t, TableOptions{Authoritative: true})
			item := x.lead("k", ReadOptions{})
			f("an item", item, func() Read { return x.read("k", ReadOptions{}) }, func(img Image) bool { return x.core.Done(x.now, item, img) }, size, joins, joins)
			r := x.page("q", "", "")
			f("a page", r.Flight, func() Read { return x.page("q", "", "") }, func(img Image) bool { return x.core.DonePage(x.now, r.Flight, img, span("", "")) },
				size, joins, joins || size > 32<<10)
		}
	}
}
