package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a millrace that runs as its users run it: a process of its own, spoken to over HTTP.
type server struct {
	// endpoint is the URL of the data port.
	endpoint string
	// started is how long it took from starting the process to its first answer.
	started time.Duration
	// admin is the address of the admin port.
	admin string
	// dir is the folder of its store.
	dir string

	cmd *exec.Cmd
	log string
}

// startTimeout is how long the first answer may take.
const startTimeout = time.Minute

// startServer runs binary on dir with caches off and other settings as they are shipped but for args.
func startServer(ctx context.Context, binary, dir string, args ...string) (*server, error) {
	return startServerWith(ctx, nil, binary, dir, args...)
}

// startServerWith is startServer with more variables in the environment.
func startServerWith(ctx context.Context, environment []string, binary, dir string, args ...string) (*server, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	data, admin, err := freePorts()
	if err != nil {
		return nil, err
	}
	s := &server{endpoint: "http://" + data, admin: admin, dir: filepath.Join(dir, "data"), log: filepath.Join(dir, "millrace.log")}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.Command(binary, append([]string{
		"serve", "--listen", data, "--admin-listen", admin, "--data-dir", s.dir, "--cache", "off",
	}, args...)...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Env = append(os.Environ(), environment...)
	start := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start millrace: %w", err)
	}
	for {
		if err = s.firstAnswer(); err == nil {
			s.started = time.Since(start)
			return s, nil
		}
		if !errors.Is(err, syscall.ECONNREFUSED) || time.Since(start) > startTimeout || ctx.Err() != nil {
			return nil, errors.Join(err, s.stop(), s.said())
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// firstAnswer asks for the list of tables.
func (s *server) firstAnswer() error {
	c, err := dial(s.endpoint)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	_, err = c.do(httpRequest("ListTables", "{}"))
	return err
}

// said is the log as an error.
func (s *server) said() error {
	b, err := os.ReadFile(s.log)
	if err != nil {
		return err
	}
	return fmt.Errorf("millrace logged: %s", b)
}

// stop ends the process as an operator would.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop millrace: %w", err)
	}
	return s.cmd.Wait()
}

// memory is the process's resident set in bytes, now and at its highest.
func (s *server) memory() (now, peak float64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kb, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			now = kb * 1024
		case "VmHWM:":
			peak = kb * 1024
		}
	}
	if now == 0 || peak == 0 {
		return 0, 0, errors.New("read memory of millrace: /proc tells nothing")
	}
	return now, peak, nil
}

// clockTick is the unit of times in /proc (proc(5), "sysconf(_SC_CLK_TCK)"): 100 a second on Linux.
const clockTick = 10 * time.Millisecond

// cpu is the time the process has used so far; 0 if it cannot be read.
func (s *server) cpu() time.Duration { return cpuOf(s.cmd.Process.Pid) }

// cpuOf is cpu for any process, to the nanosecond where the kernel counts in them: the first figure of each thread's schedstat
// (Documentation/scheduler/sched-stats.rst). Threads that have ended are then left out.
func cpuOf(pid int) (used time.Duration) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, file := range threads {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		first, _, _ := strings.Cut(string(b), " ")
		n, _ := strconv.ParseInt(first, 10, 64)
		used += time.Duration(n)
	}
	if used > 0 {
		return used
	}
	return ticksOf(pid)
}

// ticksOf is cpuOf to a tick of the clock.
func ticksOf(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The second field is a name in parentheses and may hold spaces.
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * clockTick
}

// stolenTime is how long this machine's cores had work and the host gave them no time, since it was started, if the host tells:
// the eighth figure of /proc/stat's first line (proc(5), "steal").
func stolenTime() time.Duration {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0
	}
	ticks, _ := strconv.Atoi(fields[8])
	return time.Duration(ticks) * clockTick
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
