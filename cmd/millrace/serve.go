package main

import (
	"context"
	"strings"

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
	log := newLogger(std.err, loaded.Config.Log)
	for _, name := range loaded.Unknown {
		// Kubernetes tells a pod of services with such variables.
		if !strings.Contains(name, "_SERVICE_") && !strings.Contains(name, "_PORT") {
			log.Warn("variable names no setting", "variable", name)
		}
	}
	heedMemoryLimit(log)
	n, err := node.New(loaded.Config, version, log)
	if err != nil {
		return err
	}
	return n.Run(ctx)
}
