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

// Sessions looks for reads through the target that show a value, or the absence of the item, which was surely overwritten by a
// write acknowledged through the target before the read was sent, or by one that an earlier read of the same way had shown. Reads
// are judged of which owed says so, and all if it is nil; what others showed counts all the same. It gives a sentence for each.
func Sessions(ops []Op, owed func(Op) bool) []string {
	keys := byKey(ops)
	var broken []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		broken = append(broken, sessionsOf(keys[key], owed)...)
	}
	return broken
}

// known is a write that was there by a moment, as an acknowledgement or an answer told.
type known struct {
	at    time.Duration
	write Op
	by    Op
}

// session is what is known of one item, of its writes by their values and of its deletions.
type session struct {
	writes    map[string]Op
	deletions []Op
	// acknowledged and shown, by way of reading, give what was known best at a moment.
	acknowledged func(time.Duration) *known
	shown        map[string]func(time.Duration) *known
}

// sessionsOf is Sessions for one item. ops are in the order of their calls.
func sessionsOf(ops []Op, owed func(Op) bool) (broken []string) {
	s := newSession(ops)
	for _, op := range ops {
		if op.Kind != Read || op.Foreign {
			continue
		}
		if _, ok := s.writes[op.Value]; !ok && op.Value != "" {
			broken = append(broken, fmt.Sprintf("a value that nobody wrote:\n%s", text([]Op{op})))
			continue
		}
		if owed != nil && !owed(op) {
			continue
		}
		for _, than := range []struct {
			what string
			k    *known
		}{
			{"a write that was overwritten by one acknowledged", s.acknowledged(op.Call)},
			{"a write older than one that was shown", s.seen(op)},
		} {
			if than.k != nil && !s.mayFollow(op, than.k.write) {
				broken = append(broken, fmt.Sprintf("%s:\n%s", than.what, text(append(s.source(op), than.k.write, than.k.by, op))))
			}
		}
	}
	return broken
}

// newSession gathers what is known.
func newSession(ops []Op) *session {
	s := &session{writes: map[string]Op{}}
	var acknowledged []known
	for _, op := range ops {
		switch {
		case op.Failed || op.Kind == Read:
			continue
		case op.Kind == Delete:
			s.deletions = append(s.deletions, op)
		default:
			s.writes[op.Value] = op
		}
		if !op.Foreign && op.Return != Never {
			acknowledged = append(acknowledged, known{op.Return, op, op})
		}
	}
	s.acknowledged = latest(acknowledged)
	values := map[string][]known{}
	for _, op := range ops {
		if w, ok := s.writes[op.Value]; ok && op.Kind == Read && !op.Foreign {
			values[op.Via] = append(values[op.Via], known{op.Return, w, op})
		}
	}
	s.shown = map[string]func(time.Duration) *known{}
	for via, list := range values {
		s.shown[via] = latest(list)
	}
	// What an absence tells goes by what was known before it.
	for _, op := range ops {
		if d, ok := s.deleted(op); ok {
			values[op.Via] = append(values[op.Via], known{op.Return, d, op})
		}
	}
	for via, list := range values {
		s.shown[via] = latest(list)
	}
	return s
}

// latest gives, for a moment, the one of those known by then whose write began last.
func latest(list []known) func(time.Duration) *known {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b known) int { return cmp.Compare(a.at, b.at) })
	best := make([]*known, len(list)+1) // of the first so many
	for i := range list {
		if best[i+1] = best[i]; best[i] == nil || list[i].write.Call > best[i].write.Call {
			best[i+1] = &list[i]
		}
	}
	return func(t time.Duration) *known {
		n, _ := slices.BinarySearchFunc(list, t, func(k known, t time.Duration) int { return cmp.Compare(k.at, t) })
		return best[n]
	}
}

// seen is what reads of op's way had shown when it was sent.
func (s *session) seen(op Op) *known {
	if of, ok := s.shown[op.Via]; ok {
		return of(op.Call)
	}
	return nil
}

// mayFollow reports whether what op shows may be what write left, or something later.
func (s *session) mayFollow(op, write Op) bool {
	if op.Value != "" {
		return write.Call <= s.writes[op.Value].Return
	}
	return len(s.absences(op, write)) > 0
}

// absences are the deletions that may have come after write, or are it, and before op was answered, in the order of their calls.
func (s *session) absences(op, write Op) (out []Op) {
	for _, d := range s.deletions {
		if d.Call <= op.Return && d.Return >= write.Call {
			out = append(out, d)
		}
	}
	return out
}

// deleted is, of an absence that is shown when a write is known, the first deletion to which it may be due: whatever was surely
// overwritten by that one was overwritten. Where no write is known there may never have been an item.
func (s *session) deleted(op Op) (Op, bool) {
	if op.Kind != Read || op.Foreign || op.Value != "" {
		return Op{}, false
	}
	k := s.acknowledged(op.Call)
	if seen := s.seen(op); k == nil || seen != nil && seen.write.Call > k.write.Call {
		k = seen
	}
	if k == nil {
		return Op{}, false
	}
	due := s.absences(op, k.write)
	if len(due) == 0 {
		return Op{}, false
	}
	return due[0], true
}

// source is the write that op shows, if it shows one.
func (s *session) source(op Op) []Op {
	if w, ok := s.writes[op.Value]; ok {
		return []Op{w}
	}
	return nil
}

// Hits counts the plain reads through the target, and those of them that a cache answered.
func Hits(ops []Op) (reads, hits int) {
	for _, op := range ops {
		if op.Kind == Read && !op.Strong && !op.Foreign {
			reads++
			if op.Hit() {
				hits++
			}
		}
	}
	return reads, hits
}

// Hit reports whether a cache answered.
func (o Op) Hit() bool { return strings.HasPrefix(o.Cache, "hit") || o.Cache == "negative" }
