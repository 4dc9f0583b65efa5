package engine

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"sort"
	"time"

	"millrace/ddb"
)

// A stream is a log of what was done to a table's items, cut into shards. A shard has the records of the items whose
// partition keys hash into its range, in the order of their commits, until it is closed: because it is old, because it
// is hot, or with the stream. What comes then goes to its children, which together have its range, so that the records of
// one item are all in one line of descent. Records are written by the committer in the batch of the items themselves.
// (Developer Guide, "Change data capture for DynamoDB Streams", "Reading and processing a stream".)

// StreamConfig is how streams are cut into shards.
type StreamConfig struct {
	// Shards is how many shards a new stream has. DynamoDB has one for each partition of the table, which are four for a
	// new on-demand table. Too few, and readers have nothing to do side by side; each one has to be polled.
	Shards int
	// MaxShards is the most open shards that splitting leads to.
	MaxShards int
	// ShardLifetime is how long a shard takes records before it is closed and a child takes its place. Too short costs
	// readers a walk over the stream's shards, too long costs nothing but room: a shard is kept for a day after its end.
	ShardLifetime time.Duration
	// SplitRate is how many records a second, over some ten seconds, make a shard so hot that two children take its place.
	// 0 is never.
	SplitRate int
}

// defaultStreamConfig is about what DynamoDB does.
func defaultStreamConfig() StreamConfig {
	return StreamConfig{Shards: 4, MaxShards: 16, ShardLifetime: 4 * time.Hour, SplitRate: 1000}
}

// maxStreamShards bounds StreamConfig's counts.
const maxStreamShards = 1 << 16

// validate reports the first setting that cannot work.
func (c StreamConfig) validate() error {
	switch {
	case c.Shards < 1 || c.Shards > maxStreamShards:
		return fmt.Errorf("a new stream must have from 1 to %d shards", maxStreamShards)
	case c.MaxShards < c.Shards || c.MaxShards > maxStreamShards:
		return fmt.Errorf("the most shards of a stream must be from those of a new one to %d", maxStreamShards)
	case c.ShardLifetime <= 0:
		return errors.New("the lifetime of a stream's shards must be greater than zero")
	case c.SplitRate < 0:
		return errors.New("the rate at which a stream's shards are split cannot be negative")
	}
	return nil
}

// streamRetention is how long a record is kept, and a shard or a stream after it was closed.
// (Developer Guide, "Data retention limit for DynamoDB Streams".)
const streamRetention = 24 * time.Hour

// stream is one version of a stream. It is immutable once it is in a catalog.
type stream struct {
	number uint32
	record streamRecord
	// shards has all that are kept, in the order of their ids, open those that take records, in the order of their ranges,
	// which cover everything once. Of a closed stream none is open.
	shards, open []*shard
}

// streamRecord is a stream as it is stored, as JSON, but for its shards.
type streamRecord struct {
	Scope, Table string
	// TableID tells apart tables that had one name.
	TableID    string
	ARN, Label string
	View       string
	KeySchema  ddb.KeySchema
	Created    ddb.Timestamp
	// Closed is the sequence number at which the stream was disabled, 0 while it is enabled.
	Closed uint64 `json:",omitempty"`
	// NextShard is greater than every number a shard of the stream ever had.
	NextShard uint32
}

// shard is one version of a shard. It is immutable once it is in a catalog.
type shard struct {
	number uint32
	id     string
	record shardRecord
}

// shardRecord is a shard as it is stored, as JSON.
type shardRecord struct {
	// Parent is the id of the shard that had the range before, which may be gone; empty for the first ones.
	Parent string `json:",omitempty"`
	// Low and High bound, both inclusive, the hashes of the partition keys.
	Low, High uint64
	// Start and End are less and greater than every record's sequence number. End is 0 while the shard is open.
	Start uint64
	End   uint64 `json:",omitempty"`
	// Trimmed is the last record that was taken out for its age, 0 if none was.
	Trimmed uint64 `json:",omitempty"`
}

// newStream puts the parts of a stream together. It takes shards over.
func newStream(number uint32, record streamRecord, shards []*shard) *stream {
	s := &stream{number: number, record: record, shards: shards}
	slices.SortFunc(s.shards, func(a, b *shard) int { return cmp.Compare(a.id, b.id) })
	for _, sh := range shards {
		if sh.record.End == 0 {
			s.open = append(s.open, sh)
		}
	}
	slices.SortFunc(s.open, func(a, b *shard) int { return cmp.Compare(a.record.Low, b.record.Low) })
	return s
}

// newShard makes a shard of its record.
func newShard(number uint32, record shardRecord) *shard {
	return &shard{number: number, id: shardID(record.Start, number), record: record}
}

// closed is sh with an end.
func (sh *shard) closed(end uint64) *shard {
	next := *sh
	next.record.End = end
	return &next
}

// oldest is the lowest sequence number that a record of sh can still have.
func (sh *shard) oldest() uint64 { return max(sh.record.Start, sh.record.Trimmed+1) }

// shardFor is the open shard for the items whose partition keys have the given hash.
func (s *stream) shardFor(hash uint64) *shard {
	return s.open[sort.Search(len(s.open), func(i int) bool { return s.open[i].record.High >= hash })]
}

// shard looks up a shard by its id.
func (s *stream) shard(id string) (*shard, bool) {
	i, ok := slices.BinarySearchFunc(s.shards, id, func(sh *shard, id string) int { return cmp.Compare(sh.id, id) })
	if !ok {
		return nil, false
	}
	return s.shards[i], true
}

// numbered looks up a shard by its number.
func (s *stream) numbered(number uint32) (*shard, bool) {
	for _, sh := range s.shards {
		if sh.number == number {
			return sh, true
		}
	}
	return nil, false
}

// status is what DescribeStream calls the stream's state. The states in between are over when a request is answered.
func (s *stream) status() string {
	if s.record.Closed != 0 {
		return "DISABLED"
	}
	return "ENABLED"
}

// name identifies the stream to clients.
func (s *stream) name() streamName {
	return streamName{tableName{s.record.Scope, s.record.Table}, s.record.Label}
}

// splitRange cuts all hashes into n ranges of about one size and returns the last hash of each.
func splitRange(n int) []uint64 {
	ends := make([]uint64, n)
	for i := range ends {
		// (i+1) * 2^64 / n - 1
		end := new(big.Int).Lsh(big.NewInt(int64(i+1)), 64)
		end.Div(end, big.NewInt(int64(n)))
		ends[i] = end.Sub(end, big.NewInt(1)).Uint64()
	}
	ends[n-1] = math.MaxUint64
	return ends
}

// streamName is what a stream's ARN says: the table and the label.
type streamName struct {
	table tableName
	label string
}

// streamSet is all streams at one moment, those of tables that are gone included. It is immutable.
type streamSet struct {
	byNumber map[uint32]*stream
	byName   map[streamName]*stream
	// next is greater than every number a stream ever had. They begin at 1.
	next uint32
}

// newStreamSet makes a set of streams.
func newStreamSet(next uint32, streams ...*stream) *streamSet {
	set := &streamSet{byNumber: make(map[uint32]*stream), byName: make(map[streamName]*stream), next: max(next, 1)}
	for _, s := range streams {
		set.byNumber[s.number] = s
		set.byName[s.name()] = s
	}
	return set
}

// with is the set with s in it, in place of a version of s that is there.
func (set *streamSet) with(s *stream) *streamSet {
	next := &streamSet{byNumber: maps.Clone(set.byNumber), byName: maps.Clone(set.byName), next: max(set.next, s.number+1)}
	next.byNumber[s.number] = s
	next.byName[s.name()] = s
	return next
}

// without is the set without s.
func (set *streamSet) without(s *stream) *streamSet {
	next := &streamSet{byNumber: maps.Clone(set.byNumber), byName: maps.Clone(set.byName), next: set.next}
	delete(next.byNumber, s.number)
	delete(next.byName, s.name())
	return next
}

// list has the streams of a scope, of one table or, with an empty name, of all, in the order of their ARNs.
func (set *streamSet) list(scope, table string) []*stream {
	var list []*stream
	for name, s := range set.byName {
		if name.table.scope == scope && (table == "" || name.table.name == table) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *stream) int { return cmp.Compare(a.record.ARN, b.record.ARN) })
	return list
}

// withStreams is c with other streams.
func (c *catalog) withStreams(set *streamSet) *catalog {
	next := *c
	next.streams = set
	return &next
}

// encodeRecord is how the records of streams and shards are stored: they are few and must outlive changes of this package.
func encodeRecord(record any) []byte {
	b, err := json.Marshal(record)
	if err != nil {
		panic(fmt.Sprintf("encoding %+v: %v", record, err))
	}
	return b
}

// loadStreams reads all streams, and the highest sequence number that was ever given out and is still in the store.
func loadStreams(snap *snapshot) (set *streamSet, last uint64, err error) {
	shards := make(map[uint32][]*shard)
	err = snap.each([]byte{familyShard}, func(k, value []byte) error {
		var r shardRecord
		if err := json.Unmarshal(value, &r); err != nil {
			return fmt.Errorf("read record of shard %x: %w", k, err)
		}
		number, n := shardKeyParts(k)
		shards[number] = append(shards[number], newShard(n, r))
		last = max(last, r.Start, r.End, r.Trimmed)
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	next, err := readNumber(snap, systemNextStream)
	if err != nil {
		return nil, 0, err
	}
	var streams []*stream
	err = snap.each([]byte{familyStream}, func(k, value []byte) error {
		var r streamRecord
		if err := json.Unmarshal(value, &r); err != nil {
			return fmt.Errorf("read record of stream %x: %w", k, err)
		}
		s := newStream(tableOf(k), r, shards[tableOf(k)])
		for _, sh := range s.open {
			newest, found, err := snap.lastRecord(s.number, sh.number, logEnd)
			if err != nil {
				return err
			}
			if found {
				last = max(last, newest)
			}
		}
		streams = append(streams, s)
		return nil
	})
	return newStreamSet(next, streams...), last, err
}
