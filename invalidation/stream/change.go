package stream

import (
	"math"
	"time"

	"millrace/ddb"
)

// changes makes records into what the invalidator understands. A record without the part that says what it is about
// becomes a change of an unknown item, which is every item.
func (f *follower) changes(records []ddb.Record) []ddb.Change {
	desc := f.table.description.Load()
	out := make([]ddb.Change, len(records))
	for i := range records {
		r, c := &records[i], &out[i]
		c.Scope, c.Table = f.table.ref.scope, desc
		c.HasOld, c.HasNew = r.EventName != "INSERT", r.EventName != "REMOVE"
		c.Expired = r.UserIdentity != nil && r.UserIdentity.Type == "Service"
		d := r.DynamoDB
		if d == nil {
			c.OldUnknown, c.NewUnknown = true, true
			continue
		}
		c.Key, c.Sequence = d.Keys, d.SequenceNumber
		whole, part := math.Modf(float64(d.ApproximateCreationDateTime))
		c.Created = time.Unix(int64(whole), int64(part*1e9))
		if f.config.KeysOnly {
			// Nor do the names of events tell what there was and is.
			c.HasOld, c.HasNew, c.OldUnknown, c.NewUnknown = true, true, true, true
			continue
		}
		c.Old, c.New = understood(d.OldImage), understood(d.NewImage)
		c.OldUnknown, c.NewUnknown = c.HasOld && c.Old == nil, c.HasNew && c.New == nil
	}
	return out
}

// understood is image, or nil, as if the record had none, if it has values that are not understood: what is cached would show
// them as nothing.
func understood(image ddb.Item) ddb.Item {
	for i := range image {
		if image[i].Value.Kind() == ddb.KindInvalid {
			return nil
		}
	}
	return image
}

// echoes are the times since those of changes that are own writes were acknowledged.
func (f *follower) echoes(changes []ddb.Change) []time.Duration {
	var out []time.Duration
	for i := range changes {
		if changes[i].Key == nil {
			continue
		}
		if at, ok := f.table.manager.inv.AckedAt(&changes[i]); ok {
			out = append(out, time.Duration(f.config.Clock()-at))
		}
	}
	return out
}
