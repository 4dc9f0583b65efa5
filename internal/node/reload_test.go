package node

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/internal/admin"
)

// adminWait bounds one exchange with the admin port.
const adminWait = 2 * time.Minute

// reloading is a node whose configuration file can be changed.
type reloading struct {
	*running
	file  string
	level slog.LevelVar
}

// runFile starts a node from the text of a file.
func runFile(t *testing.T, text string) *reloading {
	t.Helper()
	r := &reloading{file: write(t, text)}
	load := func() (*Loaded, error) {
		return Load(Sources{File: r.file, Flags: map[string]string{"listen": "127.0.0.1:0", "admin.listen": "127.0.0.1:0", "in_memory": "true", "shutdown.delay": "0"}})
	}
	loaded, err := load()
	if err != nil {
		t.Fatal(err)
	}
	r.running = run(t, loaded.Config)
	r.node.Reloadable(loaded, load, &r.level)
	return r
}

// set replaces the file's text.
func (r *reloading) set(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func TestReloadPutsTableSettingsIntoForce(t *testing.T) {
	t.Parallel()
	r := runFile(t, "tables: {orders: {cache: off}}\n")
	r.mustCall("CreateTable", createTable)
	r.mustCall("CreateTable", indexedTable)
	r.mustCall("PutItem", `{"TableName":"orders","Item":`+order("ann", 1, "mon")+`}`)
	if r.cached(); len(r.cached()) != 0 {
		t.Errorf("of a table that is off, cached are %q", r.cached())
	}
	const other = `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`
	r.mustCall("GetItem", other)

	r.set("tables: {orders: {item_ttl: 9s}}\nlog: {level: debug}\ndata_dir: elsewhere\n")
	done := apiAs[admin.Reloaded](r.running, "POST", "/api/v1/reload", "")
	if want := []string{"log.level", "tables.orders.cache", "tables.orders.item_ttl"}; !slices.Equal(done.Changed, want) {
		t.Errorf("changed are %q, want %q", done.Changed, want)
	}
	if !slices.Equal(done.Restart, []string{"data_dir"}) || !slices.Equal(done.Tables, []string{"orders"}) {
		t.Errorf("reloaded: %+v", done)
	}
	if r.level.Level() != slog.LevelDebug {
		t.Errorf("the log's level is %v", r.level.Level())
	}
	r.cached()
	if got := r.cached(); len(got) == 0 {
		t.Error("a table that is on now is not cached")
	}
	if header, _ := r.mustCall("GetItem", other); header.Get("X-Millrace-Cache") != "negative" {
		t.Errorf("a table whose settings stayed lost its entries: %s", header.Get("X-Millrace-Cache"))
	}
	if got := apiAs[items[admin.Table]](r.running, "GET", "/api/v1/tables", ""); got.Items[0].ItemTTL != 9 {
		t.Errorf("the tables' settings are %+v", got)
	}
	if got := apiAs[admin.Configuration](r.running, "GET", "/api/v1/config", ""); !strings.Contains(got.YAML, "item_ttl: 9s # line 1 of "+r.file) || strings.Contains(got.YAML, "elsewhere") {
		t.Errorf("in force is said to be:\n%s", got.YAML)
	}

	r.set("tables: {orders: {cache: items-only}}\n")
	apiAs[admin.Reloaded](r.running, "POST", "/api/v1/reload", "")
	r.cached()
	if got := r.cached(); !slices.Equal(got, []string{"item"}) { // the other items do not exist
		t.Errorf("with items only, cached are %q", got)
	}
	r.set("tables: {orders: {cache: off}}\n")
	if _, err := r.node.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.cached(); len(r.cached()) != 0 {
		t.Errorf("of a table that is off again, cached are %q", r.cached())
	}
	// The same file again changes nothing.
	if done, err := r.node.Reload(t.Context()); err != nil || len(done.Changed)+len(done.Tables) > 0 {
		t.Errorf("reloaded without a change: %+v, %v", done, err)
	}
}

func TestABadFileChangesNothingAndIsTold(t *testing.T) {
	t.Parallel()
	r := runFile(t, "tables: {orders: {item_ttl: 9s}}\n")
	r.warmOrders()
	f := func(text, says string) {
		t.Helper()
		r.set(text)
		status, answer := r.api("POST", "/api/v1/reload", "")
		var p admin.Problem
		if err := json.Unmarshal(answer, &p); err != nil || status != 422 || !strings.Contains(p.Error, says) || !strings.Contains(p.Advice, "nothing was changed") {
			t.Errorf("reload of %q = %d %s, want %q", text, status, answer, says)
		}
		if _, err := r.node.Reload(t.Context()); err == nil {
			t.Errorf("reload of %q succeeds", text)
		} else if refusal, ok := errors.AsType[*admin.Refusal](err); !ok || refusal.Status != 422 {
			t.Errorf("reload of %q: %v", text, err)
		}
		if _, body := r.api("GET", "/metrics", ""); !strings.Contains(string(body), "\nmillrace_config_last_reload_successful 0\n") {
			t.Error("the metric does not tell of it")
		}
		if got := r.cached(); len(got) != len(orderReads) {
			t.Errorf("after a bad file cached are only %q", got)
		}
		if got := apiAs[items[admin.Table]](r.running, "GET", "/api/v1/tables", ""); got.Items[0].ItemTTL != 9 {
			t.Errorf("after a bad file the settings are %+v", got)
		}
	}
	f("tables: {orders: {item_ttl: 9}}\n", "line 1 of config file")
	f("log: {level: debug}\nnonsense: 1\n", "nonsense")
	f("log: {level: debug}\ntables: {orders: {cache: sometimes}}\n", "sometimes")
	if r.level.Level() != slog.LevelInfo {
		t.Errorf("after a bad file the log's level is %v", r.level.Level())
	}
	if err := os.Remove(r.file); err != nil {
		t.Fatal(err)
	}
	if _, err := r.node.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("without a file: %v", err)
	}
	r.set("tables: {orders: {item_ttl: 9s}}\n")
	if _, err := r.node.Reload(t.Context()); err != nil {
		t.Errorf("a good file again: %v", err)
	}
	if _, body := r.api("GET", "/metrics", ""); !strings.Contains(string(body), "\nmillrace_config_last_reload_successful 1\n") {
		t.Error("the metric still tells of a bad file")
	}
}

func TestReloadWithoutASource(t *testing.T) {
	t.Parallel()
	r := run(t, testConfig())
	if _, err := r.node.Reload(t.Context()); err == nil {
		t.Error("a node that was made from no source reloads")
	}
}

func TestTokenFile(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Admin.TokenFile = filepath.Join(t.TempDir(), "token")
	if _, err := New(c, "test", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), c.Admin.TokenFile) {
		t.Errorf("without the file: %v", err)
	}
	for text, says := range map[string]string{"short\n": "holds 5 characters", testToken + "\n": ""} {
		if err := os.WriteFile(c.Admin.TokenFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if says != "" {
			if _, err := New(c, "test", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("with %q: %v", text, err)
			}
			continue
		}
		r := run(t, c)
		client := admin.Client{Address: r.node.AdminAddr().String(), Token: testToken, Timeout: adminWait}
		if _, err := client.Get(t.Context(), "/api/v1/stats"); err != nil {
			t.Error(err)
		}
		client.Token = "wrong"
		if _, err := client.Get(t.Context(), "/api/v1/stats"); err == nil || !strings.Contains(err.Error(), "missing or wrong; send it as") {
			t.Errorf("with a wrong token: %v", err)
		}
	}
}
