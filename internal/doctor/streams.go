package doctor

import (
	"context"
	"fmt"

	"millrace/ddb"
)

// What follows from a stream that does not tell all, and what to do about it.
const (
	pagesGo   = ", so each change by others ends all cached pages of the table's global indexes, and in local ones those of the item's partition"
	wholeView = "if indexes are queried, make the stream anew with the view type NEW_AND_OLD_IMAGES"
)

// views are what a stream's records tell, by view type, as far as the caches are concerned.
var views = map[string]struct {
	level        Level
	detail, next string
}{
	"NEW_AND_OLD_IMAGES": {OK, "every change is known exactly", ""},
	"NEW_IMAGE":          {Warn, "where an item was in an index before a change is not told" + pagesGo, wholeView},
	"OLD_IMAGE":          {Warn, "what a change left is not told" + pagesGo, wholeView},
	"KEYS_ONLY":          {Warn, "only keys are told" + pagesGo, wholeView},
}

// streams looks whether writes of others can be seen, and reports it.
func (s *subject) streams(ctx context.Context) bool {
	level, why := s.missing()
	spec := s.desc.StreamSpecification
	if spec == nil || !spec.StreamEnabled {
		detail, next := "the table has no stream: writes that do not pass through millrace are seen when what they changed is past its time to live"+why,
			"switch the table's stream on, with the view type NEW_AND_OLD_IMAGES, or let millrace do it with `streams: enable` for the table"
		if s.needs() == enable {
			level, detail = Warn, "the table has no stream yet: millrace makes one when it serves, if it may"
			next = "allow dynamodb:UpdateTable, or switch the table's stream on, with the view type NEW_AND_OLD_IMAGES"
		}
		s.find(level, "stream", detail, next)
		return false
	}
	if err := s.readStream(ctx); err != nil {
		if isDenied(err) {
			s.find(level, "stream", reason(err)+why, "allow dynamodb:DescribeStream, dynamodb:GetShardIterator and dynamodb:GetRecords on the table's streams")
		} else {
			s.find(level, "stream", reason(err)+why, nextOf(err))
		}
		return false
	}
	view, ok := views[spec.StreamViewType]
	if !ok {
		view.level, view.detail, view.next = Warn, "this view type is not known to this version", wholeView
	}
	s.find(view.level, "stream", fmt.Sprintf("%s: %s", spec.StreamViewType, view.detail), view.next)
	return true
}

// enable is the setting that makes a stream where there is none.
const enable = "streams: enable"

// needs is the setting that asks for the table's stream; empty if none does.
func (s *subject) needs() string {
	if s.config.Needs == nil {
		return ""
	}
	return s.config.Needs(s.name)
}

// missing is how a stream that cannot be read stands: it fails where the table's settings ask for it, and why says so. Otherwise there is less to be had
// from caching, and nothing wrong.
func (s *subject) missing() (level Level, why string) {
	if setting := s.needs(); setting != "" {
		return Fail, "; but the table's settings ask for its stream: " + setting
	}
	return Warn, ""
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
		next := nextOf(err)
		if isDenied(err) {
			next = "allow dynamodb:DescribeTimeToLive for this command; serving does not need it"
		}
		s.find(Warn, "time to live", reason(err), next)
		return
	}
	out, err := ddb.OutputAs[ddb.DescribeTimeToLiveOutput](resp)
	if err != nil || out.TimeToLiveDescription == nil {
		s.find(Warn, "time to live", "the answer cannot be understood", "check that --upstream speaks DynamoDB's protocol")
		return
	}
	switch d := out.TimeToLiveDescription; {
	case d.TimeToLiveStatus != "ENABLED":
		s.find(OK, "time to live", "off: DynamoDB deletes no items by itself", "")
	case streams:
		s.find(OK, "time to live", fmt.Sprintf("by attribute %q; expired items leave the caches with their stream records", d.AttributeName), "")
	default:
		s.find(Warn, "time to live", fmt.Sprintf("by attribute %q; without a stream, expired items are served until their time in the cache is over", d.AttributeName),
			"switch the table's stream on, or set a short `item_ttl` for the table")
	}
}
