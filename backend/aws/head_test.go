package aws

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/valyala/fasthttp"
)

// readBoth reads text as an answer and by fasthttp, and fails if they differ. It reports whether the plain scanner took it.
func readBoth(t *testing.T, text []byte) (plain bool) {
	t.Helper()
	var a answer
	n := copy(a.begin(), text)
	_, verdict := a.scan(a.head[:n])
	if verdict != complete || a.length > 1<<20 {
		return false
	}
	var resp fasthttp.Response
	resp.Header.SetNoDefaultContentType(true)
	all := bufio.NewReaderSize(bytes.NewReader(text), maxHead)
	want := resp.ReadLimitBody(all, 1<<20)
	rest := bytes.NewReader(text[n:])
	keep, err := a.read(rest, n)
	if (err == nil) != (want == nil) {
		t.Fatalf("%q: error %v, fasthttp's %v", text, err, want)
	}
	if err != nil {
		return true
	}
	h := &resp.Header
	for name, values := range map[string][2]string{
		headerRequestID: {string(a.id), string(h.Peek(headerRequestID))}, headerCRC: {string(a.sum), string(h.Peek(headerCRC))},
		headerErrorType: {string(a.errorType), string(h.Peek(headerErrorType))}, "Date": {string(a.date), string(h.Peek("Date"))},
		"Content-Encoding": {string(a.encoding), string(h.ContentEncoding())}, "the body": {string(a.body), string(resp.Body())},
	} {
		if values[0] != values[1] {
			t.Fatalf("%q: %s is %q, fasthttp's %q", text, name, values[0], values[1])
		}
	}
	for _, name := range handedOn {
		want, got := string(h.Peek(name)), ""
		for _, h := range a.handed {
			if h.Name == name {
				got = h.Value
			}
		}
		if a.status == http.StatusOK {
			want = ""
		}
		if got != want {
			t.Fatalf("%q: the client gets %s %q, by fasthttp %q", text, name, got, want)
		}
	}
	unread := all.Buffered()
	if a.status != resp.StatusCode() || keep != (unread == 0 && rest.Len() == 0 && !h.ConnectionClose()) {
		t.Fatalf("%q: status %d, keep %v; fasthttp's %d, close %v, %d bytes left", text, a.status, keep, resp.StatusCode(), h.ConnectionClose(), unread)
	}
	return true
}

// plainText is what DynamoDB's answers look like.
const plainText = "HTTP/1.1 200 OK\r\nServer: Server\r\nDate: Sun, 29 Nov 2026 00:00:00 GMT\r\nContent-Type: application/x-amz-json-1.0\r\n" +
	"Content-Length: 2\r\nConnection: keep-alive\r\nx-amzn-RequestId: ABC\r\nx-amz-crc32: 2745614147\r\n\r\n{}"

// answerCases are answers, and whether each is plain.
var answerCases = []struct {
	text  string
	plain bool
}{
	{plainText, true},
	{plainText + "HTTP/1.1 200 OK\r\n", true},
	{"HTTP/1.1 400 Bad Request\r\nx-amzn-errortype: X\r\ncontent-length: 0\r\n\r\n", true},
	{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", true},
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", false},
	{"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}", false},
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", false},
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Folded: a\r\n b\r\n\r\n{}", false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n", false},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false},
	{"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}", false},
	{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", false},
	{"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", false},
	{"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", false},
	{"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}", false},
	{"HTTP/1.1 200 OK\r\nX-Amzn-Requestid: a\r\nX-Amzn-Requestid: b\r\nContent-Length: 2\r\n\r\n{}", false},
	{"HTTP/1.1 200 OK\r\n\r\n{}", false},
}

// The scanner takes the plain answers apart as fasthttp does, and leaves the others to it.
func TestPlainAnswersAreReadAsFasthttpReadsThem(t *testing.T) {
	t.Parallel()
	for _, c := range answerCases {
		if got := readBoth(t, []byte(c.text)); got != c.plain {
			t.Errorf("%q: plain %v, want %v", c.text, got, c.plain)
		}
	}
}

// answerSeed repeats a failed run.
var answerSeed = flag.Uint64("answer-seed", 0, "seed of TestRandomAnswers; 0 draws one")

// Heads made of parts that are right and parts that are not, in any order, are read as fasthttp reads them.
func TestRandomAnswers(t *testing.T) {
	t.Parallel()
	seed := *answerSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	starts := []string{"HTTP/1.1 200 OK", "HTTP/1.1 200 OK", "HTTP/1.1 400 Bad Request", "HTTP/1.1 503 ", "HTTP/1.1 200", "HTTP/1.1 100 Continue", "HTTP/1.0 200 OK", "HTTP/1.1 099 X", "HTTP/1.1 +20 OK", "HTTP/1.1  200 OK"}
	headers := []string{
		"Content-Length: 2", "content-length:2", "Content-Length: 2", "CONTENT-LENGTH:   2  ", "Content-Length: 0", "Content-Length: 3", "Content-Length: 02", "Content-Length: 0x2",
		"Content-Length: 2, 2", "Content-Length: ", "Content-Length:\t2", "Transfer-Encoding: chunked", "transfer-encoding: identity", "Connection: close", "Connection: Keep-Alive",
		"connection: keep-alive, close", "X-Amzn-Requestid: A", "x-amzn-requestid: B", "X-Amz-Crc32: 1", "x-amz-crc32:", "X-Amzn-Errortype: E:http://x/", "Date: now", "date:  then ",
		"Content-Encoding: gzip", "Content-Encoding: identity", "Content-Type: application/json", "X: \x01", "X: \x80", "X\x00: y", "X Y: z", ": z", "noline", " folded", "\tfolded",
		"Trailer: X", "Upgrade: h2c", "Set-Cookie: a=b; c", "Server: x", "Keep-Alive: timeout=5", "Retry-After: 3", "retry-after:4", "Location: /x", "WWW-Authenticate: Basic", "content-type: text/html", "X-Long: " + strings.Repeat("y", 300),
	}
	ends := slices.Concat(slices.Repeat([]string{"\r\n"}, 40), []string{"\n", "\r\r\n"})
	taken := 0
	for range 20_000 {
		text := starts[r.IntN(len(starts))] + ends[r.IntN(len(ends))]
		if r.IntN(2) == 0 {
			text += headers[0] + "\r\n"
		}
		for range r.IntN(4) {
			text += headers[r.IntN(len(headers))] + ends[r.IntN(len(ends))]
		}
		text += ends[r.IntN(len(ends))] + "{}{}"[:r.IntN(5)]
		if readBoth(t, []byte(text)) {
			taken++
		}
	}
	if taken < 1000 {
		t.Errorf("only %d of 20000 answers are plain", taken)
	}
}

// Whichever way an answer is cut into pieces, it is the same answer.
func TestAnswersComeInPieces(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*maxHead)
	f := func(name, text, body string, keep bool) {
		t.Helper()
		for cut := 1; cut < min(len(text), 400); cut += 7 {
			var a answer
			n := copy(a.begin(), text[:cut])
			got, err := a.read(iotest.OneByteReader(strings.NewReader(text[n:])), n)
			if err != nil || string(a.body) != body || got != keep || a.status != 200 || string(a.id) != "ABC" {
				t.Fatalf("%s cut at %d: status %d, id %q, body of %d, keep %v, error %v; want body of %d, keep %v",
					name, cut, a.status, a.id, len(a.body), got, err, len(body), keep)
			}
		}
	}
	f("plain", plainText, "{}", true)
	f("long", "HTTP/1.1 200 OK\r\nX-Amzn-Requestid: ABC\r\nContent-Length: 49152\r\n\r\n"+long, long, true)
	f("closing", "HTTP/1.1 200 OK\r\nX-Amzn-Requestid: ABC\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", "{}", false)
	f("chunked", "HTTP/1.1 200 OK\r\nX-Amzn-Requestid: ABC\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", "{}", true)
	f("until the end", "HTTP/1.1 200 OK\r\nX-Amzn-Requestid: ABC\r\n\r\n{}", "{}", false)
	f("after another", "HTTP/1.1 100 Continue\r\n\r\n"+plainText, "{}", true)
}

// An answer that ends early is none, and one that is too large is not read.
func TestBrokenAnswersAreErrors(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"H", plainText[:40], plainText[:len(plainText)-1], "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxHead) + "\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", "SSH-2.0-x\r\n\r\n",
	} {
		var a answer
		n := copy(a.begin(), text)
		if _, err := a.read(strings.NewReader(text[n:]), n); err == nil {
			t.Errorf("%.60q is read as %d %q", text, a.status, a.body)
		} else if err == io.EOF {
			t.Errorf("%.60q ends in io.EOF, which says nothing", text)
		}
	}
}

// waiting is a connection on which nothing more comes.
type waiting struct{}

// errWaited is what a read of one ends in.
var errWaited = errors.New("waited for more")

// Read is part of io.Reader.
func (waiting) Read([]byte) (int, error) { return 0, errWaited }

// A head that ends otherwise than with CR LF CR LF is refused when it is there, however it is cut into pieces, and nothing is waited for;
// lines that are no heads', and heads that are not all there, are read as before.
func TestHeadsThatEndWrongAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	malformed := func(err error) bool { return errors.Is(err, errMalformedHead) }
	waits := func(err error) bool { return errors.Is(err, errWaited) }
	fine := func(err error) bool { return err == nil }
	for _, c := range []struct {
		text  string
		check func(error) bool
		want  string
	}{
		{strings.ReplaceAll(plainText, "\r", ""), malformed, "refused"},
		{"HTTP/1.1 200 OK\nContent-Length: 2\n\n", malformed, "refused"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\n{}", malformed, "refused"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\n{}", malformed, "refused"},
		{"HTTP/1.1 200 OK\n\n", malformed, "refused"},
		{"HTTP/1.0 500 X\nA: b\n\n\r\n\r\n", malformed, "refused"},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\nContent-Length: 2\n\n{}", malformed, "refused"},
		{"HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", malformed, "refused"},
		{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\n\n{}", malformed, "refused"},
		{"HTTP/1.1 200 OK\nContent-Length: 2\n", waits, "waited for"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", waits, "waited for"},
		{"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\n{}", fine, "read"},
		{"\r\n\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", fine, "read"},
		{"HTTP/1.1 100 Continue\r\n\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{\n\n}", fine, "read"},
		{"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n{\n\n}", fine, "read"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\n\n}\r\n0\r\n\r\n", fine, "read"},
	} {
		for cut := 1; cut <= len(c.text); cut++ {
			var a answer
			n := copy(a.begin(), c.text[:cut])
			rest := io.MultiReader(strings.NewReader(c.text[n:]), waiting{})
			if cut%2 == 0 {
				rest = iotest.OneByteReader(rest)
			}
			if _, err := a.read(rest, n); !c.check(err) {
				t.Fatalf("%q cut at %d: error %v, want it %s", c.text, cut, err, c.want)
			}
		}
	}
}

func FuzzPlainAnswer(f *testing.F) {
	for _, c := range answerCases {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { readBoth(t, text) })
}
