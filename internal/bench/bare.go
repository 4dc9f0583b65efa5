package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/valyala/fasthttp"
)

// bareKinds are the servers that the ceiling is measured with.
var bareKinds = []string{"fasthttp", "net/http"}

// bareServers make a server of each kind, which writes an answer's headers and body and looks at nothing.
var bareServers = map[string]func(answer *http.Response, body []byte) bareServer{
	"fasthttp": newBareFasthttp,
	"net/http": newBareNetHTTP,
}

// bareServer is what both kinds can do.
type bareServer interface {
	Serve(l net.Listener) error
	Shutdown() error
}

// serveBare is a process that answers every request on address with the bytes of one answer, which a millrace has given
// before: the least that a server built on that library can do. Date is the library's own, as in millrace.
func serveBare(ctx context.Context, kind, address, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
	if err != nil {
		return fmt.Errorf("read the answer to give: %w", err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("read the answer to give: %w", err)
	}
	for _, own := range []string{"Date", "Server", "Content-Length"} {
		answer.Header.Del(own)
	}
	build, ok := bareServers[kind]
	if !ok {
		return fmt.Errorf("-bare is %q, which is none of %q", kind, bareKinds)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	srv := build(answer, body)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return errors.Join(srv.Shutdown(), <-served)
	}
}

// newBareFasthttp makes the ceiling of row 1.
func newBareFasthttp(answer *http.Response, body []byte) bareServer {
	type header struct{ name, value []byte }
	var headers []header
	for name, values := range answer.Header {
		if name != "Content-Type" {
			headers = append(headers, header{[]byte(name), []byte(values[0])})
		}
	}
	contentType := []byte(answer.Header.Get("Content-Type"))
	return &fasthttp.Server{
		Name: "millrace",
		Handler: func(ctx *fasthttp.RequestCtx) {
			ctx.Response.Header.SetContentTypeBytes(contentType)
			for i := range headers {
				ctx.Response.Header.SetCanonical(headers[i].name, headers[i].value)
			}
			ctx.Response.SetBodyRaw(body)
		},
		// As in millrace: Query's answers are larger than what is read.
		ReadBufferSize:  16 << 10,
		CloseOnShutdown: true,
	}
}

// bareNetHTTP is net/http's server with fasthttp's manners.
type bareNetHTTP struct{ http.Server }

// newBareNetHTTP makes what Go's own server can do.
func newBareNetHTTP(answer *http.Response, body []byte) bareServer {
	return &bareNetHTTP{http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for name, values := range answer.Header {
			h[name] = values
		}
		h["Server"] = []string{"millrace"}
		h["Content-Length"] = []string{fmt.Sprint(len(body))}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(body)
	})}}
}

// Serve is part of bareServer.
func (s *bareNetHTTP) Serve(l net.Listener) error {
	if err := s.Server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown is part of bareServer.
func (s *bareNetHTTP) Shutdown() error { return s.Server.Close() }
