package proxy

import (
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// The ledger of read units: what answers from the caches would have cost, and what filling the caches cost beyond the
// reads that clients made anyway. It counts the reads that the caches serve; what is forwarded costs the same with and
// without millrace.

// avoided enters that a read was answered without the backend, or by a read that another caller made.
func avoided(s *cache.Schema, halves int64) {
	s.Account.Add(metrics.ReadsAvoided, uint64(max(0, halves)))
}

// filled enters a fill by op that cost so many half units read eventually. strong says whether it was read strongly, asked
// whether its client had wanted that.
func filled(s *cache.Schema, op ddb.Operation, eventual int64, strong, asked bool) {
	eventual = max(0, eventual)
	s.Account.Consumed(int(op), uint64(halves(eventual, strong)))
	s.Account.Add(metrics.ReadsConsumed, uint64(halves(eventual, asked)))
	if strong && !asked {
		s.Account.Add(metrics.StrongFills, uint64(eventual))
	}
}

// thrift reports whether fills of the table may cost no more than the reads they are made for: under fill: auto, as long as
// the cache has not saved what they would add, and what reading the table's stream has cost.
func thrift(s *cache.Schema) bool {
	return s.Settings.Fill == coherence.FillAuto && s.Account.Thrifty()
}

// eventualHalves is what reading a page costs that is read eventually.
func eventualHalves(u cache.Units) int64 { return max(0, u.Table) + max(0, u.Index) }
