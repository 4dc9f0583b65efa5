package stack

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Kind is what an operation of a script does.
type Kind uint8

const (
	opGet Kind = iota
	opBatchGet
	opQuery // and the pages after it
	opScan
	opTransactGet
	opPut
	opUpdate
	opDelete
	opBatchWrite
	opTransactWrite // twice with the same token now and then
	opForeign       // a write past all nodes, or the TTL deleter's
	opEvict
	opPause   // a node stands still
	opRestart // a node is killed and started
	opRoll    // a shard of the stream closes
	opTrim    // old records are trimmed
	opCut     // streams cannot be reached for a while
	opRough   // much fails for a while
	opDrop    // a node's client deletes the table and makes it anew
	opReplace // somebody else does
	opStream  // the stream is another one
	opKinds
)

// kindNames are the names of kinds in printed scripts.
var kindNames = [opKinds]string{"get", "batch-get", "query", "scan", "transact-get", "put", "update", "delete", "batch-write",
	"transact-write", "foreign", "evict", "pause", "restart", "roll", "trim", "cut", "rough", "drop", "replace", "stream"}

// Op is one operation of a script. It carries all of its own chance, so that deleting one leaves the others as they are.
type Op struct {
	At     time.Duration
	Kind   Kind
	Node   int
	Key    int
	ID     int // makes its values unlike all others
	Pick   uint64
	Strong bool
	Fresh  bool // no-cache
}

// String prints an operation on one line.
func (o *Op) String() string {
	s := fmt.Sprintf("%14v node %d %s key=%d id=%d pick=%d", o.At, o.Node, kindNames[o.Kind], o.Key, o.ID, o.Pick)
	if o.Strong {
		s += " strong"
	}
	if o.Fresh {
		s += " no-cache"
	}
	return s
}

// bit is a choice below n by a part of the operation's chance.
func (o *Op) bit(shift, n int) int { return int(o.Pick >> shift % uint64(n)) }

// Scenario is the world that a script runs in.
type Scenario struct {
	Seed       uint64
	Calm       bool // nothing fails, nobody is hostile: what is useful is measured
	Indexed    bool // and most of what is read are a few pages of global indexes
	Alone      bool // one node and nobody else: what is stored is what it has written
	Tardy      bool // the streams' answers are long on their way
	Behind     bool // indexes lag by up to 5 s at all times, and their partitions are quiet
	Remade     bool // one node, whose clients delete the table and make it anew again and again
	Nodes      int
	Stream     bool
	View       string
	PublishLag time.Duration
	Slow       bool // global indexes lag by up to 5 s, now more and now less
	Late       bool // the stream is slower than its lag: A1 does not hold
	Lossy      bool // nor here: records are lost, and the reader goes on
	Audit      bool // all hits are audited
	Expire     bool // iterators expire
	Auto       bool // fills are eventual outside the quarantine
	Faults     int  // one request in so many fails; 0 none
	Leaderless bool // now and then strongly consistent reads fail, or are throttled, for a spell
	Frugal     bool // of a table that is cold no more than one miss a second is read strongly for the cache's sake
	Loud       bool // the trace has requests to streams too
	Ops        []*Op
}

// String prints the scenario and its script.
func (s *Scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d calm=%v indexed=%v alone=%v tardy=%v behind=%v remade=%v nodes=%d stream=%v view=%s slow=%v late=%v lossy=%v audit=%v expire=%v auto=%v leaderless=%v frugal=%v faults=1/%d\n",
		s.Seed, s.Calm, s.Indexed, s.Alone, s.Tardy, s.Behind, s.Remade, s.Nodes, s.Stream, s.View, s.Slow, s.Late, s.Lossy, s.Audit, s.Expire, s.Auto, s.Leaderless, s.Frugal, s.Faults)
	for _, o := range s.Ops {
		fmt.Fprintln(&b, o)
	}
	return b.String()
}

// weights are how often kinds come, of 1000, in a hostile world and in a calm one.
var weights = [opKinds][2]int{
	opGet: {300, 440}, opBatchGet: {60, 60}, opQuery: {230, 380}, opScan: {30, 5}, opTransactGet: {20, 0},
	opPut: {70, 25}, opUpdate: {60, 20}, opDelete: {25, 8}, opBatchWrite: {25, 8}, opTransactWrite: {30, 4}, opForeign: {90, 50},
	opEvict: {30, 0}, opPause: {6, 0}, opRestart: {3, 0}, opRoll: {8, 0}, opTrim: {4, 0}, opCut: {4, 0}, opRough: {4, 0},
	opDrop: {1, 0}, opReplace: {1, 0}, opStream: {1, 0},
}

// others are what happens past a table's only writer: others' writes, and an end of the node, which forgets what it left unknown.
var others = []Kind{opForeign, opReplace, opRestart, opDrop}

// Generate makes the scenario of a seed: bursts about hot keys with gaps of the size of latencies, and pauses between
// them of the size of lags, quarantines and Delta. Of eight seeds one is of a calm world and one of a world that is made
// for what the others seldom come to (aimed).
func Generate(seed uint64) *Scenario {
	r := rand.New(rand.NewPCG(seed, 0x737461636b))
	s := &Scenario{Seed: seed, Calm: seed%8 == 7, Nodes: 1 + r.IntN(3), Stream: r.IntN(4) > 0, View: "NEW_AND_OLD_IMAGES", PublishLag: publishLag}
	s.Auto = r.IntN(3) == 0
	s.Leaderless, s.Frugal = seed%4 == 2, seed%8 == 4 || seed%16 == 6
	s.Indexed = seed%32 == 15
	if s.Calm {
		s.Nodes, s.Stream, s.Auto, s.PublishLag = 1, true, false, publishLag/2
	} else {
		s.Slow = seed%8 == 1 || seed%8 == 3
		s.Expire = r.IntN(4) == 0
		s.Faults = []int{0, 12, 30, 80}[r.IntN(4)]
		if r.IntN(3) == 0 {
			s.View = []string{"NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"}[r.IntN(3)]
		}
		if s.Late = s.Stream && r.IntN(8) == 0; s.Late {
			s.PublishLag = 12 * time.Second
		}
	}
	s.aim()
	if s.Lossy = s.Late && seed/8%2 == 0; s.Lossy {
		s.PublishLag = publishLag
	}
	s.Audit = s.Lossy || !s.Calm && seed/8%4 == 2
	calm := 0
	if s.Calm {
		calm = 1
	}
	total := 0
	for _, w := range weights {
		total += w[calm]
	}
	kind := func() Kind {
		x := r.IntN(total)
		for k, w := range weights {
			if x -= w[calm]; x < 0 {
				return Kind(k)
			}
		}
		return opGet
	}
	id := 0
	add := func(at time.Duration, k Kind, node, key int) *Op {
		id++
		o := &Op{At: at, Kind: k, Node: node, Key: key, ID: id, Pick: r.Uint64() >> 8, Strong: r.IntN(6) == 0, Fresh: r.IntN(20) == 0}
		if s.Calm {
			o.Strong, o.Fresh = false, false
		}
		if s.Indexed && (k == opGet || k == opQuery) && r.IntN(4) > 0 {
			o.ofIndex(r)
		}
		s.Ops = append(s.Ops, o)
		return o
	}
	at := 200*time.Millisecond + time.Duration(r.IntN(1e9))
	if s.Stream && r.IntN(3) > 0 || s.Calm {
		for n := range s.Nodes {
			add(at, opGet, n, 0).Strong = false
		}
		at += 2*time.Second + time.Duration(r.IntN(4e9))
	}
	bursts, gap := 5+r.IntN(5), []int{2, 5, 12}[r.IntN(3)]
	if s.Calm {
		bursts, gap = 14, 500
	}
	if s.Behind {
		bursts = 3
	}
	for range bursts {
		hot := r.IntN(numKeys)
		key := func() int {
			switch r.IntN(4) {
			case 0:
				return r.IntN(numKeys)
			case 1:
				return hot/perPart*perPart + r.IntN(perPart)
			}
			return hot
		}
		for n := 10 + r.IntN(24); n > 0 && !s.Behind; n-- {
			at += time.Duration(r.IntN(gap*2e6) + 1)
			add(at, kind(), r.IntN(s.Nodes), key())
		}
		if s.Calm {
			continue
		}
		episode := s.episode
		if s.Behind {
			episode = s.behind
		} else if s.Remade && r.IntN(3) > 0 {
			episode = s.remade
		} else if (s.Alone || s.Tardy) && r.IntN(3) > 0 {
			episode = s.aimed
		}
		for _, o := range episode(r, at, hot, &id) {
			s.Ops = append(s.Ops, o)
			at = max(at, o.At)
		}
		at += time.Duration(r.IntN([]int{1e6, 200e6, 2500e6, 7000e6}[r.IntN(4)]))
	}
	if s.Alone {
		s.Ops = slices.DeleteFunc(s.Ops, func(o *Op) bool { return slices.Contains(others, o.Kind) })
	}
	slices.SortStableFunc(s.Ops, func(a, b *Op) int { return int(a.At - b.At) })
	for i := 1; i < len(s.Ops); i++ {
		if s.Ops[i].At <= s.Ops[i-1].At {
			s.Ops[i].At = s.Ops[i-1].At + 1
		}
	}
	return s
}

// ofIndex makes of a read a query of a global index, whole or in pages of two, as many readers ask for it.
func (o *Op) ofIndex(r *rand.Rand) {
	for o.Kind = opQuery; o.bit(4, 4) != 3 || o.bit(12, 4) == 0 || o.bit(20, 3) == 1 || o.bit(24, 5) == 0 || o.bit(28, 6) == 0; {
		o.Pick = r.Uint64() >> 8
	}
}

// episode brings together what a random script seldom does: near each other, with the moments left to chance.
func (s *Scenario) episode(r *rand.Rand, at time.Duration, hot int, id *int) (out []*Op) {
	node := r.IntN(s.Nodes)
	add := func(after time.Duration, k Kind) *Op {
		*id++
		o := &Op{At: at + after, Kind: k, Node: node, Key: hot, ID: *id, Pick: r.Uint64() >> 8}
		out = append(out, o)
		return o
	}
	reads := func(from, span time.Duration, n int) {
		for range n {
			add(from+time.Duration(r.Int64N(int64(span))), []Kind{opGet, opGet, opQuery}[r.IntN(3)])
		}
	}
	ms := time.Millisecond
	switch r.IntN(9) {
	case 0: // what was read by a node that then stands still for longer than records are kept
		reads(0, 200*ms, 4)
		add(300*ms, opPause).Pick = uint64(kept/ms) + 3000
		add(500*ms, opForeign)
		add(600*ms+kept, opTrim)
		add(2*time.Second+kept, opTrim)
		reads(3200*ms+kept, 3*time.Second, 6)
	case 1: // a batch of which some is left
		reads(0, 50*ms, 2)
		add(60*ms, opBatchWrite)
		reads(62*ms, 80*ms, 6)
	case 2: // a transaction that is repeated after somebody else has written
		x := add(0, opTransactWrite)
		x.Pick |= 1 << 20
		add(40*ms+time.Duration(r.IntN(30e6)), opForeign)
		reads(10*ms, 300*ms, 6)
	case 3: // pages, and writes at their ends
		for range 4 {
			add(time.Duration(r.IntN(40e6)), opQuery)
		}
		add(50*ms+time.Duration(r.IntN(20e6)), []Kind{opPut, opDelete, opUpdate}[r.IntN(3)])
		for range 6 {
			add(52*ms+time.Duration(r.IntN(100e6)), opQuery)
		}
	case 4: // a foreign write, and reads around its record
		reads(0, 100*ms, 3)
		add(100*ms, opForeign)
		reads(110*ms, 8*time.Second, 9)
	case 5: // index pages, and an item that moves
		for range 3 {
			add(time.Duration(r.IntN(40e6)), opQuery).Pick |= 3 << 4
		}
		add(1500*ms, []Kind{opForeign, opUpdate, opPut}[r.IntN(3)])
		for range 6 {
			add(1500*ms+time.Duration(r.IntN(9e9)), opQuery).Pick |= 3 << 4
		}
		for n := 0; s.Slow && n < 12; n++ { // and again what was read when the index was behind, once it has long caught up
			pick := out[len(out)-1].Pick
			from := []time.Duration{3500 * ms, 10 * time.Second, 13 * time.Second}[n%3]
			o := add(from+time.Duration(r.IntN(3e9)), opQuery)
			if o.Pick |= 3 << 4; n%3 > 0 {
				o.Pick = pick
			}
		}
	case 6: // a shard closes, or two do, among writes
		add(0, opRoll)
		reads(0, 300*ms, 3)
		for range 3 {
			add(time.Duration(r.IntN(2e9)), opForeign)
		}
		add(time.Duration(r.IntN(2e9)), opRoll)
		reads(500*ms, 8*time.Second, 6)
	case 7: // quiet reads, and writes that fail
		reads(0, 100*ms, 3)
		add(100*ms, opRough).Pick = 900
		for range 3 {
			add(110*ms+time.Duration(r.IntN(300e6)), []Kind{opPut, opUpdate, opDelete}[r.IntN(3)])
		}
		reads(200*ms, 5*time.Second, 8)
	case 8: // the node stands still while a record comes
		reads(0, 100*ms, 3)
		add(200*ms+time.Duration(r.IntN(250e6)), opPause).Pick = uint64(400 + r.IntN(6000))
		add(210*ms+time.Duration(r.IntN(800e6)), opForeign)
		reads(900*ms, 9*time.Second, 8)
	}
	return out
}
