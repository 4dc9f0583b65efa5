package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"
)

// reportFormat is the version of the report's JSON; it changes when a member changes its meaning or goes.
const reportFormat = 1

// Report is what a run came to. Latencies are in microseconds. docs/LOADTEST.md describes it.
type Report struct {
	Format   int            `json:"format"`
	Version  string         `json:"version"`
	Go       string         `json:"go"`
	SDK      string         `json:"sdk,omitempty"`
	Command  []string       `json:"command"`
	Started  time.Time      `json:"started"`
	TookS    float64        `json:"took_s"`
	Cut      string         `json:"cut,omitempty"`
	Machine  Machine        `json:"machine"`
	Settings Settings       `json:"settings"`
	Client   ClientReport   `json:"client"`
	Targets  []TargetReport `json:"targets"`
}

// Settings are what a run was told, or took for granted.
type Settings struct {
	Workload string  `json:"workload"`
	About    string  `json:"about,omitempty"`
	Mode     string  `json:"mode"`
	Arrivals string  `json:"arrivals"`
	Rate     float64 `json:"rate"`
	// DurationS is how long was measured, over all targets, WarmupS how long load ran before; of each try in a search.
	DurationS   float64 `json:"duration_s"`
	WarmupS     float64 `json:"warmup_s"`
	SliceS      float64 `json:"slice_s,omitempty"`
	Connections int     `json:"connections"`
	Seed        uint64  `json:"seed"`
	Scale       float64 `json:"scale"`
	Items       int     `json:"items"`
	Goals       string  `json:"goals,omitempty"`
	Speed       float64 `json:"speed,omitempty"`
	TimeoutS    float64 `json:"timeout_s"`
	// Unplayed are a trace's requests that could not be replayed.
	Unplayed int `json:"unplayed,omitempty"`
}

// ClientReport is about what measured.
type ClientReport struct {
	CoresUsed   float64 `json:"cores_used"`
	CPUPerReqUS float64 `json:"cpu_per_request_us"`
	// MachineBusy and HostStolen are shares of all cores, -1 where they are not known.
	MachineBusy float64 `json:"machine_busy"`
	HostStolen  float64 `json:"host_stolen"`
	// Limits say in words where the client, and not a target, made the figures.
	Limits []string `json:"limits"`
}

// TargetReport is about one target.
type TargetReport struct {
	Name         string         `json:"name"`
	URL          string         `json:"url"`
	OfferedRate  float64        `json:"offered_rate"`
	AchievedRate float64        `json:"achieved_rate"`
	Counts       Counts         `json:"counts"`
	Corrected    Latency        `json:"corrected"`
	Uncorrected  Latency        `json:"uncorrected"`
	OwnLag       Latency        `json:"own_lag"`
	Refusals     Latency        `json:"refusals"`
	HitShare     *float64       `json:"hit_share"`
	Cache        []CacheReport  `json:"cache"`
	Requests     []KindReport   `json:"requests"`
	Errors       map[string]int `json:"errors"`
	IntervalS    float64        `json:"interval_s"`
	Series       []Point        `json:"series"`
	Search       []Try          `json:"search,omitempty"`
	// HighestRate is a search's result; nil if no rate met the goals.
	HighestRate *float64 `json:"highest_rate,omitempty"`
	Notes       []string `json:"notes"`
}

// Counts are sums over the requests that were due while it was measured.
type Counts struct {
	Due      int `json:"due"`
	Answered int `json:"answered"`
	Refused  int `json:"refused"`
	TimedOut int `json:"timed_out"`
	Broken   int `json:"broken"`
	Dropped  int `json:"dropped"`
	// Late were sent 1 ms or more after they were due, Queued had to wait for a connection.
	Late   int `json:"late"`
	Queued int `json:"queued"`
	// Missing are GetItems that found nothing, Unprocessed batches that were not done in full.
	Missing     int `json:"missing"`
	Unprocessed int `json:"unprocessed"`
}

// Latency describes a distribution.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_us"`
	P50   float64 `json:"p50_us"`
	P90   float64 `json:"p90_us"`
	P95   float64 `json:"p95_us"`
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p999_us"`
	P9999 float64 `json:"p9999_us"`
	Max   float64 `json:"max_us"`
	// Deviation is the standard deviation.
	Deviation float64 `json:"deviation_us"`
	// Curve has pairs of a percentile and the latency there.
	Curve [][2]float64 `json:"curve,omitempty"`
}

// CacheReport is about reads with one cache result.
type CacheReport struct {
	Result string  `json:"result"`
	Count  int64   `json:"count"`
	P50    float64 `json:"p50_us"`
	P99    float64 `json:"p99_us"`
}

// KindReport is about one kind of request.
type KindReport struct {
	Name     string  `json:"name"`
	Count    int     `json:"count"`
	Failures int     `json:"failures"`
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
	P999     float64 `json:"p999_us"`
	Max      float64 `json:"max_us"`
}

// Point is one interval: requests due, failures, latency, hit share or -1.
type Point struct {
	Due      int     `json:"due"`
	Failures int     `json:"failures"`
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
	Max      float64 `json:"max_us"`
	Hits     float64 `json:"hits"`
}

// Try is one step of a search.
type Try struct {
	Rate   float64 `json:"rate"`
	P50    float64 `json:"p50_us"`
	P99    float64 `json:"p99_us"`
	P999   float64 `json:"p999_us"`
	Passed bool    `json:"passed"`
	Why    string  `json:"why,omitempty"`
}

// us is a duration in microseconds, to a tenth.
func us(d time.Duration) float64 { return float64(d.Round(100*time.Nanosecond)) / 1e3 }

// latency describes h.
func (h histogram) latency(curve bool) Latency {
	l := Latency{Count: h.count()}
	if l.Count == 0 {
		return l
	}
	l.Mean, l.Max, l.Deviation = us(h.mean()), us(h.max()), us(time.Duration(h.h.StdDev()))
	l.P50, l.P90, l.P95, l.P99 = us(h.at(0.5)), us(h.at(0.9)), us(h.at(0.95)), us(h.at(0.99))
	l.P999, l.P9999 = us(h.at(0.999)), us(h.at(0.9999))
	if curve {
		// As many points in each halving of what is left, so that the tail is as detailed as the body.
		const perHalving = 5
		left := 1.0
		for step := 1.0 / perHalving; left*float64(l.Count) >= 1; left /= 2 {
			for i := range perHalving {
				q := 1 - left*(1-float64(i)*step/2)
				l.Curve = append(l.Curve, [2]float64{100 * q, us(h.at(q))})
			}
		}
		l.Curve = append(l.Curve, [2]float64{100, l.Max})
	}
	return l
}

// report makes the report of what was measured so far.
func (r *runner) report(ctx context.Context) (*Report, error) {
	c := r.config
	rep := &Report{
		Format: reportFormat, Version: c.Version, Go: runtime.Version(), Command: c.Command, Started: r.started,
		TookS: time.Since(r.started).Seconds(), Machine: thisMachine(),
		Settings: Settings{
			Mode: "raw", Arrivals: c.Arrivals, Rate: c.Rate, DurationS: c.Duration.Seconds(), WarmupS: c.Warmup.Seconds(),
			Connections: c.Connections, Seed: c.Seed, Scale: c.Scale, Items: r.stock.items, TimeoutS: c.Timeout.Seconds(),
		},
		Client: ClientReport{CoresUsed: r.load.cores(), MachineBusy: r.load.busy, HostStolen: r.load.stolen, Limits: []string{}},
	}
	s := &rep.Settings
	if c.SDK {
		s.Mode, rep.SDK = "sdk", moduleVersion("github.com/aws/aws-sdk-go-v2/service/dynamodb")
	}
	if len(c.Targets) > 1 && len(c.Goals) == 0 {
		s.SliceS = c.Slice.Seconds()
	}
	if c.Replay != nil {
		s.Workload, s.Arrivals, s.Speed, s.Rate, s.WarmupS = "replay of "+c.Replay.Name, "recorded", c.Speed, c.Replay.rate(c.Speed), 0
		s.DurationS, s.Unplayed = c.Replay.span(c.Speed).Seconds()*float64(len(c.Targets)), c.Replay.Unplayed
	} else {
		s.Workload, s.About = r.mix.name, r.mix.about
	}
	for i, g := range c.Goals {
		if i > 0 {
			s.Goals += ", "
		}
		s.Goals += fmt.Sprintf("p%v <= %v", g.Percentile, g.Latency)
	}
	if len(c.Goals) > 0 {
		s.DurationS, s.WarmupS = c.Step.Seconds(), (c.Step / warmupOfStep).Seconds()
	} else if ctx.Err() != nil {
		s.DurationS = 0
		for _, t := range r.targets {
			t.stats.span = t.stats.ran
			s.DurationS += t.stats.ran.Seconds()
		}
	}
	arrivals := 0
	for _, t := range r.targets {
		arrivals += t.stats.total.arrivals
		rep.Targets = append(rep.Targets, t.report(c))
	}
	if ctx.Err() != nil {
		rep.Cut = "interrupted"
		if errors.Is(context.Cause(ctx), errLimit) {
			rep.Cut = "the time limit of " + c.Limit.String() + " was over"
		}
		if arrivals == 0 {
			return nil, ErrInterrupted
		}
	}
	rep.Client.Limits = append(rep.Client.Limits, clientLimits(r.targets, r.load, r.cores())...)
	if arrivals > 0 && len(c.Goals) == 0 {
		rep.Client.CPUPerReqUS = us(r.load.process / time.Duration(arrivals))
	}
	return rep, nil
}

// moduleVersion is the version of a module in this program.
func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == path {
				return d.Version
			}
		}
	}
	return ""
}

// report describes a target.
func (t *targetRun) report(c *Config) TargetReport {
	s := t.stats
	n := &s.total
	rep := TargetReport{
		Name: t.name, URL: t.URL, Errors: s.errors, IntervalS: s.interval.Seconds(), Cache: []CacheReport{}, Requests: []KindReport{}, Series: []Point{},
		Counts: Counts{n.arrivals, n.outcomes[answered], n.outcomes[refused], n.outcomes[timedOut], n.outcomes[broken], n.outcomes[dropped],
			n.late, n.queued, n.missing, n.unprocessed},
		Corrected: s.corrected.latency(true), Uncorrected: s.uncorrected.latency(true), OwnLag: s.ownLag.latency(false), Refusals: s.refusals.latency(false),
		Notes: append([]string{}, t.notes(c.Connections)...),
	}
	if share := n.hitShare(); share >= 0 {
		rep.HitShare = &share
	}
	for i := range s.byCache {
		if h := s.byCache[i]; h.count() > 0 && (i != int(noCache) || n.cacheReads > 0) {
			rep.Cache = append(rep.Cache, CacheReport{cacheWords[i], h.count(), us(h.at(0.5)), us(h.at(0.99))})
		}
	}
	for i := range s.byLabel {
		if l := &s.byLabel[i]; l.arrivals > 0 {
			h := l.corrected
			rep.Requests = append(rep.Requests, KindReport{s.labels[i], l.arrivals, l.failures(), us(h.at(0.5)), us(h.at(0.99)), us(h.at(0.999)), us(h.max())})
		}
	}
	for _, p := range s.series {
		h := histogram{p.corrected}
		rep.Series = append(rep.Series, Point{p.arrivals, p.failures(), us(h.at(0.5)), us(h.at(0.99)), us(h.max()), p.hitShare()})
	}
	if s.span > 0 {
		rep.OfferedRate = float64(n.arrivals) / s.span.Seconds()
		rep.AchievedRate = float64(n.outcomes[answered]) / s.span.Seconds()
	}
	for _, step := range t.steps {
		h := step.stats.corrected
		rep.Search = append(rep.Search, Try{step.rate, us(h.at(0.5)), us(h.at(0.99)), us(h.at(0.999)), step.passed, step.why})
		if step.passed {
			rate := step.rate
			rep.HighestRate = &rate
		}
	}
	return rep
}

// WriteJSON writes the report for machines.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
