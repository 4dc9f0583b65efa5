package ddb

// DynamoDB's limits. Where no page is named it is the Developer Guide's "Quotas in Amazon DynamoDB".
const (
	// MaxItemBytes is the most an item may weigh, by Item.Size.
	MaxItemBytes = 400 << 10
	// MaxPageBytes is the most that one Query or Scan page reads, before the filter.
	// (API Reference, Query: "1 MB of data".)
	MaxPageBytes = 1 << 20
	// MaxBatchGetBytes is the most one BatchGetItem or TransactGetItems answers. (API Reference, BatchGetItem.)
	MaxBatchGetBytes = 16 << 20
	// MaxBatchWriteBytes is the most one BatchWriteItem may carry, and MaxRequestBytes any request's body.
	// (API Reference, BatchWriteItem: "16 MB of item data".)
	MaxBatchWriteBytes = 16 << 20
	MaxRequestBytes    = 16 << 20
	// MaxTransactBytes is the most the items of one transaction may weigh together. (API Reference, TransactWriteItems.)
	MaxTransactBytes = 4 << 20

	// MaxBatchGetKeys and MaxBatchWrites count over all tables. (API Reference, BatchGetItem and BatchWriteItem.)
	MaxBatchGetKeys = 100
	MaxBatchWrites  = 25
	// MaxTransactItems is the most actions in one transaction. (API Reference, TransactWriteItems: TransactItems.)
	MaxTransactItems = 100

	// MaxHashKeyBytes and MaxRangeKeyBytes are lengths of a key attribute's value, raw bytes.
	MaxHashKeyBytes  = 2048
	MaxRangeKeyBytes = 1024
	// MaxAttributeNameBytes is a non-key attribute's name, MaxKeyNameBytes that of a key attribute, of an index key
	// attribute or of one listed in NonKeyAttributes.
	MaxAttributeNameBytes = 65535
	MaxKeyNameBytes       = 255
	// MaxNestingLevels counts the item itself and each M or L down to the deepest one.
	MaxNestingLevels = 32

	// MaxExpressionBytes is the length of one expression string, MaxExpressionOperators the operators in it,
	// MaxInOperands the operands of one IN and MaxPlaceholderBytes the length of a #name or :value.
	MaxExpressionBytes     = 4096
	MaxExpressionOperators = 300
	MaxInOperands          = 100
	MaxPlaceholderBytes    = 255

	// MaxLocalIndexes and MaxGlobalIndexes are per table, MaxProjectedNames the NonKeyAttributes over all of a
	// table's indexes.
	MaxLocalIndexes   = 5
	MaxGlobalIndexes  = 20
	MaxProjectedNames = 100
	// MaxIndexHashKeys and MaxIndexRangeKeys are the parts of a global index's multi-attribute key.
	// (Developer Guide, "Multi-attribute keys".)
	MaxIndexHashKeys  = 4
	MaxIndexRangeKeys = 4

	// MaxTags is per resource, and the others are the lengths of a tag's parts in characters.
	// (Developer Guide, "Tagging restrictions in DynamoDB".)
	MaxTags          = 50
	MaxTagKeyChars   = 128
	MaxTagValueChars = 256
	// MaxStatementBytes is one PartiQL statement. (API Reference, ExecuteStatement: Statement.)
	MaxStatementBytes = 8192

	// MaxCollectionBytes is the most one item collection of a table with a local index may weigh.
	MaxCollectionBytes = 10 << 30
)
