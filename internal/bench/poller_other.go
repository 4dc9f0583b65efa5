//go:build !linux

package main

import (
	"errors"
	"time"
)

// poller is Linux's; see poller_linux.go.
type poller struct{ awake bool }

// errNoPoller is why hits and misses are not measured here.
var errNoPoller = errors.New("hits and misses are measured on Linux only, with epoll and exact timers")

// newPoller fails.
func newPoller() (*poller, error) { return nil, errNoPoller }

// close does nothing.
func (p *poller) close() {}

// add fails.
func (p *poller) add(int) error { return errNoPoller }

// wait fails.
func (p *poller) wait(time.Time, []int) ([]int, error) { return nil, errNoPoller }
