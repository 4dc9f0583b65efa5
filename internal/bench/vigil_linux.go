package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// vigil looks at the clock twice a millisecond, on a core that is then taken from it: by the host, whatever runs here. Its thread
// goes before all others (sched(7), SCHED_FIFO), so that it does not see how busy the machine's own programs are, and what it
// tells has nothing to do with how fast any of them answers.
type vigil struct {
	stopped atomic.Bool
	ended   sync.WaitGroup

	mu sync.Mutex
	// seen are the absences since they were last taken.
	seen []absence
}

// vigilPeriod is how often it looks; the others are the system's.
const (
	vigilPeriod = 500 * time.Microsecond
	schedFIFO   = 1 // sched(7)
	timerAbs    = 1 // clock_nanosleep(2), TIMER_ABSTIME
)

// newVigil begins one on a core. It fails for who may not go before others.
func newVigil(core int) (*vigil, error) {
	v, began := &vigil{}, make(chan error)
	v.ended.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		var mask [16]uint64
		mask[core/64] = 1 << (core % 64)
		if _, _, code := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask))); code != 0 {
			began <- fmt.Errorf("keep to core %d: %w", core, code)
			return
		}
		priority := int32(1)
		if _, _, code := syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, schedFIFO, uintptr(unsafe.Pointer(&priority))); code != 0 {
			began <- os.NewSyscallError("sched_setscheduler", code)
			return
		}
		began <- nil
		v.watch()
	})
	if err := <-began; err != nil {
		return nil, err
	}
	return v, nil
}

// watch runs until stop. It sleeps without telling Go's scheduler, for which it would have to queue afterwards; see setUp of
// missesPart.
func (v *vigil) watch() {
	next := monotonic()
	for !v.stopped.Load() {
		next += int64(vigilPeriod)
		at := syscall.NsecToTimespec(next)
		_, _, code := syscall.RawSyscall6(syscall.SYS_CLOCK_NANOSLEEP, clockMonotonic, timerAbs, uintptr(unsafe.Pointer(&at)), 0, 0, 0)
		if errors.Is(code, syscall.EINTR) {
			continue
		}
		now := monotonic()
		if late := time.Duration(now - next); late > leastAbsence {
			end := time.Now()
			v.mu.Lock()
			v.seen = append(v.seen, absence{end.Add(-late), end})
			v.mu.Unlock()
			next = now
		}
	}
}

// take gives the absences since the last call.
func (v *vigil) take() []absence {
	v.mu.Lock()
	defer v.mu.Unlock()
	seen := v.seen
	v.seen = nil
	return seen
}

// stop ends it.
func (v *vigil) stop() {
	v.stopped.Store(true)
	v.ended.Wait()
}

// monotonic is the time of clock_nanosleep(2)'s CLOCK_MONOTONIC.
func monotonic() int64 {
	var now syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

// threadID is the system's number of the calling thread.
func threadID() int { return syscall.Gettid() }
