package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// killRounds is how often TestKillLosesNoAcknowledgedWrite kills the binary; -short makes it 5.
var killRounds = flag.Int("kill-rounds", 6, "rounds of kill -9 under load")

// server is a millrace to talk to, in a process of its own where cmd is set.
type server struct {
	t      *testing.T
	url    string
	cmd    *exec.Cmd
	stderr *lineWriter
}

// start runs the binary on free ports and waits for the line that says where it listens.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, stderr: newLineWriter()}
	s.cmd = exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}, args...)...)
	s.cmd.Stderr = s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}
	})
	s.url = s.stderr.endpoint(t)
	return s
}

// end waits for the process and returns its exit code.
func (s *server) end() int {
	s.t.Helper()
	err := s.cmd.Wait()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		s.t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

// signal sends one.
func (s *server) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// lineWriter keeps what a process logs and finds the start-up line in it.
type lineWriter struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{}
}

// newLineWriter makes an empty one.
func newLineWriter() *lineWriter { return &lineWriter{wrote: make(chan struct{}, 1)} }

// Write is part of io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.wrote <- struct{}{}:
	default:
	}
	return w.text.Write(p)
}

// String is everything written so far.
func (w *lineWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// wait waits until something with text in it was written.
func (w *lineWriter) wait(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for !strings.Contains(w.String(), text) {
		select {
		case <-w.wrote:
		case <-deadline:
			t.Fatalf("no %q in:\n%s", text, w)
		}
	}
}

// endpoint waits for the start-up line and returns the data port's URL.
func (w *lineWriter) endpoint(t *testing.T) string {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		lines := bufio.NewScanner(strings.NewReader(w.String()))
		for lines.Scan() {
			var line struct{ Msg, Endpoint string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving DynamoDB" {
				return line.Endpoint
			}
		}
		select {
		case <-w.wrote:
		case <-deadline:
			t.Fatalf("no start-up line in:\n%s", w.String())
		}
	}
}

// call makes one API call over client. An error means that no whole reply came.
func (s *server) call(client *http.Client, op, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.url+"/", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	// Without GetBody the client never sends a request twice.
	req.GetBody = nil
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(got), err
}

// newClient is a client with connections of its own.
func newClient(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 2 * time.Minute}
}

// must is a call that has to succeed.
func (s *server) must(op, body string) string {
	s.t.Helper()
	status, got, err := s.call(newClient(s.t), op, body)
	if err != nil || status != 200 {
		s.t.Fatalf("%s %s = %d %s, %v", op, body, status, got, err)
	}
	return got
}

// createTable makes table t-1 with hash key p and sort key s.
const createTable = `{"TableName":"t-1","KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],` +
	`"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"N"}],"BillingMode":"PAY_PER_REQUEST"}`

// sortKeys reads all sort keys of a partition.
func (s *server) sortKeys(partition string) map[string]bool {
	s.t.Helper()
	keys := map[string]bool{}
	startKey := ""
	for {
		body := s.must("Query", `{"TableName":"t-1","ConsistentRead":true,"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"`+partition+`"}}`+startKey+`}`)
		var page struct {
			Items            []map[string]map[string]string
			LastEvaluatedKey json.RawMessage
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			s.t.Fatal(err)
		}
		for _, item := range page.Items {
			keys[item["s"]["N"]] = true
		}
		if page.LastEvaluatedKey == nil {
			return keys
		}
		startKey = `,"ExclusiveStartKey":` + string(page.LastEvaluatedKey)
	}
}

func TestTerminateUnderLoadLosesNoResponse(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := start(t, "--data-dir", dir)
	s.must("CreateTable", createTable)

	// Properties: (1) every write whose success a client saw is there afterwards; (2) every write that is there was
	// answered to its client: a client without an answer had its connection refused, not its reply lost;
	// (3) the process ends by itself with exit code 0.
	const writers = 16
	acked := make([]map[string]bool, writers)
	var total atomic.Int64
	var wg sync.WaitGroup
	for i := range writers {
		acked[i] = map[string]bool{}
		wg.Go(func() {
			client := newClient(t)
			for n := 0; ; n++ {
				status, body, err := s.call(client, "PutItem", fmt.Sprintf(`{"TableName":"t-1","Item":{"p":{"S":"w%d"},"s":{"N":"%d"}}}`, i, n))
				if err != nil {
					return
				}
				if status != 200 {
					t.Errorf("PutItem = %d %s", status, body)
					return
				}
				acked[i][fmt.Sprint(n)] = true
				total.Add(1)
			}
		})
	}
	for from := time.Now(); total.Load() < 500; {
		if time.Since(from) > 2*time.Minute {
			t.Fatal("no load")
		}
		<-time.After(time.Millisecond)
	}
	s.signal(syscall.SIGTERM)
	wg.Wait()
	if code := s.end(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, s.stderr)
	}
	s = start(t, "--data-dir", dir)
	for i := range writers {
		stored := s.sortKeys(fmt.Sprintf("w%d", i))
		for n := range acked[i] {
			if !stored[n] {
				t.Errorf("write %s of writer %d was acknowledged and is lost", n, i)
			}
		}
		for n := range stored {
			if !acked[i][n] {
				t.Errorf("write %s of writer %d was applied and its reply is lost", n, i)
			}
		}
	}
	t.Logf("%d writes before the end", total.Load())
}

func TestKillLosesNoAcknowledgedWrite(t *testing.T) {
	t.Parallel()
	rounds := *killRounds
	dir := filepath.Join(t.TempDir(), "data")
	s := start(t, "--data-dir", dir)
	s.must("CreateTable", createTable)

	// Each writer owns a counter, which it adds to, and puts an item for each sum it was told. Properties, after
	// every kill: (1) the counter is what was last acknowledged, or one more if an addition was without an answer;
	// (2) every acknowledged item is there; (3) no item is there that was not sent.
	const writers = 8
	type writer struct {
		count   int // acknowledged sum
		unknown bool
		items   map[string]bool
		sent    map[string]bool
	}
	state := make([]*writer, writers)
	for i := range state {
		state[i] = &writer{items: map[string]bool{}, sent: map[string]bool{}}
	}
	total := 0
	for round := range rounds {
		var wg sync.WaitGroup
		var done atomic.Int64
		for i, w := range state {
			wg.Go(func() {
				client := newClient(t)
				for {
					w.unknown = true
					status, body, err := s.call(client, "UpdateItem", fmt.Sprintf(`{"TableName":"t-1","Key":{"p":{"S":"c%d"},"s":{"N":"0"}},"UpdateExpression":"ADD n :one",`+
						`"ExpressionAttributeValues":{":one":{"N":"1"}},"ReturnValues":"UPDATED_NEW"}`, i))
					if err != nil {
						return
					}
					if want := fmt.Sprintf(`{"Attributes":{"n":{"N":"%d"}}}`, w.count+1); status != 200 || body != want {
						t.Errorf("round %d: addition = %d %s, want %s", round, status, body, want)
						return
					}
					w.count, w.unknown = w.count+1, false
					key := fmt.Sprint(w.count)
					w.sent[key] = true
					if _, _, err = s.call(client, "PutItem", fmt.Sprintf(`{"TableName":"t-1","Item":{"p":{"S":"w%d"},"s":{"N":%q}}}`, i, key)); err != nil {
						return
					}
					w.items[key] = true
					done.Add(1)
				}
			})
		}
		// Kills fall at another moment of the load each round.
		for from := time.Now(); done.Load() < int64(20+7*round) && !t.Failed(); {
			if time.Since(from) > 2*time.Minute {
				t.Fatalf("round %d: no load", round)
			}
			<-time.After(time.Millisecond)
		}
		s.signal(syscall.SIGKILL)
		wg.Wait()
		_ = s.cmd.Wait()
		total += int(done.Load())

		s = start(t, "--data-dir", dir)
		for i, w := range state {
			body := s.must("GetItem", fmt.Sprintf(`{"TableName":"t-1","Key":{"p":{"S":"c%d"},"s":{"N":"0"}},"ProjectionExpression":"n"}`, i))
			value := func(n int) string {
				if n == 0 {
					return "{}"
				}
				return fmt.Sprintf(`{"Item":{"n":{"N":"%d"}}}`, n)
			}
			switch {
			case body == value(w.count):
			case w.unknown && body == value(w.count+1):
				w.count++
			default:
				t.Fatalf("round %d: counter %d is %s after %d were acknowledged (one more unknown: %v)", round, i, body, w.count, w.unknown)
			}
		}
		if round%10 != 9 && round != rounds-1 {
			continue
		}
		for i, w := range state {
			stored := s.sortKeys(fmt.Sprintf("w%d", i))
			for n := range w.items {
				if !stored[n] {
					t.Errorf("round %d: item %s of writer %d was acknowledged and is lost", round, n, i)
				}
			}
			for n := range stored {
				if !w.sent[n] {
					t.Errorf("round %d: item %s of writer %d was never sent", round, n, i)
				}
			}
		}
	}
	t.Logf("%d rounds, %d acknowledged items", rounds, total)
}

func TestSecondSignalExitsAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, "--in-memory", "--drain-delay", "10m")
	s.must("ListTables", "{}")
	s.signal(syscall.SIGTERM)
	for from := time.Now(); !strings.Contains(s.stderr.String(), "stopping"); {
		if time.Since(from) > 2*time.Minute {
			t.Fatalf("the first signal was not heard:\n%s", s.stderr)
		}
		<-time.After(time.Millisecond)
	}
	s.must("ListTables", "{}") // still serving
	ended := make(chan int, 1)
	go func() { ended <- s.end() }()
	for {
		// What comes within secondSignal of the first one is taken for the same.
		_ = s.cmd.Process.Signal(os.Interrupt)
		select {
		case code := <-ended:
			if code != 1 || !strings.Contains(s.stderr.String(), "second signal") {
				t.Errorf("exit code %d, want 1:\n%s", code, s.stderr)
			}
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestSignalSentTwiceAtOnceIsOne(t *testing.T) {
	t.Parallel()
	s := start(t, "--in-memory", "--drain-delay", "300ms")
	s.signal(syscall.SIGTERM)
	for from := time.Now(); !strings.Contains(s.stderr.String(), "stopping"); {
		if time.Since(from) > 2*time.Minute {
			t.Fatalf("the first signal was not heard:\n%s", s.stderr)
		}
		<-time.After(time.Millisecond)
	}
	s.signal(syscall.SIGTERM)
	if code := s.end(); code != 0 {
		t.Errorf("exit code %d, want 0:\n%s", code, s.stderr)
	}
}

func TestProcessThatCannotStart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := start(t, "--data-dir", dir)
	s.must("CreateTable", createTable)
	f := func(code int, says string, args ...string) {
		t.Helper()
		var stderr bytes.Buffer
		cmd := exec.Command(binary, append([]string{"serve", "--admin-listen", ""}, args...)...)
		cmd.Stderr = &stderr
		err := cmd.Run()
		ee, ok := errors.AsType[*exec.ExitError](err)
		if !ok || ee.ExitCode() != code || !strings.HasPrefix(stderr.String(), "millrace: ") || !strings.Contains(stderr.String(), says) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%v: %v, stderr %q, want exit %d and one line with %q", args, err, stderr.String(), code, says)
		}
	}
	f(1, "is taken by another process", "--listen", strings.TrimPrefix(s.url, "http://"), "--data-dir", filepath.Join(t.TempDir(), "x"))
	f(1, "in use by another process; stop that", "--listen", "127.0.0.1:0", "--data-dir", dir)
	f(1, "is not writable", "--listen", "127.0.0.1:0", "--data-dir", "/proc/millrace")
	f(2, "unknown flag", "--no-such-flag")
	f(2, "upstream.kind is \"mongo\"", "--backend", "aws", "--upstream-kind", "mongo")
	// Nothing of this has disturbed the one that runs, nor its data.
	if got := s.must("ListTables", "{}"); got != `{"TableNames":["t-1"]}` {
		t.Errorf("ListTables = %s", got)
	}
	s.signal(os.Interrupt)
	if code := s.end(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, s.stderr)
	}
}
