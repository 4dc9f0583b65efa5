package node

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/cache"
	"millrace/internal/units"
)

// With stale_if_error an entry past its bound is still an answer when upstream gives none, and is labelled; without, the
// read fails in a way that clients retry. An entry within its bound is a hit in any case.
func TestStaleAnswersAreLabelledAndAskedFor(t *testing.T) {
	t.Parallel()
	// Upstream goes away as a whole, or somebody answers in its place.
	for _, way := range [][2]bool{{true, false}, {false, false}, {true, true}} {
		allowed, redirected := way[0], way[1]
		behind := run(t, testConfig())
		var away atomic.Bool
		url := behind.address()
		if redirected {
			url = overridden(t, behind, func(w http.ResponseWriter, r *http.Request) bool {
				if !away.Load() {
					return false
				}
				http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
				return true
			})
		}
		config := upstreamConfig(url)
		config.Upstream.StaleIfError = allowed
		config.Tables = map[string]TableConfig{"*": {Delta: units.Duration(time.Second)}}
		front := run(t, config)
		front.mustCall("CreateTable", strings.TrimSuffix(createTable, "}")+`,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`)
		front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"N":"7"}}}`)
		// A hit from before the stream is followed would be forgotten when it is.
		for ready, end := false, time.Now().Add(2*time.Minute); !ready; {
			covered := front.node.store.CoverageOf("", "t-1") == cache.Stream
			header, _ := front.mustCall("GetItem", rewriteGet)
			result := header.Get("X-Millrace-Cache")
			if ready = covered && result == "hit"; !ready && time.Now().After(end) {
				t.Fatalf("an item read over and over is %q, and its stream is followed: %v", result, covered)
			}
		}
		if redirected {
			away.Store(true)
		} else if err := behind.wait(); err != nil {
			t.Fatal(err)
		}
		want, end := "stale", time.Now().Add(2*time.Minute)
		if !allowed {
			want = "error"
		}
		for {
			status, header, body := front.call("GetItem", rewriteGet)
			result := header.Get("X-Millrace-Cache")
			if status >= 500 {
				result = "error"
			}
			if result == want {
				if allowed && body != `{"Item":{"p":{"S":"a"},"v":{"N":"7"}}}` {
					t.Errorf("stale answer is %s", body)
				}
				// A batch is answered if each of its keys is.
				f := func(keys, more string, answered bool) {
					t.Helper()
					status, header, body := front.call("BatchGetItem", `{"RequestItems":{"t-1":{"Keys":[`+keys+`]`+more+`}}}`)
					if !answered && status < 300 {
						t.Errorf("stale_if_error %v: a batch of %s%s with upstream gone is %d %s, want an error", allowed, keys, more, status, body)
					}
					result := header.Get("X-Millrace-Cache")
					if answered && (result != "stale; hits=0/1" || body != `{"Responses":{"t-1":[{"p":{"S":"a"},"v":{"N":"7"}}]},"UnprocessedKeys":{}}`) {
						t.Errorf("stale_if_error %v: a batch of %s%s with upstream gone is %d %q %s", allowed, keys, more, status, result, body)
					}
				}
				f(`{"p":{"S":"a"}}`, "", allowed)
				f(`{"p":{"S":"a"}},{"p":{"S":"b"}}`, "", false)
				f(`{"p":{"S":"a"}}`, `,"ConsistentRead":true`, false)
				break
			}
			if result != "hit" || time.Now().After(end) {
				t.Fatalf("stale_if_error %v: a GetItem with upstream gone is %d %q %s, want hits and then %s", allowed, status, result, body, want)
			}
		}
	}
}
