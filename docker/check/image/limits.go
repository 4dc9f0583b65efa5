package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// The load under a memory limit: all items together are far more than the process may use, and the caches hold those that
// were read until their budget is full.
const (
	limit      = "64m"
	loadItems  = 10_000
	itemBytes  = 8 << 10
	loaders    = 4
	limitedLog = `"msg":"memory is limited","limit":67108864`
)

// checkMemory fills the caches of a millrace that may use 64 MiB several times over. It must not be ended by the kernel.
func (d *daemon) checkMemory(ctx context.Context) error {
	printed, err := d.docker(ctx, append(append([]string{"run", "--rm", "--memory", limit}, hardened...), tag, "config", "print")...)
	if err != nil {
		return err
	}
	if want := "memory: 12MiB # from the limit of 64MiB"; !strings.Contains(printed, want) {
		return fmt.Errorf("config print lacks %q:\n%s", want, printed)
	}
	c, err := d.run(ctx, "18000", "--memory", limit, "--memory-swap", limit, "--volume", "memory:/data", "--env", "MILLRACE_DURABILITY=async")
	if err != nil {
		return err
	}
	logs, err := d.logs(ctx, c.id)
	if err != nil {
		return err
	}
	if !strings.Contains(logs, limitedLog) {
		return fmt.Errorf("the log lacks %s:\n%s", limitedLog, logs)
	}
	return errors.Join(fill(ctx, c.endpoint), c.stop(ctx))
}

// fill writes the items and reads each one twice.
func fill(ctx context.Context, endpoint string) error {
	if err := call(ctx, endpoint, "CreateTable", createTable, "Table"); err != nil {
		return err
	}
	var next atomic.Int64
	value := strings.Repeat("v", itemBytes)
	group, ctx := errgroup.WithContext(ctx)
	for range loaders {
		group.Go(func() error {
			for {
				n := next.Add(1)
				if n > loadItems {
					return nil
				}
				key := fmt.Sprintf(`{"p":{"S":"%d"}`, n)
				if err := call(ctx, endpoint, "PutItem", `{"TableName":"Table","Item":`+key+`,"v":{"S":"`+value+`"}}}`, "{}"); err != nil {
					return err
				}
				for range 2 {
					if err := call(ctx, endpoint, "GetItem", `{"TableName":"Table","Key":`+key+`}}`, value); err != nil {
						return err
					}
				}
			}
		})
	}
	return group.Wait()
}
