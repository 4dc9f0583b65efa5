package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// handOver starts the binary with l and its address, as a supervisor does that keeps l.
func handOver(t *testing.T, l *net.TCPListener, args ...string) *server {
	t.Helper()
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	s := &server{t: t, stderr: newLineWriter(), url: "http://" + l.Addr().String()}
	// Only the process itself can say its id before it begins.
	s.cmd = exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, binary, "serve", "--in-memory", "--admin-listen", "127.0.0.1:0"}, args...)...)
	s.cmd.ExtraFiles = []*os.File{f}
	s.cmd.Stderr = s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}
	})
	return s
}

// socket is what a supervisor opens.
func socket(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestHandedOverSocketOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	l := socket(t)
	address := l.Addr().String()
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Kill, os.Kill} {
		s := handOver(t, l, "--listen", address, "--drain-delay", "0")
		s.stderr.endpoint(t)
		s.must("ListTables", "{}")
		s.signal(sig)
		s.end()

		// Nobody serves now. A request is not refused but waits for the next process.
		answered := make(chan int, 1)
		go func() {
			status, _, err := s.call(&http.Client{Timeout: 2 * time.Minute}, "ListTables", "{}")
			if err != nil {
				t.Errorf("a request between two processes: %v", err)
			}
			answered <- status
		}()
		next := handOver(t, l, "--listen", address)
		if status := <-answered; status != 200 {
			t.Errorf("a request between two processes = %d, want 200", status)
		}
		next.signal(syscall.SIGTERM)
		if code := next.end(); code != 0 {
			t.Errorf("exit code %d:\n%s", code, next.stderr)
		}
	}
}

func TestHandedOverSocketMustBeOneOfThePorts(t *testing.T) {
	t.Parallel()
	s := handOver(t, socket(t), "--listen", "127.0.0.1:0")
	if code := s.end(); code != 1 || !strings.Contains(s.stderr.String(), "which is neither listen (127.0.0.1:0) nor admin.listen") {
		t.Errorf("exit code %d:\n%s", code, s.stderr)
	}
	// What is meant for another process is not touched.
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--durability", "never")
	cmd.Env = append(os.Environ(), "LISTEN_PID=1", "LISTEN_FDS=1")
	if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), "durability") {
		t.Errorf("another's LISTEN_FDS: %s", out)
	}
}
