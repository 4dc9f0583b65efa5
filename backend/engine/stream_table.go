package engine

import (
	"strconv"
	"time"

	"millrace/ddb"
)

// checkStreamUpdate checks UpdateTable's StreamSpecification by itself.
func checkStreamUpdate(spec *ddb.StreamSpecification) *ddb.Error {
	switch {
	case spec == nil:
		return nil
	case spec.StreamEnabled && spec.StreamViewType == "":
		return invalid("If stream is being enabled then UpdateViewType is required")
	case !spec.StreamEnabled && spec.StreamViewType != "":
		return invalid("If stream is being disabled, then UpdateViewType must not be specified")
	}
	return nil
}

// checkStreamCreate checks CreateTable's StreamSpecification.
func checkStreamCreate(spec *ddb.StreamSpecification) *ddb.Error {
	switch {
	case spec == nil:
		return nil
	case spec.StreamEnabled && spec.StreamViewType == "":
		return invalid("Table is being created with a stream enabled, UpdateViewType is required")
	case !spec.StreamEnabled && spec.StreamViewType != "":
		return invalid("Table is being created with a stream disabled, UpdateViewType should not be specified")
	}
	return nil
}

// createStream gives the table that r will be a stream if spec asks for one. This and the rest of the file run in a writeSet's
// tables, on the committer's goroutine.
func (c *committer) createStream(cat *catalog, r *tableRecord, spec *ddb.StreamSpecification, b *batch) *catalog {
	if spec == nil || !spec.StreamEnabled {
		return cat
	}
	return c.openStream(cat, r, spec.StreamViewType, b)
}

// updateStream enables or disables t's stream as spec, which may be nil, asks for. The new version of t is not in the
// result's catalog yet.
func (c *committer) updateStream(cat *catalog, t *table, spec *ddb.StreamSpecification, b *batch) (*catalog, *table, *ddb.Error) {
	if spec == nil {
		return cat, t, nil
	}
	enabled := t.record.Stream != 0
	switch {
	case spec.StreamEnabled && enabled:
		return nil, nil, ddb.Validation("Table already has an enabled stream: TableName: %s", t.desc.TableName)
	case !spec.StreamEnabled && !enabled:
		return nil, nil, ddb.Validation("Table has no stream to disable: TableName: %s", t.desc.TableName)
	case enabled:
		cat = c.closeStream(cat, t, b)
		return cat, t.changed(func(r *tableRecord) {
			// What DescribeTable still tells is the last stream's ARN and label.
			r.Stream, r.Description.StreamSpecification = 0, nil
		}), nil
	}
	t = t.changed(func(r *tableRecord) { cat = c.openStream(cat, r, spec.StreamViewType, b) })
	return cat, t, nil
}

// streamLabel is the form of a stream's label: when it was enabled.
// (API Reference, StreamDescription: StreamLabel, "A timestamp, in ISO 8601 format".)
const streamLabel = "2006-01-02T15:04:05.000"

// openStream gives the table that r will be a new stream.
func (c *committer) openStream(cat *catalog, r *tableRecord, view string, b *batch) *catalog {
	d, number, created := r.Description, cat.streams.next, c.sequence.clock()
	name := streamName{table: tableName{r.Scope, d.TableName}}
	// The label is what makes the ARN new, also when a stream before it was of the same millisecond.
	for at := created.UTC(); ; at = at.Add(time.Millisecond) {
		name.label = at.Format(streamLabel)
		if cat.streams.byName[name] == nil && name.label != d.LatestStreamLabel {
			break
		}
	}
	record := streamRecord{
		Scope: r.Scope, Table: d.TableName, TableID: d.TableId,
		ARN: ddb.StreamARN(d.TableArn, name.label), Label: name.label,
		View: view, KeySchema: d.KeySchema, Created: timestamp(created),
	}
	var shards []*shard
	low := uint64(0)
	for _, high := range splitRange(c.streams.Shards) {
		shards = append(shards, c.openShard(number, &record, shardRecord{Low: low, High: high}, b))
		low = high + 1
	}
	s := newStream(number, record, shards)
	b.set(streamKey(number), encodeRecord(s.record))
	b.set([]byte(systemNextStream), strconv.AppendUint(nil, uint64(number)+1, 10))
	r.Stream = number
	d.StreamSpecification = &ddb.StreamSpecification{StreamEnabled: true, StreamViewType: view}
	d.LatestStreamArn, d.LatestStreamLabel = record.ARN, record.Label
	return cat.withStreams(cat.streams.with(s))
}

// openShard makes the next shard of a stream.
func (c *committer) openShard(number uint32, of *streamRecord, record shardRecord, b *batch) *shard {
	record.Start = c.sequence.next()
	sh := newShard(of.NextShard, record)
	of.NextShard++
	b.set(shardKey(number, sh.number), encodeRecord(sh.record))
	return sh
}

// closeShard ends a shard of a stream.
func (c *committer) closeShard(number uint32, sh *shard, b *batch) *shard {
	sh = sh.closed(c.sequence.next())
	c.heat.forget(shardOf{number, sh.number})
	b.set(shardKey(number, sh.number), encodeRecord(sh.record))
	return sh
}

// closeStream ends t's stream, if it has one: its shards are closed and have no children. It stays readable.
func (c *committer) closeStream(cat *catalog, t *table, b *batch) *catalog {
	s := cat.streams.byNumber[t.record.Stream]
	if s == nil {
		return cat
	}
	record := s.record
	shards := make([]*shard, len(s.shards))
	for i, sh := range s.shards {
		if sh.record.End == 0 {
			sh = c.closeShard(s.number, sh, b)
		}
		shards[i] = sh
	}
	record.Closed = c.sequence.next()
	b.set(streamKey(s.number), encodeRecord(record))
	return cat.withStreams(cat.streams.with(newStream(s.number, record, shards)))
}
