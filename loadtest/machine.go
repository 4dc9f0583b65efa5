package loadtest

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Machine is where the client ran.
type Machine struct {
	Host     string `json:"host"`
	OS       string `json:"os"`
	Kernel   string `json:"kernel,omitempty"`
	Arch     string `json:"arch"`
	CPU      string `json:"cpu,omitempty"`
	Cores    int    `json:"cores"`
	MemoryMB int    `json:"memory_mb,omitempty"`
}

// thisMachine asks the system; what it does not tell is left empty.
func thisMachine() Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU()}
	m.Host, _ = os.Hostname()
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = string(bytes.TrimSpace(b))
	}
	m.CPU = procField("/proc/cpuinfo", "model name")
	if kb, err := strconv.Atoi(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB")); err == nil {
		m.MemoryMB = kb >> 10
	}
	return m
}

// procField is the value behind the first "name:" in a file.
func procField(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// usage is what has been used so far: by this process, and by the whole machine where the system tells.
type usage struct {
	at      time.Time
	process time.Duration
	// busy and total are ticks of all cores; total is 0 where they are not known. stolen is what other machines on the
	// same host took.
	busy, stolen, total uint64
}

// usageNow asks the system.
func usageNow() usage {
	u := usage{at: time.Now()}
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err == nil {
		u.process = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	for i, field := range strings.Fields(string(line)) {
		n, err := strconv.ParseUint(field, 10, 64)
		// cpu user nice system idle iowait irq softirq steal guest guest_nice; guests are in user already. (proc(5).)
		if i == 0 || i > 8 || err != nil {
			continue
		}
		u.total += n
		switch i {
		case 4, 5:
		case 8:
			u.stolen += n
		default:
			u.busy += n
		}
	}
	return u
}

// load is usage over a while.
type load struct {
	// wall is how long, process the client's CPU in it.
	wall, process time.Duration
	// busy and stolen are shares of all cores, from 0 to 1; -1 where they are not known.
	busy, stolen float64
}

// since is the load from before to u.
func (u usage) since(before usage) load {
	l := load{wall: u.at.Sub(before.at), process: u.process - before.process, busy: -1, stolen: -1}
	if total := u.total - before.total; u.total > 0 && total > 0 {
		l.busy, l.stolen = float64(u.busy-before.busy)/float64(total), float64(u.stolen-before.stolen)/float64(total)
	}
	return l
}

// cores is how many cores the client kept busy.
func (l load) cores() float64 {
	if l.wall <= 0 {
		return 0
	}
	return l.process.Seconds() / l.wall.Seconds()
}
