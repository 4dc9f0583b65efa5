package facts

// untested are the facts that no test here can hold a server to, and why. docs/COMPATIBILITY.md has the same rows.
var untested = map[int]string{
	24:  "Signatures are not verified, only their form is, so that there is no wrong one.",
	258: "Where a page of 1 MB ends is counted by the documented sizes of items, not by those of DynamoDB's own storage, which are not known.",
	259: "Items that are equal in an index's keys come in the order of the table's keys; DynamoDB documents none.",
}

// different are facts of which a part is otherwise here, because there is better evidence for it, and how. Their tests
// demand what is said here. docs/COMPATIBILITY.md has the same rows.
var different = map[int]string{
	35:  "A string that is no truth value, given for one, is told as \"Unexpected token received from parser\".",
	70:  "A sum that needs more than 38 digits is told as an overflow.",
	81:  "An update of something inside a key of the table is told as an update of the key.",
	166: "Query words a Select that does not go with a projection as a broken constraint, Scan does not; COUNT is \"only the Count\".",
	168: "The text is \"Global secondary index … does not project […]\".",
	227: "The text for an unknown index goes on with the index's and the table's name.",
	253: "The text for an unknown table spells ResourceArn right.",
	254: "The text for too many tags is \"Number of Tags exceed the current limit for the provided ResourceArn\".",
	264: "The elements of a batch of writes are taken in their order: a bad key is told before a duplicate only where it comes first.",
}
