package main

import (
	"errors"
	"net"
	"runtime"
	"syscall"
	"testing"
)

// A port is kept for a process while that is dead, and its clients are refused meanwhile.
func TestReservedPortsAreNobodyElses(t *testing.T) {
	p, err := reserve(2)
	if err != nil {
		t.Fatal(err)
	}
	defer p.release()
	if p.addresses[0] == p.addresses[1] {
		t.Errorf("%s is reserved twice", p.addresses[0])
	}
	for _, address := range p.addresses {
		for life := range 2 {
			if runtime.GOOS == "linux" {
				if err := bindAlone(t, address); !errors.Is(err, syscall.EADDRINUSE) {
					t.Errorf("%s, life %d: another binds it: %v, want %v", address, life, err, syscall.EADDRINUSE)
				}
			}
			if c, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%s, life %d: a connection to nobody: %v %v, want %v", address, life, c, err, syscall.ECONNREFUSED)
			}
			l, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatalf("%s, life %d: the process that it is kept for: %v", address, life, err)
			}
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatalf("%s, life %d: %v", address, life, err)
			}
			_, _ = c.Close(), l.Close()
		}
	}
}

// bindAlone binds address as one does who shares it with nobody, which is what the system demands of a port that it gives out.
func bindAlone(t *testing.T, address string) error {
	t.Helper()
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	return syscall.Bind(fd, &syscall.SockaddrInet4{Port: at.Port, Addr: [4]byte(at.IP.To4())})
}
