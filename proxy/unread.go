package proxy

import (
	"context"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// What upstream answers belongs to the client, whether or not it is understood here. An answer that is not understood whole is
// handed on as it came, is never cached, and takes away what is: it is an answer given out that nothing equals (R6, R7).

// unread is the error of a read whose answer is not understood whole. It has the answer, which does not change.
type unread struct{ resp *ddb.Response }

// Error is for a log.
func (u *unread) Error() string { return "upstream's answer is not understood" }

// wholeOutput is the output of an answer that is understood whole; else the error is *unread, unless the answer is no bytes of
// upstream's.
func wholeOutput[T any](resp *ddb.Response) (*T, error) {
	if out, ok := ddb.WholeOutputAs[T](resp); ok {
		return out, nil
	}
	if resp.Body() != nil {
		return nil, &unread{resp}
	}
	return ddb.OutputAs[T](resp)
}

// failItem ends the flight of an item that brought none.
func (p *Proxy) failItem(f *coherence.Flight, a cache.Answer) {
	if u, ok := a.Err.(*unread); ok {
		p.items.Unread(f, u.resp.Body(), a)
		return
	}
	p.items.Fail(f, a)
}

// failPage is failItem for a page.
func (p *Proxy) failPage(f *coherence.Flight, a cache.Answer) {
	if u, ok := a.Err.(*unread); ok {
		p.pages.Unread(f, u.resp.Body(), a)
		return
	}
	p.pages.Fail(f, a)
}

// isUnread reports whether the backend answered what is not understood.
func isUnread(err error) bool {
	_, ok := err.(*unread)
	return ok
}

// handOn gives the answer in err, which isUnread, to a client who asked for just that but for what it costs. One who asked for
// something else, of which this was to be a part, is answered by the backend in its own words.
func (p *Proxy) handOn(ctx context.Context, req *ddb.Request, o Options, reply *Reply, err error, asked bool) error {
	resp := err.(*unread).resp
	if asked {
		if body, ok := ddb.CutMember(resp.Body(), "ConsumedCapacity"); ok {
			reply.Body, reply.RequestID = append(reply.Body, body...), resp.RequestID
			return nil
		}
	}
	return p.forward(ctx, req, o, reply)
}
