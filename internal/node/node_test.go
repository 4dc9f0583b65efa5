package node

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millrace/internal/patient"
)

func TestMain(m *testing.M) {
	patient.Tests()
	// What the SDK's chain finds first, so that no test asks anybody for credentials.
	_ = os.Setenv("AWS_ACCESS_KEY_ID", "AKID")
	_ = os.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	// fasthttp's clock never ends, and its cleaner of idle workers sleeps for seconds before it does.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// So does its cleaner of pooled connections.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"))
}

// running is a node that ends with its test.
type running struct {
	t    *testing.T
	node *Node
	stop context.CancelFunc
	done chan error
	log  *bytes.Buffer
}

// testConfig is a node in memory on free ports. No hit is audited by chance: an audit is a read that tests who count upstream's did not make.
func testConfig() Config {
	c := DefaultConfig()
	c.Listen, c.Admin.Listen, c.InMemory = "127.0.0.1:0", "127.0.0.1:0", true
	c.Shutdown.Delay, c.Audit.Sample = 0, 0
	return c
}

// run starts a node.
func run(t *testing.T, c Config) *running {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	n, err := New(c, "test", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, node: n, stop: cancel, done: make(chan error, 1), log: &log}
	go func() { r.done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if r.done == nil {
			return
		}
		if err := <-r.done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

// wait stops the node and returns what Run does.
func (r *running) wait() error {
	r.stop()
	err := <-r.done
	r.done = nil
	return err
}

// exchange sends raw bytes over a connection of its own and returns status, headers and body of the reply, whose
// CRC it checks.
func (r *running) exchange(text string) (int, http.Header, string) {
	r.t.Helper()
	c, err := net.Dial("tcp", r.node.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	if _, err := io.WriteString(c, text); err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if got, want := resp.Header.Get("X-Amz-Crc32"), strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10); got != want {
		r.t.Errorf("crc %q, want %q", got, want) // #8
	}
	if resp.Close { // ReadResponse takes the header away
		resp.Header.Set("Connection", "close")
	}
	return resp.StatusCode, resp.Header, string(body)
}

// call makes a signed API call; credential is access key and region.
func (r *running) call(op, body string, headers ...string) (int, http.Header, string) {
	r.t.Helper()
	return r.exchange("POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: DynamoDB_20120810." + op + "\r\nContent-Type: application/x-amz-json-1.0\r\n" +
		"X-Amz-Date: 20260101T000000Z\r\n" + credential("AKID", "us-east-1", headers) + strings.Join(headers, "") +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// credential is an Authorization header unless headers have one.
func credential(key, region string, headers []string) string {
	for _, h := range headers {
		if strings.HasPrefix(h, "Authorization") {
			return ""
		}
	}
	return "Authorization: AWS4-HMAC-SHA256 Credential=" + key + "/20260101/" + region + "/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n"
}

// as is the Authorization header of someone.
func as(key, region string) string { return credential(key, region, nil) }

// createTable makes table t with hash key p.
const createTable = `{"TableName":"t-1","KeySchema":[{"AttributeName":"p","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST"}`

// mustCall is call that must succeed.
func (r *running) mustCall(op, body string, headers ...string) (http.Header, string) {
	r.t.Helper()
	status, header, got := r.call(op, body, headers...)
	if status != 200 {
		r.t.Fatalf("%s %s = %d %s", op, body, status, got)
	}
	return header, got
}

func TestRoundTripThroughTheCache(t *testing.T) {
	t.Parallel()
	r := run(t, testConfig())
	r.mustCall("CreateTable", createTable)
	// #33: PutItem answers with at least {}.
	if _, body := r.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"N":"1"}}}`); body != "{}" {
		t.Errorf("PutItem = %q", body)
	}
	const get = `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`
	const want = `{"Item":{"p":{"S":"a"},"v":{"N":"1"}}}`
	r.mustCall("GetItem", get)
	header, body := r.mustCall("GetItem", get)
	if body != want || header.Get("X-Millrace-Cache") != "hit" {
		t.Errorf("second read: %q (%s)", body, header.Get("X-Millrace-Cache"))
	}
	header, body = r.mustCall("GetItem", get, "X-Millrace-Cache-Control: no-cache\r\n")
	if body != want || header.Get("X-Millrace-Cache") != "bypass" {
		t.Errorf("read with no-cache: %q (%s)", body, header.Get("X-Millrace-Cache"))
	}
	header, _ = r.mustCall("BatchGetItem", `{"RequestItems":{"t-1":{"Keys":[{"p":{"S":"a"}},{"p":{"S":"b"}}]}}}`)
	if got := header.Get("X-Millrace-Cache"); got != "partial; hits=1/2" {
		t.Errorf("batch: %s", got)
	}
	if status, _, body := r.call("SearchVectors", "{}"); status != 400 || !strings.Contains(body, "#UnknownOperationException") {
		t.Errorf("an operation that is not served: %d %s", status, body)
	}
}

func TestBodiesThatAreNoRequest(t *testing.T) {
	t.Parallel()
	r := run(t, testConfig())
	r.mustCall("CreateTable", createTable)
	const put = `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"N":"1"}}}`
	exception := func(body string) (int, string) {
		t.Helper()
		status, _, got := r.call("PutItem", body)
		var e struct {
			Type string `json:"__type"`
		}
		_ = json.Unmarshal([]byte(got), &e)
		return status, e.Type
	}
	// #15: no strict prefix is a request.
	for i := range len(put) {
		if status, typ := exception(put[:i]); status != 400 || typ != "com.amazon.coral.service#SerializationException" {
			t.Fatalf("prefix %q = %d %s", put[:i], status, typ)
		}
	}
	if _, _, body := r.call("PutItem", "hello"); body != `{"__type":"com.amazon.coral.service#SerializationException"}` {
		t.Errorf("no JSON = %s", body)
	}
	// #16
	for _, body := range []string{"null", "[]", "1", `"x"`, "true", "[{}]"} {
		status, typ := exception(body)
		if status != 400 || (!strings.HasSuffix(typ, "#SerializationException") && !strings.HasSuffix(typ, "#ValidationException")) {
			t.Errorf("%s = %d %s", body, status, typ)
		}
	}
	// #28
	for _, nest := range []string{"[", `{"a":`, `{"M":{"a":`, `{"L":[`} {
		exception(`{"TableName":"t-1","Item":{"p":{"S":"a"},"v":` + strings.Repeat(nest, 200000))
		exception(strings.Repeat(nest, 200000))
	}
	deep := func(levels int) (int, string) {
		status, _, body := r.call("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":`+strings.Repeat(`{"L":[`, levels)+`{"S":"x"}`+strings.Repeat("]}", levels)+`}}`)
		return status, body
	}
	if status, body := deep(31); status != 200 {
		t.Errorf("31 lists in an item = %d %s", status, body)
	}
	if status, body := deep(32); status != 400 || !strings.Contains(body, "ValidationException") || !strings.Contains(strings.ToLower(body), "nest") {
		t.Errorf("32 lists in an item = %d %s", status, body)
	}
	r.mustCall("PutItem", put)
}

func TestOneStoreOrOneForEachScope(t *testing.T) {
	t.Parallel()
	for _, isolate := range []bool{false, true} {
		c := testConfig()
		c.Isolate = isolate
		r := run(t, c)
		r.mustCall("CreateTable", createTable, as("AKID", "us-east-1"))
		for _, other := range []string{as("OTHER", "us-east-1"), as("AKID", "eu-west-1")} {
			_, body := r.mustCall("ListTables", "{}", other)
			if seen := strings.Contains(body, "t-1"); seen == isolate {
				t.Errorf("isolate %v: another scope sees %s", isolate, body)
			}
		}
		if _, body := r.mustCall("ListTables", "{}"); !strings.Contains(body, "t-1") {
			t.Errorf("isolate %v: the same scope sees %s", isolate, body)
		}
		// The caches are separate too.
		r.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"}}}`)
		r.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`)
		if status, _, body := r.call("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`, as("OTHER", "us-east-1")); isolate != (status == 400) {
			t.Errorf("isolate %v: another scope reads %d %s", isolate, status, body)
		}
	}
}

// admin gets a page of the admin port.
func (r *running) admin(path string) (int, string) {
	r.t.Helper()
	resp, err := http.Get("http://" + r.node.AdminAddr().String() + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return resp.StatusCode, string(body)
}

func TestAdminPort(t *testing.T) {
	t.Parallel()
	c := testConfig()
	r := run(t, c)
	r.mustCall("CreateTable", createTable)
	r.call("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`)
	for path, want := range map[string]string{"/livez": "ok\n", "/readyz": "ok\n", "/healthz": "ok\n", "/readyz?verbose": "[+] serving: ok\nok\n"} {
		if status, body := r.admin(path); status != 200 || body != want {
			t.Errorf("%s = %d %q, want 200 %q", path, status, body, want)
		}
	}
	status, body := r.admin("/metrics")
	for _, want := range []string{
		`millrace_requests_total{class="ok",operation="GetItem",table="t-1"} 1`, `millrace_cache_requests_total{cache="item",operation="GetItem",result=`,
		`millrace_cache_bytes{cache="item"} `, "millrace_cache_max_bytes 2.68435456e+08", "millrace_client_connections ", `millrace_build_info{`,
	} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("/metrics = %d without %q", status, want)
		}
	}
	for _, path := range []string{"/none", "/debug/pprof/", "/readyz/x"} {
		if status, _ := r.admin(path); status != 404 {
			t.Errorf("%s = %d, want 404", path, status)
		}
	}
}

func TestNoAdminPort(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Admin.Listen = ""
	r := run(t, c)
	if r.node.AdminAddr() != nil {
		t.Errorf("admin port at %v", r.node.AdminAddr())
	}
	r.mustCall("ListTables", "{}")
}

func TestStopIsSeenBeforeItHappens(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Shutdown.Delay = c.HTTP.HeaderTimeout
	r := run(t, c)
	r.mustCall("ListTables", "{}")
	r.stop()
	// During the delay: not ready, still alive and serving, and every reply sends its client away.
	for {
		if status, body := r.admin("/readyz?verbose"); status == 503 {
			if body != "[-] serving: starting or stopping\nnot ready\n" {
				t.Errorf("/readyz?verbose = %q", body)
			}
			break
		}
	}
	if status, _ := r.admin("/livez"); status != 200 {
		t.Errorf("/livez = %d while stopping", status)
	}
	if header, _ := r.mustCall("ListTables", "{}"); header.Get("Connection") != "close" {
		t.Errorf("Connection is %q while stopping", header.Get("Connection"))
	}
	// Nobody waits for the rest of the delay here.
	r.node.fatal <- fmt.Errorf("disk is full")
	if err := <-r.done; err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("Run: %v", err)
	}
	r.done = nil
}

func TestFatalEngineEndsTheProcess(t *testing.T) {
	t.Parallel()
	r := run(t, testConfig())
	r.mustCall("ListTables", "{}")
	r.node.fatal <- fmt.Errorf("disk is full")
	err := <-r.done
	r.done = nil
	if err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("Run: %v", err)
	}
}

func TestDataSurvivesARestart(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.InMemory, c.DataDir = false, filepath.Join(t.TempDir(), "data")
	r := run(t, c)
	r.mustCall("CreateTable", createTable)
	r.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"N":"1"}}}`)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	text := r.log.String()
	for _, want := range []string{"endpoint=http://127.0.0.1:", "store=" + c.DataDir, "durability=sync", `caches="on, 256MiB"`, "one store for all keys and regions (use --isolate", "msg=stopped"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q:\n%s", want, text)
		}
	}
	r = run(t, c)
	if _, body := r.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`); !strings.Contains(body, `"v":{"N":"1"}`) {
		t.Errorf("after a restart: %s", body)
	}
}

func TestWhatCannotStartSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	c := testConfig()
	c.InMemory, c.DataDir = false, dir
	r := run(t, c)
	r.mustCall("CreateTable", createTable)

	refused := func(c Config, wants ...string) {
		t.Helper()
		n, err := New(c, "test", slog.New(slog.DiscardHandler))
		if err == nil {
			_ = n.front.Close()
			t.Fatalf("started, want %q", wants)
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q", err, want)
			}
		}
	}
	// The same folder twice; both ports are given up again.
	refused(c, dir, "in use by another process", "--data-dir")
	// Taken ports leave the folder untouched.
	taken := c
	taken.Listen, taken.DataDir = r.node.Addr().String(), filepath.Join(t.TempDir(), "never")
	refused(taken, taken.Listen, "taken by another process", "--listen")
	taken.Listen, taken.Admin.Listen = "127.0.0.1:0", r.node.AdminAddr().String()
	refused(taken, taken.Admin.Listen, "--admin-listen")
	if _, err := os.Stat(taken.DataDir); !os.IsNotExist(err) {
		t.Errorf("the data folder of a node that did not start: %v", err)
	}
	// A file where the folder should be.
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := c
	bad.DataDir = file
	refused(bad, file, "--data-dir")
	bad.DataDir = filepath.Join(file, "below")
	refused(bad, file, "--data-dir")
	if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
		t.Errorf("the file is %q now (%v)", b, err)
	}
	elsewhere := testConfig()
	elsewhere.Listen = "192.0.2.1:0"
	refused(elsewhere, "192.0.2.1:0", "--listen")
	r.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"}}}`)
}

func TestDamagedStoreIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.InMemory, c.DataDir = false, filepath.Join(t.TempDir(), "data")
	r := run(t, c)
	r.mustCall("CreateTable", createTable)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	manifests, err := filepath.Glob(filepath.Join(c.DataDir, "MANIFEST-*"))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("no manifest: %v", err)
	}
	for _, m := range manifests {
		if err := os.WriteFile(m, []byte("not a manifest at all, and long enough to be read"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := folder(t, c.DataDir)
	_, err = New(c, "test", slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), c.DataDir) || !strings.Contains(err.Error(), "restore the folder from a copy") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
	if after := folder(t, c.DataDir); after != before {
		t.Errorf("the folder changed from\n%s to\n%s", before, after)
	}
}

// folder lists names, sizes and checksums of the files in dir.
func folder(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %d %08x\n", e.Name(), len(content), crc32.ChecksumIEEE(content))
	}
	return b.String()
}

func TestStreamsAreCutAsConfigured(t *testing.T) {
	t.Parallel()
	l, err := Load(Sources{File: write(t, "engine:\n  streams:\n    shards: 3\n    shard_lifetime: 1h\n"), Environ: []string{"MILLRACE_ENGINE_STREAMS_SPLIT_RATE=7"}})
	if err != nil {
		t.Fatal(err)
	}
	c := testConfig()
	c.Engine.Streams = l.Config.Engine.Streams
	if got, want := c.Engine.Streams.SplitRate, 7; got != want {
		t.Errorf("split_rate = %d, want %d", got, want)
	}
	r := run(t, c)
	_, body := r.mustCall("CreateTable", strings.TrimSuffix(createTable, "}")+`,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}}`)
	var made struct {
		TableDescription struct{ LatestStreamArn string }
	}
	if err := json.Unmarshal([]byte(body), &made); err != nil {
		t.Fatal(err)
	}
	request := fmt.Sprintf(`{"StreamArn":%q}`, made.TableDescription.LatestStreamArn)
	status, _, body := r.exchange("POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: DynamoDBStreams_20120810.DescribeStream\r\nContent-Type: application/x-amz-json-1.0\r\n" +
		"X-Amz-Date: 20260101T000000Z\r\n" + as("AKID", "us-east-1") + "Content-Length: " + strconv.Itoa(len(request)) + "\r\n\r\n" + request)
	if n := strings.Count(body, `"ShardId"`); status != 200 || n != 3 {
		t.Errorf("DescribeStream = %d with %d shards, want 3: %s", status, n, body)
	}
}
