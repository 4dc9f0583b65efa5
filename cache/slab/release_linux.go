//go:build linux && !race

package slab

import "syscall"

// release gives the memory of s back to the system; s can be used again. Should that fail, s keeps its memory, which
// costs only that.
func release(s []byte) { _ = syscall.Madvise(s, syscall.MADV_DONTNEED) }

// smallPages keeps the system from making huge pages of b. Where it makes them unasked (transparent_hugepage/enabled is "always") it
// fills in what was released around a page that is in use, and nobody counts that. (madvise(2), MADV_NOHUGEPAGE.) A kernel that has no
// huge pages refuses, and keeps to small ones anyway.
func smallPages(b []byte) { _ = syscall.Madvise(b, syscall.MADV_NOHUGEPAGE) }
