package ddb

// The typed inputs and outputs of PartiQL statements.

// ExecuteStatementInput is ExecuteStatement's.
type ExecuteStatementInput struct {
	Statement                           string           `ddb:"required,min=1,max=8192"`
	Parameters                          []AttributeValue `ddb:"min=1"`
	ConsistentRead                      *bool
	NextToken                           *string `ddb:"min=1,max=32768"`
	ReturnConsumedCapacity              *string `ddb:"enum=INDEXES|TOTAL|NONE"`
	Limit                               *int    `ddb:"min=1"`
	ReturnValuesOnConditionCheckFailure *string `ddb:"enum=ALL_OLD|NONE"`
}

// ExecuteStatementOutput is ExecuteStatement's.
type ExecuteStatementOutput struct {
	Items            []Item
	NextToken        *string
	ConsumedCapacity *ConsumedCapacity
	LastEvaluatedKey Item
}

// BatchStatementRequest is one statement of a BatchExecuteStatement.
type BatchStatementRequest struct {
	Statement                           string           `ddb:"required,min=1,max=8192"`
	Parameters                          []AttributeValue `ddb:"min=1"`
	ConsistentRead                      *bool
	ReturnValuesOnConditionCheckFailure *string `ddb:"enum=ALL_OLD|NONE"`
}

// BatchExecuteStatementInput is BatchExecuteStatement's.
type BatchExecuteStatementInput struct {
	Statements             []BatchStatementRequest `ddb:"required,min=1,max=25"`
	ReturnConsumedCapacity *string                 `ddb:"enum=INDEXES|TOTAL|NONE"`
}

// BatchStatementError is why one statement of a batch failed; Code has no "Exception" at its end.
type BatchStatementError struct {
	Code    string
	Message string
	Item    Item
}

// BatchStatementResponse is the answer to one statement of a batch.
type BatchStatementResponse struct {
	Error     *BatchStatementError
	TableName string
	Item      Item
}

// BatchExecuteStatementOutput is BatchExecuteStatement's.
type BatchExecuteStatementOutput struct {
	Responses        []BatchStatementResponse `ddb:"always"`
	ConsumedCapacity []ConsumedCapacity
}

// ParameterizedStatement is one statement of an ExecuteTransaction.
type ParameterizedStatement struct {
	Statement                           string           `ddb:"required,min=1,max=8192"`
	Parameters                          []AttributeValue `ddb:"min=1"`
	ReturnValuesOnConditionCheckFailure *string          `ddb:"enum=ALL_OLD|NONE"`
}

// ExecuteTransactionInput is ExecuteTransaction's.
type ExecuteTransactionInput struct {
	TransactStatements     []ParameterizedStatement `ddb:"required,min=1,max=100"`
	ClientRequestToken     *string                  `ddb:"min=1,max=36"`
	ReturnConsumedCapacity *string                  `ddb:"enum=INDEXES|TOTAL|NONE"`
}

// ExecuteTransactionOutput is ExecuteTransaction's.
type ExecuteTransactionOutput struct {
	Responses        []ItemResponse
	ConsumedCapacity []ConsumedCapacity
}

// Operation is ExecuteStatement.
func (*ExecuteStatementInput) Operation() Operation { return ExecuteStatement }

// Operation is BatchExecuteStatement.
func (*BatchExecuteStatementInput) Operation() Operation { return BatchExecuteStatement }

// Operation is ExecuteTransaction.
func (*ExecuteTransactionInput) Operation() Operation { return ExecuteTransaction }
