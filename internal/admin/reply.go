package admin

import (
	"encoding/json"
	"net/http"
)

// Problem is the answer to what could not be done.
type Problem struct {
	// Error says what is wrong, in a clause.
	Error string `json:"error"`
	// Advice says what to do next.
	Advice string `json:"advice,omitempty"`
}

// fail sends a Problem.
func fail(w http.ResponseWriter, status int, problem, advice string) {
	reply(w, status, Problem{problem, advice})
}

// reply sends v as JSON that nobody keeps.
func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		Text(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
