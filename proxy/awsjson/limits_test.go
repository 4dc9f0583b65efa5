package awsjson

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/internal/units"
)

func TestBodyOverSixteenMebibytes(t *testing.T) {
	t.Parallel()
	f := start(t, answering("{}", nil), nil)
	// #26: exactly 16 MiB is served, one byte more is 413, which a client reads that sends first and reads later.
	send := func(n int, chunked, expect bool) reply {
		t.Helper()
		c := f.dial()
		headers := "POST / HTTP/1.1\r\nHost: h\r\n" + good
		if expect {
			headers += "Expect: 100-continue\r\n"
		}
		if chunked {
			headers += "Transfer-Encoding: chunked\r\n\r\n"
		} else {
			headers += "Content-Length: " + strconv.Itoa(n) + "\r\n\r\n"
		}
		c.send(headers)
		if expect && n > maxBody {
			return c.receive("POST")
		} else if expect {
			if r := c.receive("POST"); r.status != 100 {
				t.Fatalf("expected 100, got %d", r.status)
			}
		}
		block := strings.Repeat(" ", 1<<16)
		for sent := 0; sent < n; sent += len(block) {
			block = block[:min(len(block), n-sent)]
			if chunked {
				c.send(fmt.Sprintf("%x\r\n%s\r\n", len(block), block))
			} else {
				c.send(block)
			}
		}
		if chunked {
			c.send("0\r\n\r\n")
		}
		return c.receive("POST")
	}
	for _, chunked := range []bool{false, true} {
		if r := send(maxBody, chunked, false); r.status != 200 {
			t.Errorf("16 MiB (chunked %v) got %d", chunked, r.status)
		}
		for _, n := range []int{maxBody + 1, 2 * maxBody} {
			if r := send(n, chunked, false); r.status != 413 || !r.close {
				t.Errorf("%d bytes (chunked %v) got %d, close %v", n, chunked, r.status, r.close)
			}
		}
	}
	if r := send(1000, false, true); r.status != 200 {
		t.Errorf("a body sent after 100 Continue got %d", r.status)
	}
	r := send(maxBody+1, false, true)
	checkReply(t, r)
	if r.status != 413 || !r.close {
		t.Errorf("a client that asked before sending 16 MiB + 1 got %d, close %v", r.status, r.close)
	}
}

func TestHeadersOverSixteenKilobytes(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	// #27
	want := `{"__type":"com.amazon.coral.service#MalformedHttpRequestException","message":"The request line and headers are larger than 16 KB."}`
	f.exchange(request(good+"X-Long: "+strings.Repeat("x", 16<<10)+"\r\n", "{}")).want(t, 400, want)
	f.exchange(request(good+strings.Repeat("X-Many: 1\r\n", 5000), "{}")).want(t, 400, want)
	f.exchange("POST /?"+strings.Repeat("x", 16<<10)+" HTTP/1.1\r\nHost: h\r\n\r\n").want(t, 400, want)
	f.exchange("GET /"+strings.Repeat("x", 1<<20)+" HTTP/1.1\r\nHost: h\r\n\r\n").want(t, 400, want)
	f.exchange(request(good+"X-Long: "+strings.Repeat("x", 14<<10)+"\r\n", "{}")).want(t, 200, `{"op":"GetItem","got":{}}`)
}

func TestBrokenHTTPIsAnsweredAndClosed(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	for _, text := range []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", // TLS
		"hello\r\n\r\n",
		"POST / HTTP/9.9x\r\n\r\n",
		"POST / HTTP/1.1\r\n\r\n", // no Host
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\n" + good + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nBad Header\r\n\r\n",
	} {
		c := f.dial().send(text)
		r := c.receive("POST")
		checkReply(t, r)
		if r.status != 400 || !r.close || !c.closed() {
			t.Errorf("%q got %d, close %v", text, r.status, r.close)
		}
	}
	f.exchange(request(good, "{}")).want(t, 200, `{"op":"GetItem","got":{}}`)
}

func TestBothLengthsIsNotSmuggling(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	// Content-Length and Transfer-Encoding together: whatever is answered, the second request inside the body is not
	// taken for one (RFC 9112 §6.3).
	inner := request(good, `{"smuggled":1}`)
	c := f.dial().send("POST / HTTP/1.1\r\nHost: h\r\n" + good + "Content-Length: " + strconv.Itoa(len(inner)+5) + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner)
	all, err := io.ReadAll(io.MultiReader(c.r))
	if err != nil {
		t.Logf("connection ended by %v", err)
	}
	if strings.Contains(string(all), "smuggled") {
		t.Errorf("the body was served as a request of its own: %q", all)
	}
}

// short is a configuration whose timeouts a test can wait for, and that a busy machine keeps who is not slow.
func short(c *Config) {
	c.HeaderTimeout = units.Duration(2 * time.Second)
	c.BodyTimeout = units.Duration(2500 * time.Millisecond)
	c.IdleTimeout = units.Duration(2 * time.Second)
	c.DrainTimeout = units.Duration(5 * time.Second)
}

func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	f := start(t, echo, short)
	const late = `{"__type":"com.amazonaws.dynamodb.v20120810#RequestTimeoutException","message":"The request did not arrive in time."}`
	var waiting sync.WaitGroup
	var checks []func()
	check := func(name, sent, body string) {
		from, c := time.Now(), f.dial().send(sent)
		var got []byte
		var err error
		var took time.Duration
		waiting.Go(func() {
			got, err = io.ReadAll(c.Conn)
			took = time.Since(from)
		})
		checks = append(checks, func() {
			c.r.Reset(bytes.NewReader(got))
			if body != "" {
				c.receive("POST").want(t, 408, body)
			}
			if err != nil || !c.closed() {
				t.Errorf("%s: the connection did not end with that: %v", name, err)
			}
			if took < time.Second || took > 30*time.Second {
				t.Errorf("%s: cut off after %v", name, took)
			}
		})
	}
	check("silent", "", "")
	check("half a header", "POST / HTTP/1.1\r\nHost:", late)
	check("half a body", "POST / HTTP/1.1\r\nHost: h\r\n"+good+"Content-Length: 10\r\n\r\n{", late)
	check("half a large body", "POST / HTTP/1.1\r\nHost: h\r\n"+good+"Content-Length: 1000000\r\n\r\n{", late)
	check("half a chunk", "POST / HTTP/1.1\r\nHost: h\r\n"+good+"Transfer-Encoding: chunked\r\n\r\n5\r\n{", late)
	waiting.Wait()
	for _, check := range checks {
		check()
	}

	// One byte at a time does not help.
	c := f.dial()
	from := time.Now()
	for _, b := range []byte("POST / HTTP/1.1\r\nX-Slow: " + strings.Repeat("x", 6000)) {
		if _, err := c.Write([]byte{b}); err != nil {
			break
		}
		if time.Since(from) > 30*time.Second {
			t.Fatal("a slow header was read for half a minute")
		}
		<-time.After(10 * time.Millisecond)
	}

	// After a request the idle timeout counts, and the client is told nothing.
	c = f.dial()
	c.send(request(good, "{}")).receive("POST").want(t, 200, `{"op":"GetItem","got":{}}`)
	if !c.closed() {
		t.Error("an idle connection was kept")
	}
}
