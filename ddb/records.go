package ddb

import (
	"encoding/json"
	"fmt"
)

// ReadRecords is the output of a GetRecords. A record that cannot be read whole, such as one in which a string is no text, does not take the
// others with it: what can be read of it is there, an image or a key that cannot is nil, and so is all of DynamoDB where not even its
// parts can be told.
func ReadRecords(resp *Response) (*GetRecordsOutput, error) {
	out, err := OutputAs[GetRecordsOutput](resp)
	if err == nil || resp.Body() == nil {
		return out, err
	}
	// encoding/json takes any string, and hands on what it was not asked to look into.
	var page struct {
		Records           []json.RawMessage
		NextShardIterator *string
	}
	if json.Unmarshal(resp.Body(), &page) != nil {
		return nil, err
	}
	out = &GetRecordsOutput{Records: make([]Record, len(page.Records)), NextShardIterator: page.NextShardIterator}
	for i, text := range page.Records {
		if _, err := decodeOutput(text, &out.Records[i]); err != nil {
			if out.Records[i], err = salvage(text); err != nil {
				return nil, fmt.Errorf("record %d of an answer: %w", i, err)
			}
		}
	}
	return out, nil
}

// salvage reads what can be read of a record. Its error is that there is no object at all.
func salvage(text []byte) (Record, error) {
	var parts struct {
		EventName string `json:"eventName"`
		DynamoDB  json.RawMessage
		Identity  json.RawMessage `json:"userIdentity"`
	}
	if err := json.Unmarshal(text, &parts); err != nil {
		return Record{}, err
	}
	r := Record{EventName: parts.EventName}
	var id Identity
	if _, err := decodeOutput(parts.Identity, &id); err == nil {
		r.UserIdentity = &id
	}
	var d struct {
		Keys, NewImage, OldImage    json.RawMessage
		ApproximateCreationDateTime float64
		SequenceNumber              string
		SizeBytes                   int64
	}
	if json.Unmarshal(parts.DynamoDB, &d) == nil {
		r.DynamoDB = &StreamRecord{
			ApproximateCreationDateTime: Timestamp(d.ApproximateCreationDateTime), SequenceNumber: d.SequenceNumber, SizeBytes: d.SizeBytes,
			Keys: readable(d.Keys), NewImage: readable(d.NewImage), OldImage: readable(d.OldImage),
		}
	}
	return r, nil
}

// readable is the item in text, nil where it is not to be read whole.
func readable(text []byte) Item {
	item, ok := ParseWholeItem(text)
	if !ok {
		return nil
	}
	return item
}
