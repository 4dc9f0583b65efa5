package metrics

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func TestHotKeysAreFound(t *testing.T) {
	t.Parallel()
	m := newTest()
	h := &m.HotKeys
	books, authors := m.Table("books"), m.Table("authors")
	r := rand.New(rand.NewPCG(1, 2))
	// One key has a fifth of all, one a tenth, and a hundred thousand share the rest.
	for range 100_000 {
		switch n := r.IntN(10); {
		case n < 2:
			h.sample(books, []byte("hot"))
		case n == 2:
			h.sample(authors, []byte("hot"))
		default:
			h.sample(books, fmt.Append(nil, r.IntN(100_000)))
		}
	}
	top := h.Top(10)
	if len(top) < 2 || top[0].Table != "books" || top[1].Table != "authors" || top[0].Hash != top[1].Hash || top[0].Hash != h.Hash([]byte("hot")) {
		t.Fatalf("the hottest keys are %+v", top)
	}
	for i, want := range []float64{0.2, 0.1} {
		if got := top[i].Share; got < want-0.03 || got > want+0.01 {
			t.Errorf("share %d is %v, want about %v", i, got, want)
		}
	}
	if top[0].Key != "" {
		t.Errorf("the key %q is shown", top[0].Key)
	}
	for _, k := range top[2:] {
		if k.Share > 0.01 {
			t.Errorf("a key of the many has share %v", k.Share)
		}
	}
}

func TestHotKeysAreForgottenInTime(t *testing.T) {
	t.Parallel()
	m := newTest()
	h := &m.HotKeys
	books := m.Table("books")
	for range 1000 {
		h.sample(books, []byte("old"))
	}
	h.mu.Lock()
	h.age(h.halved.Add(5 * hotPeriod))
	h.halved = time.Now()
	h.mu.Unlock()
	for range 100 {
		h.sample(books, []byte("new"))
	}
	if top := h.Top(1); len(top) != 1 || top[0].Hash != h.Hash([]byte("new")) {
		t.Errorf("after five periods the hottest is %+v", top)
	}
}

func TestKeysAreKeptOnlyWhereTheyMayBeShown(t *testing.T) {
	t.Parallel()
	m := newTest()
	h := &m.HotKeys
	books := m.Table("books")
	sample := func() {
		for range hotEvidence {
			h.sample(books, []byte("k"))
		}
	}
	sample()
	h.Configure(true, true)
	h.sample(books, []byte("k"))
	if top := h.Top(1); len(top) != 0 {
		t.Errorf("a key that was seen once is shown: %+v", top)
	}
	sample()
	if top := h.Top(1); len(top) != 1 || top[0].Key != "k" {
		t.Errorf("where keys may be shown the hottest is %+v", top)
	}
	h.Configure(true, false)
	if top := h.Top(1); len(top) != 0 {
		t.Errorf("after keys may no longer be shown: %+v", top)
	}
	h.Configure(false, false)
	sample()
	if top := h.Top(1); len(top) != 0 {
		t.Errorf("switched off: %+v", top)
	}
}

func TestSlowRequestsAreBounded(t *testing.T) {
	t.Parallel()
	m := newTest()
	s := &m.Slow
	if s.Is(defaultSlow-1) || !s.Is(defaultSlow) {
		t.Error("the default threshold is another one")
	}
	s.Configure(0)
	if s.Is(time.Hour) {
		t.Error("a threshold of 0 finds slow requests")
	}
	if got := s.Latest(); len(got) != 0 {
		t.Errorf("before any: %v", got)
	}
	for i := range slowKept + 10 {
		s.Add(SlowRequest{Key: uint64(i)})
	}
	got := s.Latest()
	if len(got) != slowKept || got[0].Key != slowKept+9 || got[slowKept-1].Key != 10 {
		t.Errorf("%d are kept, from %d to %d", len(got), got[0].Key, got[len(got)-1].Key)
	}
}
