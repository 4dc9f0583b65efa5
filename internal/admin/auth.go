package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// protect asks for the token, if there is one, before h is called.
func (s *Server) protect(h http.Handler) http.Handler {
	if s.config.Token == "" {
		return h
	}
	// Digests are of one length, so that comparing tells nothing about the token's.
	want := sha256.Sum256([]byte(s.config.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(token)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="millrace admin"`)
			fail(w, http.StatusUnauthorized, "the admin token is missing or wrong", "send it as Authorization: Bearer TOKEN; it is set by admin.token, admin.token_file or MILLRACE_ADMIN_TOKEN")
			return
		}
		h.ServeHTTP(w, r)
	})
}

// guardHost refuses, where no token protects the port, requests that call this machine by the name of another: a page in a
// browser could have its own name resolve to the loopback interface and would then be of the same origin as we are ("DNS
// rebinding"). Without a token the port is on the loopback interface only.
func (s *Server) guardHost(h http.Handler) http.Handler {
	if s.config.Token != "" {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.Trim(host, "[]")
		if ip := net.ParseIP(host); host != "" && ip == nil && !strings.EqualFold(host, "localhost") {
			fail(w, http.StatusMisdirectedRequest, "without a token the admin port answers to addresses and localhost only", "call it as http://127.0.0.1, or set admin.token")
			return
		}
		h.ServeHTTP(w, r)
	})
}
