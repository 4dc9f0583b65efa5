package main

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
)

// adminAddress is the admin port in the start-up line of s.
func adminAddress(t *testing.T, s *server) string {
	t.Helper()
	for line := range strings.Lines(s.stderr.String()) {
		var said struct{ Msg, Admin string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "serving DynamoDB" {
			return strings.TrimPrefix(said.Admin, "http://")
		}
	}
	t.Fatalf("no admin port in:\n%s", s.stderr)
	return ""
}

func TestHealthcheckFollowsTheLifeOfTheServer(t *testing.T) {
	t.Parallel()
	s := start(t, "--in-memory", "--drain-delay", "1m")
	admin := adminAddress(t, s)
	f := func(code int, stdout, stderr string, args ...string) {
		t.Helper()
		got, out, said := command(t, append([]string{"healthcheck", "--admin-listen", admin}, args...)...)
		if got != code || !strings.Contains(out, stdout) || !strings.Contains(said, stderr) {
			t.Errorf("healthcheck %v: exit %d, %q, %q; want %d, %q, %q", args, got, out, said, code, stdout, stderr)
		}
	}
	f(0, "[+] serving: ok", "")
	f(0, "ok", "", "--live")

	s.signal(syscall.SIGTERM)
	s.stderr.wait(t, `"msg":"stopping"`)
	f(1, "", "status 503: [-] serving: starting or stopping")
	f(0, "ok", "", "--live")

	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.end()
	f(1, "", "no answer from the admin port")
	f(1, "", "no answer from the admin port", "--live")
}

func TestHealthcheckAsksThisMachine(t *testing.T) {
	t.Parallel()
	f := func(address, want, refusal string) {
		t.Helper()
		got, err := reachable(address)
		if got != want || (err == nil) != (refusal == "") || (err != nil && !strings.Contains(err.Error(), refusal)) {
			t.Errorf("reachable(%q) = %q, %v, want %q, %q", address, got, err, want, refusal)
		}
	}
	f("0.0.0.0:9464", "127.0.0.1:9464", "")
	f(":9464", "127.0.0.1:9464", "")
	f("[::]:9464", "[::1]:9464", "")
	f("10.1.2.3:9464", "10.1.2.3:9464", "")
	f("localhost:9464", "localhost:9464", "")
	f("", "", "nobody to ask")
	f("127.0.0.1:0", "", "only the running process knows")
	if code, _, said := command(t, "healthcheck", "--admin-listen", ""); code != 2 || !strings.Contains(said, "nobody to ask") {
		t.Errorf("healthcheck without an admin port: exit %d, %q, want 2", code, said)
	}
}
