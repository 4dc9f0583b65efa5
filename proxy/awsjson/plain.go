package awsjson

import (
	"bytes"
	"encoding/binary"
)

// plainRequest is what the front's own loop takes of a request: the plainest there is, as the SDKs send it. It borrows from
// the bytes that were read.
//
// scan takes nothing that fasthttp would refuse or read otherwise; the other way round it gives up on whatever is unusual,
// so that it can be small. (FuzzPlainRequest holds it to that.)
type plainRequest struct {
	target, contentType, authorization, amzDate, date, acceptEncoding, host []byte
	body                                                                    []byte
}

// plainness is what scan says of bytes.
type plainness uint8

// The verdicts of scan.
const (
	notPlain   plainness = iota // fasthttp's
	incomplete                  // plain so far, but not all there
	complete                    // one plain request and nothing behind it
)

// plainLine is the request line of every call.
const plainLine = "POST / HTTP/1.1\r\n"

// scan reads the request in b, which is to be answered together if most bytes are enough to hold it.
func (r *plainRequest) scan(b []byte, most int) plainness {
	if len(b) < len(plainLine) || string(b[:len(plainLine)]) != plainLine {
		return notPlain
	}
	pos, length := len(plainLine), -1
	for {
		end := bytes.IndexByte(b[pos:], '\n')
		if end < 0 {
			if len(b) < most {
				return incomplete
			}
			return notPlain
		}
		if end == 0 || b[pos+end-1] != '\r' {
			return notPlain
		}
		line := b[pos : pos+end-1]
		pos += end + 1
		if len(line) == 0 {
			break
		}
		colon := tokenLength(line)
		if colon == 0 || colon == len(line) || line[colon] != ':' {
			return notPlain
		}
		value := trimBlanks(line[colon+1:])
		if !isText(value) || !r.take(line[:colon], value, &length) {
			return notPlain
		}
	}
	switch {
	case length < 0 || r.host == nil || pos+length > most || len(b) > pos+length:
		return notPlain
	case len(b) < pos+length:
		return incomplete
	}
	r.body = b[pos:]
	return complete
}

// take notes a header, and reports false for one that changes how a request is read or answered, or comes twice.
func (r *plainRequest) take(name, value []byte, length *int) bool {
	once := func(field *[]byte) bool {
		if *field != nil {
			return false
		}
		*field = value
		return len(value) > 0
	}
	switch len(name) {
	case len("te"):
		return !isName(name, "te")
	case len("date"): // and host
		switch {
		case isName(name, "host"):
			return isHost(value) && once(&r.host)
		case isName(name, "date"):
			return once(&r.date)
		}
	case len("origin"): // and expect
		return !isName(name, "origin") && !isName(name, "expect")
	case len("trailer"): // and upgrade
		return !isName(name, "trailer") && !isName(name, "upgrade")
	case len("x-amz-date"): // and connection
		switch {
		case isName(name, "x-amz-date"):
			return once(&r.amzDate)
		case isName(name, "connection"):
			return isName(value, "keep-alive")
		}
	case len("content-type"): // and x-amz-target
		switch {
		case isName(name, "x-amz-target"):
			return once(&r.target)
		case isName(name, "content-type"):
			return once(&r.contentType)
		}
	case len("authorization"):
		if isName(name, "authorization") {
			return once(&r.authorization)
		}
	case len("content-length"):
		if isName(name, "content-length") {
			return takeLength(value, length)
		}
	case len("accept-encoding"):
		if isName(name, "accept-encoding") {
			return once(&r.acceptEncoding)
		}
	case len("content-encoding"): // and proxy-connection
		return !isName(name, "content-encoding") && !isName(name, "proxy-connection")
	case len("transfer-encoding"):
		return !isName(name, "transfer-encoding")
	}
	return len(name) < len(ownPrefix) || !isName(name[:len(ownPrefix)], ownPrefix)
}

// ownPrefix begins the headers in which this front is told something.
const ownPrefix = "x-millrace-"

// takeLength reads a Content-Length, once.
func takeLength(value []byte, length *int) bool {
	if *length >= 0 || len(value) == 0 || len(value) > 8 {
		return false
	}
	n := 0
	for _, c := range value {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
	}
	*length = n
	return true
}

// isName reports whether a token is name, which is in lower case, in any letter case. (Of the characters of tokens only
// letters have a partner that differs in this bit and could stand for one in a header's name.)
func isName(token []byte, name string) bool {
	if len(token) != len(name) {
		return false
	}
	for i := range len(name) {
		if token[i]|0x20 != name[i] {
			return false
		}
	}
	return true
}

// tokenChars are the characters of header names. (RFC 9110 §5.6.2.)
var tokenChars = func() (is [256]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		is[c] = true
	}
	return is
}()

// tokenLength is how many bytes of a header's name b begins with.
func tokenLength(b []byte) int {
	for i, c := range b {
		if !tokenChars[c] {
			return i
		}
	}
	return len(b)
}

// isHost reports whether b can only be a host and port.
func isHost(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-':
		case c == ':':
			port := b[bytes.IndexByte(b, ':')+1:]
			return isDigits(port)
		default:
			return false
		}
	}
	return len(b) > 0 && b[0] != ':'
}

// isDigits reports whether b is a number of up to five digits.
func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 5
}

// isText reports whether b has printable ASCII only, eight bytes at a time.
func isText(b []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(b) >= 8 {
		v := binary.LittleEndian.Uint64(b)
		// A byte below 0x20 borrows from its top bit; 0x7f carries into it, and what is above has it.
		if (v|(v-0x20*ones)|(v+ones))&tops != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}

// trimBlanks cuts spaces and tabs off both ends.
func trimBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
