package coherence

import "testing"

func TestWriteKillsPagesOfItsPositionOnly(t *testing.T) { // R42, R45, R48
	x := newFixture(t, TableOptions{})
	x.fillPage("low", "", "3")
	x.fillPage("middle", "3", "6")
	x.fillPage("high", "6", "")
	scan := x.core.ReadPage(x.now, x.table, []byte("scan"), Span{}, ReadOptions{}, nil)
	x.core.DonePage(x.now, scan.Flight, image("s"), Span{})
	x.settle(x.begin("k", "4"), Applied, nil)
	x.wantPage("low", "", true)
	x.wantPage("middle", "3", false)
	x.wantPage("high", "6", true)
	if r := x.core.ReadPage(x.now, x.table, []byte("scan"), Span{}, ReadOptions{}, nil); r.Outcome != Lead || !r.Refill {
		t.Errorf("a scan after a write = %d, want a refill", r.Outcome)
	} else {
		x.core.Fail(x.now, r.Flight)
	}
	x.wantIdle(2)
}

func TestPageFillIsJudgedByWhatItScanned(t *testing.T) { // R42, R45, R46
	f := func(write, scanned string, stored bool) {
		t.Helper()
		x := newFixture(t, TableOptions{})
		r := x.page("page", "2", "")
		x.settle(x.begin("k", write), Applied, nil)
		if got := x.core.DonePage(x.now, r.Flight, image("v"), span("2", scanned)); got != stored {
			t.Errorf("write at %s, scanned 2 to %q: stored = %v, want %v", write, scanned, got, stored)
		}
	}
	f("1", "", true)   // before the condition
	f("2", "", false)  // its first position
	f("9", "", false)  // an append to a page that reached the end
	f("9", "5", true)  // an append beyond the LastEvaluatedKey
	f("5", "5", true)  // the bound is exclusive
	f("4", "5", false) // inside
}

func TestPageFlightIsNotJoinedAfterAWrite(t *testing.T) { // R3
	x := newFixture(t, TableOptions{})
	r := x.page("page", "", "")
	if j := x.page("page", "", ""); j.Outcome != Joined {
		t.Errorf("a second reader = %d, want to join", j.Outcome)
	}
	x.settle(x.begin("k", "1"), Applied, nil)
	if j := x.page("page", "", ""); j.Outcome != Lead {
		t.Errorf("a reader after the ack = %d, want a new flight", j.Outcome)
	} else {
		x.core.Fail(x.now, j.Flight)
	}
	x.core.Fail(x.now, r.Flight)
	x.wantIdle(0)
}

func TestWholeIndexIsKilledByAnUnknownPosition(t *testing.T) { // Index, precision 7
	x := newFixture(t, TableOptions{})
	s := Span{Index: "x", Partition: []byte("a")}
	fill := func() {
		t.Helper()
		if r := x.core.ReadPage(x.now, x.table, []byte("q"), s, ReadOptions{}, nil); r.Outcome != Lead || !x.core.DonePage(x.now, r.Flight, image("v"), s) {
			t.Fatalf("a page of the index was not stored: %d", r.Outcome)
		}
	}
	fill()
	x.fillPage("base", "5", "")
	w := x.core.Begin(x.now, []Effect{{Table: x.table, Key: []byte("k"), Positions: []Position{{Index: "x"}}}})
	x.settle(w, Applied, nil)
	fill()
	x.wantPage("base", "5", true)
	x.core.PurgePartition(x.now, x.table, "x", []byte("a"))
	fill()
}

func TestLaggingIndexIsNotStoredInsideQuarantine(t *testing.T) { // R44
	x := newFixture(t, TableOptions{})
	s := Span{Index: "g", Partition: []byte("a"), Eventual: true}
	try := func() bool {
		r := x.core.ReadPage(x.now, x.table, []byte("q"), s, ReadOptions{}, nil)
		if r.Flight.Strong {
			t.Error("a fill of an index that cannot be read strongly is strong")
		}
		return x.core.DonePage(x.now, r.Flight, image("v"), s)
	}
	x.core.PurgePartition(x.now, x.table, "g", []byte("a"))
	if try() {
		t.Error("a page of a lagging index was stored right after a write")
	}
	x.now += 11
	if !try() {
		t.Error("a page of a lagging index was not stored at rest")
	}
}

// A page of a lagging index that was sent for within the window is no newer than that, whatever the watermark says of the table:
// it is joined for Delta and no longer. The exhaustive model found this.
func TestLateReaderDoesNotJoinAProvisionalPage(t *testing.T) { // R44
	x := newFixture(t, TableOptions{Covered: true, Delta: 5, IndexLag: 10, Provisional: 2})
	s := Span{Index: "g", Partition: []byte("a"), Eventual: true}
	read := func() Read { return x.core.ReadPage(x.now, x.table, []byte("q"), s, ReadOptions{}, nil) }
	x.core.Record(x.now, []Record{{Table: x.table, Key: []byte("k"), Positions: []Position{{Index: "g", Partition: []byte("a")}}}})
	first := read()
	x.now += 5
	if r := read(); r.Flight != first.Flight {
		t.Error("a reader within Delta does not join")
	}
	x.now += 2
	x.core.Advance(x.table, x.now)
	second := read()
	if second.Outcome != Lead {
		t.Errorf("a reader after Delta is answered %d by a flight that may have read what the index showed before", second.Outcome)
	}
	for _, f := range []*Flight{first.Flight, second.Flight} {
		x.core.DonePage(x.now, f, image("v"), s)
	}
}
