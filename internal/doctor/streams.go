package doctor

import (
	"context"
	"fmt"

	"millrace/ddb"
)

// views are what a stream's records tell, by view type, as far as the caches are concerned.
var views = map[string]struct {
	level        Level
	detail, next string
}{
	"NEW_AND_OLD_IMAGES": {OK, "every change is known exactly", ""},
	"NEW_IMAGE":          {Warn, "where an item was in an index before a change is not told, so changes end all cached pages of the indexes", "use the view type NEW_AND_OLD_IMAGES if indexes are queried"},
	"OLD_IMAGE":          {Warn, "what a change left is not told, so changes end all cached pages of the indexes", "use the view type NEW_AND_OLD_IMAGES if indexes are queried"},
	"KEYS_ONLY":          {Warn, "only keys are told, so changes end all cached pages of the indexes", "use the view type NEW_AND_OLD_IMAGES if indexes are queried"},
}

// streams looks whether writes of others can be seen, and reports it.
func (s *subject) streams(ctx context.Context) bool {
	spec := s.desc.StreamSpecification
	if spec == nil || !spec.StreamEnabled {
		s.find(Warn, "stream", "the table has no stream: writes that do not pass through millrace are seen when what they changed is past its time to live",
			"switch the table's stream on (NEW_AND_OLD_IMAGES), or set streams: enable for the table")
		return false
	}
	if err := s.readStream(ctx); err != nil {
		if isDenied(err) {
			s.find(Warn, "stream", reason(err), "allow dynamodb:DescribeStream, dynamodb:GetShardIterator and dynamodb:GetRecords on the table's streams")
		} else {
			s.find(Warn, "stream", reason(err), nextOf(err))
		}
		return false
	}
	view, ok := views[spec.StreamViewType]
	if !ok {
		view.level, view.detail = Warn, "this view type is not known here"
	}
	s.find(view.level, "stream", fmt.Sprintf("%s: %s", spec.StreamViewType, view.detail), view.next)
	return true
}

// readStream makes the calls that following a stream takes.
func (s *subject) readStream(ctx context.Context) error {
	arn := s.desc.LatestStreamArn
	resp, err := s.call(ctx, &ddb.DescribeStreamInput{StreamArn: arn})
	if err != nil {
		return err
	}
	out, err := ddb.OutputAs[ddb.DescribeStreamOutput](resp)
	if err != nil {
		return err
	}
	if out.StreamDescription == nil || len(out.StreamDescription.Shards) == 0 {
		return nil // a new stream has none yet
	}
	shards := out.StreamDescription.Shards
	resp, err = s.call(ctx, &ddb.GetShardIteratorInput{StreamArn: arn, ShardId: shards[len(shards)-1].ShardId, ShardIteratorType: "LATEST"})
	if err != nil {
		return err
	}
	iterator, err := ddb.OutputAs[ddb.GetShardIteratorOutput](resp)
	if err != nil {
		return err
	}
	if iterator.ShardIterator == nil {
		return nil
	}
	limit := 1
	_, err = s.call(ctx, &ddb.GetRecordsInput{ShardIterator: *iterator.ShardIterator, Limit: &limit})
	return err
}

// expiry looks at the table's time to live: DynamoDB's own deletes are foreign writes too.
func (s *subject) expiry(ctx context.Context, streams bool) {
	resp, err := s.call(ctx, &ddb.DescribeTimeToLiveInput{TableName: s.name})
	if err != nil {
		s.find(Warn, "time to live", reason(err), "allow dynamodb:DescribeTimeToLive for this command; serving does not need it")
		return
	}
	out, err := ddb.OutputAs[ddb.DescribeTimeToLiveOutput](resp)
	if err != nil || out.TimeToLiveDescription == nil {
		s.find(Warn, "time to live", "the answer cannot be understood", "")
		return
	}
	switch d := out.TimeToLiveDescription; {
	case d.TimeToLiveStatus != "ENABLED":
		s.find(OK, "time to live", "off", "")
	case streams:
		s.find(OK, "time to live", fmt.Sprintf("by attribute %q; expired items leave the caches with their stream records", d.AttributeName), "")
	default:
		s.find(Warn, "time to live", fmt.Sprintf("by attribute %q; without a stream, expired items are served until their time in the cache is over", d.AttributeName),
			"switch the table's stream on, or set a short item_ttl for the table")
	}
}
