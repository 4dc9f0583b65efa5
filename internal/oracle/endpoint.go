package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// endpoint is one side: something that speaks DynamoDB's protocol.
type endpoint struct {
	url         string
	region      string
	credentials credentials
	client      *http.Client
}

// newEndpoint makes one side. A request to it may take a minute.
func newEndpoint(url, region string, c credentials) *endpoint {
	return &endpoint{url: strings.TrimSuffix(url, "/") + "/", region: region, credentials: c, client: &http.Client{Timeout: time.Minute}}
}

// reply is what an endpoint answered.
type reply struct {
	status int
	// body is the answer's JSON, numbers as they were written; nil where it had none.
	body map[string]any
}

// throttled are exceptions after which the same request may succeed a moment later; they say nothing about behaviour.
var throttled = map[string]bool{
	"ProvisionedThroughputExceededException": true, "ThrottlingException": true, "RequestLimitExceeded": true, "LimitExceededException": true,
}

// tries is how many times a request is sent that is throttled or that the service fails at.
const tries = 8

// noAnswer is the status of a request whose connection the other side closed: it may have crashed.
const noAnswer = 0

// do sends one request. It tries again what was throttled, and what found nobody listening; a list's own
// LimitExceededException is given back at the end.
func (e *endpoint) do(ctx context.Context, operation string, body []byte) (reply, error) {
	var r reply
	for try := range tries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return r, ctx.Err()
			case <-time.After(time.Duration(50<<try) * time.Millisecond):
			}
		}
		var err error
		r, err = e.once(ctx, operation, body)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED) && try < tries-1:
			continue
		case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
			return reply{status: noAnswer}, nil
		case err != nil:
			return r, err
		}
		if r.status < 500 && !throttled[r.code()] {
			break
		}
	}
	return r, nil
}

// once sends one request once.
func (e *endpoint) once(ctx context.Context, operation string, body []byte) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	sign(req, body, e.credentials, e.region, "dynamodb", time.Now())
	resp, err := e.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{status: resp.StatusCode}
	if len(text) > 0 {
		if r.body, err = decode(text); err != nil {
			return reply{}, fmt.Errorf("answer of %s to %s: %w in %.200q", e.url, operation, err, text)
		}
	}
	return r, nil
}

// code is an exception's name without its prefix; empty for a success.
func (r reply) code() string {
	text, _ := r.body["__type"].(string)
	return text[strings.LastIndexByte(text, '#')+1:]
}

// decode reads a JSON object, numbers as they are written.
func decode(text []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v map[string]any
	return v, dec.Decode(&v)
}
