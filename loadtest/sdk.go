package loadtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"millrace/ddb"
)

// sdkOperation is an operation as AWS's SDK has it.
type sdkOperation struct {
	newInput func() any
	do       func(ctx context.Context, c *dynamodb.Client, in any) (any, error)
}

// sdkOperations are those that a schedule can have.
var sdkOperations = map[ddb.Operation]sdkOperation{
	ddb.GetItem:            sdkOperationOf((*dynamodb.Client).GetItem),
	ddb.PutItem:            sdkOperationOf((*dynamodb.Client).PutItem),
	ddb.UpdateItem:         sdkOperationOf((*dynamodb.Client).UpdateItem),
	ddb.DeleteItem:         sdkOperationOf((*dynamodb.Client).DeleteItem),
	ddb.Query:              sdkOperationOf((*dynamodb.Client).Query),
	ddb.Scan:               sdkOperationOf((*dynamodb.Client).Scan),
	ddb.BatchGetItem:       sdkOperationOf((*dynamodb.Client).BatchGetItem),
	ddb.BatchWriteItem:     sdkOperationOf((*dynamodb.Client).BatchWriteItem),
	ddb.TransactGetItems:   sdkOperationOf((*dynamodb.Client).TransactGetItems),
	ddb.TransactWriteItems: sdkOperationOf((*dynamodb.Client).TransactWriteItems),
}

// sdkOperationOf makes one of a method of the SDK's client.
func sdkOperationOf[I, O any](call func(*dynamodb.Client, context.Context, *I, ...func(*dynamodb.Options)) (*O, error)) sdkOperation {
	return sdkOperation{
		newInput: func() any { return new(I) },
		do:       func(ctx context.Context, c *dynamodb.Client, in any) (any, error) { return call(c, ctx, in.(*I)) },
	}
}

// seenKey is the context key under which a request's caller waits for what its answer's headers said.
type seenKey struct{}

// newSDKClient makes the SDK's client for one endpoint over an HTTP client. It tries nothing twice, so that what is measured
// is one request.
func newSDKClient(cfg aws.Config, endpoint string, over *awshttp.BuildableClient) *dynamodb.Client {
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.BaseEndpoint, o.HTTPClient, o.Retryer = aws.String(endpoint), readOnlyBodies{over}, aws.NopRetryer{}
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("loadtest", readHeaders), middleware.After)
		})
	})
}

// newSDKHTTP makes the SDK's own HTTP client with up to n connections and no proxy.
func newSDKHTTP(n int) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost, t.MaxConnsPerHost, t.Proxy = n, n, n, nil
	})
}

// readOnlyBodies is an HTTP client for the SDK that gives net/http a request's body to read, and no io.WriterTo.
//
// The SDK's own body has one, and a fault in it breaks an answer now and then on a busy machine:
//  1. net/http sends the head, and then the body straight to the connection: its write buffer is empty and so passed by
//     (go1.26 net/http/transfer.go, FlushHeaders; bufio.Writer.ReadFrom).
//  2. The server answers. The SDK has the answer's head and closes the request's body (smithy-go v1.28.8,
//     transport/http/client.go, ClientHandler.Handle).
//  3. Only now net/http looks whether the body goes on after its length (transfer.go, writeBody), by WriteTo. Of a closed
//     body that returns io.EOF (smithy-go, transport/http/internal/io/safe.go), where io.WriterTo has nil for an end.
//  4. net/http takes it for a request that it could not write and closes the connection under the answer that is being read:
//     "use of closed network connection".
//
// Read of a closed body returns io.EOF too, and there it is right.
type readOnlyBodies struct{ client *awshttp.BuildableClient }

// Do sends r, which the SDK built for this one attempt.
func (c readOnlyBodies) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.client.Do(r)
}

// readHeaders notes what an answer's headers say.
func readHeaders(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if seen, ok := ctx.Value(seenKey{}).(*answer); ok {
		if resp, ok := out.RawResponse.(*smithyhttp.Response); ok {
			seen.status = resp.StatusCode
			seen.bytes = int(max(0, resp.ContentLength))
			if v := resp.Header.Get("X-Millrace-Cache"); v != "" {
				seen.parseCache(v)
			}
		}
	}
	return out, metadata, err
}

// sdkConn asks through the SDK. It implements connection.
type sdkConn struct {
	client  *dynamodb.Client
	clock   clock
	timeout time.Duration
	op      sdkOperation
	in      any

	sent   atomic.Int64
	wake   chan bool // true lets the request go, false takes it back
	aborts context.Context
	cancel context.CancelFunc
}

// newSDKConn makes one; its real connections are the client's.
func newSDKConn(client *dynamodb.Client, c clock, timeout time.Duration) *sdkConn {
	s := &sdkConn{client: client, clock: c, timeout: timeout, wake: make(chan bool, 1)}
	s.aborts, s.cancel = context.WithCancel(context.Background())
	return s
}

// prepare is part of connection.
func (c *sdkConn) prepare(op ddb.Operation, body []byte) error {
	c.sent.Store(0)
	var ok bool
	if c.op, ok = sdkOperations[op]; !ok {
		return fmt.Errorf("%v is not available through the SDK here", op)
	}
	c.in = c.op.newInput()
	return decodeInput(body, c.in)
}

// release is part of connection.
func (c *sdkConn) release() {
	c.sent.Store(int64(c.clock.now()))
	c.wake <- true
}

// released is part of connection.
func (c *sdkConn) released() time.Duration { return time.Duration(c.sent.Load()) }

// interrupt is part of connection.
func (c *sdkConn) interrupt() { c.wake <- false }

// abort is part of connection.
func (c *sdkConn) abort() { c.cancel() }

// close is part of connection.
func (c *sdkConn) close() { c.cancel() }

// await is part of connection.
func (c *sdkConn) await() (answer, error) {
	if !<-c.wake {
		return answer{}, errInterrupted
	}
	var a answer
	ctx, cancel := context.WithTimeout(context.WithValue(c.aborts, seenKey{}, &a), c.timeout)
	defer cancel()
	out, err := c.op.do(ctx, c.client, c.in)
	if err != nil {
		if api, ok := errors.AsType[smithy.APIError](err); ok {
			a.code = api.ErrorCode()
			return a, nil
		}
		if ctx.Err() != nil {
			return a, errTimeout
		}
		return a, err
	}
	v := reflect.ValueOf(out).Elem()
	filled := func(field string) bool { f := v.FieldByName(field); return f.IsValid() && f.Len() > 0 }
	a.found = filled("Item")
	a.unprocessed = filled("UnprocessedKeys") || filled("UnprocessedItems")
	return a, nil
}
