package gosdk

import (
	"io"
	"net/http"
)

// ReadOnlyBodies is an HTTP client for the SDK that gives net/http a request's body to read, and no io.WriterTo. With the
// SDK's own body net/http now and then closes a connection under the answer: millrace/loadtest/sdk.go says why, and has a
// test that shows it. The suites need it because they retry nothing.
type ReadOnlyBodies struct {
	Client interface {
		Do(*http.Request) (*http.Response, error)
	}
}

// Do sends r, which the SDK built for this one attempt.
func (c ReadOnlyBodies) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.Client.Do(r)
}
