package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"millrace/internal/doctor"
)

// doctorCommand looks at an upstream and says what is wrong with it.
type doctorCommand struct {
	settingFlags

	JSON   bool     `name:"json" help:"Print the findings as JSON."`
	Tables []string `arg:"" optional:"" name:"table" help:"Tables to look at; without any, the first ten."`
}

// Run prints a line for each finding. It fails when any of them does; what only warns, such as a stream that nothing asks for, does not.
func (c *doctorCommand) Run(ctx context.Context, std streams) error {
	backend := "aws" // whatever serve would run with, it is upstream that is looked at
	c.Backend = &backend
	loaded, err := c.load()
	if err != nil {
		return err
	}
	findings := doctor.Run(ctx, doctor.Config{
		Upstream: loaded.Config.Upstream.Backend(), Tables: c.Tables, Environ: os.Environ(), Needs: loaded.Config.NeedsStream,
	})
	if c.JSON {
		err = writeFindings(std.out, findings)
	} else {
		err = printFindings(std.out, findings)
	}
	if err != nil {
		return err
	}
	failed := 0
	for _, f := range findings {
		if f.Level == doctor.Fail {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(findings))
	}
	return nil
}

// writeFindings writes a JSON array.
func writeFindings(w io.Writer, findings []doctor.Finding) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(findings)
}

// printFindings writes a line for each finding and one for what to do about it.
func printFindings(w io.Writer, findings []doctor.Finding) error {
	for _, f := range findings {
		subject := f.Check
		if f.Table != "" {
			subject = f.Table + ": " + f.Check
		}
		if _, err := fmt.Fprintf(w, "%-4s  %s: %s\n", f.Level, subject, f.Detail); err != nil {
			return err
		}
		if f.Next != "" {
			if _, err := fmt.Fprintf(w, "      → %s\n", f.Next); err != nil {
				return err
			}
		}
	}
	return nil
}
