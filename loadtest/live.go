package loadtest

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Progress tells people how a run goes: one line that is written over on a terminal, else a plain line every few seconds.
// It is safe for concurrent use.
type Progress struct {
	out      io.Writer
	terminal bool
	every    time.Duration

	mu sync.Mutex

	last  time.Time
	width int
}

// NewProgress writes to out.
func NewProgress(out io.Writer, terminal bool) *Progress {
	p := &Progress{out: out, terminal: terminal, every: 5 * time.Second}
	if terminal {
		p.every = 100 * time.Millisecond
	}
	return p
}

// say writes a line that stays.
func (p *Progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// clear empties the line that is written over; p.mu is held.
func (p *Progress) clear() {
	if p.width > 0 {
		fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", p.width))
		p.width = 0
	}
}

// due tells whether it is time for another line, and notes that it was.
func (p *Progress) due() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.last) < p.every {
		return false
	}
	p.last = time.Now()
	return true
}

// show writes a line that the next one replaces, on a terminal.
func (p *Progress) show(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.terminal {
		fmt.Fprintln(p.out, line)
		return
	}
	fmt.Fprintf(p.out, "\r%-*s", p.width, line)
	p.width = max(p.width, len(line))
}

// window is what happened since the last line.
type window struct {
	counts
	corrected histogram
	since     time.Time
}

// newWindow makes an empty one.
func newWindow() *window { return &window{corrected: newHistogram(), since: time.Now()} }

// add counts a sample.
func (w *window) add(s *sample) {
	w.counts.add(s)
	if s.outcome != refused && s.outcome != broken {
		w.corrected.add(s.latency)
	}
}

// line describes the window and empties it.
func (w *window) line(target string, at, of time.Duration, phase string) string {
	took := time.Since(w.since).Seconds()
	hits := ""
	if share := w.hitShare(); share >= 0 {
		hits = fmt.Sprintf("  hits %s", percent(share))
	}
	failures := w.failures()
	line := fmt.Sprintf("%-10s %5.1f of %.0f s  %6.0f/s  p50 %8s  p99 %8s%s  errors %d%s", target, at.Seconds(), of.Seconds(),
		float64(w.arrivals)/took, text(w.corrected.at(0.5)), text(w.corrected.at(0.99)), hits, failures, phase)
	w.counts, w.since = counts{}, time.Now()
	w.corrected.h.Reset()
	return line
}

// percent is a share for people.
func percent(share float64) string {
	if share < 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}
