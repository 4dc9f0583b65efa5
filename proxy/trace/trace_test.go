package trace

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/ddb"
	"millrace/proxy"
)

// handler answers every request alike.
type handler func(req *ddb.Request, reply *proxy.Reply) error

// Do is part of Handler.
func (h handler) Do(_ context.Context, req *ddb.Request, _ proxy.Options, reply *proxy.Reply) error {
	return h(req, reply)
}

// ok answers with an item.
func ok(_ *ddb.Request, reply *proxy.Reply) error {
	reply.Body, reply.Result = append(reply.Body, `{"Item":{"id":{"S":"a"}}}`...), proxy.Hit
	return nil
}

// described is a table with a partition key of type S.
var described = &ddb.TableDescription{
	TableName: "t", KeySchema: ddb.KeySchema{{AttributeName: "id", KeyType: "HASH"}},
	AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: "id", AttributeType: "S"}},
}

// start makes a recorder over h.
func start(t *testing.T, h handler) (r *Recorder, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "x.trace")
	r, err := New(Config{File: file, Handler: h, Logger: slog.New(slog.DiscardHandler),
		Describe: func(_ context.Context, _, name string) (*ddb.TableDescription, error) {
			if name != "t" {
				return nil, errors.New("no such table")
			}
			return described, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return r, file
}

// lines reads a trace as JSON objects.
func lines(t *testing.T, file string) (out []map[string]any) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		var v map[string]any
		if err := json.Unmarshal(in.Bytes(), &v); err != nil {
			t.Fatalf("%v in %s", err, in.Text())
		}
		out = append(out, v)
	}
	return out
}

// do serves one request through r.
func do(t *testing.T, r *Recorder, op ddb.Operation, body string) (answer string, err error) {
	t.Helper()
	reply := proxy.Reply{Body: []byte("before")}
	err = r.Do(t.Context(), ddb.NewRequest(op, []byte(body)), proxy.Options{}, &reply)
	return string(reply.Body), err
}

func TestRecorderWritesWhatWasAsked(t *testing.T) {
	t.Parallel()
	refuse := false
	r, file := start(t, func(req *ddb.Request, reply *proxy.Reply) error {
		if refuse {
			return &ddb.Error{Code: "ConditionalCheckFailedException", Message: "no"}
		}
		return ok(req, reply)
	})
	go func() { _ = r.Run() }()
	if answer, err := do(t, r, ddb.GetItem, `{"TableName":"t","Key":{"id":{"S":"a"}}}`); err != nil || answer != `before{"Item":{"id":{"S":"a"}}}` {
		t.Errorf("the recorder changes an answer to %q, %v", answer, err)
	}
	refuse = true
	var refused *ddb.Error
	if _, err := do(t, r, ddb.PutItem, `{"TableName":"t","Item":{"id":{"S":"a"},"x":{"S":"hidden"}}}`); !errors.As(err, &refused) {
		t.Errorf("the recorder changes an error to %v", err)
	}
	_, _ = do(t, r, ddb.GetItem, `{"TableName":"gone","Key":{"id":{"S":"a"}}}`)
	_, _ = do(t, r, ddb.GetItem, `no JSON`)
	_, _ = do(t, r, ddb.ListTables, `{}`)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	got := lines(t, file)
	if len(got) != 8 {
		t.Fatalf("the trace has %d lines: %v", len(got), got)
	}
	if got[0]["millrace_trace"] != 1.0 || got[0]["keys"] != "hashed" || got[1]["table"] != "t" || got[1]["partition"] != "id S" {
		t.Errorf("it begins with %v and %v", got[0], got[1])
	}
	key := func(i int) any {
		on, _ := got[i]["on"].([]any)
		return on[0].(map[string]any)["key"]
	}
	get, put := key(2).([]any), key(3).([]any)
	if got[2]["op"] != "GetItem" || got[2]["found"] != 1.0 || got[2]["cache"] != "hit" || got[2]["out"] != 25.0 || get[0] == "a" {
		t.Errorf("the GetItem's line is %v", got[2])
	}
	if got[3]["op"] != "PutItem" || got[3]["error"] != "ConditionalCheckFailedException" || put[0] != get[0] {
		t.Errorf("the PutItem's line is %v; its key must be the GetItem's", got[3])
	}
	if key(4) != nil || got[5]["on"] != nil || got[6]["op"] != "ListTables" {
		t.Errorf("what names no known item is %v, %v, %v", got[4], got[5], got[6])
	}
	if got[7]["requests"] != 5.0 || got[7]["lost"] != 0.0 {
		t.Errorf("it ends with %v", got[7])
	}
	if b, _ := os.ReadFile(file); strings.Contains(string(b), "hidden") {
		t.Errorf("the trace holds what an item does:\n%s", b)
	}
}

func TestRecorderNeverHoldsUpARequest(t *testing.T) {
	t.Parallel()
	r, file := start(t, ok)
	// Nobody writes yet: what does not fit into the queue is left out.
	const more = 100
	for range queueLength + more {
		if _, err := do(t, r, ddb.GetItem, `{"TableName":"t","Key":{"id":{"S":"a"}}}`); err != nil {
			t.Fatal(err)
		}
	}
	go func() { _ = r.Run() }()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	got := lines(t, file)
	if end := got[len(got)-1]; end["requests"] != float64(queueLength) || end["lost"] != float64(more) {
		t.Errorf("it ends with %v, want %d requests and %d lost", end, queueLength, more)
	}
}

func TestRecorderTakesNoFileThatIsThere(t *testing.T) {
	t.Parallel()
	r, file := start(t, ok)
	if _, err := New(Config{File: file}); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("New over a file that is there: %v", err)
	}
	if err := r.Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a recorder that was given up leaves its file: %v", err)
	}
}

func TestPageCountIsTheMember(t *testing.T) {
	t.Parallel()
	f := func(answer string, want int) {
		t.Helper()
		if got := pageCount([]byte(answer)); got != want {
			t.Errorf("pageCount(%s) = %d, want %d", answer, got, want)
		}
	}
	f(`{"Count":2,"Items":[],"ScannedCount":7}`, 2)
	f(`{"Items":[{"Count":{"N":"5"},"x":{"S":"\"Count\":9"}}],"ScannedCount":7,"Count":3}`, 3)
	f(`{"Items":[]}`, 0)
}
