package proxy

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/ddb"
	"millrace/invalidation"
)

// seedFlag repeats a random test.
var seedFlag = flag.Uint64("seed", 0, "seed of random tests; 0 takes a new one")

// newRand returns a source of randomness whose seed is printed when the test fails.
func newRand(t testing.TB) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", seed)
	return rand.New(rand.NewPCG(seed, seed>>7))
}

// rigOptions are what a test changes about a rig.
type rigOptions struct {
	store cache.Config
	// config is the proxy's.
	config Config
	// unwired leaves the engine's commit hooks unconnected: invalidation is off.
	unwired bool
	// remote treats the engine as a backend that announces nothing: only the guard knows of writes.
	remote bool
	// lend has replies lent what they can be.
	lend bool
	// wrap puts something between the guard and the engine.
	wrap func(*engine.Engine) backendLike
	// hooks puts something between the engine's commits and the invalidator.
	hooks func(*invalidation.Invalidator) engine.CommitHooks
}

// backendLike is backend.Backend.
type backendLike interface {
	Do(context.Context, *ddb.Request) (*ddb.Response, error)
	Close() error
}

// poisoner is a backend that lends the bytes that it answers with, and spoils them when they are given back: whoever has some of them
// still shows it, and the race detector tells who.
type poisoner struct{ backendLike }

// Do is part of backend.Backend.
func (p *poisoner) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	resp, err := p.backendLike.Do(ctx, req)
	if err != nil || resp.Body() == nil || resp.Lent() {
		return resp, err
	}
	l := &poisoned{body: bytes.Clone(resp.Body())}
	l.response = ddb.LentResponse(l.body, l)
	l.response.RequestID = resp.RequestID
	return &l.response, nil
}

// poisoned is what a poisoner lends.
type poisoned struct {
	body     []byte
	response ddb.Response
}

// TakeBack is part of ddb.Lender.
func (l *poisoned) TakeBack() {
	for i := range l.body {
		l.body[i] = '!'
	}
}

// rig is a proxy over a guard over an engine in memory, with everything as a node wires it.
type rig struct {
	t      testing.TB
	lend   bool
	store  *cache.Store
	engine *engine.Engine
	guard  *invalidation.Guard
	proxy  *Proxy
}

// newRig wires a rig.
func newRig(t testing.TB, o rigOptions) *rig {
	t.Helper()
	o.store.Authoritative = !o.remote
	if o.store.Memory == 0 {
		o.store.Memory = 64 << 20
	}
	store, err := cache.NewStore(o.store)
	if err != nil {
		t.Fatal(err)
	}
	inv := invalidation.NewInvalidator(store)
	config := engine.DefaultConfig()
	config.InMemory = true
	if !o.unwired && !o.remote {
		config.Hooks = inv
		if o.hooks != nil {
			config.Hooks = o.hooks(inv)
		}
	}
	e, err := engine.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	var b backendLike = e
	if o.wrap != nil {
		b = o.wrap(e)
	}
	if o.remote {
		b = &poisoner{b}
	}
	guard := invalidation.NewGuard(b, inv, invalidation.GuardConfig{})
	r := &rig{t: t, lend: o.lend, store: store, engine: e, guard: guard, proxy: New(o.config, guard, store)}
	t.Cleanup(func() {
		if err := r.proxy.Close(); err != nil {
			t.Error(err)
		}
		if err := guard.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// answer is a reply or an error as a client sees it.
type answer struct {
	body   string
	result Result
	hits   int
	err    error
	id     string // of the request, where it is the backend's
}

// text is what must be equal with and without caches.
func (a answer) text() string {
	if a.err != nil {
		return a.err.Error()
	}
	return a.body
}

// do sends body to the proxy.
func (r *rig) do(op ddb.Operation, body string, o ...Options) answer {
	var options Options
	if len(o) > 0 {
		options = o[0]
	}
	reply := Reply{Lend: r.lend}
	sent := []byte(body)
	err := r.proxy.Do(context.Background(), ddb.NewRequest(op, sent), options, &reply)
	for i := range sent {
		sent[i] = '!' // it was borrowed until now
	}
	return answer{body: whole(&reply), result: reply.Result, hits: reply.Hits, err: err, id: reply.RequestID}
}

// whole is a reply's body with what was lent in its place.
func whole(reply *Reply) string {
	var b strings.Builder
	from := 0
	for _, s := range reply.Splices {
		b.Write(reply.Body[from:s.At])
		b.Write(s.Bytes)
		from = s.At
	}
	b.Write(reply.Body[from:])
	b.Write(reply.Page)
	return b.String()
}

// bare sends body to the engine alone.
func (r *rig) bare(op ddb.Operation, body string) answer {
	resp, err := r.engine.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
	if err != nil {
		return answer{err: err}
	}
	b, err := resp.JSON()
	return answer{body: string(b), err: err}
}

// must sends body and fails the test on an error.
func (r *rig) must(op ddb.Operation, body string) answer {
	r.t.Helper()
	a := r.do(op, body)
	if a.err != nil {
		r.t.Fatalf("%v %s: %v", op, body, a.err)
	}
	return a
}

// same sends body to both and fails the test when the answers differ.
func (r *rig) same(op ddb.Operation, body string, o ...Options) answer {
	r.t.Helper()
	a, b := r.do(op, body, o...), r.bare(op, body)
	if a.text() != b.text() {
		r.t.Fatalf("%v %s (%v)\n got %s\nwant %s", op, body, a.result, a.text(), b.text())
	}
	return a
}

// expect sends body, compares with the engine, and checks the result word.
func (r *rig) expect(want Result, op ddb.Operation, body string, o ...Options) answer {
	r.t.Helper()
	a := r.same(op, body, o...)
	if a.result != want {
		r.t.Fatalf("%v %s: result %v, want %v", op, body, a.result, want)
	}
	return a
}

// bookTable is a table with a sort key, a global index (with a sort key that items may lack), a global index that
// projects only keys, one on a number without a sort key, and local indexes with and without everything.
const bookTable = `{"TableName":"books","BillingMode":"PAY_PER_REQUEST",
 "AttributeDefinitions":[{"AttributeName":"author","AttributeType":"S"},{"AttributeName":"title","AttributeType":"S"},
  {"AttributeName":"genre","AttributeType":"S"},{"AttributeName":"year","AttributeType":"N"}],
 "KeySchema":[{"AttributeName":"author","KeyType":"HASH"},{"AttributeName":"title","KeyType":"RANGE"}],
 "GlobalSecondaryIndexes":[
  {"IndexName":"genre-year","KeySchema":[{"AttributeName":"genre","KeyType":"HASH"},{"AttributeName":"year","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}},
  {"IndexName":"genre-keys","KeySchema":[{"AttributeName":"genre","KeyType":"HASH"},{"AttributeName":"title","KeyType":"RANGE"}],"Projection":{"ProjectionType":"KEYS_ONLY"}},
  {"IndexName":"year-only","KeySchema":[{"AttributeName":"year","KeyType":"HASH"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["note"]}}],
 "LocalSecondaryIndexes":[
  {"IndexName":"by-year","KeySchema":[{"AttributeName":"author","KeyType":"HASH"},{"AttributeName":"year","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}},
  {"IndexName":"by-genre","KeySchema":[{"AttributeName":"author","KeyType":"HASH"},{"AttributeName":"genre","KeyType":"RANGE"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}]}`

// hashTable is a table without a sort key, keyed by a number.
const hashTable = `{"TableName":"counters","BillingMode":"PAY_PER_REQUEST",
 "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"N"}],
 "KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]}`

// book is the JSON of an item of books.
func book(author, title, genre string, year int, note string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"author":{"S":%q},"title":{"S":%q}`, author, title)
	if genre != "" {
		fmt.Fprintf(&b, `,"genre":{"S":%q}`, genre)
	}
	if year != 0 {
		fmt.Fprintf(&b, `,"year":{"N":"%d"}`, year)
	}
	if note != "" {
		fmt.Fprintf(&b, `,"note":{"S":%q}`, note)
	}
	b.WriteByte('}')
	return b.String()
}

// putBook puts an item into books through the proxy.
func (r *rig) putBook(author, title, genre string, year int, note string) {
	r.t.Helper()
	r.must(ddb.PutItem, `{"TableName":"books","Item":`+book(author, title, genre, year, note)+`}`)
}

// forget empties the caches, as evictions would.
func (r *rig) forget() { r.store.Core().Shed(math.MaxInt64) }
