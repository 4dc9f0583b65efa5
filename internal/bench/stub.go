package main

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// stub is an upstream that does nothing but wait: every answer comes a fixed time after its request was read. It lives on a
// loop.
type stub struct {
	loop     *loop
	listener net.Listener
	delay    time.Duration
	serving  sync.WaitGroup
	value    []byte
	answer   []byte
	// waiting are the answers under way, the first due first, and spare the memory of those that went.
	waiting []waitingAnswer
	spare   [][]byte
	// late is how late answers were sent.
	late []time.Duration
	// asked counts requests; anybody may look.
	asked atomic.Int64
}

// waitingAnswer is an answer that goes to a socket at a time.
type waitingAnswer struct {
	at  time.Time
	to  *socket
	out []byte
}

// stubDelay is what an upstream takes; DynamoDB's own answers take some milliseconds. (Developer Guide, "What is Amazon
// DynamoDB": single-digit millisecond.)
const stubDelay = 2 * time.Millisecond

// stubTables are the descriptions of the tables: bench and bulk have only a partition key, pages has a sort key too.
var stubTables = map[string]string{"bench": stubTable("bench", ""), "bulk": stubTable("bulk", ""), "pages": stubTable("pages", "sk")}

// stubTable is the description of a table with the partition key pk and, unless it is empty, the sort key sk.
func stubTable(name, sk string) string {
	schema, types := `{"AttributeName":"pk","KeyType":"HASH"}`, `{"AttributeName":"pk","AttributeType":"S"}`
	if sk != "" {
		schema += `,{"AttributeName":"` + sk + `","KeyType":"RANGE"}`
		types += `,{"AttributeName":"` + sk + `","AttributeType":"S"}`
	}
	return `{"Table":{"TableName":"` + name + `","TableStatus":"ACTIVE","TableId":"00000000-0000-0000-0000-00000` + fmt.Sprintf("%07d", len(name)+len(sk)) +
		`","TableArn":"arn:aws:dynamodb:us-east-1:000000000000:table/` + name + `","KeySchema":[` + schema +
		`],"AttributeDefinitions":[` + types + `],"CreationDateTime":1,"ItemCount":0,"TableSizeBytes":0}}`
}

// stubPage is how many items a Query's page has.
const stubPage = 10

// answers make the stub's answers by operation; what is not here is answered with an empty object.
var answers = stubAnswers{
	"GetItem": func(dst, body, value []byte) []byte {
		return append(stubItem(append(dst, `{"Item":`...), firstKey(body), value, ""), '}')
	},
	"Query": func(dst, body, value []byte) []byte {
		dst = append(dst, `{"Count":10,"Items":[`...)
		for i := range stubPage {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = stubItem(dst, firstKey(body), value, "0123456789"[i:i+1])
		}
		return append(dst, `],"ScannedCount":10}`...)
	},
	"BatchGetItem": func(dst, body, value []byte) []byte {
		dst = append(dst, `{"Responses":{"bench":[`...)
		for n := 0; ; n++ {
			_, rest, found := bytes.Cut(body, []byte(`"pk":`))
			if !found {
				return append(dst, `]},"UnprocessedKeys":{}}`...)
			}
			if n > 0 {
				dst = append(dst, ',')
			}
			dst = stubItem(dst, firstKey(rest), value, "")
			body = rest
		}
	},
	"BatchWriteItem": func(dst, _, _ []byte) []byte { return append(dst, `{"UnprocessedItems":{}}`...) },
	"DescribeTable": func(dst, body, _ []byte) []byte {
		for name, description := range stubTables {
			if bytes.Contains(body, []byte(`"`+name+`"`)) {
				return append(dst, description...)
			}
		}
		return append(dst, `{}`...)
	},
}

// firstKey is the key that a request asks for: the first string value in it.
func firstKey(body []byte) []byte {
	_, key, _ := bytes.Cut(body, []byte(`{"S":"`))
	key, _, _ = bytes.Cut(key, []byte(`"`))
	return key
}

// stubItem appends an item; without sk it has no sort key.
func stubItem(dst, key, value []byte, sk string) []byte {
	dst = append(append(append(dst, `{"pk":{"S":"`...), key...), `"}`...)
	if sk != "" {
		dst = append(append(append(dst, `,"sk":{"S":"`...), sk...), `"}`...)
	}
	return append(append(append(dst, `,"v":{"S":"`...), value...), `"}}`...)
}

// stubAnswers appends an answer to dst, for a request's body and with the value that every item has.
type stubAnswers map[string]func(dst, body, value []byte) []byte

// append is the answer to operation.
func (a stubAnswers) append(operation, dst, body, value []byte) []byte {
	if make := a[string(operation)]; make != nil {
		return make(dst, body, value)
	}
	return append(dst, `{}`...)
}

// newStub listens on a free port.
func newStub(l *loop, delay time.Duration) (*stub, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &stub{loop: l, listener: listener, delay: delay, value: bytes.Repeat([]byte("v"), valueLength)}
	if err := l.post(func() { l.alarms = append(l.alarms, s) }); err != nil {
		return nil, err
	}
	s.serving.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			fd, err := descriptor(c)
			if err != nil {
				return
			}
			k := &socket{fd: fd}
			k.got = func(in []byte) (int, error) { return s.requests(k, in) }
			// Whoever waits for an answer hears of it if this fails.
			_ = l.post(func() {
				if l.open(k) != nil {
					l.shut(k)
				}
			})
		}
	})
	return s, nil
}

// endpoint is its URL.
func (s *stub) endpoint() string { return "http://" + s.listener.Addr().String() }

// close takes no more connections; the loop hangs up on those there are.
func (s *stub) close() {
	_ = s.listener.Close()
	s.serving.Wait()
}

// requests takes all whole requests out of in.
func (s *stub) requests(k *socket, in []byte) (used int, err error) {
	for {
		operation, length, size, err := readHead(in[used:])
		if err != nil {
			return used, err
		}
		if size == 0 || len(in)-used < size+length {
			return used, nil
		}
		s.answer = answers.append(operation, s.answer[:0], in[used+size:used+size+length], s.value)
		used += size + length
		s.asked.Add(1)
		var out []byte
		if n := len(s.spare); n > 0 {
			out, s.spare = s.spare[n-1][:0], s.spare[:n-1]
		}
		out = append(out, "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amzn-Requestid: "+
			"0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123\r\nX-Amz-Crc32: "...)
		out = strconv.AppendUint(out, uint64(crc32.ChecksumIEEE(s.answer)), 10)
		out = append(out, "\r\nContent-Length: "...)
		out = strconv.AppendInt(out, int64(len(s.answer)), 10)
		out = append(append(out, "\r\n\r\n"...), s.answer...)
		s.waiting = append(s.waiting, waitingAnswer{time.Now().Add(s.delay), k, out})
	}
}

// due is part of alarm.
func (s *stub) due() time.Time {
	if len(s.waiting) == 0 {
		return time.Time{}
	}
	return s.waiting[0].at
}

// ring is part of alarm.
func (s *stub) ring(now time.Time) error {
	n := 0
	for ; n < len(s.waiting) && !now.Before(s.waiting[n].at); n++ {
		a := &s.waiting[n]
		s.late = append(s.late, now.Sub(a.at))
		// Who has gone needs no answer.
		if s.loop.sockets[a.to.fd] == a.to {
			if err := a.to.write(a.out); err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
				return err
			}
		}
		s.spare = append(s.spare, a.out)
	}
	s.waiting = s.waiting[:copy(s.waiting, s.waiting[n:])]
	return nil
}

// lateness is how late answers were sent since the last call, in ascending order.
func (s *stub) lateness() ([]time.Duration, error) {
	taken := make(chan []time.Duration, 1)
	err := s.loop.post(func() { taken <- s.late; s.late = nil })
	if err != nil {
		return nil, err
	}
	select {
	case late := <-taken:
		slices.Sort(late)
		return late, nil
	case err := <-s.loop.ended:
		s.loop.ended <- err
		return nil, err
	}
}

// readHead reads a request's head: what X-Amz-Target names, how long the body is, and how long the head; 0 when it is not
// there whole.
func readHead(in []byte) (operation []byte, length, size int, err error) {
	for {
		n := bytes.IndexByte(in[size:], '\n') + 1
		if n == 0 {
			return nil, 0, 0, nil
		}
		line := in[size : size+n]
		size += n
		if n <= 2 {
			return operation, length, size, nil
		}
		switch line[0] | 0x20 {
		case 'c':
			if v, ok := headerValue(line, "content-length:"); ok {
				if length, err = strconv.Atoi(v); err != nil {
					return nil, 0, 0, err
				}
			}
		case 'x':
			if len(line) > len("x-amz-target:") && bytes.EqualFold(line[:len("x-amz-target:")], []byte("x-amz-target:")) {
				operation = bytes.TrimSpace(line[bytes.LastIndexByte(line, '.')+1:])
			}
		}
	}
}
