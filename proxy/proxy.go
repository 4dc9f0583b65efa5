// Package proxy is what happens to a request: it is answered from the caches, or goes to the backend through the
// one guarded door, and what comes back may be cached. It opens no sockets; fronts bring requests and take replies.
//
// It promises that a reply is what the backend would have given (ReturnConsumedCapacity included: a hit reports
// what the same read would have cost without a cache), and that one caller's cancellation or deadline never reaches
// another. A request that is unusual in any way is forwarded untouched rather than guessed at. It never reaches a
// backend but through an invalidation.Guard.
package proxy

import (
	"cmp"
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"millrace/cache"
	"millrace/ddb"
	"millrace/invalidation"
	"millrace/metrics"
)

// Options is what a caller asks of the caches, in the header X-Millrace-Cache-Control. The zero value asks nothing.
type Options struct {
	// NoCache reads from the backend whatever is cached. What comes back may be cached.
	NoCache bool
	// MaxAge refuses entries older than this; 0 sets no bound. (A front makes NoCache of "max-age=0".)
	MaxAge time.Duration
}

// Reply is an answer. A front may use one again after emptying it.
type Reply struct {
	// Body is where the response's JSON is appended; the proxy keeps no part of it.
	Body []byte
	// Lend is set by a caller who takes a large page as it lies there: in Page instead of in Body; and large items of a batch, in
	// Splices. Neither may be changed. Page is nil, and Splices empty, where Body has it all. CRC is the page's CRC-32 (IEEE) where
	// it is Summed, in Page or appended to Body as all there is.
	Lend    bool
	Page    []byte
	CRC     uint32
	Summed  bool
	Splices []Splice
	// Wait, unless nil, is called before the request waits for anything but memory, so that who serves others on the same
	// goroutine can let another one go on with those. It may be called more than once.
	Wait func()
	// RequestID is the backend's, where it gave one.
	RequestID string
	// Result tells what became of the request.
	Result Result
	// Weak says that some of the answer was read eventually where it would have been read strongly; see weak.go.
	Weak bool
	// Table is the counters of the one table that was read through its cache, else nil.
	Table *metrics.Table
	// Hits of Keys items of a batch came from the cache; both are 0 for other requests.
	Hits, Keys int
}

// Splice is bytes of an answer that Body lacks: they come before its byte At. Those of a reply are in order, and each At is another.
type Splice struct {
	At    int
	Bytes []byte
}

// Lent is how many bytes of the answer are not in Body.
func (r *Reply) Lent() int {
	n := len(r.Page)
	for _, s := range r.Splices {
		n += len(s.Bytes)
	}
	return n
}

// waits is called before anything that may wait.
func (r *Reply) waits() {
	if r.Wait != nil {
		r.Wait()
	}
}

// Config is what a Proxy needs beside its guard and its caches.
type Config struct {
	// ReadTimeout bounds one backend read that several callers may be waiting for; 0 means 30 s. Below the
	// backend's own slowest answer every such read fails; the callers' own deadlines apply in any case.
	ReadTimeout time.Duration
	// Observe forwards every request as it came, and only counts what the caches would have done; see observe.
	Observe bool
	// StaleIfError answers from an entry that is past Delta, though not past its TTL, when the backend gave no answer; the
	// result says so.
	StaleIfError bool
	// Retries is what a fill that is made once more is charged to; nil is no bound.
	Retries Retries
	// Audit is how hits are held against the backend.
	Audit AuditConfig
	// Rules switches single rules off for mutation tests. The zero value means AllRules.
	Rules Rules
	// Metrics counts; nil does not.
	Metrics *metrics.Metrics
	// Logger hears of panics in backend reads; nil discards.
	Logger *slog.Logger
}

// Proxy serves requests. It is safe for concurrent use.
type Proxy struct {
	guard   *invalidation.Guard
	items   *cache.ItemCache
	pages   *cache.QueryCache
	schemas *cache.SchemaCache
	config  Config

	batches    sync.Pool // of *scannedBatch
	remembered pageMemory

	reads sync.WaitGroup // backend reads under way, which may outlive their callers

	// observations are mode observe's; suspects has a place for each answer that is being looked into, budget what that may
	// cost, and life ends the waiting.
	observations *metrics.Observations
	suspects     chan struct{}
	budget       *budget
	life         context.Context
	end          context.CancelFunc
}

// New makes a proxy over guard and the caches in store; a nil store forwards everything.
func New(config Config, guard *invalidation.Guard, store *cache.Store) *Proxy {
	if config.ReadTimeout == 0 {
		config.ReadTimeout = 30 * time.Second
	}
	if config.Rules == (Rules{}) {
		config.Rules = AllRules()
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Proxy{
		guard: guard, schemas: guard.Schemas(), config: config,
		suspects:   make(chan struct{}, maxSuspects),
		remembered: pageMemory{seed: maphash.MakeSeed()},
		budget:     newBudget(cmp.Or(config.Audit.Budget, defaultAuditBudget), time.Now),
	}
	p.life, p.end = context.WithCancel(context.Background())
	if config.Metrics != nil {
		p.observations = &config.Metrics.Observations
	}
	if store != nil {
		p.items, p.pages = store.Items(), store.Pages()
	}
	return p
}

// Do serves one request and appends the answer to reply.Body. Errors are as from backend.Backend, and then
// nothing was appended; a cancelled ctx ends a read at once and a write only when its outcome is known.
func (p *Proxy) Do(ctx context.Context, req *ddb.Request, o Options, reply *Reply) error {
	n := len(reply.Body)
	serve := (*Proxy).forward
	if req.Region != "" {
		serve = (*Proxy).foreign
	} else if p.items != nil && p.config.Observe {
		serve = (*Proxy).observe
	} else if p.items != nil {
		serve = routes[req.Op].serve
	}
	err := serve(p, ctx, req, o, reply)
	if err != nil {
		reply.Body = reply.Body[:n]
	}
	return err
}

// Close waits for backend reads that outlived their callers. No request may be made any more.
func (p *Proxy) Close() error {
	p.end()
	p.reads.Wait()
	return nil
}
