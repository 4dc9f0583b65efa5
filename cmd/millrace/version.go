package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is this release's number.
const version = "0.1.0"

// versionCommand prints what this binary is.
type versionCommand struct{}

// Run prints one line: number, commit if the build knows it, Go version and platform.
func (c *versionCommand) Run(std streams) error {
	commit := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				commit = " (" + s.Value[:12] + ")"
			}
		}
	}
	_, err := fmt.Fprintf(std.out, "millrace %s%s %s %s/%s\n", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
