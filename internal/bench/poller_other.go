//go:build !linux

package main

import (
	"errors"
	"time"
)

// poller is Linux's; see poller_linux.go.
type poller struct{}

// errNoPoller is why misses are not measured here.
var errNoPoller = errors.New("misses are measured on Linux only: its timers are exact")

// newPoller fails.
func newPoller() (*poller, error) { return nil, errNoPoller }

// close does nothing.
func (p *poller) close() {}

// add fails.
func (p *poller) add(int) error { return errNoPoller }

// wait fails.
func (p *poller) wait(time.Time, []int) ([]int, error) { return nil, errNoPoller }

// lastCore fails.
func lastCore(bool) error { return errNoPoller }
