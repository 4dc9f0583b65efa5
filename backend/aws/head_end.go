package aws

import (
	"bytes"
	"errors"
	"io"
)

// errMalformedHead is why an answer is none whose head ends otherwise than with CR LF CR LF. (RFC 9112, section 2.1.)
var errMalformedHead = errors.New("the head ends in a line feed without a carriage return")

// headReader hands on what it reads until a head ends in a way that no head may. fasthttp takes lines that end in LF alone but waits for
// CR LF CR LF, which does not come, with the whole answer before it.
type headReader struct {
	from io.Reader
	// line is what is there of the line that is read. maxHead bounds it, since fasthttp gives up on a head that is longer.
	line []byte
	// within is true after a head's first line; interim is true of a head that another one follows, ended once the last one has ended.
	within, interim, ended bool
	// bare is true if the line before ended in LF alone.
	bare bool
	// malformed is true once a head was; then nothing more is read.
	malformed bool
}

// Read is part of io.Reader.
func (h *headReader) Read(p []byte) (int, error) {
	if h.malformed {
		return 0, errMalformedHead
	}
	n, err := h.from.Read(p)
	for rest := p[:n]; len(rest) > 0 && !h.ended; {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			h.line = append(h.line, rest...)
			break
		}
		h.line = append(h.line, rest[:end]...)
		rest = rest[end:]
		if !h.take(h.line) {
			h.malformed = true
			return 0, errMalformedHead
		}
		h.line = h.line[:0]
	}
	return n, err
}

// take looks at a line and its end, and reports false if it ends a head as none may end.
func (h *headReader) take(line []byte) bool {
	text, whole := bytes.CutSuffix(line, []byte("\r\n"))
	if !whole {
		text = line[:len(line)-1]
	}
	before := h.bare
	h.bare = !whole
	switch {
	case len(text) > 0 && !h.within:
		// Another head follows those of all interim answers but that which changes the protocol. (RFC 9110, section 15.2.)
		words := bytes.Fields(text)
		h.within, h.interim = true, len(words) > 1 && words[1][0] == '1' && string(words[1]) != "101"
	case len(text) > 0 || !h.within: // a header, or an empty line before a head, which fasthttp skips
	case before || !whole:
		return false
	default:
		h.within, h.ended = false, !h.interim
	}
	return true
}
