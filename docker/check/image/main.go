// Command image builds docker/Dockerfile and runs what comes out: with a Docker daemon of its own, in a network and mount
// namespace of its own, from stand-ins for the base images that are made of files of this machine. Nothing is downloaded,
// and neither the machine's daemon nor its firewall is touched. It must be started in fresh namespaces:
//
//	unshare --net --mount image -root REPOSITORY -modules GOPROXY-FOLDER -work FOLDER
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// run does everything, and undoes it.
func run(ctx context.Context) (err error) {
	root := flag.String("root", ".", "the repository")
	work := flag.String("work", "", "folder for the daemon's data and the stand-ins; it is emptied before and after")
	modules := flag.String("modules", "", "folder laid out as a Go module proxy, with the modules of go.mod")
	flag.Parse()
	if *work == "" || *modules == "" {
		return errors.New("-work and -modules are needed")
	}
	if err := ownNetwork(); err != nil {
		return err
	}
	if *root, err = filepath.Abs(*root); err != nil {
		return err
	}
	if *work, err = filepath.Abs(*work); err != nil {
		return err
	}
	if err := os.RemoveAll(*work); err != nil {
		return err
	}
	if err := os.MkdirAll(*work, 0o755); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("bring the loopback interface up: %w: %s", err, out)
	}
	d, err := startDaemon(ctx, *work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop(), os.RemoveAll(*work)) }()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"import the stand-ins for the base images", func(ctx context.Context) error { return d.importBases(ctx, *work, *modules) }},
		{"build the image", func(ctx context.Context) error { return d.build(ctx, *root) }},
		{"look at what is in it", d.checkContents},
		{"run it: health, data, SIGTERM", d.checkLife},
		{"run it in 64 MiB", d.checkMemory},
		{"compose: local", func(ctx context.Context) error { return d.checkLocal(ctx, *root) }},
		{"compose: sidecar", func(ctx context.Context) error { return d.checkSidecar(ctx, *root) }},
		{"compose: bench, but for Grafana", func(ctx context.Context) error { return d.checkBench(ctx, *root) }},
	} {
		start := time.Now()
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Printf("ok  %-45s %6.1fs\n", step.name, time.Since(start).Seconds())
	}
	return nil
}

// ownNetwork refuses to go on where there is more than a loopback interface: the daemon sets up a bridge and firewall
// rules, which must not be the machine's.
func ownNetwork() error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 {
			return fmt.Errorf("interface %s is here: start this by unshare --net --mount", i.Name)
		}
	}
	return nil
}
