package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// certificatePeriod is the time between two looks at whether the certificate's files have changed. Orchestrators renew
// mounted certificates without telling.
const certificatePeriod = 30 * time.Second

// certificate is the data port's certificate, which may be replaced while it is served.
type certificate struct {
	log     *slog.Logger
	current atomic.Pointer[tls.Certificate]

	mu sync.Mutex

	files TLSConfig
	seen  [2]fileState
}

// fileState is how a file looked when it was read.
type fileState struct {
	modified time.Time
	size     int64
}

// newCertificate reads the certificate; an error is a sentence that names the file.
func newCertificate(files TLSConfig, log *slog.Logger) (*certificate, error) {
	c := &certificate{log: log}
	loaded, err := readCertificate(files)
	if err != nil {
		return nil, err
	}
	c.use(files, loaded)
	return c, nil
}

// readCertificate reads a certificate with its key, and refuses one that is over.
func readCertificate(files TLSConfig) (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("tls.cert_file %q with tls.key_file %q: %w", files.CertFile, files.KeyFile, err)
	}
	if c.Leaf == nil {
		if c.Leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return nil, fmt.Errorf("tls.cert_file %q: %w", files.CertFile, err)
		}
	}
	if time.Now().After(c.Leaf.NotAfter) {
		return nil, fmt.Errorf("tls.cert_file %q: the certificate ended at %v", files.CertFile, c.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return &c, nil
}

// use serves loaded from the next connection on.
func (c *certificate) use(files TLSConfig, loaded *tls.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files, c.seen = files, [2]fileState{stateOf(files.CertFile), stateOf(files.KeyFile)}
	c.current.Store(loaded)
}

// stateOf is how a file looks; zero if it is not there.
func stateOf(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	return fileState{info.ModTime(), info.Size()}
}

// config is what the data port listens with.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// ends is when the certificate ends.
func (c *certificate) ends() time.Time { return c.current.Load().Leaf.NotAfter }

// watch reads the files again when they have changed, at every tick, until ctx ends. What cannot be read changes nothing.
func (c *certificate) watch(ctx context.Context, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			if err := c.renew(); err != nil {
				c.log.Error("certificate was changed and cannot be used; the one before is served", "error", err)
			}
		}
	}
}

// renew reads the files again if they have changed since they were last looked at.
func (c *certificate) renew() error {
	c.mu.Lock()
	files, seen := c.files, c.seen
	now := [2]fileState{stateOf(files.CertFile), stateOf(files.KeyFile)}
	c.seen = now
	c.mu.Unlock()
	if now == seen {
		return nil
	}
	loaded, err := readCertificate(files)
	if err != nil {
		return err
	}
	c.use(files, loaded)
	c.log.Info("certificate renewed", "ends", loaded.Leaf.NotAfter)
	return nil
}

// validate checks the section; the files are looked at when a node is made.
func (c TLSConfig) validate() error {
	if c.CertFile == "" && c.KeyFile != "" {
		return errors.New("tls.key_file is set, and tls.cert_file is not; TLS needs both")
	}
	if c.KeyFile == "" && c.CertFile != "" {
		return errors.New("tls.cert_file is set, and tls.key_file is not; TLS needs both")
	}
	return nil
}

// enabled reports whether the data port speaks TLS.
func (c TLSConfig) enabled() bool { return c.CertFile != "" }
