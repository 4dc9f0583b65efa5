package engine

import (
	"context"
	"sort"
	"strings"

	"millrace/ddb"
)

// maxListedStreams is how many streams one ListStreams, or shards one DescribeStream, answers.
// (API Reference, ListStreams and DescribeStream: Limit, "The upper limit is 100".)
const maxListedStreams = 100

// errStreamARN refuses what is not a stream's ARN.
func errStreamARN() *ddb.Error { return ddb.Validation("Invalid StreamArn") }

// parseStreamARN takes a stream's ARN apart. Its account and region are not looked at: one store serves them all.
func parseStreamARN(scope, arn string) (streamName, *ddb.Error) {
	p, ok := ddb.ParseARN(arn)
	label, isStream := strings.CutPrefix(p.Sub, "stream/")
	if !ok || !isStream {
		return streamName{}, errStreamARN()
	}
	return streamName{tableName{scope, p.Table}, label}, nil
}

// stream looks up the stream with that ARN.
func (v *view) stream(scope, arn string) (*stream, *ddb.Error) {
	name, err := parseStreamARN(scope, arn)
	if err != nil {
		return nil, err
	}
	if s, ok := v.cat.streams.byName[name]; ok {
		return s, nil
	}
	return nil, errNoStream(arn)
}

// errNoStream is the answer for a stream that never was, or is gone.
func errNoStream(arn string) *ddb.Error {
	return ddb.ResourceNotFound("Requested resource not found: Stream: %s not found", arn)
}

// listStreams answers the streams of a scope, or of one table, in the order of their ARNs. Those that were disabled, also
// by the deletion of their table, are among them until their records are too old. No table of that name is no stream
// (assumed).
func (e *Engine) listStreams(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.ListStreamsInput](req)
	if err != nil {
		return nil, err
	}
	scope, table := e.scopeOf(req), ""
	if in.TableName != nil {
		table = ddb.TableName(*in.TableName)
	}
	if in.ExclusiveStartStreamArn != nil {
		if _, err := parseStreamARN(scope, *in.ExclusiveStartStreamArn); err != nil {
			return nil, err
		}
	}
	v := e.acquireView()
	defer v.release()
	list := v.cat.streams.list(scope, table)
	if start := in.ExclusiveStartStreamArn; start != nil {
		// The place after it, whether or not it is still there.
		list = list[sort.Search(len(list), func(i int) bool { return list[i].record.ARN > *start }):]
	}
	out := &ddb.ListStreamsOutput{}
	if limit := pageLimit(in.Limit); len(list) > limit {
		list = list[:limit]
		out.LastEvaluatedStreamArn = &list[limit-1].record.ARN
	}
	for _, s := range list {
		out.Streams = append(out.Streams, ddb.Stream{StreamArn: s.record.ARN, TableName: s.record.Table, StreamLabel: s.record.Label})
	}
	return ddb.NewTypedResponse(out), nil
}

// pageLimit is how many streams or shards are answered when a client asks for limit.
func pageLimit(limit *int) int {
	if limit == nil {
		return maxListedStreams
	}
	return *limit
}

// describeStream answers a stream and its shards, or the children of one of them, in the order of their ids.
func (e *Engine) describeStream(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.DescribeStreamInput](req)
	if err != nil {
		return nil, err
	}
	if err := checkShardFilter(in.ShardFilter); err != nil {
		return nil, err
	}
	v := e.acquireView()
	defer v.release()
	s, notFound := v.stream(e.scopeOf(req), in.StreamArn)
	if notFound != nil {
		return nil, notFound
	}
	d := &ddb.StreamDescription{
		StreamArn: s.record.ARN, StreamLabel: s.record.Label, StreamStatus: s.status(), StreamViewType: s.record.View,
		CreationRequestDateTime: s.record.Created, TableName: s.record.Table, KeySchema: s.record.KeySchema,
	}
	limit := pageLimit(in.Limit)
	for _, sh := range s.shards {
		if in.ExclusiveStartShardId != nil && sh.id <= *in.ExclusiveStartShardId {
			continue
		}
		if in.ShardFilter != nil && sh.record.Parent != *in.ShardFilter.ShardId {
			continue
		}
		if len(d.Shards) == limit {
			d.LastEvaluatedShardId = &d.Shards[limit-1].ShardId
			break
		}
		d.Shards = append(d.Shards, sh.describe())
	}
	return ddb.NewTypedResponse(&ddb.DescribeStreamOutput{StreamDescription: d}), nil
}

// checkShardFilter refuses half a filter. (Assumed: the API Reference calls both parts optional.)
func checkShardFilter(f *ddb.ShardFilter) *ddb.Error {
	switch {
	case f == nil:
		return nil
	case f.Type == nil:
		return invalid("Type must be specified in ShardFilter")
	case f.ShardId == nil:
		return invalid("ShardId must be specified in ShardFilter when Type is %s", *f.Type)
	}
	return nil
}

// describe is the shard as DescribeStream shows it: from the first record that is not too old.
func (sh *shard) describe() ddb.Shard {
	r := &ddb.SequenceNumberRange{StartingSequenceNumber: sequenceText(sh.oldest())}
	if sh.record.End != 0 {
		r.EndingSequenceNumber = sequenceText(sh.record.End)
	}
	return ddb.Shard{ShardId: sh.id, SequenceNumberRange: r, ParentShardId: sh.record.Parent}
}
