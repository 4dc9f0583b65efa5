package coherence

import (
	"fmt"
	"testing"
	"time"
)

func TestSettleVoidsFlights(t *testing.T) { // R1
	x := newFixture(t, TableOptions{})
	f := x.lead("k", ReadOptions{})
	w := x.begin("k", "1")
	x.settle(w, Applied, nil)
	if x.core.Done(x.now, f, image("old")) {
		t.Error("a fill begun before an acknowledged write was stored")
	}
	x.want("k", "-")
	x.wantIdle(0)
}

func TestReaderAfterAckDoesNotJoinOlderFlight(t *testing.T) { // R3
	x := newFixture(t, TableOptions{})
	f := x.lead("k", ReadOptions{})
	w := x.begin("k", "1")
	if r := x.read("k", ReadOptions{}); r.Outcome != Joined || r.Flight != f {
		t.Errorf("a read before the ack = %d, want to join", r.Outcome)
	}
	x.settle(w, Applied, nil)
	g := x.lead("k", ReadOptions{})
	x.core.Done(x.now, f, image("old"))
	if !x.core.Done(x.now, g, image("old")) {
		t.Error("a fill that agrees with the read completed meanwhile was not stored")
	}
}

func TestFillsAreStrongInsideQuarantine(t *testing.T) { // R4, R5, R6, start
	x := newFixture(t, TableOptions{Fill: FillAuto})
	check := func(why string, strong bool) {
		t.Helper()
		f := x.lead("k", ReadOptions{})
		if f.Strong != strong {
			t.Errorf("%s: fill strong = %v, want %v", why, f.Strong, strong)
		}
		x.core.Fail(x.now, f)
	}
	check("at rest", false)
	x.settle(x.begin("k", "1"), Applied, nil)
	check("after a write", true)
	x.now += 11
	check("after the quarantine", false)
	x.fill("k", "v")
	x.core.Evict(x.core.shelf.Hash(x.table.items, []byte("k")))
	check("after evicting a young entry", true)
	x.now += 11
	x.core.Observed(x.now, x.table, []byte("k"), image("v2"))
	check("after an answer that was not stored", true)
	young := New(Config{Tq: 10, Start: 500})
	tab := young.Table("t")
	young.Configure(tab, TableOptions{Fill: FillAuto})
	if f := young.ReadItem(505, tab, []byte("k"), ReadOptions{}, nil).Flight; !f.Strong {
		t.Error("a fill right after the start is not strong")
	}
}

func TestAnswerNotStoredRemovesDifferentEntry(t *testing.T) { // R6
	x := newFixture(t, TableOptions{})
	x.fill("k", "v1")
	x.core.Observed(x.now, x.table, []byte("k"), image("v1"))
	x.want("k", "v1")
	x.core.Observed(x.now, x.table, []byte("k"), image("v2"))
	x.want("k", "-")
}

func TestCompletedReadConstrainsOthers(t *testing.T) { // R7
	f := func(first, second string, stored bool) {
		t.Helper()
		x := newFixture(t, TableOptions{})
		a, b := x.lead("k", ReadOptions{Strong: true}), x.lead("k", ReadOptions{Strong: true})
		x.core.Done(x.now, b, image(first))
		if got := x.core.Done(x.now, a, image(second)); got != stored {
			t.Errorf("after an answer %q, storing %q = %v, want %v", first, second, got, stored)
		}
	}
	f("v", "v", true)
	f("v2", "v1", false)
	// Two different answers in between agree with nothing, even if the last is equal.
	x := newFixture(t, TableOptions{})
	a := x.lead("k", ReadOptions{Strong: true})
	for _, v := range []string{"v1", "v2", "v1"} {
		x.core.Observed(x.now, x.table, []byte("k"), image(v))
	}
	if x.core.Done(x.now, a, image("v1")) {
		t.Error("a fill was stored though a different answer was given meanwhile")
	}
}

func TestNegativeEntriesHaveTheirOwnTTL(t *testing.T) { // R9, P4
	x := newFixture(t, TableOptions{})
	o := ReadOptions{TTL: 50, NegativeTTL: 5}
	x.fill("absent", "")
	x.fill("k", "v")
	x.now += 6
	if r := x.read("absent", o); r.Outcome != Lead || !r.Refill {
		t.Errorf("an expired negative entry = %+v, want a refill", r)
	}
	if r := x.read("k", o); r.Outcome != Hit || r.Age != 6 {
		t.Errorf("an item within its TTL = %+v, want a hit of age 6", r)
	}
	x.now += 50
	if r := x.read("k", o); r.Outcome != Lead || !r.Refill {
		t.Errorf("an expired item = %+v, want a refill", r)
	}
	if st := x.core.Stats(); st.Entries != 0 { // R8
		t.Errorf("%d refused entries still stand", st.Entries)
	}
}

func TestMaxAgeAndNoCacheLeaveTheEntry(t *testing.T) {
	x := newFixture(t, TableOptions{})
	x.fill("k", "v")
	x.now += 10
	for _, o := range []ReadOptions{{MaxAge: 9}, {NoCache: true}} {
		r := x.read("k", o)
		if r.Outcome != Lead {
			t.Errorf("read with %+v = %d, want a new flight", o, r.Outcome)
		}
		x.core.Fail(x.now, r.Flight)
	}
	x.want("k", "v")
}

func TestOwnImageIsStoredOnlyIfAlone(t *testing.T) { // R11, R13, R17, Epoch
	own := image("own")
	f := func(name, want string, write func(x *fixture)) {
		t.Run(name, func(t *testing.T) {
			x := newFixture(t, TableOptions{})
			x.fill("k", "old")
			write(x)
			x.now += 1
			x.want("k", want)
		})
	}
	f("alone", "own", func(x *fixture) { x.settle(x.begin("k", "1"), Applied, &own) })
	f("unknown image", "-", func(x *fixture) { x.settle(x.begin("k", "1"), Applied, nil) })
	f("overlapped", "-", func(x *fixture) {
		a, b := x.begin("k", "1"), x.begin("k", "1")
		x.settle(b, Applied, &own)
		x.settle(a, Applied, &own)
	})
	f("read before and during", "-", func(x *fixture) {
		r := x.lead("k", ReadOptions{Strong: true})
		w := x.begin("k", "1")
		x.core.Fail(x.now, r)
		x.settle(w, Applied, &own)
	})
	f("read during", "-", func(x *fixture) {
		w := x.begin("k", "1")
		x.core.Done(x.now, x.lead("k", ReadOptions{Strong: true}), image("other"))
		x.settle(w, Applied, &own)
	})
	f("after an ambiguous one", "-", func(x *fixture) {
		x.settle(x.begin("k", "1"), Ambiguous, nil)
		x.settle(x.begin("k", "1"), Applied, &own)
	})
	f("begun in the window, settled after", "-", func(x *fixture) {
		x.settle(x.begin("k", "1"), Ambiguous, nil)
		w := x.begin("k", "1")
		x.now += 150
		x.settle(w, Applied, &own)
	})
	f("table forgotten", "-", func(x *fixture) {
		w := x.begin("k", "1")
		x.core.Forget(x.table)
		x.settle(w, Applied, &own)
	})
	f("rejected", "old", func(x *fixture) { x.settle(x.begin("k", "1"), NotApplied, nil) })
	f("purged", "-", func(x *fixture) {
		w := x.begin("k", "1")
		x.core.Purge(x.table, []byte("k"))
		x.settle(w, Applied, &own)
	})
	f("condition failed", "-", func(x *fixture) { x.settle(x.begin("k", "1"), ConditionFailed, nil) }) // R16
	f("condition failed with image", "own", func(x *fixture) { x.settle(x.begin("k", "1"), ConditionFailed, &own) })
	f("never settled", "-", func(x *fixture) { x.core.End(x.now, x.begin("k", "1")) })
}

func TestOldEntryIsServedWhileAWriteIsPending(t *testing.T) { // R14
	x := newFixture(t, TableOptions{})
	x.fill("k", "old")
	w := x.begin("k", "1")
	x.want("k", "old")
	x.core.End(x.now, w)
	x.wantIdle(0)
}

func TestUnknownOutcomeBarsFillsForAWhile(t *testing.T) { // R17
	x := newFixture(t, TableOptions{})
	x.settle(x.begin("k", "5"), Ambiguous, nil)
	f := x.lead("k", ReadOptions{})
	p := x.page("page", "", "")
	scan := x.core.ReadPage(x.now, x.table, []byte("scan"), Span{}, ReadOptions{}, nil)
	x.now += 150 // a fill begun inside the window is barred whenever it ends
	if x.core.Done(x.now, f, image("v")) || x.core.DonePage(x.now, p.Flight, image("p"), span("", "")) ||
		x.core.DonePage(x.now, scan.Flight, image("s"), Span{}) {
		t.Error("a fill begun while a write of unknown outcome may be applied was stored")
	}
	x.fill("k", "v")
	x.fillPage("page", "", "")
}

// A write of unknown outcome may be applied until the last moment of its window, and replicas lack it for as long as any other from
// then on: what is read eventually so soon after may be what was there before, of the item, its pages and scans, whichever of its key
// and its places are known. Where its record would have told, and the stream is lost before it comes, the same holds.
func TestFillsAreStrongAfterALateCommit(t *testing.T) { // R17, R4, R32
	write := func(key, index string, partition []byte) Effect {
		e := Effect{Positions: []Position{{Index: index, Partition: partition, Pos: []byte("5")}}}
		if key != "" {
			e.Key = []byte(key)
		}
		return e
	}
	item := func(x *fixture) *Flight { return x.lead("k", ReadOptions{}) }
	page := func(s Span) func(x *fixture) *Flight {
		return func(x *fixture) *Flight {
			x.t.Helper()
			r := x.core.ReadPage(x.now, x.table, []byte("page"), s, ReadOptions{}, nil)
			if r.Outcome != Lead {
				x.t.Fatalf("a page is %d, want a new flight", r.Outcome)
			}
			return r.Flight
		}
	}
	base, local := span("", ""), Span{Index: "l", Partition: []byte("p")}
	f := func(name string, e Effect, read func(x *fixture) *Flight) {
		t.Run(name, func(t *testing.T) {
			for n, unknown := range []string{"", "unanswered", "", "unanswered"} {
				lost := n > 1                                                              // the write is left to a record that never comes
				x := newFixture(t, TableOptions{Fill: FillAuto, Covered: lost, Delta: 50}) // Tq is 10, Tamb 100
				e.Table = x.table
				w, result := x.core.Begin(x.now, []Effect{e}), Applied
				if unknown == "unanswered" {
					result = Ambiguous
				}
				x.settle(w, result, nil)
				if lost {
					x.core.Configure(x.table, TableOptions{Fill: FillAuto})
					x.core.Lost(x.now, x.table)
				}
				settled := x.now
				for _, after := range []Time{0, 10, 11, 100, 101, 110, 111} {
					x.now = settled + after
					fill := read(x)
					if want := after <= 10 || unknown != "" && after <= 110; fill.Strong != want {
						t.Errorf("%d after a write %q, lost = %v: a fill is strong = %v, want %v", after, unknown, lost, fill.Strong, want)
					}
					if want := unknown != "" && after <= 100; fill.barred != want {
						t.Errorf("%d after a write %q, lost = %v: a fill is barred = %v, want %v", after, unknown, lost, fill.barred, want)
					}
					x.core.Fail(x.now, fill)
				}
			}
		})
	}
	p := []byte("p")
	f("item", write("k", "", p), item)
	f("page", write("k", "", p), page(base))
	f("page of an index", write("k", "l", p), page(local))
	f("page of an index, its place unknown", write("k", "l", nil), page(local))
	f("scan", write("k", "", p), page(Span{}))
	f("item, its key unknown", write("", "", p), item)
	f("page, its key unknown", write("", "", p), page(base))
	f("page of an index, nothing known", Effect{}, page(local))
}

func TestUnknownKeyForgetsTheTable(t *testing.T) { // Epoch, R17
	x := newFixture(t, TableOptions{})
	x.fill("k", "v")
	x.fillPage("page", "", "")
	w := x.core.Begin(x.now, []Effect{{Table: x.table}})
	f := x.lead("other", ReadOptions{})
	x.settle(w, Ambiguous, nil)
	if x.core.Done(x.now, f, image("v")) {
		t.Error("a fill was stored across a write to an unknown key")
	}
	x.want("k", "-")
	x.wantPage("page", "", false)
	if x.core.Done(x.now, x.lead("k", ReadOptions{}), image("v")) {
		t.Error("a fill was stored while a write to an unknown key may be applied")
	}
	x.now += 150
	x.fill("k", "v")
}

func TestKeysAreComparedInFull(t *testing.T) { // R51
	c := New(Config{Shards: 1, FixedHash: 1})
	tab, other := c.Table("t"), c.Table("u")
	for i := range 50 {
		for _, tb := range []*Table{tab, other} {
			r := c.ReadItem(1, tb, fmt.Appendf(nil, "%d", i), ReadOptions{}, nil)
			c.Done(1, r.Flight, image(fmt.Sprintf("%s%d", tb.Name(), i)))
		}
	}
	for i := range 50 {
		for _, tb := range []*Table{tab, other} {
			r := c.ReadItem(1, tb, fmt.Appendf(nil, "%d", i), ReadOptions{}, nil)
			if want := fmt.Sprintf("%s%d", tb.Name(), i); string(r.Body) != want {
				t.Errorf("read of %d = %q, want %q", i, r.Body, want)
			}
		}
	}
	c.Evict(0)
	c.Evict(1)
	if st := c.Stats(); st.Slots != 0 || st.Bytes != 0 {
		t.Errorf("after evicting all, Stats = %+v", st)
	}
}

func TestFailedFlightLeavesNoTrace(t *testing.T) {
	x := newFixture(t, TableOptions{})
	x.fill("k", "v")
	f := x.lead("k", ReadOptions{NoCache: true})
	x.core.Fail(x.now, f)
	x.want("k", "v")
	x.core.Fail(x.now, x.page("page", "", "").Flight)
	x.wantIdle(1)
}

func TestTransientAnswerIsNotStored(t *testing.T) {
	x := newFixture(t, TableOptions{})
	img := image("v")
	img.Transient = true
	if x.core.Done(x.now, x.lead("k", ReadOptions{}), img) {
		t.Error("a transient image was stored")
	}
	x.wantIdle(0)
}

func TestAmbiguityWindowsAreSwept(t *testing.T) {
	x := newFixture(t, TableOptions{})
	for i := range 10000 {
		x.now += 5
		x.settle(x.begin(fmt.Sprint(i), fmt.Sprint(i)), Ambiguous, nil)
	}
	if n := x.core.Stats().Windows; n > 1000 {
		t.Errorf("%d windows remembered of which about 20 are open", n)
	}
}

func TestDefaults(t *testing.T) {
	c := New(Config{})
	if c.cfg.Shards != 128 || len(c.quar) != 1<<18 || c.cfg.Tq != 2*time.Second || c.cfg.Tamb != 30*time.Second || c.rules != AllRules() {
		t.Errorf("defaults: %d stripes, %+v", len(c.quar), c.cfg)
	}
}
