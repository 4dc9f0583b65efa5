package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

// loop serves sockets on one thread, those of clients and those of the stub: nobody waits for a turn of Go's scheduler, and
// what they cost is small and the same for all that is measured with them. All but post, stayAwake and close belong to its
// thread.
type loop struct {
	poll    *poller
	sockets map[int]*socket
	// alarms are asked for when they are due, before each wait.
	alarms []alarm
	// calls hands functions to the thread; a byte in wake tells that there are some.
	calls chan func()
	wake  [2]int
	ended chan error
	// thread is the system's number of the thread.
	thread int
}

// alarm is something that happens at times.
type alarm interface {
	// due is when the next is; the zero time is never.
	due() time.Time
	// ring is called at or after that.
	ring(now time.Time) error
}

// socket is a connection that does not block.
type socket struct {
	fd int
	in []byte // what was read and not used yet
	// got is given all that has come in and tells how much of it it has used.
	got func(in []byte) (int, error)
	// hungUp is called when the other side has closed, unless nil.
	hungUp func() error
}

// newLoop starts a loop, on the machine's last core if pinned.
func newLoop(pinned bool) (*loop, error) {
	poll, err := newPoller()
	if err != nil {
		return nil, err
	}
	l := &loop{poll: poll, sockets: map[int]*socket{}, calls: make(chan func(), 16), ended: make(chan error, 1)}
	if err := syscall.Pipe(l.wake[:]); err != nil {
		return nil, os.NewSyscallError("pipe", err)
	}
	if err := poll.add(l.wake[0]); err != nil {
		return nil, err
	}
	began := make(chan int)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		began <- threadID()
		var err error
		if pinned {
			err = lastCore(false)
		}
		if err == nil {
			err = l.run()
		}
		l.ended <- err
	}()
	l.thread = <-began
	return l, nil
}

// errLoopEnds ends a loop without an error.
var errLoopEnds = errors.New("the loop ends")

// post runs f on the loop's thread.
func (l *loop) post(f func()) error {
	l.calls <- f
	_, err := syscall.Write(l.wake[1], []byte{0})
	return os.NewSyscallError("write", err)
}

// stayAwake has the thread look again and again, instead of sleeping, in the last millisecond before an alarm. It is for
// measurements in which the core belongs to the client alone: waking up takes it time.
func (l *loop) stayAwake() error { return l.post(func() { l.poll.awake = true }) }

// close ends the loop and hangs up on everybody.
func (l *loop) close() error {
	l.calls <- nil
	if _, err := syscall.Write(l.wake[1], []byte{0}); err != nil {
		return os.NewSyscallError("write", err)
	}
	err := <-l.ended
	for _, s := range l.sockets {
		_ = syscall.Close(s.fd)
	}
	_ = syscall.Close(l.wake[0])
	_ = syscall.Close(l.wake[1])
	l.poll.close()
	if errors.Is(err, errLoopEnds) {
		return nil
	}
	return err
}

// run serves until close, or the first error.
func (l *loop) run() error {
	var ready []int
	for {
		var at time.Time
		for _, a := range l.alarms {
			if due := a.due(); !due.IsZero() && (at.IsZero() || due.Before(at)) {
				at = due
			}
		}
		var err error
		if ready, err = l.poll.wait(at, ready[:0]); err != nil {
			return err
		}
		if now := time.Now(); !at.IsZero() && !now.Before(at) {
			for i := 0; i < len(l.alarms); i++ { // an alarm may leave while it rings
				if due := l.alarms[i].due(); !due.IsZero() && !now.Before(due) {
					if err := l.alarms[i].ring(now); err != nil {
						return err
					}
				}
			}
		}
		for _, fd := range ready {
			if fd == l.wake[0] {
				err = l.called()
			} else if s := l.sockets[fd]; s != nil { // nil: closed in this very turn
				err = l.read(s)
			}
			if err != nil {
				return err
			}
		}
	}
}

// called runs what was posted.
func (l *loop) called() error {
	var one [1]byte
	if _, err := syscall.Read(l.wake[0], one[:]); err != nil {
		return os.NewSyscallError("read", err)
	}
	f := <-l.calls
	if f == nil {
		return errLoopEnds
	}
	f()
	return nil
}

// open takes a descriptor over.
func (l *loop) open(s *socket) error {
	l.sockets[s.fd] = s
	return l.poll.add(s.fd)
}

// shut closes a socket.
func (l *loop) shut(s *socket) {
	delete(l.sockets, s.fd)
	_ = syscall.Close(s.fd)
}

// read takes in what has come.
func (l *loop) read(s *socket) error {
	if cap(s.in)-len(s.in) < 16<<10 {
		s.in = append(make([]byte, 0, 2*cap(s.in)+32<<10), s.in...)
	}
	n, err := syscall.Read(s.fd, s.in[len(s.in):cap(s.in)])
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return nil
	case n <= 0:
		l.shut(s)
		if s.hungUp != nil {
			return s.hungUp()
		}
		return nil
	}
	s.in = s.in[:len(s.in)+n]
	used, err := s.got(s.in)
	s.in = s.in[:copy(s.in, s.in[used:])]
	return err
}

// write sends all of b. What is sent here is far smaller than a socket's buffer.
func (s *socket) write(b []byte) error {
	n, err := syscall.Write(s.fd, b)
	if err == nil && n < len(b) {
		return fmt.Errorf("a socket took %d of %d bytes", n, len(b))
	}
	return os.NewSyscallError("write", err)
}

// descriptor takes the descriptor out of a connection made by package net. It does not block.
func descriptor(c net.Conn) (int, error) {
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	fd := -1
	var failed error
	if err := raw.Control(func(theirs uintptr) { fd, failed = syscall.Dup(int(theirs)) }); err != nil {
		return 0, err
	}
	return fd, os.NewSyscallError("dup", failed)
}
