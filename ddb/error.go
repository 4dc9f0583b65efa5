package ddb

import (
	"errors"
	"fmt"
)

// Error is a service exception: what DynamoDB answers when it refuses a request. A write that ends in an
// Error was not applied, unless Unsure reports true; any other error leaves that open too.
type Error struct {
	// Code is the exception's name without its prefix, such as "ValidationException".
	Code string
	// Message is DynamoDB's text, byte for byte. Some exceptions have none.
	Message string
	// Status is the HTTP status; 0 means 400.
	Status int
	// Item is the image that ReturnValuesOnConditionCheckFailure asked for, HasItem whether there is one.
	Item    Item
	HasItem bool
	// CancellationReasons are TransactionCanceledException's, one for each action, in order.
	CancellationReasons []CancellationReason
	// Raw is the whole response body where a remote backend gave one; fronts send it as it is.
	Raw []byte
	// Headers are those of a remote backend's answer that belong to the client as Raw does, its Content-Type among them. With Raw nil there
	// are none.
	Headers []Header
	// RequestID is the backend's, where it gave one.
	RequestID string
	// NotSent is true when the request never reached the store: nothing was applied, whatever Status suggests.
	NotSent bool
}

// Header is a header of an answer.
type Header struct{ Name, Value string }

// CancellationReason tells why one action of a transaction failed; Code "None" where it did not.
type CancellationReason struct {
	Code    string
	Message string
	Item    Item
	HasItem bool
}

// Error is "Code: Message".
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return e.Code + ": " + e.Message
}

// HTTPStatus is the status line's number for e.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return 400
	}
	return e.Status
}

// Unsure reports whether a write that ended in e may have been applied all the same: DynamoDB's internal errors do not tell, and what comes from
// somebody on the way may come before or after. (Developer Guide, "Error handling with DynamoDB": InternalServerError.)
func (e *Error) Unsure() bool { return !e.NotSent && (e.HTTPStatus() >= 500 || e.Stranger()) }

// UnknownError is the Code of an answer that has no name of DynamoDB's, and a status below 500.
const UnknownError = "UnknownError"

// Stranger reports whether e is somebody else's answer in place of DynamoDB's: a redirect, or a page, such as a 408 of a load balancer that
// waited for an answer in vain. (RFC 9110 §15.4, §15.5.9.) A page that denies or throttles is taken for what it says.
func (e *Error) Stranger() bool {
	switch status := e.HTTPStatus(); {
	case status < 400:
		return true
	case status == 401 || status == 403 || status == 407:
		return false
	}
	return e.Code == UnknownError && !e.Throttled()
}

// Throttled reports whether e means too much load, after which the same request may succeed: by its name, or by its status, which compatible
// stores and what stands before them use with names of their own. LimitExceededException is none: of tables it is about operations
// under way. (General Reference, "Common errors"; RFC 6585 §4: 429 Too Many Requests.)
func (e *Error) Throttled() bool {
	switch e.Code {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "RequestLimitExceeded":
		return true
	}
	return e.Status == 429
}

// Validation makes a ValidationException.
func Validation(format string, args ...any) *Error {
	return &Error{Code: "ValidationException", Message: sprintf(format, args)}
}

// Serialization makes a SerializationException; with an empty message it has none on the wire either.
func Serialization(message string) *Error {
	return &Error{Code: "SerializationException", Message: message}
}

// ResourceNotFound makes a ResourceNotFoundException.
func ResourceNotFound(format string, args ...any) *Error {
	return &Error{Code: "ResourceNotFoundException", Message: sprintf(format, args)}
}

// ResourceInUse makes a ResourceInUseException.
func ResourceInUse(format string, args ...any) *Error {
	return &Error{Code: "ResourceInUseException", Message: sprintf(format, args)}
}

// LimitExceeded makes a LimitExceededException.
func LimitExceeded(format string, args ...any) *Error {
	return &Error{Code: "LimitExceededException", Message: sprintf(format, args)}
}

// ConditionalCheckFailed makes the error of a failed condition; item is sent when has is true.
func ConditionalCheckFailed(item Item, has bool) *Error {
	return &Error{Code: "ConditionalCheckFailedException", Message: "The conditional request failed", Item: item, HasItem: has}
}

// InternalServerError makes DynamoDB's 500; SDKs retry it.
func InternalServerError(message string) *Error {
	return &Error{Code: "InternalServerError", Message: message, Status: 500}
}

// UnknownOperationError is the answer to an operation that is not served. It has no message on the wire.
func UnknownOperationError() *Error { return &Error{Code: "UnknownOperationException"} }

// sprintf spares constant texts that hold a percent sign.
func sprintf(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// AsError is the only translation of err to the wire. Anything that is not a service exception becomes a 500
// without detail; the second result is false then, and the caller logs err.
func AsError(err error) (*Error, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e, true
	}
	return InternalServerError("Internal server error"), false
}
