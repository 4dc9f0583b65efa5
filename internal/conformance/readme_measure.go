package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// measureTimes are the flags of README.md's load test that say for how long, and what they are here.
var measureTimes = []struct{ readme, here string }{
	{"--duration 48s", "--duration 6s"},
	{"--warmup 12s", "--warmup 2s"},
}

// readmeMeasure runs README.md's minute of measuring in an empty folder, shortened and on free ports: two servers and a load
// test, which must compare both and leave its page.
func readmeMeasure(ctx context.Context, blocks []block, binary, dir string, out io.Writer) error {
	script, err := measureBlock(blocks)
	if err != nil {
		return err
	}
	first, admin, err := freePorts()
	if err != nil {
		return err
	}
	second, _, err := freePorts()
	if err != nil {
		return err
	}
	for _, port := range []struct{ readme, here string }{
		{"127.0.0.1:8001", first}, {readmeAddress, second}, {"127.0.0.1:9464", admin},
	} {
		if !strings.Contains(script, port.readme) {
			return fmt.Errorf("README.md's load test does not name %s", port.readme)
		}
		script = strings.ReplaceAll(script, port.readme, port.here)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var told bytes.Buffer
	env := []string{
		"PATH=" + filepath.Dir(binary) + string(os.PathListSeparator) + os.Getenv("PATH"),
		"MILLRACE_LISTEN=" + second, "MILLRACE_ADMIN_LISTEN=" + admin,
	}
	if err := runAndEnd(ctx, dir, script, env, io.MultiWriter(&told, out)); err != nil {
		return err
	}
	if !regexp.MustCompile(`(?m)^proxy ÷ direct: p50 `).Match(told.Bytes()) {
		return fmt.Errorf("README.md's load test compared nothing")
	}
	_, err = os.Stat(filepath.Join(dir, "report.html"))
	return err
}

// measureBlock finds the block of the load test and shortens it.
func measureBlock(blocks []block) (string, error) {
	for _, b := range blocks {
		if b.language != "sh" || !strings.Contains(b.text, "millrace loadtest") {
			continue
		}
		for _, t := range measureTimes {
			if !strings.Contains(b.text, t.readme) {
				return "", fmt.Errorf("README.md's load test has no %q", t.readme)
			}
			b.text = strings.ReplaceAll(b.text, t.readme, t.here)
		}
		return b.text, nil
	}
	return "", fmt.Errorf("README.md has no block with a load test")
}

// runAndEnd runs a script, as of a person who types it, and ends what it left in the background.
func runAndEnd(ctx context.Context, dir, script string, env []string, out io.Writer) error {
	log, err := os.Create(filepath.Join(dir, "servers.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	// Servers write to a file: a pipe that they keep open would have to be waited for.
	script = "set -e\nexec 2>>servers.log\ntrap 'kill $(jobs -p) && wait' EXIT\n" + strings.ReplaceAll(script, " &\n", " >>servers.log &\n")
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir, cmd.Env = dir, append(cleanEnviron(), env...)
	cmd.Stdout = out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Run(); err != nil {
		wrote, readErr := os.ReadFile(log.Name())
		if readErr != nil {
			return readErr
		}
		return fmt.Errorf("README.md's load test: %w\n%s", err, wrote)
	}
	return nil
}
