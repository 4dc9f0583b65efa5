// Package node puts one process together: store, caches, guard, proxy, fronts and the admin port. It is the only
// place that holds a raw backend, and it hands that straight to the guard. New acquires and New's errors are one
// sentence for the operator; Run serves until its context ends and then goes in the reverse order, losing nothing
// that was promised.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace/backend/aws"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/internal/admin"
	"millrace/invalidation"
	"millrace/invalidation/stream"
	"millrace/metrics"
	"millrace/proxy"
	"millrace/proxy/awsjson"
	"millrace/proxy/trace"
)

// Node is one process running the caching software.
type Node struct {
	config  Config
	log     *slog.Logger
	metrics *metrics.Metrics

	backend  store
	upstream *aws.Backend    // backend, where that is the one that forwards
	streams  *stream.Manager // nil where nothing is read
	guard    *invalidation.Guard
	store    *cache.Store
	proxy    *proxy.Proxy
	// recorder is nil unless requests are recorded.
	recorder *trace.Recorder
	front    *awsjson.Server
	admin    *admin.Server

	telemetry *metrics.Telemetry

	version string
	addr    net.Addr
	ready   atomic.Bool
	// certificate is the data port's; nil without TLS.
	certificate *certificate
	// fatal receives why the engine can take no more writes.
	fatal chan error

	reloading sync.Mutex

	// current is config with what was reloaded since, origins where its settings were set.
	current Config
	origins map[string]string
	load    func() (*Loaded, error)
	level   *slog.LevelVar

	// within is what the process should stay below, 0 for nothing in particular, and heap what is told to do for it.
	within int64
	heap   Heap
}

// New opens the ports and then the store; a port that is taken leaves the data folder untouched. config has been
// checked. version is what /metrics calls this build.
func New(config Config, version string, log *slog.Logger) (_ *Node, err error) {
	n := &Node{config: config, current: config, version: version, log: log, fatal: make(chan error, 1)}
	var held held
	defer func() {
		if err != nil {
			held.release()
		}
	}()
	n.metrics = metrics.New(metricNames())
	if n.telemetry, err = metrics.NewTelemetry(context.Background(), n.metrics, version, log); err != nil {
		return nil, err
	}
	held.add(n.endTelemetry)
	serve := &lateHandler{}
	if config.Backend == "aws" {
		n.metrics.Ledger.Price(config.Ledger.streamUnits(config.Upstream.kind()))
		config.HTTP.Isolate, config.HTTP.NodeID, config.HTTP.AnyService = false, newNodeID(), true
	} else {
		config.HTTP.Isolate = config.Isolate
	}
	if err = n.openFront(&config, serve, &held); err != nil {
		return nil, err
	}
	if err = n.openAdmin(&config, &held); err != nil {
		return nil, err
	}
	if err = config.unused(); err != nil {
		return nil, err
	}
	if err = n.openStore(config, &held); err != nil {
		return nil, err
	}
	if err = n.openProxy(config, serve, &held); err != nil {
		return nil, err
	}
	n.metrics.Attach(n.sources(version))
	n.apply(config)
	return n, nil
}

// held are what New has acquired, by how to let go of it.
type held []func() error

// add takes in what one more thing is let go with.
func (h *held) add(release func() error) { *h = append(*h, release) }

// release lets go of all of it, the last first. Why New failed is known already.
func (h held) release() {
	for _, release := range slices.Backward(h) {
		_ = release()
	}
}

// openFront opens the data port. Nobody is served before Run.
func (n *Node) openFront(config *Config, serve *lateHandler, held *held) (err error) {
	n.front = awsjson.New(config.HTTP, serve, n.metrics, n.log)
	n.front.Tracer = n.telemetry.Tracer
	if config.TLS.enabled() {
		if n.certificate, err = newCertificate(config.TLS, n.log); err != nil {
			return err
		}
		n.front.TLS = n.certificate.config()
	}
	if l := config.take(config.Listen); l != nil {
		n.addr = n.front.Adopt(l)
	} else if n.addr, err = n.front.Listen(config.Listen); err != nil {
		return listenError(config.Listen, "--listen", err)
	}
	held.add(n.front.Close)
	// Without caches all requests wait for the backend, one way or another.
	n.front.Loops = config.Cache.Enabled && config.Mode != "observe"
	return nil
}

// openAdmin opens the admin port, if there shall be one.
func (n *Node) openAdmin(config *Config, held *held) error {
	if config.Admin.Listen == "" {
		return nil
	}
	token, err := config.Admin.ReadToken()
	if err != nil {
		return err
	}
	n.admin = admin.New(admin.Config{Token: token, PublicMetrics: config.Admin.PublicMetrics, Profiles: config.Admin.Pprof}, n.adminNode())
	if l := config.take(config.Admin.Listen); l != nil {
		n.admin.Adopt(l)
	} else if err := n.admin.Listen(config.Admin.Listen); err != nil {
		return listenError(config.Admin.Listen, "--admin-listen", err)
	}
	held.add(n.admin.Close)
	return nil
}

// openStore makes the caches, opens the backend, and puts the guard before it.
func (n *Node) openStore(config Config, held *held) (err error) {
	remote := config.Backend == "aws"
	n.store, err = cache.NewStore(cache.Config{
		Memory: int64(config.Cache.Memory), Tables: config.cacheTables(), Authoritative: !remote, Metrics: n.metrics, Logger: n.log,
		IndexLag: config.Upstream.IndexLag.Of(), Provisional: config.Upstream.Provisional.Of(), IndexWatch: config.Upstream.IndexWatch.Of(),
		Core: coherence.Config{Tamb: config.doubt()},
	})
	if err != nil {
		return err
	}
	invalidator := invalidation.NewInvalidator(n.store)
	if remote {
		err = n.openUpstream(config.HTTP.NodeID)
	} else {
		err = n.openEngine(invalidator)
	}
	if err != nil {
		return err
	}
	// Without caches an engine in this process has nobody to tell.
	n.guard = invalidation.NewGuard(&observed{n.backend, n.metrics, n.telemetry.Tracer}, invalidator,
		invalidation.GuardConfig{Logger: n.log, Uncached: !remote && !config.Cache.Enabled, WriteTimeout: config.writeTimeout(),
			OneStore: remote && !n.upstream.Kind().Regional()})
	held.add(n.guard.Close)
	if remote {
		n.serveRegion()
		if config.Cache.Enabled {
			n.followStreams(invalidator)
		}
	}
	return nil
}

// openProxy puts the proxy before the guard, and serve, which the front has, before the proxy.
func (n *Node) openProxy(config Config, serve *lateHandler, held *held) (err error) {
	cached := n.store
	if !config.Cache.Enabled {
		cached = nil
	}
	front := proxy.Config{
		ReadTimeout: config.HTTP.RequestTimeout.Of(), Observe: config.Mode == "observe", StaleIfError: config.Upstream.StaleIfError,
		Audit: n.audit(), Metrics: n.metrics, Logger: n.log,
	}
	if n.upstream != nil {
		front.Retries = n.upstream
	}
	n.proxy = proxy.New(front, n.guard, cached)
	n.front.Key = n.proxy.KeyOf
	serve.proxy = n.proxy
	if config.Record.File != "" {
		if n.recorder, err = n.newRecorder(); err != nil {
			return err
		}
		held.add(n.recorder.Discard)
		serve.recorder = n.recorder
	}
	return nil
}

// writeTimeout bounds a write, whose client may be gone by then. The backend's own bound comes first, so that it is known what became of it.
func (c Config) writeTimeout() time.Duration {
	return max(c.HTTP.RequestTimeout.Of(), c.Upstream.Timeout.Of()) + 5*time.Second
}

// doubt is for how long a write of unknown outcome may still be applied. An upstream that may take so long over a request may take it over
// one whose connection was cut at once, too.
func (c Config) doubt() time.Duration { return max(leastDoubt, c.Upstream.Timeout.Of()+10*time.Second) }

// leastDoubt is for how long it may be however little time upstream is given (assumed).
const leastDoubt = 30 * time.Second

// lateHandler lets the front be made, and its port taken, before the proxy it serves.
type lateHandler struct {
	proxy *proxy.Proxy
	// recorder stands before the proxy, where requests are recorded.
	recorder *trace.Recorder
}

// Do is part of awsjson.Handler.
func (h *lateHandler) Do(ctx context.Context, req *ddb.Request, o proxy.Options, reply *proxy.Reply) error {
	if h.recorder != nil {
		return h.recorder.Do(ctx, req, o, reply)
	}
	return h.proxy.Do(ctx, req, o, reply)
}

// Addr is the data port's bound address, AdminAddr the admin port's, nil if there is none.
func (n *Node) Addr() net.Addr { return n.addr }

// AdminAddr is the admin port's bound address, nil if there is none.
func (n *Node) AdminAddr() net.Addr {
	if n.admin == nil {
		return nil
	}
	return n.admin.Addr()
}

// Run serves until ctx ends or something fails, and then lets go of everything that New acquired. It returns nil
// only if every request was answered and the store was closed in order.
func (n *Node) Run(ctx context.Context) error {
	// What a request needs outlives the requests, and the admin port everything.
	frontCtx, stopFront := context.WithCancel(context.WithoutCancel(ctx))
	defer stopFront()
	engineCtx, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEngine()
	adminCtx, stopAdmin := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAdmin()

	front, frontFailed := errgroup.WithContext(frontCtx)
	front.Go(func() error { return n.front.Run(frontCtx) })
	behind, behindFailed := errgroup.WithContext(engineCtx)
	behind.Go(func() error { return n.runBehind(engineCtx) })
	if n.within > 0 {
		ticker := time.NewTicker(heapPeriod)
		defer ticker.Stop()
		behind.Go(func() error { n.paceHeap(engineCtx, ticker.C); return nil })
	}
	if n.certificate != nil {
		ticker := time.NewTicker(certificatePeriod)
		defer ticker.Stop()
		behind.Go(func() error { n.certificate.watch(engineCtx, ticker.C); return nil })
	}
	if n.recorder != nil {
		behind.Go(n.recorder.Run)
	}
	ports, portFailed := errgroup.WithContext(adminCtx)
	if n.admin != nil {
		ports.Go(func() error { return n.admin.Run(adminCtx) })
	}
	n.ready.Store(true)
	n.announce()

	var err error
	select {
	case <-ctx.Done():
		n.log.Info("stopping", "delay", n.config.Shutdown.Delay)
		n.ready.Store(false)
		n.front.Quiesce()
		delay := time.NewTimer(n.config.Shutdown.Delay.Of())
		select {
		case <-delay.C:
		case <-frontFailed.Done():
		case err = <-n.fatal:
		}
		delay.Stop()
	case err = <-n.fatal:
	case <-frontFailed.Done():
	case <-behindFailed.Done():
	case <-portFailed.Done():
	}
	n.ready.Store(false)
	stopFront()
	err = errors.Join(err, front.Wait())
	err = errors.Join(err, n.proxy.Close())
	if n.recorder != nil {
		err = errors.Join(err, n.recorder.Close())
	}
	stopEngine()
	err = errors.Join(err, behind.Wait(), n.guard.Close())
	stopAdmin()
	err = errors.Join(err, ports.Wait())
	if lost := n.endTelemetry(); lost != nil {
		n.log.Warn("the last of telemetry is not delivered", "error", lost)
	}
	if err == nil {
		n.log.Info("stopped")
	}
	return err
}

// telemetryEnd is how long the collector may take for the last of the telemetry.
const telemetryEnd = 3 * time.Second

// endTelemetry sends the last of it.
func (n *Node) endTelemetry() error {
	ctx, cancel := context.WithTimeout(context.Background(), telemetryEnd)
	defer cancel()
	return n.telemetry.Close(ctx)
}

// announce logs what an operator wants to know first: where it listens, where data is and what is promised of it.
func (n *Node) announce() {
	c := n.config
	caches := "off"
	if c.Cache.Enabled {
		caches = "on, " + c.Cache.Memory.String()
		if c.Mode == "observe" {
			caches = "observed only, " + c.Cache.Memory.String() + " (mode observe: every request is forwarded)"
		}
	}
	adminAt := "off"
	if n.admin != nil {
		adminAt = "http://" + n.admin.Addr().String()
	}
	scheme := "http://"
	if c.TLS.enabled() {
		scheme = "https://"
	}
	n.log.Info("serving DynamoDB", append([]any{"endpoint", scheme + n.addr.String(), "admin", adminAt, "caches", caches}, n.behind()...)...)
	if sending := n.telemetry.Sending(); sending != "nothing" {
		n.log.Info("sending telemetry by OTLP", "what", sending)
	}
	if c.Backend == "aws" && c.Upstream.Timeout >= c.HTTP.RequestTimeout {
		n.log.Warn("upstream.timeout is not below http.request_timeout: clients may be answered before it is known what became of a slow write",
			"upstream.timeout", c.Upstream.Timeout.String(), "http.request_timeout", c.HTTP.RequestTimeout.String())
	}
	if c.Engine.Faults.Enabled {
		n.log.Warn("test aids are enabled; requests may fail or lag on purpose", "settings", adminAt+"/faults")
	}
}

// checks are what /readyz asks about.
func (n *Node) checks() []admin.Check {
	c := admin.Check{Name: "serving"}
	if !n.ready.Load() {
		c.Fault = "starting or stopping"
	}
	checks := []admin.Check{c}
	if n.upstream != nil {
		checks = append(checks, n.upstreamCheck())
	}
	if n.streams != nil {
		checks = append(checks, streamsCheck(n.streams.Tables()))
	}
	return checks
}

// listenError says in a sentence why a port could not be had.
func listenError(addr, flag string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("address %s is taken by another process; stop that, or choose another address with %s", addr, flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("address %s may not be opened by this user; choose a port above 1023 with %s", addr, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("address %s does not belong to this machine; choose another with %s", addr, flag)
	}
	return fmt.Errorf("address %s cannot be listened on (%w); choose another with %s", addr, err, flag)
}

// withAdvice adds to an error of the engine's what to do next. Its texts are the engine's contract: one sentence
// that names the folder.
func withAdvice(err error) error {
	for _, a := range []struct{ says, advice string }{
		{"in use by another process", "stop that, or choose another folder with --data-dir"},
		{"is not writable: not a directory", "choose another folder with --data-dir"},
		{"is not writable", "give this user the right to write there, or choose another folder with --data-dir"},
		{"newer version", "use that version, or choose another folder with --data-dir"},
		{"not millrace's", "choose another folder with --data-dir"},
		{"damaged store", "nothing was changed: restore the folder from a copy, or choose another with --data-dir"},
		{"cannot be opened", "nothing was changed: restore the folder from a copy, or choose another with --data-dir"},
	} {
		if strings.Contains(err.Error(), a.says) {
			return fmt.Errorf("%w; %s", err, a.advice)
		}
	}
	return err
}
