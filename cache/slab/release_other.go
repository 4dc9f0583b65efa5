//go:build !linux || race

package slab

// release would give the memory of s back to the system: only Linux promises that s can be used again after it, and it must
// be mapped.
func release([]byte) {}

// smallPages is for a system that might make huge pages unasked.
func smallPages([]byte) {}
