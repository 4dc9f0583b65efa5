package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Kind is what an operation of a script does.
type Kind uint8

const (
	opRead     Kind = iota // GetItem
	opPage                 // Query or Scan
	opTransact             // TransactGetItems: a strong read outside flights
	opWrite                // an own write; Fate says how it ends
	opForeign              // a write from elsewhere, or the TTL deleter
	opEvict                // the eviction policy drops something
	opPurge                // an operator purges an item or partition
	opForget               // the table's epoch moves
	opPause                // a reader of the stream stands still for a while
	opRepeat               // records come again, out of order
	opLose                 // a reader loses its place
	opCover                // coverage ends, or begins again
	opRecreate             // the table is deleted and made anew
	opRestart              // a process is killed and started
	opKinds
)

// Fate is how an own write ends.
type Fate uint8

const (
	fateApplied Fate = iota
	fateUnknownImage
	fateCondition // fails unless the item is as the writer thinks
	fateRejected  // definitely not applied
	fateLost      // unknown outcome, never applied
	fateTimedOut  // unknown outcome, applied before it is settled
	fateLate      // unknown outcome, applied after it is settled
	fateRepeated  // unknown outcome, so that its client sends it again; the first may be applied after the second was acknowledged
	fateWholeTable
	fates
)

// Op is one operation of a script. It carries all of its own chance, so that deleting one leaves the others as they are.
type Op struct {
	At     int // tick
	Kind   Kind
	Fate   Fate
	Key    int // sort key, or page number
	Val    int // value written, -1 deletes
	D      [4]int
	Pick   int
	Strong bool
	Fresh  bool // no-cache
	Alone  bool // never joins
	Fail   bool // the backend read fails
	Thrift bool // the reader would rather have it cheap
	Node   int
}

// names of kinds and fates in printed scripts.
var (
	kindNames = [opKinds]string{"read", "page", "transact", "write", "foreign", "evict", "purge", "forget",
		"pause", "repeat", "lose", "cover", "recreate", "restart"}
	fateNames = [fates]string{"applied", "unknown-image", "condition", "rejected", "lost", "timed-out", "late", "repeated", "whole-table"}
)

// String prints an operation on one line.
func (o Op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%5d %d %-8s key=%d", o.At, o.Node, kindNames[o.Kind], o.Key)
	if o.Kind == opWrite || o.Kind == opForeign {
		fmt.Fprintf(&b, " val=%d", o.Val)
	}
	if o.Kind == opWrite {
		fmt.Fprintf(&b, " %s", fateNames[o.Fate])
	}
	for _, f := range []struct {
		on   bool
		name string
	}{{o.Strong, "strong"}, {o.Fresh, "no-cache"}, {o.Alone, "alone"}, {o.Fail, "fails"}, {o.Thrift, "thrifty"}} {
		if f.on {
			b.WriteString(" " + f.name)
		}
	}
	fmt.Fprintf(&b, " d=%v pick=%d", o.D, o.Pick)
	return b.String()
}

// Scenario is the world that a script runs in.
type Scenario struct {
	Seed          uint64
	Authoritative bool
	Foreign       bool // writers that nobody announces; without a stream only TTLs bound staleness then
	Stream        bool // the table has a stream, and nodes read it
	View          view // what its records tell
	Delta         int  // with a stream
	Slow          bool // index "g" lags for longer than its window
	Nodes         int
	Auto          bool // eventual fills outside the quarantine
	Committers    int  // of an authoritative engine: commits under way at once
	WriteThrough  bool
	Dense         bool // many more readers than the script has, see crowd
	Ops           []Op
}

// kind names the kind of world.
func (s *Scenario) kind() string {
	switch {
	case s.Authoritative:
		return "authoritative"
	case s.Stream:
		return "stream"
	}
	return "remote"
}

// String prints the scenario and its script.
func (s *Scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d authoritative=%v stream=%v view=%d delta=%d nodes=%d foreign=%v auto=%v committers=%d write-through=%v dense=%v\n",
		s.Seed, s.Authoritative, s.Stream, s.View, s.Delta, s.Nodes, s.Foreign, s.Auto, s.Committers, s.WriteThrough, s.Dense)
	for _, o := range s.Ops {
		fmt.Fprintln(&b, o)
	}
	return b.String()
}

// indexLag is how far index "g" is behind the table at most.
func (s *Scenario) indexLag() int {
	switch {
	case s.Slow:
		return slowIndex
	case s.Stream:
		return indexLag
	}
	return lag
}

// Generate makes the scenario of a seed. Operations come in bursts on one hot key with delays of the same size as the
// gaps, so that reads, writes, evictions and answers interleave tightly; pauses between bursts let quarantines pass.
func Generate(seed uint64) *Scenario {
	r := rand.New(rand.NewPCG(seed, 0x6d696c6c72616365))
	s := &Scenario{Seed: seed, Authoritative: seed%3 == 0, WriteThrough: r.IntN(3) > 0, Committers: 1 + r.IntN(2), Nodes: 1}
	if !s.Authoritative {
		s.Foreign = r.IntN(5) < 2
		s.Auto = r.IntN(2) == 0
	}
	if s.Stream = seed%3 == 2; s.Stream {
		s.Foreign = r.IntN(3) > 0
		s.View = view(r.IntN(int(views)))
		s.Delta = []int{40, 60, 90}[r.IntN(3)]
		s.Nodes = 1 + r.IntN(2)
		s.Slow = seed%4 == 2
	}
	values := []int{2, 3, 1 << 20, 1 << 20}[r.IntN(4)]
	gap := []int{2, 4, 9}[r.IntN(3)]
	pages := r.IntN(100)
	rough := r.IntN(3) == 0
	hot := r.IntN(numKeys)
	next := 0
	value := func() int {
		if r.IntN(5) == 0 {
			return -1
		}
		if values > 1000 {
			next++
			return next
		}
		return r.IntN(values)
	}
	key := func() int {
		if r.IntN(4) > 0 {
			return hot
		}
		return r.IntN(numKeys)
	}
	delay := func() int {
		switch r.IntN(8) {
		case 0:
			return 0
		case 1:
			if s.Stream && r.IntN(6) == 0 {
				return s.Delta + r.IntN(60)
			}
			return 1 + r.IntN(25)
		}
		return 1 + r.IntN(2*gap+1)
	}
	read := func(o *Op) {
		o.Kind = opRead
		if r.IntN(100) < pages {
			o.Kind, o.Key = opPage, r.IntN(numPages)
		}
		o.Strong, o.Fresh, o.Alone, o.Fail = r.IntN(5) == 0, r.IntN(12) == 0, r.IntN(16) == 0, r.IntN(16) == 0
		o.Thrift = s.Auto && !o.Strong && r.IntN(8) == 0
	}
	foreign := func(o *Op) {
		o.Kind, o.Val = opForeign, value()
		if r.IntN(2) == 0 {
			o.Val = -1
		}
	}
	newOp := func(at, key int) Op {
		return Op{At: at, Key: key, Pick: r.IntN(1 << 20), Node: r.IntN(s.Nodes), D: [4]int{delay(), delay(), delay(), delay()}}
	}
	writes, evictions := []int{6, 13, 27}[r.IntN(3)], []int{2, 9}[r.IntN(2)]
	at := 50
	for range 3 + r.IntN(4) {
		for range 8 + r.IntN(28) {
			at += r.IntN(gap + 1)
			o := newOp(at, key())
			if s.Stream && r.IntN(14) == 0 {
				c := newOp(at+r.IntN(4), key())
				c.Kind = []Kind{opPause, opPause, opRepeat, opLose, opCover, opRecreate, opRestart}[r.IntN(7)]
				if c.Kind == opRestart && !s.Foreign && s.Nodes == 1 {
					c.Kind = opRepeat // without strangers and restarts the end is judged strictly whatever is covered then
				}
				s.Ops = append(s.Ops, c)
				if c.Kind == opCover && r.IntN(3) > 0 {
					c.At, c.Kind = at+5+r.IntN(80), opCover
					s.Ops = append(s.Ops, c)
				}
			}
			switch x := r.IntN(100); {
			case x < writes:
				o.Kind, o.Val = opWrite, value()
				if r.IntN(2) == 0 {
					o.Fate = fateApplied
				} else {
					o.Fate = Fate(r.IntN(int(fates)))
				}
				if o.Fate == fateWholeTable && r.IntN(3) > 0 {
					o.Fate = fateApplied
				}
				// Company around the moments of the write: begun, visible, settled.
				moments := [3]int{at, at + o.D[0], at + o.D[0] + o.D[1]}
				for range r.IntN(5) {
					c := newOp(moments[r.IntN(3)]+r.IntN(4), o.Key)
					c.D[0], c.D[1] = r.IntN(4), r.IntN(4)
					switch r.IntN(5) {
					case 0:
						foreign(&c)
					case 1:
						c.Kind = opEvict
					case 2:
						c.Kind, c.Strong = opRead, true
					default:
						read(&c)
					}
					s.Ops = append(s.Ops, c)
				}
			case x < writes+5:
				foreign(&o)
			case x < writes+5+evictions:
				o.Kind = opEvict
				if rough && r.IntN(4) == 0 {
					o.Kind = []Kind{opPurge, opPurge, opForget}[r.IntN(3)]
				}
			case x < writes+8+evictions:
				o.Kind = opTransact
			default:
				read(&o)
			}
			s.Ops = append(s.Ops, o)
		}
		at += []int{0, 20, 60, 150}[r.IntN(4)]
		if s.Stream && r.IntN(2) == 0 || !s.Stream && !s.Authoritative && r.IntN(12) == 0 {
			at += tq + r.IntN(tq)
			s.Ops = append(s.Ops, s.episode(r, at, key(), r.IntN(6))...)
			at += tq + r.IntN(max(tq, s.Delta))
		}
	}
	if s.Stream && !s.Foreign && s.Nodes == 1 {
		s.Ops = append(s.Ops, s.episode(r, at+tq, key(), lastEpisode)...)
	}
	slices.SortStableFunc(s.Ops, func(a, b Op) int { return a.At - b.At })
	return s
}
