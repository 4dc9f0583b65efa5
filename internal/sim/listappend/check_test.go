package listappend

import (
	"fmt"
	"testing"
)

func TestTheCheckerKnowsAnomalies(t *testing.T) {
	t.Parallel()
	// All transactions overlap but the last, which reads everything.
	tx := func(appends, reads map[string][]int) Tx {
		return Tx{Appends: appends, Reads: reads, Start: 1, End: 100}
	}
	f := func(want string, final map[string][]int, txs ...Tx) {
		t.Helper()
		for i := range txs {
			txs[i].Name = fmt.Sprint("T", i)
		}
		got := Check(append(txs, Tx{Name: "last", Reads: final, Start: 101, End: 102}))
		if got == nil && want == "" || got != nil && got.Kind == want {
			return
		}
		t.Errorf("found %v, want %s", got, want)
	}
	type m = map[string][]int
	aborted := tx(m{"x": {1}}, nil)
	aborted.Failed = true
	// One after the other, in any order.
	f("", m{"x": {1, 2}, "y": {3}}, tx(m{"x": {1}}, nil), tx(m{"x": {2}, "y": {3}}, nil), tx(nil, m{"x": {1}, "y": nil}))
	// Two transactions whose appends are in different orders.
	f("G0", m{"x": {1, 3}, "y": {4, 2}}, tx(m{"x": {1}, "y": {2}}, nil), tx(m{"x": {3}, "y": {4}}, nil))
	// A read of what failed, left behind or seen on the way.
	f("G1a", m{"x": {1}}, aborted)
	f("G1a", m{"x": nil}, aborted, tx(nil, m{"x": {1}}))
	// A read between two elements of one transaction.
	f("G1b", m{"x": {1, 2}}, tx(m{"x": {1, 2}}, nil), tx(nil, m{"x": {1}}))
	// Each read what the other appended.
	f("G1c", m{"x": {1}, "y": {2}}, tx(m{"x": {1}}, m{"y": {2}}), tx(m{"y": {2}}, m{"x": {1}}))
	// Half of a transaction was seen.
	f("G-single", m{"x": {1}, "y": {2}}, tx(m{"x": {1}, "y": {2}}, nil), tx(nil, m{"x": {1}, "y": nil}))
	// Each missed what the other appended.
	f("G2", m{"x": {1}, "y": {2}}, tx(m{"x": {1}}, m{"y": nil}), tx(m{"y": {2}}, m{"x": nil}))
	// Two readers saw two writers in different orders.
	f("G2", m{"x": {1}, "y": {2}}, tx(m{"x": {1}}, nil), tx(m{"y": {2}}, nil), tx(nil, m{"x": {1}, "y": nil}), tx(nil, m{"x": nil, "y": {2}}))
	// An append is gone, comes twice, or moved.
	f("lost", m{"x": {1}}, tx(m{"x": {1}}, nil), tx(m{"x": {2}}, nil))
	f("garbage", m{"x": {1, 1}}, tx(m{"x": {1}}, nil))
	f("order", m{"x": {1, 2}}, tx(m{"x": {1}}, nil), tx(m{"x": {2}}, nil), tx(nil, m{"x": {2}}))
	// A read that misses what was over when it was sent.
	late := tx(nil, m{"x": nil})
	late.Start, late.End = 50, 60
	early := tx(m{"x": {1}}, nil)
	early.End = 40
	f("G-single", m{"x": {1}}, early, late)
}
