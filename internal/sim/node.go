package sim

import (
	"time"

	"millrace/cache/coherence"
)

// node is one process with a cache before the shared backend: the real core, the policy beside it, and what its clients
// have been promised.
type node struct {
	*world
	id     int
	core   *coherence.Core
	table  *coherence.Table
	policy policy
	starts int // how often it was started
	reader reader

	// Floors: the least commit that a reader arriving now may be shown.
	acked [numKeys]int // own acknowledged writes, and failed conditions (P1)
	read  [numKeys]int // completed reads (P2)
	// readWeak is read for those that were weak, which no weak read has to follow.
	readWeak [numKeys]int
	// own acknowledged writes as pages see them
	acks []ack

	buf []byte // a hit's body, until the next read
}

// promised adds an acknowledged write.
func (w *node) promised(a ack) {
	a.upTo = a.seq
	if n := len(w.acks); n > 0 {
		a.upTo = max(a.upTo, w.acks[n-1].upTo)
	}
	w.acks = append(w.acks, a)
}

// ack is an acknowledged own write.
type ack struct {
	seq, key int // key -1: any
	old, new int
	upTo     int // the greatest seq until here
}

// start begins the node's life, or a new one after a restart: whatever was cached and under way is gone, what clients were
// promised is not.
func (w *node) begin(at coherence.Time) {
	w.starts++
	w.policy = policy{}
	w.core = coherence.New(coherence.Config{
		Memory: 1, Shards: 2, Tq: tq, Tamb: tamb, QuarantineStripes: 8, Rules: w.rules, Observer: w.policy,
		NewCall: func() any { return &call{} }, Start: at, FixedHash: 3,
	})
	w.table = w.core.Table("t")
	w.core.Configure(w.table, w.tableOptions(false))
}

// tableOptions are the table's options, as the stream is read or not.
func (w *node) tableOptions(covered bool) coherence.TableOptions {
	o := coherence.TableOptions{Authoritative: w.sc.Authoritative, NoInstallOnWrite: !w.sc.WriteThrough}
	if w.sc.Auto {
		o.Fill = coherence.FillAuto
	}
	if w.sc.Stream {
		o.IndexLag, o.Provisional = indexWindow, provisional
		if w.sc.Slow {
			o.IndexWatch = indexWatch
		}
	}
	if covered {
		o.Covered, o.Delta = true, time.Duration(w.sc.Delta)
	}
	return o
}

// alive reports whether the life in which something was begun is not over; if it is, whoever waits for it waits in vain.
func (w *node) alive(life int) bool { return w.starts == life }
