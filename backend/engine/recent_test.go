package engine

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// intoTables flushes the memory tables, so that a flush that has begun is over too.
func intoTables(t *testing.T, s *store) {
	t.Helper()
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
}

// recentStore opens a store whose generations have 512 keys.
func recentStore(t *testing.T, fs vfs.FS, volatile bool) *store {
	t.Helper()
	s, err := openStore(storeOptions{dir: "d", fs: fs, volatile: volatile, memTableBytes: 64 << 10, cacheBytes: 1 << 20, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A probe finds what a get does, in every snapshot that there is, whatever was written, deleted, flushed and reopened since.
func TestProbesFindWhatGetsDo(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 0))
		fs := vfs.NewMem()
		s := recentStore(t, fs, false)
		var snaps []*snapshot
		key := func() []byte { return fmt.Appendf(nil, "key-%04d", r.IntN(2000)) }
		asked, fast := 0, 0
		check := func(snap *snapshot) {
			t.Helper()
			k := key()
			asked++
			if s.recent.untouched(k, snap.epoch) {
				fast++
			}
			s.absent.Store(absentMemory) // however many of the keys before were there
			want, done, there, err := snap.get(k)
			if err != nil {
				t.Fatal(err)
			}
			got, close, found, err := snap.probe(k)
			if err != nil || found != there || !bytes.Equal(got, want) {
				t.Fatalf("seed %d: probe of %s finds %q, %v, %v; get finds %q, %v", seed, k, got, found, err, want, there)
			}
			for _, c := range []interface{ Close() error }{done, close} {
				if c != nil {
					if err := c.Close(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		for i := range 1500 {
			b := s.newBatch()
			for range 1 + r.IntN(3) {
				switch r.IntN(40) {
				case 0:
					at := r.IntN(1990)
					b.deleteRange(fmt.Appendf(nil, "key-%04d", at), fmt.Appendf(nil, "key-%04d", at+r.IntN(10)))
				case 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18:
					b.delete(key())
				default:
					b.set(key(), fmt.Appendf(nil, "%d", i))
				}
			}
			if err := s.apply(b, false); err != nil {
				t.Fatal(err)
			}
			b.release()
			if r.IntN(100) == 0 {
				intoTables(t, s)
			}
			if len(snaps) < 4 || r.IntN(20) == 0 {
				snaps = append(snaps, s.snapshot())
			}
			if len(snaps) > 6 {
				at := r.IntN(len(snaps))
				snaps[at].close()
				snaps = slices.Delete(snaps, at, at+1)
			}
			for _, snap := range snaps {
				check(snap)
			}
			latest := s.snapshot()
			for range 3 {
				check(latest)
			}
			latest.close()
			if i%600 == 599 {
				for _, snap := range snaps {
					snap.close()
				}
				snaps = nil
				if err := s.close(); err != nil {
					t.Fatal(err)
				}
				s = recentStore(t, fs, false)
			}
		}
		for _, snap := range snaps {
			snap.close()
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		if fast < asked/20 || fast > asked*19/20 {
			t.Errorf("seed %d: %d of %d probes left the memory tables out, which tests one way only", seed, fast, asked)
		}
	}
}

// Keys that were not written lately are told from others, in an epoch that begins when their generation is in tables.
func TestGenerationsEnd(t *testing.T) {
	t.Parallel()
	for _, volatile := range []bool{false, true} {
		s := recentStore(t, vfs.NewMem(), volatile)
		put := func(n int) {
			t.Helper()
			b := s.newBatch()
			defer b.release()
			for i := range n {
				b.set(fmt.Appendf(nil, "%d-%d", s.recent.noted, i), []byte("v"))
			}
			if err := s.apply(b, false); err != nil {
				t.Fatal(err)
			}
		}
		absent := func() (n int) {
			for i := range 1000 {
				if s.recent.untouched(fmt.Appendf(nil, "new %d", i), s.recent.epoch()) {
					n++
				}
			}
			return n
		}
		if n := absent(); n != 0 {
			t.Errorf("%d keys are known to be untouched before anything is known of what was there", n)
		}
		limit := s.recent.limit
		put(limit / firstShare)
		for epoch := range 3 {
			if got := s.recent.epoch(); got != uint64(epoch) {
				t.Fatalf("epoch is %d, want %d", got, epoch)
			}
			put(1) // begins a generation and the flush of the one before
			intoTables(t, s)
			put(1) // drops it
			if n := absent(); n < 950 {
				t.Errorf("epoch %d: %d of 1000 new keys are known to be so", epoch, n)
			}
			if !s.recent.untouched([]byte("other"), s.recent.epoch()) || s.recent.untouched([]byte("other"), s.recent.epoch()-1) {
				t.Error("a key is told for another epoch than was asked for")
			}
			put(limit)
			if n := absent(); n < 900 {
				t.Errorf("epoch %d: of a full generation %d of 1000 new keys are known to be so", epoch, n)
			}
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGenerationsKnowRanges(t *testing.T) {
	t.Parallel()
	r := newRecent(64 << 10)
	g := r.generation()
	may := func(key string) bool { return g.may(r.hash([]byte(key)), []byte(key)) }
	g.noteRange([]byte("b"), []byte("c"))
	for key, want := range map[string]bool{"a": false, "b": true, "bb": true, "c": false} {
		if may(key) != want {
			t.Errorf("%q may be in a range from b to c: %v", key, !want)
		}
	}
	// Many become one that reaches over all of the last.
	for i := range 3 * maxRanges {
		g.noteRange(fmt.Appendf(nil, "m%03d", i), fmt.Appendf(nil, "m%03d1", i))
	}
	for i := range 3 * maxRanges {
		if key := fmt.Sprintf("m%03d0", i); !may(key) {
			t.Errorf("%q is not in its range", key)
		}
	}
	if n := len(*g.ranges.Load()); n != maxRanges || may("m0002") || may("a") {
		t.Errorf("%d ranges, want %d of which none reaches over what lies before the last", n, maxRanges)
	}
	g.noteRange([]byte("k"), nil)
	if !may("z") || !may("m1000") || may("a") {
		t.Error("a range without an end is not all of what follows")
	}
}
