package ddb

import "time"

// Change is one item's mutation: what a commit in the embedded engine, or a record of a table's stream, did.
type Change struct {
	// Scope and Table name the table; Description is its description at the time of the change.
	Scope string
	Table *TableDescription
	// Key is the item's primary key.
	Key Item
	// Old and New are the images before and after; HasOld and HasNew whether there was, or is, an item.
	Old, New       Item
	HasOld, HasNew bool
	// OldUnknown and NewUnknown say that the image is not told, though there was or is an item: the stream's view type
	// does not carry it, or it cannot be trusted. HasOld and HasNew are then what the event's name says, true when in doubt.
	OldUnknown, NewUnknown bool
	// Sequence is the stream record's SequenceNumber, empty for a commit of the embedded engine.
	Sequence string
	// Created is the record's ApproximateCreationDateTime, which is rounded to the second.
	Created time.Time
	// Expired is true for a deletion by time to live.
	Expired bool
}
