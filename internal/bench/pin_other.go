//go:build !linux

package main

import (
	"errors"
	"time"
)

// serverCore is the core that servers run on where a program may say so.
const serverCore = 0

// onCore runs f; only on Linux is that a matter of a certain core.
func onCore(_ int, f func() error) error { return f() }

// lastCore fails.
func lastCore(bool) error { return errors.New("threads are kept to cores on Linux only") }

// threadCPU is not known here.
func threadCPU() time.Duration { return 0 }
