package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// admin is the port for operators and machines that watch: health and metrics, never data.
type admin struct {
	listener net.Listener
	server   http.Server
	// mux may be given more paths while it serves.
	mux *http.ServeMux
}

// check is one thing readiness depends on; an empty fault is fine.
type check struct{ name, fault string }

// adminTimeout bounds every exchange on the admin port.
const adminTimeout = 10 * time.Second

// newAdmin opens the port.
func newAdmin(addr string, metrics http.Handler, checks func() []check) (*admin, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	// Alive is whoever answers: only a restart would help otherwise.
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") })
	ready := func(w http.ResponseWriter, r *http.Request) { readiness(w, r.URL.Query().Has("verbose"), checks()) }
	mux.HandleFunc("GET /readyz", ready)
	// An old name for the same question.
	mux.HandleFunc("GET /healthz", ready)
	mux.Handle("GET /metrics", metrics)
	return &admin{listener: l, mux: mux, server: http.Server{
		Handler: mux, ReadTimeout: adminTimeout, WriteTimeout: adminTimeout, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}}, nil
}

// readiness answers 200 if nothing is at fault, else 503, and with verbose a line for each check.
func readiness(w http.ResponseWriter, verbose bool, checks []check) {
	status := http.StatusOK
	var b strings.Builder
	for _, c := range checks {
		mark, fault := "+", "ok"
		if c.fault != "" {
			status, mark, fault = http.StatusServiceUnavailable, "-", c.fault
		}
		if verbose {
			fmt.Fprintf(&b, "[%s] %s: %s\n", mark, c.name, fault)
		}
	}
	if status == http.StatusOK {
		b.WriteString("ok\n")
	} else {
		b.WriteString("not ready\n")
	}
	text(w, status, b.String())
}

// text sends a plain text.
func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// Close gives the port up when Run is not going to be called.
func (a *admin) Close() error { return a.listener.Close() }

// Run serves until ctx ends; exchanges under way may end.
func (a *admin) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(a.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve admin port: %w", err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := a.server.Shutdown(stopping)
	if errors.Is(err, context.DeadlineExceeded) {
		err = a.server.Close()
	}
	<-served
	return err
}
