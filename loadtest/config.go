package loadtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Target is one side of a run.
type Target struct {
	// Name is for people, URL what speaks DynamoDB's API.
	Name, URL string
}

// Config is what a run does.
type Config struct {
	Targets []Target
	// Workload is what is asked, or Replay: a recorded trace, Speed times as fast.
	Workload *Workload
	Replay   *Trace
	Speed    float64
	// Rate is how many requests a second are due at each target while it has its turn, Arrivals how they come.
	Rate     float64
	Arrivals string
	// Duration is how long is measured, Warmup how long load runs before, both over all targets together.
	Duration, Warmup time.Duration
	// Slice is how long a target has its turn when there are several.
	Slice time.Duration
	// Timeout is how long an answer is waited for, Drain how long after the end of a slice requests may still be begun.
	Timeout, Drain time.Duration
	// Limit ends everything, loading included; 0 is none.
	Limit time.Duration
	// Connections is how many requests can be under way at each target.
	Connections int
	// SDK sends through AWS's SDK instead of the lean client.
	SDK bool
	// Sign signs for real, with credentials as the SDK finds them. At Amazon's endpoints that is always so.
	Sign   bool
	Region string
	// Seed makes a run the same again: arrivals, kinds of requests, keys, sizes.
	Seed uint64
	// Scale multiplies how many items the workload begins with.
	Scale float64
	// Prefix begins the names of the tables. Reuse takes tables that are there as they are, Keep leaves them there.
	Prefix      string
	Reuse, Keep bool
	// Goals make the run a search for the highest rate that meets them, in steps of Step.
	Goals []Goal
	Step  time.Duration
	// Spend allows targets that cost money.
	Spend bool
	// Version and Command are for the report.
	Version string
	Command []string
}

// DefaultConfig is what a run does of which nothing was said but targets and workload.
func DefaultConfig() Config {
	return Config{
		Speed: 1, Rate: 1000, Arrivals: Poisson, Duration: 30 * time.Second, Warmup: 6 * time.Second, Slice: time.Second,
		Timeout: 10 * time.Second, Drain: 5 * time.Second, Connections: 64, Region: "us-east-1", Scale: 1, Prefix: "loadtest-",
		Step: 5 * time.Second,
	}
}

// Goal is a latency that a share of all requests may not exceed.
type Goal struct {
	// Percentile is such as 99.9.
	Percentile float64
	Latency    time.Duration
}

// ParseGoals reads such as "p99=5ms,p50=1ms".
func ParseGoals(text string) ([]Goal, error) {
	var goals []Goal
	for part := range strings.SplitSeq(text, ",") {
		var g Goal
		name, latency, ok := strings.Cut(strings.TrimSpace(part), "=")
		_, err := fmt.Sscanf(name, "p%g", &g.Percentile)
		if err == nil {
			g.Latency, err = time.ParseDuration(latency)
		}
		if !ok || err != nil || g.Percentile <= 0 || g.Percentile >= 100 || g.Latency <= 0 {
			return nil, fmt.Errorf("goal %q, must be such as p99=5ms", part)
		}
		goals = append(goals, g)
	}
	return goals, nil
}

// ParseTarget reads NAME=URL, or a URL alone, which is called by its host.
func ParseTarget(text string) (Target, error) {
	name, url, ok := strings.Cut(text, "=")
	if !ok || strings.Contains(name, "/") {
		name, url = "", text
	}
	if _, err := newRawTarget(url, clock{}, 0, nil); err != nil {
		return Target{}, err
	}
	url = strings.TrimSuffix(url, "/")
	if name == "" {
		_, name, _ = strings.Cut(url, "://")
	}
	return Target{name, url}, nil
}

// Validate names the first thing that cannot be worked with.
func (c *Config) Validate() error {
	positive := []struct {
		name string
		ok   bool
	}{
		{"rate", c.Rate > 0}, {"speed", c.Speed > 0}, {"scale", c.Scale > 0}, {"duration", c.Duration > 0 || c.Replay != nil}, {"slice", c.Slice > 0},
		{"timeout", c.Timeout > 0}, {"step", c.Step > 0}, {"connections", c.Connections > 0},
	}
	for _, p := range positive {
		if !p.ok {
			return fmt.Errorf("%s must be above zero", p.name)
		}
	}
	switch {
	case len(c.Targets) == 0:
		return errors.New("there is no target; name one as --target NAME=URL")
	case (c.Workload == nil) == (c.Replay == nil):
		return errors.New("a run needs either a workload or a trace to replay")
	case c.Arrivals != Poisson && c.Arrivals != Constant:
		return fmt.Errorf("arrivals are %q, must be poisson or constant", c.Arrivals)
	case c.Warmup < 0 || c.Drain < 0 || c.Limit < 0:
		return errors.New("warmup, drain and time limit must not be below zero")
	case len(c.Goals) > 0 && c.Replay != nil:
		return errors.New("a trace has its own rate; --find-rate goes with a workload")
	case c.Connections > 10_000:
		return errors.New("connections must be at most 10000")
	}
	for i, t := range c.Targets {
		if slices.ContainsFunc(c.Targets[:i], func(o Target) bool { return o.Name == t.Name }) {
			return fmt.Errorf("two targets are called %q", t.Name)
		}
	}
	return nil
}
