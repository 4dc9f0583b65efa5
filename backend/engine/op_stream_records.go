package engine

import (
	"context"
	"fmt"

	"millrace/ddb"
)

// The limits of one GetRecords. (API Reference, GetRecords: "a maximum of 1 MB of data or 1000 stream records, whichever
// comes first".)
const (
	maxRecords     = 1000
	maxRecordBytes = 1 << 20
)

// errTrimmed is the answer for a place whose records are gone.
func errTrimmed() *ddb.Error {
	return &ddb.Error{Code: "TrimmedDataAccessException", Message: "The data you are trying to access has been trimmed"}
}

// errIteratorExpired is the answer for an iterator that was kept too long. The text is that of the service's model.
func errIteratorExpired() *ddb.Error {
	return &ddb.Error{Code: "ExpiredIteratorException", Message: "The provided iterator exceeds the maximum age allowed."}
}

// getShardIterator answers an iterator at a place in a shard.
func (e *Engine) getShardIterator(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.GetShardIteratorInput](req)
	if err != nil {
		return nil, err
	}
	sequence, bad := parseStart(in)
	if bad != nil {
		return nil, bad
	}
	v := e.acquireView()
	defer v.release()
	s, bad := v.stream(e.scopeOf(req), in.StreamArn)
	if bad != nil {
		return nil, bad
	}
	sh, ok := s.shard(in.ShardId)
	if !ok {
		return nil, ddb.ResourceNotFound("Requested resource not found: Shard does not exist")
	}
	position, err := v.position(s, sh, in.ShardIteratorType, sequence)
	if err != nil {
		return nil, err
	}
	text := e.seal(s, shardIterator{s.number, sh.number, position, e.cfg.Clock().UnixMilli()})
	return ddb.NewTypedResponse(&ddb.GetShardIteratorOutput{ShardIterator: &text}), nil
}

// errSequenceNumber refuses a sequence number that no record of the shard has (assumed).
func errSequenceNumber() *ddb.Error { return ddb.Validation("Invalid SequenceNumber") }

// parseStart checks that there is a sequence number if the iterator's type needs one, and only then, and reads it.
// (That it is refused is known, the texts are assumed.)
func parseStart(in *ddb.GetShardIteratorInput) (uint64, *ddb.Error) {
	needed := in.ShardIteratorType == "AT_SEQUENCE_NUMBER" || in.ShardIteratorType == "AFTER_SEQUENCE_NUMBER"
	switch {
	case !needed && in.SequenceNumber != nil:
		return 0, invalid("SequenceNumber must not be specified when ShardIteratorType is %s", in.ShardIteratorType)
	case !needed:
		return 0, nil
	case in.SequenceNumber == nil:
		return 0, invalid("SequenceNumber must be specified when ShardIteratorType is %s", in.ShardIteratorType)
	}
	sequence, ok := parseSequence(*in.SequenceNumber)
	if !ok {
		return 0, errSequenceNumber()
	}
	return sequence, nil
}

// position is the lowest sequence number that an iterator of the given type, at sequence if the type is for one, reads.
func (v *view) position(s *stream, sh *shard, kind string, sequence uint64) (uint64, error) {
	if kind == "TRIM_HORIZON" {
		return sh.oldest(), nil
	}
	newest, found, err := v.snap.lastRecord(s.number, sh.number, logEnd)
	switch {
	case err != nil:
		return 0, fmt.Errorf("find newest record of stream %q: %w", s.record.ARN, err)
	case kind == "LATEST" && found:
		return newest + 1, nil
	case kind == "LATEST":
		return sh.oldest(), nil
	}
	// The ends of the shard, as DescribeStream shows them, are good places as well.
	if sequence < sh.record.Start || sequence > max(newest, sh.oldest(), sh.record.End) {
		return 0, errSequenceNumber()
	}
	if kind == "AFTER_SEQUENCE_NUMBER" {
		sequence++
	}
	if sequence <= sh.record.Trimmed {
		return 0, errTrimmed()
	}
	return sequence, nil
}

// getRecords answers the records from an iterator on, and the iterator for what follows. There is none when the shard is
// closed and was read to its end.
func (e *Engine) getRecords(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.GetRecordsInput](req)
	if err != nil {
		return nil, err
	}
	it, arn, bad := e.unseal(e.scopeOf(req), in.ShardIterator)
	if bad != nil {
		return nil, bad
	}
	now := e.cfg.Clock().UnixMilli()
	if now-it.issued > iteratorLifetime.Milliseconds() {
		return nil, errIteratorExpired()
	}
	v := e.acquireView()
	defer v.release()
	s := v.cat.streams.byNumber[it.stream]
	if s == nil {
		return nil, errNoStream(arn)
	}
	sh, ok := s.numbered(it.shard)
	if !ok || it.position <= sh.record.Trimmed {
		return nil, errTrimmed()
	}
	limit := maxRecords
	if in.Limit != nil {
		limit = *in.Limit
	}
	out := &ddb.GetRecordsOutput{}
	seen, s, sh := e.streamReplica(v, s, sh)
	defer seen.releaseUnless(v)
	more := true
	if sh != nil {
		if more, err = seen.readLog(s, sh, it.position, limit, e.cfg.Region, out); err != nil {
			return nil, fmt.Errorf("read stream %q: %w", s.record.ARN, err)
		}
	}
	if more || sh.record.End == 0 {
		if n := len(out.Records); n > 0 {
			last, _ := parseSequence(out.Records[n-1].DynamoDB.SequenceNumber)
			it.position = last + 1
		}
		it.issued = now
		next := e.seal(s, it)
		out.NextShardIterator = &next
	}
	return ddb.NewTypedResponse(out), nil
}

// readLog adds to out the records of a shard from a sequence number on, and reports whether there are more.
func (v *view) readLog(s *stream, sh *shard, from uint64, limit int, region string, out *ddb.GetRecordsOutput) (more bool, err error) {
	cur, err := v.snap.iterate(logRange(s.number, sh.number, from, logEnd))
	if err != nil {
		return false, err
	}
	defer func() {
		if closeErr := cur.Close(); err == nil {
			err = closeErr
		}
	}()
	size := int64(0)
	for cur.First(); cur.Valid(); cur.Next() {
		if len(out.Records) == limit {
			return true, nil
		}
		stored, err := cur.ValueAndErr()
		if err != nil {
			return false, err
		}
		r, err := s.decodeRecord(region, logSequence(cur.Key()), stored)
		if err != nil {
			return false, err
		}
		if size += r.DynamoDB.SizeBytes; size > maxRecordBytes && len(out.Records) > 0 {
			return true, nil
		}
		out.Records = append(out.Records, r)
	}
	return false, nil
}
