package awsjson

import (
	"bufio"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millrace/ddb"
	"millrace/internal/patient"
	"millrace/metrics"
	"millrace/proxy"
)

func TestMain(m *testing.M) {
	patient.Tests()
	// fasthttp's clock never ends, and its cleaner of idle workers sleeps for seconds before it does.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

// handlerFunc is a Handler of one function.
type handlerFunc func(ctx context.Context, req *ddb.Request, o proxy.Options, reply *proxy.Reply) error

// Do is part of Handler.
func (f handlerFunc) Do(ctx context.Context, req *ddb.Request, o proxy.Options, reply *proxy.Reply) error {
	return f(ctx, req, o, reply)
}

// waiting makes of a handler that waits what Server.Loops wants.
type waiting struct{ Handler }

// Do is part of Handler.
func (w waiting) Do(ctx context.Context, req *ddb.Request, o proxy.Options, reply *proxy.Reply) error {
	if reply.Wait != nil {
		reply.Wait()
	}
	return w.Handler.Do(ctx, req, o, reply)
}

// prompt is a handler that never waits.
type prompt struct{ Handler }

// byFasthttp is a handler all of whose requests come by way of fasthttp.
type byFasthttp struct{ Handler }

// echo answers with the operation's name and the request's body.
var echo = handlerFunc(func(_ context.Context, req *ddb.Request, _ proxy.Options, reply *proxy.Reply) error {
	body, err := req.JSON()
	if err != nil {
		return err
	}
	reply.Body = fmt.Appendf(reply.Body, `{"op":%q,"got":%s}`, req.Name, body)
	return nil
})

// answering is a handler that always ends in the same way.
func answering(body string, err error) handlerFunc {
	return func(_ context.Context, _ *ddb.Request, _ proxy.Options, reply *proxy.Reply) error {
		reply.Body = append(reply.Body, body...)
		return err
	}
}

// front is a running server.
type front struct {
	t      *testing.T
	server *Server
	addr   string
	stop   context.CancelFunc
	done   chan error
}

// withoutLoops is set in the environment to run the tests on goroutines of the connections' own.
const withoutLoops = "AWSJSON_WITHOUT_LOOPS"

// start runs a server until the test ends. change may be nil.
func start(t *testing.T, h Handler, change func(*Config)) *front {
	t.Helper()
	return startLogged(t, h, change, slog.New(slog.DiscardHandler))
}

// startLogged is start with a log.
func startLogged(t *testing.T, h Handler, change func(*Config), log *slog.Logger) *front {
	t.Helper()
	config := DefaultConfig()
	if change != nil {
		change(&config)
	}
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	_, theirs := h.(byFasthttp)
	if _, never := h.(prompt); !never {
		h = waiting{h}
	}
	s := New(config, h, metrics.New(testNames()), log)
	s.Loops = os.Getenv(withoutLoops) == ""
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if theirs {
		s.listener.server = nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &front{t: t, server: s, addr: addr.String(), stop: cancel, done: make(chan error, 1)}
	go func() { f.done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if f.done == nil {
			return
		}
		if err := <-f.done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return f
}

// wait stops the server and returns what Run does.
func (f *front) wait() error {
	f.stop()
	err := <-f.done
	f.done = nil
	return err
}

// testNames are metric names for every operation.
func testNames() metrics.Names {
	n := metrics.Names{CacheOf: func(int) string { return "item" }}
	for op := range ddb.NumOperations {
		n.Operations = append(n.Operations, op.String())
	}
	for r := range proxy.NumResults {
		n.Results = append(n.Results, r.String())
	}
	return n
}

// dial opens a connection that ends with the test.
func (f *front) dial() *client {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute)) // so that what hangs ends
	return &client{t: f.t, Conn: c, r: bufio.NewReader(c)}
}

// client is a raw connection.
type client struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// send writes raw bytes.
func (c *client) send(text string) *client {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatalf("send: %v", err)
	}
	return c
}

// reply is a parsed response.
type reply struct {
	status int
	header http.Header
	body   string
	close  bool
}

// receive reads one response to a request of the given method.
func (c *client) receive(method string) reply {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("receive body: %v", err)
	}
	return reply{resp.StatusCode, resp.Header, string(body), resp.Close}
}

// closed reports whether the server closes the connection without another byte.
func (c *client) closed() bool {
	_, err := c.r.ReadByte()
	return err == io.EOF
}

// signed is a well-formed Authorization header with its date; the signature is made up.
const signed = "X-Amz-Date: 20260101T000000Z\r\n" +
	"Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=00\r\n"

// request is the text of a POST. Headers end in CRLF each.
func request(headers, body string) string {
	return "POST / HTTP/1.1\r\nHost: example.test\r\n" + headers + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// target and jsonType are the headers nearly every test needs.
const (
	getItem  = "X-Amz-Target: DynamoDB_20120810.GetItem\r\n"
	jsonType = "Content-Type: application/x-amz-json-1.0\r\n"
	good     = getItem + jsonType + signed
)

// exchange sends one request over a connection of its own.
func (f *front) exchange(text string) reply {
	f.t.Helper()
	method, _, _ := strings.Cut(text, " ")
	return f.dial().send(text).receive(method)
}

// requestID is what DynamoDB's request ids look like (#7).
var requestIDPattern = regexp.MustCompile(`^[0-9A-Z]{52}$`)

// checkReply holds every reply, but 413, to #7, #8, #9 and #10.
func checkReply(t *testing.T, r reply) {
	t.Helper()
	if id := r.header.Get("X-Amzn-Requestid"); !requestIDPattern.MatchString(id) {
		t.Errorf("request id %q, want 52 of [0-9A-Z] (#7)", id)
	}
	if got, want := r.header.Get("X-Amz-Crc32"), strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(r.body))), 10); got != want {
		t.Errorf("x-amz-crc32 %q, want %q for body %q (#8)", got, want, r.body)
	}
	if got, want := r.header.Get("Content-Length"), strconv.Itoa(len(r.body)); got != want {
		t.Errorf("content-length %q, want %q (#9)", got, want)
	}
	if r.header.Get("Server") == "" || r.header.Get("Date") == "" {
		t.Errorf("server %q or date %q is missing (#10)", r.header.Get("Server"), r.header.Get("Date"))
	}
}

// want checks status and body, and what checkReply does.
func (r reply) want(t *testing.T, status int, body string) {
	t.Helper()
	if r.status != status || r.body != body {
		t.Errorf("got %d %q, want %d %q", r.status, r.body, status, body)
	}
	checkReply(t, r)
}
