package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// serverCore is the core that servers run on; clients have the last, each alone as far as this program can see to it.
const serverCore = 0

// onCore runs f on a thread that may run on one core only, and so do the processes and threads that f starts. The thread
// ends with f. On a machine without that core f runs anywhere.
func onCore(core int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		if core < runtime.NumCPU() {
			if err := keepTo(func(c int) bool { return c == core }); err != nil {
				done <- err
				return
			}
		}
		done <- f()
	}()
	return <-done
}

// lastCore keeps the calling thread on the machine's last core, or with others set on all the others. Processes that it
// starts inherit that. With one core only it does nothing.
func lastCore(others bool) error {
	n := runtime.NumCPU()
	if n < 2 {
		return nil
	}
	return keepTo(func(core int) bool { return (core < n-1) == others })
}

// keepTo keeps the calling thread on the cores that may has.
func keepTo(may func(core int) bool) error {
	var mask [16]uint64 // room for 1024
	for core := range min(runtime.NumCPU(), 64*len(mask)) {
		if may(core) {
			mask[core/64] |= 1 << (core % 64)
		}
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask))); errno != 0 {
		return fmt.Errorf("keep to a core: %w", errno)
	}
	return nil
}

// rusageThread asks getrusage(2) for the calling thread alone.
const rusageThread = 1

// threadCPU is the time that the calling thread has used so far.
func threadCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
