package aws

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/valyala/fasthttp"

	"millrace/ddb"
)

// maxResponse is the largest body taken: BatchGetItem's 16 MB with room for JSON around binary values.
const maxResponse = 64 << 20

// maxHead is how long an answer's head may be.
const maxHead = 16 << 10

// answer is an answer of upstream: what matters of its head, and its body. All but the body lies in memory of its own, and is
// valid until that is used again.
//
// The plain answer, with a length and nothing that changes how it is read, is taken apart here; fasthttp reads all others.
// scan takes no head that fasthttp would refuse or read otherwise; the other way round it gives up on whatever is unusual, so
// that it can be small. (FuzzPlainAnswer holds it to that.)
type answer struct {
	status                             int
	id, sum, errorType, encoding, date []byte
	body                               []byte
	// memory is what body lies in, if that is to be used again.
	memory  *memory
	length  int
	closing bool
	head    []byte
	// handed are what the client gets of the headers of an answer that is no success; they are copies.
	handed []ddb.Header
}

// handedOn are the headers that the client of an answer that is no success gets with its body, as they came: what the body is, when to
// ask again, where else, and what the error is called in other protocols of AWS's. Request id and checksum are told apart from them.
var handedOn = []string{"Content-Type", "Content-Encoding", "Location", "Retry-After", "Www-Authenticate", headerErrorType, "X-Amzn-Errormessage"}

// hand notes a header of an answer that is no success, and reports false for one that comes twice.
func (a *answer) hand(name string, value []byte) bool {
	for _, h := range a.handed {
		if h.Name == name {
			return false
		}
	}
	a.handed = append(a.handed, ddb.Header{Name: name, Value: string(value)})
	return true
}

// begin is where the beginning of an answer is read to. It forgets the answer before.
func (a *answer) begin() []byte {
	head := a.head
	if head == nil {
		head = make([]byte, maxHead)
	}
	*a = answer{head: head}
	return head
}

// read reads an answer from r, whose first n bytes are in memory. It reports whether r can bring another one.
func (a *answer) read(r io.Reader, n int) (keep bool, err error) {
	for {
		size, verdict := a.scan(a.head[:n])
		switch {
		case verdict == complete:
			return a.readBody(r, a.head[size:n])
		case verdict == unusual || n == len(a.head):
			return a.readUnusual(r, a.head[:n])
		}
		m, err := r.Read(a.head[n:])
		if n += m; err != nil && m == 0 {
			return false, broken(err)
		}
	}
}

// readBody reads the body of a plain answer, which begins with got.
func (a *answer) readBody(r io.Reader, got []byte) (keep bool, err error) {
	if a.length > maxResponse {
		return false, fmt.Errorf("an answer of %d bytes is too large", a.length)
	}
	a.body, a.memory = room(a.length)
	n := copy(a.body, got)
	if _, err := io.ReadFull(r, a.body[n:]); err != nil {
		return false, broken(err)
	}
	return !a.closing && len(got) == n, nil // what nobody asked for is no answer to the next request
}

// broken is why reading an answer failed.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read answer: %w", err)
}

// readUnusual reads an answer that is not plain and begins with got.
func (a *answer) readUnusual(r io.Reader, got []byte) (keep bool, err error) {
	resp := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(resp)
	resp.Header.SetNoDefaultContentType(true)
	before := bytes.NewReader(bytes.Clone(got))
	heads := &headReader{from: io.MultiReader(before, r)}
	all := bufio.NewReaderSize(heads, maxHead)
	if err := resp.ReadLimitBody(all, maxResponse); heads.malformed {
		return false, fmt.Errorf("read answer: %w", errMalformedHead)
	} else if err != nil {
		return false, fmt.Errorf("read answer: %w", err)
	}
	h := &resp.Header
	*a = answer{
		head: a.head, status: resp.StatusCode(), body: bytes.Clone(resp.Body()), closing: h.ConnectionClose(),
		id: bytes.Clone(h.Peek(headerRequestID)), sum: bytes.Clone(h.Peek(headerCRC)), errorType: bytes.Clone(h.Peek(headerErrorType)),
		encoding: bytes.Clone(h.ContentEncoding()), date: bytes.Clone(h.Peek("Date")),
	}
	if a.status != http.StatusOK {
		for _, name := range handedOn {
			if value := h.Peek(name); len(value) > 0 && isText(value) {
				a.hand(name, value)
			}
		}
	}
	return !a.closing && all.Buffered() == 0 && before.Len() == 0, nil
}

// plainness is what scan says of bytes.
type plainness uint8

// The verdicts of scan.
const (
	unusual    plainness = iota // fasthttp's
	incomplete                  // plain so far, but not all there
	complete                    // the head of a plain answer
)

// statusLine begins every plain answer, before its status.
const statusLine = "HTTP/1.1 "

// scan reads the head that b begins with, and tells how long it is.
func (a *answer) scan(b []byte) (size int, verdict plainness) {
	*a = answer{head: a.head, length: -1}
	for first := true; ; first = false {
		end := bytes.IndexByte(b[size:], '\n')
		if end < 0 {
			return 0, incomplete
		}
		if end == 0 || b[size+end-1] != '\r' {
			return 0, unusual
		}
		line := b[size : size+end-1]
		size += end + 1
		switch {
		case first:
			if !a.takeStatus(line) {
				return 0, unusual
			}
		case len(line) == 0:
			if a.length < 0 {
				return 0, unusual
			}
			return size, complete
		case !a.takeHeader(line):
			return 0, unusual
		}
	}
}

// takeStatus reads a status line. Those of answers that have no body, or are not the last one, are unusual.
func (a *answer) takeStatus(line []byte) bool {
	code := len(statusLine)
	if len(line) < code+4 || string(line[:code]) != statusLine || line[code+3] != ' ' || !isText(line) {
		return false
	}
	for _, c := range line[code : code+3] {
		if c < '0' || c > '9' {
			return false
		}
		a.status = 10*a.status + int(c-'0')
	}
	return a.status >= 200 && a.status < 600 && a.status != 204 && a.status != 304
}

// takeHeader notes a header, and reports false for one that changes how an answer is read, or comes twice.
func (a *answer) takeHeader(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !isText(line) {
		return false
	}
	name, value := line[:colon], bytes.Trim(line[colon+1:], " ")
	for _, c := range name {
		if !isNameChar(c) {
			return false
		}
	}
	if a.status != http.StatusOK && len(value) > 0 {
		for _, known := range handedOn {
			if len(name) == len(known) && strings.EqualFold(string(name), known) && !a.hand(known, value) {
				return false
			}
		}
	}
	once := func(field *[]byte) bool {
		if *field != nil || len(value) == 0 {
			return false
		}
		*field = value
		return true
	}
	switch len(name) {
	case len("Date"):
		if isName(name, "date") {
			return once(&a.date)
		}
	case len("Trailer"): // and Upgrade
		return !isName(name, "trailer") && !isName(name, "upgrade")
	case len("Connection"):
		if isName(name, "connection") {
			return isName(value, "keep-alive")
		}
	case len(headerCRC):
		if isName(name, "x-amz-crc32") {
			return once(&a.sum)
		}
	case len("Content-Length"):
		if isName(name, "content-length") {
			return a.takeLength(value)
		}
	case len(headerRequestID): // and Content-Encoding, and X-Amzn-Errortype
		switch {
		case isName(name, "x-amzn-requestid"):
			return once(&a.id)
		case isName(name, "x-amzn-errortype"):
			return once(&a.errorType)
		case isName(name, "content-encoding"):
			return once(&a.encoding)
		}
	case len("Transfer-Encoding"):
		return !isName(name, "transfer-encoding")
	}
	return true
}

// takeLength reads a Content-Length, once.
func (a *answer) takeLength(value []byte) bool {
	if a.length >= 0 || len(value) == 0 || len(value) > 9 {
		return false
	}
	n := 0
	for _, c := range value {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
	}
	a.length = n
	return true
}

// isText reports whether b has printable ASCII only.
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// isNameChar reports whether c stands in the names of headers that are usual.
func isNameChar(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// isName reports whether b is name, which is in lower case, in any letter case.
func isName(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i := range len(name) {
		if c := b[i]; c != name[i] && (c < 'A' || c > 'Z' || c|0x20 != name[i]) {
			return false
		}
	}
	return true
}
