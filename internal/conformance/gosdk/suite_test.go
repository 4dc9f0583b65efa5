package gosdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// TestMain refuses to run without a server rather than to pass having tested nothing.
func TestMain(m *testing.M) {
	if os.Getenv("MILLRACE_ENDPOINT") == "" {
		fmt.Fprintln(os.Stderr, "MILLRACE_ENDPOINT is not set: give the URL of a running millrace")
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// transcript appends lines to the file that MILLRACE_TRANSCRIPT names; its mutex keeps lines whole.
type transcript struct {
	mu     sync.Mutex
	paused int
}

// shared is the one transcript of this process: the file's lines must be in the order of the calls.
var shared transcript

// write appends one line to the transcript, or with suffix ".cache" to its companion.
func (tr *transcript) write(suffix string, line any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	path := os.Getenv("MILLRACE_TRANSCRIPT")
	if path == "" || tr.paused > 0 {
		return
	}
	b, err := json.Marshal(line)
	if err != nil {
		panic(fmt.Sprintf("encode a transcript line: %v", err))
	}
	f, err := os.OpenFile(path+suffix, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := f.Write(append(b, '\n')); err != nil {
		panic(err)
	}
}

// pause stops recording until the returned function is called: how many calls a wait makes is a matter of time.
func (tr *transcript) pause() (resume func()) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.paused++
	return func() {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.paused--
	}
}

// warnings fails the test for anything that the SDK finds worth a warning, such as a checksum that does not match.
type warnings struct{ t *testing.T }

// Logf implements logging.Logger.
func (w warnings) Logf(level logging.Classification, format string, args ...any) {
	if level == logging.Warn {
		w.t.Errorf("the SDK warns: "+format, args...)
	}
}

// newClient makes a client as an application does that was given nothing but the endpoint variable, except that it
// does not retry: a retry would hide a fault.
func newClient(t *testing.T) *dynamodb.Client {
	t.Helper()
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", os.Getenv("MILLRACE_ENDPOINT"))
	t.Setenv("AWS_ACCESS_KEY_ID", "suite")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "suite")
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRetryMaxAttempts(1), config.WithLogger(warnings{t}))
	if err != nil {
		t.Fatalf("load the SDK's configuration: %v", err)
	}
	// Afterwards, for only the SDK's own kind of client is given the authorities of AWS_CA_BUNDLE; without those there is none yet.
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = awshttp.NewBuildableClient()
	}
	cfg.HTTPClient = ReadOnlyBodies{cfg.HTTPClient}
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, record(t))
	})
}

// record makes the middleware that writes each call of test t to the transcript and checks its reply's CRC-32.
func record(t *testing.T) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		var request []byte
		err := stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("transcriptRequest",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
				if req, ok := in.Request.(*smithyhttp.Request); ok {
					if b, err := io.ReadAll(req.GetStream()); err == nil {
						request = b
						if err := req.RewindStream(); err != nil {
							return middleware.FinalizeOutput{}, middleware.Metadata{}, err
						}
					}
				}
				return next.HandleFinalize(ctx, in)
			}), middleware.Before)
		if err != nil {
			return err
		}
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("transcriptResponse",
			func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
				out, meta, err := next.HandleDeserialize(ctx, in)
				if resp, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil {
					body, readErr := io.ReadAll(resp.Body)
					if readErr != nil {
						return out, meta, readErr
					}
					resp.Body = io.NopCloser(bytes.NewReader(body))
					op := middleware.GetOperationName(ctx)
					if got, want := resp.Header.Get("X-Amz-Crc32"), crc32.ChecksumIEEE(body); got != strconv.FormatUint(uint64(want), 10) {
						t.Errorf("%s: x-amz-crc32 = %q, want %d", op, got, want)
					}
					shared.write("", map[string]any{
						"test": t.Name(), "operation": op, "request": normalise(t, request), "status": resp.StatusCode, "answer": normalise(t, body),
					})
					shared.write(".cache", map[string]string{"operation": op, "cache": resp.Header.Get("X-Millrace-Cache")})
				}
				return out, meta, err
			}), middleware.After)
	}
}

// normalise decodes a request or reply, since maps are sent in any order, and drops the members that name a moment or an identity of the run.
func normalise(t *testing.T, body []byte) any {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("a body is not JSON: %v in %q", err, body)
		return string(body)
	}
	var drop func(any)
	drop = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range []string{
				"CreationDateTime", "TableId", "LastIncreaseDateTime", "LastDecreaseDateTime", "LastUpdateToPayPerRequestDateTime",
				"ClientRequestToken",
			} {
				delete(v, name)
			}
			for _, member := range v {
				drop(member)
			}
		case []any:
			for _, member := range v {
				drop(member)
			}
		}
	}
	drop(v)
	return v
}

// keys splits "name:TYPE" pairs into a key schema, partition key first, and adds their types to defs.
func keys(defs *[]types.AttributeDefinition, pairs ...string) []types.KeySchemaElement {
	var schema []types.KeySchemaElement
	kinds := []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}
	for i, pair := range pairs {
		name, kind, _ := strings.Cut(pair, ":")
		schema = append(schema, types.KeySchemaElement{AttributeName: &name, KeyType: kinds[i]})
		known := false
		for _, d := range *defs {
			known = known || *d.AttributeName == name
		}
		if !known {
			*defs = append(*defs, types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeType(kind)})
		}
	}
	return schema
}

// makeTable creates the table, waits until it is active, and deletes it when the test ends.
func makeTable(t *testing.T, c *dynamodb.Client, in *dynamodb.CreateTableInput) {
	t.Helper()
	in.BillingMode = types.BillingModePayPerRequest
	if _, err := c.CreateTable(t.Context(), in); err != nil {
		t.Fatalf("create table %s: %v", *in.TableName, err)
	}
	defer shared.pause()()
	describe := &dynamodb.DescribeTableInput{TableName: in.TableName}
	exists := dynamodb.NewTableExistsWaiter(c, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 50 * time.Millisecond })
	if err := exists.Wait(t.Context(), describe, time.Minute); err != nil {
		t.Fatalf("wait for table %s: %v", *in.TableName, err)
	}
	t.Cleanup(func() {
		defer shared.pause()()
		ctx := context.WithoutCancel(t.Context())
		if _, err := c.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: in.TableName}); err != nil {
			t.Errorf("delete table %s: %v", *in.TableName, err)
		}
		gone := dynamodb.NewTableNotExistsWaiter(c, func(o *dynamodb.TableNotExistsWaiterOptions) { o.MinDelay = 50 * time.Millisecond })
		if err := gone.Wait(ctx, describe, time.Minute); err != nil {
			t.Errorf("wait for the end of table %s: %v", *in.TableName, err)
		}
	})
}

// The short forms in which the tests write attribute values.
func s(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func n(v any) types.AttributeValue    { return &types.AttributeValueMemberN{Value: fmt.Sprint(v)} }

// item is an item or a key, as the SDK writes it.
type item = map[string]types.AttributeValue

// equal fails the test when got and want differ in anything.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		t.Errorf("%s = %s, want %s", what, g, w)
	}
}

// refused fails the test unless err is exactly this service exception.
func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Errorf("error = %v, want %s", err, code)
		return
	}
	equal(t, "error", []string{api.ErrorCode(), api.ErrorMessage()}, []string{code, message})
}

// get reads one item, strongly or not, and fails the test for any error.
func get(t *testing.T, c *dynamodb.Client, table string, key item, strong bool) item {
	t.Helper()
	out, err := c.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: key, ConsistentRead: aws.Bool(strong)})
	if err != nil {
		t.Fatalf("GetItem of %s: %v", table, err)
	}
	return out.Item
}

// put writes one item and fails the test for any error.
func put(t *testing.T, c *dynamodb.Client, table string, it item) {
	t.Helper()
	if _, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: it}); err != nil {
		t.Fatalf("PutItem into %s: %v", table, err)
	}
}
