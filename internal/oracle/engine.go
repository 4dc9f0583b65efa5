package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"millrace/internal/node"
)

// startEngine runs an engine in memory, without caches, on a free port of this machine. stop ends it and waits.
func startEngine(ctx context.Context) (url string, stop func(), err error) {
	config := node.DefaultConfig()
	config.Listen, config.Admin.Listen, config.InMemory, config.Cache.Enabled = "127.0.0.1:0", "", true, false
	config.Shutdown.Delay = 0
	n, err := node.New(config, "oracle", slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		return "", nil, fmt.Errorf("start an engine: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	return "http://" + n.Addr().String(), func() {
		cancel()
		<-done
	}, nil
}
