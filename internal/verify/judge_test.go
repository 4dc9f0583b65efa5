package verify

import (
	"strings"
	"testing"
	"time"
)

// ms is a time of a history.
func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// wrote is a write that was acknowledged.
func wrote(version, start, end int) Op {
	return Op{Client: "w", Name: "PutItem", Write: true, Version: version, Start: ms(start), End: ms(end)}
}

// swapped is a swap that was acknowledged.
func swapped(version, start, end int) Op {
	op := wrote(version, start, end)
	op.Swap = true
	return op
}

// saw is a read that showed a version, or nothing for 0.
func saw(version, start, end int) Op {
	return Op{Client: "r", Name: "GetItem", Version: version, Absent: version == 0, Start: ms(start), End: ms(end)}
}

// deleted makes a version without the item.
func deleted(version, start, end int) Op {
	op := wrote(version, start, end)
	op.Absent, op.Name = true, "DeleteItem"
	return op
}

func TestJudgeFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	session := demand{monotonic: true}
	f := func(what string, d demand, want string, ops ...Op) {
		t.Helper()
		var got []string
		j := judge(ops, d)
		for _, f := range j.findings {
			got = append(got, []string{"stale", "backwards", "phantom", "twice"}[f.kind])
			h := f.history("x", ops)
			if h.Says == "" || len(h.Ops) == 0 || strings.Contains(h.Says, "%!") {
				t.Errorf("%s: history %+v", what, h)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: found %q, want %q", what, s, want)
		}
	}
	f("latest", session, "", wrote(1, 0, 1), saw(1, 2, 3), wrote(2, 4, 5), saw(2, 6, 7))
	f("missed", session, "stale", wrote(1, 0, 1), wrote(2, 4, 5), saw(1, 6, 7))
	f("not acknowledged when the read was sent", session, "", wrote(1, 0, 1), wrote(2, 4, 7), saw(1, 6, 8))
	f("acknowledged in the same moment", session, "", wrote(1, 0, 1), wrote(2, 4, 6), saw(1, 6, 8))
	f("within the slack", demand{slack: ms(10)}, "", wrote(1, 0, 1), wrote(2, 4, 5), saw(1, 15, 16))
	f("beyond the slack", demand{slack: ms(10)}, "stale", wrote(1, 0, 1), wrote(2, 4, 5), saw(1, 16, 17))
	f("unknown outcome, never seen", session, "", wrote(1, 0, 1), Op{Write: true, Version: 2, Start: ms(2), End: never}, saw(1, 50, 51))
	f("unknown outcome, seen and lost", session, "backwards", wrote(1, 0, 1), Op{Write: true, Version: 2, Start: ms(2), End: never}, saw(2, 50, 51), saw(1, 52, 53))
	f("back, one after the other", session, "backwards", wrote(1, 0, 1), wrote(2, 2, 100), saw(2, 3, 4), saw(1, 5, 6))
	f("back, at the same time", session, "", wrote(1, 0, 1), wrote(2, 2, 100), saw(2, 3, 6), saw(1, 5, 8))
	f("back, where that is allowed", demand{slack: ms(500)}, "", wrote(1, 0, 1), wrote(2, 2, 100), saw(2, 3, 4), saw(1, 5, 6))
	page := saw(1, 5, 6)
	page.Name = "Query"
	f("back, by another way to read", session, "", wrote(1, 0, 1), wrote(2, 2, 100), saw(2, 3, 4), page)
	f("from the future", session, "phantom", wrote(1, 0, 1), saw(2, 2, 3), wrote(2, 5, 6))
	f("never written", session, "phantom", wrote(1, 0, 1), saw(7, 2, 3))
	f("absent before the first", session, "", saw(0, 0, 1), wrote(1, 2, 3))
	f("absent after the first", session, "stale", wrote(1, 0, 1), saw(0, 2, 3))
	f("absent after a deletion", session, "", wrote(1, 0, 1), deleted(2, 2, 3), saw(0, 4, 5))
	f("absent before a deletion was begun", session, "stale", wrote(1, 0, 1), saw(0, 3, 4), deleted(2, 6, 7))
	f("there after a deletion", session, "stale", wrote(1, 0, 1), deleted(2, 2, 3), saw(1, 4, 5))
	f("absent after a deletion and a write", session, "stale", wrote(1, 0, 1), deleted(2, 2, 3), wrote(3, 4, 5), saw(0, 6, 7))
	f("absent while it is being deleted, then back", session, "backwards", wrote(1, 0, 1), deleted(2, 2, 100), saw(0, 4, 5), saw(1, 6, 7))
	f("only whether it goes back", demand{monotonic: true, onlyMonotonic: true}, "", wrote(1, 0, 1), wrote(2, 2, 3), saw(1, 6, 7))
	f("goes back although also stale", demand{monotonic: true, onlyMonotonic: true}, "backwards", wrote(1, 0, 1), wrote(2, 2, 3), saw(2, 4, 5), saw(1, 6, 7))

	f("swaps one after the other", session, "", wrote(1, 0, 1), swapped(2, 2, 3), swapped(3, 4, 5), saw(3, 6, 7))
	f("two swaps from one version", session, "twice", wrote(1, 0, 1), swapped(2, 2, 3), swapped(2, 4, 5), saw(2, 6, 7))
	f("two at the same time", demand{slack: ms(500)}, "twice", wrote(1, 0, 1), swapped(2, 2, 5), swapped(2, 3, 4))
	f("three", session, "twice twice", wrote(1, 0, 1), swapped(2, 2, 3), swapped(2, 4, 5), swapped(2, 4, 6))
	open := swapped(2, 6, 7)
	open.End = never
	f("one whose outcome is unknown", session, "", wrote(1, 0, 1), swapped(2, 2, 3), saw(2, 4, 5), open, saw(2, 8, 9))
	f("what one of two made, missed", session, "stale", wrote(1, 0, 1), swapped(2, 2, 3), saw(1, 4, 5), open)

	strong := saw(1, 6, 7)
	strong.Strong = true
	f("strong in spite of slack", demand{slack: ms(100)}, "stale", wrote(1, 0, 1), wrote(2, 4, 5), strong)

	moving := saw(0, 3, 5)
	moving.Index = true
	f("missing in an index while it moves", session, "", wrote(1, 0, 1), wrote(2, 4, 6), moving)
	resting := saw(0, 8, 9)
	resting.Index = true
	f("missing in an index that rests", session, "stale", wrote(1, 0, 1), wrote(2, 4, 6), resting)

	index := demand{slack: ms(10), propagation: ms(100)}
	f("an index that takes its time", index, "", wrote(1, 0, 1), wrote(2, 4, 5), saw(1, 110, 111))
	f("an index that takes too long", index, "stale", wrote(1, 0, 1), wrote(2, 4, 5), saw(1, 116, 117))
	origin := saw(2, 6, 7)
	origin.Origin = true
	f("staler than the writer's index", index, "stale", wrote(1, 0, 1), wrote(2, 4, 5), origin, saw(1, 18, 19))
	f("as stale as it may be", index, "", wrote(1, 0, 1), wrote(2, 4, 5), origin, saw(1, 17, 18))
}

func TestJudgeMeasuresHowLongWritesStayUnseen(t *testing.T) {
	t.Parallel()
	j := judge([]Op{wrote(1, 0, 1), wrote(2, 2, 3), saw(1, 5, 6), saw(1, 13, 14), saw(2, 15, 16), wrote(3, 20, 21), saw(3, 22, 23)}, demand{slack: time.Second})
	if j.reads != 4 || j.behind != 2 || j.worst != ms(10) {
		t.Errorf("%d reads, %d behind, worst %s, want 4, 2, 10ms", j.reads, j.behind, j.worst)
	}
	if len(j.delays) != 3 || j.delays[0] != 0 || j.delays[1] != ms(10) || j.delays[2] != 0 {
		t.Errorf("delays %v, want 0, 10ms, 0", j.delays)
	}
}

func TestJudgeCountsTheChangesThatWereLookedAt(t *testing.T) {
	t.Parallel()
	f := func(what string, changes int, first bool, ops ...Op) {
		t.Helper()
		if j := judge(ops, demand{}); j.changes != changes || j.first != first {
			t.Errorf("%s: %d changes, the first %v; want %d, %v", what, j.changes, j.first, changes, first)
		}
	}
	f("all", 2, true, wrote(1, 0, 1), saw(1, 2, 3), wrote(2, 4, 5), saw(2, 6, 7), wrote(3, 8, 9), saw(3, 10, 11), saw(3, 12, 13))
	f("the last of several", 1, false, wrote(1, 0, 1), wrote(2, 4, 5), wrote(3, 8, 9), saw(3, 10, 11))
	f("before it was acknowledged", 0, true, wrote(1, 0, 1), wrote(2, 4, 9), saw(2, 6, 10))
	f("never", 0, false, wrote(1, 0, 1), wrote(2, 4, 5))
}

func TestHitsAreReadFromTheHeader(t *testing.T) {
	t.Parallel()
	f := func(header string, want float64) {
		t.Helper()
		if got := (note{cache: header}).hits(); got != want {
			t.Errorf("hits of %q = %g, want %g", header, got, want)
		}
	}
	f("", 0)
	f("hit", 1)
	f("negative", 1)
	f("hit; hits=4/4", 1)
	f("partial; hits=3/4", 0.75)
	f("partial; hits=x/0", 0)
	f("miss", 0)
	f("shared", 0)
	f("bypass", 0)
}
