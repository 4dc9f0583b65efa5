package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binary is the program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		// Settings of whoever runs the tests are not ours.
		for _, v := range os.Environ() {
			if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "MILLRACE_") {
				_ = os.Unsetenv(name)
			}
		}
		dir, err := os.MkdirTemp("", "millrace-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "millrace")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// command runs the program in-process and returns its exit code, stdout and what it says on stderr.
func command(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), args, &stdout, &stderr)
	if err != nil {
		fmt.Fprintln(&stderr, "millrace:", err)
	}
	return exitCode(err), stdout.String(), stderr.String()
}

func TestExitCodesAndSentences(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\nnonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(code int, says string, args ...string) {
		t.Helper()
		got, stdout, stderr := command(t, args...)
		if got != code || !strings.Contains(stderr, says) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("millrace %s: exit %d, stdout %q, stderr %q; want exit %d and one line with %q", strings.Join(args, " "), got, stdout, stderr, code, says)
		}
	}
	f(2, "expected one of")
	f(2, "unexpected argument nonsense", "nonsense")
	f(2, "unknown flag --nonsense", "serve", "--nonsense")
	f(2, "--durability: durability is \"never\", must be sync or async", "serve", "--durability", "never")
	f(2, "--listen: listen is \"0.0.0.0:8000\", which others can reach", "serve", "--listen", "0.0.0.0:8000")
	f(2, "--upstream: upstream.url is \"127.0.0.1:1\", must be an address such as", "serve", "--backend", "aws", "--upstream", "127.0.0.1:1")
	f(2, "--region: upstream.region is \"x\"", "serve", "--backend", "aws", "--region", "x")
	f(2, "line 2 of config file", "serve", "--config", file)
	f(2, "unknown setting \"nonsense\"", "config", "check", "--config", file)
	f(2, "line 2 of config file", "config", "print", "--config", file)
	f(2, "does not exist", "serve", "--config", file+"x")
	f(2, "flag --cache: \"maybe\" is neither true nor false", "serve", "--cache", "maybe")
	f(1, "is not writable", "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", filepath.Join(file, "x"))
}

func TestConfigCommands(t *testing.T) {
	t.Parallel()
	if code, out, stderr := command(t, "config", "check", "--in-memory"); code != 0 || out != "the configuration is valid\n" {
		t.Errorf("config check: exit %d, %q, %q", code, out, stderr)
	}
	code, out, stderr := command(t, "config", "print", "--cache", "off", "--data-dir=x", "--in-memory=false")
	for _, want := range []string{"enabled: false # --cache\n", "data_dir: \"x\" # --data-dir\n", "in_memory: false # --in-memory\n", "listen: \"127.0.0.1:8000\"\n"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("config print: exit %d (%s) without %q:\n%s", code, stderr, want, out)
		}
	}
	file := filepath.Join(t.TempDir(), "printed.yaml")
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := command(t, "config", "check", "--config", file); code != 0 {
		t.Errorf("what was printed is refused: %s", stderr)
	}
}

func TestVersionAndHelp(t *testing.T) {
	t.Parallel()
	if code, out, _ := command(t, "version"); code != 0 || !strings.HasPrefix(out, "millrace "+version) || strings.Count(out, "\n") != 1 {
		t.Errorf("version: exit %d, %q", code, out)
	}
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"config", "print", "--help"}} {
		if code, out, stderr := command(t, args...); code != 0 || !strings.Contains(out, "Usage: millrace") || stderr != "" {
			t.Errorf("%v: exit %d, %q, %q", args, code, out, stderr)
		}
	}
	// Every flag of serve names its setting rightly.
	_, out, _ := command(t, "serve", "--help")
	for _, field := range []string{"Listen", "AdminListen", "InsecureBind", "CacheMemory", "LogFormat"} {
		if !strings.Contains(out, flagName(field)) {
			t.Errorf("the help lacks %s", flagName(field))
		}
	}
}

func TestEnvironmentOfTheProcess(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(binary, "config", "print", "--listen", "127.0.0.1:3")
	cmd.Env = append(os.Environ(), "MILLRACE_LISTEN=127.0.0.1:2", "MILLRACE_HTTP_IDLE_TIMEOUT=7s")
	out, err := cmd.Output()
	if err != nil || !bytes.Contains(out, []byte(`listen: "127.0.0.1:3" # --listen`)) || !bytes.Contains(out, []byte("idle_timeout: 7s # MILLRACE_HTTP_IDLE_TIMEOUT")) {
		t.Errorf("config print: %v\n%s", err, out)
	}
	cmd = exec.Command(binary, "config", "check")
	cmd.Env = append(os.Environ(), "MILLRACE_CONFIG=/nonexistent", "MILLRACE_DATADIR=x")
	out, err = cmd.CombinedOutput()
	if ee, ok := errors.AsType[*exec.ExitError](err); !ok || ee.ExitCode() != 2 || !bytes.Contains(out, []byte("/nonexistent")) {
		t.Errorf("config check with a missing file: %v\n%s", err, out)
	}
}

func TestRunServesUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	log := newLineWriter()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"serve", "--in-memory", "--listen", "127.0.0.1:0", "--admin-listen", "", "--drain-delay", "0", "--log-level", "info"}, log, log)
	}()
	s := &server{t: t, url: log.endpoint(t)}
	s.must("ListTables", "{}")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
}
