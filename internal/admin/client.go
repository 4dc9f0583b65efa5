package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxAnswer bounds what a client reads.
const maxAnswer = 16 << 20

// Client asks the admin port of a running millrace.
type Client struct {
	// Address is host:port, Token what it asks for, if anything.
	Address, Token string
	// Timeout bounds an exchange.
	Timeout time.Duration
}

// Get reads a path of the API and returns the answer's bytes. Its errors say what to do next.
func (c Client) Get(ctx context.Context, path string) ([]byte, error) {
	return c.do(ctx, http.MethodGet, path, nil)
}

// Post sends v to a path and returns the answer's bytes.
func (c Client) Post(ctx context.Context, path string, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return c.do(ctx, http.MethodPost, path, body)
}

// do makes one exchange.
func (c Client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.Address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	// A proxy that the environment names is not the way to this machine.
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("no answer from the admin port at %s within %v", c.Address, c.Timeout)
		}
		return nil, fmt.Errorf("no answer from the admin port at %s (%w); is millrace running there? name another with --admin-listen", c.Address, errors.Unwrap(err))
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("no whole answer from the admin port at %s: %w", c.Address, err)
	}
	if resp.StatusCode != http.StatusOK {
		var p Problem
		if json.Unmarshal(answer, &p) != nil || p.Error == "" {
			return nil, fmt.Errorf("the admin port at %s answers %s; does millrace listen there?", c.Address, resp.Status)
		}
		return nil, &Refusal{resp.StatusCode, p}
	}
	return answer, nil
}
