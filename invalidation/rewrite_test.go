package invalidation

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// A rewrite that was denied is tried again after a time, by one request, which its client does not notice; and each change is told once.
func TestDeniedRewritesAreTriedAgain(t *testing.T) {
	t.Parallel()
	now := coherence.Time(time.Hour)
	s := newSetupWith(t, cache.Config{Clock: func() coherence.Time { return now }})
	var log bytes.Buffer
	s.guard.rewrites.log = slog.New(slog.NewTextHandler(&log, nil))
	denies, asked, plain := true, 0, 0
	s.next.then = func(_ context.Context, req *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
		if req.Op != ddb.UpdateItem {
			return resp, err
		}
		if !strings.Contains(string(req.Body()), "ALL_NEW") {
			plain++
			return resp, err
		}
		if asked++; denies {
			return nil, &ddb.Error{Code: "AccessDeniedException"}
		}
		return resp, err
	}
	s.entry("a") // the schema is known
	f := func(when string, wantAsked, wantPlain, warnings, infos int) {
		t.Helper()
		asked, plain = 0, 0
		for range 3 {
			resp := s.must(ddb.UpdateItem, `{"TableName":"ttt","Key":{"h":{"S":"a"},"s":{"S":"s"}},"UpdateExpression":"SET v = :v","ExpressionAttributeValues":{":v":{"S":"1"}}}`)
			if body, _ := resp.JSON(); string(body) != "{}" {
				t.Errorf("%s: the client is answered %s", when, body)
			}
		}
		if asked != wantAsked || plain != wantPlain {
			t.Errorf("%s: three updates were sent %d times asking for the image and %d times as they were, want %d and %d", when, asked, plain, wantAsked, wantPlain)
		}
		if w, i := strings.Count(log.String(), "level=WARN"), strings.Count(log.String(), "level=INFO"); w != warnings || i != infos {
			t.Errorf("%s: %d warnings and %d infos, want %d and %d:\n%s", when, w, i, warnings, infos, log.String())
		}
	}
	f("at first", 1, 3, 1, 0)
	f("while that is known", 0, 3, 1, 0)
	now += coherence.Time(denialLasts)
	f("when it is tried again and still denied", 1, 3, 1, 0)
	denies = false
	f("when it is allowed, which nobody knows", 0, 3, 1, 0)
	now += coherence.Time(denialLasts)
	f("when it is tried again and allowed", 3, 0, 1, 1)
	denies = true
	f("when it is denied again", 1, 3, 2, 1)
}
