package main

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// poller waits on one thread for sockets and for a time, exactly: Go's own poller counts in milliseconds, which is half of
// what the upstream of a miss takes.
type poller struct {
	epoll, timer int
	armed        time.Time
	// awake looks again and again, instead of sleeping, once at is less than a millisecond away.
	awake  bool
	events [256]syscall.EpollEvent
}

// clockMonotonic is timerfd_create(2)'s CLOCK_MONOTONIC.
const clockMonotonic = 1

// newPoller makes a poller.
func newPoller() (*poller, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	timer, _, errno := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		_ = syscall.Close(epoll)
		return nil, os.NewSyscallError("timerfd_create", errno)
	}
	p := &poller{epoll: epoll, timer: int(timer)}
	return p, p.add(p.timer)
}

// close lets go of both descriptors.
func (p *poller) close() {
	_ = syscall.Close(p.timer)
	_ = syscall.Close(p.epoll)
}

// add makes wait report fd as often as there is something to read from it; closing it ends that.
func (p *poller) add(fd int) error {
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(p.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}))
}

// wait appends the descriptors that can be read to ready; it returns with none once it is at. The zero time never comes.
func (p *poller) wait(at time.Time, ready []int) ([]int, error) {
	timeout := -1
	if p.awake {
		if !at.IsZero() {
			timeout = int(max(0, time.Until(at)).Milliseconds())
		}
	} else if !at.Equal(p.armed) {
		// A relative timerfd_settime(2): interval, then value. Zero would disarm it.
		var spec [2]syscall.Timespec
		if !at.IsZero() {
			spec[1] = syscall.NsecToTimespec(max(1, int64(time.Until(at))))
		}
		if _, _, errno := syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(p.timer), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0); errno != 0 {
			return nil, os.NewSyscallError("timerfd_settime", errno)
		}
		p.armed = at
	}
	n, err := syscall.EpollWait(p.epoll, p.events[:], timeout)
	if err != nil && err != syscall.EINTR {
		return nil, os.NewSyscallError("epoll_wait", err)
	}
	for _, e := range p.events[:max(0, n)] {
		if int(e.Fd) != p.timer {
			ready = append(ready, int(e.Fd))
			continue
		}
		var expirations [8]byte
		_, _ = syscall.Read(p.timer, expirations[:])
		p.armed = time.Time{}
	}
	return ready, nil
}
