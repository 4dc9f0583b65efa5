package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// tag is the name of the image that is built; docker/compose.yaml has it as its default.
const tag = "millrace:local"

// build builds the Dockerfile as its head says, with the labels of a release.
func (d *daemon) build(ctx context.Context, root string) error {
	cmd := d.command(ctx, "/usr/bin/docker", "build", "--file", filepath.Join(root, "docker", "Dockerfile"), "--tag", tag,
		"--build-arg", "REVISION="+revision, root)
	log, err := os.Create(filepath.Join(d.dir, "build.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(log.Name())
		return fmt.Errorf("docker build: %w\n%s", err, said)
	}
	return nil
}

// revision is what the image is told it was built from.
const revision = "0123456789abcdef"

// maxImage is the most that the image may take. The binary is nearly all of it.
const maxImage = 60 << 20

// inspected is what the client tells of an image.
type inspected struct {
	Size   int64
	Config struct {
		User        string
		Cmd         []string
		Entrypoint  []string
		Labels      map[string]string
		Volumes     map[string]struct{}
		Healthcheck struct{ Test []string }
	}
}

// checkContents compares the image's configuration and files with what is promised of them.
func (d *daemon) checkContents(ctx context.Context) error {
	text, err := d.docker(ctx, "image", "inspect", "--format", "{{json .}}", tag)
	if err != nil {
		return err
	}
	var image inspected
	if err := json.Unmarshal([]byte(text), &image); err != nil {
		return err
	}
	c := image.Config
	_, volume := c.Volumes["/data"]
	for _, check := range []struct {
		what string
		ok   bool
	}{
		{"user", c.User == "65532:65532"},
		{"entrypoint", slices.Equal(c.Entrypoint, []string{"/millrace"})},
		{"command", slices.Equal(c.Cmd, []string{"serve"})},
		{"health check", slices.Equal(c.Healthcheck.Test, []string{"CMD", "/millrace", "healthcheck"})},
		{"volume", volume},
		{"title", c.Labels["org.opencontainers.image.title"] == "millrace"},
		{"licence", c.Labels["org.opencontainers.image.licenses"] == "MIT"},
		{"revision", c.Labels["org.opencontainers.image.revision"] == revision},
		{"size", image.Size < maxImage},
	} {
		if !check.ok {
			return fmt.Errorf("the image's %s is wrong: %+v", check.what, image)
		}
	}
	fmt.Printf("    %.1f MB\n", float64(image.Size)/1e6)
	return d.checkFiles(ctx)
}

// checkFiles demands that the image has the binary, what it needs, and nothing else.
func (d *daemon) checkFiles(ctx context.Context) error {
	id, err := d.docker(ctx, "create", tag)
	if err != nil {
		return err
	}
	archive := filepath.Join(d.dir, "image.tar")
	if _, err := d.docker(ctx, "export", "--output", archive, id); err != nil {
		return err
	}
	if _, err := d.docker(ctx, "rm", "--volumes", id); err != nil {
		return err
	}
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	// The runtime adds these to every container.
	runtimes := []string{".dockerenv", "dev", "proc", "sys", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"}
	var files []string
	err = eachFile(f, func(name string, uid int) error {
		top, _, _ := strings.Cut(name, "/")
		if slices.Contains(runtimes, top) || slices.Contains(runtimes, name) {
			return nil
		}
		if name == "data" && uid != 65532 {
			return fmt.Errorf("/data belongs to %d, want 65532", uid)
		}
		files = append(files, name)
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(files)
	want := []string{"data", "etc", "etc/group", "etc/passwd", "etc/ssl", "etc/ssl/certs", "etc/ssl/certs/ca-certificates.crt", "millrace"}
	if !slices.Equal(files, want) {
		return fmt.Errorf("the image has %q, want %q", files, want)
	}
	return nil
}

// eachFile calls f for each entry of a tar archive.
func eachFile(r io.Reader, f func(name string, uid int) error) error {
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(strings.Trim(h.Name, "/"), h.Uid); err != nil {
			return err
		}
	}
}
