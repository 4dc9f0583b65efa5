package admin

import (
	"fmt"
	"net/http"
	"strings"
)

// Check is one thing that is looked at when somebody asks for readiness.
type Check struct {
	// Name is a word.
	Name string
	// Fault says what is wrong; empty is nothing.
	Fault string
	// Advisory checks are told of and change nothing: taking every node out at once because DynamoDB is away would turn
	// its trouble into ours.
	Advisory bool
}

// health adds the paths that probes ask. They need no token: an orchestrator has none.
func (s *Server) health(checks func() []Check) {
	// Alive is whoever answers: only a restart would help otherwise.
	s.mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { Text(w, http.StatusOK, "ok\n") })
	ready := func(w http.ResponseWriter, r *http.Request) { readiness(w, r.URL.Query().Has("verbose"), checks()) }
	s.mux.HandleFunc("GET /readyz", ready)
	// An old name for the same question.
	s.mux.HandleFunc("GET /healthz", ready)
}

// readiness answers 200 if nothing is at fault but what is advisory, else 503, and with verbose a line for each check.
func readiness(w http.ResponseWriter, verbose bool, checks []Check) {
	status := http.StatusOK
	var b strings.Builder
	for _, c := range checks {
		mark, fault := "+", "ok"
		switch {
		case c.Fault != "" && c.Advisory:
			mark, fault = "!", c.Fault
		case c.Fault != "":
			status, mark, fault = http.StatusServiceUnavailable, "-", c.Fault
		}
		if verbose {
			fmt.Fprintf(&b, "[%s] %s: %s\n", mark, c.Name, fault)
		}
	}
	if status == http.StatusOK {
		b.WriteString("ok\n")
	} else {
		b.WriteString("not ready\n")
	}
	Text(w, status, b.String())
}

// Text sends a plain text that nobody keeps.
func Text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
