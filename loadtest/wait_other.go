//go:build !linux

package loadtest

import "time"

// preciseSleep gives a function that waits. Here it is as late as Go's timers are.
func preciseSleep() func(time.Duration) { return time.Sleep }
