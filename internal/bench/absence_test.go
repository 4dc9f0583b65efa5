package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestWhatWasDueAboutAnAbsenceIsLeftOut(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	// Two absences that follow each other closely, in no order, one before the load and one far behind them.
	spoilt := spoiltBy([]absence{{at(32), at(34)}, {at(30), at(31)}, {at(-10), at(-9)}, {at(90), at(200)}})
	var requests []timed
	for ms := range 100 {
		requests = append(requests, timed{at(ms), time.Duration(ms)})
	}
	latencies, span := clean(requests, spoilt, at(0), at(100))
	slices.Sort(latencies)
	// From 4 ms before the first until 1 ms and three times 2 ms after the second; and from 86 ms on.
	var want []time.Duration
	for ms := range 100 {
		if ms < 26 || ms > 41 && ms < 86 {
			want = append(want, time.Duration(ms))
		}
	}
	if !slices.Equal(latencies, want) {
		t.Errorf("what counts is %v, want %v", latencies, want)
	}
	if want := 71 * time.Millisecond; span != want {
		t.Errorf("%v of the time counts, want %v", span, want)
	}
	if all, span := clean(requests, nil, at(0), at(100)); len(all) != 100 || span != 100*time.Millisecond {
		t.Errorf("without an absence %d requests of %v count, want all of them", len(all), span)
	}
}

func TestLeftOutRequestsAreTheSameHoweverLongTheyTook(t *testing.T) {
	t.Parallel()
	start := time.Now()
	spoilt := spoiltBy([]absence{{start, start.Add(time.Millisecond)}})
	for _, latency := range []time.Duration{0, time.Millisecond, time.Minute} {
		if got, _ := clean([]timed{{start, latency}}, spoilt, start, start.Add(time.Second)); len(got) != 0 {
			t.Errorf("a request due at an absence counts where it took %v", latency)
		}
		due := start.Add(-spoiltBefore - 1)
		if got, _ := clean([]timed{{due, latency}}, spoilt, start, start.Add(time.Second)); len(got) != 1 {
			t.Errorf("a request due long before an absence does not count where it took %v", latency)
		}
	}
}

func TestCollectionsAreReadOffTheLog(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	text := `gc 1 @0.030s 7%: 0.020+8.4+0.005 ms clock, 0.020+1.9/0.85/0+0.005 ms cpu, 3->4->2 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 1 P
{"level":"INFO","msg":"gc is a word"}
gc 2 @1.5s 1%: 0.5+12+0.5 ms clock, 0.5+3.5/3.0/0+0.5 ms cpu, 19->19->11 MB, 23 MB goal, 0 MB stacks, 0 MB globals, 1 P
gc 3 @2.5s 1%: 1+2+3 ms clock, 1+0/1/0+1 ms cpu, 19->19->12 MB, 23 MB goal, 0 MB stacks, 0 MB globals, 1 P (forced)
`
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := collectionsIn(log, time.Second)
	if want := (collections{2, 19 * time.Millisecond, 10500 * time.Microsecond, 12}); err != nil || got != want {
		t.Errorf("collections after a second are %+v, %v, want %+v", got, err, want)
	}
}
