package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// What targets row 19 owes.
const (
	owedStart  = 60 // milliseconds
	owedIdle   = 45 // MB
	owedBinary = 60 // MB
)

// idleTime is how long a server is left alone before its memory is read.
const idleTime = time.Second

// startPart measures a start in an empty folder up to the first answer, beside the shortest run that the same binary
// has, which is what the system takes for loading it; and the memory of an idle server.
type startPart struct {
	s   *settings
	got samples
}

// newStartPart makes the part.
func newStartPart(s *settings) *startPart { return &startPart{s, samples{}} }

// setUp has nothing to do.
func (p *startPart) setUp(context.Context) error { return nil }

// tearDown has nothing to do.
func (p *startPart) tearDown() error { return nil }

// round starts the binary both ways.
func (p *startPart) round(ctx context.Context, number int) error {
	return alternate(number, func() error {
		start := time.Now()
		if err := exec.CommandContext(ctx, p.s.binary, "version").Run(); err != nil {
			return err
		}
		p.got.add("version", millis(time.Since(start)))
		return nil
	}, func() error {
		srv, err := startServer(ctx, p.s.binary, filepath.Join(p.s.dir, fmt.Sprintf("start-%d", number)))
		if err != nil {
			return err
		}
		p.got.add("start", millis(srv.started))
		time.Sleep(idleTime)
		now, _, err := srv.memory()
		if err != nil {
			return err
		}
		p.got.add("idle", now/1e6)
		return srv.stop()
	})
}

// report prints row 19.
func (p *startPart) report(out io.Writer) {
	fmt.Fprintln(out, "row 19: start and size")
	row(out, "cold start to first answer in an empty folder, ms", p.got["start"], atMost(p.got["start"], owedStart))
	row(out, "  ÷ running `millrace version`", p.got.over("start", "version"), "")
	row(out, "idle resident memory, MB", p.got["idle"], atMost(p.got["idle"], owedIdle))
	if info, err := os.Stat(p.s.binary); err == nil {
		size := []float64{float64(info.Size()) / 1e6}
		row(out, "stripped binary, MB", size, atMost(size, owedBinary))
	}
}
