package awsjson

import (
	"context"
	"testing"
	"time"

	"millrace/ddb"
	"millrace/proxy"
)

func TestCacheControlOfARequest(t *testing.T) {
	t.Parallel()
	f := func(header string, want proxy.Options) {
		t.Helper()
		if got := parseControl(header); got != want {
			t.Errorf("parseControl(%q) = %+v, want %+v", header, got, want)
		}
	}
	f("no-cache", proxy.Options{NoCache: true})
	f(" No-Cache , x", proxy.Options{NoCache: true})
	f("max-age=60", proxy.Options{MaxAge: time.Minute})
	f(`Max-Age = "60"`, proxy.Options{MaxAge: time.Minute})
	f("max-age=60, max-age=5", proxy.Options{MaxAge: 5 * time.Second})
	f("max-age=60, no-cache", proxy.Options{NoCache: true, MaxAge: time.Minute})
	// What is not known is ignored; an age that nobody can read is 0, and 0 is the backend's.
	f("", proxy.Options{})
	f("no-transform, only-if-cached=1", proxy.Options{})
	f("max-age=0", proxy.Options{NoCache: true})
	f("max-age", proxy.Options{NoCache: true})
	f("max-age=soon", proxy.Options{NoCache: true})
	f("max-age=-1", proxy.Options{NoCache: true})
	f("max-age=99999999999999999999", proxy.Options{NoCache: true})
}

func TestCacheStatusOfAReply(t *testing.T) {
	t.Parallel()
	var got proxy.Options
	var answer proxy.Reply
	f := start(t, handlerFunc(func(_ context.Context, _ *ddb.Request, o proxy.Options, r *proxy.Reply) error {
		got = o
		r.Body = append(r.Body, "{}"...)
		r.Result, r.Hits, r.Keys = answer.Result, answer.Hits, answer.Keys
		return nil
	}), nil)
	check := func(r proxy.Reply, want string) {
		t.Helper()
		answer = r
		if status := f.exchange(request(good, "{}")).header.Get("X-Millrace-Cache"); status != want {
			t.Errorf("X-Millrace-Cache is %q, want %q", status, want)
		}
	}
	for r := range proxy.NumResults {
		check(proxy.Reply{Result: r}, r.String())
	}
	check(proxy.Reply{Result: proxy.Partial, Hits: 3, Keys: 5}, "partial; hits=3/5")
	check(proxy.Reply{Result: proxy.Hit, Hits: 5, Keys: 5}, "hit; hits=5/5")
	f.exchange(request(good+"X-Millrace-Cache-Control: no-cache\r\n", "{}"))
	if !got.NoCache {
		t.Error("no-cache did not reach the handler")
	}
	f.exchange(request(good, "{}"))
	if got != (proxy.Options{}) {
		t.Errorf("a request without the header has options %+v", got)
	}
}
