package engine

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"millrace/ddb"
)

// crashStreams are streams whose shards are rolled and split all the time.
func crashStreams() StreamConfig {
	return StreamConfig{Shards: 2, MaxShards: 5, ShardLifetime: 5 * time.Millisecond, SplitRate: 1}
}

// itemChange is one change of an item, images as bytes, empty where there is none.
type itemChange struct{ old, new string }

// checkLog compares the stream with what a writer's first n requests have changed: of each item exactly its changes, in
// their order, none lost, none twice, none that is not there.
func (s *script) checkLog(v *view, t *table, n int64) error {
	want := make(map[string][]itemChange)
	for i := int64(1); i <= n; i++ {
		for sort := range s.steps[i-1] {
			if c := (itemChange{s.states[i-1][sort], s.states[i][sort]}); c.old != c.new {
				want[sort] = append(want[sort], c)
			}
		}
	}
	records, err := v.logOf(t.record.Stream)
	if err != nil {
		return err
	}
	got := make(map[string][]itemChange)
	for _, r := range records {
		if id, _ := r.DynamoDB.Keys.Get("pk"); id.Str() != s.id {
			continue
		}
		sort, _ := r.DynamoDB.Keys.Get("sk")
		got[sort.Str()] = append(got[sort.Str()], itemChange{itemText(r.DynamoDB.OldImage), itemText(r.DynamoDB.NewImage)})
	}
	for sort := range want {
		if !slices.Equal(got[sort], want[sort]) {
			return fmt.Errorf("D8: the stream has %d changes of item %s/%s, step %d makes them %d, or they differ", len(got[sort]), s.id, sort, n, len(want[sort]))
		}
		delete(got, sort)
	}
	if len(got) > 0 {
		return fmt.Errorf("D8: the stream has changes of %d items of writer %s that step %d has not", len(got), s.id, n)
	}
	return nil
}

// logOf is all records of a stream in the order of their sequence numbers, which is that of reading shards after their
// parents (checkStreams).
func (v *view) logOf(number uint32) ([]ddb.Record, error) {
	s := v.cat.streams.byNumber[number]
	if s == nil {
		return nil, errors.New("D8: the stream is gone")
	}
	var records []ddb.Record
	err := v.snap.each(binary.BigEndian.AppendUint32([]byte{familyLog}, number), func(k, value []byte) error {
		r, err := s.decodeRecord("", logSequence(k), value)
		records = append(records, r)
		return err
	})
	slices.SortFunc(records, func(a, b ddb.Record) int { return cmp.Compare(a.DynamoDB.SequenceNumber, b.DynamoDB.SequenceNumber) })
	return records, err
}
