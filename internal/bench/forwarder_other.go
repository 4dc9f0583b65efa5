//go:build !linux

package main

import "context"

// serveForwarder fails: the forwarder is Linux's; see forwarder_linux.go.
func serveForwarder(context.Context, string, string) error { return errNoPoller }
