package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWireIsComparedByBytesWhereItWasForwarded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, lines ...string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	line := func(test, cache, body string) string {
		return `{"test":"TestFacts/` + test + `_x","operation":"GetItem","cache":"` + cache + `","status":200,"body":"` + strings.ReplaceAll(body, `"`, `\"`) + `"}`
	}
	const ab, ba = `{"a":1,"b":2}`, `{"b":2,"a":1}`
	f := func(what string, direct, through []string, good bool) {
		err := compareWire(file("direct", direct...), file("through", through...), io.Discard)
		if (err == nil) != good {
			t.Errorf("%s: compareWire gives %v", what, err)
		}
	}
	own := []string{line("001", "", ab)}
	f("equal bytes", own, []string{line("001", "forward", ab)}, true)
	f("a forwarded answer in another order", own, []string{line("001", "forward", ba)}, false)
	f("a cached answer in another order", own, []string{line("001", "hit", ba)}, true)
	f("a cached answer with another value", own, []string{line("001", "hit", `{"a":1,"b":3}`)}, false)
	f("a cached number in another spelling", own, []string{line("001", "hit", `{"a":1.0,"b":2}`)}, true)
	f("an answer too many", own, []string{line("001", "hit", ab), line("001", "hit", ab)}, false)
	f("another fact", own, []string{line("002", "hit", ab)}, false)
	f("nothing at all", nil, nil, false)
	f("a difference that is known", []string{line("155", "", ab)}, []string{line("155", "hit", `{}`)}, true)
}
