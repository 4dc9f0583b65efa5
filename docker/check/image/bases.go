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

// goImage is the name that the Dockerfile gives its first base image by default; the runtime's is scratch.
const goImage = "golang:1.26-bookworm"

// applets are the programs of busybox that the Dockerfile's commands, and Go's, use.
var applets = []string{"sh", "mkdir", "cp", "echo", "mv", "rm", "chmod", "env", "true", "test"}

// importBases makes the stand-in for the Go image: this machine's Go, busybox, the certificate authorities, and a module
// proxy of files. BuildKit takes an image that is there under the name before it asks a registry.
func (d *daemon) importBases(ctx context.Context, work, modules string) error {
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("find Go: %w", err)
	}
	base := filepath.Join(work, "base")
	for _, dir := range []string{"bin", "tmp", "root", "go", "etc/ssl/certs"} {
		if err := os.MkdirAll(filepath.Join(base, dir), 0o755); err != nil {
			return err
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	for _, f := range []struct{ from, to string }{
		{busybox, "bin/busybox"}, {"/etc/ssl/certs/ca-certificates.crt", "etc/ssl/certs/ca-certificates.crt"},
	} {
		if err := copyFile(f.from, filepath.Join(base, f.to)); err != nil {
			return err
		}
	}
	for _, name := range applets {
		if err := os.Symlink("busybox", filepath.Join(base, "bin", name)); err != nil {
			return err
		}
	}
	read, write := io.Pipe()
	go func() {
		t := tar.NewWriter(write)
		err := errors.Join(
			addTree(t, base, ""), addTree(t, strings.TrimSpace(string(goroot)), "usr/local/go"), addTree(t, modules, "modules"), t.Close())
		_ = write.CloseWithError(err)
	}()
	_, err = d.dockerIn(ctx, read,
		"import", "--change", "ENV PATH=/usr/local/go/bin:/bin GOPATH=/go GOTOOLCHAIN=local GOPROXY=file:///modules GOFLAGS=-buildvcs=false",
		"--platform", "linux/"+runtime.GOARCH, "-", goImage)
	_ = read.CloseWithError(err)
	return err
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
