package proxy

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/cache"
	"millrace/ddb"
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
