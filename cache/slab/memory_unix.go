//go:build unix && !race

package slab

import (
	"fmt"
	"syscall"
)

// mapped is n bytes outside the garbage collector's heap. That there are none is as fatal as for the heap itself.
func mapped(n int) []byte {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(fmt.Sprintf("slab: map %d bytes: %v", n, err))
	}
	smallPages(b)
	return b
}

// unmap gives back what mapped returned.
func unmap(b []byte) {
	if err := syscall.Munmap(b); err != nil {
		panic(fmt.Sprintf("slab: unmap %d bytes: %v", len(b), err))
	}
}
