package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"millrace/internal/node"
)

func TestLogFormats(t *testing.T) {
	t.Parallel()
	f := func(config node.LogConfig, want string) {
		t.Helper()
		var out bytes.Buffer
		log := newLogger(&out, config, new(slog.LevelVar))
		log.Info("heard", "a", 1)
		if !strings.Contains(out.String(), want) || (want == "" && out.Len() > 0) {
			t.Errorf("%+v logs %q, want %q", config, out.String(), want)
		}
	}
	// A buffer is no terminal.
	f(node.LogConfig{Level: "info", Format: "auto"}, `"level":"INFO","msg":"heard","a":1}`)
	f(node.LogConfig{Level: "info", Format: "json"}, `"msg":"heard"`)
	f(node.LogConfig{Level: "debug", Format: "text"}, "INF heard a=1\n")
	f(node.LogConfig{Level: "warn", Format: "text"}, "")
	f(node.LogConfig{Level: "error", Format: "json"}, "")
}
