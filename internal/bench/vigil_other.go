//go:build !linux

package main

// vigil is Linux's; see vigil_linux.go.
type vigil struct{}

// newVigil fails.
func newVigil(int) (*vigil, error) { return nil, errNoPoller }

// take tells nothing.
func (v *vigil) take() []absence { return nil }

// stop does nothing.
func (v *vigil) stop() {}

// threadID tells nothing.
func threadID() int { return 0 }
