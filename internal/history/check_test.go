package history

import (
	"fmt"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"
)

// at makes an operation from moments in milliseconds; -1 is no return.
func at(call, end int, op Op) Op {
	op.Key, op.Call, op.Return = "k", time.Duration(call)*time.Millisecond, time.Duration(end)*time.Millisecond
	if end < 0 {
		op.Return = Never
	}
	if op.Via == "" {
		op.Via = []string{"GetItem", "PutItem", "DeleteItem", "UpdateItem"}[op.Kind]
	}
	return op
}

// read, write and the others are operations without times.
func read(v string) Op        { return Op{Kind: Read, Value: v} }
func strong(v string) Op      { return Op{Kind: Read, Value: v, Strong: true} }
func write(v string) Op       { return Op{Kind: Write, Value: v} }
func swap(old, v string) Op   { return Op{Kind: Swap, Old: old, Value: v} }
func failed(old, v string) Op { return Op{Kind: Swap, Old: old, Value: v, Failed: true} }

func TestLinearizableFindsWhatCannotHaveHappened(t *testing.T) {
	t.Parallel()
	f := func(what string, slack int, want bool, ops ...Op) {
		t.Helper()
		violation, err := Linearizable(ops, time.Duration(slack)*time.Millisecond, time.Minute)
		if err != nil || (violation == nil) != want {
			t.Errorf("%s: violation %v, %v, want linearizable %v", what, violation, err, want)
		}
	}
	f("one after the other", 0, true, at(0, 1, write("a")), at(2, 3, read("a")), at(4, 5, write("b")), at(6, 7, strong("b")))
	f("a stale read", 0, false, at(0, 1, write("a")), at(4, 5, write("b")), at(6, 7, read("a")))
	f("a stale read within the slack", 2, true, at(0, 1, write("a")), at(4, 5, write("b")), at(6, 7, read("a")))
	f("a stale read beyond the slack", 2, false, at(0, 1, write("a")), at(4, 5, write("b")), at(8, 9, read("a")))
	f("a stale consistent read within the slack of others", 100, false, at(0, 1, write("a")), at(4, 5, write("b")), at(6, 7, strong("a")))
	f("reads that go back while a write is under way", 0, false, at(0, 1, write("a")), at(4, 50, write("b")), at(6, 7, read("b")), at(8, 9, read("a")))
	f("a lost swap", 0, false, at(0, 1, write("a")), at(2, 3, swap("a", "b")), at(4, 5, swap("a", "c")))
	f("swaps in turn", 0, true, at(0, 1, write("a")), at(2, 3, swap("a", "b")), at(2, 3, failed("a", "c")), at(4, 5, swap("b", "d")))
	f("a swap that fails on the latest", 0, false, at(0, 1, write("a")), at(2, 3, failed("a", "c")))
	f("a write without a return that happened late", 0, true, at(0, 1, write("a")), at(2, -1, write("b")), at(4, 5, write("c")), at(6, 7, read("c")), at(8, 9, read("b")))
	f("a write without a return that never happened", 0, true, at(0, 1, write("a")), at(2, -1, write("b")), at(4, 5, read("a")))
	f("a write without a return that happened and did not", 0, false, at(0, 1, write("a")), at(2, -1, write("b")), at(4, 5, read("b")), at(6, 7, read("a")))
	f("a swap without a return that could not happen", 0, true, at(0, 1, write("a")), at(2, -1, swap("x", "b")), at(4, 5, read("a")))
	f("a deletion", 0, true, at(0, 1, write("a")), at(2, 3, Op{Kind: Delete}), at(4, 5, read("")), at(6, 7, swap("", "b")), at(8, 9, read("b")))
	f("back from a deletion", 0, false, at(0, 1, write("a")), at(2, 3, Op{Kind: Delete}), at(4, 5, read("a")))
}

func TestSessionsFindsStaleAndBackwardReads(t *testing.T) {
	t.Parallel()
	f := func(what string, want int, ops ...Op) {
		t.Helper()
		if got := Sessions(ops, nil); len(got) != want {
			t.Errorf("%s: %d sentences %q, want %d", what, len(got), got, want)
		}
	}
	foreign := write("b")
	foreign.Foreign = true
	query := read("a")
	query.Via = "Query"
	f("in order", 0, at(0, 1, write("a")), at(2, 3, read("a")), at(4, 5, write("b")), at(6, 7, read("b")))
	f("stale", 1, at(0, 1, write("a")), at(4, 5, write("b")), at(6, 7, read("a")))
	f("stale after a deletion", 1, at(0, 1, write("a")), at(4, 5, Op{Kind: Delete}), at(6, 7, read("a")))
	f("writes at the same time", 0, at(0, 5, write("a")), at(4, 6, write("b")), at(7, 8, read("a")))
	f("not acknowledged yet", 0, at(0, 1, write("a")), at(4, 7, write("b")), at(6, 8, read("a")))
	f("past the target, not seen yet", 0, at(0, 1, write("a")), at(4, 5, foreign), at(6, 7, read("a")))
	f("past the target, seen and lost", 1, at(0, 1, write("a")), at(4, 5, foreign), at(6, 7, read("b")), at(8, 9, read("a")))
	f("seen by another way to read", 0, at(0, 1, write("a")), at(4, 5, foreign), at(6, 7, read("b")), at(8, 9, query))
	f("no return, seen and lost", 1, at(0, 1, write("a")), at(4, -1, write("b")), at(6, 7, read("b")), at(8, 9, read("a")))
	f("a swap that failed", 0, at(0, 1, write("a")), at(4, 5, failed("x", "b")), at(8, 9, read("a")))
	f("nobody's value", 1, at(0, 1, write("a")), at(8, 9, read("z")))
	deleted, unseen := Op{Kind: Delete}, Op{Kind: Delete, Foreign: true}
	f("absent, and nothing was written", 0, at(0, 1, read("")), at(2, 3, write("a")))
	f("absent after an own write", 1, at(0, 1, write("a")), at(2, 3, read("")))
	f("absent while an own write is under way", 0, at(0, 3, write("a")), at(2, 4, read("")))
	f("absent after a deletion", 0, at(0, 1, write("a")), at(2, 3, deleted), at(4, 5, read("")))
	f("absent after a deletion that was overwritten", 1, at(0, 1, deleted), at(2, 3, write("a")), at(4, 5, read("")))
	f("absent after a deletion at the same time", 0, at(0, 3, deleted), at(2, 4, write("a")), at(5, 6, read("")))
	f("absent after a deletion without a return", 0, at(0, -1, deleted), at(2, 3, write("a")), at(4, 5, read("")))
	f("absent before a deletion was sent", 1, at(0, 1, write("a")), at(2, 3, read("")), at(4, 5, deleted))
	f("absent by a deletion past the target", 0, at(0, 1, write("a")), at(2, 3, unseen), at(4, 5, read("")))
	f("absent though shown, of a write past the target", 1, at(0, 1, foreign), at(2, 3, read("b")), at(4, 5, read("")))
	f("absent, of a write past the target that was not shown", 0, at(0, 1, foreign), at(4, 5, read("")), at(6, 7, read("b")))
	f("deleted past the target, seen and lost", 1, at(0, 1, write("a")), at(2, 3, unseen), at(4, 5, read("")), at(6, 7, read("a")))
	f("deleted past the target, and which of two deletions was seen is not known", 0, at(0, 1, unseen), at(0, 4, write("a")), at(2, 7, foreign),
		at(5, 8, unseen), at(9, 10, read("")), at(11, 12, read("b")))
}

// TestThinningChangesNoVerdict compares the search with and without thinning on small histories of every kind.
func TestThinningChangesNoVerdict(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var ops []Op
		values := []string{""}
		for i := range rapid.IntRange(1, 9).Draw(t, "operations") {
			call := rapid.IntRange(0, 40).Draw(t, "call")
			end := call + rapid.IntRange(1, 12).Draw(t, "took")
			value := fmt.Sprintf("v%d", i)
			old := rapid.SampledFrom(values).Draw(t, "old")
			op := []Op{write(value), read(old), strong(old), read(old), {Kind: Delete}, swap(old, value), failed(old, value)}[rapid.IntRange(0, 6).Draw(t, "kind")]
			if op.Kind != Read && !op.Failed && rapid.IntRange(0, 5).Draw(t, "unknown") == 0 {
				end = -1
			}
			if op.Kind == Write || op.Kind == Swap && !op.Failed {
				values = append(values, value)
			}
			ops = append(ops, at(call, end, op))
		}
		slack := time.Duration(rapid.IntRange(0, 20).Draw(t, "slack")) * time.Millisecond
		var plain []porcupine.Operation
		for _, op := range ops {
			call := op.Call
			if op.Kind == Read && !op.Strong {
				call -= slack
			}
			plain = append(plain, porcupine.Operation{ClientId: op.Client, Input: op, Call: int64(call), Return: int64(op.Return)})
		}
		want := porcupine.CheckOperations(register, plain)
		violation, err := Linearizable(ops, slack, time.Minute)
		if err != nil || (violation == nil) != want {
			t.Fatalf("Linearizable within %s: %v, %v, want %v for\n%s", slack, violation == nil, err, want, text(ops))
		}
	})
}
