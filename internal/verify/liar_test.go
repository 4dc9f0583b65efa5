package verify

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// lie is what a lying proxy does with a request: forward asks upstream, with this body or another.
type lie func(op string, body []byte, forward func([]byte) (int, []byte)) (int, []byte)

// newLiar serves a proxy before upstream that treats every request by a lie, and returns its URL.
func newLiar(t *testing.T, upstream string, tell lie) string {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	c := &ttlCache{upstream: upstream, client: &http.Client{Transport: transport}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		status, reply := tell(op, body, func(body []byte) (int, []byte) {
			status, reply := c.forward(w, r, body)
			return status, reply.body
		})
		ttlReply{reply}.send(w, status)
	}))
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	return server.URL
}

// honestly forwards what it is sent.
func honestly(_ string, body []byte, forward func([]byte) (int, []byte)) (int, []byte) {
	return forward(body)
}

// withoutConditions forwards requests without their conditions, and without the values that only those use, which
// DynamoDB refuses.
func withoutConditions(_ string, body []byte, forward func([]byte) (int, []byte)) (int, []byte) {
	var req map[string]any
	if err := json.Unmarshal(body, &req); err != nil {
		return http.StatusBadRequest, nil
	}
	if _, ok := req["ConditionExpression"]; !ok {
		return forward(body)
	}
	delete(req, "ConditionExpression")
	update, _ := req["UpdateExpression"].(string)
	if values, ok := req["ExpressionAttributeValues"].(map[string]any); ok {
		for name := range values {
			if !strings.Contains(update, name) {
				delete(values, name)
			}
		}
	}
	stripped, err := json.Marshal(req)
	if err != nil {
		return http.StatusInternalServerError, nil
	}
	return forward(stripped)
}

// sayingYes answers conditions that failed as if they had held.
func sayingYes(_ string, body []byte, forward func([]byte) (int, []byte)) (int, []byte) {
	status, reply := forward(body)
	if bytes.Contains(reply, []byte("ConditionalCheckFailedException")) {
		return http.StatusOK, []byte("{}")
	}
	return status, reply
}

func TestConditionsThatAreNotLookedAtAreFoundOut(t *testing.T) {
	t.Parallel()
	f := func(what string, tell lie, clients int, want Verdict) {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			upstream := startNode(t)
			cfg := quick(t, newLiar(t, upstream, tell), upstream)
			cfg.Only, cfg.Concurrency = []string{"own-condition", "foreign-condition"}, clients
			target, err := Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range target.Rows[slices.IndexFunc(target.Rows, func(r *Row) bool { return r.Name == "own-condition" }):] {
				if r.Verdict != want {
					t.Errorf("row %s: %s (%s), want %s", r.Name, r.Verdict, r.Why, want)
				}
				if want == Holds {
					if r.Swaps <= r.Samples || r.Samples == 0 {
						t.Errorf("row %s: %d swaps with %d that had to fail, want some of either", r.Name, r.Swaps, r.Samples)
					}
					continue
				}
				if len(r.Histories) == 0 || !strings.Contains(r.Histories[0].Says, "on the same condition") {
					t.Fatalf("row %s: histories %+v, want first one of two swaps from one version", r.Name, r.Histories)
				}
				ops := r.Histories[0].Ops
				first := slices.IndexFunc(ops, func(op Op) bool { return op.Mark == "contradicted" })
				second := slices.IndexFunc(ops, func(op Op) bool { return op.Mark == "offending" })
				if first < 0 || second <= first || !ops[first].Swap || !ops[second].Swap || ops[first].Version != ops[second].Version {
					t.Errorf("row %s: history %+v, want two swaps to one version", r.Name, ops)
				}
			}
			if target.Verdict != want {
				t.Errorf("verdict: %s, want %s", target.Verdict, want)
			}
		})
	}
	f("honest", honestly, 2, Holds)
	f("conditions stripped", withoutConditions, 4, Violated)
	f("conditions stripped, one client", withoutConditions, 1, Violated)
	f("failures called successes", sayingYes, 2, Violated)
}

// A proxy that is slow, and answers pages from a cache that is never renewed once it has seen some requests, is honest for
// as long as a short run lasts. That run must not say that it holds; a longer one finds it out.
func TestTooFewSamplesAreNoProof(t *testing.T) {
	t.Parallel()
	const honestFor, latency = 600, 50 * time.Millisecond
	run := func(d time.Duration) *Target {
		var mu sync.Mutex
		seen, pages := 0, map[string][]byte{}
		url := newLiar(t, startNode(t), func(op string, body []byte, forward func([]byte) (int, []byte)) (int, []byte) {
			if op == "PutItem" || op == "UpdateItem" || op == "DeleteItem" || op == "Query" {
				pause(t.Context(), latency) // The way to it is long.
			}
			mu.Lock()
			seen++
			page, ok := pages[string(body)]
			lying := seen > honestFor && op == "Query"
			mu.Unlock()
			if lying && ok {
				return http.StatusOK, page
			}
			status, reply := forward(body)
			if lying && status == http.StatusOK {
				mu.Lock()
				pages[string(body)] = reply
				mu.Unlock()
			}
			return status, reply
		})
		cfg := quick(t, url, "")
		cfg.Only, cfg.Rounds, cfg.Duration, cfg.MinSamples = []string{"own-query"}, 30, d, DefaultConfig().MinSamples
		target, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
	short := run(4500 * time.Millisecond) // in which the fastest machine makes 14 samples of the twenty, with some 300 requests, and a slow one one
	r := short.Rows[0]
	if r.Verdict != TooFewSamples || short.Verdict != TooFewSamples || r.Samples >= short.MinSamples || !strings.Contains(r.Why, "duration") {
		t.Errorf("cut short: %s (%s) with %d samples, want %s for want of time", r.Verdict, r.Why, r.Samples, TooFewSamples)
	}
	report := Report{Began: time.Now(), Version: "test", Targets: []*Target{short}}
	report.Judge()
	if report.Verdict != TooFewSamples {
		t.Errorf("verdict of the run: %s, want %s", report.Verdict, TooFewSamples)
	}
	text, page, asJSON := forms(t, report)
	const warning = "too few samples to say that it holds: own-query"
	for form, says := range map[string]string{"text": text, "page": page, "JSON": asJSON} {
		if !strings.Contains(says, warning) || !strings.Contains(says, "are needed") {
			t.Errorf("the %s does not warn:\n%s", form, says)
		}
	}
	if long := run(time.Minute); long.Verdict != Violated {
		t.Errorf("a longer run: %s with %d samples, want %s", long.Verdict, long.Rows[0].Samples, Violated)
	}
}

// A target that refuses all that was asked for is not one at which everything holds.
func TestNothingJudgedIsNoVerdict(t *testing.T) {
	t.Parallel()
	upstream := startNode(t)
	url := newLiar(t, upstream, func(op string, body []byte, forward func([]byte) (int, []byte)) (int, []byte) {
		if op == "TransactGetItems" {
			return http.StatusBadRequest, []byte(`{"__type":"com.amazonaws.dynamodb.v20120810#UnknownOperationException"}`)
		}
		return forward(body)
	})
	f := func(only string, row Verdict) {
		t.Helper()
		cfg := quick(t, url, "")
		cfg.Only = []string{only}
		target, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if target.Rows[0].Verdict != row || target.Verdict != Failed || !strings.Contains(target.Why, "nothing") {
			t.Errorf("%s: %s, target %s (%s); want %s, %s because nothing was judged", only, target.Rows[0].Verdict, target.Verdict, target.Why, row, Failed)
		}
	}
	f("own-transact-get", NotSupported)
	f("foreign-item", NotRun)
}
