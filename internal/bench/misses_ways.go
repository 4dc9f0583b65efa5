package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// The ways to upstream: none between, a bare forwarder, the millrace that is measured, and the one that it is compared with.
const (
	directWay    = "direct"
	forwarderWay = "forwarder"
	millraceWay  = "millrace"
	beforeWay    = "before"
)

// missWay is a way to upstream.
type missWay struct {
	name, address string
	// pid is the process that stands between, and stop ends it; 0 and nil where there is none.
	pid  int
	stop func() error
	// log is what a millrace writes; started is when it was, and from how old it was when the rounds began.
	log     string
	started time.Time
	from    time.Duration
}

// way is the one with a name.
func (p *missesPart) way(name string) *missWay {
	for _, w := range p.ways {
		if w.name == name {
			return w
		}
	}
	return nil
}

// beside runs f on a thread whose cores are those that are not the loop's; processes that it starts inherit them.
func (p *missesPart) beside(f func() error) error {
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		var err error
		if p.s.pin {
			err = lastCore(true)
		}
		if err == nil {
			err = f()
		}
		failed <- err
	}()
	return <-failed
}

// addMillrace starts a millrace before the stub.
func (p *missesPart) addMillrace(ctx context.Context, name, binary string) error {
	return p.beside(func() error {
		w := &missWay{name: name, started: time.Now()}
		s, err := startServerWith(ctx, []string{traceCollections}, binary, filepath.Join(p.s.dir, name), "--cache", "on",
			"--backend", "aws", "--upstream", p.stub.endpoint(), "--upstream-kind", "generic", "--region", "us-east-1")
		if err != nil {
			return err
		}
		w.address, w.pid, w.stop, w.log = strings.TrimPrefix(s.endpoint, "http://"), s.cmd.Process.Pid, s.stop, s.log
		p.ways = append(p.ways, w)
		return nil
	})
}

// addForwarder starts a forwarder before the stub.
func (p *missesPart) addForwarder(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	address, _, err := freePorts()
	if err != nil {
		return err
	}
	return p.beside(func() error {
		upstream := strings.TrimPrefix(p.stub.endpoint(), "http://")
		f, err := startProcess(ctx, p.s.dir, forwarderWay, address, startHere, self, "-bare", forwarderWay, "-listen", address, "-upstream", upstream)
		if err != nil {
			return err
		}
		p.ways = append(p.ways, &missWay{name: forwarderWay, address: address, pid: f.cmd.Process.Pid, stop: f.stop})
		return nil
	})
}
