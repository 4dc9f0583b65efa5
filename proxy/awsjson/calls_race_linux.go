//go:build (amd64 || arm64) && race

package awsjson

import (
	"errors"
	"syscall"
)

// The race detector learns from package syscall alone that what one side has written happened before the other reads it.

// receiveNow reads from a socket what is there.
func receiveNow(fd uintptr, in []byte) (int, syscall.Errno) {
	n, err := syscall.Read(int(fd), in)
	return n, errnoOf(err)
}

// sendNow writes to a socket what it has room for.
func sendNow(fd uintptr, out, page []byte) (int, syscall.Errno) {
	n, err := syscall.Write(int(fd), out)
	if err != nil || n < len(out) || len(page) == 0 {
		return n, errnoOf(err)
	}
	m, _ := syscall.Write(int(fd), page) // what is wrong now is wrong the next time
	return n + max(0, m), 0
}

// errnoOf is the number of an error of package syscall.
func errnoOf(err error) (errno syscall.Errno) {
	errors.As(err, &errno)
	return errno
}
