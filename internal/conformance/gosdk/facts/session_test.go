package facts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
)

// session is what one fact's test works with. In all texts that it is given, "$T" stands for the name of the test's
// first table; "$A" to "$Z" stand for others likewise.
type session struct {
	t *testing.T
	// prefix begins the names of the test's tables, which run beside those of all other tests.
	prefix string
	// send is how a request gets to the server.
	send func(s *session, operation, body string) answer
	// silent keeps calls out of the transcript, and reads from being sent twice: how they are answered is a matter of time.
	silent bool
}

// newSession makes the session of test t, whose requests the SDK sends. With MILLRACE_WIRE set they go out as they are
// written: the SDK puts the members of a map in any order, so that no two runs would send the same bytes.
func newSession(t *testing.T, prefix string) *session {
	s := &session{t: t, prefix: prefix, send: sendBySDK}
	if os.Getenv("MILLRACE_WIRE") != "" {
		s.send = sendByHTTP
	}
	return s
}

// wire is a session for the same tables that sends requests byte for byte, without an SDK.
func (s *session) wire() *session {
	w := *s
	w.send = sendByHTTP
	return &w
}

// quiet is a session for the same tables whose calls are not in the transcript.
func (s *session) quiet() *session {
	q := *s
	q.silent = true
	return &q
}

// answer is what came back for one request.
type answer struct {
	status int
	// body is the answer as it was on the wire.
	body []byte
	// err is what the SDK made of it.
	err error
	// cache is what the answer said of the caches.
	cache string
}

// members decodes an answer.
func (s *session) members(a answer) map[string]any {
	s.t.Helper()
	return s.decode(string(a.body))
}

// code is the exception's name without its prefix.
func (a answer) code() string {
	var e struct {
		Type string `json:"__type"`
	}
	if json.Unmarshal(a.body, &e) != nil {
		return ""
	}
	_, name, _ := strings.Cut(e.Type, "#")
	return name
}

// message is the exception's text; some have it under a capital letter.
func (a answer) message() string {
	var e struct {
		Message string // matches "message" too
	}
	if json.Unmarshal(a.body, &e) != nil {
		return ""
	}
	return e.Message
}

// expand puts the names of tables in place of "$T" and its like.
func (s *session) expand(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if after != "" && 'A' <= after[0] && after[0] <= 'Z' {
			b.WriteString(s.prefix)
		} else {
			b.WriteByte('$')
		}
		text = after
	}
}

// reads are the operations that are sent twice.
var reads = []string{"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"}

// call sends one request. Reads go twice and must be answered alike. in may lack a TableName: it is "$T" then, where
// the operation has one; "TableName":null sends none.
func (s *session) call(operation, in string) answer {
	s.t.Helper()
	in = s.expand(in)
	if !strings.Contains(in, `"TableName"`) && takesTable(operation) {
		rest := strings.TrimPrefix(strings.TrimSpace(in), "{")
		if rest != "}" {
			rest = "," + rest
		}
		in = `{"TableName":"` + s.prefix + `T"` + rest
	}
	a := s.send(s, operation, in)
	if slices.Contains(reads, operation) && !s.silent {
		again := s.send(s, operation, in)
		if !reflect.DeepEqual(s.decode(string(a.body)), s.decode(string(again.body))) && len(a.body) < 1<<20 {
			s.t.Errorf("%s %s was answered\n%s\nand then\n%s", operation, clip(in), clip(string(a.body)), clip(string(again.body)))
		}
	}
	return a
}

// ok sends a request that must succeed and gives the answer's members.
func (s *session) ok(operation, in string) map[string]any {
	s.t.Helper()
	a := s.call(operation, in)
	if a.err != nil || a.status != 200 {
		s.t.Fatalf("%s %s: %d %s (%v)", operation, clip(s.expand(in)), a.status, clip(string(a.body)), a.err)
	}
	if len(a.body) == 0 {
		return nil
	}
	return s.members(a)
}

// want sends a request whose answer must be this JSON, in which the string "…" stands for any value.
func (s *session) want(operation, in, want string) {
	s.t.Helper()
	s.compare(operation, in, want, false)
}

// has sends a request whose answer must have at least these members.
func (s *session) has(operation, in, want string) {
	s.t.Helper()
	s.compare(operation, in, want, true)
}

// compare is want or has.
func (s *session) compare(operation, in, want string, partly bool) {
	s.t.Helper()
	got := s.ok(operation, in)
	if diff := differ(got, s.decode(s.expand(want)), "", partly); diff != "" {
		s.t.Errorf("%s %s: %s\n got: %s", operation, clip(s.expand(in)), diff, clip(encode(got)))
	}
}

// lacks sends a request whose answer must not have a member of this name at its top.
func (s *session) lacks(operation, in, member string) {
	s.t.Helper()
	if got := s.ok(operation, in); got[member] != nil {
		s.t.Errorf("%s %s: has %s: %s", operation, clip(s.expand(in)), member, encode(got[member]))
	}
}

// refuses sends a request that must be refused with this exception. "…" in message stands for any text.
func (s *session) refuses(operation, in, code, message string) answer {
	s.t.Helper()
	a := s.call(operation, in)
	s.settled(operation, in, a)
	if a.status != 400 || a.code() != code || !like(a.message(), s.expand(message)) {
		s.t.Errorf("%s %s:\n got %d %s %q\nwant 400 %s %q", operation, clip(s.expand(in)), a.status, a.code(), clip(a.message()), code, clip(s.expand(message)))
	}
	var api smithy.APIError
	if a.err != nil && (!errors.As(a.err, &api) || api.ErrorCode() != code) {
		s.t.Errorf("%s %s: the SDK reports %v, want %s", operation, clip(s.expand(in)), a.err, code)
	}
	return a
}

// settled waits until a table's change is done that was to be refused and was not. What comes next would otherwise be answered by
// whether it comes before that or after.
func (s *session) settled(operation, in string, a answer) {
	s.t.Helper()
	if a.status != 200 || operation != "CreateTable" && operation != "UpdateTable" && operation != "DeleteTable" {
		return
	}
	name, ok := s.decode(s.expand(in))["TableName"].(string)
	if !ok {
		name = s.prefix + "T"
	}
	if operation != "DeleteTable" {
		s.active(name)
		return
	}
	s.eventually(name+" is gone", func(s *session) bool {
		return s.call("DescribeTable", encode(object{"TableName": name})).code() == "ResourceNotFoundException"
	})
}

// invalid is refuses with a ValidationException.
func (s *session) invalid(operation, in, message string) {
	s.t.Helper()
	s.refuses(operation, in, "ValidationException", message)
}

// eventually calls done, at first at once and then again and again, until it reports true.
func (s *session) eventually(what string, done func(s *session) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done(s.quiet()) {
		select {
		case <-ctx.Done():
			s.t.Fatalf("it never came true that %s", what)
		case <-tick.C:
		}
	}
}

// decode reads JSON, numbers as they are written.
func (s *session) decode(text string) map[string]any {
	s.t.Helper()
	if text == "" {
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		s.t.Fatalf("%v in %s", err, clip(text))
	}
	return v
}

// encode writes a decoded value for a message.
func encode(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}

// clip shortens what would fill the screen.
func clip(text string) string {
	if len(text) > 1200 {
		return text[:600] + " [...] " + text[len(text)-500:]
	}
	return text
}

// anything stands for any value or text in what is wanted.
const anything = "…"

// like tells whether text is pattern, in which "…" stands for any text.
func like(text, pattern string) bool {
	parts := strings.Split(pattern, anything)
	if len(parts) == 1 {
		return text == pattern
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, parts[last])
}

// differ tells where got is not want, or "" where it is. Where partly is true objects may have further members.
// Numbers are compared by value, and the members of sets, which have no order, as sets.
func differ(got, want any, path string, partly bool) string {
	switch w := want.(type) {
	case string:
		g, ok := got.(string)
		if w == anything && got != nil || ok && like(g, w) {
			return ""
		}
	case json.Number:
		g, ok := got.(json.Number)
		if ok {
			a, _ := g.Float64()
			b, _ := w.Float64()
			if a == b {
				return ""
			}
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for name, member := range w {
			if g[name] == nil {
				return fmt.Sprintf("%s.%s is missing, want %s", path, name, encode(member))
			}
			have := g[name]
			if slices.Contains([]string{"SS", "NS", "BS"}, name) {
				have, member = sorted(have), sorted(member)
			}
			if diff := differ(have, member, path+"."+name, partly); diff != "" {
				return diff
			}
		}
		for name, member := range g {
			if _, wanted := w[name]; !wanted && !partly {
				return fmt.Sprintf("%s.%s = %s is too much", path, name, encode(member))
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			if diff := differ(g[i], w[i], fmt.Sprintf("%s[%d]", path, i), partly); diff != "" {
				return diff
			}
		}
		return ""
	default:
		if reflect.DeepEqual(got, want) {
			return ""
		}
	}
	return fmt.Sprintf("%s = %s, want %s", path, encode(got), encode(want))
}

// sorted is a set's members in some order that does not depend on the one given.
func sorted(set any) any {
	members, ok := set.([]any)
	if !ok {
		return set
	}
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return members
}
