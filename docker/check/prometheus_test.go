package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a program may take to begin; it needs well under a second.
const patience = 30 * time.Second

// freeAddress is a loopback address that nothing listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// process runs a program until the test ends, and waits until ready answers 200.
func process(t *testing.T, ready string, env []string, argv ...string) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", argv[0], err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-done
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; {
		if resp, err := http.Get(ready); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("%s ended: %v\n%s", argv[0], err, said.String())
		case <-tick.C:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready", argv[0])
		}
	}
}

// node is a running millrace.
type node struct{ endpoint, admin string }

// millrace starts one with more variables.
func millrace(t *testing.T, env ...string) node {
	t.Helper()
	n := node{freeAddress(t), freeAddress(t)}
	env = append(env, "MILLRACE_LISTEN="+n.endpoint, "MILLRACE_ADMIN_LISTEN="+n.admin, "MILLRACE_IN_MEMORY=true",
		"AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	process(t, "http://"+n.admin+"/readyz", env, *binary, "serve")
	return n
}

// call makes one call of the API.
func (n node) call(t *testing.T, op, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+n.endpoint+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode/100 == 5 {
		t.Fatalf("%s = %d %s (%v)", op, resp.StatusCode, b, err)
	}
}

// traffic is some of everything: hits, misses, batches, pages, writes and an error.
func (n node) traffic(t *testing.T) {
	t.Helper()
	for i := range 5 {
		key := fmt.Sprintf(`{"p":{"S":"%d"}}`, i)
		n.call(t, "PutItem", `{"TableName":"Table","Item":`+key+`}`)
		for range 2 {
			n.call(t, "GetItem", `{"TableName":"Table","Key":`+key+`}`)
			n.call(t, "BatchGetItem", `{"RequestItems":{"Table":{"Keys":[`+key+`]}}}`)
			n.call(t, "Query", `{"TableName":"Table","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"1"}}}`)
			n.call(t, "Scan", `{"TableName":"Table"}`)
		}
	}
	n.call(t, "GetItem", `{"TableName":"Table","Key":{}}`)
}

// prometheus is a running Prometheus.
type prometheus struct{ url string }

// startPrometheus runs one with docker/prometheus' own configuration and rules, but that it scrapes targets, and often.
func startPrometheus(t *testing.T, targets ...string) prometheus {
	t.Helper()
	source, err := os.ReadFile(repository("docker", "prometheus", "prometheus.yml"))
	if err != nil {
		t.Fatal(err)
	}
	const target, interval = `"127.0.0.1:9464"`, "scrape_interval: 5s"
	text := string(source)
	if strings.Count(text, target) != 1 || strings.Count(text, interval) != 1 {
		t.Fatalf("prometheus.yml has not one %s and one %s", target, interval)
	}
	text = strings.Replace(text, target, `"`+strings.Join(targets, `", "`)+`"`, 1)
	text = strings.Replace(text, interval, "scrape_interval: 250ms\n  scrape_timeout: 250ms", 1)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	rules, err := filepath.Glob(repository("docker", "prometheus", "alerts*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range rules {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := freeAddress(t)
	process(t, "http://"+address+"/-/ready", nil, "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=error")
	return prometheus{"http://" + address}
}

// query evaluates an expression now. An error is what Prometheus says of it.
func (p prometheus) query(expression string) (series int, err error) {
	resp, err := http.PostForm(p.url+"/api/v1/query", url.Values{"query": {expression}})
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("%s", answer.Error)
	}
	return len(answer.Data.Result), nil
}

// waitFor waits until an expression has a series.
func (p prometheus) waitFor(t *testing.T, expression string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		n, err := p.query(expression)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		if n > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s stays empty", expression)
		}
	}
}
