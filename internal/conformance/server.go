package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// server is a running millrace with a store of its own.
type server struct {
	// endpoint is the URL of the data port.
	endpoint string
	// logPath holds what the process wrote.
	logPath string

	cmd *exec.Cmd
	// group is true when cmd leads a process group and the server is somewhere in it.
	group bool
	done  chan error // receives the process's end, once
}

// readyTimeout is how long a server may take to answer /readyz; an idle machine needs well under a second.
const readyTimeout = time.Minute

// startServer runs binary with an empty store in dir, or in memory where it is volatile, and returns when it is ready. Ports are free ones; as
// another process could take one in between, a start that fails is tried again with others. args are added to the command line.
func startServer(ctx context.Context, binary, dir string, cached, volatile bool, args ...string) (*server, error) {
	var err error
	for range 3 {
		var srv *server
		if srv, err = tryServer(ctx, binary, dir, cached, volatile, args...); err == nil {
			return srv, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, err
}

// tryServer is one try of startServer.
func tryServer(ctx context.Context, binary, dir string, cached, volatile bool, args ...string) (*server, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	data, admin, err := freePorts()
	if err != nil {
		return nil, err
	}
	srv := &server{endpoint: "http://" + data, logPath: filepath.Join(dir, "millrace.log"), done: make(chan error, 1)}
	log, err := os.Create(srv.logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	srv.cmd = exec.Command(binary, "serve", "--listen", data, "--admin-listen", admin, "--data-dir", filepath.Join(dir, "data"))
	srv.cmd.Args = append(srv.cmd.Args, args...)
	if volatile {
		srv.cmd.Args = append(srv.cmd.Args, "--in-memory")
	}
	srv.cmd.Env = append(cleanEnviron(),
		fmt.Sprintf("MILLRACE_CACHE_ENABLED=%v", cached),
		// DynamoDB takes up to days to delete an expired item; a suite that waits for it should not.
		"MILLRACE_ENGINE_SWEEP_INTERVAL=200ms",
		// An upstream that is called Amazon's is signed for with credentials of its user; ours checks none.
		"AWS_ACCESS_KEY_ID=conformance", "AWS_SECRET_ACCESS_KEY=conformance",
	)
	srv.cmd.Stdout, srv.cmd.Stderr = log, log
	if err := srv.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start millrace: %w", err)
	}
	go func() { srv.done <- srv.cmd.Wait() }()
	if err := srv.waitReady(ctx, "http://"+admin+"/readyz", readyTimeout); err != nil {
		return nil, errors.Join(err, srv.stop())
	}
	return srv, nil
}

// waitReady polls url until it answers 200, the process ends or the time is up.
func (s *server) waitReady(ctx context.Context, url string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-s.done:
			s.done <- err
			return fmt.Errorf("millrace ended before it was ready: %w\n%s", exitError(err), s.logTail())
		case <-ctx.Done():
			return fmt.Errorf("millrace was not ready within %v\n%s", patience, s.logTail())
		case <-tick.C:
		}
	}
}

// stop ends the process as an operator would, with SIGTERM, and returns an error when it does not end well.
func (s *server) stop() error {
	select {
	case err := <-s.done:
		return fmt.Errorf("millrace ended by itself: %w\n%s", exitError(err), s.logTail())
	default:
	}
	if err := s.signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("signal millrace: %w", err)
	}
	select {
	case err := <-s.done:
		// A shell or `go run` that got the signal too reports that, not how the server ended.
		if err != nil && !s.group {
			return fmt.Errorf("millrace ended with %w after SIGTERM\n%s", err, s.logTail())
		}
		return nil
	case <-time.After(time.Minute):
		killErr := s.signal(syscall.SIGKILL)
		<-s.done
		return errors.Join(fmt.Errorf("millrace did not end within a minute of SIGTERM\n%s", s.logTail()), killErr)
	}
}

// exitError is err, or an error that says that there was none.
func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// signal sends sig to the process, or to its group where it leads one.
func (s *server) signal(sig syscall.Signal) error {
	if s.group {
		return syscall.Kill(-s.cmd.Process.Pid, sig)
	}
	return s.cmd.Process.Signal(sig)
}

// logTail is the end of what the process wrote.
func (s *server) logTail() string {
	b, err := os.ReadFile(s.logPath)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// freePorts returns two loopback addresses that nothing listened on a moment ago.
func freePorts() (a, b string, err error) {
	var addresses [2]string
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", err
		}
		defer l.Close()
		addresses[i] = l.Addr().String()
	}
	return addresses[0], addresses[1], nil
}
