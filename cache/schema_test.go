package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/cache/coherence"
	"millrace/ddb"
)

// description is a table keyed by the attribute called hash.
func description(name, hash string) *ddb.TableDescription {
	return &ddb.TableDescription{
		TableName: name, TableStatus: "ACTIVE",
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: hash, AttributeType: "S"}},
		KeySchema:            ddb.KeySchema{{AttributeName: hash, KeyType: "HASH"}},
	}
}

func TestSchemaIsLearnedOnceAndDropped(t *testing.T) {
	t.Parallel()
	asked := 0
	c := NewSchemaCache(newTestStore(t, 1<<20), func(_ context.Context, scope, table string) (*ddb.TableDescription, error) {
		asked++
		return description(table, scope+"h"), nil
	})
	first, err := c.Get(t.Context(), "x", "t")
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := c.Get(t.Context(), "x", "t"); again != first || asked != 1 {
		t.Errorf("a known schema was asked for again: %d times", asked)
	}
	if c.Known("x", []byte("t")) != first || c.Known("y", []byte("t")) != nil {
		t.Error("Known does not tell scopes apart")
	}
	if other, _ := c.Get(t.Context(), "y", "t"); other == nil || other.Table == first.Table {
		t.Error("two scopes share a table")
	}
	c.Drop("x", "t")
	if !first.Stale() || c.Known("x", []byte("t")) != nil {
		t.Error("a dropped schema is not stale")
	}
	c.DropAll()
	if c.Known("y", []byte("t")) != nil {
		t.Error("a schema survived DropAll")
	}
}

func TestOnlyUsableTablesHaveASchema(t *testing.T) {
	t.Parallel()
	desc, failure := description("t", "h"), error(nil)
	c := NewSchemaCache(newTestStore(t, 1<<20), func(context.Context, string, string) (*ddb.TableDescription, error) {
		return desc, failure
	})
	desc.TableStatus = "CREATING"
	if s, err := c.Get(t.Context(), "", "t"); s != nil || err != nil {
		t.Errorf("a table being created: %v, %v", s, err)
	}
	failure = errors.New("unreachable")
	if s, err := c.Get(t.Context(), "", "t"); s != nil || err != failure {
		t.Errorf("an unreachable backend: %v, %v", s, err)
	}
	failure = nil
	desc.TableStatus = "UPDATING"
	if s, err := c.Get(t.Context(), "", "t"); s == nil || err != nil {
		t.Errorf("a table being updated: %v, %v", s, err)
	}
	// #48: by its ARN a table is not cached, but it is no other table either.
	if s, err := c.Get(t.Context(), "", "arn:aws:dynamodb:us-east-1:000000000000:table/t"); s != nil || err != nil {
		t.Errorf("a table by its ARN: %v, %v", s, err)
	}
}

// P8: pages of a global index of a remote table live for index_ttl, which without a setting is no longer than other pages live; those of the
// table and of a local index live for query_ttl.
func TestPagesOfLaggingIndexesHaveATimeOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		table                TableConfig
		authoritative        bool
		pages, local, global time.Duration
	}{
		{TableConfig{}, false, time.Minute, time.Minute, 30 * time.Second},
		{TableConfig{QueryTTL: 5 * time.Second}, false, 5 * time.Second, 5 * time.Second, 5 * time.Second},
		{TableConfig{QueryTTL: 5 * time.Second, IndexTTL: 9 * time.Second}, false, 5 * time.Second, 5 * time.Second, 9 * time.Second},
		{TableConfig{QueryTTL: 2 * time.Minute}, false, 2 * time.Minute, 2 * time.Minute, 30 * time.Second},
		{TableConfig{}, true, time.Minute, time.Minute, time.Minute},
	} {
		store, err := NewStore(Config{Memory: 1 << 20, Tables: map[string]TableConfig{"*": c.table}, Authoritative: c.authoritative})
		if err != nil {
			t.Fatal(err)
		}
		desc := description("t", "h")
		all := &ddb.Projection{ProjectionType: "ALL"}
		desc.LocalSecondaryIndexes = []ddb.LocalSecondaryIndexDescription{{IndexName: "local", KeySchema: desc.KeySchema, Projection: all}}
		desc.GlobalSecondaryIndexes = []ddb.GlobalSecondaryIndexDescription{{IndexName: "global", IndexStatus: "ACTIVE", KeySchema: desc.KeySchema, Projection: all}}
		schemas := NewSchemaCache(store, func(context.Context, string, string) (*ddb.TableDescription, error) { return desc, nil })
		s, err := schemas.Get(t.Context(), "", "t")
		if err != nil {
			t.Fatal(err)
		}
		for index, want := range map[string]time.Duration{"": c.pages, "local": c.local, "global": c.global} {
			if got := s.Pages(index).TTL; got != want {
				t.Errorf("%+v: pages of index %q live for %v, want %v", c.table, index, got, want)
			}
		}
	}
}

// A description that was read before the table changed must not be kept after it, and whoever comes after the change
// must not be given it.
func TestDescriptionFromBeforeAChangeIsNotKept(t *testing.T) {
	t.Parallel()
	asked := make(chan chan *ddb.TableDescription)
	c := NewSchemaCache(newTestStore(t, 1<<20), func(context.Context, string, string) (*ddb.TableDescription, error) {
		answer := make(chan *ddb.TableDescription)
		asked <- answer
		return <-answer, nil
	})
	get := func() <-chan *Schema {
		out := make(chan *Schema, 1)
		go func() {
			s, _ := c.Get(context.Background(), "", "t")
			out <- s
		}()
		return out
	}
	before := get()
	old := <-asked
	c.Drop("", "t")
	after := get()
	fresh := <-asked // it asks for itself
	fresh <- description("t", "new")
	if s := <-after; s.Stale() || c.Known("", []byte("t")) != s {
		t.Error("the schema asked for after the change is not known")
	}
	old <- description("t", "old")
	if s := <-before; !s.Stale() {
		t.Error("the schema asked for before the change is not stale")
	}
	if s := c.Known("", []byte("t")); s == nil || s.Description.KeySchema.Hash() != "new" {
		t.Errorf("known is %+v, want the new schema", s)
	}
}

func TestConcurrentLearnersAskOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	gate := make(chan struct{})
	c := NewSchemaCache(newTestStore(t, 1<<20), func(context.Context, string, string) (*ddb.TableDescription, error) {
		asked.Add(1)
		<-gate
		return description("t", "h"), nil
	})
	// One caller's end is not the others'.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var wg sync.WaitGroup
	started := make(chan struct{}, 10)
	for i := range 10 {
		wg.Go(func() {
			ctx := t.Context()
			if i%2 == 0 {
				ctx = gone
			}
			started <- struct{}{}
			if s, err := c.Get(ctx, "", "t"); s == nil && !errors.Is(err, context.Canceled) {
				t.Errorf("no schema: %v", err)
			}
		})
	}
	for range 10 {
		<-started
	}
	close(gate)
	wg.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want once", asked.Load())
	}
}

// Names of tables that may not be described are remembered for a while, and never more than so many.
func TestDeniedNamesAreFew(t *testing.T) {
	asked := 0
	c := NewSchemaCache(newTestStore(t, 1<<20), func(context.Context, string, string) (*ddb.TableDescription, error) {
		asked++
		return nil, &ddb.Error{Code: "AccessDeniedException", Message: "not authorized"}
	})
	for range 2 {
		for i := range maxPaused + 500 {
			if s, err := c.Get(t.Context(), "", fmt.Sprintf("none-%d", i)); s != nil || err != nil {
				t.Fatalf("Get = %v, %v, want neither", s, err)
			}
		}
	}
	if len(c.paused) != maxPaused || asked != maxPaused+2*500 {
		t.Errorf("%d names are remembered, %d were asked for; want %d and %d", len(c.paused), asked, maxPaused, maxPaused+2*500)
	}
}

// A table whose description was waited for in vain is not described again for a second, so that not everybody waits; what fails at once
// is asked for again.
func TestMissingDescriptionsAreNotWaitedForByAll(t *testing.T) {
	var now coherence.Time = 1
	store, err := NewStore(Config{Memory: 1 << 20, Clock: func() coherence.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	asked, answer, takes := 0, error(nil), time.Duration(0)
	c := NewSchemaCache(store, func(context.Context, string, string) (*ddb.TableDescription, error) {
		asked++
		now += coherence.Time(takes)
		return nil, answer
	})
	f := func(what string, err error, after time.Duration, again bool) {
		t.Helper()
		asked, answer, takes = 0, err, after
		for range 3 {
			if s, got := c.Get(t.Context(), "", "t"); s != nil || got == nil {
				t.Errorf("%s: Get = %v, %v, want an error", what, s, got)
			}
		}
		if want := map[bool]int{true: 3, false: 1}[again]; asked != want {
			t.Errorf("%s: described %d times in one moment, want %d", what, asked, want)
		}
		now += coherence.Time(failedPause)
		if _, got := c.Get(t.Context(), "", "t"); !errors.Is(got, err) {
			t.Errorf("%s: Get a second later = %v, want it asked for again", what, got)
		}
		now += coherence.Time(failedPause)
	}
	f("no answer", context.DeadlineExceeded, describeTimeout, false)
	f("an upstream in trouble", ddb.InternalServerError("Internal server error"), slowFailure, false)
	f("one that says so at once", ddb.InternalServerError("Internal server error"), slowFailure-1, true)
	f("no such table", ddb.ResourceNotFound("Requested resource not found"), 0, true)
}
