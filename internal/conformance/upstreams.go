package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// beforeDynalite runs the facts against dynalite twice: asked directly, and through a millrace with its caches on. What
// dynalite does otherwise than DynamoDB it does both times, so what the facts' tests make of it does not count. What counts
// is that every answer through millrace is the one that dynalite gives: byte for byte where it was forwarded, by its value
// where it came from a cache or of a read made for one. Times and identities, which pass, are left out of it.
func beforeDynalite(ctx context.Context, o *options, dir string, out io.Writer) error {
	source := filepath.Join(o.root, "internal", "conformance", "dynalite")
	if err := lockedPackages(ctx, source); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	command, err := goSuite("./facts", false)(ctx, o, dir)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	var left []string
	for number := range dynaliteEndsAt {
		left = append(left, number)
	}
	slices.Sort(left)
	for _, number := range left {
		fmt.Fprintf(out, "fact %s is left out: %s\n", number, dynaliteEndsAt[number])
	}
	command.argv = []string{"go", "test", "-count=1", "-run", "TestFacts", "-skip", "TestFacts/(" + strings.Join(left, "|") + ")", "./facts"}
	command.env = append(command.env, "MILLRACE_WIRE=1")
	var transcripts [2]string
	for i, way := range []string{"direct", "through"} {
		transcripts[i] = filepath.Join(dir, way+".jsonl")
		if err := o.askDynalite(ctx, command, source, filepath.Join(dir, way), transcripts[i], i == 1); err != nil {
			return fmt.Errorf("%s: %w", way, err)
		}
	}
	if err := checkCacheWords(transcripts[1]+".cache", true, out); err != nil {
		return err
	}
	return compareWire(transcripts[0]+".wire", transcripts[1]+".wire", out)
}

// dynaliteEndsAt are the facts that dynalite 4.0.0 does not survive, by number, and why: nothing can be compared after them.
var dynaliteEndsAt = map[string]string{
	"016": "the body null ends dynalite's process with a TypeError",
	"028": "deep nesting ends dynalite's process, whose stack is exceeded",
	"084": "dynalite's parser takes exponential time for deep parentheses, and answers nobody meanwhile",
}

// askDynalite starts a dynalite with an empty store, and a millrace before it if through, and runs the suite's command. Its
// tests may fail; what they were answered must have been written down.
func (o *options) askDynalite(ctx context.Context, command suiteCommand, source, dir, transcript string, through bool) (err error) {
	for _, suffix := range []string{"", ".cache", ".wire"} {
		if err := os.RemoveAll(transcript + suffix); err != nil {
			return err
		}
	}
	// The one behind millrace takes its time to make, change and delete tables, the other one none: an answer that depends on when it is
	// asked for differs every time, and not once in a while.
	slow := time.Duration(0)
	if through {
		slow = 100 * time.Millisecond
	}
	upstream, err := startDynalite(ctx, source, dir, slow)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, upstream.end()) }()
	endpoint := upstream.endpoint
	if through {
		// Whoever asks dynalite itself waits for as long as it takes, on a busy machine too; so does millrace here.
		patient := filepath.Join(dir, "patient.yaml")
		if err := os.WriteFile(patient, []byte("http: {request_timeout: 5m}\nupstream: {timeout: 4m, attempt_timeout: 4m}\n"), 0o644); err != nil {
			return err
		}
		front, err := startServer(ctx, o.millrace, filepath.Join(dir, "front"), true, false, append(before("generic", endpoint), "--config", patient)...)
		if err != nil {
			return err
		}
		defer func() { err = firstOf(err, front.stop()) }()
		endpoint = front.endpoint
	}
	log, err := os.Create(filepath.Join(dir, "facts.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	// It ends with 1 where DynamoDB and dynalite differ.
	if failed := runAgainst(ctx, command, endpoint, transcript, log); failed != nil {
		if _, err := os.Stat(transcript + ".wire"); err != nil {
			return errors.Join(failed, err)
		}
	}
	return nil
}

// startDynalite starts the dynalite that is installed in source and waits until it takes connections. Tables are in each state on the way for
// as long as slow says. Its log is in dir.
func startDynalite(ctx context.Context, source, dir string, slow time.Duration) (*server, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	address, _, err := freePorts()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	s := &server{endpoint: "http://" + address, logPath: filepath.Join(dir, "dynalite.log"), done: make(chan error, 1)}
	log, err := os.Create(s.logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	ms := strconv.FormatInt(slow.Milliseconds(), 10)
	s.cmd = exec.Command("node", "--require", filepath.Join(source, "patient.cjs"), filepath.Join(source, "node_modules", "dynalite", "cli.js"),
		"--host", host, "--port", port, "--createTableMs", ms, "--deleteTableMs", ms, "--updateTableMs", ms)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start dynalite: %w", err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	// It answers a GET as DynamoDB does.
	if err := s.waitReady(ctx, s.endpoint+"/", readyTimeout); err != nil {
		return nil, errors.Join(err, s.end())
	}
	return s, nil
}

// end ends a process that has no farewell of its own; that it had ended before is an error.
func (s *server) end() error {
	select {
	case err := <-s.done:
		return fmt.Errorf("it ended by itself: %w\n%s", exitError(err), s.logTail())
	default:
	}
	if err := s.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-s.done:
		// Ended by a signal that it was sent.
		if _, ok := errors.AsType[*exec.ExitError](err); ok {
			return nil
		}
		return err
	case <-time.After(readyTimeout):
		return errors.Join(errors.New("it did not end within a minute of SIGTERM"), s.signal(syscall.SIGKILL), <-s.done)
	}
}

// wireLine is an answer as it was on the wire, but for passing values.
type wireLine struct {
	Test, Operation, Cache, Body string
	Status                       int
}

// factNumber finds a fact's number in its test's name.
var factNumber = regexp.MustCompile(`^TestFacts/(\d+)_`)

// dynaliteDiffers are the facts in which an answer through millrace may differ from dynalite's own, by number, and why.
var dynaliteDiffers = map[string]string{
	"154": "dynalite charges a strongly consistent Scan like an eventual one, and the page was filled by such a one",
	"155": "items of a batch have no promised order: dynalite gives them in its own, a batch that is cached in the request's",
	"185": "which keys of more than 16 MB are left unprocessed is not promised, and dynalite draws them",
}

// compareWire compares the answers of two runs of the facts, pair by pair.
func compareWire(direct, through string, out io.Writer) error {
	a, tests, err := readWire(direct)
	if err != nil {
		return err
	}
	b, others, err := readWire(through)
	if err != nil {
		return err
	}
	if !slices.Equal(tests, others) || len(tests) == 0 {
		return fmt.Errorf("one run asked anything in %d facts, the other in %d", len(tests), len(others))
	}
	var byBytes, byValue, listed, differences int
	for _, test := range tests {
		x, y := a[test], b[test]
		reason := ""
		if m := factNumber.FindStringSubmatch(test); m != nil {
			reason = dynaliteDiffers[m[1]]
		}
		for i := range max(len(x), len(y)) {
			equal, forwarded := i < len(x) && i < len(y), false
			if equal {
				forwarded = y[i].Cache == "" || strings.HasPrefix(y[i].Cache, "forward")
				equal = x[i].Status == y[i].Status && (x[i].Body == y[i].Body || !forwarded && sameValue(x[i].Body, y[i].Body))
			}
			switch {
			case equal && forwarded:
				byBytes++
			case equal:
				byValue++
			case reason != "":
				listed++
			default:
				if differences++; differences <= maxDifferences {
					fmt.Fprintf(out, "%s, answer %d\n  dynalite: %s\n  millrace: %s\n", test, i+1, wireAt(x, i), wireAt(y, i))
				}
			}
		}
	}
	fmt.Fprintf(out, "%d forwarded answers have equal bytes, %d others equal values; %d differ for reasons that are known\n", byBytes, byValue, listed)
	if differences > 0 {
		return fmt.Errorf("%d answers through millrace are not dynalite's", differences)
	}
	return nil
}

// sameValue tells whether two answers say the same: members in any order, and 0 for 0.0. Items' own numbers are texts.
func sameValue(x, y string) bool {
	var values [2]any
	return json.Unmarshal([]byte(x), &values[0]) == nil && json.Unmarshal([]byte(y), &values[1]) == nil && reflect.DeepEqual(values[0], values[1])
}

// wireAt shows line i, its middle left out where it is long.
func wireAt(lines []wireLine, i int) string {
	if i >= len(lines) {
		return "(nothing)"
	}
	l, body := lines[i], lines[i].Body
	if len(body) > 600 {
		body = body[:300] + " [...] " + body[len(body)-300:]
	}
	return fmt.Sprintf("%s (%s): %d %s", l.Operation, l.Cache, l.Status, body)
}

// readWire reads a transcript of answers: those of each test, and the tests' names in order.
func readWire(path string) (byTest map[string][]wireLine, tests []string, err error) {
	texts, err := readLines(path)
	if err != nil {
		return nil, nil, err
	}
	byTest = map[string][]wireLine{}
	for _, text := range texts {
		var l wireLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		byTest[l.Test] = append(byTest[l.Test], l)
	}
	return byTest, slices.Sorted(maps.Keys(byTest)), nil
}
