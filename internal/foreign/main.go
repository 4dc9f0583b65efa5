// Foreign shows that the caches tell the truth while others write to the upstream, and that they are still of use. It
// starts an upstream (a millrace with the embedded engine) and a millrace before it, writes to the upstream directly and
// reads through millrace, and judges every answer afterwards by what was acknowledged when.
//
// It promises that an answer counts as stale only if it surely was: a value is taken for current until the write that
// overwrote it had been acknowledged. All figures are of one run; ends and processes are its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	millrace   string
	work       string
	duration   time.Duration
	delta      time.Duration
	rate       int
	readers    int
	partitions int
	variants   []string
	seed       uint64
	owed       float64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "foreign:", err)
		stop()
		os.Exit(1)
	}
}

// run is main with its surroundings handed in.
func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range o.variants {
		fmt.Fprintf(out, "=== %s: %s\n", name, variants[name].what)
		if err := runVariant(ctx, o, variants[name], out); err != nil {
			fmt.Fprintf(out, "FAIL %s: %v\n", name, err)
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		} else {
			fmt.Fprintf(out, "ok   %s\n", name)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(failed...)
}

// parse reads and checks the flags.
func parse(args []string) (*options, error) {
	o := &options{}
	var names string
	flags := flag.NewFlagSet("foreign", flag.ContinueOnError)
	flags.StringVar(&o.millrace, "millrace", "", "the binary to test")
	flags.StringVar(&o.work, "work", "", "folder for data and logs; empty makes a temporary one")
	flags.DurationVar(&o.duration, "duration", time.Minute, "how long there is load in each variant")
	flags.DurationVar(&o.delta, "delta", 5*time.Second, "the tables' delta, which is the bound on staleness")
	flags.IntVar(&o.rate, "writes", 500, "foreign writes a second")
	flags.IntVar(&o.readers, "readers", 32, "readers through millrace")
	flags.IntVar(&o.partitions, "partitions", 10_000, "partitions of four items each")
	flags.StringVar(&names, "variants", strings.Join(variantNames, ","), "which to run, by commas")
	flags.Float64Var(&o.owed, "owed", 1, "how much of the hits that are owed is demanded; less for a busy machine, on which the stream lags")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the load")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	o.variants = strings.Split(names, ",")
	for _, name := range o.variants {
		if !slices.Contains(variantNames, name) {
			return nil, fmt.Errorf("-variants names %q; there are %s", name, strings.Join(variantNames, ", "))
		}
	}
	if o.millrace == "" {
		return nil, errors.New("-millrace is empty; name a binary")
	}
	if o.duration < 2*time.Second || o.rate < 1 || o.readers < 1 || o.partitions < 100 {
		return nil, errors.New("-duration must be 2s or more, -writes and -readers 1, -partitions 100")
	}
	if o.work == "" {
		var err error
		if o.work, err = os.MkdirTemp("", "millrace-foreign-"); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// variant is one way in which things go wrong, or none.
type variant struct {
	what string
	// upstream is a part of the upstream's configuration file.
	upstream string
	// indexLag is how far the upstream's indexes lag at most.
	indexLag time.Duration
	// disturb does what it does in the middle of the load; nil is nothing.
	disturb func(w *world, ctx context.Context, share time.Duration) error
	// killed is true where the upstream is killed. It must then keep what it has acknowledged: one that takes a write back after
	// its record was read serves older items than others have seen, whoever reads them.
	killed bool
	// useful is whether usefulness is judged: not where the disturbance takes the hits away for a while.
	useful bool
	// lenient asks for no share of hits on the index: it is judged for the usual lag.
	lenient bool
}

// variantNames are the variants in the order in which they run.
var variantNames = []string{"plain", "lagging", "slow-index", "restarted", "cut", "paused"}

// variants are what can be run.
var variants = map[string]variant{
	"plain":   {what: "the upstream as it is", useful: true},
	"lagging": {what: "replicas and indexes of the upstream lag", upstream: "engine:\n  faults:\n    enabled: true\n    replica_lag: 300ms\n    index_lag: 500ms\n", indexLag: 500 * time.Millisecond, useful: true},
	"slow-index": {what: "indexes of the upstream lag by 1.5 to 2 s, which is more than is assumed at first", upstream: "engine:\n  faults:\n    enabled: true\n    replica_lag: 300ms\n    index_lag_min: 1500ms\n    index_lag: 2s\n",
		indexLag: 2 * time.Second, lenient: true, useful: true},
	"restarted": {what: "the upstream is killed and started again", killed: true, disturb: (*world).restartUpstream},
	"cut":       {what: "the stream cannot be reached for a while", disturb: (*world).cutStream},
	"paused":    {what: "millrace stands still for 15 s (SIGSTOP), or a third of a shorter run", disturb: (*world).pauseMillrace},
}

// runVariant runs and judges one.
func runVariant(ctx context.Context, o *options, v variant, out io.Writer) (err error) {
	w, err := newWorld(ctx, o, v)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	l := newLoad(o, w)
	if err := l.fill(ctx); err != nil {
		return fmt.Errorf("fill the table: %w", err)
	}
	if err := l.covered(ctx); err != nil {
		return err
	}
	if err := l.run(ctx, v); err != nil {
		return err
	}
	j := judge(l, o, v)
	j.print(out)
	if !v.useful {
		return j.err(v)
	}
	// What comes after quiet has no disturbance to get over.
	return errors.Join(j.err(v), l.quiet(ctx, out), l.appends(ctx, out))
}
