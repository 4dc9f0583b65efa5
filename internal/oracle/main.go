// Command oracle replays seeded lists of operations on the embedded engine and on another endpoint, such as Amazon
// DynamoDB or DynamoDB Local, and compares every answer: bodies by value, errors by status, name and text. What names a
// moment or an identity, and orders that DynamoDB does not promise, are not compared. A divergence is shrunk to a small
// list that still shows it, and printed with its seed and with what either side answered; -replay takes such a list back.
//
// It speaks plain HTTP to both sides and knows neither's inside. Tables that it makes begin with "oracle-" and are
// deleted again.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"millrace/internal/amazon"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "oracle: %v\n", err)
		os.Exit(1)
	}
}

// options are the command line's.
type options struct {
	// endpoint is the other side, and reference the engine's: empty runs one in this process.
	endpoint, reference string
	// seed is the first list's; the next has the next.
	seed uint64
	// lists is how many lists are played, of length operations each, and shrinks how many times a list is played again to
	// find a smaller one.
	lists, length, shrinks int
	// skip are operations that are left out of lists: what the other side does not have.
	skip []string
	// ignore matches divergences to pass over, by their line in the report; nil is none.
	ignore *regexp.Regexp
	// texts is false when errors are compared by status and name only.
	texts bool
	// replay is a file with a list to play instead of seeded ones.
	replay string
	// spend allows endpoints that cost money.
	spend bool
	// region and the credentials sign requests.
	region      string
	credentials credentials
}

// errDiverged is the end of a run that found a divergence; the report has been written.
var errDiverged = errors.New("the two sides diverge")

// parse reads the command line.
func parse(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("oracle", flag.ContinueOnError)
	flags.StringVar(&o.endpoint, "endpoint", "", "URL of the other side")
	flags.StringVar(&o.reference, "reference", "", "URL of a running millrace; empty runs an engine in this process")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of the first list; 0 draws one")
	flags.IntVar(&o.lists, "lists", 20, "how many lists to play")
	flags.IntVar(&o.length, "length", 60, "how many operations a list has")
	flags.IntVar(&o.shrinks, "shrinks", 300, "how many times to play a list again to make it smaller; each makes and deletes its tables")
	skip := flags.String("skip", "", "comma-separated operations to leave out")
	ignore := flags.String("ignore", "", "regular expression: divergences whose line matches are passed over")
	flags.BoolVar(&o.texts, "texts", true, "compare the texts of errors too")
	flags.StringVar(&o.replay, "replay", "", "file with a list as this program prints it, to play instead of seeded ones")
	flags.BoolVar(&o.spend, "yes-spend", false, "allow endpoints of AWS, where every request costs money")
	flags.StringVar(&o.region, "region", cmp.Or(os.Getenv("AWS_REGION"), "us-east-1"), "region to sign for")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	o.credentials = credentials{
		key: cmp.Or(os.Getenv("AWS_ACCESS_KEY_ID"), "oracle"), secret: cmp.Or(os.Getenv("AWS_SECRET_ACCESS_KEY"), "oracle"), token: os.Getenv("AWS_SESSION_TOKEN"),
	}
	if *skip != "" {
		o.skip = strings.Split(*skip, ",")
	}
	if *ignore != "" {
		var err error
		if o.ignore, err = regexp.Compile(*ignore); err != nil {
			return nil, err
		}
	}
	for o.seed == 0 {
		o.seed = rand.Uint64()
	}
	return o, o.check()
}

// check refuses what cannot work, and to spend money unasked.
func (o *options) check() error {
	for _, endpoint := range []string{o.endpoint, o.reference} {
		if endpoint == "" {
			continue
		}
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" {
			return fmt.Errorf("%q is no URL such as http://127.0.0.1:8000", endpoint)
		}
		if amazon.Has(endpoint) && !o.spend {
			return fmt.Errorf("%s is AWS, where requests and tables cost money; -yes-spend allows it", u.Hostname())
		}
	}
	if o.endpoint == "" {
		return errors.New("-endpoint is needed: the URL of what to compare with")
	}
	return nil
}

// run plays lists until it has played all, and returns errDiverged when a divergence was found.
func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.reference == "" {
		local, stop, err := startEngine(ctx)
		if err != nil {
			return err
		}
		defer stop()
		o.reference = local
	}
	p := &pair{
		reference: newEndpoint(o.reference, o.region, credentials{key: "oracle", secret: "oracle"}),
		other:     newEndpoint(o.endpoint, o.region, o.credentials),
		run:       fmt.Sprintf("%x", time.Now().UnixNano()),
		options:   o,
	}
	if o.replay != "" {
		list, err := readList(o.replay)
		if err != nil {
			return err
		}
		d, err := p.play(ctx, list)
		if err != nil || d == nil {
			return err
		}
		report(out, "the list of "+o.replay, list, d)
		return errDiverged
	}
	return p.search(ctx, out)
}

// search plays seeded lists and reports each kind of divergence once.
func (p *pair) search(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "seed %d, %d lists of %d operations\n", p.options.seed, p.options.lists, p.options.length)
	seen := map[string]int{}
	operations := 0
	for i := range p.options.lists {
		seed := p.options.seed + uint64(i)
		list := generate(seed, p.options.length, p.options.skip)
		d, err := p.play(ctx, list)
		if err != nil {
			return fmt.Errorf("list of seed %d: %w", seed, err)
		}
		operations += len(list)
		if d == nil {
			continue
		}
		if seen[d.kind()]++; seen[d.kind()] > 1 {
			continue
		}
		list, d, err = p.shrink(ctx, list, d)
		if err != nil {
			return fmt.Errorf("list of seed %d: %w", seed, err)
		}
		report(out, fmt.Sprintf("seed %d", seed), list, d)
	}
	if len(seen) == 0 {
		fmt.Fprintf(out, "%d operations were answered alike\n", operations)
		return nil
	}
	fmt.Fprintf(out, "\n%d kinds of divergence:\n", len(seen))
	for _, kind := range sortedKeys(seen) {
		fmt.Fprintf(out, "%4d times %s\n", seen[kind], kind)
	}
	return errDiverged
}

// report prints a list that shows a divergence, in the form that -replay takes, and what was answered.
func report(out io.Writer, origin string, list []op, d *divergence) {
	fmt.Fprintf(out, "\ndivergence, from %s: %s\n", origin, d.line())
	for _, o := range list[:d.at+1] {
		fmt.Fprintln(out, o.line())
	}
	fmt.Fprintf(out, "# reference: %s\n# other:     %s\n", d.reference.line(), d.other.line())
}

// readList reads a list as report prints it: an operation and its body on each line. Empty lines and those that begin
// with "#" are for people.
func readList(path string) ([]op, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []op
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		o, err := parseOp(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, o)
	}
	return list, lines.Err()
}
