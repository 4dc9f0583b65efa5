//go:build linux && !race

package slab

import "syscall"

// release gives the memory of s back to the system; s can be used again. Should that fail, s keeps its memory, which
// costs only that.
func release(s []byte) { _ = syscall.Madvise(s, syscall.MADV_DONTNEED) }
