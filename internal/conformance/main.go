// Command conformance runs client suites, written with the real SDKs, against a millrace that it starts: once with
// the caches on and once with the caches off. A suite passes when all its tests pass both times, when both runs got
// equal answers to equal requests, and when the first run really was answered from the caches.
//
// It leaves nothing behind: servers are ended by their process id, data and logs lie in a folder of its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "conformance: %v\n", err)
		os.Exit(1)
	}
}

// options are the command line's.
type options struct {
	// suites are the names of the suites to run; empty means all.
	suites []string
	// work is the folder for servers' data, logs, transcripts and Python environments; it outlives the run.
	work string
	// millrace is a binary to run instead of building one from root.
	millrace string
	// root is the repository.
	root string
}

// run parses args, runs the suites one after the other and returns an error that names those that failed.
func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	names := flags.String("suite", "", "comma-separated suites to run: "+strings.Join(suiteNames(), ", ")+"; empty runs all")
	flags.StringVar(&o.work, "work", "", "folder for environments, data, logs and transcripts; empty makes a temporary one")
	flags.StringVar(&o.millrace, "millrace", "", "binary to test; empty builds ./cmd/millrace")
	flags.StringVar(&o.root, "root", ".", "the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *names != "" {
		o.suites = strings.Split(*names, ",")
	}
	for _, name := range o.suites {
		if !slices.Contains(suiteNames(), name) {
			return fmt.Errorf("no suite %q; there are %s", name, strings.Join(suiteNames(), ", "))
		}
	}
	if err := o.prepare(ctx); err != nil {
		return err
	}

	var failed []string
	for _, s := range suites {
		if len(o.suites) > 0 && !slices.Contains(o.suites, s.name) {
			continue
		}
		start := time.Now()
		err := s.run(ctx, &o, filepath.Join(o.work, s.name), out)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		took := time.Since(start).Round(100 * time.Millisecond)
		if err != nil {
			fmt.Fprintf(out, "FAIL %s (%v): %v\n", s.name, took, err)
			failed = append(failed, s.name)
			continue
		}
		fmt.Fprintf(out, "ok   %s (%v)\n", s.name, took)
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s; logs and transcripts are in %s", strings.Join(failed, ", "), o.work)
	}
	return nil
}

// prepare makes paths absolute, the work folder, and the binary.
func (o *options) prepare(ctx context.Context) error {
	var err error
	if o.root, err = filepath.Abs(o.root); err != nil {
		return err
	}
	if o.work == "" {
		if o.work, err = os.MkdirTemp("", "millrace-conformance-"); err != nil {
			return err
		}
	}
	if o.work, err = filepath.Abs(o.work); err != nil {
		return err
	}
	if err := os.MkdirAll(o.work, 0o755); err != nil {
		return err
	}
	if o.millrace != "" {
		o.millrace, err = filepath.Abs(o.millrace)
		return err
	}
	o.millrace = filepath.Join(o.work, "millrace")
	build := exec.CommandContext(ctx, "go", "build", "-o", o.millrace, "./cmd/millrace")
	build.Dir = o.root
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build millrace: %w\n%s", err, output)
	}
	return nil
}

// twice makes the run of a suite with an SDK: with the caches on, with the caches off, and the answers compared.
func twice(prepare prepareFunc) func(context.Context, *options, string, io.Writer) error {
	return func(ctx context.Context, o *options, dir string, out io.Writer) error {
		command, err := prepare(ctx, o, dir)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		var transcripts [2]string
		for i, cached := range []bool{true, false} {
			mode := [2]string{"caches-on", "caches-off"}[i]
			fmt.Fprintf(out, "=== %s, %s\n", filepath.Base(dir), mode)
			transcripts[i] = filepath.Join(dir, mode+".jsonl")
			if err := o.runOnce(ctx, command, filepath.Join(dir, mode), transcripts[i], cached, out); err != nil {
				return fmt.Errorf("%s: %w", mode, err)
			}
			if err := checkCacheWords(transcripts[i]+".cache", cached, out); err != nil {
				return fmt.Errorf("%s: %w", mode, err)
			}
		}
		return compareTranscripts(transcripts[0], transcripts[1], out)
	}
}

// runOnce starts a millrace with an empty store, runs the suite's command against it and ends the server.
func (o *options) runOnce(ctx context.Context, command suiteCommand, dir, transcript string, cached bool, out io.Writer) (err error) {
	for _, old := range []string{transcript, transcript + ".cache"} {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	srv, err := startServer(ctx, o.millrace, dir, cached, command.volatile)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := srv.stop(); err == nil {
			err = stopErr
		}
	}()
	return runAgainst(ctx, command, srv.endpoint, transcript, out)
}

// runAgainst runs the suite's command against an endpoint.
func runAgainst(ctx context.Context, command suiteCommand, endpoint, transcript string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command.argv[0], command.argv[1:]...)
	cmd.Dir = command.dir
	cmd.Env = append(cleanEnviron(), "MILLRACE_ENDPOINT="+endpoint, "MILLRACE_TRANSCRIPT="+transcript)
	cmd.Env = append(cmd.Env, command.env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(command.argv, " "), err)
	}
	return nil
}

// cleanEnviron is the environment without what could steer an SDK or a millrace elsewhere.
func cleanEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "MILLRACE_")
	})
}
