package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"millrace/internal/admin"
	"millrace/internal/units"
)

// statsCommand shows what a running millrace tells of itself.
type statsCommand struct {
	adminFlags
	What string `arg:"" optional:"" default:"stats" enum:"stats,tables,coherence,hot-keys,slow-requests,ledger,config" help:"What to show: stats, tables, coherence, hot-keys, slow-requests, ledger or config."`
}

// itemsOf is what the API lists.
type itemsOf[T any] struct{ Items []T }

// Run asks and prints.
func (c *statsCommand) Run(ctx context.Context, std streams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	body, err := client.Get(ctx, "/api/v1/"+c.What)
	if err != nil {
		return err
	}
	print := map[string]func() error{
		"stats":         func() error { return answer(&c.adminFlags, std.out, body, printStats) },
		"tables":        func() error { return answer(&c.adminFlags, std.out, body, printTables) },
		"coherence":     func() error { return answer(&c.adminFlags, std.out, body, printCoherence) },
		"hot-keys":      func() error { return answer(&c.adminFlags, std.out, body, printHotKeys) },
		"slow-requests": func() error { return answer(&c.adminFlags, std.out, body, printSlow) },
		"ledger":        func() error { return answer(&c.adminFlags, std.out, body, printLedger) },
		"config": func() error {
			return answer(&c.adminFlags, std.out, body, func(w io.Writer, v admin.Configuration) error {
				_, err := io.WriteString(w, v.YAML)
				return err
			})
		},
	}
	return print[c.What]()
}

// printer writes columns and keeps the first error.
type printer struct {
	w   *tabwriter.Writer
	err error
}

// newPrinter writes to w.
func newPrinter(w io.Writer) *printer { return &printer{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

// row writes one line of cells.
func (p *printer) row(cells ...any) {
	for i, c := range cells {
		sep := "\t"
		if i == len(cells)-1 {
			sep = "\n"
		}
		if p.err == nil {
			_, p.err = fmt.Fprint(p.w, c, sep)
		}
	}
}

// list writes a name and what belongs to it.
func (p *printer) list(name string, items []string) {
	if len(items) == 0 {
		items = []string{"-"}
	}
	p.row(name, strings.Join(items, ", "))
}

// flush ends the columns.
func (p *printer) flush() error {
	if p.err != nil {
		return p.err
	}
	return p.w.Flush()
}

// percent is n of total.
func percent(n, total uint64) string {
	if total == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(total))
}

// seconds is a time as people read it.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d >= time.Second:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Nanosecond).String()
}

// printStats prints the summary.
func printStats(w io.Writer, s admin.Stats) error {
	p := newPrinter(w)
	state := "ready"
	for _, c := range s.Checks {
		if c.Fault != "" {
			state = c.Name + ": " + c.Fault
		}
	}
	p.row("millrace", s.Version+", backend "+s.Backend+", up "+seconds(s.UptimeSeconds)+", "+state)
	p.row("requests", fmt.Sprintf("%d, of them %d user errors, %d throttles, %d faults; %d refused", s.Total.Requests, s.Total.User, s.Total.Throttle, s.Total.Fault, s.Refused))
	p.row("hits", fmt.Sprintf("%s of %d lookups; of batch keys %s of %d", percent(s.Total.Hits, s.Total.Lookups), s.Total.Lookups,
		percent(s.BatchKeys.Hits, s.BatchKeys.Hits+s.BatchKeys.Misses), s.BatchKeys.Hits+s.BatchKeys.Misses))
	var bytes, entries int64
	for _, h := range s.Caches.Held {
		bytes, entries = bytes+h.Bytes, entries+h.Entries
	}
	p.row("caches", fmt.Sprintf("%d entries, %.1f MiB of %v", entries, float64(bytes)/(1<<20), units.Bytes(s.Caches.MaxBytes)))
	p.row("connections", fmt.Sprintf("%d open, %d accepted; %d requests at the backend", s.Connections.Open, s.Connections.Accepted, s.BackendNow))
	var left []string
	for _, reason := range slices.Sorted(maps.Keys(s.Caches.Left)) {
		if n := s.Caches.Left[reason].Entries; n > 0 {
			left = append(left, fmt.Sprintf("%d %s", n, reason))
		}
	}
	p.list("left the caches", left)
	a := s.Audit
	p.row("audits", fmt.Sprintf("%d agreed, %d old within their bound (half of them for at most %s, 99%% for %s), %d BEYOND IT, %d not found out, %d skipped",
		a.Agreed, a.WithinBound, seconds(a.StalenessMedian), seconds(a.StalenessP99), a.BeyondBound, a.Unresolved, a.Skipped))
	if !s.Reload.Successful {
		p.row("configuration", "the last reload failed; in force is that of "+s.Reload.At.Format(time.RFC3339))
	}
	if err := p.flush(); err != nil {
		return err
	}
	for _, part := range []struct {
		title string
		rows  int
	}{{"operation", len(s.Operations)}, {"table", len(s.Tables)}} {
		if part.rows == 0 {
			continue
		}
		p := newPrinter(w)
		p.row("")
		if part.title == "operation" {
			p.row("OPERATION", "REQUESTS", "ERRORS", "HITS", "MEDIAN", "P99")
			for _, o := range s.Operations {
				p.row(o.Operation, o.Requests, o.User+o.Throttle+o.Fault, percent(o.Hits, o.Lookups), seconds(o.MedianSeconds), seconds(o.P99Seconds))
			}
		} else {
			p.row("TABLE", "REQUESTS", "ERRORS", "HITS")
			for _, t := range s.Tables {
				p.row(t.Table, t.Requests, t.User+t.Throttle+t.Fault, percent(t.Hits, t.Lookups))
			}
		}
		if err := p.flush(); err != nil {
			return err
		}
	}
	return nil
}

// onOff is a boolean of settings.
func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// printTables prints effective settings.
func printTables(w io.Writer, list itemsOf[admin.Table]) error {
	p := newPrinter(w)
	p.row("TABLE", "INDEX", "ITEMS", "ITEM TTL", "NEGATIVE TTL", "PAGES", "QUERY TTL", "COHERENCE")
	for _, t := range list.Items {
		p.row(t.Table, "-", onOff(t.Items), seconds(t.ItemTTL), seconds(t.NegativeTTL), onOff(t.Pages.Cached), seconds(t.Pages.TTL), t.Coherence)
		for _, x := range t.Indexes {
			p.row(t.Table, x.Index, "-", "-", "-", onOff(x.Cached), seconds(x.TTL), "-")
		}
	}
	return p.flush()
}

// orDash is a number that may be missing.
func orDash(s *float64) string {
	if s == nil {
		return "-"
	}
	return seconds(*s)
}

// printCoherence prints how tables stand with the backend.
func printCoherence(w io.Writer, list itemsOf[admin.Coherence]) error {
	p := newPrinter(w)
	p.row("TABLE", "MODE", "DELTA", "WATERMARK AGE", "STREAM LAG", "FILL", "QUARANTINE", "AMBIGUOUS", "FORGOTTEN", "AUDITED", "OLD", "BEYOND BOUND")
	for _, c := range list.Items {
		p.row(c.Table, c.Mode, orDash(c.Delta), orDash(c.WatermarkAge), orDash(c.StreamLag), c.Fill, c.Quarantine, c.Ambiguous, c.Forgotten,
			c.Audit.Agreed+c.Audit.WithinBound+c.Audit.BeyondBound, c.Audit.WithinBound, c.Audit.BeyondBound)
	}
	return p.flush()
}

// printHotKeys prints what is asked for most.
func printHotKeys(w io.Writer, list itemsOf[admin.HotKey]) error {
	p := newPrinter(w)
	p.row("SHARE", "TABLE", "KEY")
	for _, k := range list.Items {
		key := k.Hash
		if len(k.Key) > 0 {
			key = string(k.Key)
		}
		p.row(fmt.Sprintf("%.1f%%", 100*k.Share), k.Table, key)
	}
	return p.flush()
}

// printSlow prints requests that took long.
func printSlow(w io.Writer, list itemsOf[admin.SlowRequest]) error {
	p := newPrinter(w)
	p.row("AT", "TOOK", "OPERATION", "TABLE", "RESULT", "ANSWER", "KEY", "REQUEST ID")
	for _, r := range list.Items {
		code := r.Class
		if r.Code != "" {
			code = r.Code
		}
		p.row(r.At.Format(time.RFC3339), seconds(r.Seconds), r.Operation, r.Table, r.Result, code, r.KeyHash, r.RequestID)
	}
	return p.flush()
}
