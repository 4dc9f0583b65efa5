package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// healthcheckCommand asks the millrace of the same configuration whether it is well. It is for images, which have no
// shell and no other program in them, and for sidecars, whose admin port nothing outside of the pod can reach.
type healthcheckCommand struct {
	settingFlags
	Live    bool          `help:"Ask whether the process is alive (/livez) instead of whether it is ready (/readyz)."`
	Timeout time.Duration `default:"3s" help:"How long to wait for the answer."`
}

// maxHealthAnswer is far more than an answer has.
const maxHealthAnswer = 64 << 10

// Run prints what the admin port answers; anything but 200 is an error.
func (c *healthcheckCommand) Run(ctx context.Context, std streams) error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	path := "/readyz?verbose"
	if c.Live {
		path = "/livez"
	}
	address, err := reachable(loaded.Config.Admin.Listen)
	if err != nil {
		return usageError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	// A proxy that the environment names is not the way to this machine.
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return fmt.Errorf("no answer from the admin port: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxHealthAnswer))
	if err != nil {
		return fmt.Errorf("no whole answer from the admin port: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %s", resp.StatusCode, strings.Join(strings.FieldsFunc(string(answer), func(r rune) bool { return r == '\n' }), "; "))
	}
	_, err = std.out.Write(answer)
	return err
}

// reachable is where a port that is opened at address can be reached from the same machine.
func reachable(address string) (string, error) {
	if address == "" {
		return "", errors.New("admin.listen is empty, so there is nobody to ask")
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if port == "0" {
		return "", fmt.Errorf("admin.listen is %q, a port that only the running process knows; give it a number", address)
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}
