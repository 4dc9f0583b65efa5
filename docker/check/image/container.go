package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// container is one that runs the image with the data port published.
type container struct {
	d        *daemon
	id       string
	endpoint string
}

// hardened are the flags that docs/QUICKSTART.md recommends and the compose file has.
var hardened = []string{"--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"}

// published makes the data port one that the published port leads to.
var published = []string{"--env", "MILLRACE_LISTEN=0.0.0.0:8000", "--env", "MILLRACE_INSECURE_BIND=true"}

// run starts a container and waits until its health check says that it is well. The check's program is the image's; only
// the time between two of them is shorter.
func (d *daemon) run(ctx context.Context, port string, flags ...string) (*container, error) {
	args := append([]string{"run", "--detach", "--health-interval", "500ms", "--publish", "127.0.0.1:" + port + ":8000"}, hardened...)
	args = append(append(append(args, published...), flags...), tag)
	id, err := d.docker(ctx, args...)
	if err != nil {
		return nil, err
	}
	c := &container{d, id, "http://127.0.0.1:" + port}
	if err := d.waitHealthy(ctx, id); err != nil {
		return nil, err
	}
	return c, nil
}

// healthPatience is how long a container may take to become healthy.
const healthPatience = time.Minute

// waitHealthy waits for the health check's word on the container called id.
func (d *daemon) waitHealthy(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		health, err := d.docker(ctx, "inspect", "--format", "{{.State.Health.Status}} {{.State.Status}}", id)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if strings.HasPrefix(health, "healthy") {
			return nil
		}
		select {
		case <-tick.C:
			if !strings.HasSuffix(health, "exited") {
				continue
			}
		case <-ctx.Done():
		}
		logs, _ := d.logs(context.WithoutCancel(ctx), id)
		return fmt.Errorf("the container is %q, not healthy\n%s", health, logs)
	}
}

// logs is what a container wrote.
func (d *daemon) logs(ctx context.Context, id string) (string, error) {
	out, err := d.command(ctx, "/usr/bin/docker", "logs", id).CombinedOutput()
	return string(out), err
}

// call makes one call of the API, with a form of signature, and demands that its answer is 200 and has want in it.
func call(ctx context.Context, endpoint, op, body, want string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(got), want) {
		return fmt.Errorf("%s = %d %s, want %q in it", op, resp.StatusCode, got, want)
	}
	return nil
}

// The table that the checks use, and its first item.
const (
	createTable = `{"TableName":"Table","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"p","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}]}`
	putItem     = `{"TableName":"Table","Item":{"p":{"S":"a"},"kept":{"S":"on the volume"}}}`
	getItem     = `{"TableName":"Table","Key":{"p":{"S":"a"}}}`
)

// stop ends the container as an orchestrator does and demands that it went well and in time.
func (c *container) stop(ctx context.Context) error {
	start := time.Now()
	if _, err := c.d.docker(ctx, "stop", "--time", "30", c.id); err != nil {
		return err
	}
	took := time.Since(start)
	state, err := c.d.docker(ctx, "inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", c.id)
	if err != nil {
		return err
	}
	logs, err := c.d.logs(ctx, c.id)
	if err != nil {
		return err
	}
	if state != "0 false" || !strings.Contains(logs, `"msg":"stopped"`) || took > 10*time.Second {
		return fmt.Errorf("exit code and OOM kill are %q after %v\n%s", state, took, logs)
	}
	_, err = c.d.docker(ctx, "rm", c.id)
	return err
}

// checkLife runs the image with a read-only root as an unprivileged user, stops it, and finds the data again.
func (d *daemon) checkLife(ctx context.Context) error {
	c, err := d.run(ctx, "18000", "--volume", "life:/data")
	if err != nil {
		return err
	}
	pid, err := d.docker(ctx, "inspect", "--format", "{{.State.Pid}}", c.id)
	if err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return err
	}
	if !strings.Contains(string(status), "Uid:\t65532\t65532\t65532\t65532\n") || !strings.Contains(string(status), "CapEff:\t0000000000000000\n") {
		return fmt.Errorf("the process runs with privileges:\n%s", status)
	}
	err = errors.Join(
		call(ctx, c.endpoint, "CreateTable", createTable, "Table"),
		call(ctx, c.endpoint, "PutItem", putItem, "{}"),
		call(ctx, c.endpoint, "GetItem", getItem, "on the volume"),
	)
	if err = errors.Join(err, c.stop(ctx)); err != nil {
		return err
	}
	if c, err = d.run(ctx, "18000", "--volume", "life:/data"); err != nil {
		return err
	}
	return errors.Join(call(ctx, c.endpoint, "GetItem", getItem, "on the volume"), c.stop(ctx))
}
