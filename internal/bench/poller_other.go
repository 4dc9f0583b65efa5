//go:build !linux

package main

import (
	"errors"
	"time"
)

// poller is Linux's; see poller_linux.go.
type poller struct{ awake bool }

// errNoPoller is why nothing is measured under load here.
var errNoPoller = errors.New("load is made on Linux only, with epoll and exact timers")

// newPoller fails.
func newPoller() (*poller, error) { return nil, errNoPoller }

// close does nothing.
func (p *poller) close() {}

// add fails.
func (p *poller) add(int) error { return errNoPoller }

// wait fails.
func (p *poller) wait(time.Time, []int) ([]int, error) { return nil, errNoPoller }
