package proxy

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/ddb"
	"millrace/invalidation"
)

// TestSettingsChangeUnderLoad switches a table between on, off and items-only while four clients write and read items of
// their own. It checks, for every read that begins after the client's own write was acknowledged:
//
//  1. GetItem and Query return that write (nobody else writes the item), with the caches in any state.
//  2. After the last switch to on, reads are hits again.
func TestSettingsChangeUnderLoad(t *testing.T) {
	for _, remote := range []bool{false, true} {
		r := newRig(t, rigOptions{remote: remote})
		r.must(ddb.CreateTable, bookTable)
		modes := make([]*cache.Settings, 3)
		for i, mode := range []cache.Mode{cache.Off, cache.ItemsOnly, cache.On} {
			var err error
			if modes[i], err = cache.NewSettings(map[string]cache.TableConfig{"books": {Cache: mode}}); err != nil {
				t.Fatal(err)
			}
		}
		r.putBook("author0", "title", "x", 1, "note0") // whose client may not get to it on a busy machine
		until := time.Now().Add(300 * time.Millisecond)
		var clients sync.WaitGroup
		var reads atomic.Int64
		for c := range 4 {
			clients.Go(func() {
				author := fmt.Sprintf("author%d", c)
				for n := 1; time.Now().Before(until); n++ {
					note := fmt.Sprintf("note%d", n)
					r.putBook(author, "title", "x", 1, note)
					for range 3 {
						for _, read := range []struct {
							op   ddb.Operation
							body string
						}{{ddb.GetItem, getBook(author, "title", "")}, {ddb.Query, queryBooks(author, "author=:a", "", "")}} {
							var reply Reply
							if err := r.proxy.Do(context.Background(), ddb.NewRequest(read.op, []byte(read.body)), Options{}, &reply); err != nil {
								t.Error(err)
							}
							if !bytes.Contains(reply.Body, []byte(`"`+note+`"`)) {
								t.Errorf("remote %v: after write %d %v (%v) answers %s", remote, n, read.op, reply.Result, reply.Body)
								return
							}
							reads.Add(1)
						}
					}
				}
			})
		}
		switches := 0
		for ; time.Now().Before(until); switches++ {
			r.guard.Reconfigure(modes[switches%len(modes)])
		}
		clients.Wait()
		t.Logf("remote %v: %d reads, %d switches", remote, reads.Load(), switches)
		r.guard.Reconfigure(modes[2])
		var reply Reply
		for range 2 {
			reply = Reply{}
			if err := r.proxy.Do(context.Background(), ddb.NewRequest(ddb.GetItem, []byte(getBook("author0", "title", ""))), Options{}, &reply); err != nil {
				t.Fatal(err)
			}
		}
		if reply.Result != Hit {
			t.Errorf("remote %v: after the last switch to on a second read is a %v", remote, reply.Result)
		}
	}
}

// heldCommit holds the next commit up when it is announced, or would be, and before it can be seen.
type heldCommit struct {
	*invalidation.Invalidator
	hold            atomic.Bool
	reached, resume chan struct{}
}

// Pending is part of engine.CommitHooks.
func (h *heldCommit) Pending(changes []ddb.Change) {
	h.Invalidator.Pending(changes)
	if h.hold.CompareAndSwap(true, false) {
		close(h.reached)
		<-h.resume
	}
}

// heldRead is a backend that holds the next GetItem up when it has its answer.
type heldRead struct {
	*engine.Engine
	hold            atomic.Bool
	reached, resume chan struct{}
}

// Do executes req.
func (h *heldRead) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	resp, err := h.Engine.Do(ctx, req)
	if req.Op == ddb.GetItem && h.hold.CompareAndSwap(true, false) {
		close(h.reached)
		<-h.resume
	}
	return resp, err
}

// A table becomes cached while a commit to it is on its way that was not announced, because nothing of the table was cached:
// the interleaving that Reconfigure's comment numbers. The settings hold only when that commit is visible, and what was read
// before it is never served after it.
func TestSettingsWaitForCommitsThatWereNotAnnounced(t *testing.T) {
	t.Parallel()
	settings := func(mode cache.Mode) *cache.Settings {
		s, err := cache.NewSettings(map[string]cache.TableConfig{"counters": {Cache: mode}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	commit := &heldCommit{reached: make(chan struct{}), resume: make(chan struct{})}
	read := &heldRead{reached: make(chan struct{}), resume: make(chan struct{})}
	r := newRig(t, rigOptions{
		store: cache.Config{Tables: map[string]cache.TableConfig{"counters": {Cache: cache.Off}}},
		hooks: func(v *invalidation.Invalidator) engine.CommitHooks { commit.Invalidator = v; return commit },
		wrap:  func(e *engine.Engine) backendLike { read.Engine = e; return read },
	})
	const get = `{"TableName":"counters","Key":{"id":{"N":"1"}}}`
	put := func(v string) string { return `{"TableName":"counters","Item":{"id":{"N":"1"},"v":{"N":"` + v + `"}}}` }
	r.must(ddb.CreateTable, hashTable)
	r.must(ddb.PutItem, put("1"))
	r.must(ddb.GetItem, get)

	// The engine commits by itself, as when an item's time is over: the guard knows nothing of it.
	var under sync.WaitGroup
	commit.hold.Store(true)
	under.Go(func() {
		if a := r.bare(ddb.PutItem, put("2")); a.err != nil {
			t.Error(a.err)
		}
	})
	<-commit.reached
	reconfigured := make(chan struct{})
	go func() {
		defer close(reconfigured)
		r.guard.Reconfigure(settings(cache.On))
	}()
	select {
	case <-reconfigured:
		t.Error("the settings hold while a commit is on its way that was not announced")
	case <-time.After(200 * time.Millisecond): // that it does not come can only be waited for
	}
	read.hold.Store(true)
	before := make(chan answer, 1)
	go func() { before <- r.do(ddb.GetItem, get) }()
	<-read.reached
	close(commit.resume)
	under.Wait()
	close(read.resume)
	if a := <-before; a.err != nil {
		t.Error(a.err)
	}
	<-reconfigured
	for i := range 3 {
		a := r.must(ddb.GetItem, get)
		if a.body != `{"Item":{"id":{"N":"1"},"v":{"N":"2"}}}` {
			t.Errorf("after the commit read %d is %s (%v)", i, a.body, a.result)
		}
		if i > 0 && a.result != Hit {
			t.Errorf("of a table that is cached now read %d is a %v", i, a.result)
		}
	}
}

// Settings hold for what is cached already: an entry of a table whose settings change is not served by the old ones.
func TestSettingsHoldForWhatIsCached(t *testing.T) {
	t.Parallel()
	for _, remote := range []bool{false, true} {
		r := newRig(t, rigOptions{remote: remote})
		r.must(ddb.CreateTable, hashTable)
		r.must(ddb.CreateTable, bookTable)
		const get, other = `{"TableName":"counters","Key":{"id":{"N":"1"}}}`, `{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":"t"}}}`
		f := func(op ddb.Operation, body string, want Result) {
			t.Helper()
			if a := r.must(op, body); a.result != want {
				t.Errorf("remote %v: %v is a %v, want %v", remote, op, a.result, want)
			}
		}
		r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"1"}}}`)
		r.must(ddb.GetItem, get)
		r.must(ddb.Scan, `{"TableName":"counters"}`)
		f(ddb.GetItem, get, Hit)
		if !remote { // whose writes keep pages from being stored for a while
			f(ddb.Scan, `{"TableName":"counters"}`, Hit)
		}
		r.must(ddb.GetItem, other)
		f(ddb.GetItem, other, Negative)
		shorter, err := cache.NewSettings(map[string]cache.TableConfig{"counters": {ItemTTL: time.Minute, Cache: cache.ItemsOnly}})
		if err != nil {
			t.Fatal(err)
		}
		if changed := r.guard.Reconfigure(shorter); len(changed) != 1 || changed[0].Name != "counters" {
			t.Errorf("remote %v: changed are %v", remote, changed)
		}
		f(ddb.GetItem, get, Refill)
		f(ddb.Scan, `{"TableName":"counters"}`, Forward)
		f(ddb.GetItem, get, Hit)
		f(ddb.GetItem, other, Negative)
	}
}
