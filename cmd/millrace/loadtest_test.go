package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLoadtestSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := func(says string, args ...string) {
		t.Helper()
		args = append([]string{"loadtest"}, args...)
		code, stdout, stderr := command(t, args...)
		if code != exitUsage || !strings.Contains(stderr, says) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("millrace %s: exit %d, stdout %q, stderr %q; want exit 2 and one line with %q", strings.Join(args, " "), code, stdout, stderr, says)
		}
	}
	const target = "--target=it=http://127.0.0.1:1"
	f("there is no target")
	f(`target "x"`, "--target=it=x")
	f("two targets are called \"it\"", target, target)
	f("neither a file nor one of bidding", target, "--workload=none")
	f("arrivals are \"uniform\"", target, "--arrivals=uniform")
	f("rate must be above zero", target, "--rate=0")
	f("--find-rate: goal \"p99\"", target, "--find-rate=p99")
	f("--speed is \"fast\"", target, "--speed=fast")
	f("must be one of \"raw\",\"sdk\"", target, "--mode=soap")
	f("USD", "--target=aws=https://dynamodb.eu-central-1.amazonaws.com")
	f("--yes-spend", "--target=aws=https://dynamodb.eu-central-1.api.aws", "--mode=sdk")
}

func TestLoadtestListsItsWorkloads(t *testing.T) {
	t.Parallel()
	code, stdout, _ := command(t, "loadtest", "--list")
	for _, want := range []string{"ycsb-a", "ycsb-f", "bidding", "leaderboard", "iot", "sessions", "single-table", "microservices"} {
		if code != 0 || !strings.Contains(stdout, want+" ") {
			t.Errorf("--list: exit %d, without %s:\n%s", code, want, stdout)
		}
	}
	code, stdout, _ = command(t, "loadtest", "--show-workload", "--workload", "iot")
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte(stdout), 0o600); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	// What it prints is a workload; so far it lacks a target.
	if _, _, stderr := command(t, "loadtest", "--workload", file); !strings.Contains(stderr, "there is no target") {
		t.Errorf("what --show-workload prints is refused: %s", stderr)
	}
}

// Ctrl-C ends a run within seconds, with exit code 130, and its report is there.
func TestLoadtestReportsWhenInterrupted(t *testing.T) {
	t.Parallel()
	s := start(t, "--in-memory")
	dir := t.TempDir()
	cmd := exec.Command(binary, "loadtest", "--target", "it="+s.url, "--duration", "10m", "--warmup", "0s", "--rate", "300", "--scale", "0.01",
		"--json", filepath.Join(dir, "r.json"), "--html", filepath.Join(dir, "r.html"), "--hgrm", filepath.Join(dir, "r.hgrm"))
	out := newLineWriter()
	cmd.Stdout = out
	progress, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(progress)
	for lines.Scan() && !strings.Contains(lines.Text(), "loaded in") {
	}
	for lines.Scan() && !strings.Contains(lines.Text(), " p99 ") {
	}
	begin := time.Now()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || time.Since(begin) > 8*time.Second {
		t.Errorf("exit %d after %v, want 130 soon:\n%s", code, time.Since(begin), out)
	}
	if !strings.Contains(out.String(), "CUT SHORT: interrupted") || !strings.Contains(out.String(), "latency p50") {
		t.Errorf("the table is:\n%s", out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "r.json"))
	var report struct {
		Cut      string
		Settings struct {
			Measured float64 `json:"duration_s"`
		}
		Targets []struct {
			Counts  struct{ Answered int }
			Offered float64 `json:"offered_rate"`
		}
	}
	if err == nil {
		err = json.Unmarshal(b, &report)
	}
	if err != nil || report.Cut != "interrupted" || len(report.Targets) != 1 || report.Targets[0].Counts.Answered == 0 {
		t.Errorf("the JSON report is %+v, %v", report, err)
	}
	// What was measured until then is told, and rates are by that and not by the ten minutes that were planned.
	if m := report.Settings.Measured; m <= 0 || m > 60 || len(report.Targets) == 1 && report.Targets[0].Offered < 100 {
		t.Errorf("%v s measured, %+v", m, report.Targets)
	}
	for _, name := range []string{"r.html", "r.hgrm", "r-uncorrected.hgrm"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
