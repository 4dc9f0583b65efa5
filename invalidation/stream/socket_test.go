package stream

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"millrace/backend"
	"millrace/backend/aws"
	"millrace/backend/engine"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/invalidation"
	"millrace/metrics"
	"millrace/proxy"
	"millrace/proxy/awsjson"
)

// serve lets the rig's engine be reached over TCP, and returns its URL.
func (r *rig) serve() string {
	r.t.Helper()
	store, err := cache.NewStore(cache.Config{Tables: map[string]cache.TableConfig{"*": {Cache: cache.Off}}})
	if err != nil {
		r.t.Fatal(err)
	}
	p := proxy.New(proxy.Config{Logger: slog.New(slog.DiscardHandler)},
		invalidation.NewGuard(r.engine, invalidation.NewInvalidator(store), invalidation.GuardConfig{}), nil)
	names := metrics.Names{CacheOf: func(int) string { return "" }}
	for op := range ddb.NumOperations {
		names.Operations = append(names.Operations, op.String())
	}
	for x := range proxy.NumResults {
		names.Results = append(names.Results, x.String())
	}
	s := awsjson.New(awsjson.DefaultConfig(), p, metrics.New(names), slog.New(slog.DiscardHandler))
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	r.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
		if err := p.Close(); err != nil {
			r.t.Error(err)
		}
	})
	return "http://" + addr.String()
}

// forward is a client of the upstream at url, as millrace has one.
func forward(t testing.TB, url string) backend.Backend {
	t.Helper()
	c := aws.DefaultConfig()
	c.Endpoint.URL, c.Region, c.Kind = url, "us-east-1", aws.Generic
	b, err := aws.New(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return b
}

// hold caches an item as it is upstream.
func (r *rig) hold(s *cache.Schema, h string) {
	r.t.Helper()
	key := r.key(s, h)
	got := r.store.Items().Read(s, key, cache.Lookup{Alone: true}, nil)
	if got.Outcome != coherence.Lead {
		r.t.Fatalf("read of %s: %v, want to lead a fill", h, got.Outcome)
	}
	resp, err := r.guard.Fill(context.Background(), ddb.NewRequest(ddb.GetItem, fmt.Appendf(nil, `{"TableName":"ttt","Key":{"h":{"S":%q}},"ConsistentRead":true}`, h)))
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := ddb.OutputAs[ddb.GetItemOutput](resp)
	if err != nil {
		r.t.Fatal(err)
	}
	r.store.Items().Done(got.Flight, out.Item, out.Item != nil)
}

// held reports whether an item would be answered from the cache.
func (r *rig) held(s *cache.Schema, h string) bool {
	key := r.key(s, h)
	got := r.store.Items().Read(s, key, cache.Lookup{Alone: true}, nil)
	if got.Outcome == coherence.Lead {
		r.store.Items().Fail(got.Flight, cache.Answer{})
	}
	return got.Outcome == coherence.Hit || got.Outcome == coherence.Negative
}

// key is the canonical key of an item.
func (r *rig) key(s *cache.Schema, h string) []byte {
	key, ok := s.AppendItemKey(nil, ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue(h)}))
	if !ok {
		r.t.Fatalf("no key for %q", h)
	}
	return key
}

// The same over TCP: foreign writes over sockets of their own, while shards are split and rolled and requests are
// throttled and fail; what was cached of an item is gone when its record is applied.
func TestForeignWritesOverSockets(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{view: "NEW_AND_OLD_IMAGES", sockets: true,
		streams: engine.StreamConfig{Shards: 2, MaxShards: 4, ShardLifetime: 10 * time.Minute, SplitRate: 10}})
	r.covered()
	s := r.learn("ttt")
	var writes []committed
	for i := range 20 {
		h := fmt.Sprint("k", i)
		r.foreign(h, fmt.Sprint("first ", i))
		r.covered()
		r.hold(s, h)
		if !r.held(s, h) {
			t.Fatalf("%s is not cached", h)
		}
	}
	r.faults(engine.FaultRule{Name: "errors", Operations: []ddb.Operation{ddb.GetRecords}, Probability: 0.1, Error: "InternalServerError"},
		engine.FaultRule{Name: "throttles", Operations: []ddb.Operation{ddb.GetRecords, ddb.DescribeStream}, Probability: 0.1, Error: "ThrottlingException"})
	for i := range 300 {
		v := fmt.Sprint("second ", i)
		writes = append(writes, committed{v, r.foreign(fmt.Sprint("k", i%20), v)})
		if i%100 == 50 {
			r.engine.AdvanceClock(11 * time.Minute)
		}
	}
	r.covered()
	r.judge(writes)
	for i := range 20 {
		if h := fmt.Sprint("k", i); r.held(s, h) {
			t.Errorf("%s is still cached as it was", h)
		}
	}
}
