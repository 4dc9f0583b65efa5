package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"millrace/internal/node"
)

// serveCommand runs a node until a signal.
type serveCommand struct {
	settingFlags
}

// Run serves.
func (c *serveCommand) Run(ctx context.Context, std streams) error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	log := newLogger(std.err, loaded.Config.Log, level)
	for _, name := range loaded.Unknown {
		// Kubernetes tells a pod of services with such variables.
		if !strings.Contains(name, "_SERVICE_") && !strings.Contains(name, "_PORT") {
			log.Warn("variable names no setting", "variable", name)
		}
	}
	if loaded.Config.Sockets, err = node.HandedOver(os.Environ(), os.Getpid()); err != nil {
		return usageError{err}
	}
	n, err := node.New(loaded.Config, version, log)
	if err != nil {
		return err
	}
	heedMemoryLimit(n, &loaded.Config, log)
	n.Reloadable(loaded, c.load, level)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(ctx)
	reloaded := make(chan struct{})
	go func() {
		defer close(reloaded)
		reloadOn(ctx, n, hangups)
	}()
	err = n.Run(ctx)
	cancel()
	<-reloaded
	signal.Stop(hangups)
	return err
}

// reloadOn reads the configuration anew at every signal until ctx ends. What came of it is logged.
func reloadOn(ctx context.Context, n *node.Node, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			_, _ = n.Reload(ctx)
		}
	}
}
