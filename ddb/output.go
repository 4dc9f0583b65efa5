package ddb

// The typed outputs of the data plane. Tags as in input.go, plus `always`: the member is written even when it is
// empty, and `telling`. Otherwise nil pointers, nil maps, nil slices and nil Items are left out; non-nil empty ones are written.

// Capacity is the part of ConsumedCapacity of one table or index. Only transactions tell reads from writes.
type Capacity struct {
	ReadCapacityUnits  *float64
	WriteCapacityUnits *float64
	CapacityUnits      float64 `ddb:"always"`
}

// ConsumedCapacity is what one request cost on one table.
type ConsumedCapacity struct {
	TableName              string  `ddb:"always"`
	CapacityUnits          float64 `ddb:"always"`
	ReadCapacityUnits      *float64
	WriteCapacityUnits     *float64
	Table                  *Capacity
	LocalSecondaryIndexes  map[string]Capacity
	GlobalSecondaryIndexes map[string]Capacity
}

// ItemCollectionMetrics tells the size of the item collection a write touched.
type ItemCollectionMetrics struct {
	ItemCollectionKey   Item
	SizeEstimateRangeGB []float64
}

// GetItemOutput is GetItem's. A nil Item is an absent item, an empty one an item with nothing projected.
type GetItemOutput struct {
	Item             Item `ddb:"telling"`
	ConsumedCapacity *ConsumedCapacity
}

// PutItemOutput is PutItem's.
type PutItemOutput struct {
	Attributes            Item `ddb:"telling"`
	ConsumedCapacity      *ConsumedCapacity
	ItemCollectionMetrics *ItemCollectionMetrics
}

// DeleteItemOutput is DeleteItem's.
type DeleteItemOutput struct {
	Attributes            Item `ddb:"telling"`
	ConsumedCapacity      *ConsumedCapacity
	ItemCollectionMetrics *ItemCollectionMetrics
}

// UpdateItemOutput is UpdateItem's.
type UpdateItemOutput struct {
	Attributes            Item `ddb:"telling"`
	ConsumedCapacity      *ConsumedCapacity
	ItemCollectionMetrics *ItemCollectionMetrics
}

// ReadCost is what a Query or Scan cost when read eventually consistently, in half units; twice that when strongly.
// It is never on the wire: a cache needs it to tell the capacity of an answer that it gives again.
type ReadCost struct {
	// Table is the part of the table, and Index that of the index read, if one was.
	Table, Index int64
}

// QueryOutput is Query's. Items is nil, and left out, for Select COUNT.
type QueryOutput struct {
	Items            []Item
	Count            int `ddb:"always"`
	ScannedCount     int `ddb:"always"`
	LastEvaluatedKey Item
	ConsumedCapacity *ConsumedCapacity
	// Cost is known only where the embedded engine answered; nil otherwise.
	Cost *ReadCost `ddb:"-"`
}

// ScanOutput is Scan's.
type ScanOutput struct {
	Items            []Item
	Count            int `ddb:"always"`
	ScannedCount     int `ddb:"always"`
	LastEvaluatedKey Item
	ConsumedCapacity *ConsumedCapacity
	// Cost is known only where the embedded engine answered; nil otherwise.
	Cost *ReadCost `ddb:"-"`
}

// BatchGetItemOutput is BatchGetItem's. Every requested table has an entry in Responses.
type BatchGetItemOutput struct {
	Responses        map[string][]Item            `ddb:"always"`
	UnprocessedKeys  map[string]KeysAndAttributes `ddb:"always"`
	ConsumedCapacity []ConsumedCapacity
}

// BatchWriteItemOutput is BatchWriteItem's.
type BatchWriteItemOutput struct {
	UnprocessedItems      map[string][]WriteRequest `ddb:"always"`
	ItemCollectionMetrics map[string][]ItemCollectionMetrics
	ConsumedCapacity      []ConsumedCapacity
}

// ItemResponse is one answer of TransactGetItems.
type ItemResponse struct {
	Item Item `ddb:"telling"`
}

// TransactGetItemsOutput is TransactGetItems'.
type TransactGetItemsOutput struct {
	ConsumedCapacity []ConsumedCapacity
	Responses        []ItemResponse
}

// TransactWriteItemsOutput is TransactWriteItems'.
type TransactWriteItemsOutput struct {
	ConsumedCapacity      []ConsumedCapacity
	ItemCollectionMetrics map[string][]ItemCollectionMetrics
}
