package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// file writes lines into a new file and gives its path.
func file(t *testing.T, name string, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCompareTranscriptsFindsEveryDifference(t *testing.T) {
	f := func(on, off []string, want string) {
		t.Helper()
		err := compareTranscripts(file(t, "on", on...), file(t, "off", off...), io.Discard)
		switch {
		case want == "" && err != nil:
			t.Errorf("compareTranscripts(%q, %q) = %v, want no error", on, off, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("compareTranscripts(%q, %q) = %v, want %q", on, off, err, want)
		}
	}
	f([]string{"a", "b"}, []string{"a", "b"}, "")
	f([]string{"a", "b"}, []string{"a", "c"}, "1 of 2 answers differ")
	// The order of members is nobody's promise, that of elements and the digits of numbers are.
	f([]string{`{"a":1,"b":[2,3]}`}, []string{`{"b":[2,3],"a":1}`}, "")
	f([]string{`{"b":[2,3]}`}, []string{`{"b":[3,2]}`}, "1 of 1 answers differ")
	f([]string{`{"n":12345678901234567890}`}, []string{`{"n":12345678901234567891}`}, "1 of 1 answers differ")
	// A run that stopped early, on either side.
	f([]string{"a", "b"}, []string{"a"}, "1 of 2 answers differ")
	f([]string{"a"}, []string{"a", "b", "c"}, "2 of 3 answers differ")
}

func TestCompareTranscriptsRefusesAnEmptyRun(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := compareTranscripts(empty, empty, io.Discard); err == nil {
		t.Error("compareTranscripts of two empty files = nil, want an error")
	}
}

func TestCheckCacheWordsWantsHitsExactlyWhenCachesAreOn(t *testing.T) {
	const (
		get   = `{"operation":"GetItem","cache":"hit"}`
		batch = `{"operation":"BatchGetItemCommand","cache":"partial; hits=3/5"}`
		query = `{"operation":"Query","cache":"hit; age=1"}`
		miss  = `{"operation":"Query","cache":"miss"}`
		none  = `{"operation":"BatchGetItem","cache":"partial; hits=0/5"}`
		off   = `{"operation":"GetItem","cache":"forward"}`
	)
	f := func(on, ok bool, lines ...string) {
		t.Helper()
		if err := checkCacheWords(file(t, "words", lines...), on, io.Discard); (err == nil) != ok {
			t.Errorf("checkCacheWords(on %v, %q) = %v, want ok %v", on, lines, err, ok)
		}
	}
	f(true, true, get, batch, query, miss)
	f(true, false, get, batch, miss)
	f(true, false, get, none, query)
	f(false, true, off, miss, none)
	f(false, false, off, get)
}
