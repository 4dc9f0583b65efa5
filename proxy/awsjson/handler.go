package awsjson

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"millrace/ddb"
	"millrace/metrics"
	"millrace/proxy"
)

// maxBody is the largest request body, before and after decompression. (Checked against public conformance
// suites; the Developer Guide's "Quotas" has the 16 MB of BatchWriteItem.)
const maxBody = 16 << 20

// Handler serves operations; *proxy.Proxy is the one there is. Do appends the answer to reply.Body. An error of
// type *ddb.Error is the answer, context.DeadlineExceeded means that the request's time is over, and anything else
// is reported as a 500. It does not keep the context's or the request's bytes past its return. Where Server.Loops is set it calls
// reply.Wait before it waits.
type Handler interface {
	Do(ctx context.Context, req *ddb.Request, o proxy.Options, reply *proxy.Reply) error
}

// call is the memory of one request, used again by later ones.
type call struct {
	ctx   deadline
	req   ddb.Request
	reply proxy.Reply
	span  metrics.Span
	// code is the exception's that was answered; empty is success.
	code string
	// out is memory for an answer of direct's.
	out []byte
}

// serve answers one request. It is the one place where a panic is recovered.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	defer func() {
		if v := recover(); v != nil {
			s.metrics.Panic()
			s.log.Error("request ended in a panic", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			ctx.Response.Reset()
			s.fail(ctx, ddb.InternalServerError("Internal server error"), "")
		}
	}()
	if c, ok := ctx.Conn().(*conn); ok && c.refused {
		s.metrics.Refused()
		ctx.SetConnectionClose()
		s.fail(ctx, &ddb.Error{Code: "ServiceUnavailable", Message: "Too many connections; raise http.max_connections or connect less", Status: 503}, "")
		return
	}
	if string(ctx.Method()) == fasthttp.MethodPost && string(ctx.Path()) == "/" {
		s.post(ctx)
		return
	}
	switch method := string(ctx.Method()); {
	case (method == fasthttp.MethodGet || method == fasthttp.MethodHead) && string(ctx.Path()) == "/":
		s.healthy(ctx)
	case method == fasthttp.MethodOptions && len(ctx.Request.Header.PeekCanonical(headerOrigin)) > 0:
		s.preflight(ctx)
	default:
		s.notFound(ctx)
	}
}

// post answers a POST. The order of its checks is DynamoDB's: content type, JSON, target, signature, and what the
// operation itself checks. Whether a body is JSON at all is only looked at apart from the operation where an
// earlier answer than its own is due.
func (s *Server) post(ctx *fasthttp.RequestCtx) {
	start := time.Now()
	header := &ctx.Request.Header
	body := ctx.PostBody()
	if len(body) > 0 {
		if t := mediaType(header.ContentType()); string(t) != string(typeAmzJSON) && string(t) != string(typeJSON) {
			s.metrics.Refused()
			s.notFound(ctx)
			return
		}
	}
	if encoding := header.PeekCanonical(headerContentEnc); len(encoding) > 0 && string(encoding) != "identity" {
		var err error
		if body, err = s.decoders.decode(nil, string(encoding), body, maxBody); err != nil {
			s.metrics.Refused()
			if errors.Is(err, errTooLarge) {
				s.tooLarge(ctx)
				return
			}
			s.fail(ctx, ddb.InternalServerError("Internal server error"), "")
			return
		}
	}
	op, name, fault := s.operation(header, body)
	if fault == nil {
		fault = authFault(header.PeekCanonical(headerAuthorization), ctx.URI().QueryString(),
			header.PeekCanonical(headerAmzDate), header.PeekCanonical(headerDate))
		if fault != nil && !json.Valid(body) {
			fault = ddb.Serialization("")
		} else if fault != nil && op == ddb.UnknownOperation {
			fault = ddb.UnknownOperationError()
		}
	}
	via := s.via(header)
	if fault == nil && via != "" && hasBeenAt(via, s.config.NodeID) {
		fault = loopFault()
	}
	if fault != nil {
		s.metrics.Refused()
		s.fail(ctx, fault, "")
		return
	}
	s.do(ctx, start, op, name, via, body)
}

// operation finds what X-Amz-Target names. An operation that the services do not have is left to the backend,
// which may know more than this build does.
func (s *Server) operation(header *fasthttp.RequestHeader, body []byte) (ddb.Operation, string, *ddb.Error) {
	target := header.PeekCanonical(headerTarget)
	if op, ok := s.targets[string(target)]; ok {
		return op, "", nil
	}
	if len(body) == 0 || !json.Valid(body) {
		return 0, "", ddb.Serialization("")
	}
	op, name, ok := ddb.ParseTarget(string(target))
	if !ok && s.config.AnyService {
		op = ddb.UnknownOperation
		_, name, ok = strings.Cut(string(target), ".")
		ok = ok && target[0] != '.'
	}
	if !ok || name == "" {
		return 0, "", ddb.UnknownOperationError()
	}
	return op, name, nil
}

// do hands the request to the handler and sends what it answers.
func (s *Server) do(ctx *fasthttp.RequestCtx, start time.Time, op ddb.Operation, name, via string, body []byte) {
	c, _ := s.calls.Get().(*call)
	if c == nil {
		c = new(call)
	}
	c.req = *ddb.NewRequest(op, body)
	if name != "" {
		c.req.Name = name
		c.req.Service, _, _ = strings.Cut(string(ctx.Request.Header.PeekCanonical(headerTarget)), ".")
	}
	c.req.Via = via
	c.req.Region = s.home.foreign(op, ctx.Request.Header.PeekCanonical(headerAuthorization), ctx.URI().QueryString())
	if s.config.Isolate {
		c.req.Scope = string(appendScope(nil, ctx.Request.Header.PeekCanonical(headerAuthorization), ctx.URI().QueryString()))
	}
	if op == ddb.DescribeEndpoints {
		c.req.Host = string(ctx.Host())
	}
	var options proxy.Options
	if control := ctx.Request.Header.PeekCanonical(headerCacheControl); len(control) > 0 {
		options = parseControl(string(control))
	}
	c.ctx.start(start.Add(s.config.RequestTimeout.Of()))
	if s.Tracer != nil {
		c.ctx.values, c.span = s.Tracer.Serve(c.req.Name, caller{&ctx.Request.Header})
	}
	// The answer is made in the connection's own buffer: from the cache's memory to there is the only copy.
	c.reply = proxy.Reply{Body: ctx.Response.SwapBody(nil)[:0]}

	err := s.handler.Do(&c.ctx, &c.req, options, &c.reply)

	var status [48]byte
	class, sent := metrics.OK, 0
	if err == nil {
		ctx.Response.Header.SetCanonical(headerCache, appendCacheStatus(status[:0], &c.reply))
		sent = len(c.reply.Body)
		s.respond(ctx, fasthttp.StatusOK, c.reply.Body, c.reply.RequestID)
	} else {
		e := s.failure(c, err)
		class, c.code = proxy.ClassOf(e), e.Code
		ctx.Response.Header.SetCanonical(headerCache, appendCacheStatus(status[:0], &c.reply))
		ctx.Response.SwapBody(c.reply.Body)
		s.fail(ctx, e, e.RequestID)
	}
	s.count(c, class, time.Since(start), len(body), sent)

	if cap(body) > keptBody {
		ctx.Request.SwapBody(nil)
	}
	s.release(c)
}

// failure is what an error is answered with.
func (s *Server) failure(c *call, err error) *ddb.Error {
	e, known := ddb.AsError(err)
	if !known && !errors.Is(err, context.DeadlineExceeded) {
		s.log.ErrorContext(&c.ctx, "request failed", slog.String("operation", c.req.Name), slog.Any("error", err))
	}
	return e
}

// release ends a call. Its memory is used again unless somebody may still hold its context.
func (s *Server) release(c *call) {
	c.req, c.reply, c.code, c.span = ddb.Request{}, proxy.Reply{}, "", metrics.Span{}
	if c.ctx.release() {
		s.calls.Put(c)
	}
}
