//go:build amd64 || arm64

package awsjson

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// With a goroutine for each connection every request costs a sleep, a wake-up and a read that finds nothing, which is more than
// finding what it asks for. Connections between requests are therefore looked after by a few loops: a loop asks the kernel which
// of its connections have sent something and serves one request of each, all on one goroutine, which sleeps in Go's poller
// on the loop's own epoll descriptor until there is something again. The rule that keeps this simple is that a loop never waits
// for anything else: a goroutine that has to, for the backend, for the rest of a request or for a client that reads slowly, first
// passes the loop to another one (see hand) and then goes on as it would without a loop. What fasthttp has to read leaves
// the loop for good.

// turnEvents is how many connections a loop serves before other goroutines have their turn.
const turnEvents = 64

// What is done with a connection that a loop looks after. Who changes atRest to taken owns the connection until it changes back.
const (
	atRest uint32 = iota
	taken         // somebody serves it
	wanted        // and the kernel has told that there is more
)

// loops are those of a server.
type loops struct{ all []*loop }

// loop looks after connections.
type loop struct {
	server *Server
	file   *os.File // the epoll instance
	raw    syscall.RawConn
	// ask is the callback of raw that asks the kernel, made once.
	ask func(fd uintptr) bool

	// Of the hand that tends the loop: what the kernel told last, the connections that it was told of, and how far they are served.
	events [turnEvents]syscall.EpollEvent
	ready  [turnEvents]*conn
	at, n  int

	count atomic.Int64 // of connections

	mu     sync.Mutex
	closed bool
	slots  []*conn // by the number that the kernel knows them by; nil is free
	free   []int32
	// silent are those that have sent nothing yet when they were last looked at.
	silent []*conn
	// idle are hands that wait to be given the loop; at least spare of them were not needed since it was last looked.
	idle  []*hand
	spare int
	// clock is the next look at who has been silent for too long, nil while there are neither connections nor idle hands, and swept when all connections were looked at.
	clock   *time.Timer
	swept   time.Time
	looking sync.Mutex
	// hands are the loop's goroutines.
	hands sync.WaitGroup
}

// newLoops makes one for each thread that Go code may run on. Without any, fasthttp serves all connections.
func newLoops(s *Server) *loops {
	ls := &loops{}
	for range runtime.GOMAXPROCS(0) {
		l, err := newLoop(s)
		if err != nil {
			s.log.Warn("connections are served without a loop", slog.Any("error", err))
			break
		}
		ls.all = append(ls.all, l)
	}
	return ls
}

// newLoop makes a loop and the hand that tends it.
func newLoop(s *Server) (*loop, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // so that package os hands it to Go's poller
		return nil, errors.Join(os.NewSyscallError("fcntl", err), syscall.Close(fd))
	}
	l := &loop{server: s, file: os.NewFile(uintptr(fd), "epoll"), swept: time.Now()}
	if l.raw, err = l.file.SyscallConn(); err == nil {
		err = l.file.SetReadDeadline(time.Time{}) // an error means that it is not in the poller
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("wait for an epoll instance: %w", err), l.file.Close())
	}
	l.ask = l.asked
	l.start()
	return l, nil
}

// take gives a connection to the loop that has the fewest, and reports whether there is one.
func (ls *loops) take(c *conn) bool {
	if c.raw == nil || c.refused || c.l.server == nil || len(ls.all) == 0 {
		return false
	}
	least := ls.all[0]
	for _, l := range ls.all[1:] {
		if l.count.Load() < least.count.Load() {
			least = l
		}
	}
	return least.add(c)
}

// sweep hands all connections between requests to fasthttp, whose they are while the server drains. Those that are being served
// follow when they are done.
func (ls *loops) sweep() {
	for _, l := range ls.all {
		for _, c := range l.all() {
			if c.turn.CompareAndSwap(atRest, taken) {
				l.part(c, nil)
			}
		}
	}
}

// close ends the loops. No connection may be left but such as are cut off.
func (ls *loops) close() error {
	var failed []error
	for _, l := range ls.all {
		failed = append(failed, l.close())
	}
	return errors.Join(failed...)
}

// wait waits for all goroutines of closed loops.
func (ls *loops) wait() {
	for _, l := range ls.all {
		l.hands.Wait()
	}
}

// add begins to look after a connection.
func (l *loop) add(c *conn) bool {
	l.mu.Lock()
	if n := len(l.free); n > 0 {
		c.slot, l.free = l.free[n-1], l.free[:n-1]
	} else {
		c.slot = int32(len(l.slots))
		l.slots = append(l.slots, nil)
	}
	c.now = time.Now()
	l.slots[c.slot] = c
	l.silent = append(l.silent, c)
	l.count.Add(1)
	if l.clock == nil {
		l.wind()
	}
	l.mu.Unlock()
	if l.watch(c, syscall.EPOLL_CTL_ADD) != nil {
		l.forget(c)
		return false
	}
	return true
}

// forget ends that. The caller owns the connection.
func (l *loop) forget(c *conn) {
	l.mu.Lock()
	l.slots[c.slot] = nil
	l.free = append(l.free, c.slot)
	l.count.Add(-1)
	l.mu.Unlock()
}

// watch asks the kernel to tell once of what comes on a connection, and of what has come already.
func (l *loop) watch(c *conn, how int) error {
	const events = syscall.EPOLLIN | syscall.EPOLLRDHUP | -syscall.EPOLLET // which is 1<<31, and negative in package syscall
	var failed error
	err := c.raw.Control(func(fd uintptr) {
		failed = l.raw.Control(func(epoll uintptr) {
			failed = syscall.EpollCtl(int(epoll), how, int(fd), &syscall.EpollEvent{Events: events, Fd: c.slot})
		})
	})
	if err != nil {
		return err
	}
	return failed
}

// wait waits until there is somebody to serve, and reports false once the loop is closed.
func (l *loop) wait() bool {
	if l.n == turnEvents {
		runtime.Gosched() // there may be more, so that raw would not sleep
	}
	l.at, l.n = 0, 0
	if l.raw.Read(l.ask) != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.n {
		l.ready[i] = l.slots[l.events[i].Fd]
	}
	return !l.closed
}

// asked asks the kernel, which does not wait.
func (l *loop) asked(fd uintptr) bool {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&l.events)), turnEvents, 0, 0, 0)
	if errno == 0 {
		l.n = int(n)
	}
	return l.n > 0
}

// all are the connections that the loop looks after.
func (l *loop) all() (conns []*conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.slots {
		if c != nil {
			conns = append(conns, c)
		}
	}
	return conns
}

// close ends the loop.
func (l *loop) close() error {
	l.mu.Lock()
	l.closed = true
	for _, h := range l.idle {
		close(h.given)
	}
	l.idle = nil
	if l.clock != nil {
		l.clock.Stop()
	}
	l.mu.Unlock()
	l.looking.Lock() // a tick that had begun is over
	defer l.looking.Unlock()
	return l.file.Close()
}
