//go:build !linux || (!amd64 && !arm64)

package aws

import "syscall"

// receive reads from a socket, with flags.
func receive(fd uintptr, b []byte, flags uintptr) (int, error) {
	n, _, err := syscall.Recvfrom(int(fd), b, int(flags)|syscall.MSG_DONTWAIT)
	return max(0, n), err
}

// transmit writes to a socket what that takes.
func transmit(fd uintptr, b []byte) (int, error) {
	n, err := syscall.Write(int(fd), b)
	return max(0, n), err
}
