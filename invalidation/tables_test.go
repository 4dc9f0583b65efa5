package invalidation

import (
	"testing"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// R25: from the announcement of a change of a table nothing of it is served, and what is read before the change is
// visible to all is not kept.
func TestAnnouncedTableChangeIsAFence(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	s.expect("a", image("a", "1"))
	s.must(ddb.PutItem, put("b", "1", ""))
	schema := s.guard.Schemas().Known("", []byte("ttt"))
	before := s.store.Items().Read(schema, s.key(schema, "c"), cache.Lookup{}, nil)
	old := ddb.ItemOf(ddb.Attribute{Name: "v", Value: ddb.StringValue("old")})
	s.inv.TablesChanging("", "ttt")
	s.expect("a", "")
	between := s.store.Items().Read(schema, s.key(schema, "b"), cache.Lookup{}, nil)
	if before.Outcome != coherence.Lead || between.Outcome != coherence.Lead {
		t.Fatalf("reads have outcomes %v and %v, want to lead fills", before.Outcome, between.Outcome)
	}
	s.store.Items().Done(between.Flight, old, true)
	s.expect("b", "")
	s.inv.TablesChanged("", "ttt")
	s.store.Items().Done(before.Flight, old, true)
	for _, h := range []string{"a", "b", "c"} {
		s.expect(h, "")
	}
	// What comes after is cached again.
	s.must(ddb.PutItem, put("a", "2", ""))
	s.expect("a", image("a", "2"))
}

// tableHooks looks at the cache when a change of a table is visible and the invalidator has not been told so.
type tableHooks struct {
	*Invalidator
	visible func(table string)
}

// TablesChanged looks, and tells.
func (h *tableHooks) TablesChanged(scope, table string) {
	h.visible(table)
	h.Invalidator.TablesChanged(scope, table)
}

// R25: while others see that a table is gone, no hit comes from it. The window is between the engine's publication of the
// change and its telling of it.
func TestNoHitComesFromATableThatOthersSeeGone(t *testing.T) {
	t.Parallel()
	store, err := cache.NewStore(cache.Config{Authoritative: true})
	if err != nil {
		t.Fatal(err)
	}
	hooks := &tableHooks{Invalidator: NewInvalidator(store), visible: func(string) {}}
	config := engine.DefaultConfig()
	config.InMemory, config.Hooks = true, hooks
	e, err := engine.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &setup{t: t, store: store, inv: hooks.Invalidator, next: &faulty{Engine: e}}
	s.guard = NewGuard(s.next, s.inv, GuardConfig{})
	t.Cleanup(func() {
		if err := s.guard.Close(); err != nil {
			t.Error(err)
		}
	})
	s.must(ddb.CreateTable, testTable)
	s.must(ddb.PutItem, put("a", "1", ""))
	s.expect("a", image("a", "1"))
	schema := s.guard.Schemas().Known("", []byte("ttt"))
	looked := 0
	hooks.visible = func(string) {
		looked++
		req := ddb.NewRequest(ddb.DescribeTable, []byte(`{"TableName":"ttt"}`))
		_, err := e.Do(t.Context(), req)
		r := store.Items().Read(schema, s.key(schema, "a"), cache.Lookup{Alone: true}, nil)
		if r.Outcome == coherence.Hit {
			t.Errorf("the cache serves %s of a table of which DescribeTable says %v", r.Body, err)
		}
		if r.Outcome == coherence.Lead {
			store.Items().Fail(r.Flight, cache.Answer{})
		}
	}
	s.must(ddb.DeleteTable, `{"TableName":"ttt"}`)
	s.must(ddb.CreateTable, testTable)
	if looked != 2 {
		t.Fatalf("hooks were told of %d changes of the table, want 2", looked)
	}
	hooks.visible = func(string) {}
	s.expect("a", "")
}
