package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// supervisor keeps a millrace running, as systemd or a kubelet does: when it ends it is started again at once.
type supervisor struct {
	// address is the data port's, admin the admin port's.
	address, admin string

	binary, logPath string
	args            []string
	// sockets are handed over to each process; without any, each opens the port itself.
	sockets []*os.File

	mu      sync.Mutex
	process *os.Process // the running one
	ended   chan error  // receives why the supervisor gave up, or nil
	stop    context.CancelFunc
}

// supervise starts a millrace before upstream, with more arguments. If held, the supervisor opens the data port and
// hands it over, so that it is open all the time.
func supervise(ctx context.Context, o *options, dir, name, upstream string, held bool, more ...string) (*supervisor, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	admin, _, err := freePorts()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &supervisor{
		address: l.Addr().String(), admin: admin, binary: o.millrace, logPath: filepath.Join(dir, name+".log"), ended: make(chan error, 1),
	}
	s.args = append([]string{"serve", "--backend", "aws", "--upstream", upstream, "--region", "us-east-1", "--listen", s.address, "--admin-listen", admin}, more...)
	if held {
		// A copy, which outlives l.
		f, err := l.File()
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		s.sockets = []*os.File{f}
	}
	if err := errors.Join(l.Close(), os.RemoveAll(s.logPath)); err != nil {
		return nil, err
	}
	ctx, s.stop = context.WithCancel(ctx)
	go func() { s.ended <- s.run(ctx) }()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// run starts processes until ctx ends, and then ends the last one.
func (s *supervisor) run(ctx context.Context) error {
	log, err := os.OpenFile(s.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	for {
		// Only the process itself can say its id before it begins.
		cmd := exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, s.binary}, s.args...)...)
		cmd.Env = append(cleanEnviron(), credentials...)
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Env = append(cmd.Env, fmt.Sprintf("LISTEN_FDS=%d", len(s.sockets)))
		cmd.ExtraFiles = s.sockets
		if err := cmd.Start(); err != nil {
			return err
		}
		s.mu.Lock()
		s.process = cmd.Process
		s.mu.Unlock()
		done := make(chan struct{})
		go func() {
			_ = cmd.Wait() // how it ended is what the caller wanted
			close(done)
		}()
		select {
		case <-done:
			if code := cmd.ProcessState.ExitCode(); code > 0 {
				return fmt.Errorf("millrace ended by itself with exit code %d; its log is %s", code, s.logPath)
			}
		case <-ctx.Done():
			err := cmd.Process.Signal(syscall.SIGTERM)
			<-done
			if err == nil && !cmd.ProcessState.Success() {
				err = fmt.Errorf("millrace ended with %v", cmd.ProcessState)
			}
			return err
		}
	}
}

// signal sends sig to the running process.
func (s *supervisor) signal(sig os.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.Signal(sig)
}

// pid is the running process's.
func (s *supervisor) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.Pid
}

// restart signals the process and returns when the next one is ready.
func (s *supervisor) restart(ctx context.Context, sig os.Signal) error {
	before := s.pid()
	if err := s.signal(sig); err != nil {
		return err
	}
	if err := poll(ctx, readyTimeout, func() bool { return len(s.ended) > 0 || s.pid() != before }); err != nil {
		return fmt.Errorf("millrace did not end after %v: %w", sig, err)
	}
	return s.ready(ctx)
}

// ready waits until the process that runs now answers /readyz.
func (s *supervisor) ready(ctx context.Context) error {
	if err := poll(ctx, readyTimeout, func() bool { return len(s.ended) > 0 || isReady(ctx, s.admin) }); err != nil {
		return fmt.Errorf("millrace is not ready: %w; its log is %s", err, s.logPath)
	}
	return nil
}

// close ends the process for good.
func (s *supervisor) close() error {
	s.stop()
	err := <-s.ended
	for _, f := range s.sockets {
		err = errors.Join(err, f.Close())
	}
	return err
}

// poll asks done every few milliseconds until it says yes, patience is over or ctx ends.
func poll(ctx context.Context, patience time.Duration, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
