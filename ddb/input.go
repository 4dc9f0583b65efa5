package ddb

// The typed inputs of the data plane. A field's `ddb` tag holds its constraints in the words of the service
// model (see shape.go): required, min, max, pattern, enum. Optional scalars are pointers: nil is absent. A nil map
// or slice is absent, an empty one was sent empty. The order of fields is the order in which DynamoDB lists
// broken constraints.

// Names is ExpressionAttributeNames: placeholder to attribute name.
type Names map[string]string

// Values is ExpressionAttributeValues: placeholder to value.
type Values map[string]AttributeValue

// GetItemInput is GetItem's.
type GetItemInput struct {
	TableName                string   `ddb:"required,table"`
	Key                      Item     `ddb:"required"`
	AttributesToGet          []string `ddb:"min=1"`
	ConsistentRead           *bool
	ReturnConsumedCapacity   *string `ddb:"enum=INDEXES|TOTAL|NONE"`
	ProjectionExpression     *string
	ExpressionAttributeNames Names
}

// PutItemInput is PutItem's.
type PutItemInput struct {
	TableName                           string `ddb:"required,table"`
	Item                                Item   `ddb:"required"`
	Expected                            map[string]ExpectedAttributeValue
	ReturnValues                        *string `ddb:"enum=ALL_NEW|UPDATED_OLD|ALL_OLD|NONE|UPDATED_NEW"`
	ReturnConsumedCapacity              *string `ddb:"enum=INDEXES|TOTAL|NONE"`
	ReturnItemCollectionMetrics         *string `ddb:"enum=SIZE|NONE"`
	ConditionalOperator                 *string `ddb:"enum=OR|AND"`
	ConditionExpression                 *string
	ExpressionAttributeNames            Names
	ExpressionAttributeValues           Values
	ReturnValuesOnConditionCheckFailure *string `ddb:"enum=ALL_OLD|NONE"`
}

// DeleteItemInput is DeleteItem's.
type DeleteItemInput struct {
	TableName                           string `ddb:"required,table"`
	Key                                 Item   `ddb:"required"`
	Expected                            map[string]ExpectedAttributeValue
	ConditionalOperator                 *string `ddb:"enum=OR|AND"`
	ReturnValues                        *string `ddb:"enum=ALL_NEW|UPDATED_OLD|ALL_OLD|NONE|UPDATED_NEW"`
	ReturnConsumedCapacity              *string `ddb:"enum=INDEXES|TOTAL|NONE"`
	ReturnItemCollectionMetrics         *string `ddb:"enum=SIZE|NONE"`
	ConditionExpression                 *string
	ExpressionAttributeNames            Names
	ExpressionAttributeValues           Values
	ReturnValuesOnConditionCheckFailure *string `ddb:"enum=ALL_OLD|NONE"`
}

// UpdateItemInput is UpdateItem's.
type UpdateItemInput struct {
	TableName                           string `ddb:"required,table"`
	Key                                 Item   `ddb:"required"`
	AttributeUpdates                    map[string]AttributeValueUpdate
	Expected                            map[string]ExpectedAttributeValue
	ConditionalOperator                 *string `ddb:"enum=OR|AND"`
	ReturnValues                        *string `ddb:"enum=ALL_NEW|UPDATED_OLD|ALL_OLD|NONE|UPDATED_NEW"`
	ReturnConsumedCapacity              *string `ddb:"enum=INDEXES|TOTAL|NONE"`
	ReturnItemCollectionMetrics         *string `ddb:"enum=SIZE|NONE"`
	UpdateExpression                    *string
	ConditionExpression                 *string
	ExpressionAttributeNames            Names
	ExpressionAttributeValues           Values
	ReturnValuesOnConditionCheckFailure *string `ddb:"enum=ALL_OLD|NONE"`
}

// QueryInput is Query's.
type QueryInput struct {
	TableName                 string   `ddb:"required,table"`
	IndexName                 *string  `ddb:"min=3,max=255,pattern=name"`
	Select                    *string  `ddb:"enum=SPECIFIC_ATTRIBUTES|COUNT|ALL_ATTRIBUTES|ALL_PROJECTED_ATTRIBUTES"`
	AttributesToGet           []string `ddb:"min=1"`
	Limit                     *int     `ddb:"min=1,terse"`
	ConsistentRead            *bool
	KeyConditions             map[string]Condition
	QueryFilter               map[string]Condition
	ConditionalOperator       *string `ddb:"enum=OR|AND"`
	ScanIndexForward          *bool
	ExclusiveStartKey         Item
	ReturnConsumedCapacity    *string `ddb:"enum=INDEXES|TOTAL|NONE"`
	ProjectionExpression      *string
	FilterExpression          *string
	KeyConditionExpression    *string
	ExpressionAttributeNames  Names
	ExpressionAttributeValues Values
}

// ScanInput is Scan's.
type ScanInput struct {
	TableName                 string   `ddb:"required,table"`
	IndexName                 *string  `ddb:"min=3,max=255,pattern=name"`
	AttributesToGet           []string `ddb:"min=1"`
	Limit                     *int     `ddb:"min=1"`
	Select                    *string  `ddb:"enum=SPECIFIC_ATTRIBUTES|COUNT|ALL_ATTRIBUTES|ALL_PROJECTED_ATTRIBUTES"`
	ScanFilter                map[string]Condition
	ConditionalOperator       *string `ddb:"enum=OR|AND"`
	ExclusiveStartKey         Item
	ReturnConsumedCapacity    *string `ddb:"enum=INDEXES|TOTAL|NONE"`
	TotalSegments             *int    `ddb:"min=1,max=1000000"`
	Segment                   *int    `ddb:"min=0,max=999999"`
	ProjectionExpression      *string
	FilterExpression          *string
	ExpressionAttributeNames  Names
	ExpressionAttributeValues Values
	ConsistentRead            *bool
}

// KeysAndAttributes is one table's part of a BatchGetItem.
type KeysAndAttributes struct {
	Keys                     []Item   `ddb:"required,min=1,max=100,terse"`
	AttributesToGet          []string `ddb:"min=1"`
	ConsistentRead           *bool
	ProjectionExpression     *string
	ExpressionAttributeNames Names
}

// BatchGetItemInput is BatchGetItem's.
type BatchGetItemInput struct {
	RequestItems           map[string]KeysAndAttributes `ddb:"required,keys=table"`
	ReturnConsumedCapacity *string                      `ddb:"enum=INDEXES|TOTAL|NONE"`
}

// WriteRequest is one put or one delete of a BatchWriteItem; exactly one member is set.
type WriteRequest struct {
	PutRequest    *PutRequest
	DeleteRequest *DeleteRequest
}

// PutRequest is a put within a BatchWriteItem.
type PutRequest struct {
	Item Item `ddb:"required"`
}

// DeleteRequest is a delete within a BatchWriteItem.
type DeleteRequest struct {
	Key Item `ddb:"required"`
}

// BatchWriteItemInput is BatchWriteItem's.
type BatchWriteItemInput struct {
	RequestItems                map[string][]WriteRequest `ddb:"required,keys=table,valuemin=1,valuemax=25"`
	ReturnConsumedCapacity      *string                   `ddb:"enum=INDEXES|TOTAL|NONE"`
	ReturnItemCollectionMetrics *string                   `ddb:"enum=SIZE|NONE"`
}

// ExpectedAttributeValue is a legacy condition on one attribute.
type ExpectedAttributeValue struct {
	Value              *AttributeValue
	Exists             *bool
	ComparisonOperator *string `ddb:"enum=IN|NULL|BETWEEN|LT|NOT_CONTAINS|EQ|GT|NOT_NULL|NE|LE|BEGINS_WITH|GE|CONTAINS"`
	AttributeValueList []AttributeValue
}

// AttributeValueUpdate is a legacy update of one attribute.
type AttributeValueUpdate struct {
	Value  *AttributeValue
	Action *string `ddb:"enum=ADD|PUT|DELETE"`
}

// Condition is a legacy key condition or filter on one attribute.
type Condition struct {
	AttributeValueList []AttributeValue
	ComparisonOperator *string `ddb:"required,enum=IN|NULL|BETWEEN|LT|NOT_CONTAINS|EQ|GT|NOT_NULL|NE|LE|BEGINS_WITH|GE|CONTAINS"`
}

// TransactGetItem is one action of a TransactGetItems.
type TransactGetItem struct {
	Get *TransactGet `ddb:"required"`
}

// TransactGet is the read within a TransactGetItem.
type TransactGet struct {
	Key                      Item   `ddb:"required"`
	TableName                string `ddb:"required,table"`
	ProjectionExpression     *string
	ExpressionAttributeNames Names
}

// TransactGetItemsInput is TransactGetItems'.
type TransactGetItemsInput struct {
	TransactItems          []TransactGetItem `ddb:"required,min=1,max=100"`
	ReturnConsumedCapacity *string           `ddb:"enum=INDEXES|TOTAL|NONE"`
}

// TransactWriteItem is one action of a TransactWriteItems; exactly one member is set.
type TransactWriteItem struct {
	ConditionCheck *TransactConditionCheck
	Put            *TransactPut
	Delete         *TransactDelete
	Update         *TransactUpdate
}

// TransactConditionCheck checks an item it does not write.
type TransactConditionCheck struct {
	Key                                 Item    `ddb:"required"`
	TableName                           string  `ddb:"required,table"`
	ConditionExpression                 *string `ddb:"required"`
	ExpressionAttributeNames            Names
	ExpressionAttributeValues           Values
	ReturnValuesOnConditionCheckFailure *string `ddb:"enum=ALL_OLD|NONE"`
}

// TransactPut puts an item.
type TransactPut struct {
	Item                                Item   `ddb:"required"`
	TableName                           string `ddb:"required,table"`
	ConditionExpression                 *string
	ExpressionAttributeNames            Names
	ExpressionAttributeValues           Values
	ReturnValuesOnConditionCheckFailure *string `ddb:"enum=ALL_OLD|NONE"`
}

// TransactDelete deletes an item.
type TransactDelete struct {
	Key                                 Item   `ddb:"required"`
	TableName                           string `ddb:"required,table"`
	ConditionExpression                 *string
	ExpressionAttributeNames            Names
	ExpressionAttributeValues           Values
	ReturnValuesOnConditionCheckFailure *string `ddb:"enum=ALL_OLD|NONE"`
}

// TransactUpdate updates an item.
type TransactUpdate struct {
	Key                                 Item    `ddb:"required"`
	UpdateExpression                    *string `ddb:"required"`
	TableName                           string  `ddb:"required,table"`
	ConditionExpression                 *string
	ExpressionAttributeNames            Names
	ExpressionAttributeValues           Values
	ReturnValuesOnConditionCheckFailure *string `ddb:"enum=ALL_OLD|NONE"`
}

// TransactWriteItemsInput is TransactWriteItems'.
type TransactWriteItemsInput struct {
	TransactItems               []TransactWriteItem `ddb:"required,min=1,max=100"`
	ReturnConsumedCapacity      *string             `ddb:"enum=INDEXES|TOTAL|NONE"`
	ReturnItemCollectionMetrics *string             `ddb:"enum=SIZE|NONE"`
	ClientRequestToken          *string             `ddb:"min=1,max=36"`
}

// Operation is GetItem.
func (*GetItemInput) Operation() Operation { return GetItem }

// Operation is PutItem.
func (*PutItemInput) Operation() Operation { return PutItem }

// Operation is DeleteItem.
func (*DeleteItemInput) Operation() Operation { return DeleteItem }

// Operation is UpdateItem.
func (*UpdateItemInput) Operation() Operation { return UpdateItem }

// Operation is Query.
func (*QueryInput) Operation() Operation { return Query }

// Operation is Scan.
func (*ScanInput) Operation() Operation { return Scan }

// Operation is BatchGetItem.
func (*BatchGetItemInput) Operation() Operation { return BatchGetItem }

// Operation is BatchWriteItem.
func (*BatchWriteItemInput) Operation() Operation { return BatchWriteItem }

// Operation is TransactGetItems.
func (*TransactGetItemsInput) Operation() Operation { return TransactGetItems }

// Operation is TransactWriteItems.
func (*TransactWriteItemsInput) Operation() Operation { return TransactWriteItems }
