package coherence

import "testing"

func TestStrongReadsPassUnlessAuthoritative(t *testing.T) { // P9
	for _, authoritative := range []bool{false, true} {
		x := newFixture(t, TableOptions{Authoritative: authoritative})
		x.fill("k", "v")
		r := x.read("k", ReadOptions{Strong: true})
		if hit := r.Outcome == Hit; hit != authoritative {
			t.Errorf("authoritative=%v: strong read hits = %v", authoritative, hit)
		}
		a := x.read("other", ReadOptions{Strong: true})
		b := x.read("other", ReadOptions{Strong: true})
		if joined := b.Outcome == Joined; a.Outcome != Lead || joined != authoritative {
			t.Errorf("authoritative=%v: strong read joins = %v", authoritative, joined)
		}
	}
}

func TestEntryIsHiddenFromPendingToSettled(t *testing.T) { // Hide, Swap, Void, Born
	x := newFixture(t, TableOptions{Authoritative: true})
	x.fill("k", "old")
	before := x.lead("other", ReadOptions{})
	m := append(x.mutation("k", "1", "new"), x.mutation("other", "2", "")...)
	x.core.Pending(x.now, m)
	r := x.read("k", ReadOptions{})
	if r.Outcome != Lead || !r.Refill {
		t.Fatalf("a read between Pending and Settled = %+v, want a refill", r)
	}
	if again := x.read("k", ReadOptions{}); again.Outcome != Lead {
		t.Errorf("a second read between Pending and Settled = %d, want its own flight", again.Outcome)
	} else {
		x.core.Fail(x.now, again.Flight)
	}
	x.core.Settled(x.now, m)
	if x.core.Done(x.now, r.Flight, image("old")) || x.core.Done(x.now, before, image("old")) {
		t.Error("a fill that overlapped a commit was stored")
	}
	x.want("k", "new")
	x.want("other", "")
	x.wantIdle(2)
}

func TestSettledStoresNothingUncertain(t *testing.T) { // Cross, Epoch, NoInstallOnWrite
	f := func(name, want string, o TableOptions, run func(x *fixture)) {
		t.Run(name, func(t *testing.T) {
			o.Authoritative = true
			x := newFixture(t, o)
			run(x)
			x.want("k", want)
			if want == "-" {
				x.wantIdle(0)
			}
		})
	}
	f("alone", "new", TableOptions{}, func(x *fixture) {
		m := x.mutation("k", "1", "new")
		x.core.Pending(x.now, m)
		x.core.Settled(x.now, m)
	})
	f("crossed", "-", TableOptions{}, func(x *fixture) {
		a, b := x.mutation("k", "1", "a"), x.mutation("k", "1", "b")
		x.core.Pending(x.now, a)
		x.core.Pending(x.now, b)
		x.core.Settled(x.now, b)
		x.core.Settled(x.now, a)
	})
	f("table deleted", "-", TableOptions{}, func(x *fixture) {
		m := x.mutation("k", "1", "new")
		x.core.Pending(x.now, m)
		x.core.Forget(x.table)
		x.core.Settled(x.now, m)
	})
	f("no entry", "-", TableOptions{NoInstallOnWrite: true}, func(x *fixture) {
		m := x.mutation("k", "1", "new")
		x.core.Pending(x.now, m)
		x.core.Settled(x.now, m)
	})
	f("an entry", "new", TableOptions{NoInstallOnWrite: true}, func(x *fixture) {
		x.fill("k", "old")
		m := x.mutation("k", "1", "new")
		x.core.Pending(x.now, m)
		x.core.Settled(x.now, m)
	})
	f("image unknown", "-", TableOptions{}, func(x *fixture) {
		x.fill("k", "old")
		m := x.mutation("k", "1", "new")
		m[0].New = nil
		x.core.Pending(x.now, m)
		x.core.Settled(x.now, m)
	})
	f("Guard leaves it", "new", TableOptions{}, func(x *fixture) {
		w, other := x.begin("k", "1"), image("guard")
		m := x.mutation("k", "1", "new")
		x.core.Pending(x.now, m)
		x.core.Settled(x.now, m)
		x.settle(w, Applied, &other)
	})
	f("Guard does not know", "-", TableOptions{}, func(x *fixture) {
		w := x.begin("k", "1")
		m := x.mutation("k", "1", "new")
		x.core.Pending(x.now, m)
		x.core.Settled(x.now, m)
		x.settle(w, Ambiguous, nil)
	})
}

func TestPagesAcrossACommit(t *testing.T) { // Kill, Touch, Born, Count
	x := newFixture(t, TableOptions{Authoritative: true})
	x.fillPage("at", "3", "6")
	x.fillPage("beside", "6", "")
	before := x.page("before", "3", "")
	scan := x.core.ReadPage(x.now, x.table, []byte("scan"), Span{}, ReadOptions{}, nil)
	m := x.mutation("k", "4", "new")
	x.core.Pending(x.now, m)
	x.wantPage("at", "3", false)
	x.wantPage("beside", "6", true)
	during := x.page("during", "3", "")
	beside := x.page("beside2", "5", "")
	if x.core.DonePage(x.now, during.Flight, image("v"), span("3", "")) {
		t.Error("a page read during a commit to it was stored before Settled")
	}
	during = x.page("during", "3", "")
	x.core.Settled(x.now, m)
	for name, f := range map[string]*Flight{"before": before.Flight, "during": during.Flight} {
		if x.core.DonePage(x.now, f, image("v"), span("3", "")) {
			t.Errorf("a page begun %s a commit to it was stored", name)
		}
	}
	if !x.core.DonePage(x.now, beside.Flight, image("v"), span("5", "")) {
		t.Error("a page beside the commit was not stored")
	}
	if x.core.DonePage(x.now, scan.Flight, image("v"), Span{}) {
		t.Error("a scan begun before a commit was stored")
	}
	x.wantIdle(3) // two pages, and the item written through
	x.core.Shed(1 << 40)
	if st := x.core.Stats(); st.Nodes != 0 || st.Pages != 0 {
		t.Errorf("Stats of an empty core = %+v", st)
	}
}
