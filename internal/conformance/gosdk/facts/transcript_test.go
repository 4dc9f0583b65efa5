package facts

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// transcript collects a line for each call. Tests run side by side, so that lines are kept by test and written in the
// order of the tests' names.
type transcript struct {
	mu     sync.Mutex
	lines  map[string][]any
	wire   map[string][]any
	caches []any
}

// recorded is the one transcript of this process, which TestMain writes.
var recorded transcript

// add records one call of a session.
func (tr *transcript) add(s *session, operation, request string, a answer) {
	if s.silent {
		return
	}
	line := map[string]any{
		"test": s.t.Name(), "operation": operation, "request": normalised([]byte(request)), "status": a.status, "answer": normalised(a.body),
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.lines == nil {
		tr.lines, tr.wire = map[string][]any{}, map[string][]any{}
	}
	tr.lines[s.t.Name()] = append(tr.lines[s.t.Name()], line)
	tr.wire[s.t.Name()] = append(tr.wire[s.t.Name()], map[string]any{
		"test": s.t.Name(), "operation": operation, "status": a.status, "cache": a.cache, "body": timeless(a.body),
	})
}

// cached records what an answer said of the caches.
func (tr *transcript) cached(operation, word string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.caches = append(tr.caches, map[string]string{"operation": operation, "cache": word})
}

// write writes the transcript to path, and beside it what was said of the caches, and the answers byte for byte; "" is
// nowhere.
func (tr *transcript) write(path string) error {
	if path == "" {
		return nil
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for suffix, of := range map[string]map[string][]any{"": tr.lines, ".wire": tr.wire} {
		var lines []any
		for _, test := range slices.Sorted(maps.Keys(of)) {
			lines = append(lines, of[test]...)
		}
		if err := writeLines(path+suffix, lines); err != nil {
			return err
		}
	}
	return writeLines(path+".cache", tr.caches)
}

// writeLines writes one JSON line for each element.
func writeLines(path string, lines []any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, line := range lines {
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// passing are members whose values name a moment or an identity of the run.
var passing = []string{
	"ApproximateCreationDateTime", "BackupArn", "BackupCreationDateTime", "CreationDateTime", "CreationRequestDateTime",
	"EarliestRestorableDateTime", "EndingSequenceNumber", "LastDecreaseDateTime", "LastEvaluatedShardId", "LastEvaluatedStreamArn",
	"LastIncreaseDateTime", "LastUpdateToPayPerRequestDateTime", "LatestRestorableDateTime", "LatestStreamArn", "LatestStreamLabel",
	"NextShardIterator", "NextToken", "ParentShardId", "RestoreDateTime", "SequenceNumber", "ShardId", "ShardIterator",
	"SourceBackupArn", "StartingSequenceNumber", "StreamArn", "StreamLabel", "TableId", "eventID",
}

// passingMember matches a member of passing with its value, a text or a number, as it is written.
var passingMember = regexp.MustCompile(`"(` + strings.Join(passing, "|") + `)":("(?:[^"\\]|\\.)*"|[-+.0-9eE]+)`)

// timeless is an answer's text in which the values of passing are blank, and all other bytes as they are.
func timeless(body []byte) string {
	return moment.ReplaceAllString(passingMember.ReplaceAllString(string(body), `"$1":""`), "(moment)")
}

// normalised is a request or an answer without what differs from run to run.
func normalised(body []byte) any {
	if len(body) > shortest {
		return short(string(body))
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return string(body)
	}
	return lasting(v)
}

// moment matches a time of the run within a text: in a stream's ARN, or in a shard's id.
var moment = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+|shardId-[0-9-]+`)

// lasting is v, which it changes, without what is passing.
func lasting(v any) any {
	switch v := v.(type) {
	case string:
		return moment.ReplaceAllString(v, "(moment)")
	case map[string]any:
		for _, name := range passing {
			delete(v, name)
		}
		for name, member := range v {
			v[name] = lasting(member)
		}
	case []any:
		for i, member := range v {
			v[i] = lasting(member)
		}
	}
	return v
}

// shortest is the length in bytes from which a body is told by its hash.
const shortest = 16 << 10

// short is a text, or its hash where it is long.
func short(text string) string {
	if len(text) <= shortest {
		return text
	}
	return fmt.Sprintf("%d bytes, SHA-256 %x", len(text), sha256.Sum256([]byte(text)))
}
