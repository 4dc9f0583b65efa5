package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace/internal/node/nodetest"
)

// write makes a file.
func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// quick is a configuration of a run that takes less than a second.
func quick(t *testing.T, workload string, targets ...Target) Config {
	t.Helper()
	c := DefaultConfig()
	c.Targets, c.Rate, c.Duration, c.Warmup, c.Slice, c.Scale, c.Seed = targets, 500, 240*time.Millisecond, 40*time.Millisecond, 60*time.Millisecond, 0.01, 3
	c.Connections = 16
	if workload != "" {
		w, err := LoadWorkload(workload)
		if err != nil {
			t.Fatal(err)
		}
		c.Workload = w
	}
	return c
}

// Every workload that comes with the program, some through both clients, on two servers and on two that share a store: all is
// answered, and the server refuses nothing but transactions that meet.
func TestEveryWorkloadRuns(t *testing.T) {
	t.Parallel()
	off, _ := nodetest.Start(t, nodetest.Uncached)
	on, _ := nodetest.Start(t)
	for _, name := range WorkloadNames() {
		for _, sdk := range []bool{false, true} {
			if sdk && !slices.Contains([]string{"single-table", "iot", "microservices", "ycsb-c"}, name) {
				continue // between them these have every operation
			}
			c := quick(t, name, Target{"off", off}, Target{"on", on})
			c.SDK = sdk
			c.Prefix = "raw-"
			if sdk {
				c.Prefix = "sdk-"
			}
			r, err := Run(t.Context(), c, NewProgress(io.Discard, false))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			a, b := &r.Targets[0], &r.Targets[1]
			if a.Counts.Due == 0 || a.Counts.Due != b.Counts.Due {
				t.Errorf("%s: %d requests were due at one target and %d at the other, want as many", name, a.Counts.Due, b.Counts.Due)
			}
			for _, target := range []*TargetReport{a, b} {
				delete(target.Errors, "TransactionCanceledException")
				delete(target.Errors, "TransactionConflictException")
				if n := &target.Counts; len(target.Errors) > 0 || n.Broken+n.Dropped+n.TimedOut > 0 || n.Answered == 0 {
					t.Errorf("%s, SDK %v: %s: %+v with %v", name, sdk, target.Name, *n, target.Errors)
				}
			}
			// A workload of many writes to few items has few hits in so short a time.
			if a.HitShare == nil || *a.HitShare != 0 || b.HitShare == nil {
				t.Errorf("%s, SDK %v: hit shares are %v and %v, want 0 without caches and one with", name, sdk, a.HitShare, b.HitShare)
			}
			if name == "ycsb-c" && *b.HitShare < 0.5 {
				t.Errorf("%s, SDK %v: hit share with caches is %v", name, sdk, *b.HitShare)
			}
		}
	}
	shared := quick(t, "sessions", Target{"one", on}, Target{"same", on})
	var said strings.Builder
	if _, err := Run(t.Context(), shared, NewProgress(&said, false)); err != nil || !strings.Contains(said.String(), "same: has the tables of one") {
		t.Errorf("two names for one server: %v, said %q", err, said.String())
	}
}

func TestTablesAreDroppedKeptAndReused(t *testing.T) {
	t.Parallel()
	url, _ := nodetest.Start(t)
	c := quick(t, "ycsb-c", Target{"it", url})
	c.Duration, c.Warmup = 100*time.Millisecond, 0
	c.Keep = true
	run := func() error { _, err := Run(t.Context(), c, NewProgress(io.Discard, false)); return err }
	if err := run(); err != nil {
		t.Fatal(err)
	}
	if err := run(); err == nil || !strings.Contains(err.Error(), "has a table loadtest-usertable already") {
		t.Errorf("a run over tables that are there: %v, want a refusal", err)
	}
	c.Reuse = true
	if err := run(); err != nil {
		t.Errorf("with --reuse-tables: %v", err)
	}
	// What it reused it did not make, so it is there still.
	c.Reuse, c.Keep = false, false
	if err := run(); err == nil {
		t.Error("a run that reused tables dropped them")
	}
	c.Prefix = "other-"
	for range 2 {
		if err := run(); err != nil {
			t.Errorf("tables were not dropped: %v", err)
		}
	}
}

func TestReportsSayTheSame(t *testing.T) {
	t.Parallel()
	url, _ := nodetest.Start(t)
	c := quick(t, "ycsb-a", Target{"it", url}, Target{"</script>", url})
	c.Command = []string{"millrace", "loadtest", "--target", "<it>"}
	r, err := Run(t.Context(), c, NewProgress(io.Discard, false))
	if err != nil {
		t.Fatal(err)
	}
	var js, page, hgrm, table bytes.Buffer
	if err := r.WriteJSON(&js); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(js.Bytes(), &back); err != nil || back.Format != reportFormat || back.Settings.Seed != 3 || len(back.Targets) != 2 {
		t.Fatalf("the JSON reads back as %+v, %v", back, err)
	}
	l := &back.Targets[0].Corrected
	if l.Count == 0 || l.P50 <= 0 || l.P50 > l.P99 || l.P99 > l.Max || len(l.Curve) < 10 || len(back.Targets[0].Series) == 0 {
		t.Errorf("latency is %+v", l)
	}
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	for _, outside := range []string{"src=", "@import", "url(", "<link rel=\"stylesheet", "%DATA%", "%TITLE%", "%TABLE%"} {
		if strings.Contains(text, outside) {
			t.Errorf("the page has %q", outside)
		}
	}
	if n := strings.Count(text, "</script>"); n != 2 {
		t.Errorf("the page ends %d scripts, want 2: data must not end one", n)
	}
	if err := l.WriteHgrm(&hgrm); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(hgrm.String(), "\n"); !strings.Contains(lines[0], "1/(1-Percentile)") || !strings.Contains(hgrm.String(), "#[Max     =") {
		t.Errorf("the .hgrm begins with %q", lines[0])
	}
	r.WriteTable(&table)
	for _, want := range []string{"latency p50", "uncorrected p50", "client's own lag", "get user", "seed 3", "reads: hit"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
}

// In a bubble: a server that takes one request at a time, 2 ms each, keeps p99 below 20 ms up to somewhat less than 500
// requests a second. (M/D/1: at 80 % the mean wait is 4 ms, at 90 % 9 ms.)
func TestSearchFindsTheHighestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStub(nil)
		var free time.Time
		queue := make(chan struct{}, 1)
		s.latency = func(int) time.Duration {
			queue <- struct{}{}
			defer func() { <-queue }()
			now := time.Now()
			if free.Before(now) {
				free = now
			}
			free = free.Add(2 * time.Millisecond)
			return free.Sub(now)
		}
		c := quick(t, "ycsb-c", Target{"it", "http://127.0.0.1:1"})
		c.Rate, c.Step = 100, 8*time.Second
		goals, err := ParseGoals("p99=20ms")
		if err != nil {
			t.Fatal(err)
		}
		c.Goals = goals
		m, err := c.Workload.compile("", 0.01)
		if err != nil {
			t.Fatal(err)
		}
		f := newStubFleet(t, 200, time.Minute, s.pipe, bubbleSleep)
		target := &targetRun{Target: c.Targets[0], name: "it", fleet: f, grown: map[*kind]int{}}
		r := &runner{config: &c, progress: NewProgress(io.Discard, false), clock: f.clock, started: f.clock.start, mix: m, window: newWindow(), targets: []*targetRun{target}}
		if err := r.search(t.Context()); err != nil {
			t.Fatal(err)
		}
		rep := target.report(&c)
		if rep.HighestRate == nil || *rep.HighestRate < 380 || *rep.HighestRate > 490 {
			t.Errorf("the highest rate is %v of %+v, want 380 to 490", rep.HighestRate, rep.Search)
		} else {
			t.Logf("p99 <= 20 ms up to %.0f/s, in %d tries", *rep.HighestRate, len(rep.Search))
		}
		if rep.Corrected.P99 > 20_000 {
			t.Errorf("the report's p99 is %v us, want that of a try that met the goal", rep.Corrected.P99)
		}
		f.close()
		s.wg.Wait()
	})
}

func TestTimeLimitAndInterruptionReport(t *testing.T) {
	t.Parallel()
	url, _ := nodetest.Start(t)
	c := quick(t, "ycsb-b", Target{"it", url})
	c.Duration, c.Warmup = 10*time.Minute, 0
	// cut runs for a while, and for longer if that was over before anything was answered: loading may take as long.
	cut := func(run func(while time.Duration) (*Report, error)) (*Report, error) {
		for while := 800 * time.Millisecond; ; while *= 2 {
			r, err := run(while)
			if while > time.Minute || !errors.Is(err, ErrInterrupted) && (err != nil || r.Targets[0].Counts.Answered > 0) {
				return r, err
			}
		}
	}
	r, err := cut(func(while time.Duration) (*Report, error) {
		c.Limit = while
		return Run(t.Context(), c, NewProgress(io.Discard, false))
	})
	if err != nil || !strings.Contains(r.Cut, "time limit") || r.Targets[0].Counts.Answered == 0 {
		t.Fatalf("with a limit of %v: %v", c.Limit, err)
	}
	c.Limit = 0
	r, err = cut(func(while time.Duration) (*Report, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		timer := time.AfterFunc(while, cancel)
		defer timer.Stop()
		return Run(ctx, c, NewProgress(io.Discard, false))
	})
	if err != nil || r.Cut != "interrupted" || r.Targets[0].Counts.Answered == 0 {
		t.Fatalf("interrupted: %v", err)
	}
	// The tables are gone in either case.
	c.Duration = 100 * time.Millisecond
	if _, err = Run(t.Context(), c, NewProgress(io.Discard, false)); err != nil {
		t.Errorf("after that: %v", err)
	}
}
