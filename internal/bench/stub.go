package main

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// stub is an upstream that does nothing but wait: every answer comes a fixed time after its request was read.
type stub struct {
	listener net.Listener
	delay    time.Duration
	serving  sync.WaitGroup

	mu sync.Mutex

	conns map[net.Conn]bool
}

// stubDelay is what an upstream takes; DynamoDB's own answers take some milliseconds. (Developer Guide, "What is Amazon
// DynamoDB": single-digit millisecond.)
const stubDelay = 2 * time.Millisecond

// stubTable is the description of the one table.
const stubTable = `{"Table":{"TableName":"bench","TableStatus":"ACTIVE","TableId":"00000000-0000-0000-0000-000000000001",` +
	`"TableArn":"arn:aws:dynamodb:us-east-1:000000000000:table/bench","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],` +
	`"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"CreationDateTime":1,"ItemCount":0,"TableSizeBytes":0}}`

// answers make the stub's answers by operation; what is not here is answered with an empty object.
var answers = stubAnswers{
	"GetItem": func(dst, body, value []byte) []byte {
		_, key, _ := bytes.Cut(body, []byte(`"pk":{"S":"`))
		key, _, _ = bytes.Cut(key, []byte(`"`))
		dst = append(append(append(dst, `{"Item":{"pk":{"S":"`...), key...), `"},"v":{"S":"`...)
		return append(append(dst, value...), `"}}}`...)
	},
	"DescribeTable": func(dst, _, _ []byte) []byte { return append(dst, stubTable...) },
}

// stubAnswers appends an answer to dst, for a request's body and with the value that every item has.
type stubAnswers map[string]func(dst, body, value []byte) []byte

// append is the answer to operation.
func (a stubAnswers) append(operation string, dst, body, value []byte) []byte {
	if make := a[operation]; make != nil {
		return make(dst, body, value)
	}
	return append(dst, `{}`...)
}

// newStub listens on a free port.
func newStub(delay time.Duration) (*stub, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &stub{listener: l, delay: delay, conns: map[net.Conn]bool{}}
	s.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			s.mu.Unlock()
			s.serving.Go(func() { s.serve(c) })
		}
	})
	return s, nil
}

// endpoint is its URL.
func (s *stub) endpoint() string { return "http://" + s.listener.Addr().String() }

// close hangs up on everybody.
func (s *stub) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// serve answers one connection.
func (s *stub) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	in := bufio.NewReaderSize(c, 16<<10)
	value := bytes.Repeat([]byte("v"), valueLength)
	var body, answer, out []byte
	for {
		operation, length, err := readHead(in)
		if err != nil {
			return
		}
		body = append(body[:0], make([]byte, length)...)
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		answer = answers.append(operation, answer[:0], body, value)
		out = fmt.Appendf(out[:0], "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amzn-Requestid: %052d\r\nX-Amz-Crc32: %d\r\nContent-Length: %d\r\n\r\n",
			0, crc32.ChecksumIEEE(answer), len(answer))
		out = append(out, answer...)
		time.Sleep(s.delay)
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

// readHead reads a request's head: what X-Amz-Target names, and how long the body is.
func readHead(in *bufio.Reader) (operation string, length int, err error) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return "", 0, err
		}
		if len(line) <= 2 {
			return operation, length, nil
		}
		if v, ok := headerValue(line, "content-length:"); ok {
			if length, err = strconv.Atoi(v); err != nil {
				return "", 0, err
			}
		} else if v, ok := headerValue(line, "x-amz-target:"); ok {
			operation = v[bytes.LastIndexByte([]byte(v), '.')+1:]
		}
	}
}
