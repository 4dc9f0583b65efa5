package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// through makes the run of a suite before a remote backend that is called one of a kind: against a millrace with the embedded engine, and against
// another one, its caches on, that forwards to such a one. Both must pass, with equal answers to equal requests, and the
// second must have answered from its caches.
func through(kind string, prepare prepareFunc) func(context.Context, *options, string, io.Writer) error {
	return func(ctx context.Context, o *options, dir string, out io.Writer) error {
		command, err := prepare(ctx, o, dir)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		direct, remote := filepath.Join(dir, "direct.jsonl"), filepath.Join(dir, "through.jsonl")
		fmt.Fprintf(out, "=== %s, the engine itself\n", filepath.Base(dir))
		if err := o.runOnce(ctx, command, filepath.Join(dir, "direct"), direct, false, out); err != nil {
			return fmt.Errorf("the engine itself: %w", err)
		}
		fmt.Fprintf(out, "=== %s, through --backend aws --upstream-kind %s\n", filepath.Base(dir), kind)
		if err := o.runThrough(ctx, kind, command, dir, remote, out); err != nil {
			return fmt.Errorf("through --backend aws: %w", err)
		}
		if err := checkCacheWords(remote+".cache", true, out); err != nil {
			return err
		}
		return compareTranscripts(remote, direct, out)
	}
}

// runThrough runs the suite's command against a millrace before another one, both with empty stores.
func (o *options) runThrough(ctx context.Context, kind string, command suiteCommand, dir, transcript string, out io.Writer) (err error) {
	for _, old := range []string{transcript, transcript + ".cache"} {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	behind, err := startServer(ctx, o.millrace, filepath.Join(dir, "behind"), false, command.volatile)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, behind.stop()) }()
	settings := before(kind, behind.endpoint)
	if !command.slow {
		// What expires upstream, where no stream tells of it, is seen at the latest at the end of its time to live here.
		short := filepath.Join(dir, "front.yaml")
		if err := os.WriteFile(short, []byte("cache:\n  item_ttl: 5s\n  query_ttl: 5s\n"), 0o644); err != nil {
			return err
		}
		settings = append(settings, "--config", short)
	}
	front, err := startServer(ctx, o.millrace, filepath.Join(dir, "front"), true, false, settings...)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, front.stop()) }()
	return runAgainst(ctx, command, front.endpoint, transcript, out)
}

// before are the arguments of a millrace that stands before the endpoint at url, as one of a kind.
func before(kind, url string) []string {
	return []string{"--backend", "aws", "--upstream", url, "--upstream-kind", kind, "--region", "us-east-1"}
}

// firstOf is the first of two errors that there is.
func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
