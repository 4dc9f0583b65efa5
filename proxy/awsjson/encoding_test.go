package awsjson

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strconv"
	"strings"
	"testing"
)

// gzipped and zlibbed compress.
func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// zlibbed is text as a zlib stream.
func zlibbed(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func TestCompressedRequests(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	const ok = `{"op":"GetItem","got":{"a":1}}`
	const failed = `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"Internal server error"}`
	check := func(encoding, body string, status int, want string) {
		t.Helper()
		f.exchange(request(good+"Content-Encoding: "+encoding+"\r\n", body)).want(t, status, want)
	}
	g, z := gzipped(`{"a":1}`), zlibbed(`{"a":1}`)
	for range 3 { // readers are used again
		// #29
		check("gzip", g, 200, ok)
		check("GZIP", gzipped(`{"a"`)+gzipped(`:1}`), 200, ok)
		check("gzip", "", 500, failed)
		check("gzip", g[:len(g)-1], 500, failed)
		check("gzip", g[:5], 500, failed)
		check("gzip", g+"junk", 500, failed)
		check("gzip", `{"a":1}`, 500, failed)
		// #30
		check("deflate", z, 200, ok)
		check("deflate", "", 500, failed)
		check("deflate", z[:len(z)-1], 500, failed)
		check("deflate", `{"a":1}`, 500, failed)
		check("deflate", z+z, 500, failed)
		check("br", `{"a":1}`, 500, failed)
		check("gzip, deflate", g, 500, failed)
		check("identity", `{"a":1}`, 200, ok)
	}
	// The limit is on what comes out.
	for _, bomb := range []struct{ encoding, body string }{{"gzip", gzipped(strings.Repeat(" ", maxBody+1))}, {"deflate", zlibbed(strings.Repeat(" ", maxBody+1))}} {
		if r := f.exchange(request(good+"Content-Encoding: "+bomb.encoding+"\r\n", bomb.body)); r.status != 413 {
			t.Errorf("16 MiB + 1 in %d bytes of %s got %d", len(bomb.body), bomb.encoding, r.status)
		}
	}
	if r := f.exchange(request(good+"Content-Encoding: gzip\r\n", gzipped(strings.Repeat(" ", maxBody-2)+"{}"))); r.status != 200 {
		t.Errorf("16 MiB unpacked got %d", r.status)
	}
}

func TestCompressedReplies(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(`{"a":"b"},`, 5000)
	f := start(t, answering(long, nil), nil)
	// #31
	check := func(accept, encoding string) {
		t.Helper()
		r := f.exchange(request(good+accept, "{}"))
		checkReply(t, r) // the crc is that of the compressed bytes (#8)
		if got := r.header.Get("Content-Encoding"); got != encoding {
			t.Errorf("%q got encoding %q, want %q", accept, got, encoding)
			return
		}
		var plain io.Reader = strings.NewReader(r.body)
		var err error
		switch encoding {
		case "gzip":
			plain, err = gzip.NewReader(plain)
		case "deflate":
			plain, err = zlib.NewReader(plain)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(plain); err != nil || string(got) != long {
			t.Errorf("%q came out as %d bytes, %v", accept, len(got), err)
		}
	}
	for range 2 {
		check("", "")
		check("Accept-Encoding: identity\r\n", "")
		check("Accept-Encoding: gzip\r\n", "gzip")
		check("Accept-Encoding: deflate\r\n", "deflate")
		check("Accept-Encoding: deflate, gzip\r\n", "gzip")
		check("Accept-Encoding: GZIP;q=0.5 , deflate;q=0.8\r\n", "deflate")
		check("Accept-Encoding: gzip;q=0\r\n", "")
		check("Accept-Encoding: gzip; q=0.0, deflate;q=0\r\n", "")
		check("Accept-Encoding: gzip;q=nonsense\r\n", "")
		check("Accept-Encoding: br\r\n", "")
		check("Accept-Encoding: *\r\n", "")
		check("Accept-Encoding: identity\r\nAccept-Encoding: gzip\r\n", "")
		check("Accept-Encoding: gzip\r\nAccept-Encoding: identity\r\n", "gzip")
	}
	for n, encoding := range map[int]string{4096: "", 4097: "gzip"} {
		g := start(t, answering(strings.Repeat("x", n), nil), nil)
		r := g.exchange(request(good+"Accept-Encoding: gzip\r\n", "{}"))
		checkReply(t, r)
		if got := r.header.Get("Content-Encoding"); got != encoding {
			t.Errorf("%d bytes got encoding %q, want %q", n, got, encoding)
		}
	}
}

func TestLargeRepliesAfterEachOther(t *testing.T) {
	t.Parallel()
	// Bodies above and below what a connection keeps, in turn, over one connection.
	f := start(t, echo, nil)
	c := f.dial()
	for i, n := range []int{1, keptBody + 1, 10, 1 << 20, keptBody, 0} {
		body := strconv.Quote(strings.Repeat(strconv.Itoa(i), n))
		c.send(request(good, body)).receive("POST").want(t, 200, `{"op":"GetItem","got":`+body+`}`)
	}
}
