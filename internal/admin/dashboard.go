package admin

import (
	"embed"
	"net/http"
)

// static is the page at / and what it needs. Nothing of it comes from elsewhere.
//
//go:embed static
var static embed.FS

// policy lets the page have its own files and ask its own port, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// dashboard adds the page. It has nothing secret; what it shows it asks the API for, with the token if there is one.
func (s *Server) dashboard() {
	for pattern, file := range map[string]string{
		"GET /{$}":              "static/index.html",
		"GET /static/app.js":    "static/app.js",
		"GET /static/style.css": "static/style.css",
		"GET /static/icon.svg":  "static/icon.svg",
		// Browsers ask for it whatever a page says.
		"GET /favicon.ico": "static/icon.svg",
	} {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", policy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-cache")
			if file == "static/icon.svg" {
				h.Set("Content-Type", "image/svg+xml")
			}
			http.ServeFileFS(w, r, static, file)
		})
	}
}
