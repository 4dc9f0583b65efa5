package admin

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// description is the file that describes the API (OpenAPI 3.1).
//
//go:embed openapi.json
var description embed.FS

// maxBody bounds what is sent to the API.
const maxBody = 1 << 20

// Node is what the port shows and does. All functions may be called at any time and by many at once.
type Node struct {
	// Checks are what readiness depends on.
	Checks func() []Check
	// Metrics serves a scrape.
	Metrics http.Handler
	// Stats and the others are what the API's paths of these names answer.
	Stats        func() Stats
	Tables       func() []Table
	Coherence    func() []Coherence
	HotKeys      func() []HotKey
	SlowRequests func() []SlowRequest
	Ledger       func() Ledger
	Config       func() (Configuration, error)
	// Purge makes the caches forget, Reload reads the configuration anew. Errors of type *Refusal say how to answer.
	Purge  func(context.Context, Purge) (Purged, error)
	Reload func(context.Context) (Reloaded, error)
}

// list wraps what a path lists, so that more can be said beside it one day.
type list[T any] struct {
	Items []T `json:"items"`
}

// api adds the paths of the API.
func (s *Server) api(n Node) {
	for pattern, answer := range map[string]func(*http.Request) (any, error){
		"GET /api/v1/stats":         func(*http.Request) (any, error) { return n.Stats(), nil },
		"GET /api/v1/tables":        func(*http.Request) (any, error) { return listOf(n.Tables()), nil },
		"GET /api/v1/coherence":     func(*http.Request) (any, error) { return listOf(n.Coherence()), nil },
		"GET /api/v1/hot-keys":      func(*http.Request) (any, error) { return listOf(n.HotKeys()), nil },
		"GET /api/v1/slow-requests": func(*http.Request) (any, error) { return listOf(n.SlowRequests()), nil },
		"GET /api/v1/ledger":        func(*http.Request) (any, error) { return n.Ledger(), nil },
		"GET /api/v1/config":        func(*http.Request) (any, error) { return n.Config() },
		"POST /api/v1/reload":       func(r *http.Request) (any, error) { return n.Reload(r.Context()) },
		"POST /api/v1/purge": func(r *http.Request) (any, error) {
			var p Purge
			if err := decode(r, &p); err != nil {
				return nil, err
			}
			return n.Purge(r.Context(), p)
		},
	} {
		s.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v, err := answer(r)
			var refusal *Refusal
			switch {
			case errors.As(err, &refusal):
				reply(w, refusal.Status, refusal.Problem)
			case err != nil:
				fail(w, http.StatusInternalServerError, err.Error(), "")
			default:
				reply(w, http.StatusOK, v)
			}
		}))
	}
	s.Handle("GET /api/v1/openapi.json", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, description, "openapi.json")
	}))
	s.Handle("/api/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "there is no such path, or not with this method", "/api/v1/openapi.json lists them")
	}))
}

// listOf is a list that is never null.
func listOf[T any](items []T) list[T] {
	if items == nil {
		items = []T{}
	}
	return list[T]{items}
}

// decode reads a body in which everything must be known.
func decode(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return &Refusal{http.StatusBadRequest, Problem{"the body is not what is expected: " + err.Error(), "/api/v1/openapi.json describes it"}}
	}
	return nil
}
