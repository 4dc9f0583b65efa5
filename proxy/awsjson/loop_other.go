//go:build !linux || !(amd64 || arm64)

package awsjson

// loops are Linux's; see loop_linux.go. Here each connection has a goroutine.
type loops struct{}

// newLoops makes none.
func newLoops(*Server) *loops { return &loops{} }

// take reports that there is no loop.
func (*loops) take(*conn) bool { return false }

// sweep does nothing.
func (*loops) sweep() {}

// close does nothing.
func (*loops) close() error { return nil }

// wait does nothing.
func (*loops) wait() {}
