package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"time"
)

// traceCollections has Go's runtime log every collection of garbage. (Go, package runtime: GODEBUG, gctrace.)
const traceCollections = "GODEBUG=gctrace=1"

// collections are those of a server that ended within a time: how many, how long they took by the clock, and how much CPU.
type collections struct {
	count      int
	clock, cpu time.Duration
	// live is what the last one left, in megabytes.
	live int
}

// collectionsIn reads those that a log tells of from a time on, counted from the start of the process. A line is
// "gc 5 @1.2s 3%: 0.04+8.4+0.004 ms clock, 0.04+2.8/2.1/0+0.004 ms cpu, 18->18->10 MB, …".
func collectionsIn(log string, from time.Duration) (c collections, err error) {
	f, err := os.Open(log)
	if err != nil {
		return c, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 12 || fields[0] != "gc" || fields[5] != "ms" {
			continue
		}
		if at, err := time.ParseDuration(strings.TrimPrefix(fields[2], "@")); err != nil || at < from {
			continue
		}
		c.count++
		c.clock += sumOfMillis(fields[4])
		c.cpu += sumOfMillis(fields[7])
		if sizes := strings.Split(fields[10], "->"); len(sizes) == 3 {
			c.live, _ = strconv.Atoi(sizes[2])
		}
	}
	return c, lines.Err()
}

// sumOfMillis adds up what a list separated by + or / has in milliseconds.
func sumOfMillis(list string) (sum time.Duration) {
	for n := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == '+' || r == '/' }) {
		ms, _ := strconv.ParseFloat(n, 64)
		sum += time.Duration(ms * float64(time.Millisecond))
	}
	return sum
}
