//go:build !race

package coherence

import (
	"bytes"
	"testing"
)

func TestHitAllocatesNothing(t *testing.T) {
	x := newFixture(t, TableOptions{Authoritative: true})
	x.fill("k", "value")
	x.fill("absent", "")
	x.fillPage("page", "", "")
	dst := make([]byte, 0, 64)
	key, absent, page := []byte("k"), []byte("absent"), []byte("page")
	s := Span{Partition: []byte("p")}
	o := ReadOptions{Strong: true, TTL: 1 << 40}
	f := func(name string, read func() Read, want Outcome) {
		t.Helper()
		var r Read
		if n := testing.AllocsPerRun(1000, func() { r = read() }); n != 0 || r.Outcome != want {
			t.Errorf("%s: %v allocations and outcome %d, want 0 and %d", name, n, r.Outcome, want)
		}
	}
	f("item", func() Read { return x.core.ReadItem(x.now, x.table, key, o, dst) }, Hit)
	f("negative", func() Read { return x.core.ReadItem(x.now, x.table, absent, o, dst) }, Negative)
	f("page", func() Read { return x.core.ReadPage(x.now, x.table, page, s, o, dst) }, Hit)
}

// TestHitIsACopy checks that an answer does not alias what the core holds.
func TestHitIsACopy(t *testing.T) {
	x := newFixture(t, TableOptions{})
	x.fill("k", "value")
	clear(x.read("k", ReadOptions{}).Body)
	x.want("k", "value")
}

func TestStoredBytesAreExact(t *testing.T) {
	x := newFixture(t, TableOptions{})
	img := image("v")
	img.Bytes = append(make([]byte, 0, 4096), bytes.Repeat([]byte("v"), 100)...)
	x.core.Done(x.now, x.lead("k", ReadOptions{}), img)
	if got, want := x.core.Bytes(), slotOverhead+1+112; got > want || got < slotOverhead+101 {
		t.Errorf("an entry of 101 bytes costs %d, want at most %d", got, want)
	}
}
