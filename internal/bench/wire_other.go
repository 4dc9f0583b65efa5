//go:build !linux

package main

import (
	"context"
	"errors"
	"time"
)

// The cores that servers and the client run on where a program may say so.
const serverCore, clientCore = 0, 1

// onCore runs f; only on Linux is that a matter of a certain core.
func onCore(_ int, f func() error) error { return f() }

// wire is what the ceiling is measured with, on Linux.
type wire struct{}

// newWire says that there is none.
func newWire(string, int, [][]byte, func(int, []byte) (int, error)) (*wire, error) {
	return nil, errors.New("the ceiling is measured with epoll and /proc: it needs Linux")
}

// run is never called.
func (w *wire) run(context.Context, time.Duration, float64) (outcome, error) { return outcome{}, nil }

// close is never called.
func (w *wire) close() {}
