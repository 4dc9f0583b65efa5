//go:build amd64 || arm64

package aws

import (
	"syscall"
	"unsafe"
)

// A socket that does not block need not tell Go's scheduler that a call may: that lets go of the processor and takes it back, and
// wakes the runtime's watchdog thread whenever all was idle before, which is at every answer of an upstream. What these
// functions are given stays where it is until they return, which is at once.

// receive reads from a socket, with flags.
func receive(fd uintptr, b []byte, flags uintptr) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags|syscall.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// transmit writes to a socket what that takes.
func transmit(fd uintptr, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
