package awsjson

import (
	"time"

	"github.com/valyala/fasthttp"

	"millrace/ddb"
	"millrace/metrics"
	"millrace/proxy"
)

// count counts an answered request, and keeps it if it took long.
func (s *Server) count(c *call, class metrics.Class, took time.Duration, in, out int) {
	t := c.reply.Table
	if t == nil {
		t = s.table(&c.req, class)
	}
	s.metrics.Request(int(c.req.Op), int(c.reply.Result), class, t, took, in, out)
	if c.reply.Keys > 0 {
		s.metrics.Batch(c.reply.Hits, c.reply.Keys-c.reply.Hits)
	}
	if s.Tracer != nil {
		s.trace(c, class)
	}
	if s.metrics.Slow.Is(took) {
		s.slow(c, class, t, took)
	}
}

// table is the counters of the table that a request names which no cache has answered. Only a request that succeeded
// shows that there is such a table.
func (s *Server) table(req *ddb.Request, class metrics.Class) *metrics.Table {
	name, ok := proxy.NamedTable(req.Body())
	if !ok {
		return nil
	}
	t, known := s.metrics.KnownTable(name)
	if !known && class == metrics.OK {
		return s.metrics.Table(ddb.TableName(string(name)))
	}
	return t
}

// trace ends a request's span.
func (s *Server) trace(c *call, class metrics.Class) {
	a := metrics.Answer{Result: c.reply.Result.String(), RequestID: c.reply.RequestID, Code: c.code, Fault: class == metrics.Fault}
	if c.span.Recording() {
		if name, ok := proxy.NamedTable(c.req.Body()); ok {
			a.Tables = []string{ddb.TableName(string(name))}
		}
	}
	c.span.End(a)
}

// caller gives a request's headers to the tracer.
type caller struct{ header *fasthttp.RequestHeader }

// Header is part of metrics.Caller.
func (c caller) Header(name string) string { return string(c.header.Peek(name)) }

// slow keeps a request that took long.
func (s *Server) slow(c *call, class metrics.Class, t *metrics.Table, took time.Duration) {
	r := metrics.SlowRequest{
		At: time.Now(), Operation: c.req.Name, Table: metrics.NoTable, Result: c.reply.Result.String(),
		Class: class.String(), Code: c.code, Took: took, RequestID: c.reply.RequestID, TraceID: c.span.TraceID(),
	}
	if t != nil {
		r.Table = t.Name
	}
	if s.Key != nil {
		if key, ok := s.Key(&c.req); ok {
			r.Key = s.metrics.HotKeys.Hash(key)
		}
	}
	s.metrics.Slow.Add(r)
}
