// Bench measures millrace from outside: over HTTP, as a process, beside the least that any server could do and beside other
// implementations of DynamoDB. It is what `make bench-engine`, `bench-miss` and `bench-ceiling` run and docs/PERFORMANCE.md
// explains.
//
// It promises that all sides get the same requests from the same client in alternating rounds of one run, that ratios are
// made round by round, and that load ends: by time, by number, and at the first error. It never starts or stops a peer that
// was named to it, and removes what it wrote. It judges no side by a number without its ratio, except where the target is one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"millrace/internal/units"
)

// settings are the flags.
type settings struct {
	binary string
	dir    string
	rounds int
	span   time.Duration
	only   string
	peers  peerList
	data   sizeList
	// entries is how many items caches are measured with; 0 is not.
	entries int
	pin     bool
	// before is another build of millrace that misses and synced writes are measured with too; empty is none.
	before string
	// touch is how much memory is touched before the rounds; see touch.
	touch units.Bytes
	// bare, listen and answer make this process one of the ceiling's bare servers, see serveBare, or with upstream the forwarder.
	bare, listen, answer, upstream string
}

// part is one thing that is measured, a bit in every round.
type part interface {
	// setUp makes what the rounds need; it is not measured.
	setUp(ctx context.Context) error
	// round measures each side once. Rounds of odd numbers take the sides in the other order.
	round(ctx context.Context, number int) error
	// tearDown stops what setUp started, whether it came to its end or not.
	tearDown() error
	// report prints the figures of all rounds.
	report(out io.Writer)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// run is main with its surroundings handed in.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if s.bare == forwarderWay {
		// It has one of the processors of Go's scheduler for itself; the other sees ctx end.
		runtime.GOMAXPROCS(2)
		return serveForwarder(ctx, s.listen, s.upstream)
	}
	if s.bare != "" {
		return serveBare(ctx, s.bare, s.listen, s.answer)
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp(s.dir, "run-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	if len(s.data) > 0 {
		return measureMemory(ctx, s, out)
	}
	if s.entries > 0 {
		return measureCaches(ctx, s, out)
	}
	names, parts := s.parts()
	defer func() {
		for _, p := range parts {
			err = errors.Join(err, p.tearDown())
		}
	}()
	fmt.Fprintf(out, "before: %s\n", machine())
	for i, p := range parts {
		if err := p.setUp(ctx); err != nil {
			return fmt.Errorf("%s: set up: %w", names[i], err)
		}
	}
	if s.touch > 0 {
		took, longest, err := touch(ctx, s.touch)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "touched %v of memory in %v, the longest single touch %v\n", s.touch, took.Round(time.Millisecond), longest.Round(time.Microsecond))
	}
	for number := range s.rounds {
		for i, p := range parts {
			if err := p.round(ctx, number); err != nil {
				return fmt.Errorf("%s: round %d: %w", names[i], number+1, err)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		fmt.Fprintf(out, "round %d of %d: %s\n", number+1, s.rounds, machine())
	}
	fmt.Fprintf(out, "\nmedian (min..max) of %d alternating rounds; ratios are made within a round\n", s.rounds)
	for _, p := range parts {
		fmt.Fprintln(out)
		p.report(out)
	}
	return nil
}

// parse reads and checks the flags.
func parse(args []string) (*settings, error) {
	s := &settings{peers: peerList{}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&s.binary, "binary", "", "the millrace to measure, stripped as for a release")
	flags.StringVar(&s.dir, "dir", ".work/bench-engine", "folder for all stores; on the disk that is meant")
	flags.IntVar(&s.rounds, "rounds", 5, "alternating rounds")
	flags.DurationVar(&s.span, "for", 2*time.Second, "how long each side is under load in a round")
	flags.StringVar(&s.only, "only", "", "only these parts, by commas: "+strings.Join(partNames, ", "))
	flags.BoolVar(&s.pin, "pin", true, "give clients and upstream of misses the last core for themselves, and millrace the others")
	flags.Var(s.peers, "peer", "another DynamoDB to compare with, as name=URL or, to count its CPU too, name=URL,PID; may be repeated. Known: "+strings.Join(knownPeers, ", "))
	flags.Var(&s.data, "data", "instead of all else, resident memory with this much data, such as 1GB; repeated, ascending")
	flags.IntVar(&s.entries, "entries", 0, "instead of all else, what caches of so many items take and cost")
	flags.StringVar(&s.bare, "bare", "", "instead of all else, be a bare server of this kind: "+strings.Join(bareKinds, ", ")+", "+forwarderWay)
	flags.StringVar(&s.before, "before", "", "another millrace, an earlier build say, to measure misses and synced writes with in the same rounds")
	flags.TextVar(&s.touch, "touch", units.Bytes(0), "touch so much memory, such as 8GiB, before the rounds, so that a virtual machine's host has found it by then; it must be free. Where the guest "+
		"reports free pages back to its host (virtio-balloon) that lasts for a while only")
	flags.StringVar(&s.upstream, "upstream", "", "with -bare "+forwarderWay+", the address to forward to")
	flags.StringVar(&s.listen, "listen", "", "with -bare, the address")
	flags.StringVar(&s.answer, "answer", "", "with -bare, a file with the whole HTTP answer to give")
	if err := flags.Parse(args); err != nil || s.bare != "" {
		return s, err
	}
	if s.binary == "" {
		return nil, errors.New("-binary is empty; make bench-engine builds and names it")
	}
	if s.rounds < 1 || s.span <= 0 {
		return nil, errors.New("-rounds and -for must be above zero")
	}
	if s.entries != 0 && s.entries < fewEntries {
		return nil, fmt.Errorf("-entries is %d, must be 0 or at least %d", s.entries, fewEntries)
	}
	if s.only != "" {
		for name := range strings.SplitSeq(s.only, ",") {
			if !slices.Contains(partNames, name) {
				return nil, fmt.Errorf("-only names %q, which is no part; parts are %s", name, strings.Join(partNames, ", "))
			}
		}
	}
	return s, nil
}

// partNames are the parts in the order in which they run.
var partNames = []string{"start", "synced", "peers", "deletes", "writers", "misses", "batches", "ceiling-getitem", "ceiling-query", "ceiling-batch", "ceiling-peers"}

// parts makes the parts that were asked for.
func (s *settings) parts() (names []string, parts []part) {
	all := []part{newStartPart(s), newSyncedPart(s), newPeersPart(s), newDeletesPart(s), newWritersPart(s), newMissesPart(s), newBatchesPart(s)}
	for _, w := range ceilingWorkloads {
		all = append(all, newCeilingPart(s, w))
	}
	for i, name := range partNames {
		if s.only == "" || slices.Contains(strings.Split(s.only, ","), name) {
			names, parts = append(names, name), append(parts, all[i])
		}
	}
	return names, parts
}

// alternate calls the sides' functions in an order that turns around every round. What one side has left to be written
// to the disk is written before the next begins, so that it does not pay for it.
func alternate(number int, sides ...func() error) error {
	if number%2 == 1 {
		sides = slices.Clone(sides)
		slices.Reverse(sides)
	}
	for _, f := range sides {
		syscall.Sync()
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}
