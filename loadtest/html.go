package loadtest

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"
)

// page is the report's page; three marks in it are replaced. It draws its charts itself, from the report's JSON within it, so
// that they fit whatever width they are shown at.
//
//go:embed report.html
var page embed.FS

// WriteHTML writes the report as one page that needs nothing from outside.
func (r *Report) WriteHTML(w io.Writer) error {
	// The encoder writes < and > as escapes, so the text cannot end the element that it stands in.
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	text, err := page.ReadFile("report.html")
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	var table bytes.Buffer
	r.WriteTable(&table)
	var names []string
	for i := range r.Targets {
		names = append(names, r.Targets[i].Name)
	}
	_, err = strings.NewReplacer(
		"%TITLE%", html.EscapeString(r.Settings.Workload+": "+strings.Join(names, ", ")),
		"%TABLE%", html.EscapeString(table.String()),
		"%DATA%", string(data),
	).WriteString(w, string(text))
	return err
}
