package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"millrace/loadtest"
)

// loadtestCommand measures latency from outside.
type loadtestCommand struct {
	Target []string `placeholder:"NAME=URL" help:"What to measure; several get the same requests in turns."`

	Workload     string `default:"ycsb-b" placeholder:"NAME|FILE" help:"What to ask: one that --list names, or a YAML file."`
	List         bool   `help:"List the workloads that come with the program, and end."`
	ShowWorkload bool   `help:"Print the workload's YAML, to begin one of your own with, and end."`

	Rate     float64       `default:"1000" placeholder:"1000" help:"Requests a second that are due, however slow the answers are."`
	Arrivals string        `default:"poisson" placeholder:"poisson|constant" help:"How requests arrive."`
	Duration time.Duration `placeholder:"30s" help:"How long to measure, all targets together. A replay ends with its trace."`
	Warmup   time.Duration `default:"-1s" placeholder:"6s" help:"Load before that, which is not counted; a fifth of the duration if left out."`
	Slice    time.Duration `default:"1s" placeholder:"1s" help:"How long a turn of one of several targets is."`

	FindRate  string        `placeholder:"p99=5ms" help:"Search the highest rate at which this holds, from --rate on."`
	Step      time.Duration `default:"5s" placeholder:"5s" help:"How long a try of the search is."`
	TimeLimit time.Duration `placeholder:"5m" help:"End after this time whatever is going on, and report."`

	Connections int           `default:"64" placeholder:"64" help:"Connections to each target: requests that can be under way."`
	Timeout     time.Duration `default:"10s" placeholder:"10s" help:"How long to wait for an answer."`
	Drain       time.Duration `default:"5s" placeholder:"5s" help:"How long after the end of a turn requests that were due may still be sent."`
	Mode        string        `default:"raw" enum:"raw,sdk" placeholder:"raw|sdk" help:"Send with a lean client, or through aws-sdk-go-v2."`
	Sign        bool          `help:"Sign raw requests for real, with credentials as the AWS SDK finds them."`
	Region      string        `default:"us-east-1" placeholder:"us-east-1" help:"Region to sign for."`

	Seed        uint64  `placeholder:"N" help:"Makes the same run again; drawn if left out."`
	Scale       float64 `default:"1" placeholder:"1" help:"Multiplies how many items the workload has."`
	Prefix      string  `default:"loadtest-" placeholder:"loadtest-" help:"Begins the names of the tables."`
	ReuseTables bool    `help:"Use tables that are there as they are: make and load none."`
	KeepTables  bool    `help:"Leave the tables there at the end."`

	Replay string `placeholder:"FILE" type:"existingfile" help:"Play what 'serve --record' wrote instead of a workload."`
	Speed  string `default:"1x" placeholder:"2x" help:"How much faster than recorded to play."`

	JSON string `name:"json" placeholder:"FILE" help:"Write the report for machines."`
	Hgrm string `placeholder:"FILE.hgrm" help:"Write the latencies for HdrHistogram's tools, a file for each target and one more for uncorrected."`
	HTML string `name:"html" placeholder:"FILE" help:"Write the report as one page without outside parts."`

	YesSpend bool `help:"Allow targets of Amazon's, where requests cost money; the expected cost is printed first."`
}

// Help says what the flags do not.
func (c *loadtestCommand) Help() string {
	return `Requests are due at times that are drawn before the first one is sent, and latency counts from then: a stall is seen by everyone it kept waiting.

Exit codes: 0 the run came to its end or to --time-limit, 1 it failed, 2 the command line is wrong or would cost money, 130 it was interrupted (Ctrl-C) and reported on what was measured until then.

See docs/LOADTEST.md.`
}

// interruptedError is a run that was ended by a signal, after its report was written.
type interruptedError struct{ error }

// Run measures and writes the reports.
func (c *loadtestCommand) Run(ctx context.Context, std streams) error {
	switch {
	case c.List:
		return c.list(std.out)
	case c.ShowWorkload:
		text, err := loadtest.WorkloadText(c.Workload)
		if err == nil {
			_, err = std.out.Write(text)
		}
		return err
	}
	config, err := c.config()
	if err != nil {
		return usageError{err}
	}
	report, err := loadtest.Run(ctx, *config, loadtest.NewProgress(std.err, isTerminal(std.err)))
	if spend, ok := errors.AsType[*loadtest.SpendError](err); ok {
		return usageError{spend}
	}
	if report == nil {
		if ctx.Err() != nil {
			return interruptedError{err}
		}
		return err
	}
	report.WriteTable(std.out)
	if err = errors.Join(err, c.write(report)); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return interruptedError{errors.New("interrupted; the report is of what was measured until then")}
	}
	return nil
}

// list prints the workloads.
func (c *loadtestCommand) list(out io.Writer) error {
	for _, name := range loadtest.WorkloadNames() {
		w, err := loadtest.LoadWorkload(name)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%-14s %s\n", name, w.About); err != nil {
			return err
		}
	}
	return nil
}

// write writes the reports that were asked for.
func (c *loadtestCommand) write(report *loadtest.Report) error {
	var errs []error
	put := func(name string, write func(io.Writer) error) {
		if name != "" {
			errs = append(errs, writeFile(name, write))
		}
	}
	put(c.JSON, report.WriteJSON)
	put(c.HTML, report.WriteHTML)
	if c.Hgrm != "" {
		ending := filepath.Ext(c.Hgrm)
		base := strings.TrimSuffix(c.Hgrm, ending)
		for i := range report.Targets {
			t := &report.Targets[i]
			name := base
			if len(report.Targets) > 1 {
				name += "-" + strings.Map(plain, t.Name)
			}
			put(name+ending, t.Corrected.WriteHgrm)
			put(name+"-uncorrected"+ending, t.Uncorrected.WriteHgrm)
		}
	}
	return errors.Join(errs...)
}

// plain keeps what is harmless in a file's name.
func plain(r rune) rune {
	if strings.ContainsRune("/\\:*?\"<>| ", r) {
		return '_'
	}
	return r
}

// writeFile makes a file of what write writes.
func writeFile(name string, write func(io.Writer) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}
