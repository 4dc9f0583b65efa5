package coherence

import (
	"testing"
	"time"
)

// covered is a table whose foreign commits come as records.
var covered = TableOptions{Covered: true, Delta: 50}

// record applies a commit of key to text, at base position pos.
func (x *fixture) record(key, pos string, img *Image) {
	x.core.Record(x.now, []Record{{Table: x.table, Key: []byte(key), Image: img, Positions: []Position{{Partition: []byte("p"), Pos: []byte(pos)}}}})
}

func TestRecordRemovesWhatDiffers(t *testing.T) { // R29
	x := newFixture(t, covered)
	v1, v2 := image("v1"), image("v2")
	x.fill("k", "v1")
	x.record("k", "1", &v1)
	x.want("k", "v1")
	x.record("k", "1", &v2)
	x.want("k", "-")
	x.fill("k", "v2")
	x.record("k", "1", nil) // keys only
	x.want("k", "-")
	x.fill("k", "v2")
	x.core.Record(x.now, []Record{{Table: x.table}}) // anything
	x.want("k", "-")
	x.wantIdle(0)
}

func TestRecordLetsFlightsStoreItsImageOnly(t *testing.T) { // R2
	v1, v2 := image("v1"), image("v2")
	f := func(why, read string, stored bool, records ...*Image) {
		t.Helper()
		x := newFixture(t, covered)
		a := x.lead("k", ReadOptions{})
		for _, r := range records {
			x.record("k", "1", r)
		}
		if b := x.lead("k", ReadOptions{}); len(records) > 0 { // not joined
			x.core.Fail(x.now, b)
		}
		if got := x.core.Done(x.now, a, image(read)); got != stored {
			t.Errorf("%s: stored = %v, want %v", why, got, stored)
		}
	}
	f("its image", "v1", true, &v1)
	f("its image twice", "v1", true, &v1, &v1)
	f("another image", "v1", false, &v2)
	f("two images", "v2", false, &v1, &v2)
	f("no image", "v1", false, nil)
	f("no image, then its image", "v1", false, nil, &v1)
}

func TestRecordMakesWritesNotAlone(t *testing.T) { // R12
	x := newFixture(t, covered)
	v1 := image("v1")
	w := x.begin("k", "1")
	x.record("k", "1", &v1)
	x.settle(w, Applied, &v1)
	x.want("k", "-")
}

func TestRecordTouchesPagesAndScans(t *testing.T) { // R43
	x := newFixture(t, covered)
	v := image("v")
	x.fillPage("near", "a", "c")
	x.fillPage("far", "m", "n")
	r := x.page("filling", "a", "c")
	x.record("k", "b", &v)
	if x.core.DonePage(x.now, r.Flight, image("filling"), span("a", "c")) {
		t.Error("a page fill was stored over a record in its interval")
	}
	x.wantPage("near", "a", false)
	x.wantPage("far", "m", true)
}

func TestDeltaBoundsWhatTheWatermarkDoesNotVouchFor(t *testing.T) { // P3, P10
	x := newFixture(t, covered)
	x.fill("k", "v")
	x.fillPage("page", "a", "c")
	x.now += 50
	x.want("k", "v")
	x.now++
	x.core.Advance(x.table, x.now-20)
	x.want("k", "v")
	x.now += 60 // the stream lags: nobody looks meanwhile
	x.core.Advance(x.table, x.now-10)
	x.core.Advance(x.table, x.now-60) // never lowers
	x.want("k", "v")                  // it resumed without a gap
	x.wantPage("page", "a", true)
	x.now += 60
	x.want("k", "-")
	x.core.Advance(x.table, x.now)
	x.want("k", "-") // R8: refused once
	x.wantPage("page", "a", true)
	if got := x.core.Watermark(x.table); got != x.now {
		t.Errorf("Watermark = %d, want %d", got, x.now)
	}
}

func TestFlightOlderThanDeltaIsNotJoined(t *testing.T) { // P3
	x := newFixture(t, covered)
	f := x.lead("k", ReadOptions{})
	x.now += 50
	if r := x.read("k", ReadOptions{}); r.Outcome != Joined {
		t.Errorf("a read within Delta = %d, want to join", r.Outcome)
	}
	x.now++
	x.core.Fail(x.now, x.lead("k", ReadOptions{}))
	x.core.Fail(x.now, f)
}

func TestLostForgetsAndQuarantines(t *testing.T) {
	o := covered
	o.Fill = FillAuto
	x := newFixture(t, o)
	x.core.Advance(x.table, x.now)
	x.fill("k", "v")
	f := x.lead("other", ReadOptions{})
	x.now += 20
	x.core.Lost(x.now, x.table)
	if x.core.Done(x.now, f, image("v")) {
		t.Error("a fill begun before the gap was stored")
	}
	x.want("k", "-")
	if x.core.Watermark(x.table) != 0 {
		t.Error("the watermark outlived the gap")
	}
	g := x.lead("k", ReadOptions{})
	if !g.Strong {
		t.Error("a fill right after the gap is not strong")
	}
	x.core.Fail(x.now, g)
}

func TestCoverageMakesAmbiguityWindowsNeedless(t *testing.T) { // R17
	x := newFixture(t, covered)
	x.settle(x.begin("k", "1"), Ambiguous, nil)
	x.fill("k", "v")
	x.want("k", "v")
	// Coverage ends: the late commit will not be told.
	x.core.Configure(x.table, TableOptions{})
	x.core.Lost(x.now, x.table)
	if x.core.Done(x.now, x.lead("k", ReadOptions{}), image("v")) {
		t.Error("a fill was stored in the window of a write that nothing tells of any more")
	}
	x.now += 101
	x.fill("k", "v")
}

func TestPageOfLaggingIndexIsProvisional(t *testing.T) { // R44
	o := covered
	o.IndexLag, o.Provisional = 30, 5
	x := newFixture(t, o)
	s := Span{Index: "g", Partition: []byte("q"), Eventual: true}
	fill := func() {
		t.Helper()
		r := x.core.ReadPage(x.now, x.table, []byte("page"), s, ReadOptions{}, nil)
		if r.Outcome != Lead || r.Flight.Strong || !x.core.DonePage(x.now, r.Flight, image("page"), s) {
			t.Fatalf("the page was not stored: outcome %d", r.Outcome)
		}
	}
	cached := func() bool {
		r := x.core.ReadPage(x.now, x.table, []byte("page"), s, ReadOptions{}, nil)
		if r.Outcome == Lead {
			x.core.Fail(x.now, r.Flight)
		}
		return r.Outcome == Hit
	}
	x.core.Record(x.now, []Record{{Table: x.table, Key: []byte("k"), Positions: []Position{{Index: "g", Partition: []byte("q")}}}})
	x.now += 30
	fill()
	x.now += 5
	if !cached() {
		t.Error("a provisional page was not served at all")
	}
	x.now++
	if cached() {
		t.Error("a provisional page was served for too long")
	}
	fill()
	x.now += 40
	if !cached() {
		t.Error("a page read after the index's lag is not served")
	}
}

func TestScansOfBusyTablesAreNotStored(t *testing.T) { // R48
	x := newFixture(t, TableOptions{Provisional: 5})
	scan := func() bool {
		r := x.core.ReadPage(x.now, x.table, []byte("scan"), Span{}, ReadOptions{}, nil)
		return x.core.DonePage(x.now, r.Flight, image("scan"), Span{})
	}
	x.settle(x.begin("k", "1"), Applied, nil)
	x.now += 4
	if scan() {
		t.Error("a scan right after a write was stored")
	}
	x.now++
	if !scan() {
		t.Error("a scan of a quiet table was not stored")
	}
}

func TestThriftyFillIsEventualAndNotStored(t *testing.T) {
	x := newFixture(t, TableOptions{Fill: FillAuto})
	x.settle(x.begin("k", "1"), Applied, nil)
	f := x.lead("k", ReadOptions{Thrift: true})
	if f.Strong {
		t.Error("a thrifty fill is strong")
	}
	if r := x.read("k", ReadOptions{Thrift: true}); r.Outcome != Joined {
		t.Errorf("another thrifty read = %d, want to join", r.Outcome)
	}
	g := x.lead("k", ReadOptions{}) // others want better
	if !g.Strong {
		t.Error("a fill inside the quarantine is not strong")
	}
	x.core.Fail(x.now, g)
	if x.core.Done(x.now, f, image("old")) {
		t.Error("a thrifty answer was stored")
	}
	x.now += 11
	if h := x.lead("k", ReadOptions{Thrift: true}); h.Strong || !x.core.Done(x.now, h, image("new")) {
		t.Error("thrifty answers went on for ever")
	}
}

func TestStaleLookupServesWhatOnlyDeltaRefuses(t *testing.T) {
	x := newFixture(t, covered)
	o := ReadOptions{KeepStale: true, TTL: time.Duration(500)}
	x.fill("k", "v")
	x.now += 60
	f := x.lead("k", o)
	x.core.Fail(x.now, f)
	if r, ok := x.core.StaleItem(x.now, x.table, []byte("k"), o, nil); !ok || string(r.Body) != "v" || r.Age != 60 {
		t.Errorf("StaleItem = %q after %d, %v", r.Body, r.Age, ok)
	}
	if !x.core.Done(x.now, x.lead("k", o), image("v2")) {
		t.Error("a fill over a refused entry was not stored")
	}
	x.want("k", "v2")
	x.now += 501
	if _, ok := x.core.StaleItem(x.now, x.table, []byte("k"), o, nil); ok {
		t.Error("StaleItem served an item past its TTL")
	}
}

func TestOldIsWhatWasCachedAtBegin(t *testing.T) {
	x := newFixture(t, TableOptions{})
	f := func(key, want string, exists, known bool, meanwhile func()) {
		t.Helper()
		w := x.begin(key, "1")
		x.settle(x.begin(key, "1"), Applied, nil)
		meanwhile()
		if got, e, k := x.core.Old(w, 0, nil); string(got) != want || e != exists || k != known {
			t.Errorf("Old of %s = %q, %v, %v, want %q, %v, %v", key, got, e, k, want, exists, known)
		}
		x.settle(w, Applied, nil)
	}
	x.fill("k", "v")
	x.fill("absent", "")
	f("k", "v", true, true, func() {})
	f("absent", "", false, true, func() {})
	f("unknown", "", false, false, func() {})
	x.fill("k", "v")
	f("k", "v", false, false, func() { x.core.Lost(x.now, x.table) }) // R25
}

func TestPagesLiveToTheirTTLIfSoConfigured(t *testing.T) {
	x := newFixture(t, TableOptions{PagesUntilTTL: true})
	x.fill("k", "v")
	x.fillPage("page", "a", "c")
	x.settle(x.begin("k", "b"), Applied, nil)
	x.want("k", "-")
	x.wantPage("page", "a", true)
}
