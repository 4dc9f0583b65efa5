package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// world is the processes of a run: the upstream, a gate before its streams, and millrace.
type world struct {
	o     *options
	dir   string
	admin string // of millrace

	upstream, front *process
	gate            *gate
	ports           *ports
}

// process is a millrace.
type process struct {
	url  string
	args []string
	log  string

	cmd  *exec.Cmd
	done chan error
}

// newWorld starts everything for a variant.
func newWorld(ctx context.Context, o *options, v variant) (w *world, err error) {
	w = &world{o: o}
	if err := os.MkdirAll(o.work, 0o755); err != nil {
		return nil, err
	}
	if w.dir, err = os.MkdirTemp(o.work, "world-"); err != nil {
		return nil, err
	}
	began := w // what is returned with an error is nil
	defer func() {
		if err != nil {
			err = errors.Join(err, began.close())
		}
	}()
	if w.ports, err = reserve(4); err != nil {
		return nil, err
	}
	ports := w.ports.addresses
	behind, durability := filepath.Join(w.dir, "upstream.yaml"), "async"
	if v.killed {
		durability = "sync"
	}
	if err := os.WriteFile(behind, []byte("durability: "+durability+"\ncache:\n  enabled: false\n"+v.upstream), 0o644); err != nil {
		return nil, err
	}
	w.upstream = &process{url: "http://" + ports[0], log: filepath.Join(w.dir, "upstream.log"),
		args: []string{"serve", "--config", behind, "--listen", ports[0], "--admin-listen", ports[1], "--data-dir", filepath.Join(w.dir, "data")}}
	if err := w.upstream.start(ctx, o.millrace, ports[1]); err != nil {
		return nil, err
	}
	if w.gate, err = newGate(ports[0]); err != nil {
		return nil, err
	}
	front := filepath.Join(w.dir, "millrace.yaml")
	config := fmt.Sprintf("upstream:\n  streams_url: http://%s\n  index_lag: 1s\ntables:\n  \"*\":\n    delta: %v\n", w.gate.listener.Addr(), o.delta)
	if v.useful && o.duration < time.Minute {
		// An omniscient cache is filled by every read. A cold one of ours fills 3000 a second unless told otherwise, for twenty seconds, and
		// forwards the rest: on a machine that has more misses than that a short run would be judged by that rate, and not by what invalidation
		// leaves. A run of a minute is judged as shipped.
		config += "    refill_rate: 1000000\n"
	}
	if err := os.WriteFile(front, []byte(config), 0o644); err != nil {
		return nil, err
	}
	w.admin = "http://" + ports[3]
	w.front = &process{url: "http://" + ports[2], log: filepath.Join(w.dir, "millrace.log"),
		args: []string{"serve", "--config", front, "--backend", "aws", "--upstream", w.upstream.url, "--upstream-kind", "generic", "--region", "us-east-1",
			"--listen", ports[2], "--admin-listen", ports[3]}}
	return w, w.front.start(ctx, o.millrace, ports[3])
}

// purge makes millrace forget the table.
func (w *world) purge(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.admin+"/api/v1/purge", strings.NewReader(`{"table":"foreign"}`))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("purge: status %d", resp.StatusCode)
	}
	return nil
}

// close ends what was started and removes the data.
func (w *world) close() (err error) {
	for _, p := range []*process{w.front, w.upstream} {
		if p != nil && p.cmd != nil {
			err = errors.Join(err, p.end(syscall.SIGTERM))
		}
	}
	if w.gate != nil {
		w.gate.close()
	}
	if w.ports != nil {
		w.ports.release()
	}
	return errors.Join(err, os.RemoveAll(filepath.Join(w.dir, "data")))
}

// startTimeout is how long a process may take to be ready.
const startTimeout = time.Minute

// start runs the process and waits until it is ready by the word of its admin port.
func (p *process) start(ctx context.Context, binary, admin string) error {
	log, err := os.OpenFile(p.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd = exec.Command(binary, p.args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "MILLRACE_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		p.cmd = nil
		return fmt.Errorf("start millrace: %w", err)
	}
	p.done = make(chan error, 1)
	go func() { p.done <- p.cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-p.done:
			p.cmd = nil
			said, _ := os.ReadFile(p.log)
			return fmt.Errorf("millrace ended before it was ready: %w\n%s", err, said)
		case <-ctx.Done():
			return fmt.Errorf("millrace is not ready: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// end sends a signal and waits. Only SIGTERM must end well.
func (p *process) end(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil {
		return err
	}
	err := <-p.done
	p.cmd = nil
	if sig == syscall.SIGTERM && err != nil {
		return fmt.Errorf("millrace after SIGTERM: %w; see %s", err, p.log)
	}
	return nil
}

// restartUpstream kills the upstream, leaves it dead for a while, and starts it on the same data.
func (w *world) restartUpstream(ctx context.Context, share time.Duration) error {
	if err := w.upstream.end(syscall.SIGKILL); err != nil {
		return err
	}
	if err := wait(ctx, share/2); err != nil {
		return err
	}
	return w.upstream.start(ctx, w.o.millrace, w.upstream.adminPort())
}

// adminPort is the address of the admin port among the arguments.
func (p *process) adminPort() string {
	for i, a := range p.args {
		if a == "--admin-listen" {
			return p.args[i+1]
		}
	}
	return ""
}

// cutStream closes the gate before the streams for a while.
func (w *world) cutStream(ctx context.Context, share time.Duration) error {
	w.gate.shut(true)
	err := wait(ctx, share)
	w.gate.shut(false)
	return err
}

// longestPause is how long millrace stands still, unless the whole load takes less than three times that.
const longestPause = 15 * time.Second

// pauseMillrace stops the process for a while, as a machine that swaps or a debugger does.
func (w *world) pauseMillrace(ctx context.Context, share time.Duration) error {
	if err := w.front.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	err := wait(ctx, min(share, longestPause))
	return errors.Join(err, w.front.cmd.Process.Signal(syscall.SIGCONT))
}

// wait waits for d.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gate passes connections on while it is open; shut, it cuts them and takes no others.
type gate struct {
	listener net.Listener
	target   string
	serving  sync.WaitGroup

	mu sync.Mutex

	closed bool
	conns  map[net.Conn]bool
}

// newGate opens one before target.
func newGate(target string) (*gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{listener: l, target: target, conns: map[net.Conn]bool{}}
	g.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			g.serving.Go(func() { g.pass(c) })
		}
	})
	return g, nil
}

// pass joins one connection with one to the target.
func (g *gate) pass(c net.Conn) {
	defer func() { _ = c.Close() }()
	up, err := net.Dial("tcp", g.target)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return
	}
	g.conns[c], g.conns[up] = true, true
	g.mu.Unlock()
	back := make(chan bool)
	go func() {
		_, _ = io.Copy(c, up)
		_ = c.Close()
		close(back)
	}()
	_, _ = io.Copy(up, c)
	_ = up.Close()
	<-back
	g.mu.Lock()
	delete(g.conns, c)
	delete(g.conns, up)
	g.mu.Unlock()
}

// shut closes the gate or opens it.
func (g *gate) shut(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
	if closed {
		for c := range g.conns {
			_ = c.Close()
		}
	}
}

// close ends everything.
func (g *gate) close() {
	_ = g.listener.Close()
	g.shut(true)
	g.serving.Wait()
}
