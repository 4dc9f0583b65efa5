package aws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// connectTo makes an endpoint; it connects at the first request.
func (b *Backend) connectTo(region string, u *url.URL) *endpoint {
	e := &endpoint{region: region, url: u}
	e.client.dial = b.dialer(u)
	e.limit = newLimiter(b.config.MaxInFlight)
	e.health = breaker{clock: b.config.Clock, random: b.config.Random}
	e.calls.New = func() any { return newCall(u, region) }
	return e
}

// errDial marks an error as one of making a connection: no byte of a request was written.
var errDial = errors.New("connect to upstream")

// dialer makes connections to an upstream. Proxy variables do not apply to it: they are the applications', and in
// front of a sidecar they may name millrace itself. A name is resolved anew for each.
func (b *Backend) dialer(u *url.URL) func(until time.Time) (*conn, error) {
	host, port, secure := u.Hostname(), u.Port(), u.Scheme == "https"
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[secure]
	}
	address := net.JoinHostPort(host, port)
	config := b.config.TLS.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	if config.ClientSessionCache == nil {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	// DynamoDB's endpoints speak HTTP/1.1.
	config.NextProtos = []string{"http/1.1"}
	return func(until time.Time) (*conn, error) {
		ctx, cancel := context.WithTimeout(context.Background(), min(b.config.ConnectTimeout, time.Until(until)))
		defer cancel()
		d := net.Dialer{KeepAlive: 30 * time.Second}
		raw, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errDial, err)
		}
		if !secure {
			return newConn(raw, raw), nil
		}
		t := tls.Client(raw, config)
		if err := t.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, fmt.Errorf("%w: TLS handshake with %s: %w", errDial, host, err)
		}
		return newConn(t, raw), nil
	}
}
