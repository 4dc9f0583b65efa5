package loadtest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxAnswer bounds an answer's body: DynamoDB's are at most 16 MB. (API Reference, BatchGetItem.)
const maxAnswer = 32 << 20

// read reads a whole answer.
func (c *rawConn) read() (a answer, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return a, fmt.Errorf("status line is %q", line)
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, fmt.Errorf("status line is %q", line)
	}
	c.last = line[7] == '0'
	length, chunked := -1, false
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return a, err
		}
		if len(line) <= 2 {
			break
		}
		// Few headers begin with one of these letters, and only those are looked at closely.
		switch line[0] | 0x20 {
		case 'c':
			if v, ok := headerValue(line, "content-length:"); ok {
				if length, err = strconv.Atoi(v); err != nil || length < 0 || length > maxAnswer {
					return a, fmt.Errorf("content length is %q", v)
				}
			} else if v, ok := headerValue(line, "connection:"); ok {
				c.last = c.last || strings.EqualFold(v, "close")
			}
		case 't':
			if v, ok := headerValue(line, "transfer-encoding:"); ok {
				chunked = strings.EqualFold(v, "chunked")
			}
		case 'x':
			if v, ok := headerValue(line, "x-millrace-cache:"); ok {
				a.parseCache(v)
			}
		}
	}
	c.body = c.body[:0]
	switch {
	case chunked:
		err = c.readChunks()
	case length < 0:
		err = errors.New("answer has no length")
	default:
		err = c.readBody(length)
	}
	if err != nil {
		return a, err
	}
	a.bytes = len(c.body)
	if a.status != 200 {
		a.code = exceptionName(c.body, a.status)
		return a, nil
	}
	a.found = bytes.HasPrefix(c.body, []byte(`{"Item"`)) || bytes.Contains(c.body, []byte(`"Item":{`))
	a.unprocessed = bytes.Contains(c.body, []byte(`"UnprocessedKeys":{"`)) || bytes.Contains(c.body, []byte(`"UnprocessedItems":{"`))
	return a, nil
}

// headerValue is the value in line if its name, with the colon and in lower case, is name.
func headerValue(line []byte, name string) (string, bool) {
	if len(line) < len(name) || !strings.EqualFold(string(line[:len(name)]), name) {
		return "", false
	}
	return string(bytes.TrimSpace(line[len(name):])), true
}

// readChunks reads a chunked body (RFC 9112 §7.1), trailers included.
func (c *rawConn) readChunks() error {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		digits, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
		if err != nil {
			return err
		}
		if n == 0 {
			for len(line) > 2 || line[0] == '0' {
				if line, err = c.in.ReadSlice('\n'); err != nil {
					return err
				}
			}
			return nil
		}
		if len(c.body)+int(n) > maxAnswer {
			return errors.New("answer is too long")
		}
		if err := c.readBody(int(n)); err != nil {
			return err
		}
		if _, err := c.in.Discard(len("\r\n")); err != nil {
			return err
		}
	}
}

// exceptionName is what an error body's __type names, or the status where there is none.
func exceptionName(body []byte, status int) string {
	_, rest, ok := bytes.Cut(body, []byte(`"__type"`))
	if ok {
		if _, rest, ok = bytes.Cut(rest, []byte(`"`)); ok {
			if text, _, ok := bytes.Cut(rest, []byte(`"`)); ok {
				return string(text[bytes.LastIndexByte(text, '#')+1:])
			}
		}
	}
	return "HTTP " + strconv.Itoa(status)
}
