//go:build !unix || race

package slab

// mapped is n bytes that are the garbage collector's: this system maps otherwise, or the race detector is to see them,
// which it does only there.
func mapped(n int) []byte { return make([]byte, n) }

// unmap leaves b to the garbage collector.
func unmap([]byte) {}
