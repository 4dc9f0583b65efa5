//go:build (amd64 || arm64) && !race

package awsjson

import (
	"runtime"
	"syscall"
	"unsafe"
)

// receiveNow reads from a socket what is there.
func receiveNow(fd uintptr, in []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(in))), uintptr(len(in)), syscall.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// sendNow writes to a socket what it has room for.
func sendNow(fd uintptr, out, page []byte) (int, syscall.Errno) {
	const how = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL
	if len(page) == 0 {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(out))), uintptr(len(out)), how, 0, 0)
		return int(n), errno
	}
	parts := [2]syscall.Iovec{{Base: unsafe.SliceData(out)}, {Base: unsafe.SliceData(page)}}
	parts[0].SetLen(len(out))
	parts[1].SetLen(len(page))
	message := syscall.Msghdr{Iov: &parts[0], Iovlen: uint64(len(parts))}
	n, _, errno := syscall.RawSyscall(syscall.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&message)), how)
	runtime.KeepAlive(&parts)
	return int(n), errno
}
