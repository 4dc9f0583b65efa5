package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// staleAnswer is the Go suite's test of reads after writes, which a cache that is never invalidated cannot pass.
const staleAnswer = "TestEveryWriteIsSeenByTheNextRead"

// mustNotice runs the Go suite against a millrace built with its invalidation switched off, and returns an error
// unless the suite fails there for stale answers: a suite that passes would prove nothing about coherence.
func mustNotice(ctx context.Context, o *options, dir string, out io.Writer) error {
	command, err := goSuite(".", false)(ctx, o, dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	binary := filepath.Join(dir, "millrace-deaf")
	build := exec.CommandContext(ctx, "go", "build", "-tags", "millrace_deaf", "-o", binary, "./cmd/millrace")
	build.Dir = o.root
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build millrace without invalidation: %w\n%s", err, output)
	}
	deaf := *o
	deaf.millrace = binary
	command.argv = append(command.argv, "-run", "^"+staleAnswer+"$")
	var said bytes.Buffer
	err = deaf.runOnce(ctx, command, filepath.Join(dir, "data"), filepath.Join(dir, "deaf.jsonl"), true, &said)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return errors.New("the Go suite passed on a millrace without invalidation")
	case !errors.As(err, &exit) || !strings.Contains(said.String(), "--- FAIL: "+staleAnswer):
		return fmt.Errorf("%w\n%s", err, said.String())
	}
	fmt.Fprintf(out, "%s fails without invalidation, as it must\n", staleAnswer)
	return nil
}
