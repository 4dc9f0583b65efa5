package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// adminToken is what the test's server asks for.
const adminToken = "0123456789abcdef0123"

func TestAdminCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	token, file := filepath.Join(dir, "token"), filepath.Join(dir, "millrace.yaml")
	if err := os.WriteFile(token, []byte(adminToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("tables: {t: {item_ttl: 9s}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "--in-memory", "--config", file, "--admin-token-file", token)
	at := []string{"--admin-listen", adminAddress(t, s), "--admin-token-file", token}
	s.must("CreateTable", `{"TableName":"tab","KeySchema":[{"AttributeName":"p","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST"}`)
	get := func() { s.must("GetItem", `{"TableName":"tab","Key":{"p":{"S":"a"}}}`) }
	get()
	get()
	f := func(code int, stdout, stderr string, args ...string) string {
		t.Helper()
		got, out, said := command(t, append(args, at...)...)
		if got != code || !strings.Contains(out, stdout) || !strings.Contains(said, stderr) || code != 0 && strings.Count(said, "\n") != 1 {
			t.Errorf("millrace %v: exit %d, %q, %q; want %d, %q, %q", args, got, out, said, code, stdout, stderr)
		}
		return out
	}
	out := f(0, "50.0% of 2 lookups", "", "stats")
	for _, want := range []string{version + ", backend embedded, up ", "OPERATION", "GetItem", "TABLE", "tab"} {
		if !strings.Contains(out, want) {
			t.Errorf("stats lack %q:\n%s", want, out)
		}
	}
	var stats struct{ Total struct{ Requests int } }
	if out := f(0, "", "", "stats", "--json"); json.Unmarshal([]byte(out), &stats) != nil || stats.Total.Requests != 3 {
		t.Errorf("stats --json: %s", out)
	}
	f(0, "embedded", "", "stats", "tables")
	f(0, "strong", "", "stats", "coherence")
	f(0, "SHARE", "", "stats", "hot-keys")
	f(0, "REQUEST ID", "", "stats", "slow-requests")
	f(0, "item_ttl: 9s", "", "stats", "config")
	f(0, "net     0.0 read units", "", "stats", "ledger")
	f(2, "", "must be one of", "stats", "nonsense")

	f(0, "purged one item of table tab, and the pages that may show it\n", "", "purge", "--table", "tab", "--key", `{"p":{"S":"a"}}`)
	f(0, `{"purged":"everything"}`, "", "purge", "--all", "--json")
	f(0, "purged table tab\n", "", "purge", "--table", "tab")
	f(2, "", "name --table, or --all", "purge")
	f(2, "", "which is no JSON", "purge", "--table", "tab", "--key", "p=a")
	f(1, "", "GET /api/v1/tables lists those in use", "purge", "--table", "none")
	f(1, "", "write it as DynamoDB does", "purge", "--table", "tab", "--key", `"a"`)

	if err := os.WriteFile(file, []byte("tables: {t: {item_ttl: 10s}}\nlog: {level: debug}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f(0, "log.level, tables.t.item_ttl", "", "reload")
	if err := os.WriteFile(file, []byte("nonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f(1, "", "nothing was changed; mend it and reload again", "reload")
	// The signal does the same.
	if err := os.WriteFile(file, []byte("tables: {t: {item_ttl: 11s, query_ttl: 9s}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGHUP)
	s.stderr.wait(t, `"changed":["log.level","tables.t.item_ttl","tables.t.query_ttl"]`)
	f(0, "item_ttl: 11s", "", "stats", "config")

	at = []string{"--admin-listen", at[1]}
	f(1, "", "the admin token is missing or wrong", "stats")
	s.signal(syscall.SIGTERM)
	if code := s.end(); code != 0 {
		t.Errorf("exit %d", code)
	}
	f(1, "", "is millrace running there? name another with --admin-listen", "stats")
	f(1, "", "is millrace running there?", "purge", "--all")
	if bytes.Contains([]byte(s.stderr.String()), []byte(adminToken)) {
		t.Error("the token is in the log")
	}
}
