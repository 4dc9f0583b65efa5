package proxy

import (
	"context"
	"testing"

	"millrace/ddb"
)

// An old answer helps where somebody else than the backend answered, and not where the backend, or who stands before it, said no.
func TestWhoAnswersInTheBackendsPlaceGaveNoAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{context.DeadlineExceeded, true},
		{&ddb.Error{Code: "InternalServerError", Status: 500}, true},
		{&ddb.Error{Code: "UnknownError", Status: 301}, true},
		{&ddb.Error{Code: "UnknownError", Status: 404}, true},
		{&ddb.Error{Code: "UnknownError", Status: 401}, false},
		{&ddb.Error{Code: "UnknownError", Status: 403}, false},
		{&ddb.Error{Code: "UnknownError", Status: 429}, false},
		{&ddb.Error{Code: "ThrottlingException", Status: 400}, false},
		{ddb.ResourceNotFound("no table"), false},
		{ddb.Validation("no key"), false},
	} {
		if got := gaveNoAnswer(c.err); got != c.want {
			t.Errorf("gaveNoAnswer(%#v) = %v, want %v", c.err, got, c.want)
		}
	}
}
