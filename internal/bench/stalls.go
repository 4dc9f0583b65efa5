package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// stalls is time in which a server could not work though it wanted to, up to a moment: latency that is not its own doing.
type stalls struct {
	// waited is how long its threads were ready to run and did not, because others had their core (proc(5), "schedstat").
	waited time.Duration
	// stolen is how long the machine's cores, all together, were not the machine's: a host ran something else on them
	// (proc(5), "/proc/stat": steal).
	stolen time.Duration
}

// stallsOf is those of a process so far; what cannot be read counts as none.
func stallsOf(pid int) (s stalls) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, name := range threads {
		s.waited += waitedIn(name)
	}
	if b, err := os.ReadFile("/proc/stat"); err == nil {
		line, _, _ := strings.Cut(string(b), "\n")
		if f := strings.Fields(line); len(f) > 8 {
			ticks, _ := strconv.ParseInt(f[8], 10, 64)
			s.stolen = time.Duration(ticks) * clockTick
		}
	}
	return s
}

// waitedBy is how long a thread was ready to run and did not.
func waitedBy(pid, thread int) time.Duration {
	return waitedIn(fmt.Sprintf("/proc/%d/task/%d/schedstat", pid, thread))
}

// waitedIn reads that from a file; what cannot be read counts as none.
func waitedIn(schedstat string) time.Duration {
	b, err := os.ReadFile(schedstat)
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	ns, _ := strconv.ParseInt(f[1], 10, 64)
	return time.Duration(ns)
}

// since is what came to s after before.
func (s stalls) since(before stalls) stalls {
	return stalls{s.waited - before.waited, s.stolen - before.stolen}
}
