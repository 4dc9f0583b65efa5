// Package admin is the port for operators and for machines that watch: health, metrics, an API and a page that shows
// what the API tells. It never serves data and knows no other package of millrace: package node hands it what to show and
// do. Whoever needs more than health has to be on this machine, or show the token.
package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// exchangeTimeout bounds every exchange on the admin port, but for profiles, which say themselves how long they take.
const exchangeTimeout = 10 * time.Second

// Config is what the port is told.
type Config struct {
	// Token is what callers must show; empty asks for none, which is for the loopback interface only.
	Token string
	// PublicMetrics serves /metrics without the token.
	PublicMetrics bool
	// Profiles serves /debug/pprof/.
	Profiles bool
}

// Server is the port. Listen, then Run once.
type Server struct {
	config   Config
	listener net.Listener
	http     http.Server
	// mux may be given more paths while it serves.
	mux *http.ServeMux
}

// New makes a server that shows and does what n says.
func New(config Config, n Node) *Server {
	s := &Server{config: config, mux: http.NewServeMux()}
	s.health(n.Checks)
	metrics := n.Metrics
	if !config.PublicMetrics {
		metrics = s.protect(n.Metrics)
	}
	s.mux.Handle("GET /metrics", metrics)
	s.api(n)
	s.dashboard()
	if config.Profiles {
		s.profiles()
	}
	s.http = http.Server{
		// A page from elsewhere must not make a browser change things here.
		Handler:     s.guardHost(http.NewCrossOriginProtection().Handler(s.mux)),
		ReadTimeout: exchangeTimeout, WriteTimeout: exchangeTimeout, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	return s
}

// Handle adds a path that asks for the token.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, s.protect(h)) }

// profiles adds Go's own profiles. They take longer than other answers may.
func (s *Server) profiles() {
	for path, h := range map[string]http.HandlerFunc{
		"/debug/pprof/": pprof.Index, "/debug/pprof/cmdline": pprof.Cmdline, "/debug/pprof/profile": pprof.Profile,
		"/debug/pprof/symbol": pprof.Symbol, "/debug/pprof/trace": pprof.Trace,
	} {
		s.Handle("GET "+path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(10 * time.Minute))
			h(w, r)
		}))
	}
}

// Listen opens the port.
func (s *Server) Listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		s.listener = l
	}
	return err
}

// Adopt serves on a port that is open already, instead of Listen.
func (s *Server) Adopt(l net.Listener) { s.listener = l }

// Addr is the bound address.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close gives the port up when Run is not going to be called.
func (s *Server) Close() error { return s.listener.Close() }

// Run serves until ctx ends; exchanges under way may end.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve admin port: %w", err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := s.http.Shutdown(stopping)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-served
	return err
}
