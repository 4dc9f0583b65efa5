package invalidation

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// allNew is the ReturnValues that brings the whole item as the update left it, strongly consistent and free of read
// units. (API Reference, UpdateItem: ReturnValues.)
const allNew = "ALL_NEW"

// rewrites remembers which rewrites are off for which tables, because the backend allows this process less than the
// client's own request needs: IAM conditions can be about dynamodb:ReturnValues and dynamodb:Select. (Service
// Authorization Reference, "Condition keys for Amazon DynamoDB".)
type rewrites struct {
	log *slog.Logger
	now func() coherence.Time

	mu sync.RWMutex

	off map[rewriteRef]denial
}

// denial is of one rewrite.
type denial struct {
	// until is when the rewrite is tried again: policies change.
	until coherence.Time
	// trying is true while a request is on its way that tries.
	trying bool
}

// denialLasts is how long a denied rewrite is left alone. One request in so long is sent twice where it stays denied.
const denialLasts = 10 * time.Minute

// rewriteRef names a rewrite of requests about one table.
type rewriteRef struct {
	table   tableRef
	rewrite Rewriting
}

// Rewriting is one of the ways in which a request is changed before it is sent, named as its setting is.
type Rewriting string

// The rewrites that may be denied where the client's own request is allowed.
const (
	// RewriteReturnValues asks for the image of an updated item.
	RewriteReturnValues Rewriting = "return_values"
	// RewriteProjection asks for whole items where the client asked for parts.
	RewriteProjection Rewriting = "projection"
	// RewriteCapacity asks for what a page cost, for another client may want to know.
	RewriteCapacity Rewriting = "consumed_capacity"
)

// allowed reports whether rewrite has not been denied for the table lately. Of the requests that ask after that one is told so, whose
// end is to be told by switchOff or worked.
func (r *rewrites) allowed(table tableRef, rewrite Rewriting) bool {
	ref := rewriteRef{table, rewrite}
	r.mu.RLock()
	d, denied := r.off[ref]
	r.mu.RUnlock()
	if !denied {
		return true
	}
	now := r.now()
	if now < d.until {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if d, denied = r.off[ref]; !denied || now < d.until {
		return !denied // another was faster
	}
	r.off[ref] = denial{until: now + coherence.Time(denialLasts), trying: true}
	return true
}

// switchOff is told that rewrite was denied for the table where the client's own request was not.
func (r *rewrites) switchOff(table tableRef, rewrite Rewriting, err error) {
	ref := rewriteRef{table, rewrite}
	r.mu.Lock()
	_, known := r.off[ref]
	r.off[ref] = denial{until: r.now() + coherence.Time(denialLasts)}
	r.mu.Unlock()
	if !known {
		r.log.Warn("a rewrite was denied; requests of the table are sent as they are, and it is tried again now and then",
			"table", table.name, "rewrite", string(rewrite), "every", denialLasts, "error", err)
	}
}

// worked is told that a request of the table that was changed in this way was not denied. That ends a denial only where the request may be
// the one that tries: others were sent before it.
func (r *rewrites) worked(table tableRef, rewrite Rewriting) {
	ref := rewriteRef{table, rewrite}
	r.mu.RLock()
	trying := r.off[ref].trying
	r.mu.RUnlock()
	if !trying {
		return
	}
	r.mu.Lock()
	if trying = r.off[ref].trying; trying {
		delete(r.off, ref)
	}
	r.mu.Unlock()
	if trying {
		r.log.Info("a rewrite is allowed again", "table", table.name, "rewrite", string(rewrite))
	}
}

// isDenied reports whether err is a refusal for want of permission.
func isDenied(err error) bool {
	e, ok := err.(*ddb.Error)
	return ok && e.Code == "AccessDeniedException"
}

// MayRewrite reports whether requests of s's table may be changed in this way before they are sent.
func (g *Guard) MayRewrite(s *cache.Schema, rewrite Rewriting) bool {
	if rewrite == RewriteProjection && !s.Settings.Rewrite.Projection || rewrite == RewriteCapacity && !s.Settings.Rewrite.ConsumedCapacity {
		return false
	}
	return g.rewrites.allowed(tableRef{s.Scope, s.Name}, rewrite)
}

// Denied tells that a request that was changed in this way was denied, with err, where the client's own was not.
func (g *Guard) Denied(s *cache.Schema, rewrite Rewriting, err error) {
	g.rewrites.switchOff(tableRef{s.Scope, s.Name}, rewrite, err)
}

// Worked tells that a request that was changed in this way was not denied.
func (g *Guard) Worked(s *cache.Schema, rewrite Rewriting) {
	g.rewrites.worked(tableRef{s.Scope, s.Name}, rewrite)
}

// askForImage is the update in asking for its image too, where the client asked for nothing, and nil where it is to be
// sent as it is: without a use for the image, when that was denied or switched off, and when the body is unusual.
func (g *Guard) askForImage(req *ddb.Request, in *ddb.UpdateItemInput) *ddb.Request {
	if in.ReturnValues != nil && *in.ReturnValues != "NONE" || g.store.Authoritative() {
		return nil
	}
	name := ddb.TableName(in.TableName)
	s := g.schemas.Known(req.Scope, []byte(name))
	if s == nil || !s.Settings.Items || !s.Settings.Rewrite.ReturnValues || !g.rewrites.allowed(tableRef{req.Scope, name}, RewriteReturnValues) {
		return nil
	}
	body := req.Body()
	if body == nil {
		changed, all := *in, allNew
		changed.ReturnValues = &all
		return ddb.NewTypedRequest(&changed).From(req)
	}
	changed, ok := ddb.SetMember(body, "ReturnValues", `"`+allNew+`"`)
	if !ok {
		return nil
	}
	return ddb.NewRequest(req.Op, changed).From(req)
}

// send sends a write, in the way that its plan has it, settles it, and gives the answer the shape that was asked for.
func (w *write) send(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	g := w.guard
	if w.plan.instead == nil {
		resp, err := g.next.Do(ctx, req)
		w.settle(req, resp, err)
		return resp, err
	}
	resp, err := g.next.Do(ctx, w.plan.instead)
	if isDenied(err) {
		// Nothing was applied. If the request itself is allowed, it was the image that is not.
		refusal := err
		if resp, err = g.next.Do(ctx, req); err == nil {
			g.Denied(w.plan.keys[0].schema, RewriteReturnValues, refusal)
		}
		w.settle(req, resp, err)
		return resp, err
	}
	w.settle(req, resp, err)
	if err != nil {
		return nil, err
	}
	g.Worked(w.plan.keys[0].schema, RewriteReturnValues)
	return withoutAttributes(resp), nil
}

// withoutAttributes is resp as it would be had ReturnValues been NONE. Everything else in it is as it was. What was written
// was written: an answer that cannot be cut, or read, is the client's as it is, and never an error.
func withoutAttributes(resp *ddb.Response) *ddb.Response {
	if body := resp.Body(); body != nil {
		cut, ok := ddb.CutMember(body, "Attributes")
		if !ok {
			return resp
		}
		out := ddb.NewResponse(cut)
		out.RequestID = resp.RequestID
		return out
	}
	out, err := ddb.OutputAs[ddb.UpdateItemOutput](resp)
	if err != nil {
		return resp
	}
	bare := *out
	bare.Attributes = nil
	typed := ddb.NewTypedResponse(&bare)
	typed.RequestID = resp.RequestID
	return typed
}
