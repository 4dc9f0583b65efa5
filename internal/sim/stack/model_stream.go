package stack

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/ddb"
)

// What the streams do. publishLag is under the lag that millrace starts from.
const (
	publishLag = 850 * time.Millisecond
	listLag    = 700 * time.Millisecond // of children in listings
	kept       = 8 * time.Second        // a record is kept at least so long
	expiry     = 3 * time.Second        // of iterators, where they expire
	pageMost   = 4                      // records of one answer
)

// tableStream is one stream of the table.
type tableStream struct {
	arn     string
	view    string
	enabled bool
	shards  []*shard
}

// shard is one of its shards: the records of some keys in their order.
type shard struct {
	id, parent string
	lo, hi     int // of the keys' hashes
	opened     time.Duration
	closed     time.Duration // 0 is open
	records    []streamRecord
	trimmed    int
}

// streamRecord is one change as the stream tells it.
type streamRecord struct {
	record          ddb.Record
	at, publishedAt time.Duration
}

// hashes is how many places keys have in a stream.
const hashes = 16

// newStream begins a stream of the table, if the world has them. m.mu is held.
func (m *model) newStream() {
	if !m.w.sc.Stream {
		return
	}
	label := fmt.Sprintf("2000-01-01T00:00:%02d.000", len(m.streams))
	s := &tableStream{arn: ddb.StreamARN(arn, label), view: m.w.sc.View, enabled: true}
	m.stream, m.streams[s.arn] = s, s
	half := hashes / 2
	m.openShard(s, "", 0, half)
	m.openShard(s, "", half, hashes)
}

// endStream closes all shards, which have no children. m.mu is held.
func (m *model) endStream() {
	if m.stream == nil {
		return
	}
	m.stream.enabled = false
	for _, sh := range m.stream.shards {
		if sh.closed == 0 {
			sh.closed = m.w.now()
		}
	}
	m.stream = nil
}

// openShard adds a shard.
func (m *model) openShard(s *tableStream, parent string, lo, hi int) {
	id := fmt.Sprintf("shardId-%020d-%08x", len(s.shards)+1, lo<<8|hi)
	s.shards = append(s.shards, &shard{id: id, parent: parent, lo: lo, hi: hi, opened: m.w.now()})
}

// roll closes an open shard and opens one child or, if split is set, two.
func (m *model) roll(pick int, split bool) {
	if m.stream == nil {
		return
	}
	var open []*shard
	for _, sh := range m.stream.shards {
		if sh.closed == 0 {
			open = append(open, sh)
		}
	}
	sh := open[pick%len(open)]
	sh.closed = m.w.now()
	m.w.note("shard %d-%d closes, split=%v", sh.lo, sh.hi, split)
	if mid := (sh.lo + sh.hi) / 2; split && mid > sh.lo {
		m.openShard(m.stream, sh.id, sh.lo, mid)
		m.openShard(m.stream, sh.id, mid, sh.hi)
		return
	}
	m.openShard(m.stream, sh.id, sh.lo, sh.hi)
}

// publish adds a change to the stream. One that changes nothing has no record (R23). m.mu is held.
func (m *model) publish(c change, service bool) {
	if m.stream == nil || (c.old == nil) == (c.new == nil) && ddb.EqualItems(c.old, c.new) {
		return
	}
	if m.w.sc.Lossy && !m.w.healed && m.w.one(74+c.key, 4) {
		m.w.note("the record of key %d is lost", c.key)
		m.w.res.Lost++
		return
	}
	i := slices.IndexFunc(m.stream.shards, func(sh *shard) bool { return sh.closed == 0 && c.key*7%hashes >= sh.lo && c.key*7%hashes < sh.hi })
	sh := m.stream.shards[i]
	m.sequence++
	now := m.w.now()
	r := streamRecord{at: now, publishedAt: now + m.w.span(70+c.key, m.w.sc.PublishLag)}
	if n := len(sh.records); n > 0 {
		r.publishedAt = max(r.publishedAt, sh.records[n-1].publishedAt)
	}
	d := &ddb.StreamRecord{
		ApproximateCreationDateTime: ddb.Timestamp(time.Now().Unix()), Keys: keyItem(c.key), SequenceNumber: fmt.Sprintf("%021d", m.sequence),
		SizeBytes: 100, StreamViewType: m.stream.view,
	}
	if m.stream.view == "NEW_AND_OLD_IMAGES" || m.stream.view == "NEW_IMAGE" {
		d.NewImage = c.new
	}
	if m.stream.view == "NEW_AND_OLD_IMAGES" || m.stream.view == "OLD_IMAGE" {
		d.OldImage = c.old
	}
	r.record = ddb.Record{EventID: strconv.Itoa(m.sequence), EventName: "MODIFY", DynamoDB: d}
	switch {
	case c.old == nil:
		r.record.EventName = "INSERT"
	case c.new == nil:
		r.record.EventName = "REMOVE"
	}
	if service {
		r.record.UserIdentity = &ddb.Identity{PrincipalID: "dynamodb.amazonaws.com", Type: "Service"}
	}
	sh.records = append(sh.records, r)
}

// trim drops the records that are older than they are kept.
func (m *model) trim() {
	for _, s := range m.streams {
		for _, sh := range s.shards {
			for sh.trimmed < len(sh.records) && sh.records[sh.trimmed].publishedAt < m.w.now()-kept {
				sh.trimmed++
			}
		}
	}
	m.w.note("old records are trimmed")
}

// streamFault is what goes wrong with a request to the streams.
func (m *model) streamFault() error {
	w := m.w
	switch {
	case w.sc.Calm || w.healed:
		return nil
	case w.now() < m.cut:
		return errReset
	case w.one(80, 40):
		return &ddb.Error{Code: "LimitExceededException", Message: "Rate exceeded"}
	case w.one(81, 60):
		return ddb.InternalServerError("Internal server error")
	}
	return nil
}

// errGone is the refusal of a stream or shard that does not exist.
func errGone() error { return ddb.ResourceNotFound("Requested resource not found: Stream not found") }

// describeStream is DescribeStream; children show some time after their parents have closed.
func (m *model) describeStream(_ context.Context, in *ddb.DescribeStreamInput) (*ddb.DescribeStreamOutput, error) {
	s := m.streams[in.StreamArn]
	if s == nil {
		return nil, errGone()
	}
	d := &ddb.StreamDescription{StreamArn: s.arn, StreamStatus: "DISABLED", StreamViewType: s.view, TableName: tableName, Shards: []ddb.Shard{}}
	if s.enabled {
		d.StreamStatus = "ENABLED"
	}
	for i, sh := range s.shards {
		if in.ShardFilter != nil && sh.parent != text(in.ShardFilter.ShardId) {
			continue
		}
		if sh.parent != "" && m.w.now() < sh.opened+time.Duration(m.w.sc.Seed*uint64(i+1)*7919%uint64(listLag)) && !m.w.sc.Calm {
			continue
		}
		r := &ddb.SequenceNumberRange{StartingSequenceNumber: fmt.Sprintf("%021d", 0)}
		if sh.closed != 0 {
			r.EndingSequenceNumber = fmt.Sprintf("%021d", m.sequence)
		}
		d.Shards = append(d.Shards, ddb.Shard{ShardId: sh.id, ParentShardId: sh.parent, SequenceNumberRange: r})
	}
	return &ddb.DescribeStreamOutput{StreamDescription: d}, nil
}

// shardIterator is GetShardIterator.
func (m *model) shardIterator(_ context.Context, in *ddb.GetShardIteratorInput) (*ddb.GetShardIteratorOutput, error) {
	sh := m.shard(in.StreamArn, in.ShardId)
	if sh == nil {
		return nil, errGone()
	}
	pos, empties := sh.trimmed, 0
	switch in.ShardIteratorType {
	case "LATEST":
		for pos = 0; pos < len(sh.records) && sh.records[pos].publishedAt <= m.w.now(); {
			pos++
		}
	case "AFTER_SEQUENCE_NUMBER":
		for pos = 0; pos < len(sh.records) && sh.records[pos].record.DynamoDB.SequenceNumber <= text(in.SequenceNumber); {
			pos++
		}
		if pos < sh.trimmed {
			return nil, &ddb.Error{Code: "TrimmedDataAccessException", Message: "The requested data has been trimmed"}
		}
	default:
		empties = int(m.w.draw(90) % 3)
	}
	it := m.iterator(in.StreamArn, sh, pos, empties)
	return &ddb.GetShardIteratorOutput{ShardIterator: &it}, nil
}

// iterator makes an iterator; empties is how many answers will be empty although there are records (R33).
func (m *model) iterator(stream string, sh *shard, pos, empties int) string {
	return fmt.Sprintf("%s|%s|%d|%d|%d", stream, sh.id, pos, empties, m.w.now())
}

// shard finds a shard.
func (m *model) shard(stream, id string) *shard {
	s := m.streams[stream]
	if s == nil {
		return nil
	}
	for _, sh := range s.shards {
		if sh.id == id {
			return sh
		}
	}
	return nil
}

// getRecords is GetRecords.
func (m *model) getRecords(_ context.Context, in *ddb.GetRecordsInput) (*ddb.GetRecordsOutput, error) {
	f := strings.Split(in.ShardIterator, "|")
	var pos, empties, made int
	for i, to := range []*int{&pos, &empties, &made} {
		var err error
		if *to, err = strconv.Atoi(f[i+2]); err != nil {
			return nil, ddb.Validation("Invalid ShardIterator")
		}
	}
	now := m.w.now()
	sh := m.shard(f[0], f[1])
	switch {
	case sh == nil:
		return nil, errGone()
	case m.w.sc.Expire && now-time.Duration(made) > expiry:
		return nil, &ddb.Error{Code: "ExpiredIteratorException", Message: "Iterator expired"}
	case pos < sh.trimmed:
		return nil, &ddb.Error{Code: "TrimmedDataAccessException", Message: "The requested data has been trimmed"}
	}
	out := &ddb.GetRecordsOutput{Records: []ddb.Record{}}
	if empties > 0 && pos < len(sh.records) {
		empties--
	} else {
		if pos > sh.trimmed && sh.records[pos-1].publishedAt > now-time.Second && m.w.one(91, 12) && !m.w.sc.Calm && !m.w.healed {
			out.Records = append(out.Records, sh.records[pos-1].record) // once more
		}
		for n := 0; n < pageMost && pos < len(sh.records) && sh.records[pos].publishedAt <= now; n++ {
			out.Records = append(out.Records, sh.records[pos].record)
			pos++
		}
	}
	if sh.closed == 0 || pos < len(sh.records) {
		next := m.iterator(f[0], sh, pos, empties)
		out.NextShardIterator = &next
	}
	return out, nil
}
