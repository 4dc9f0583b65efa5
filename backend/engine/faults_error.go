package engine

import (
	"maps"
	"slices"

	"millrace/ddb"
)

// The texts of refusals for want of throughput. That of the index has no full stop. (API Reference, TransactWriteItems,
// lists both as cancellation reasons.)
const (
	textTableThroughput = "The level of configured provisioned throughput for the table was exceeded. " +
		"Consider increasing your provisioning level with the UpdateTable API."
	textIndexThroughput = "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. " +
		"Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API"
)

// faultErrors are the exceptions that a FaultRule can answer with. (API Reference, errors of PutItem, TransactWriteItems and
// GetRecords; Developer Guide, "Error handling with DynamoDB".)
var faultErrors = map[string]*ddb.Error{
	"ProvisionedThroughputExceededException": {Message: textTableThroughput},
	"ThrottlingException": {Message: "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your " +
		"table or index so please try again shortly. If exceptions persist, check if you have a hot key: " +
		"https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"},
	"RequestLimitExceeded": {Message: "Throughput exceeds the current throughput limit for your account. Please contact AWS Support at " +
		"https://aws.amazon.com/support request a limit increase"},
	"InternalServerError":            {Message: "Internal server error", Status: 500},
	"ServiceUnavailable":             {Message: "DynamoDB is currently unavailable.", Status: 503},
	"TransactionConflictException":   transactionConflict(),
	"TransactionInProgressException": transactionInProgress(),
	"LimitExceededException":         {Message: "Subscriber limit exceeded"},
	"AccessDeniedException":          {Message: "User is not authorized to perform this operation"},
	"ExpiredTokenException":          {Message: "The security token included in the request is expired"},
	"UnrecognizedClientException":    {Message: "The security token included in the request is invalid."},
	"ResourceNotFoundException":      {Message: "Requested resource not found"},
	"ExpiredIteratorException":       errIteratorExpired(),
	"TrimmedDataAccessException":     errTrimmed(),
}

// FaultErrors are the codes that a FaultRule's Error may have, sorted.
func FaultErrors() []string { return slices.Sorted(maps.Keys(faultErrors)) }

// newFaultError is the exception of that code, which is in faultErrors.
func newFaultError(code string) *ddb.Error {
	e := *faultErrors[code]
	e.Code = code
	return &e
}

// errThroughput refuses a request for want of the table's throughput.
func errThroughput() *ddb.Error { return newFaultError("ProvisionedThroughputExceededException") }
