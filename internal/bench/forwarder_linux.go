package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// forwarder is the least that can stand between clients and upstream: one thread with epoll that gives every client a
// connection upstream and passes on, both ways, the bytes that have come. It looks at none of them. So what it adds to a
// request is what the machine takes for two more sockets, two wake-ups, two reads and two writes: a floor for whatever does
// something with a request.
type forwarder struct {
	epoll, listener int
	upstream        *syscall.SockaddrInet4
	// stopping is a pipe whose end for writing stop closes.
	stopping [2]int
	// ends are the sockets by descriptor.
	ends   []*forwarderEnd
	events [256]syscall.EpollEvent
	// b is what a read has room for.
	b [64 << 10]byte
}

// forwarderEnd is one of the two sockets that a client has here: its own or the one upstream.
type forwarderEnd struct {
	fd    int
	other *forwarderEnd
	// owed is what came from other and fd has not taken yet. Nothing more is read from other before it has.
	owed []byte
	// hangsUp tells that its peer sends no more: there is an end to read behind what has come. over is that it was read.
	hangsUp, over bool
}

// edgeTriggered is epoll_ctl(2)'s EPOLLET, which package syscall has as a negative number on some architectures. Each change is
// told once, so that a socket is registered once and never looked at again for nothing.
const edgeTriggered = 1 << 31

// serveForwarder is a process that forwards what comes on address until ctx ends. Its thread waits in the kernel without telling
// Go's scheduler, which takes a tenth of the CPU off a request; so it keeps a processor of the scheduler's, and there has to be another.
func serveForwarder(ctx context.Context, address, upstream string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f, err := newForwarder(address, upstream)
	if err != nil {
		return err
	}
	defer f.close()
	stopped := make(chan struct{})
	keepOn := context.AfterFunc(ctx, func() {
		f.stop()
		close(stopped)
	})
	err = f.run()
	if keepOn() {
		f.stop()
	} else {
		<-stopped
	}
	return err
}

// newForwarder listens on address.
func newForwarder(address, upstream string) (f *forwarder, err error) {
	f = &forwarder{epoll: -1, listener: -1, stopping: [2]int{-1, -1}}
	defer func() {
		if err != nil {
			f.stop()
			f.close()
		}
	}()
	if f.upstream, err = inet4(upstream); err != nil {
		return f, err
	}
	own, err := inet4(address)
	if err != nil {
		return f, err
	}
	if f.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return f, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.Pipe2(f.stopping[:], syscall.O_CLOEXEC); err != nil {
		return f, os.NewSyscallError("pipe2", err)
	}
	if f.listener, err = tcpSocket(); err != nil {
		return f, err
	}
	if err := syscall.SetsockoptInt(f.listener, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return f, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(f.listener, own); err != nil {
		return f, fmt.Errorf("listen on %s: %w", address, err)
	}
	if err := syscall.Listen(f.listener, syscall.SOMAXCONN); err != nil {
		return f, fmt.Errorf("listen on %s: %w", address, err)
	}
	for _, fd := range []int{f.stopping[0], f.listener} {
		if err := f.watch(fd, syscall.EPOLLIN); err != nil {
			return f, err
		}
	}
	return f, nil
}

// inet4 is an address for the kernel.
func inet4(address string) (*syscall.SockaddrInet4, error) {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !a.Addr().Is4() {
		return nil, fmt.Errorf("the forwarder wants an IPv4 address and a port, such as 127.0.0.1:8000, for %q", address)
	}
	return &syscall.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}, nil
}

// tcpSocket makes one that does not block.
func tcpSocket() (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	return fd, os.NewSyscallError("socket", err)
}

// watch has run hear of what happens to fd.
func (f *forwarder) watch(fd int, events uint32) error {
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(f.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)}))
}

// stop ends run, from anywhere, once.
func (f *forwarder) stop() {
	if f.stopping[1] >= 0 {
		_ = syscall.Close(f.stopping[1])
	}
}

// close hangs up on everybody, after stop or what was left of it.
func (f *forwarder) close() {
	for _, e := range f.ends {
		if e != nil {
			_ = syscall.Close(e.fd)
		}
	}
	for _, fd := range []int{f.listener, f.stopping[0], f.epoll} {
		if fd >= 0 {
			_ = syscall.Close(fd)
		}
	}
}

// run serves until stop.
func (f *forwarder) run() error {
	for {
		n, _, code := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(f.epoll), uintptr(unsafe.Pointer(&f.events)), uintptr(len(f.events)), ^uintptr(0), 0, 0)
		switch code {
		case 0:
		case syscall.EINTR:
			// Go's signal may want this goroutine to stop, for a collection of garbage say. It cannot while in the kernel or on its
			// way there, so it does here: else the collection, and all who wait for it, would wait for the next event.
			runtime.Gosched()
			continue
		default:
			return os.NewSyscallError("epoll_pwait", code)
		}
		for i := range f.events[:n] {
			switch fd := int(f.events[i].Fd); fd {
			case f.stopping[0]:
				return nil
			case f.listener:
				if err := f.accept(); err != nil {
					return err
				}
			default:
				// It was closed in this very turn where there is none; where there is another by now, it sees that nothing has come.
				if e := f.ends[fd]; e != nil && !f.serve(e, f.events[i].Events) {
					f.hangUp(e)
				}
			}
		}
	}
}

// accept takes all clients that have come.
func (f *forwarder) accept() error {
	for {
		fd, _, err := syscall.Accept4(f.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch {
		case err == nil:
		case errors.Is(err, syscall.EAGAIN):
			return nil
		case errors.Is(err, syscall.EINTR), errors.Is(err, syscall.ECONNABORTED):
			continue
		default:
			return os.NewSyscallError("accept4", err)
		}
		client := f.hold(fd)
		if fd, err = tcpSocket(); err != nil {
			return err
		}
		client.other = f.hold(fd)
		client.other.other = client
		// While it connects it takes nothing and has nothing; whether that has failed is seen when it is read.
		if err := syscall.Connect(fd, f.upstream); err != nil && err != syscall.EINPROGRESS {
			f.hangUp(client)
			continue
		}
		for _, e := range []*forwarderEnd{client, client.other} {
			if err := syscall.SetsockoptInt(e.fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
				return os.NewSyscallError("setsockopt", err)
			}
			if err := f.watch(e.fd, syscall.EPOLLIN|syscall.EPOLLOUT|syscall.EPOLLRDHUP|edgeTriggered); err != nil {
				return err
			}
		}
	}
}

// hold makes an end of a socket, which close closes if nobody did before.
func (f *forwarder) hold(fd int) *forwarderEnd {
	for fd >= len(f.ends) {
		f.ends = append(f.ends, nil)
	}
	f.ends[fd] = &forwarderEnd{fd: fd}
	return f.ends[fd]
}

// hangUp closes an end and its other.
func (f *forwarder) hangUp(e *forwarderEnd) {
	for _, e := range []*forwarderEnd{e, e.other} {
		_ = syscall.Close(e.fd)
		f.ends[e.fd] = nil
	}
}

// serve does what can be done now that something has happened to e. False ends both connections.
func (f *forwarder) serve(e *forwarderEnd, events uint32) bool {
	e.hangsUp = e.hangsUp || events&(syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0
	if len(e.owed) > 0 {
		n, ok := send(e.fd, e.owed)
		if e.owed = e.owed[:copy(e.owed, e.owed[n:])]; !ok {
			return false
		}
		// What the other has meanwhile was told before.
		if len(e.owed) == 0 && !f.pass(e.other) {
			return false
		}
	}
	return f.pass(e)
}

// pass hands on what from has, as far as its other takes it. False ends both connections.
func (f *forwarder) pass(from *forwarderEnd) bool {
	to := from.other
	for len(to.owed) == 0 && !from.over {
		n, _, code := syscall.RawSyscall(syscall.SYS_READ, uintptr(from.fd), uintptr(unsafe.Pointer(&f.b)), uintptr(len(f.b)))
		switch {
		case code == syscall.EAGAIN:
			return true
		case code == syscall.EINTR:
			continue
		case code != 0:
			return false
		case n == 0:
			// The other way goes on: who sends no more may still want an answer.
			from.over = true
			return !to.over && syscall.Shutdown(to.fd, syscall.SHUT_WR) == nil
		}
		sent, ok := send(to.fd, f.b[:n])
		if !ok {
			return false
		}
		to.owed = append(to.owed, f.b[sent:n]...)
		// What was less than there was room for was all; of what comes later epoll tells. (epoll(7), "Do I need to continuously
		// read/write")
		if int(n) < len(f.b) && !from.hangsUp {
			return true
		}
	}
	return true
}

// send writes as much of b as fd takes. False means that it takes no more ever.
func send(fd int, b []byte) (sent int, ok bool) {
	for sent < len(b) {
		n, _, code := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[sent])), uintptr(len(b)-sent))
		switch code {
		case 0:
			sent += int(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return sent, true
		default:
			return sent, false
		}
	}
	return sent, true
}
