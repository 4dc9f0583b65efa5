package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// The cores that servers and the client run on, each alone as far as this program can see to it.
const serverCore, clientCore = 0, 1

// onCore runs f on a thread that may run on one core only, and so do the processes and threads that f starts. The thread
// ends with f. On a machine without that core f runs anywhere.
func onCore(core int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		if core < runtime.NumCPU() {
			mask := [16]uint64{}
			mask[core/64] = 1 << (core % 64)
			if _, _, code := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask))); code != 0 {
				done <- fmt.Errorf("keep to core %d: %w", core, code)
				return
			}
		}
		done <- f()
	}()
	return <-done
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
