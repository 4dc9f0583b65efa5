package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"millrace/internal/units"
)

// touchedPage is how much memory a touch brings along.
const touchedPage = 4 << 10

// touch maps memory of a size, writes to each page of it and unmaps it, and tells how long that took and how long the longest
// write. A virtual machine's host finds memory when it is first written to, which can take the writer milliseconds; it
// is better found before anything is measured than while. What is larger than what the system has available is refused.
func touch(ctx context.Context, size units.Bytes) (took, longest time.Duration, err error) {
	if most, ok := availableMemory(); ok && size > most {
		return 0, 0, fmt.Errorf("%v of memory is to be touched and %v is available; say less with -touch", size, most)
	}
	m, err := syscall.Mmap(-1, 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return 0, 0, fmt.Errorf("map %v of memory to touch: %w", size, err)
	}
	defer func() { err = errors.Join(err, os.NewSyscallError("munmap", syscall.Munmap(m))) }()
	start := time.Now()
	before := start
	for at := 0; at < len(m) && ctx.Err() == nil; at += touchedPage {
		m[at] = 1
		now := time.Now()
		longest, before = max(longest, now.Sub(before)), now
	}
	return before.Sub(start), longest, ctx.Err()
}

// availableMemory is how much the system says that it can give without swapping (proc(5), "MemAvailable"); false where it does not say.
func availableMemory() (units.Bytes, bool) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(b), "MemAvailable:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, false
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	return units.Bytes(kib << 10), err == nil
}
