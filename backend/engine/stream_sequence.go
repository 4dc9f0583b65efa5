package engine

import (
	"fmt"
	"strconv"
	"time"
)

// sequencer gives out sequence numbers: the milliseconds since the Unix epoch and, below them, a count. They rise over
// all streams whatever the clock does. Because they hold the time, where a day ago is in a shard needs no search, and
// numbers lost with an unsynced log in a crash are not given out again.
type sequencer struct {
	clock func() time.Time
	last  uint64
}

// sequenceTimeBits is how far up the milliseconds stand, maxSequenceTime the last one that fits, in the year 2527.
const (
	sequenceTimeBits = 20
	maxSequenceTime  = 1<<(64-sequenceTimeBits) - 1
)

// next is a number greater than all before.
func (s *sequencer) next() uint64 {
	s.last = max(s.last+1, sequenceAt(s.clock()))
	return s.last
}

// sequenceAt is the lowest sequence number of the millisecond t.
func sequenceAt(t time.Time) uint64 {
	return uint64(min(max(t.UnixMilli(), 0), maxSequenceTime)) << sequenceTimeBits
}

// sequenceMilli is when a sequence number was given out, in milliseconds of the Unix epoch.
func sequenceMilli(n uint64) int64 { return int64(n >> sequenceTimeBits) }

// sequenceLead makes the decimal text of every sequence number as long as the shortest that may be sent in a request.
// (API Reference, GetShardIterator: SequenceNumber, 21 to 40 characters.)
const sequenceLead = "1"

// sequenceText is a sequence number as clients see it: 21 digits, so that the order of the texts is that of the numbers.
func sequenceText(n uint64) string { return fmt.Sprintf("%s%020d", sequenceLead, n) }

// parseSequence is sequenceText's inverse; false for what it never returns.
func parseSequence(text string) (uint64, bool) {
	if len(text) != len(sequenceLead)+20 || text[:len(sequenceLead)] != sequenceLead {
		return 0, false
	}
	n, err := strconv.ParseUint(text[len(sequenceLead):], 10, 64)
	return n, err == nil
}

// shardID is the id of the shard with that number which begins at start: the time and the number, in DynamoDB's form.
// Ids sort by age. Two shards of a stream never share one; shards of two streams may.
func shardID(start uint64, number uint32) string {
	return fmt.Sprintf("shardId-%020d-%08x", sequenceMilli(start), number)
}
