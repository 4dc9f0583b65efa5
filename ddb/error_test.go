package ddb

import (
	"context"
	"fmt"
	"testing"
)

func TestErrorsHaveDynamoDBsCodesAndStatus(t *testing.T) {
	t.Parallel()
	f := func(err *Error, text string, status int) {
		t.Helper()
		if err.Error() != text || err.HTTPStatus() != status {
			t.Errorf("%q has status %d, want %q with %d", err.Error(), err.HTTPStatus(), text, status)
		}
	}
	f(Validation("One of %s", "x"), "ValidationException: One of x", 400)
	// A constant text may hold a percent sign.
	f(Validation("100%"), "ValidationException: 100%", 400)
	f(Serialization(""), "SerializationException", 400)
	// #151, #211, #226
	f(ResourceNotFound("Requested resource not found"), "ResourceNotFoundException: Requested resource not found", 400)
	f(ResourceInUse("Table already exists: %s", "t"), "ResourceInUseException: Table already exists: t", 400)
	f(LimitExceeded("x"), "LimitExceededException: x", 400)
	// #150
	f(ConditionalCheckFailed(nil, false), "ConditionalCheckFailedException: The conditional request failed", 400)
	f(InternalServerError("x"), "InternalServerError: x", 500)
	// #18
	f(UnknownOperationError(), "UnknownOperationException", 400)
}

func TestAsErrorTellsRefusalsFromFailures(t *testing.T) {
	t.Parallel()
	refusal := Validation("x")
	if got, known := AsError(fmt.Errorf("put item: %w", refusal)); got != refusal || !known {
		t.Errorf("AsError of a wrapped refusal = %v, %v", got, known)
	}
	if got, known := AsError(context.DeadlineExceeded); got.Code != "InternalServerError" || got.HTTPStatus() != 500 || known {
		t.Errorf("AsError of a failure = %v, %v", got, known)
	}
}
