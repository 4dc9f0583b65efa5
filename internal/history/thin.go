package history

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// thin moves the calls of plain reads back by slack and makes of all reads few with narrow times, so that there is an order of the
// operations that it gives iff there is one of ops. A search that places each wide read anew takes exponential time, since they all
// overlap.
//
// What a write leaves is there from its moment to the next write's. If all reads of it can be due to that write alone, then it is there
// at some moment of each iff its moment is not after the first of them returned, and the next write's is after the last was called.
func thin(ops []Op, slack time.Duration) []Op {
	var out, reads []Op
	for _, op := range ops {
		if op.Kind != Read {
			out = append(out, op)
			continue
		}
		if !op.Strong && !op.Foreign {
			op.Call -= slack
		}
		reads = append(reads, op)
	}
	due := map[int][]Op{} // by the write's place in out
	var others []Op
	for _, read := range reads {
		if from := sources(out, read); len(from) == 1 {
			due[from[0]] = append(due[from[0]], read)
		} else {
			others = append(others, read)
		}
	}
	for _, i := range slices.Sorted(maps.Keys(due)) {
		of := due[i]
		if i == never {
			out = append(out, instant(lastCalled(of), 0))
			continue
		}
		w, last := &out[i], lastCalled(of)
		first := slices.MinFunc(of, func(a, b Op) int { return cmp.Compare(a.Return, b.Return) })
		if first.Return < w.Call { // impossible, which the search is to find
			others = append(others, first)
			continue
		}
		w.Return = min(w.Return, first.Return)
		if last.Call > w.Call {
			others = append(others, instant(last, w.Return))
		}
	}
	return append(out, narrowest(others)...)
}

// never stands for the absence before any write.
const never = -1

// sources are the places in ops of the writes to which what read shows may be due.
func sources(ops []Op, read Op) (out []int) {
	if read.Value == "" && !overwritten(ops, -1, read.Call) {
		out = append(out, never)
	}
	for i, w := range ops {
		leaves := w.Kind != Read && !w.Failed && w.Value == read.Value
		if leaves && (read.Value != "" || w.Call <= read.Return && !overwritten(ops, w.Return, read.Call)) {
			out = append(out, i)
		}
	}
	return out
}

// overwritten reports whether a write was surely made between two moments.
func overwritten(ops []Op, from, to time.Duration) bool {
	return slices.ContainsFunc(ops, func(w Op) bool { return w.Kind != Read && !w.Failed && w.Call > from && w.Return < to })
}

// lastCalled is the read that was called last.
func lastCalled(reads []Op) Op {
	return slices.MaxFunc(reads, func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
}

// instant is a read at the moment of its call, or at one until what it shows was there.
func instant(read Op, there time.Duration) Op {
	read.Return = max(read.Call, there)
	return read
}

// narrowest are those of the reads within whose time there is none of the others that shows the same: what has that one beside it may
// stand there too.
func narrowest(reads []Op) (out []Op) {
	slices.SortStableFunc(reads, func(a, b Op) int { return cmp.Compare(a.Return-a.Call, b.Return-b.Call) })
	for _, op := range reads {
		if !slices.ContainsFunc(out, func(in Op) bool { return op.Value == in.Value && op.Call <= in.Call && in.Return <= op.Return }) {
			out = append(out, op)
		}
	}
	return out
}
