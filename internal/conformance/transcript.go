package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
)

// maxDifferences is how many differing lines are shown; the first tells most.
const maxDifferences = 5

// compareTranscripts returns an error, and shows where, unless the files have equal lines, at least one.
func compareTranscripts(on, off string, out io.Writer) error {
	a, err := readLines(on)
	if err != nil {
		return err
	}
	b, err := readLines(off)
	if err != nil {
		return err
	}
	if len(a) == 0 {
		return fmt.Errorf("%s is empty: the suite recorded nothing", on)
	}
	differences := 0
	for i := range max(len(a), len(b)) {
		x, y := lineAt(a, i), lineAt(b, i)
		if x == y || sameJSON(x, y) {
			continue
		}
		if differences++; differences <= maxDifferences {
			fmt.Fprintf(out, "line %d differs\n  caches on:  %s\n  caches off: %s\n", i+1, x, y)
		}
	}
	if differences > 0 {
		return fmt.Errorf("%d of %d answers differ between caches on and off", differences, max(len(a), len(b)))
	}
	fmt.Fprintf(out, "%d answers are equal with caches on and off\n", len(a))
	return nil
}

// sameJSON tells whether two lines differ at most in the order of members, which some clients leave to chance.
func sameJSON(x, y string) bool {
	var values [2]any
	for i, line := range []string{x, y} {
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if d.Decode(&values[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}

// cached are the operations that every suite repeats, so that some reply must have come from a cache.
var cached = []string{"GetItem", "BatchGetItem", "Query"}

// checkCacheWords reads a transcript's companion file, which has each reply's X-Millrace-Cache header. With caches
// on it returns an error unless each operation in cached was answered from them at least once; with caches off,
// unless none was.
func checkCacheWords(path string, on bool, out io.Writer) error {
	lines, err := readLines(path)
	if err != nil {
		return err
	}
	replies, hits := map[string]int{}, map[string]int{}
	for _, line := range lines {
		var reply struct{ Operation, Cache string }
		if err := json.Unmarshal([]byte(line), &reply); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		op := strings.TrimSuffix(reply.Operation, "Command")
		replies[op]++
		if fromCache(reply.Cache) {
			hits[op]++
		}
	}
	var told []string
	for op, n := range hits {
		told = append(told, fmt.Sprintf("%s %d of %d", op, n, replies[op]))
	}
	slices.Sort(told)
	if !on {
		if len(told) > 0 {
			return fmt.Errorf("replies came from a cache that is off: %s", strings.Join(told, ", "))
		}
		return nil
	}
	for _, op := range cached {
		if hits[op] == 0 {
			return fmt.Errorf("none of %d %s replies came from the cache", replies[op], op)
		}
	}
	fmt.Fprintf(out, "from the caches: %s\n", strings.Join(told, ", "))
	return nil
}

// fromCache tells whether an X-Millrace-Cache header means that at least a part of the reply came from a cache.
func fromCache(header string) bool {
	word, rest, _ := strings.Cut(header, ";")
	switch strings.TrimSpace(word) {
	case "hit", "negative":
		return true
	case "partial":
		return !strings.Contains(rest, "hits=0/")
	}
	return false
}

// lineAt is line i, or a word for there being none.
func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// readLines reads a whole file; a reply's line may be as long as the largest answer, 16 MB of items, as JSON.
func readLines(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines []string
	in := bufio.NewScanner(f)
	in.Buffer(nil, 256<<20)
	for in.Scan() {
		lines = append(lines, in.Text())
	}
	return lines, in.Err()
}
