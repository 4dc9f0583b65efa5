package loadtest

import (
	"runtime"
	"syscall"
	"time"
)

// timerSlack is prctl's option that says how late a thread's sleep may end; 50 us without it. (prctl(2), PR_SET_TIMERSLACK.)
const timerSlack = 29

// shortestSleep is what is not worth a sleep: going to it and coming back takes as long.
const shortestSleep = 3 * time.Microsecond

// preciseSleep gives a function that waits on the calling goroutine's thread, to within some microseconds; it may return
// earlier. The thread ends with the goroutine. Go's timers may be a millisecond late, because the poller below them counts in
// those.
func preciseSleep() func(time.Duration) {
	runtime.LockOSThread()
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, timerSlack, 1, 0)
	return func(d time.Duration) {
		if d > shortestSleep {
			t := syscall.NsecToTimespec(int64(d))
			// A signal ends it too.
			_ = syscall.Nanosleep(&t, nil)
		}
	}
}
