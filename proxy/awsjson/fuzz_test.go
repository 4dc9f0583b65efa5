package awsjson

import (
	"bufio"
	"bytes"
	"context"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"millrace/internal/units"
	"millrace/metrics"
)

// FuzzFront sends arbitrary bytes over a connection. Properties: the server answers with whole HTTP replies or
// closes; every reply but 413 has a right CRC; nothing panics; and the server then still serves.
func FuzzFront(f *testing.F) {
	f.Add([]byte(request(good, `{"TableName":"t"}`)))
	f.Add([]byte(request(good, "{}") + request(jsonType, "{") + "GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: h\r\n" + good + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"))
	f.Add([]byte(request(good+"Content-Encoding: gzip\r\n", gzipped("{}"))))
	f.Add([]byte(request(good+"Content-Encoding: deflate\r\nAccept-Encoding: gzip;q=0.1, deflate\r\n", zlibbed("{}"))))
	f.Add([]byte("POST /?X-Amz-Algorithm=a&X-Amz-Credential=%zz HTTP/1.1\r\nHost: h\r\n" + getItem + jsonType + "Content-Length: 2\r\n\r\n{}"))
	f.Add([]byte(request(getItem+jsonType+"Authorization: AWS4- Credential==,, Signature\r\nX-Millrace-Cache-Control: max-age=,=\r\n", "{}")))
	f.Add([]byte("OPTIONS * HTTP/1.1\r\nHost: h\r\nOrigin: x\r\nAccess-Control-Request-Headers: \x80\r\n\r\n"))
	f.Add([]byte("POST http://other/ HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"))

	config := DefaultConfig()
	config.HeaderTimeout = units.Duration(5 * time.Second)
	config.BodyTimeout = config.HeaderTimeout
	var log bytes.Buffer
	s := New(config, echo, metrics.New(testNames()), slog.New(slog.NewTextHandler(&log, nil)))
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			f.Errorf("Run: %v", err)
		}
		if bytes.Contains(log.Bytes(), []byte("panic")) {
			f.Errorf("a request ended in a panic:\n%s", log.String())
		}
	})
	dial := func(t *testing.T) net.Conn {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Minute))
		return c
	}
	// One connection stays; the others end by a reset, so that no port is kept waiting.
	var witness net.Conn
	f.Cleanup(func() {
		if witness != nil {
			_ = witness.Close()
		}
	})
	f.Fuzz(func(t *testing.T, sent []byte) {
		c := dial(t)
		_ = c.(*net.TCPConn).SetLinger(0)
		defer func() { _ = c.Close() }()
		if _, err := c.Write(sent); err == nil {
			_ = c.(*net.TCPConn).CloseWrite()
		}
		r := bufio.NewReader(c)
		for {
			// HEAD replies have no body; a method nobody can tell from here is read as if it had one.
			resp, err := http.ReadResponse(r, &http.Request{Method: "POST"})
			if err != nil {
				break
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || bytes.Contains(sent, []byte("HEAD")) {
				break
			}
			crc := strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)
			if got := resp.Header.Get("X-Amz-Crc32"); resp.StatusCode >= 200 && resp.StatusCode != 413 && got != crc {
				t.Errorf("%d reply %q has crc %q, want %q", resp.StatusCode, body, got, crc)
			}
		}
		if witness == nil {
			witness = dial(t)
		}
		if _, err := io.WriteString(witness, request(good, "{}")); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(witness), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("the server no longer serves: %v, %v", resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
	})
}

// FuzzAuthHeader checks that no header breaks the checker and that what it accepts has all parts.
func FuzzAuthHeader(f *testing.F) {
	f.Add([]byte("AWS4-HMAC-SHA256 Credential=a,SignedHeaders=b,Signature=c"), []byte(""))
	f.Add([]byte("AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b, Signature=c"), []byte(""))
	f.Add([]byte(""), []byte("X-Amz-Algorithm=a&X-Amz-Credential=%zz"))
	f.Fuzz(func(t *testing.T, header, query []byte) {
		if credential, ok := usualCredential(header); ok {
			for _, name := range authParts {
				if len(authPart(header, name)) == 0 || name == "Credential" && !bytes.Equal(authPart(header, name), credential) {
					t.Errorf("%q has the usual form with credential %q, but its %s is %q", header, credential, name, authPart(header, name))
				}
			}
		}
		e := authFault(header, query, []byte("x"), nil)
		appendScope(nil, header, query)
		if e == nil && len(header) > 0 {
			for _, name := range authParts {
				if len(authPart(header, name)) == 0 {
					t.Errorf("%q is accepted without %s", header, name)
				}
			}
		}
		if e != nil && !bytes.HasPrefix(appendError(nil, e), []byte(`{"__type":"com.amazon.coral.service#`)) {
			t.Errorf("fault %v is not the HTTP layer's", e)
		}
	})
}
