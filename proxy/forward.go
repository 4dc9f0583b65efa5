package proxy

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"millrace/cache"
	"millrace/ddb"
	"millrace/invalidation"
)

// forward sends the request as it came.
func (p *Proxy) forward(ctx context.Context, req *ddb.Request, _ Options, reply *Reply) error {
	reply.waits()
	reply.Result = Forward
	resp, err := p.guard.Do(ctx, req)
	if err != nil {
		return err
	}
	return answered(resp, reply)
}

// foreign sends a request of another region as it came; nothing of it is cached here.
func (p *Proxy) foreign(ctx context.Context, req *ddb.Request, _ Options, reply *Reply) error {
	reply.waits()
	reply.Result = Forward
	resp, err := p.guard.Foreign(ctx, req)
	if err != nil {
		return err
	}
	return answered(resp, reply)
}

// answered makes the backend's response the reply.
func answered(resp *ddb.Response, reply *Reply) error {
	var err error
	if reply.Body, err = resp.AppendJSON(reply.Body); err != nil {
		return fmt.Errorf("encode response: %w", err)
	}
	reply.RequestID = resp.RequestID
	resp.Release()
	return nil
}

// schema is the schema of the table that a read names, or nil when the read is to be forwarded: the table does not
// exist or is not ready, or is another account's or region's. Of an error in learning it the backend's own answer to the
// request tells more.
func (p *Proxy) schema(ctx context.Context, req *ddb.Request, table string) *cache.Schema {
	name := ddb.TableName(table)
	s, err := p.schemas.Get(ctx, req.Scope, name)
	if err != nil || name != table && s.Description.TableArn != table {
		return nil
	}
	return s
}

// isRefusal reports whether the backend refused a read that was checked and made anew here. Then the request itself
// must be sent, untouched, to be answered right.
func isRefusal(err error) bool {
	e, ok := err.(*ddb.Error)
	return ok && (e.Code == "ValidationException" || e.Code == "ResourceNotFoundException")
}

// isDenied reports whether the backend refused a read for want of permission.
func isDenied(err error) bool {
	e, ok := err.(*ddb.Error)
	return ok && e.Code == "AccessDeniedException"
}

// ownWords sends the client's own request after one made in its place was denied, for it may ask for less. If it is
// allowed, reads of the tables are no longer changed.
func (p *Proxy) ownWords(ctx context.Context, req *ddb.Request, o Options, reply *Reply, denied error, rewrite invalidation.Rewriting, tables ...*cache.Schema) error {
	err := p.forward(ctx, req, o, reply)
	if err == nil {
		for _, s := range tables {
			p.guard.Denied(s, rewrite, denied)
		}
	}
	return err
}

// doubt forgets a table when the refusal shows that what is known of it may no longer be right.
func (p *Proxy) doubt(err error, s *cache.Schema) {
	e, ok := err.(*ddb.Error)
	if !ok || e.Code != "ResourceNotFoundException" && !strings.Contains(e.Message, "does not match the schema") {
		return
	}
	p.guard.Forget(s)
}

// backendRead leads flights that others may be waiting on.
type backendRead interface {
	// read reads from the backend and ends the flights.
	read(ctx context.Context, p *Proxy)
	// failed ends those that read has left open.
	failed(p *Proxy, a cache.Answer)
}

// background makes a read so that the end of ctx does not end it. Where the caller cannot leave early it is over on return.
func (p *Proxy) background(ctx context.Context, r backendRead) {
	if stays(ctx) {
		p.guarded(ctx, r)
		return
	}
	p.reads.Go(func() { p.guarded(ctx, r) })
}

// guarded makes a read, whose flights end when it panics too.
func (p *Proxy) guarded(ctx context.Context, r backendRead) {
	defer func() {
		if v := recover(); v != nil {
			r.failed(p, cache.Answer{Err: fmt.Errorf("panic in a backend read: %v\n%s", v, debug.Stack())})
		}
	}()
	ctx, cancel := p.readContext(ctx)
	defer cancel()
	r.read(ctx, p)
}

// readContext bounds a read that others may wait for. The deadline of a patient caller is near enough to ReadTimeout, and
// spares a timer.
func (p *Proxy) readContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if at, ok := ctx.Deadline(); ok && stays(ctx) && time.Until(at) <= p.config.ReadTimeout {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), p.config.ReadTimeout)
}

// Patient is a context whose caller never leaves before the deadline. Its reads need no goroutine of their own, in
// which they would outlive it: the deadline ends them, and those who have joined and have time left read anew.
type Patient interface {
	context.Context
	// Patient does nothing.
	Patient()
}

// stays reports whether the caller behind ctx waits for as long as a read may take.
func stays(ctx context.Context) bool {
	if p, ok := ctx.(Patient); ok {
		_, bounded := p.Deadline()
		return bounded
	}
	return ctx.Done() == nil
}
