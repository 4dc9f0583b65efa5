// Package history judges a DynamoDB API from what its clients saw. Record lets concurrent clients write and read a few
// items over real sockets and keeps what each did and when; Linearizable and Sessions look for what cannot have happened.
//
// Every written value is used once, so a read tells which write it shows. A write whose outcome is unknown has no end: it
// may take effect at any time after it began, or never.
package history

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Kind is what an operation does to its item.
type Kind int

// The kinds: read; write unconditionally; delete; write if the value is another.
const (
	Read Kind = iota
	Write
	Delete
	Swap
)

// Op is one operation of one client on one item.
type Op struct {
	Client int
	Key    string
	Kind   Kind
	// Via is the operation in DynamoDB's words, such as "GetItem".
	Via string
	// Value was read or is written, Old is what a swap expects; empty for no item.
	Value, Old string
	// Failed is a swap whose condition did not hold.
	Failed bool
	// Strong is a consistent read, Foreign an operation past the target.
	Strong, Foreign bool
	// Call is when the request was sent and Return when the answer was there, since the history began.
	Call, Return time.Duration
	// Cache is what X-Millrace-Cache said.
	Cache string
}

// Never is the return of an operation without an answer.
const Never = time.Duration(math.MaxInt64)

// String is one line.
func (o Op) String() string {
	end := "never"
	if o.Return != Never {
		end = fmt.Sprintf("%.3f", 1e3*o.Return.Seconds())
	}
	s := fmt.Sprintf("%9.3f %9s ms  client %-2d %-18s", 1e3*o.Call.Seconds(), end, o.Client, o.Via)
	switch o.Kind {
	case Read:
		s += " = " + o.Value
		if o.Value == "" {
			s += "no item"
		}
	case Write:
		s += " " + o.Value
	case Delete:
	case Swap:
		s += fmt.Sprintf(" %s by %s", o.Old, o.Value)
		if o.Failed {
			s += ": condition failed"
		}
	}
	if o.Strong {
		s += ", consistent"
	}
	if o.Foreign {
		s += ", past the target"
	}
	if o.Cache != "" {
		s += " (" + o.Cache + ")"
	}
	return s
}

// byKey are the operations of each item, in the order of their calls.
func byKey(ops []Op) map[string][]Op {
	keys := map[string][]Op{}
	for _, op := range ops {
		keys[op.Key] = append(keys[op.Key], op)
	}
	for _, list := range keys {
		slices.SortStableFunc(list, func(a, b Op) int { return int(a.Call - b.Call) })
	}
	return keys
}

// text is a list of operations, a line each.
func text(ops []Op) string {
	var b strings.Builder
	for _, op := range ops {
		b.WriteString("  " + op.String() + "\n")
	}
	return b.String()
}
