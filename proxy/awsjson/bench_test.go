package awsjson

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"millrace/ddb"
	"millrace/metrics"
	"millrace/proxy"
)

// boto3Request is a GetItem as boto3 sends it.
var boto3Request = request("Accept-Encoding: identity\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\nContent-Type: application/x-amz-json-1.0\r\n"+
	"User-Agent: Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6.18 md/arch#x86_64 lang/python#3.11.2 md/pyimpl#CPython m/Z,b,D cfg/retry-mode#legacy Botocore/1.43.11\r\n"+
	"X-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/dynamodb/aws4_request, "+
	"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\n"+
	"amz-sdk-invocation-id: 8f4c9a52-0a4f-4a0e-9d7c-6d1a2b3c4d5e\r\namz-sdk-request: attempt=1\r\n",
	`{"TableName": "users", "Key": {"pk": {"S": "user#000001"}, "sk": {"S": "profile"}}, "ConsistentRead": false}`)

// hitHandler answers as a cache hit would.
func hitHandler() handlerFunc {
	body := []byte(`{"Item":{"pk":{"S":"user#000001"},"data":{"S":"` + strings.Repeat("x", 350) + `"}}}`)
	return func(_ context.Context, _ *ddb.Request, _ proxy.Options, r *proxy.Reply) error {
		r.Result = proxy.Hit
		r.Body = append(r.Body, body...)
		return nil
	}
}

// handlerCtx is a parsed boto3Request with the server that is to answer it.
func handlerCtx(tb testing.TB) (*Server, *fasthttp.RequestCtx) {
	tb.Helper()
	s := New(DefaultConfig(), hitHandler(), metrics.New(testNames()), slog.New(slog.DiscardHandler))
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(&fasthttp.Request{}, nil, nil)
	if err := ctx.Request.Read(bufio.NewReader(strings.NewReader(boto3Request))); err != nil {
		tb.Fatal(err)
	}
	return s, ctx
}

// BenchmarkServe is our code alone: from a parsed request to a response ready to be written.
func BenchmarkServe(b *testing.B) {
	s, ctx := handlerCtx(b)
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.ResetBody()
		ctx.Response.Header.Reset()
		s.serve(ctx)
	}
}

// BenchmarkHitOverTCP is one client's round trip.
func BenchmarkHitOverTCP(b *testing.B) {
	s := New(DefaultConfig(), hitHandler(), metrics.New(testNames()), slog.New(slog.DiscardHandler))
	s.ServeRegion("us-east-1")
	s.Loops = os.Getenv(withoutLoops) == ""
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 4096)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.WriteString(c, boto3Request); err != nil {
			b.Fatal(err)
		}
		if n, err = c.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(n))
	_ = c.Close()
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
