package facts

import (
	"bytes"
	"context"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"millrace/internal/conformance/gosdk"
)

// region is where the server under test says that it is.
const region = "us-east-1"

// configuration makes an SDK's settings for test t. Nothing is retried: a retry would hide a fault.
func configuration(t *testing.T) aws.Config {
	return aws.Config{
		Region:           region,
		BaseEndpoint:     aws.String(os.Getenv("MILLRACE_ENDPOINT")),
		Credentials:      credentials.NewStaticCredentialsProvider("suite", "suite", ""),
		RetryMaxAttempts: 1,
		HTTPClient:       gosdk.ReadOnlyBodies{Client: &http.Client{Transport: sharedTransport}},
		Logger: logging.LoggerFunc(func(level logging.Classification, format string, args ...any) {
			if level == logging.Warn {
				t.Errorf("the SDK warns: "+format, args...)
			}
		}),
	}
}

// sharedTransport keeps connections between tests. Bodies come as the server sent them.
var sharedTransport = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 32}

// client makes the client that has the operation.
func client(t *testing.T, operation string, got *answer) reflect.Value {
	change := func(stack *middleware.Stack) error {
		// What the SDK would refuse is the server's to refuse here.
		if _, ok := stack.Initialize.Get("OperationInputValidation"); ok {
			if _, err := stack.Initialize.Remove("OperationInputValidation"); err != nil {
				return err
			}
		}
		return stack.Deserialize.Add(capture(t, got), middleware.After)
	}
	if _, ok := reflect.TypeFor[*dynamodbstreams.Client]().MethodByName(operation); ok {
		return reflect.ValueOf(dynamodbstreams.NewFromConfig(configuration(t), func(o *dynamodbstreams.Options) {
			o.APIOptions = append(o.APIOptions, change)
		}))
	}
	return reflect.ValueOf(dynamodb.NewFromConfig(configuration(t), func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, change)
		// A token that the SDK makes up would make every request another one.
		o.IdempotencyTokenProvider = nil
	}))
}

// capture keeps a copy of the answer on the wire and checks its checksum.
func capture(t *testing.T, got *answer) middleware.DeserializeMiddleware {
	return middleware.DeserializeMiddlewareFunc("capture",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
			out, meta, err := next.HandleDeserialize(ctx, in)
			resp, ok := out.RawResponse.(*smithyhttp.Response)
			if !ok || err != nil {
				return out, meta, err
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return out, meta, err
			}
			resp.Body = io.NopCloser(bytes.NewReader(body))
			got.status, got.body, got.cache = resp.StatusCode, body, resp.Header.Get("X-Millrace-Cache")
			checkHeaders(t, resp.Header, body)
			recorded.cached(middleware.GetOperationName(ctx), got.cache)
			return out, meta, err
		})
}

// checkHeaders checks what every answer's headers must say.
func checkHeaders(t *testing.T, header http.Header, body []byte) {
	t.Helper()
	if got, want := header.Get("X-Amz-Crc32"), strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10); got != want {
		t.Errorf("x-amz-crc32 = %q, want %q", got, want)
	}
	if id := header.Get("X-Amzn-Requestid"); len(id) != 52 || strings.Trim(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		t.Errorf("x-amzn-requestid = %q, want 52 characters of [0-9A-Z]", id)
	}
}

// sendBySDK makes the SDK's input from JSON, and calls the SDK.
func sendBySDK(s *session, operation, body string) answer {
	s.t.Helper()
	var got answer
	c := client(s.t, operation, &got)
	method := c.MethodByName(operation)
	if !method.IsValid() {
		s.t.Fatalf("the SDK has no %s", operation)
	}
	in := reflect.New(method.Type().In(1).Elem())
	if err := fill(in.Elem(), s.decode(body)); err != nil {
		s.t.Fatalf("%s %s: %v", operation, clip(body), err)
	}
	results := method.Call([]reflect.Value{reflect.ValueOf(s.t.Context()), in})
	got.err, _ = results[1].Interface().(error)
	if got.status == 0 {
		s.t.Fatalf("%s %s: %v", operation, clip(body), got.err)
	}
	if got.status == http.StatusOK && got.err != nil {
		s.t.Errorf("%s %s: the SDK cannot read the answer %s: %v", operation, clip(body), clip(string(got.body)), got.err)
	}
	recorded.add(s, operation, body, got)
	return got
}

// takesTable tells whether an operation's input has a TableName.
func takesTable(operation string) bool {
	method, ok := reflect.TypeFor[*dynamodb.Client]().MethodByName(operation)
	if !ok {
		return false
	}
	_, ok = method.Type.In(2).Elem().FieldByName("TableName")
	return ok
}
