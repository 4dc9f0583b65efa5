package main

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"syscall"
)

// ports are addresses of loopback that are kept for processes of a run. Each has a socket that is bound to it and does not listen:
// nobody else is given the port, while a process that is dead is refused connections as on any other machine. A process opens it
// all the same, for it sets SO_REUSEADDR, as Go does for every listener. (Linux, socket(7): an address may be bound again where both
// sockets have that option and none of them listens.)
type ports struct {
	addresses []string
	sockets   []int
}

// reserve takes n ports that are free. Elsewhere than on Linux they are only free at this moment, and not kept: what SO_REUSEADDR
// allows differs.
func reserve(n int) (*ports, error) {
	p := &ports{}
	for range n {
		address, err := p.take()
		if err != nil {
			p.release()
			return nil, fmt.Errorf("reserve a port: %w", err)
		}
		p.addresses = append(p.addresses, address)
	}
	if runtime.GOOS != "linux" {
		p.release()
	}
	return p, nil
}

// take binds a socket to a port that the system picks.
func (p *ports) take() (string, error) {
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return "", os.NewSyscallError("socket", err)
	}
	p.sockets = append(p.sockets, fd)
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return "", os.NewSyscallError("setsockopt", err)
	}
	loopback := [4]byte{127, 0, 0, 1}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: loopback}); err != nil {
		return "", os.NewSyscallError("bind", err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		return "", os.NewSyscallError("getsockname", err)
	}
	bound, ok := at.(*syscall.SockaddrInet4)
	if !ok {
		return "", fmt.Errorf("a socket of %T", at)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(bound.Addr), uint16(bound.Port)).String(), nil
}

// release gives them back.
func (p *ports) release() {
	for _, fd := range p.sockets {
		_ = syscall.Close(fd)
	}
	p.sockets = nil
}
