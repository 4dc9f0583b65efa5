package awsjson

import (
	"hash/crc32"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"millrace/ddb"
	"millrace/metrics"
	"millrace/proxy"
)

// Most requests are alike: a POST of the SDKs' usual headers that arrives in one piece. Those are answered here, on the
// goroutine that reads the connection and before fasthttp sees them: one look over the headers instead of a parsed copy,
// and an answer written as one piece. Everything else is left to fasthttp, and so is every rule about it; a plain request
// gets the same bytes from both.

// headRoom is what is left before a body for the head of its answer.
const headRoom = 512

// directness is what became of bytes that were read while no request was under way.
type directness uint8

// The outcomes of direct.
const (
	leftAlone directness = iota // nothing was done
	wantsMore                   // plain so far
	answered                    // the answer is written
	ended                       // likewise, and the connection is to be closed
)

// direct answers the request in b, if it is a plain one and all there. c is where the answer goes, and most is how large a
// request may be.
func (s *Server) direct(c *conn, b []byte, most int) directness {
	if s.Tracer != nil || s.config.Isolate || s.quiescing.Load() {
		return leftAlone
	}
	var r plainRequest
	switch r.scan(b, most) {
	case notPlain:
		return leftAlone
	case incomplete:
		return wantsMore
	}
	if t := mediaType(r.contentType); len(r.body) > 0 && string(t) != string(typeAmzJSON) && string(t) != string(typeJSON) {
		return leftAlone
	}
	op, ok := s.targets[string(r.target)]
	if !ok || op == ddb.DescribeEndpoints || authFault(r.authorization, nil, r.amzDate, r.date) != nil ||
		s.home.open() || s.home.foreign(op, r.authorization, nil) != "" {
		return leftAlone
	}
	return s.answer(c, &r, op)
}

// answer hands a plain request to the handler and writes what it answers. Its reply's memory is shared by connections, so
// that those between requests hold none.
func (s *Server) answer(c *conn, r *plainRequest, op ddb.Operation) (done directness) {
	start := time.Now()
	c.active.Store(true)
	defer c.active.Store(false)
	defer func() {
		if v := recover(); v != nil {
			s.metrics.Panic()
			c.now = time.Now()
			s.log.Error("request ended in a panic", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			e := ddb.InternalServerError("Internal server error")
			done = s.write(c, r, start, appendError(make([]byte, headRoom, 2*headRoom), e), e.HTTPStatus(), nil, nil, new(proxy.Reply))
		}
	}()
	k, _ := s.calls.Get().(*call)
	if k == nil {
		k = new(call)
	}
	k.req = *ddb.NewRequest(op, r.body)
	k.ctx.start(start.Add(s.config.RequestTimeout.Of()))
	if cap(k.out) < headRoom {
		k.out = make([]byte, 0, 4*headRoom)
	}
	k.reply = proxy.Reply{Body: k.out[:headRoom], Lend: c.lends(), Wait: c.wait}
	err := s.handler.Do(&k.ctx, &k.req, proxy.Options{}, &k.reply)

	// It is counted before it is sent, so that a client who has an answer finds it among the counts.
	var room [48]byte
	cache := appendCacheStatus(room[:0], &k.reply)
	c.now = time.Now()
	if err == nil {
		s.count(k, metrics.OK, c.now.Sub(start), len(r.body), len(k.reply.Body)-headRoom+k.reply.Lent())
		done = s.write(c, r, start, k.reply.Body, fasthttp.StatusOK, cache, nil, &k.reply)
	} else {
		e := s.failure(k, err)
		k.code = e.Code
		s.count(k, proxy.ClassOf(e), c.now.Sub(start), len(r.body), 0)
		k.reply.Body = appendError(k.reply.Body[:headRoom], e)
		done = s.write(c, r, start, k.reply.Body, e.HTTPStatus(), cache, e.Headers, &proxy.Reply{RequestID: e.RequestID})
	}
	if k.out = k.reply.Body; cap(k.out) > keptBody+headRoom {
		k.out = nil
	}
	s.release(k)
	return done
}

// write sends an answer whose body stands in out behind headRoom bytes, with what the reply was lent, a page or splices. The headers and
// their order are those of finish and respond, or of fail where a backend has given some.
func (s *Server) write(c *conn, r *plainRequest, now time.Time, out []byte, status int, cache []byte, given []ddb.Header, reply *proxy.Reply) directness {
	body, page, id := out[headRoom:], reply.Page, reply.RequestID
	var pieces net.Buffers
	length := len(body) + reply.Lent()
	if page != nil {
		body, length = page, len(page)
	} else if len(reply.Splices) > 0 {
		pieces = spliced(out, reply.Splices)
	}
	encoding, summed := "", reply.Summed
	if given == nil && length > compressAbove && len(r.acceptEncoding) > 0 {
		if coding := acceptedCoding(string(r.acceptEncoding)); coding != identity {
			c.pause()
			if pieces != nil {
				out, pieces = joined(pieces), nil
				body = out[headRoom:]
			}
			out = s.encoders.encode(make([]byte, headRoom, headRoom+len(body)), coding, body)
			body, page, encoding, summed = out[headRoom:], nil, codingNames[coding], false
			length = len(body)
		}
	}
	closing := s.quiescing.Load()
	var room [headRoom]byte
	head := append(room[:0], "HTTP/1.1 "...)
	head = strconv.AppendUint(head, uint64(status), 10)
	head = append(append(head, ' '), fasthttp.StatusMessage(status)...)
	head = append(append(head, "\r\nServer: millrace\r\nDate: "...), s.date.at(now)...)
	if given == nil {
		head = append(append(head, "\r\nContent-Type: "...), contentTypeOf(r.contentType)...)
	}
	if encoding != "" {
		head = append(append(head, "\r\nContent-Encoding: "...), encoding...)
	}
	head = appendGiven(head, given, "Content-Type", r.contentType)
	head = appendGiven(head, given, "Content-Encoding", nil)
	head = strconv.AppendUint(append(head, "\r\nContent-Length: "...), uint64(length), 10)
	if cache != nil {
		head = append(append(head, "\r\nX-Millrace-Cache: "...), cache...)
	}
	for _, h := range given {
		if h.Name != "Content-Type" && h.Name != "Content-Encoding" {
			head = appendGiven(head, given, h.Name, nil)
		}
	}
	head = append(head, "\r\nX-Amzn-Requestid: "...)
	if id != "" {
		head = append(head, id...)
	} else {
		head = appendRequestID(head, s.random)
	}
	sum := reply.CRC
	if pieces != nil {
		sum = crcOf(pieces)
	} else if !summed {
		sum = crc32.ChecksumIEEE(body)
	}
	head = strconv.AppendUint(append(head, "\r\nX-Amz-Crc32: "...), uint64(sum), 10)
	if closing {
		head = append(head, "\r\nConnection: close"...)
	}
	head = append(head, "\r\n\r\n"...)
	if pieces != nil {
		pieces[0] = append(append([]byte(nil), head...), pieces[0]...)
		if c.sendPieces(pieces, now, s.config.WriteTimeout.Of()) != nil || closing {
			return ended
		}
		return answered
	}
	if len(head) > headRoom {
		out = append(append([]byte(nil), head...), out[headRoom:]...) // a backend with a very long request id
	} else {
		out = out[headRoom-len(head):]
		copy(out, head)
	}
	if c.send(out, page, now, s.config.WriteTimeout.Of()) != nil || closing {
		return ended
	}
	return answered
}

// appendGiven appends the one of given that has a name, if there is one, behind the line before it. The type is of a reply to a request of that type.
func appendGiven(head []byte, given []ddb.Header, name string, requestType []byte) []byte {
	for _, h := range given {
		if h.Name == name {
			return append(append(append(append(head, "\r\n"...), name...), ": "...), givenValue(h, requestType)...)
		}
	}
	return head
}

// dateText is a Date header's value, made once a second.
type dateText struct{ last atomic.Pointer[dateOf] }

// dateOf is the text of one second.
type dateOf struct {
	second int64
	text   [len(http.TimeFormat)]byte
}

// at is the text for now.
func (d *dateText) at(now time.Time) []byte {
	last, second := d.last.Load(), now.Unix()
	if last == nil || last.second != second {
		last = &dateOf{second: second}
		now.UTC().AppendFormat(last.text[:0], http.TimeFormat)
		d.last.Store(last)
	}
	return last.text[:]
}
