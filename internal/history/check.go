package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// register is the model of an item: a value that can be written, deleted, read, and swapped for what it is.
var register = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, _ any) (bool, any) {
		value, op := state.(string), input.(Op)
		switch op.Kind {
		case Read:
			return value == op.Value, value
		case Write:
			return true, op.Value
		case Delete:
			return true, ""
		default:
			if op.Failed {
				return value != op.Old, value
			}
			if op.Return == Never && value != op.Old { // It did nothing.
				return true, value
			}
			return value == op.Old, op.Value
		}
	},
	DescribeOperation: func(input, _ any) string { return input.(Op).String() },
}

// Linearizable tells whether all operations can have happened one after the other, each between its call and its return,
// where a plain read through the target may show what was so up to slack before its call. It gives an item for which that
// is impossible, nil if there is none, and the error of a search that took too long.
//
// Moving a read's call back by slack and asking for linearizability is the same as asking for a value that was current at
// some moment between call minus slack and return.
func Linearizable(ops []Op, slack, patience time.Duration) (violation []Op, err error) {
	keys := byKey(ops)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		item := keys[key]
		// A write without an answer of which nobody saw anything can be the very last that happens: an order without it
		// is an order. Each of them that takes part in the search doubles it.
		if search(settled(item), slack, patience/2) == porcupine.Ok {
			continue
		}
		switch search(item, slack, patience) {
		case porcupine.Illegal:
			return item, nil
		case porcupine.Unknown:
			return nil, fmt.Errorf("no order found for an item within %s, and none excluded:\n%s", patience, text(item))
		}
	}
	return nil, nil
}

// settled are the operations but for writes without an answer whose values nobody saw.
func settled(ops []Op) []Op {
	seen := map[string]bool{}
	for _, op := range ops {
		if op.Kind == Read {
			seen[op.Value] = true
		}
		if op.Kind == Swap && !op.Failed && op.Return != Never {
			seen[op.Old] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(ops), func(op Op) bool { return op.Return == Never && (op.Kind == Delete || !seen[op.Value]) })
}

// search lets Porcupine look for an order of the operations on one item.
func search(ops []Op, slack, patience time.Duration) porcupine.CheckResult {
	var history []porcupine.Operation
	for _, op := range thin(ops, slack) {
		history = append(history, porcupine.Operation{ClientId: op.Client, Input: op, Call: int64(op.Call), Return: int64(op.Return)})
	}
	return porcupine.CheckOperationsTimeout(register, history, patience)
}

// thin moves the calls of plain reads back by slack and leaves out reads that fit into every order of the rest: an
// operation after which the item has the read's value, and which can only be placed where the read can be too, has the
// read next to it. A search that places each of them anew takes exponential time, since they all overlap.
func thin(ops []Op, slack time.Duration) []Op {
	writes := map[string]Op{}
	for _, op := range ops {
		if (op.Kind == Write || op.Kind == Swap) && !op.Failed {
			writes[op.Value] = op
		}
	}
	ops = slices.Clone(ops)
	for i := range ops {
		op := &ops[i]
		if op.Kind == Read && !op.Strong && !op.Foreign {
			op.Call -= slack
		}
		if w, ok := writes[op.Value]; ok && op.Kind == Read { // No value is there before its write begins.
			op.Call = min(max(op.Call, w.Call), op.Return)
		}
	}
	// The narrowest first, so that a read is compared with those that are kept.
	order := make([]int, len(ops))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(ops[a].Return-ops[a].Call, ops[b].Return-ops[b].Call)
	})
	kept := map[string][]Op{}
	var out []Op
	for _, i := range order {
		op := ops[i]
		if op.Kind == Read {
			around := kept[op.Value]
			if w, ok := writes[op.Value]; ok {
				around = append(slices.Clone(around), w)
			}
			if slices.ContainsFunc(around, func(in Op) bool { return op.Call <= in.Call && in.Return <= op.Return }) {
				continue
			}
			kept[op.Value] = append(kept[op.Value], op)
		}
		out = append(out, op)
	}
	return out
}

// Sessions looks for reads through the target that show a value which was surely overwritten by a write acknowledged
// through the target before the read was sent, or by one that an earlier read of the same way had shown. It gives a
// sentence for each.
func Sessions(ops []Op) []string {
	keys := byKey(ops)
	var broken []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		broken = append(broken, sessionsOf(keys[key])...)
	}
	return broken
}

// known is a write that was there by a moment, as an acknowledgement or an answer told.
type known struct {
	at    time.Duration
	write Op
	by    Op
}

// sessionsOf is Sessions for one item. ops are in the order of their calls.
func sessionsOf(ops []Op) []string {
	writes := map[string]Op{}
	for _, op := range ops {
		if (op.Kind == Write || op.Kind == Swap) && !op.Failed {
			writes[op.Value] = op
		}
	}
	// What everybody knows, and what is known by one way to read, in the order of the moments.
	var acknowledged []known
	shown := map[string][]known{}
	for _, op := range ops {
		switch {
		case op.Foreign || op.Failed || op.Return == Never:
		case op.Kind != Read:
			acknowledged = append(acknowledged, known{op.Return, op, op})
		case op.Value != "":
			if w, ok := writes[op.Value]; ok {
				shown[op.Via] = append(shown[op.Via], known{op.Return, w, op})
			}
		}
	}
	latest := func(list []known) func(time.Duration) *known {
		slices.SortStableFunc(list, func(a, b known) int { return int(a.at - b.at) })
		// best[i] is the one of the first i whose write began last.
		best := make([]*known, len(list)+1)
		for i := range list {
			if best[i+1] = best[i]; best[i] == nil || list[i].write.Call > best[i].write.Call {
				best[i+1] = &list[i]
			}
		}
		return func(t time.Duration) *known {
			n, _ := slices.BinarySearchFunc(list, t, func(k known, t time.Duration) int { return int(k.at - t) })
			return best[n]
		}
	}
	ack := latest(acknowledged)
	seen := map[string]func(time.Duration) *known{}
	for via, list := range shown {
		seen[via] = latest(list)
	}
	var broken []string
	for _, op := range ops {
		if op.Kind != Read || op.Foreign || op.Value == "" {
			continue
		}
		w, ok := writes[op.Value]
		if !ok {
			broken = append(broken, fmt.Sprintf("a value that nobody wrote:\n%s", text([]Op{op})))
			continue
		}
		for what, k := range map[string]*known{"a write that was overwritten by one acknowledged": ack(op.Call), "a write older than one that was shown": seen[op.Via](op.Call)} {
			if k != nil && k.write.Call > w.Return {
				broken = append(broken, fmt.Sprintf("%s:\n%s", what, text([]Op{w, k.write, k.by, op})))
			}
		}
	}
	return broken
}

// Hits counts the plain reads through the target, and those of them that a cache answered.
func Hits(ops []Op) (reads, hits int) {
	for _, op := range ops {
		if op.Kind == Read && !op.Strong && !op.Foreign {
			reads++
			if strings.HasPrefix(op.Cache, "hit") || op.Cache == "negative" {
				hits++
			}
		}
	}
	return reads, hits
}
