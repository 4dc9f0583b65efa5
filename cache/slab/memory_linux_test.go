//go:build linux && !race

package slab

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// flagsOf are the flags of the mapping that b begins in, as the kernel names them. (proc_pid_smaps(5), "VmFlags".)
func flagsOf(t *testing.T, b []byte) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	at, within := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), false
	for line := range strings.Lines(string(text)) {
		var from, to uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			within = from <= at && at < to
		} else if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && within {
			return strings.Fields(flags)
		}
	}
	t.Fatalf("no mapping holds %#x", at)
	return nil
}

// What is released of segments and large blobs stays released: the system may not fill it in to make huge pages.
func TestMemoryIsOfSmallPages(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		if !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return // there are none to keep from
	}
	p := NewPool(64<<20, 4)
	segment := p.get()
	large, blob := p.getLarge(100_000)
	for name, b := range map[string][]byte{"segment": segment, "large blob": blob} {
		if flags := flagsOf(t, b); !slices.Contains(flags, "nh") {
			t.Errorf("a %s lies in memory with the flags %q, want nh among them", name, flags)
		}
	}
	p.put(segment)
	p.putLarge(large)
}
