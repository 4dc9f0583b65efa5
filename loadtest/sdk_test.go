package loadtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// slowWrite is a connection whose writer is held up after it sent a request's body, as by a busy machine, until resume is closed.
type slowWrite struct {
	net.Conn
	resume chan struct{}
}

// Write sends p, and is held up if p ends a body.
func (c slowWrite) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if bytes.HasSuffix(p, []byte("}")) {
		<-c.resume
	}
	return n, err
}

// An answer whose head comes before net/http has seen the end of the request's body is read to its end. It begins with the
// interleaving that readOnlyBodies is for.
func TestSDKReadsAnswersThatOvertakeTheirRequest(t *testing.T) {
	t.Parallel()
	text := `{"Item":{"id":{"S":"` + strings.Repeat("a", 64<<10) + `"}}}`
	rest := make(chan struct{}) // closed when the second part of the answer may be sent
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- func() error {
			conn, err := l.Accept()
			if err != nil {
				return err
			}
			defer conn.Close()
			req, err := http.ReadRequest(bufio.NewReader(conn))
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text[:10]); err != nil {
				return err
			}
			<-rest
			_, err = io.WriteString(conn, text[10:])
			return err
		}()
	}()

	resume, wrote := make(chan struct{}), make(chan error, 1)
	over := newSDKHTTP(1).WithTransportOptions(func(tr *http.Transport) {
		tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return slowWrite{conn, resume}, err
		}
	})
	cfg := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("any", "any", "")}
	client := newSDKClient(cfg, "http://"+l.Addr().String(), over)
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(i httptrace.WroteRequestInfo) { wrote <- i.Err }})
	out, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("t"), Key: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "a"}}}, func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("overtake", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
				out, metadata, err := next.HandleDeserialize(ctx, in)
				// The SDK has the head and closed the body; only now the writer goes on.
				close(resume)
				if err == nil {
					if err := <-wrote; err != nil {
						t.Errorf("net/http says of the request, which was sent whole: %v", err)
					}
				}
				close(rest)
				return out, metadata, err
			}), middleware.After)
		})
	})
	if err != nil {
		t.Errorf("GetItem: %v", err)
	} else if got := len(out.Item["id"].(*types.AttributeValueMemberS).Value); got != 64<<10 {
		t.Errorf("the item's attribute has %d bytes, want %d", got, 64<<10)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Errorf("the server: %v", err)
	}
}
