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
	"syscall"
	"time"
)

// daemon is a running dockerd and its client.
type daemon struct {
	cmd  *exec.Cmd
	dir  string
	done chan error
}

// The times that the daemon may take to begin and to end. It needs seconds.
const (
	daemonStart = time.Minute
	daemonStop  = 30 * time.Second
)

// startDaemon starts dockerd with everything it owns below dir, and waits until it answers.
func startDaemon(ctx context.Context, dir string) (*daemon, error) {
	d := &daemon{dir: dir, done: make(chan error, 1)}
	log, err := os.Create(filepath.Join(dir, "dockerd.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	d.cmd = exec.Command("dockerd", "--host", d.host(), "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "dockerd.pid"), "--bip", "172.31.250.1/24", "--default-address-pool", "base=172.31.251.0/24,size=28")
	d.cmd.Stdout, d.cmd.Stderr = log, log
	// A daemon that outlives this program would go on in a namespace that nobody sees.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start dockerd: %w", err)
	}
	go func() { d.done <- d.cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, daemonStart)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := d.docker(ctx, "version"); err == nil {
			return d, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("dockerd does not answer\n%s", d.logTail()), d.stop())
		case err := <-d.done:
			d.done <- err
			return nil, fmt.Errorf("dockerd cannot run on this machine: %w\n%s", err, d.logTail())
		case <-tick.C:
		}
	}
}

// host is where the daemon listens.
func (d *daemon) host() string { return "unix://" + filepath.Join(d.dir, "docker.sock") }

// stop ends the daemon, and with it what it runs.
func (d *daemon) stop() error {
	select {
	case err := <-d.done:
		return fmt.Errorf("dockerd ended by itself: %w\n%s", err, d.logTail())
	default:
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	var failure error
	select {
	case <-d.done:
	case <-time.After(daemonStop):
		failure = errors.Join(errors.New("dockerd does not end"), syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL))
		<-d.done
	}
	// The daemon leaves this mount behind. It is in our mount namespace, but the folder could not be removed with it.
	if err := syscall.Unmount(filepath.Join(d.dir, "exec", "netns", "default"), syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
		failure = errors.Join(failure, err)
	}
	return failure
}

// logTail is the end of what the daemon wrote.
func (d *daemon) logTail() string {
	b, err := os.ReadFile(filepath.Join(d.dir, "dockerd.log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// command is a client program with the daemon in its environment.
func (d *daemon) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+d.host(), "DOCKER_BUILDKIT=1", "BUILDKIT_PROGRESS=plain", "DOCKER_CONFIG="+filepath.Join(d.dir, "client"))
	return cmd
}

// docker runs the client and returns what it printed on stdout, without the last line's end. Debian's client is named by
// its path: another one may come first, without BuildKit.
func (d *daemon) docker(ctx context.Context, args ...string) (string, error) {
	return output(d.command(ctx, "/usr/bin/docker", args...))
}

// dockerIn is docker with something on stdin.
func (d *daemon) dockerIn(ctx context.Context, in io.Reader, args ...string) (string, error) {
	cmd := d.command(ctx, "/usr/bin/docker", args...)
	cmd.Stdin = in
	return output(cmd)
}

// output runs cmd; the error has what it wrote on stderr.
func output(cmd *exec.Cmd) (string, error) {
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(cmd.Path), strings.Join(cmd.Args[1:], " "), err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
