package node

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate makes a certificate for this machine with a serial number, until ends, and its key.
func writeCertificate(t *testing.T, files TLSConfig, serial int64, ends time.Time) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "millrace test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: ends,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, text := range map[string][]byte{files.CertFile: certificate, files.KeyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return pool
}

// tlsFiles are where a test keeps its certificate.
func tlsFiles(t *testing.T) TLSConfig {
	dir := t.TempDir()
	return TLSConfig{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
}

// dial opens a connection that trusts pool.
func (r *running) dial(pool *x509.CertPool, change func(*tls.Config)) (*tls.Conn, error) {
	c := &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
	if change != nil {
		change(c)
	}
	return tls.Dial("tcp", r.node.Addr().String(), c)
}

// ask makes one signed call over a connection.
func ask(t *testing.T, c net.Conn) *http.Response {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Type: application/x-amz-json-1.0\r\n"+
		"X-Amz-Date: 20260101T000000Z\r\n"+as("AKID", "us-east-1")+"Content-Length: 2\r\n\r\n{}"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestDataPortSpeaksTLS(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.TLS = tlsFiles(t)
	pool := writeCertificate(t, c.TLS, 1, time.Now().Add(time.Hour))
	r := run(t, c)
	r.node.Reloadable(&Loaded{Config: c}, func() (*Loaded, error) { return &Loaded{Config: c}, nil }, nil)

	first, err := r.dial(pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	for range 2 { // on one connection
		if resp := ask(t, first); resp.StatusCode != 200 {
			t.Errorf("over TLS: %s", resp.Status)
		}
	}
	if got := first.ConnectionState(); got.NegotiatedProtocol != "" || got.Version < tls.VersionTLS12 {
		t.Errorf("agreed on %q, version %x", got.NegotiatedProtocol, got.Version)
	}
	if old, err := r.dial(pool, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
		_ = old.Close()
		t.Error("TLS 1.1 is spoken")
	}
	if _, err := r.dial(x509.NewCertPool(), nil); err == nil {
		t.Error("the certificate is trusted by who does not know it")
	}
	// Plain HTTP is answered in plain HTTP.
	plain, err := net.Dial("tcp", r.node.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := io.WriteString(plain, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(plain); !strings.HasPrefix(string(b), "HTTP/1.0 400 ") || !strings.Contains(string(b), "use https in the endpoint") {
		t.Errorf("plain HTTP is answered with %q", b)
	}
	if _, text := r.admin("/metrics"); !strings.Contains(text, "\nmillrace_tls_certificate_expiry_timestamp_seconds ") {
		t.Error("the certificate's end is not told")
	}

	// Another certificate serves new connections; those that are open go on.
	renewed := writeCertificate(t, c.TLS, 2, time.Now().Add(2*time.Hour))
	if _, err := r.node.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	second, err := r.dial(renewed, nil)
	if err != nil {
		t.Fatalf("with the renewed certificate: %v", err)
	}
	defer second.Close()
	if got := second.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != 2 {
		t.Errorf("certificate %d is served, want 2", got)
	}
	ask(t, second)
	ask(t, first)

	// One that cannot be used changes nothing.
	for _, text := range []string{"nonsense", ""} {
		if err := os.WriteFile(c.TLS.CertFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := r.node.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), c.TLS.CertFile) {
			t.Errorf("reload of certificate %q: %v", text, err)
		}
	}
	writeCertificate(t, c.TLS, 3, time.Now().Add(-time.Minute))
	if _, err := r.node.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "ended at") {
		t.Errorf("reload of a certificate that is over: %v", err)
	}
	third, err := r.dial(renewed, nil)
	if err != nil {
		t.Fatalf("after bad certificates: %v", err)
	}
	_ = third.Close()
	// Connections that are idle end with the node.
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

func TestCertificateIsWatched(t *testing.T) {
	t.Parallel()
	files := tlsFiles(t)
	writeCertificate(t, files, 1, time.Now().Add(time.Hour))
	c, err := newCertificate(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ticks, done := make(chan time.Time), make(chan struct{})
	go func() { defer close(done); c.watch(ctx, ticks) }()
	serial := func() int64 {
		// The second tick is taken when the first has been dealt with.
		ticks <- time.Now()
		ticks <- time.Now()
		return c.current.Load().Leaf.SerialNumber.Int64()
	}
	before := c.current.Load()
	if serial() != 1 || c.current.Load() != before {
		t.Error("a certificate that did not change was read again")
	}
	writeCertificate(t, files, 2, time.Now().Add(90*time.Minute))
	if err := os.Chtimes(files.CertFile, time.Time{}, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("certificate %d is served, want 2", got)
	}
	if err := os.WriteFile(files.KeyFile, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("after a bad key certificate %d is served, want 2", got)
	}
	cancel()
	<-done
}

func TestTLSNeedsBothFilesAndGoodOnes(t *testing.T) {
	t.Parallel()
	f := func(files TLSConfig, says string) {
		t.Helper()
		c := testConfig()
		c.TLS = files
		err := c.Validate()
		if err == nil {
			_, err = New(c, "test", slog.New(slog.DiscardHandler))
		}
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, want %q", files, err, says)
		}
	}
	f(TLSConfig{CertFile: "x"}, "tls.cert_file is set, and tls.key_file is not")
	f(TLSConfig{KeyFile: "x"}, "tls.key_file is set, and tls.cert_file is not")
	f(TLSConfig{CertFile: "/nonexistent/c", KeyFile: "/nonexistent/k"}, "/nonexistent/c")
	files := tlsFiles(t)
	writeCertificate(t, files, 1, time.Now().Add(-time.Minute))
	f(files, "the certificate ended at")
}
