package awsjson

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"millrace/ddb"
	"millrace/internal/units"
	"millrace/metrics"
	"millrace/proxy"
)

// datePattern is the one header in which answers to the same request differ.
var datePattern = regexp.MustCompile(`Date: [^\r]*\r\n`)

// raw sends text and returns the bytes of the answer, without its date.
func (f *front) raw(text string) string {
	f.t.Helper()
	c := f.dial().send(text)
	var got bytes.Buffer
	c.r = bufio.NewReader(io.TeeReader(c.Conn, &got))
	c.receive(http.MethodPost)
	return datePattern.ReplaceAllString(got.String(), "")
}

// A plain request gets the same bytes from the front's own loop as from fasthttp.
func TestPlainRequestsAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	h := handlerFunc(func(ctx context.Context, req *ddb.Request, o proxy.Options, r *proxy.Reply) error {
		r.Result = proxy.Hit
		switch string(req.Body()) {
		case `"refused"`:
			return ddb.Validation("no such thing")
		case `"theirs"`:
			return &ddb.Error{Code: "InternalServerError", Status: 503, RequestID: "BACKEND", Raw: []byte(strings.Repeat("<html>", 1000)), Headers: []ddb.Header{
				{Name: "Retry-After", Value: "7"}, {Name: "Content-Encoding", Value: "br"}, {Name: "Content-Type", Value: "text/html"}, {Name: "Location", Value: "/x"}}}
		case `"typed"`:
			return &ddb.Error{Code: "ValidationException", Status: 400, Raw: []byte("{}"), Headers: []ddb.Header{{Name: "X-Amzn-Errortype", Value: "v"}, {Name: "Content-Type", Value: "application/x-amz-json-1.0"}}}
		case `"untyped"`:
			return &ddb.Error{Code: "UnknownError", Status: 301, Raw: []byte("moved"), Headers: []ddb.Header{{Name: "Location", Value: "/x"}}}
		case `"broken"`:
			return io.ErrUnexpectedEOF
		case `"batch"`:
			r.Hits, r.Keys, r.Result = 3, 5, proxy.Partial
		case `"named"`:
			r.RequestID = "BACKEND"
		case `"large"`:
			r.Body = append(r.Body, `"`+strings.Repeat("large", 20_000)+`"`...)
			return nil
		case `"page"`:
			return lending(20_000)(ctx, req, o, r)
		case `"batch of one"`:
			return splicing(1)(ctx, req, o, r)
		case `"large batch"`:
			r.Hits, r.Keys, r.RequestID = 1, 40, strings.Repeat("BACKEND", 100)
			return splicing(40)(ctx, req, o, r)
		case `"panic"`:
			panic("as asked")
		}
		return echo(ctx, req, o, r)
	})
	var taken atomic.Int64
	make := func(direct bool) *front {
		var counting Handler = handlerFunc(func(ctx context.Context, req *ddb.Request, o proxy.Options, r *proxy.Reply) error {
			if cap(r.Body) > 0 && len(r.Body) == headRoom {
				taken.Add(1)
			}
			return h(ctx, req, o, r)
		})
		if !direct {
			counting = byFasthttp{counting}
		}
		f := start(t, counting, nil)
		f.server.random = func() uint64 { return 0x0123456789abcdef }
		return f
	}
	own, theirs := make(true), make(false)
	cases := []string{}
	// Headers' names are in any letter case.
	shouted := regexp.MustCompile(`(?m)^[^:]*:`).ReplaceAllStringFunc(good, strings.ToUpper)
	for _, body := range []string{"{}", "", `{"TableName":"t"}`, `"refused"`, `"theirs"`, `"typed"`, `"untyped"`, `"broken"`, `"batch"`, `"named"`, `"large"`, `"page"`, `"batch of one"`, `"large batch"`, `"panic"`} {
		cases = append(cases, request(good, body), request(good+"Accept-Encoding: gzip\r\nConnection: Keep-Alive\r\n", body),
			request(shouted+"accept-encoding: identity\r\n", body), request(strings.Replace(good, "application/x-amz-json-1.0", "application/json", 1), body))
	}
	for i, text := range cases {
		before := taken.Load()
		got, want := own.raw(text), theirs.raw(text)
		if got != want {
			t.Errorf("%q is answered with\n%q, by fasthttp with\n%q", text, got, want)
		}
		if taken.Load() != before+1 {
			t.Errorf("request %d, %q, was left to fasthttp", i, text)
		}
	}
}

// What is not plain is left to fasthttp whole, wherever it comes in a connection's life.
func TestPlainAndOtherRequestsShareAConnection(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	c := f.dial()
	answer := func() {
		t.Helper()
		c.receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":{}}`)
	}
	plain, other := request(good, "{}"), request(good+"Expect: 100-continue\r\nX-Millrace-Cache-Control: no-cache\r\n", "{}")
	c.send(plain)
	answer()
	c.send(plain + plain) // pipelined
	answer()
	answer()
	c.send(plain)
	answer()
	c.send(strings.Replace(other, "Expect: 100-continue\r\n", "", 1) + plain)
	answer()
	answer()
	head, body, _ := strings.Cut(plain, "\r\n\r\n")
	for _, part := range []string{head[:7], head[7:40], head[40:], "\r\n\r\n", body[:1]} {
		c.send(part)
	}
	c.send(body[1:])
	answer()
	c.send(plain + head[:40])
	answer()
	c.send(head[40:] + "\r\n\r\n" + body)
	answer()
}

// An answer is counted before it is sent, so that a client who has it finds it among the counts: here sending cannot end before
// the counts were looked at, for the client takes only the beginning of it.
func TestAnswersAreCountedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte{'x'}, 64<<20)
	f := start(t, handlerFunc(func(_ context.Context, _ *ddb.Request, _ proxy.Options, reply *proxy.Reply) error {
		reply.Body = append(reply.Body, large...)
		return nil
	}), nil)
	for i, text := range []string{request(good, "{}"), request(good+"X-Millrace-Cache-Control: no-cache\r\n", "{}")} {
		c := f.dial()
		c.send(text)
		if _, err := c.r.Peek(1); err != nil {
			t.Fatal(err)
		}
		if got := f.server.metrics.Snapshot().Total.Requests; got != uint64(i+1) {
			t.Errorf("%d requests are counted while the answer to request %d is sent", got, i+1)
		}
		_ = c.Close()
	}
}

// A client that sends the rest of a plain request too late is told so in time, however often it was answered before.
func TestUnfinishedPlainRequestRunsOutOfTime(t *testing.T) {
	t.Parallel()
	f := start(t, echo, func(c *Config) { c.HeaderTimeout = units.Duration(2 * time.Second) })
	for _, rest := range []string{"POST / HT", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{", "GET"} {
		c := f.dial()
		c.send(request(good, "{}")).receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":{}}`)
		begun := time.Now()
		if r := c.send(rest).receive(http.MethodPost); r.status != http.StatusRequestTimeout || time.Since(begun) > 30*time.Second {
			t.Errorf("%q is answered with %d after %v, want 408", rest, r.status, time.Since(begun))
		}
	}
}

// FuzzPlainRequest holds scan to what fasthttp reads. Properties: what is complete is one whole request to fasthttp too,
// with the same headers and body, that keeps its connection and needs nothing else; and no part of it is complete.
func FuzzPlainRequest(f *testing.F) {
	f.Add([]byte(boto3Request), 10)
	f.Add([]byte(request(good, `{"TableName":"t"}`)), 100)
	f.Add([]byte(request(good+"Connection: keep-alive\r\nTE: x\r\n", "{}")), 60)
	f.Add([]byte("POST / HTTP/1.1\r\nHOST: h:80\r\nDate:\t x \r\ncontent-length:  1\r\nX-Amz-Target: a\r\n\r\n{"), 40)
	f.Add([]byte("POST / HTTP/1.1\r\nHost: h\r\n folded: x\r\nContent-Length: 0\r\n\r\n"), 30)
	f.Fuzz(func(t *testing.T, sent []byte, cut int) {
		var r plainRequest
		if r.scan(sent, maxHeader) != complete {
			return
		}
		if cut >= 0 && cut < len(sent) {
			var part plainRequest
			if part.scan(sent[:cut], maxHeader) == complete {
				t.Errorf("%q is complete, and %q", sent, sent[:cut])
			}
		}
		in := bufio.NewReaderSize(bytes.NewReader(sent), maxHeader)
		var req fasthttp.Request
		if err := req.ReadLimitBody(in, maxBody); err != nil || in.Buffered() != 0 {
			t.Fatalf("%q: fasthttp says %v and leaves %d bytes", sent, err, in.Buffered())
		}
		h := &req.Header
		if !h.IsPost() || string(req.URI().Path()) != "/" || len(req.URI().QueryString()) > 0 || h.ConnectionClose() || !h.IsHTTP11() ||
			req.MayContinue() || !bytes.Equal(req.Body(), r.body) {
			t.Errorf("%q: fasthttp reads %s %q, close %v, continue %v, body %q", sent, h.Method(), req.URI(), h.ConnectionClose(), req.MayContinue(), req.Body())
		}
		for name, got := range map[string][]byte{
			"X-Amz-Target": r.target, "Content-Type": r.contentType, "Authorization": r.authorization, "X-Amz-Date": r.amzDate,
			"Date": r.date, "Accept-Encoding": r.acceptEncoding, "Content-Encoding": nil, "Origin": nil, "X-Millrace-Via": nil,
			"X-Millrace-Cache-Control": nil, "Transfer-Encoding": nil, "Upgrade": nil,
		} {
			if want := h.Peek(name); !bytes.Equal(got, want) {
				t.Errorf("%q: %s is %q, to fasthttp %q", sent, name, got, want)
			}
		}
	})
}

// discard is a connection that takes whatever is written.
type discard struct{ net.Conn }

// Write is part of net.Conn.
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// SetWriteDeadline is part of net.Conn.
func (discard) SetWriteDeadline(time.Time) error { return nil }

// directServer is a server whose handler answers as a cache would, and a connection of it.
func directServer() (*Server, *conn) {
	s := New(DefaultConfig(), hitHandler(), metrics.New(testNames()), slog.New(slog.DiscardHandler))
	s.ServeRegion("us-east-1")
	return s, &conn{Conn: discard{}}
}

// BenchmarkDirect is our code alone: from the bytes of a request to the bytes of its answer.
func BenchmarkDirect(b *testing.B) {
	s, c := directServer()
	sent := []byte(boto3Request)
	b.ReportAllocs()
	for b.Loop() {
		if s.direct(c, sent, maxHeader) != answered {
			b.Fatal("left alone")
		}
	}
}

// BenchmarkHeaders is reading a request's headers, here and by fasthttp.
func BenchmarkHeaders(b *testing.B) {
	sent := []byte(boto3Request)
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			var r plainRequest
			if r.scan(sent, maxHeader) != complete {
				b.Fatal("not plain")
			}
		}
	})
	b.Run("fasthttp", func(b *testing.B) {
		var h fasthttp.RequestHeader
		from := bytes.NewReader(sent)
		in := bufio.NewReader(from)
		for b.Loop() {
			from.Reset(sent)
			in.Reset(from)
			if err := h.Read(in); err != nil {
				b.Fatal(err)
			}
		}
	})
}
