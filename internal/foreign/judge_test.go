package main

import (
	"strings"
	"testing"
	"time"
)

// judged is the judgement of items that were read once, written once and read n times more, every nth of which missed.
func judged(items, n int) error {
	l := &load{o: &options{delta: time.Second, owed: 1}}
	at := time.Second
	for i := range items {
		l.reads = append(l.reads, read{kind: readItem, key: i, from: at, to: at + 1, shown: []shown{{i, 0}}})
		at += 10
		for k := range n {
			l.reads = append(l.reads, read{kind: readItem, key: i, from: at, to: at + 1, hit: k > 0, shown: []shown{{i, 0}}})
			at += 10
		}
	}
	v := variant{useful: true}
	return judge(l, l.o, v).err(v)
}

// Too few hits are told, unless chance may be why: of few reads more may miss.
func TestHitsAreOwed(t *testing.T) {
	t.Parallel()
	f := func(items, n int, want string) {
		t.Helper()
		got := ""
		if err := judged(items, n); err != nil {
			got, _, _ = strings.Cut(err.Error(), "\n")
		}
		if !strings.HasPrefix(got, want) || want == "" && strings.HasPrefix(got, "items") {
			t.Errorf("%d items of which one read of %d missed: %q, want %q", items, n, got, want)
		}
	}
	f(1000, 100, "")
	f(1000, 10, "items have 0.900 of an omniscient cache's hits, 0.95 are owed")
	f(6, 10, "")
	f(6, 2, "items would be hits of an omniscient cache 12 times, which is too few")
	f(40, 2, "items have 0.500 of an omniscient cache's hits")
}

// An answer that was overwritten for longer than the bound is told, and an own write that is not seen.
func TestStaleAnswersAreTold(t *testing.T) {
	t.Parallel()
	l := &load{o: &options{delta: time.Second, owed: 1}}
	l.writes = []write{{item: 1, version: 1, from: 0, to: time.Second}, {item: 2, version: 1, from: 0, to: time.Second, own: true}}
	l.reads = []read{
		{kind: readItem, key: 1, from: 2 * time.Second, to: 2*time.Second + 1, shown: []shown{{1, 0}}},
		{kind: readItem, key: 1, from: 3 * time.Second, to: 3*time.Second + 1, shown: []shown{{1, 0}}},
		{kind: readItem, key: 2, from: time.Second + 1, to: time.Second + 2, shown: []shown{{2, 0}}},
	}
	j := judge(l, l.o, variant{})
	if j.tooOld[readItem] != 1 || j.unseen != 1 {
		t.Errorf("%d answers too old and %d own writes unseen, want 1 of each", j.tooOld[readItem], j.unseen)
	}
}

// Where the load did not come about, index queries that come later than delta after the page was read owe nothing, and sooner ones do.
func TestStarvedIndexQueriesOweWhatComesSoon(t *testing.T) {
	t.Parallel()
	f := func(rate int, every time.Duration, hits bool, want string) {
		t.Helper()
		l := &load{o: &options{delta: time.Second, owed: 1, rate: rate, duration: time.Second}}
		for i := range 1000 {
			at := instant(i) * every
			l.reads = append(l.reads, read{kind: readIndex, key: 1, from: at, to: at + 1, hit: hits && i > 0})
		}
		got := ""
		if err := judge(l, l.o, variant{useful: true}).err(variant{useful: true}); err != nil {
			for line := range strings.Lines(err.Error()) {
				if strings.HasPrefix(line, "index queries have") {
					got = strings.TrimSpace(line)
				}
			}
		}
		if got != want {
			t.Errorf("rate %d, every %v, hits %v: %q, want %q", rate, every, hits, got, want)
		}
	}
	const poor = "index queries have 0.000 of an omniscient cache's hits, 0.70 are owed"
	f(0, time.Millisecond, true, "")
	f(0, 2*time.Second, false, poor)
	f(500, 2*time.Second, false, "")
	f(500, time.Millisecond, false, poor)
}
