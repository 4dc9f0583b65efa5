package proxy

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/ddb"
)

// remoteLike is a backend that answers with bytes, as one over the network does. What spell makes of an answer is what it
// answers with; and where canned has an answer to an operation, the engine is not asked.
type remoteLike struct {
	*engine.Engine
	spell  func(op ddb.Operation, body []byte) []byte
	canned map[ddb.Operation]string
	// own has only what was asked in the proxy's own words spelled.
	own bool
	// lent is what canned answers lie in.
	lent sync.Pool // of *cannedMemory
	// counted has a canned answer tell the digits of the author that the request names, as cannedCalls count them.
	counted bool
}

// author is what a counted author begins with.
var author = []byte(`{"S":"ann0`)

// Do is part of backend.Backend.
func (r *remoteLike) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	if text, ok := r.canned[req.Op]; ok {
		sent, err := req.JSON() // which is sent
		if err != nil {
			return nil, err
		}
		m, ok := r.lent.Get().(*cannedMemory)
		if !ok {
			m = &cannedMemory{to: &r.lent}
		}
		m.bytes = append(m.bytes[:0], text...)
		answer := m.bytes
		if r.counted {
			from := bytes.Index(sent, author)
			for rest := answer; from >= 0; {
				at := bytes.Index(rest, author)
				if at < 0 {
					break
				}
				rest = rest[at+copy(rest[at:at+len(`{"S":"ann00000000`)], sent[from:]):]
			}
		}
		m.response = ddb.LentResponse(answer, m)
		return &m.response, nil
	}
	forwarded := req.Body() != nil
	resp, err := r.Engine.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	body, err := resp.JSON()
	if err != nil {
		return nil, err
	}
	body = bytes.Clone(body)
	if r.spell != nil && !(r.own && forwarded) {
		body = r.spell(req.Op, body)
	}
	return ddb.NewResponse(body), nil
}

// cannedMemory is what a canned answer lies in, which is used again as that of a backend over the network is.
type cannedMemory struct {
	bytes    []byte
	response ddb.Response
	to       *sync.Pool
}

// TakeBack is part of ddb.Lender.
func (m *cannedMemory) TakeBack() { m.to.Put(m) }

// A page is given as the backend wrote it, by the read that missed and by those that hit: only what it cost comes and goes
// with who asks for it.
func TestPagesAreGivenAsTheBackendWroteThem(t *testing.T) {
	t.Parallel()
	spell := func(op ddb.Operation, body []byte) []byte {
		if op != ddb.Query && op != ddb.Scan {
			return body
		}
		// Another order of members and attributes, other escapes, another form of numbers.
		text := strings.NewReplacer(`"note":{"S":"n"}`, `"note":{"S":"\/\u006e"}`, `{"N":"200`, `{"N":"0200`).Replace(string(body))
		text = strings.ReplaceAll(text, `{"author":{"S":"ann"},`, `{"zzz":{"NULL":true},"author":{"S":"ann"},`)
		if at := strings.Index(text, `,"ConsumedCapacity":`); at > 0 {
			text = `{` + text[at+1:len(text)-1] + `,` + text[1:at] + `}`
		}
		return []byte(text)
	}
	r := bookRig(t, rigOptions{remote: true, wrap: func(e *engine.Engine) backendLike { return &remoteLike{Engine: e, spell: spell} }})
	f := func(op ddb.Operation, body string, results ...Result) {
		t.Helper()
		want := string(spell(op, []byte(r.bare(op, body).body)))
		for _, result := range results {
			a := r.do(op, body)
			if a.err != nil || a.result != result || a.body != want {
				t.Errorf("%v: %v, %v\n got %s\nwant %s", op, a.result, a.err, a.body, want)
			}
			costly := r.do(op, strings.TrimSuffix(body, `}`)+`,"ReturnConsumedCapacity":"TOTAL"}`)
			if !strings.HasPrefix(costly.body, strings.TrimSuffix(want, `}`)+`,"ConsumedCapacity":{`) {
				t.Errorf("%v with its cost is %s", op, costly.body)
			}
		}
	}
	f(ddb.Query, queryBooks("ann", "author=:a", "", ""), Miss, Hit)
	f(ddb.Query, queryBooks("ann", "author=:a", "", `,"Limit":2`), Miss, Hit)
	f(ddb.Query, queryBooks("none", "author=:a", "", ""), Miss, Hit)
	f(ddb.Query, queryBooks("ann", "author=:a", "", `,"Select":"COUNT"`), Miss, Hit)
	f(ddb.Scan, `{"TableName":"books"}`, Miss)
}

// A page that is not plain is decoded, and cached all the same.
func TestUnusualPagesAreDecoded(t *testing.T) {
	t.Parallel()
	spell := func(op ddb.Operation, body []byte) []byte {
		if op == ddb.Query || op == ddb.GetItem {
			return bytes.ReplaceAll(body, []byte(`":`), []byte("\" :\t"))
		}
		return body
	}
	r := bookRig(t, rigOptions{remote: true, wrap: func(e *engine.Engine) backendLike { return &remoteLike{Engine: e, spell: spell} }})
	r.forget()
	for _, want := range []Result{Miss, Hit} {
		r.expect(want, ddb.Query, queryBooks("ann", "author=:a", "", ""))
		r.expect(want, ddb.GetItem, getBook("ann", "b", ""))
	}
}

// An item is cached in its canonical form, however the backend orders its attributes.
func TestItemsInAnyOrderAreOneImage(t *testing.T) {
	t.Parallel()
	spell := func(op ddb.Operation, body []byte) []byte {
		if op == ddb.GetItem {
			return bytes.Replace(body, []byte(`{"author":{"S":"ann"},"genre":{"S":"x"},`), []byte(`{"genre":{"S":"x"},"author":{"S":"ann"},`), 1)
		}
		return body
	}
	r := bookRig(t, rigOptions{remote: true, wrap: func(e *engine.Engine) backendLike { return &remoteLike{Engine: e, spell: spell} }})
	r.forget()
	r.expect(Miss, ddb.GetItem, getBook("ann", "b", ""))
	r.expect(Hit, ddb.GetItem, getBook("ann", "b", ""))
	r.expect(Miss, ddb.GetItem, getBook("ann", "none", ""))
	r.expect(Negative, ddb.GetItem, getBook("ann", "none", ""))
}

// cannedRig is a rig whose backend always answers the same, so that what a miss and a write cost is what millrace does.
func cannedRig(t testing.TB) *rig {
	item := func(title string) string { return book("ann", title, "x", 2000, strings.Repeat("n", 380)) }
	var page []string
	for i := range 10 {
		page = append(page, item(fmt.Sprintf("title%d", i)))
	}
	backend := &remoteLike{counted: true}
	// A budget of fills would let batches be read as their client sent them, uncached.
	store := cache.Config{Tables: map[string]cache.TableConfig{"*": {Remote: cache.RemoteConfig{RefillRate: 1 << 30}}}}
	r := newRig(t, rigOptions{remote: true, store: store, wrap: func(e *engine.Engine) backendLike {
		backend.Engine = e
		return backend
	}})
	r.must(ddb.CreateTable, bookTable)
	var batch []string
	for i := range cannedBatch {
		batch = append(batch, book("ann00000000", fmt.Sprintf("title%02d", cannedBatch-1-i), "x", 2000, strings.Repeat("n", 380)))
	}
	backend.canned = map[ddb.Operation]string{
		ddb.BatchGetItem: `{"Responses":{"books":[` + strings.Join(batch, ",") + `]},"UnprocessedKeys":{}}`,
		ddb.GetItem:      `{"Item":` + book("ann00000000", "a", "x", 2000, strings.Repeat("n", 380)) + `}`,
		ddb.Query: `{"ConsumedCapacity":{"CapacityUnits":1.0,"Table":{"CapacityUnits":1.0},"TableName":"books"},"Count":10,"Items":[` +
			strings.Join(page, ",") + `],"ScannedCount":10}`,
		ddb.PutItem: `{}`,
	}
	return r
}

// cannedBatch is how many items are asked for at once.
const cannedBatch = 25

// cannedKeys are their keys.
func cannedKeys() (keys []string) {
	for i := range cannedBatch {
		keys = append(keys, bookKey("ann00000000", fmt.Sprintf("title%02d", i)))
	}
	return keys
}

// cannedCalls are calls that each change the eight digits in their bodies, so that every read is a miss.
var cannedCalls = []struct {
	name   string
	op     ddb.Operation
	body   string
	result Result
}{
	{"GetItem", ddb.GetItem, getBook("ann00000000", "a", ""), Miss},
	{"Query", ddb.Query, queryBooks("ann00000000", "author=:a", "", ""), Miss},
	{"BatchGetItem", ddb.BatchGetItem, getBooks("", cannedKeys()...), Miss},
	{"PutItem", ddb.PutItem, `{"TableName":"books","Item":` + book("ann00000000", "a", "x", 2000, strings.Repeat("n", 380)) + `}`, Forward},
}

// countUp adds one to the eight digits in body that begin at at.
func countUp(body []byte, at int) {
	for i := at + 7; ; i-- {
		if body[i]++; body[i] <= '9' {
			return
		}
		body[i] = '0'
	}
}

// patientContext is a context as a front's: its caller stays until its deadline.
type patientContext struct {
	context.Context
	at time.Time
}

// Deadline is part of context.Context.
func (p patientContext) Deadline() (time.Time, bool) { return p.at, true }

// Patient is part of Patient.
func (patientContext) Patient() {}

// cannedCall makes calls like the i-th of cannedCalls, each different from the one before.
func cannedCall(t testing.TB, i int) func() {
	c, r := cannedCalls[i], cannedRig(t)
	body := []byte(c.body)
	var places []int
	for at := range body {
		if bytes.HasPrefix(body[at:], []byte("00000000")) {
			places = append(places, at)
		}
	}
	reply := Reply{Body: make([]byte, 0, 64<<10)}
	req := new(ddb.Request)
	r.proxy.config.ReadTimeout = time.Hour // so that a deadline that no benchmark reaches is near enough
	ctx := patientContext{context.Background(), time.Now().Add(time.Hour)}
	return func() {
		for _, at := range places {
			countUp(body, at)
		}
		*req = *ddb.NewRequest(c.op, body)
		reply.Body = reply.Body[:0]
		if err := r.proxy.Do(ctx, req, Options{}, &reply); err != nil || reply.Result != c.result {
			t.Fatalf("%s: %v, %v, want %v", c.name, reply.Result, err, c.result)
		}
	}
}

// BenchmarkMisses is what millrace does for a miss, and for a write, but for the sockets.
func BenchmarkMisses(b *testing.B) {
	for i, c := range cannedCalls {
		b.Run(c.name, func(b *testing.B) {
			call := cannedCall(b, i)
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
}
