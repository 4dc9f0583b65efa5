package awsjson

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"millrace/ddb"
	"millrace/internal/units"
	"millrace/metrics"
)

// maxHeader is the largest request line and headers together; beyond, a request is answered with 400. (Checked
// against a public conformance suite: 16 KB.)
const maxHeader = 16 << 10

// Config is what the HTTP front can be told.
type Config struct {
	HeaderTimeout  units.Duration `yaml:"header_timeout" doc:"How long a client may take to send a request's line and headers, and a small body. Too small cuts slow networks off; too large lets idle attackers hold connections."`
	BodyTimeout    units.Duration `yaml:"body_timeout" doc:"How long a client may take to send a request with a body over 64 KiB. At 16 MiB, 60s is 2.2 Mbit/s."`
	WriteTimeout   units.Duration `yaml:"write_timeout" doc:"How long a client may take to read a reply. Too large lets clients that never read hold memory."`
	IdleTimeout    units.Duration `yaml:"idle_timeout" doc:"How long a connection may be silent between requests. Longer than the SDKs' own (Go 90s, Java 60s), so that it is they who close and no request meets a closing connection."`
	RequestTimeout units.Duration `yaml:"request_timeout" doc:"How long a request may be worked on before it is answered with InternalServerError (500), which SDKs retry. A write whose outcome is already being decided is waited for."`
	DrainTimeout   units.Duration `yaml:"drain_timeout" doc:"How long requests under way may take to end at shutdown before their connections are cut. Writes to a slow upstream, which may take until upstream.timeout, are cut too, and nobody knows what became of them: where that matters, make it as long. Keep it and shutdown.delay together below the orchestrator's grace period (Kubernetes: 30s)."`
	MaxConnections int            `yaml:"max_connections" doc:"How many clients may be connected; the next one is answered with 503. Each costs up to some 40 KB."`

	// Isolate names a store by the request's access key and region; node sets it.
	Isolate bool `yaml:"-"`
	// NodeID is what this process calls itself to the next millrace; a request that has been here before is refused.
	// node sets it.
	NodeID string `yaml:"-"`
	// AnyService leaves X-Amz-Targets of services other than DynamoDB's two of today, such as DynamoDB_20111205, to the backend, which may
	// know more than this build does; else they are refused here. node sets it before a remote backend.
	AnyService bool `yaml:"-"`
}

// DefaultConfig is the configuration of a front nobody said anything about.
func DefaultConfig() Config {
	return Config{
		HeaderTimeout:  units.Duration(10 * time.Second),
		BodyTimeout:    units.Duration(time.Minute),
		WriteTimeout:   units.Duration(time.Minute),
		IdleTimeout:    units.Duration(3 * time.Minute),
		RequestTimeout: units.Duration(60 * time.Second),
		DrainTimeout:   units.Duration(20 * time.Second),
		MaxConnections: 16384,
	}
}

// Validate names the first setting that cannot be worked with.
func (c Config) Validate() error {
	for _, d := range []struct {
		name  string
		value units.Duration
	}{
		{"header_timeout", c.HeaderTimeout}, {"body_timeout", c.BodyTimeout}, {"write_timeout", c.WriteTimeout},
		{"idle_timeout", c.IdleTimeout}, {"request_timeout", c.RequestTimeout}, {"drain_timeout", c.DrainTimeout},
	} {
		if d.value <= 0 {
			return fmt.Errorf("%s is %v, must be above zero", d.name, d.value)
		}
	}
	if c.MaxConnections < 1 {
		return fmt.Errorf("max_connections is %d, must be 1 or more", c.MaxConnections)
	}
	return nil
}

// Server is the front. Listen, then Run once.
type Server struct {
	// Tracer makes a span for every request; nil makes none. Set it before Run.
	Tracer *metrics.Tracer
	// TLS is what the port speaks TLS with; nil is plain HTTP. Set it before Listen.
	TLS *tls.Config
	// Key gives the canonical bytes of the one key that a request is about, where that is known; nil knows none. Set it
	// before Run.
	Key func(*ddb.Request) ([]byte, bool)
	// Loops lets few goroutines serve many connections. It wants a handler that calls Reply.Wait before it waits for anything
	// but memory, and is a loss where most requests do. Set it before Run.
	Loops bool

	config  Config
	handler Handler
	metrics *metrics.Metrics
	log     *slog.Logger
	random  func() uint64
	targets map[string]ddb.Operation
	home    home

	http      fasthttp.Server
	listener  *listener
	quiescing atomic.Bool
	// cut is how many connections were cut off.
	cut atomic.Uint64

	calls    sync.Pool
	date     dateText
	decoders decoders
	encoders encoders
}

// New makes a front for handler that counts in m, whose operations are indexed by ddb.Operation and whose results
// by proxy.Result.
func New(config Config, handler Handler, m *metrics.Metrics, log *slog.Logger) *Server {
	s := &Server{config: config, handler: handler, metrics: m, log: log, random: rand.Uint64, targets: make(map[string]ddb.Operation)}
	for op := ddb.UnknownOperation + 1; op < ddb.NumOperations; op++ {
		facts := op.Facts()
		s.targets[facts.Service+"."+facts.Name] = op
	}
	s.http = fasthttp.Server{
		Name:                         "millrace",
		Handler:                      s.serve,
		ErrorHandler:                 s.broken,
		HeaderReceived:               s.headerReceived,
		ExpectHandler:                s.expect,
		ConnState:                    connState,
		Concurrency:                  config.MaxConnections + spareConnections,
		ReadBufferSize:               maxHeader,
		ReadTimeout:                  config.HeaderTimeout.Of(),
		WriteTimeout:                 config.WriteTimeout.Of(),
		IdleTimeout:                  config.IdleTimeout.Of(),
		MaxRequestBodySize:           maxBody,
		NoDefaultContentType:         true,
		LazyRequestTime:              true,
		DisablePreParseMultipartForm: true,
		Logger:                       debugLogger{log},
	}
	return s
}

// Listen opens the port. Addr's port may be 0; the address that was bound is returned.
func (s *Server) Listen(addr string) (net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return s.Adopt(l), nil
}

// Adopt serves on a port that is open already, instead of Listen.
func (s *Server) Adopt(l net.Listener) net.Addr {
	s.listener = newListener(l, s.config.MaxConnections)
	s.listener.tls, s.listener.server = s.TLS, s
	return l.Addr()
}

// Connections is how many clients are connected.
func (s *Server) Connections() int {
	if s.listener == nil {
		return 0
	}
	s.listener.mu.Lock()
	defer s.listener.mu.Unlock()
	return len(s.listener.conns)
}

// Accepted is how many clients have ever connected, and Cut how many of them draining cut off.
func (s *Server) Accepted() uint64 {
	if s.listener == nil {
		return 0
	}
	return s.listener.accepted.Load()
}

// Cut is how many connections were cut off because draining took too long.
func (s *Server) Cut() uint64 { return s.cut.Load() }

// Quiescing reports whether clients are asked to go elsewhere.
func (s *Server) Quiescing() bool { return s.quiescing.Load() }

// Quiesce asks clients to go elsewhere: every reply from now on closes its connection. Requests are still served.
func (s *Server) Quiesce() { s.quiescing.Store(true) }

// Close gives the port up when Run is not going to be called.
func (s *Server) Close() error {
	if s.listener == nil {
		return nil
	}
	return s.listener.Close()
}

// Run serves until ctx ends and then drains: it takes no new connections, answers every request that has begun
// to arrive, and closes each connection after its reply. What has not ended after DrainTimeout is cut off, which
// is an error.
func (s *Server) Run(ctx context.Context) error {
	loops := &loops{}
	if s.Loops && s.Tracer == nil && !s.config.Isolate { // with either, all requests are fasthttp's
		loops = newLoops(s)
	}
	s.listener.loops = loops
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	select {
	case err := <-served:
		_ = s.listener.Close()
		return errors.Join(fmt.Errorf("serve HTTP: %w", err), loops.close())
	case <-ctx.Done():
	}
	s.Quiesce()
	s.listener.stopAccepting()
	err := <-served
	_ = s.listener.Close()
	empty := s.listener.wake()
	timer := time.NewTimer(s.config.DrainTimeout.Of())
	defer timer.Stop()
	select {
	case <-empty:
	case <-timer.C:
		n := s.Connections()
		s.cut.Add(uint64(n))
		s.listener.abort()
		return errors.Join(err, loops.close(), fmt.Errorf("%d connections were cut off after %v of draining", n, s.config.DrainTimeout))
	}
	err = errors.Join(err, loops.close())
	loops.wait()
	return err
}

// headerReceived gives large bodies their own time.
func (s *Server) headerReceived(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if n := h.ContentLength(); n > keptBody || n == -1 {
		return fasthttp.RequestConfig{ReadTimeout: s.config.BodyTimeout.Of()}
	}
	return fasthttp.RequestConfig{}
}

// expect answers a client that asks before it sends its body (RFC 9110 §10.1.1).
func (s *Server) expect(ctx *fasthttp.RequestCtx) int {
	if ctx.Request.Header.ContentLength() > maxBody {
		s.metrics.Refused()
		s.tooLarge(ctx)
		return fasthttp.StatusRequestEntityTooLarge
	}
	return fasthttp.StatusContinue
}

// connState tells the connection whether a request is under way.
func connState(nc net.Conn, state fasthttp.ConnState) {
	if c, ok := nc.(*conn); ok {
		c.active.Store(state == fasthttp.StateActive)
	}
}

// tooLarge answers a body beyond maxBody. Like DynamoDB's, the reply is empty.
func (s *Server) tooLarge(ctx *fasthttp.RequestCtx) {
	ctx.Response.SetStatusCode(fasthttp.StatusRequestEntityTooLarge)
	s.finish(ctx, "")
}

// broken answers what is not a whole HTTP request. The connection closes after it, but not before the client has
// had time to stop sending and read.
func (s *Server) broken(ctx *fasthttp.RequestCtx, err error) {
	s.metrics.Refused()
	ne, ok := errors.AsType[net.Error](err)
	late := ok && ne.Timeout()
	if c, ok := ctx.Conn().(*conn); ok {
		// Who was too slow to send has had its time.
		c.linger = !late
	}
	if errors.Is(err, fasthttp.ErrBodyTooLarge) {
		s.tooLarge(ctx)
		return
	}
	e := &ddb.Error{Code: "MalformedHttpRequestException", Message: "The request is not valid HTTP."}
	if _, small := errors.AsType[*fasthttp.ErrSmallBuffer](err); small {
		e.Message = "The request line and headers are larger than 16 KB."
	} else if late {
		e = &ddb.Error{Code: "RequestTimeoutException", Message: "The request did not arrive in time.", Status: fasthttp.StatusRequestTimeout}
	}
	ctx.Response.Reset()
	s.fail(ctx, e, "")
}

// debugLogger takes what fasthttp has to say about broken connections, which is of no use in production.
type debugLogger struct{ log *slog.Logger }

// Printf is part of fasthttp.Logger.
func (l debugLogger) Printf(format string, args ...any) {
	l.log.Debug("fasthttp", slog.String("message", fmt.Sprintf(format, args...)))
}
