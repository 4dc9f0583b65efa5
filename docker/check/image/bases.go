package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// The names that the Dockerfile gives its first base image by default (the runtime's is scratch), and the compose file the
// images that are not millrace's.
const (
	goImage         = "golang:1.26-bookworm"
	curlImage       = "curlimages/curl:8.11.1"
	prometheusImage = "prom/prometheus:v3.5.0"
)

// applets are the programs of busybox that the Dockerfile's commands, and Go's, use.
var applets = []string{"sh", "mkdir", "cp", "echo", "mv", "rm", "chmod", "env", "true", "test", "sleep", "grep"}

// importBases makes the stand-ins. BuildKit and compose take an image that is there under the name before they ask a
// registry. In the Go image's place: this machine's Go, busybox, the certificate authorities, and a module proxy of files.
// In the others': the machine's curl and Prometheus, with the libraries that they need.
func (d *daemon) importBases(ctx context.Context, work, modules string) error {
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("find Go: %w", err)
	}
	for _, image := range []struct {
		name    string
		program string
		trees   map[string]string
		change  string
	}{
		{goImage, "", map[string]string{"usr/local/go": strings.TrimSpace(string(goroot)), "modules": modules},
			"ENV PATH=/usr/local/go/bin:/bin GOPATH=/go GOTOOLCHAIN=local GOPROXY=file:///modules GOFLAGS=-buildvcs=false"},
		{curlImage, "curl", nil, "USER 65532"},
		{prometheusImage, "prometheus", nil, `ENTRYPOINT ["/bin/prometheus"]`},
	} {
		base := filepath.Join(work, "base", strings.NewReplacer("/", "-", ":", "-").Replace(image.name))
		if err := skeleton(base, image.program); err != nil {
			return fmt.Errorf("stand-in for %s: %w", image.name, err)
		}
		read, write := io.Pipe()
		go func() {
			t := tar.NewWriter(write)
			err := addTree(t, base, "")
			for name, dir := range image.trees {
				err = errors.Join(err, addTree(t, dir, name))
			}
			_ = write.CloseWithError(errors.Join(err, t.Close()))
		}()
		_, err = d.dockerIn(ctx, read, "import", "--change", image.change, "--platform", "linux/"+runtime.GOARCH, "-", image.name)
		_ = read.CloseWithError(err)
		if err != nil {
			return err
		}
	}
	return nil
}

// skeleton fills base with busybox under the names of its applets, the certificate authorities, and program.
func skeleton(base, program string) error {
	for _, dir := range []string{"bin", "tmp", "root", "go", "etc/ssl/certs"} {
		if err := os.MkdirAll(filepath.Join(base, dir), 0o755); err != nil {
			return err
		}
	}
	files := map[string]string{"/etc/ssl/certs/ca-certificates.crt": "etc/ssl/certs/ca-certificates.crt"}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	files[busybox] = "bin/busybox"
	if program != "" {
		path, err := exec.LookPath(program)
		if err != nil {
			return err
		}
		files[path] = "bin/" + program
		libraries, err := exec.Command("ldd", path).Output()
		if err != nil {
			return fmt.Errorf("ldd %s: %w", path, err)
		}
		for _, word := range strings.Fields(string(libraries)) {
			if strings.HasPrefix(word, "/") {
				files[word] = word
			}
		}
	}
	for from, to := range files {
		to = filepath.Join(base, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := copyFile(from, to); err != nil {
			return err
		}
	}
	for _, name := range applets {
		if err := os.Symlink("busybox", filepath.Join(base, "bin", name)); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies what from leads to, with its mode.
func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, info.Mode().Perm())
}

// addTree writes the files below dir to t as those below name.
func addTree(t *tar.Writer, dir, name string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		// Go's own tests and documents are a third of it.
		if entry.IsDir() && name == "usr/local/go" && (relative == "test" || relative == "doc" || relative == "api") {
			return filepath.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(path); err != nil {
				return err
			}
		}
		header, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		header.Name = filepath.ToSlash(filepath.Join(name, relative))
		if err := t.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(t, f)
		return errors.Join(err, f.Close())
	})
}
