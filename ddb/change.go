package ddb

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
	// Expired is true for a deletion by time to live.
	Expired bool
}
