package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"millrace/internal/amazon"
	"millrace/internal/verify"
)

// verifyCommand probes other endpoints; it needs no configuration of a node.
type verifyCommand struct {
	Target      []string      `required:"" sep:"none" placeholder:"[NAME=]URL" help:"Endpoint to probe; may be given more than once, each with a name of its own."`
	Writer      string        `placeholder:"URL" help:"Endpoint of the same tables that writes go to past the target, such as the database behind it."`
	Promise     string        `default:"auto" enum:"auto,session,eventual" help:"What plain reads are held against: session, they show all writes through the target and never go back; eventual, writes of longer ago than the bound; auto, eventual for AWS's own endpoints and session for others."`
	Bound       time.Duration `default:"5s" help:"How long a write past the target may stay unseen."`
	IndexBound  time.Duration `default:"5s" help:"How long a global index may take by itself."`
	MinHits     float64       `default:"-1" placeholder:"SHARE" help:"Least share of cache hits in each row that can have them; 0.3 if the target says what is a hit, else 0."`
	MinSamples  int           `default:"20" help:"Least number of changes looked at in each row; 8 at most for scans and tables made anew."`
	Duration    time.Duration `default:"45s" help:"Bound of the probing time for each target, without making tables."`
	Rounds      int           `default:"40" help:"Writes of each client in a row; a third where each is waited for."`
	Concurrency int           `default:"4" help:"Clients that write in each row; others that only read come on top."`
	Seed        uint64        `help:"Seed of what is written; 0 for a new one."`
	Only        []string      `placeholder:"ROW,…" help:"Run these rows only."`
	YesSpend    bool          `help:"Go on although an endpoint is AWS's and requests cost money."`
	JSON        string        `name:"json" placeholder:"FILE" help:"Write the report as JSON."`
	HTML        string        `name:"html" placeholder:"FILE" help:"Write the report as one HTML page, with the violating histories drawn."`
}

// The exit codes of verify besides those of all commands: exitFailure is a broken promise.
const exitNotRun = 3

// verdictError is a run that did not end in "holds".
type verdictError struct {
	code int
	err  error
}

// Error is part of error.
func (e verdictError) Error() string { return e.err.Error() }

// Unwrap is part of package errors' protocol.
func (e verdictError) Unwrap() error { return e.err }

// Run probes every target in turn and reports on all together.
func (c *verifyCommand) Run(ctx context.Context, std streams) error {
	configs, err := c.configs(std.err)
	if err != nil {
		return usageError{err}
	}
	var cost verify.Cost
	spends := false
	for _, cfg := range configs {
		cost = cost.Plus(verify.BoundOf(cfg))
		spends = spends || amazon.Has(cfg.Target) || amazon.Has(cfg.Writer)
	}
	if _, err := fmt.Fprintln(std.err, cost); err != nil {
		return err
	}
	if spends && !c.YesSpend {
		return usageError{errors.New("an endpoint is AWS's and requests cost money; --yes-spend goes on")}
	}
	report := verify.Report{Began: time.Now().UTC(), Version: version, Seed: configs[0].Seed}
	var failed error
	for _, cfg := range configs {
		target, err := verify.Run(ctx, cfg)
		if err != nil {
			target.Why = err.Error()
			failed = errors.Join(failed, fmt.Errorf("%s: %w", cfg.Target, err))
		}
		report.Targets = append(report.Targets, target)
	}
	report.Took = time.Since(report.Began)
	report.Judge()
	if err := c.write(&report, std.out); err != nil {
		return verdictError{exitNotRun, err}
	}
	return verdictOf(&report, failed)
}

// configs makes a configuration for each target.
func (c *verifyCommand) configs(progress io.Writer) ([]verify.Config, error) {
	seed := c.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	var configs []verify.Config
	for _, target := range c.Target {
		cfg := verify.DefaultConfig()
		if name, url, ok := strings.Cut(target, "="); ok && !strings.Contains(name, "/") {
			cfg.Name, target = name, url
		}
		cfg.Target, cfg.Writer, cfg.Promise = target, c.Writer, verify.Promise(c.Promise)
		cfg.Bound, cfg.IndexBound, cfg.MinHits = c.Bound, c.IndexBound, c.MinHits
		cfg.MinSamples = c.MinSamples
		cfg.Duration, cfg.Rounds, cfg.Concurrency = c.Duration, c.Rounds, c.Concurrency
		cfg.Seed, cfg.Only = seed, c.Only
		begun := time.Now()
		cfg.Progress = func(line string) {
			_, _ = fmt.Fprintf(progress, "%6.1fs  %s\n", time.Since(begun).Seconds(), line) // Progress is no result.
		}
		if err := cfg.Check(); err != nil {
			return nil, err
		}
		configs = append(configs, cfg)
	}
	return configs, nil
}

// write writes the report in all forms that were asked for. What could not be written does not keep the rest.
func (c *verifyCommand) write(report *verify.Report, stdout io.Writer) error {
	var errs []error
	if c.JSON != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err == nil {
			err = os.WriteFile(c.JSON, append(text, '\n'), 0o644)
		}
		errs = append(errs, err)
	}
	if c.HTML != "" {
		var page strings.Builder
		err := report.WriteHTML(&page)
		if err == nil {
			err = os.WriteFile(c.HTML, []byte(page.String()), 0o644)
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, report.WriteText(stdout))...)
}

// verdictOf is the error that the command ends with: nil only if everything held.
func verdictOf(report *verify.Report, failed error) error {
	unrun := 0
	var broken, unjudged []error
	for _, t := range report.Targets {
		// Rows that were left out, or that the target does not have, are no failures, but a target of which there are
		// no others was not judged.
		if t.Verdict == verify.Failed {
			unjudged = append(unjudged, fmt.Errorf("%s: %s", t.Name, t.Why))
		}
		bad := 0
		for _, r := range t.Rows {
			switch r.Verdict {
			case verify.Violated, verify.TooFewHits, verify.TooFewSamples:
				bad++
			case verify.Failed:
				unrun++
			}
		}
		if bad > 0 { // by name, for one of several targets may well be called as this program is
			broken = append(broken, fmt.Errorf("target %s: %d of %d rows do not hold, or prove too little", t.Name, bad, len(t.Rows)))
		}
	}
	switch {
	case len(broken) > 0:
		return verdictError{exitFailure, errors.Join(append(broken, failed)...)}
	case failed != nil:
		return verdictError{exitNotRun, failed}
	case unrun > 0:
		return verdictError{exitNotRun, fmt.Errorf("%d rows could not be run", unrun)}
	case len(unjudged) > 0:
		return verdictError{exitNotRun, errors.Join(unjudged...)}
	}
	return nil
}
