package main

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"

	"millrace/internal/node"
	"millrace/metrics"
)

// newLogger logs to w, from the level up that level may be set to later: coloured text where a person reads, JSON where a
// machine does. The settings have been checked.
func newLogger(w io.Writer, config node.LogConfig, level *slog.LevelVar) *slog.Logger {
	_ = level.UnmarshalText([]byte(config.Level))
	terminal := isTerminal(w)
	if config.Format == "text" || (config.Format == "auto" && terminal) {
		return slog.New(metrics.TraceLog(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !terminal || os.Getenv("NO_COLOR") != ""})))
	}
	return slog.New(metrics.TraceLog(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})))
}

// isTerminal reports whether w is a character device.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
