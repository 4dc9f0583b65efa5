package awsjson

import (
	"encoding/binary"
	"hash/crc32"
	"strconv"

	"github.com/valyala/fasthttp"

	"millrace/ddb"
)

// Header names as fasthttp holds them, so that nothing is normalised per request.
var (
	headerTarget         = []byte("X-Amz-Target")
	headerAuthorization  = []byte("Authorization")
	headerAmzDate        = []byte("X-Amz-Date")
	headerDate           = []byte("Date")
	headerContentEnc     = []byte("Content-Encoding")
	headerAcceptEncoding = []byte("Accept-Encoding")
	headerOrigin         = []byte("Origin")
	headerCacheControl   = []byte("X-Millrace-Cache-Control")
	headerCache          = []byte("X-Millrace-Cache")
	headerRequestID      = []byte("X-Amzn-Requestid")
	headerCRC            = []byte("X-Amz-Crc32")
	headerVia            = []byte("X-Millrace-Via")
)

// compressAbove is the body size up to which a reply is never compressed. (Checked against a public conformance suite.)
const compressAbove = 4096

// keptBody is the largest body buffer that a connection keeps between requests.
const keptBody = 64 << 10

// exposedHeaders is what a page in a browser may read of a reply.
const exposedHeaders = "x-amzn-requestid,x-amzn-errortype,x-amzn-errormessage,x-amz-crc32,x-millrace-cache,date,retry-after"

// healthText begins the answer to GET /; the Host header and a space end it.
const healthText = "healthy: "

// notFoundBody is what DynamoDB's HTTP layer answers to what is not an API call.
const notFoundBody = "<UnknownOperationException/>\n"

// finish completes a reply whose status and body are set: request id, CRC of the bytes that go out, CORS. id is
// the backend's request id or empty.
func (s *Server) finish(ctx *fasthttp.RequestCtx, id string) {
	h := &ctx.Response.Header
	var buf [64]byte
	if id != "" {
		h.SetCanonical(headerRequestID, append(buf[:0], id...))
	} else {
		h.SetCanonical(headerRequestID, appendRequestID(buf[:0], s.random))
	}
	// The SDKs for Python and Java refuse a reply whose CRC is wrong.
	h.SetCanonical(headerCRC, strconv.AppendUint(buf[:0], uint64(crc32.ChecksumIEEE(ctx.Response.Body())), 10))
	if len(ctx.Request.Header.PeekCanonical(headerOrigin)) > 0 {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", exposedHeaders)
	}
	if s.quiescing.Load() {
		h.SetConnectionClose()
	}
}

// respond sends a JSON body, which becomes the reply's own.
func (s *Server) respond(ctx *fasthttp.RequestCtx, status int, body []byte, id string) {
	ctx.Response.SetStatusCode(status)
	ctx.Response.Header.SetContentTypeBytes(contentTypeOf(ctx.Request.Header.ContentType()))
	if len(body) > compressAbove {
		if accept := ctx.Request.Header.PeekCanonical(headerAcceptEncoding); len(accept) > 0 {
			// Of several headers the first one counts, as on AWS.
			if c := acceptedCoding(string(accept)); c != identity {
				ctx.Response.Header.SetContentEncoding(codingNames[c])
				body = s.encoders.encode(nil, c, body)
			}
		}
	}
	if cap(body) > keptBody {
		// A raw body is let go after it was sent; the connection's buffer would stay as long as the connection.
		ctx.Response.SetBodyRaw(body)
	} else {
		ctx.Response.SwapBody(body)
	}
	s.finish(ctx, id)
}

// fail sends a service exception. A backend's own is sent with the headers that it came with, and in the coding that it came in.
func (s *Server) fail(ctx *fasthttp.RequestCtx, e *ddb.Error, id string) {
	if e.Headers != nil {
		ctx.Response.SetStatusCode(e.HTTPStatus())
		for _, h := range e.Headers {
			ctx.Response.Header.Set(h.Name, givenValue(h, ctx.Request.Header.ContentType()))
		}
		ctx.Response.SwapBody(appendError(ctx.Response.SwapBody(nil)[:0], e))
		s.finish(ctx, id)
		return
	}
	s.respond(ctx, e.HTTPStatus(), appendError(ctx.Response.SwapBody(nil)[:0], e), id)
}

// notFound sends the 404 of what is not an API call. It has no content type.
func (s *Server) notFound(ctx *fasthttp.RequestCtx) {
	ctx.Response.SetStatusCode(fasthttp.StatusNotFound)
	ctx.Response.SetBodyString(notFoundBody)
	s.finish(ctx, "")
}

// healthy answers GET /, which load balancers and people use to see whether anybody is there. DynamoDB names its
// own host, which is what the client called it.
func (s *Server) healthy(ctx *fasthttp.RequestCtx) {
	body := append(ctx.Response.SwapBody(nil)[:0], healthText...)
	if host := ctx.Host(); len(host) > 0 {
		body = append(body, host...)
	} else {
		body = append(body, ctx.LocalAddr().String()...)
	}
	ctx.Response.SwapBody(append(body, ' '))
	// A type of its own, because the body holds what the client sent.
	ctx.Response.Header.SetContentType("text/plain")
	s.finish(ctx, "")
}

// preflight answers a browser that asks whether a page may call. DynamoDB allows every page; without a signature
// nothing is served (Fetch standard, "CORS-preflight fetch").
func (s *Server) preflight(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	if v := ctx.Request.Header.Peek("Access-Control-Request-Headers"); len(v) > 0 {
		h.SetBytesV("Access-Control-Allow-Headers", v)
	}
	if v := ctx.Request.Header.Peek("Access-Control-Request-Method"); len(v) > 0 {
		h.SetBytesV("Access-Control-Allow-Methods", v)
	}
	h.Set("Access-Control-Max-Age", "172800")
	s.finish(ctx, "")
}

// The content types of requests and replies.
var (
	typeAmzJSON = []byte("application/x-amz-json-1.0")
	typeJSON    = []byte("application/json")
)

// givenValue is the value of a backend's header in the reply to a request of a type. Whoever asks a backend does so in the protocol's own type, and
// what that is answered with has the type for the client's, as all replies have.
func givenValue(h ddb.Header, requestType []byte) string {
	if h.Name == "Content-Type" && h.Value == string(typeAmzJSON) {
		return string(contentTypeOf(requestType))
	}
	return h.Value
}

// contentTypeOf is the reply's type for a request's.
func contentTypeOf(request []byte) []byte {
	if string(mediaType(request)) == string(typeAmzJSON) {
		return typeAmzJSON
	}
	return typeJSON
}

// mediaType cuts parameters and spaces off a Content-Type.
func mediaType(header []byte) []byte {
	for i, c := range header {
		if c == ';' {
			header = header[:i]
			break
		}
	}
	for len(header) > 0 && (header[0] == ' ' || header[0] == '\t') {
		header = header[1:]
	}
	for len(header) > 0 && (header[len(header)-1] == ' ' || header[len(header)-1] == '\t') {
		header = header[:len(header)-1]
	}
	return header
}

// requestIDLength is the length of a request id, whose digits are 0 to 9 and A to V, as DynamoDB's are.
const requestIDLength = 52

// appendRequestID appends a new request id: 260 random bits in base 32, eight digits at a time.
func appendRequestID(dst []byte, random func() uint64) []byte {
	start := len(dst)
	for len(dst) < start+requestIDLength {
		// 40 bits, 5 to a byte.
		x := random()
		x = x&0xFFFFF | x>>20&0xFFFFF<<32
		x = x&0x000003FF000003FF | x&0x000FFC00000FFC00<<6
		x = x&0x001F001F001F001F | x&0x03E003E003E003E0<<3
		// Digits from the tenth on are letters, which begin 7 further on.
		const ones = 0x0101010101010101
		dst = binary.LittleEndian.AppendUint64(dst, x+'0'*ones+(x+(128-10)*ones)>>7&ones*7)
	}
	return dst[:start+requestIDLength]
}
