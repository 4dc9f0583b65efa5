package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// overTLS makes the run of a suite against a millrace that speaks TLS, its caches on, and compares the answers with those
// over plain HTTP.
func overTLS(prepare prepareFunc) func(context.Context, *options, string, io.Writer) error {
	return func(ctx context.Context, o *options, dir string, out io.Writer) error {
		command, err := prepare(ctx, o, dir)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		plain, secure := filepath.Join(dir, "plain.jsonl"), filepath.Join(dir, "tls.jsonl")
		fmt.Fprintf(out, "=== %s, plain\n", filepath.Base(dir))
		if err := o.runOnce(ctx, command, filepath.Join(dir, "plain"), plain, true, out); err != nil {
			return fmt.Errorf("plain: %w", err)
		}
		fmt.Fprintf(out, "=== %s, over TLS\n", filepath.Base(dir))
		if err := o.runSecure(ctx, command, dir, secure, out); err != nil {
			return fmt.Errorf("over TLS: %w", err)
		}
		return compareTranscripts(secure, plain, out)
	}
}

// runSecure runs the suite's command against a millrace with a certificate that only the suite knows.
func (o *options) runSecure(ctx context.Context, command suiteCommand, dir, transcript string, out io.Writer) (err error) {
	for _, old := range []string{transcript, transcript + ".cache"} {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	certificate, key := filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")
	if err := makeCertificate(certificate, key); err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	srv, err := startServer(ctx, o.millrace, filepath.Join(dir, "tls"), true, command.volatile, "--cert-file", certificate, "--key-file", key)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, srv.stop()) }()
	// Each language has a variable of its own for authorities: the SDKs, Go and Python's ssl, Node.js.
	for _, name := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		command.env = append(command.env, name+"="+certificate)
	}
	return runAgainst(ctx, command, strings.Replace(srv.endpoint, "http://", "https://", 1), transcript, out)
}

// makeCertificate writes a certificate for 127.0.0.1, signed by itself, and its key.
func makeCertificate(certificate, key string) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "millrace conformance"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	if err := os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public}), 0o644); err != nil {
		return err
	}
	return os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
}
