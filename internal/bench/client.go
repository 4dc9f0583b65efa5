package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// answerTimeout bounds the wait for one answer, so that a side that hangs ends the run.
const answerTimeout = 30 * time.Second

// headerText is what every request carries beside its target, host and length: the headers of aws-sdk-go-v2, which sign
// nothing here, as no side is asked to check signatures.
const headerText = "Accept-Encoding: identity\r\n" +
	"Amz-Sdk-Invocation-Id: 5f1c3a52-7f0d-4a55-9a0e-2b7b4a7f6f10\r\nAmz-Sdk-Request: attempt=1; max=3\r\n" +
	"Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/dynamodb/aws4_request, " +
	"SignedHeaders=accept-encoding;amz-sdk-invocation-id;content-length;content-type;host;x-amz-date;x-amz-target, " +
	"Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n" +
	"Content-Type: application/x-amz-json-1.0\r\nX-Amz-Date: 20260101T000000Z\r\n" +
	"User-Agent: aws-sdk-go-v2/1.41.0 ua/2.1 os/linux lang/go#1.26 md/GOARCH#amd64 api/dynamodb#1.73.1 m/E\r\n"

// httpRequest is a whole request as it goes over the wire. Operation is the name in X-Amz-Target.
func httpRequest(operation, body string) []byte {
	return fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\nX-Amz-Target: DynamoDB_20120810.%s\r\n%s\r\n%s",
		len(body), operation, headerText, body)
}

// client is one keep-alive connection with one request in flight, for what need not be cheap: tables are made and filled with
// it, and single answers taken. Load is a fleet's.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
}

// dial connects to endpoint, an http URL without a path.
func dial(endpoint string) (*client, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("endpoint is %q, must be a URL such as http://127.0.0.1:8000", endpoint)
	}
	conn, err := net.DialTimeout("tcp", u.Host, answerTimeout)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// dialAll opens n connections.
func dialAll(endpoint string, n int) ([]*client, error) {
	clients := make([]*client, 0, n)
	for range n {
		c, err := dial(endpoint)
		if err != nil {
			closeAll(clients)
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// closeAll hangs up.
func closeAll(clients []*client) {
	for _, c := range clients {
		_ = c.conn.Close()
	}
}

// do sends a request made by httpRequest and returns the answer's body, which is valid until the next call. Any status
// but 200 is an error with the body in it.
func (c *client) do(request []byte) ([]byte, error) {
	if err := c.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	status, err := c.read()
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if status != 200 {
		return nil, fmt.Errorf("answered with %d %.300s", status, c.body)
	}
	return c.body, nil
}

// read reads an answer's head and body; the body is of either framing that HTTP/1.1 has for keep-alive.
func (c *client) read() (status int, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("status line is %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, fmt.Errorf("status line is %q", line)
	}
	length, chunked := -1, false
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		// Only these two begin so among the headers that matter, and most begin otherwise.
		switch line[0] | 0x20 {
		case 'c':
			if v, ok := headerValue(line, "content-length:"); ok {
				if length, err = strconv.Atoi(v); err != nil {
					return 0, err
				}
			}
		case 't':
			if v, ok := headerValue(line, "transfer-encoding:"); ok {
				chunked = strings.EqualFold(v, "chunked")
			}
		}
	}
	c.body = c.body[:0]
	switch {
	case chunked:
		return status, c.readChunks()
	case length < 0:
		return 0, errors.New("answer has no length")
	}
	return status, c.readBody(length)
}

// headerValue is the value in line if its name, with the colon and in lower case, is name.
func headerValue(line []byte, name string) (string, bool) {
	if len(line) < len(name) || !strings.EqualFold(string(line[:len(name)]), name) {
		return "", false
	}
	return string(bytes.TrimSpace(line[len(name):])), true
}

// readBody appends n bytes to the body.
func (c *client) readBody(n int) error {
	from := len(c.body)
	c.body = append(c.body, make([]byte, n)...)
	_, err := io.ReadFull(c.in, c.body[from:])
	return err
}

// readChunks reads a chunked body (RFC 9112 §7.1). No side sends trailers.
func (c *client) readChunks() error {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 31)
		if err != nil {
			return err
		}
		if err := c.readBody(int(n)); err != nil {
			return err
		}
		if _, err := c.in.Discard(len("\r\n")); err != nil || n == 0 {
			return err
		}
	}
}
