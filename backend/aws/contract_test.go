package aws_test

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"millrace/backend"
	"millrace/backend/aws"
	"millrace/backend/backendtest"
	"millrace/ddb"
	"millrace/internal/node/nodetest"
)

// upstream starts a second millrace with the embedded engine in memory and returns its address.
func upstream(t *testing.T) string {
	t.Helper()
	url, _ := nodetest.Start(t, nodetest.Uncached)
	return url
}

// forwarder is a backend for the upstream at url.
func forwarder(t *testing.T, url string, change func(*aws.Config)) *aws.Backend {
	t.Helper()
	c := aws.DefaultConfig()
	c.Endpoint.URL, c.Region, c.Kind = url, "us-east-1", aws.Generic
	if change != nil {
		change(&c)
	}
	b, err := aws.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return b
}

func TestContract(t *testing.T) {
	url := upstream(t)
	backendtest.Run(t, func(t *testing.T) backend.Backend { return forwarder(t, url, nil) })
}

// Over TLS nothing is different, and a certificate nobody vouches for is an upstream that cannot be reached.
func TestTLSUpstream(t *testing.T) {
	plain, err := url.Parse(upstream(t))
	if err != nil {
		t.Fatal(err)
	}
	secure := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(plain) }})
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	b := forwarder(t, secure.URL, func(c *aws.Config) { c.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12} })
	for range 3 {
		if _, err := b.Do(t.Context(), ddb.NewRequest(ddb.ListTables, []byte(`{}`))); err != nil {
			t.Fatalf("ListTables over TLS: %v", err)
		}
		// The next request finds a connection that was closed meanwhile, and takes another.
		secure.CloseClientConnections()
	}
	stranger := forwarder(t, secure.URL, func(c *aws.Config) { c.Attempts = 1 })
	_, err = stranger.Do(t.Context(), ddb.NewRequest(ddb.PutItem, []byte(`{}`)))
	if e, ok := err.(*ddb.Error); !ok || !e.NotSent || e.Status != http.StatusServiceUnavailable {
		t.Errorf("PutItem to a stranger: %v, want a 503 that says that nothing was sent", err)
	}
}

// What the backend sends is what a client sent, and what it gives is what upstream said, byte for byte, beside asking
// upstream directly: also checksums and request ids.
func TestAnswersAreUpstreamsOwn(t *testing.T) {
	url := upstream(t)
	b := forwarder(t, url, nil)
	f := func(op ddb.Operation, body string) {
		t.Helper()
		status, want := nodetest.Call(t, url, op.String(), body)
		resp, err := b.Do(t.Context(), ddb.NewRequest(op, []byte(body)))
		got := ""
		if e, ok := err.(*ddb.Error); ok {
			got = string(e.Raw)
			if e.HTTPStatus() != status || len(e.RequestID) != 52 {
				t.Errorf("%v %s: status %d, id %q, want %d", op, body, e.HTTPStatus(), e.RequestID, status)
			}
		} else if err != nil {
			t.Fatalf("%v: %v", op, err)
		} else {
			out, _ := resp.JSON()
			got = string(out)
		}
		if got != want {
			t.Errorf("%v %s\n got %s\nwant %s", op, body, got, want)
		}
	}
	f(ddb.DescribeTable, `{"TableName":"nope"}`)
	f(ddb.PutItem, `{"TableName":"x"}`)
	f(ddb.GetItem, `{"TableName":"nope","Key":{"p":{"S":"a"}}}`)
	f(ddb.ListTables, `{}`)
	f(ddb.ListTables, `{"Limit":0}`)
	f(ddb.GetItem, `[]`)
}
