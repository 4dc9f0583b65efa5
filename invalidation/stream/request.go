package stream

import (
	"cmp"
	"context"
	"fmt"

	"millrace/ddb"
	"millrace/invalidation"
	"millrace/metrics"
)

// do sends a typed request through the guard and waits for a typed answer.
func do[Out any](ctx context.Context, c *Config, g *invalidation.Guard, scope string, in ddb.Input) (*Out, error) {
	return ask(ctx, c, g, scope, in, ddb.OutputAs[Out])
}

// ask is do with a way of one's own to read the answer.
func ask[Out any](ctx context.Context, c *Config, g *invalidation.Guard, scope string, in ddb.Input, read func(*ddb.Response) (*Out, error)) (*Out, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	req := ddb.NewTypedRequest(in)
	req.Scope = scope
	resp, err := g.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	out, err := read(resp)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", in.Operation(), err)
	}
	return out, nil
}

// failures are the meanings of exceptions beside throttles. What is not here is Transient.
// (API Reference, Amazon DynamoDB Streams: Errors of each operation; Common Errors.)
var failures = map[string]Failure{
	"LimitExceededException":     Throttled,
	"ExpiredIteratorException":   ExpiredIterator,
	"TrimmedDataAccessException": Trimmed,
	"ResourceNotFoundException":  Gone,
	"AccessDeniedException":      Forbidden,
	"UnknownOperationException":  Unsupported,
	"SerializationException":     Unsupported,
	"ValidationException":        Unsupported,
}

// failureOf is what err means.
func failureOf(err error) Failure {
	if err == nil {
		return None
	}
	e, ok := err.(*ddb.Error)
	if !ok || e.HTTPStatus() >= 500 {
		return Transient
	}
	if f, ok := failures[e.Code]; ok {
		return f
	}
	if e.Throttled() {
		return Throttled
	}
	return Transient
}

// listShards lists a stream's shards, all or the children of parent, page by page.
func (f *follower) listShards(ctx context.Context, parent string) (shards []Shard, enabled bool, err error) {
	in := &ddb.DescribeStreamInput{StreamArn: f.arn}
	if parent != "" {
		kind := "CHILD_SHARDS"
		in.ShardFilter = &ddb.ShardFilter{Type: &kind, ShardId: &parent}
	}
	for {
		f.table.manager.counts.listings.Add(1)
		out, err := do[ddb.DescribeStreamOutput](ctx, f.config, f.table.manager.guard, f.table.ref.scope, in)
		if err != nil {
			return nil, false, err
		}
		d := out.StreamDescription
		if d == nil {
			return nil, false, fmt.Errorf("describe stream %q: no description", f.arn)
		}
		view := d.StreamViewType
		f.view.Store(&view)
		for i := range d.Shards {
			s := &d.Shards[i]
			closed := s.SequenceNumberRange != nil && s.SequenceNumberRange.EndingSequenceNumber != ""
			shards = append(shards, Shard{ID: s.ShardId, Parent: s.ParentShardId, Closed: closed})
		}
		enabled = d.StreamStatus == "ENABLED" || d.StreamStatus == "ENABLING"
		if d.LastEvaluatedShardId == nil {
			return shards, enabled, nil
		}
		in.ExclusiveStartShardId = d.LastEvaluatedShardId
	}
}

// starts are the names of the places where an iterator begins.
var starts = map[Start]string{Latest: "LATEST", Horizon: "TRIM_HORIZON", After: "AFTER_SEQUENCE_NUMBER"}

// iterate gets an iterator.
func (f *follower) iterate(ctx context.Context, a *Action) (string, error) {
	in := &ddb.GetShardIteratorInput{StreamArn: f.arn, ShardId: a.Shard, ShardIteratorType: starts[a.From]}
	if a.From == After {
		in.SequenceNumber = &a.Sequence
	}
	out, err := do[ddb.GetShardIteratorOutput](ctx, f.config, f.table.manager.guard, f.table.ref.scope, in)
	switch {
	case err != nil:
		return "", err
	case out.ShardIterator == nil || *out.ShardIterator == "":
		return "", fmt.Errorf("get iterator of shard %q: none came", a.Shard)
	}
	return *out.ShardIterator, nil
}

// A page of so many records, or bytes, is taken to be followed by more at once. (API Reference, GetRecords: at most 1000
// records or 1 MB.)
const (
	fullRecords = 500
	fullBytes   = 512 << 10
)

// readPage gets records and applies them.
func (f *follower) readPage(ctx context.Context, a *Action) (Page, error) {
	m := f.table.manager
	m.counts.reads.Add(1)
	f.table.metrics.Asked()
	f.table.account.Add(metrics.StreamReads, 2)
	out, err := ask(ctx, f.config, m.guard, f.table.ref.scope, &ddb.GetRecordsInput{ShardIterator: a.Iterator}, ddb.ReadRecords)
	if err != nil {
		return Page{}, err
	}
	p := Page{Records: len(out.Records)}
	if out.NextShardIterator != nil {
		p.Next = *out.NextShardIterator
	}
	if p.Records > 0 {
		var bytes int64
		changes := f.changes(out.Records)
		for i := range out.Records {
			if d := out.Records[i].DynamoDB; d != nil {
				bytes += d.SizeBytes
				p.Last = d.SequenceNumber
				p.Created = max(p.Created, int64(float64(d.ApproximateCreationDateTime)*1e9))
			}
		}
		p.Full = p.Records >= cmp.Or(f.config.Full, fullRecords) || bytes >= fullBytes
		p.Echoes = f.echoes(changes)
		m.inv.Apply(changes)
		m.counts.records.Add(uint64(p.Records))
		f.table.records.Add(uint64(p.Records))
		f.table.metrics.Applied(p.Records, f.config.Wall().Sub(changes[0].Created))
	}
	return p, nil
}
