package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"millrace/internal/admin"
)

// adminFlags are the flags of every subcommand that asks a running millrace. It is found, and its token too, by the same
// configuration that it runs with.
type adminFlags struct {
	settingFlags
	JSON    bool          `name:"json" help:"Print the answer as JSON."`
	Timeout time.Duration `default:"10s" help:"How long to wait for the answer."`
}

// client finds the admin port.
func (f *adminFlags) client() (admin.Client, error) {
	loaded, err := f.load()
	if err != nil {
		return admin.Client{}, err
	}
	address, err := reachable(loaded.Config.Admin.Listen)
	if err != nil {
		return admin.Client{}, usageError{err}
	}
	token, err := loaded.Config.Admin.ReadToken()
	if err != nil {
		return admin.Client{}, usageError{err}
	}
	return admin.Client{Address: address, Token: token, Timeout: f.Timeout}, nil
}

// answer prints an answer: as it came, or what text makes of it.
func answer[T any](f *adminFlags, w io.Writer, body []byte, text func(io.Writer, T) error) error {
	if f.JSON {
		_, err := w.Write(body)
		return err
	}
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("the admin port's answer cannot be read; is it of another version? %w", err)
	}
	return text(w, v)
}

// purgeCommand makes a running millrace forget.
type purgeCommand struct {
	adminFlags
	All       bool   `help:"Everything of every table."`
	Table     string `placeholder:"NAME" help:"The table; alone, everything of it."`
	Key       string `placeholder:"JSON" help:"Primary key of one item, as {\"id\":{\"S\":\"x\"}}: it goes, and every page that may show it."`
	Index     string `placeholder:"NAME" help:"A secondary index of the table: its pages go."`
	Partition string `placeholder:"JSON" help:"Partition key, of the index if one is named, else of the table."`
	Scope     string `placeholder:"KEY/REGION" help:"Access key and region of the table, with isolate."`
}

// Run purges.
func (c *purgeCommand) Run(ctx context.Context, std streams) error {
	if !c.All && c.Table == "" {
		return usageError{fmt.Errorf("nothing is named to purge; name --table, or --all")}
	}
	for _, part := range []struct{ flag, text string }{{"--key", c.Key}, {"--partition", c.Partition}} {
		if part.text != "" && !json.Valid([]byte(part.text)) {
			return usageError{fmt.Errorf("%s is %q, which is no JSON; write it as DynamoDB does, such as '{\"id\":{\"S\":\"x\"}}'", part.flag, part.text)}
		}
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	p := admin.Purge{All: c.All, Table: c.Table, Index: c.Index, Scope: c.Scope}
	if c.Key != "" {
		p.Key = json.RawMessage(c.Key)
	}
	if c.Partition != "" {
		p.Partition = json.RawMessage(c.Partition)
	}
	body, err := client.Post(ctx, "/api/v1/purge", p)
	if err != nil {
		return err
	}
	return answer(&c.adminFlags, std.out, body, func(w io.Writer, done admin.Purged) error {
		_, err := fmt.Fprintln(w, "purged", done.Purged)
		return err
	})
}

// reloadCommand makes a running millrace read its configuration anew.
type reloadCommand struct{ adminFlags }

// Run reloads and says what changed.
func (c *reloadCommand) Run(ctx context.Context, std streams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	body, err := client.Post(ctx, "/api/v1/reload", struct{}{})
	if err != nil {
		return err
	}
	return answer(&c.adminFlags, std.out, body, func(w io.Writer, done admin.Reloaded) error {
		p := newPrinter(w)
		p.list("changed", done.Changed)
		p.list("caches forgotten of", done.Tables)
		p.list("needs a restart", done.Restart)
		return p.flush()
	})
}
