package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a server that this program starts and stops, other than a millrace.
type process struct {
	address string
	cmd     *exec.Cmd
	log     string
}

// onServerCore and startHere start a program: on the servers' core, and on those of the calling thread.
var (
	onServerCore = func(start func() error) error { return onCore(serverCore, start) }
	startHere    = func(start func() error) error { return start() }
)

// startProcess runs a program, on the cores that where gives it, until it accepts connections on address.
func startProcess(ctx context.Context, dir, name, address string, where func(start func() error) error, program string, args ...string) (*process, error) {
	p := &process{address: address, log: filepath.Join(dir, name+".log")}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(program, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	if err := where(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return p, c.Close()
		}
		if time.Since(start) > startTimeout || ctx.Err() != nil {
			said, _ := os.ReadFile(p.log)
			return nil, errors.Join(fmt.Errorf("start %s: %w; it said: %s", name, err, said), p.stop())
		}
	}
}

// stop ends the process. How it words its end is its own affair.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.cmd.Path, err)
	}
	err := p.cmd.Wait()
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		return nil
	}
	return err
}
