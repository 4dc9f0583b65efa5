// Package trace records what a proxy is asked, for `millrace loadtest --replay`: a line of JSON for each request, with its
// time, operation, tables, keys and sizes, never with what items hold. docs/LOADTEST.md describes the format.
//
// It promises to hold up no request: what cannot be written as fast as it comes is left out and counted. Keys are replaced
// by keyed hashes, whose key is forgotten with the process, unless plain ones were asked for.
package trace

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"millrace/ddb"
	"millrace/proxy"
)

// Format is the version of the lines; loadtest refuses others.
const Format = 1

// queueLength is how many requests may wait to be written.
const queueLength = 1 << 14

// Config is what a Recorder needs.
type Config struct {
	// File is made; it must not be there.
	File string
	// Plain writes keys as they are.
	Plain bool
	// Handler serves the requests.
	Handler Handler
	// Describe tells a table's keys.
	Describe func(ctx context.Context, scope, table string) (*ddb.TableDescription, error)
	Logger   *slog.Logger
}

// Handler is what serves requests, as a front has it.
type Handler interface {
	Do(ctx context.Context, req *ddb.Request, o proxy.Options, reply *proxy.Reply) error
}

// Recorder is a Handler that writes down what passes through. Do may be called until Close.
type Recorder struct {
	config  Config
	file    *os.File
	out     *bufio.Writer
	started time.Time
	mask    *mask
	tables  map[string]*table
	queue   chan event
	ended   chan error
	lost    atomic.Int64
}

// event is a request that was served.
type event struct {
	op         ddb.Operation
	scope      string
	body       []byte
	at, took   time.Duration
	cache      string
	code       string
	found, out int
}

// New makes the file. Run writes it.
func New(c Config) (*Recorder, error) {
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("the trace %s is there already; name another with --record", c.File)
	}
	if err != nil {
		return nil, fmt.Errorf("make trace: %w", err)
	}
	r := &Recorder{config: c, file: f, out: bufio.NewWriterSize(f, 64<<10), started: time.Now(), tables: map[string]*table{},
		queue: make(chan event, queueLength), ended: make(chan error, 1)}
	if r.mask, err = newMask(c.Plain); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// Do serves a request and notes it.
func (r *Recorder) Do(ctx context.Context, req *ddb.Request, o proxy.Options, reply *proxy.Reply) error {
	start := time.Now()
	from := len(reply.Body)
	reply.Lend = false // the answer is looked at here
	err := r.config.Handler.Do(ctx, req, o, reply)
	e := event{op: req.Op, scope: req.Scope, at: start.Sub(r.started), took: time.Since(start), cache: reply.Result.String(), found: -1}
	if body, bodyErr := req.JSON(); bodyErr == nil {
		// The front's memory goes back to it when Do returns.
		e.body = bytes.Clone(body)
	}
	if err != nil {
		e.code = "InternalServerError"
		if refusal, ok := ddb.AsError(err); ok {
			e.code = refusal.Code
		}
	} else {
		answer := reply.Body[from:]
		e.out = len(answer)
		if count := counts[req.Op]; count != nil {
			e.found = count(answer)
		}
	}
	select {
	case r.queue <- e:
	default:
		r.lost.Add(1)
	}
	return err
}

// Run writes until Close, which says how it went: a trace that cannot be written is no reason to stop serving.
func (r *Recorder) Run() error {
	r.ended <- r.run()
	return nil
}

// run is Run.
func (r *Recorder) run() error {
	err := r.writeHeader()
	var lost int64
	requests := 0
	for e := range r.queue {
		if err != nil {
			continue // keep taking, so that nothing waits
		}
		if n := r.lost.Load(); n > lost {
			_, err = fmt.Fprintf(r.out, `{"lost":%d}`+"\n", n-lost)
			r.config.Logger.Warn("trace is missing requests: they come faster than they can be written", "lost", n)
			lost = n
		}
		if writeErr := r.write(&e); writeErr != nil {
			err = writeErr
		}
		requests++
		if err == nil && len(r.queue) == 0 {
			err = r.out.Flush()
		}
		if err != nil {
			r.config.Logger.Error("trace cannot be written any more", "file", r.config.File, "error", err)
		}
	}
	if err == nil {
		_, err = fmt.Fprintf(r.out, `{"end":%d,"requests":%d,"lost":%d}`+"\n", time.Since(r.started).Microseconds(), requests, r.lost.Load())
	}
	return errors.Join(err, r.out.Flush(), r.file.Close())
}

// Close ends the recording; Run must be under way. No request may come any more.
func (r *Recorder) Close() error {
	close(r.queue)
	return <-r.ended
}

// Discard gives up a recorder that Run was not called for.
func (r *Recorder) Discard() error { return errors.Join(r.file.Close(), os.Remove(r.config.File)) }
