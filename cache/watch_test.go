package cache

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"millrace/cache/coherence"
	"millrace/ddb"
)

// watched is a schema cache of a remote store with a clock that the test moves, and what DescribeTable answers.
type watched struct {
	t       *testing.T
	store   *Store
	schemas *SchemaCache
	now     coherence.Time
	log     bytes.Buffer
	asked   int
	desc    *ddb.TableDescription
	err     error
	learned []*Schema
}

// newWatched makes one over a table that is there.
func newWatched(t *testing.T, tables map[string]TableConfig) *watched {
	t.Helper()
	w := &watched{t: t, now: coherence.Time(time.Hour), desc: description("t", "h")}
	w.desc.TableId = "1"
	var err error
	w.store, err = NewStore(Config{
		Memory: 1 << 20, Tables: tables, Clock: func() coherence.Time { return w.now },
		Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.schemas = NewSchemaCache(w.store, func(context.Context, string, string) (*ddb.TableDescription, error) {
		w.asked++
		if w.err != nil {
			return nil, w.err
		}
		d := *w.desc
		return &d, nil
	})
	w.schemas.OnLearn(func(s *Schema) { w.learned = append(w.learned, s) })
	return w
}

// get gets the table's schema.
func (w *watched) get() *Schema {
	w.t.Helper()
	s, err := w.schemas.Get(w.t.Context(), "", "t")
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// relearn drops what is known of the table and learns it again.
func (w *watched) relearn() *Schema {
	w.schemas.Drop("", "t")
	return w.get()
}

// fill caches an item.
func (w *watched) fill(s *Schema) {
	w.t.Helper()
	r := w.store.Items().Read(s, []byte("k"), Lookup{}, nil)
	if r.Outcome != coherence.Lead {
		w.t.Fatalf("the item is cached already: %d", r.Outcome)
	}
	w.store.Items().Done(r.Flight, ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue("k")}), true)
}

// cached reports whether the item of fill may be served.
func (w *watched) cached(s *Schema) bool {
	r := w.store.Items().Read(s, []byte("k"), Lookup{KeepStale: true}, nil)
	if r.Outcome == coherence.Lead {
		w.store.Items().Fail(r.Flight, Answer{Err: errors.New("not asked")})
	}
	return r.Outcome == coherence.Hit
}

func TestTableThatMayNotBeDescribedIsUncachedAndSaidOnce(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	w.err = &ddb.Error{Code: "AccessDeniedException", Message: "User: arn:x is not authorized to perform: dynamodb:DescribeTable"}
	for range 3 {
		if s := w.get(); s != nil {
			t.Errorf("a table that may not be described has a schema: %+v", s)
		}
	}
	if w.asked != 1 {
		t.Errorf("it was described %d times within a minute", w.asked)
	}
	w.now += coherence.Time(deniedPause)
	w.get()
	if w.asked != 2 || strings.Count(w.log.String(), "DescribeTable is denied") != 1 {
		t.Errorf("described %d times after a minute, and told:\n%s", w.asked, w.log.String())
	}
	w.now += coherence.Time(deniedPause)
	w.err = nil
	if w.get() == nil {
		t.Error("a table that may be described at last is still uncached")
	}
}

func TestLearningIsTold(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	s := w.get()
	w.get()
	w.fill(s)
	again := w.relearn()
	if len(w.learned) != 2 || w.learned[0] != s || w.learned[1] != again {
		t.Errorf("learned %d times, want twice", len(w.learned))
	}
	if !w.cached(again) {
		t.Error("learning a table that is the same again forgets what is cached of it")
	}
}

// R25: a table made anew under the same name is told by its id even when its schema had been dropped.
func TestTableMadeAnewIsForgottenWhoeverNotices(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	s := w.get()
	w.fill(s)
	w.schemas.Drop("", "t")
	w.desc.TableId = "2"
	if fresh := w.get(); w.cached(fresh) {
		t.Error("an item of the table that was is served for the one that is")
	}
}

// R25, R27: whoever still reads the stream that was vouches for nothing.
func TestReaderOfAnotherStreamVouchesForNothing(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	s := w.get()
	w.store.Cover("", "t", Stream, 0)
	w.store.Advance("", "t", w.now)
	if w.store.Core().Watermark(s.Table) != w.now {
		t.Error("the watermark does not follow the reader")
	}
	w.desc.LatestStreamArn = "another"
	w.relearn()
	w.now++
	w.store.Advance("", "t", w.now)
	if w.store.Core().Watermark(s.Table) == w.now {
		t.Error("the reader of the old stream raises the watermark")
	}
	w.store.Cover("", "t", Stream, 0)
	w.store.Advance("", "t", w.now)
	if w.store.Core().Watermark(s.Table) != w.now {
		t.Error("the reader of the new stream does not raise the watermark")
	}
}

func TestAStreamThatWasFollowedBeforeItIsLearnedStaysFollowed(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	s := w.get()
	w.store.Cover("", "t", Stream, 0)
	w.desc.LatestStreamArn = "another"
	w.schemas.Sighted("", "t", w.desc)
	w.now++
	w.store.Advance("", "t", w.now)
	if w.store.Core().Watermark(s.Table) == w.now {
		t.Error("the reader of the old stream raises the watermark")
	}
	w.store.Cover("", "t", Stream, 0)
	w.relearn()
	w.store.Advance("", "t", w.now)
	if w.store.Core().Watermark(s.Table) != w.now {
		t.Error("the reader of the new stream does not raise the watermark once the table was learned anew")
	}
}

func TestCoverageDecidesHowOldAnswersMayBe(t *testing.T) {
	t.Parallel()
	w := newWatched(t, map[string]TableConfig{"t": {Remote: RemoteConfig{Delta: 2 * time.Second}}, "dax": {Remote: RemoteConfig{Coherence: "dax-compatible"}}})
	s := w.get()
	if got := w.store.CoverageOf("", "t"); got != TTL {
		t.Errorf("a table without a stream is covered by %q", got)
	}
	w.fill(s)
	w.now += coherence.Time(time.Minute)
	if !w.cached(s) {
		t.Error("without a stream an item is served for less than its TTL")
	}
	if was := w.store.Cover("", "t", Stream, 0); was != TTL || w.store.CoverageOf("", "t") != Stream || w.cached(s) {
		t.Errorf("coverage was %q, is %q, and what was cached before is served: %v", was, w.store.CoverageOf("", "t"), w.cached(s))
	}
	w.fill(s)
	w.now += coherence.Time(2 * time.Second)
	if !w.cached(s) {
		t.Error("an item is not served within Delta")
	}
	w.now++
	if w.cached(s) {
		t.Error("an item is served beyond Delta though the stream has not been read")
	}
	if r, ok := w.store.Items().Stale(s, []byte("k"), Lookup{KeepStale: true}, nil); !ok || r.Age <= 2*time.Second {
		t.Errorf("Stale = %q aged %v, %v", r.Body, r.Age, ok)
	}
	w.store.Advance("", "t", w.now-coherence.Time(time.Second))
	if !w.cached(s) {
		t.Error("an item that the watermark vouches for is not served")
	}
	w.store.Lost("", "t", "trimmed")
	if w.cached(s) || !strings.Contains(w.log.String(), "reason=trimmed") {
		t.Errorf("after a loss an item is served, or nobody is told: %s", w.log.String())
	}
	if was := w.store.Cover("", "dax", Stream, 0); was != DAXCompatible || w.store.CoverageOf("", "dax") != DAXCompatible {
		t.Errorf("a dax-compatible table is covered by %q", w.store.CoverageOf("", "dax"))
	}
}
