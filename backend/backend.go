// Package backend says what a store behind the caches must do. Its subpackages are the stores.
package backend

import (
	"context"

	"millrace/ddb"
)

// Backend executes operations against one DynamoDB-compatible store.
// Do is safe for concurrent use. A service exception is an error of type *ddb.Error and means that nothing was
// applied; any other error means the outcome is unknown and a write may have been applied.
type Backend interface {
	Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error)
	Close() error
}
