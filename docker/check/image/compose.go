package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// project is one profile of docker/compose.yaml.
type project struct {
	d             *daemon
	file, profile string
}

// compose runs docker-compose, which reads the file as an ordinary user's would.
func (p project) compose(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"--project-name", "check", "--file", p.file, "--profile", p.profile}, args...)
	return output(p.d.command(ctx, "docker-compose", args...))
}

// with brings services up, all of the profile if none is named, calls use, and takes everything down again.
func (d *daemon) with(ctx context.Context, root, profile string, use func(project) error, services ...string) (err error) {
	p := project{d, filepath.Join(root, "docker", "compose.yaml"), profile}
	defer func() {
		_, downErr := p.compose(context.WithoutCancel(ctx), "down", "--volumes", "--timeout", "20")
		err = errors.Join(err, downErr)
	}()
	if _, err := p.compose(ctx, append([]string{"up", "--detach", "--no-build"}, services...)...); err != nil {
		return err
	}
	return use(p)
}

// container is the id of a service's container.
func (p project) container(ctx context.Context, service string) (string, error) {
	return p.compose(ctx, "ps", "--quiet", service)
}

// checkLocal uses the database for development.
func (d *daemon) checkLocal(ctx context.Context, root string) error {
	return d.with(ctx, root, "local", func(p project) error {
		id, err := p.container(ctx, "millrace")
		if err != nil {
			return err
		}
		if err := d.waitHealthy(ctx, id); err != nil {
			return err
		}
		return call(ctx, "http://127.0.0.1:8000", "CreateTable", createTable, "Table")
	})
}

// checkSidecar waits until the application has read from the sidecar's cache what it wrote through it to the upstream.
func (d *daemon) checkSidecar(ctx context.Context, root string) error {
	return d.with(ctx, root, "sidecar", func(p project) error {
		id, err := p.container(ctx, "app")
		if err != nil {
			return err
		}
		return eventually(ctx, func() error {
			logs, err := d.logs(ctx, id)
			if err == nil && !strings.Contains(strings.ToLower(logs), "x-millrace-cache: hit") {
				err = fmt.Errorf("the application saw no hit:\n%s", logs)
			}
			return err
		})
	})
}

// checkBench waits until Prometheus has scraped a millrace that answers the load from its caches.
func (d *daemon) checkBench(ctx context.Context, root string) error {
	return d.with(ctx, root, "bench", func(project) error {
		return eventually(ctx, func() error {
			resp, err := http.Get("http://127.0.0.1:9090/api/v1/query?query=" + url.QueryEscape(`sum(millrace_cache_requests_total{result="hit"}) > 100`))
			if err != nil {
				return err
			}
			defer func() { _ = resp.Body.Close() }()
			b, err := io.ReadAll(resp.Body)
			if err == nil && !strings.Contains(string(b), `"value":`) {
				err = fmt.Errorf("Prometheus answers %s", b)
			}
			return err
		})
	}, "bench", "load", "prometheus")
}

// eventually calls f until it succeeds, for a minute.
func eventually(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
