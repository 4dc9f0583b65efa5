package verify

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

// pageFile is the report's page. It needs nothing from elsewhere: no script, no font, no picture.
//
//go:embed page.html
var pageFile embed.FS

// cell is what one target's row says in the table of all targets.
type cell struct {
	*Row
	Target *Target
}

// line is a row of that table.
type line struct {
	Name, Title string
	Cells       []cell
}

// lines are the rows with the cells of all targets, which have the same rows unless one could not be probed.
func (r *Report) lines() []line {
	var lines []line
	for i := range rows {
		l := line{Name: rows[i].name, Title: rows[i].title}
		found := false
		for _, t := range r.Targets {
			c := cell{Row: &Row{Name: l.Name, Verdict: NotRun}, Target: t}
			for _, row := range t.Rows {
				if row.Name == l.Name {
					c.Row, found = row, true
				}
			}
			l.Cells = append(l.Cells, c)
		}
		if found {
			lines = append(lines, l)
		}
	}
	return lines
}

// class is a verdict's class in the page's styles.
func class(v Verdict) string {
	switch v {
	case Holds:
		return "good"
	case Violated:
		return "bad"
	case TooFewHits, TooFewSamples, Failed:
		return "poor"
	}
	return "none"
}

// delayed tells whether there is a histogram worth showing.
func (t *Target) delayed() bool {
	for _, r := range t.Rows {
		if len(r.Delays) > 0 {
			return true
		}
	}
	return false
}

// broken tells whether there are histories to show.
func (t *Target) broken() bool {
	for _, r := range t.Rows {
		if len(r.Histories) > 0 {
			return true
		}
	}
	return false
}

// WriteHTML writes the report as one page.
func (r *Report) WriteHTML(w io.Writer) error {
	page, err := template.New("page.html").Funcs(template.FuncMap{
		"class": class, "round": round, "draw": drawHistory, "histogram": drawDelays,
		"lines": r.lines, "several": func() bool { return len(r.Targets) > 1 },
		"worst": (*Row).worstText, "violations": (*Row).violationsText, "unit": (*Row).unit, "delays": (*Row).delayText,
		"hits":    func(t *Target, row *Row) string { return row.hitsText(t.HitsKnown) },
		"delayed": (*Target).delayed, "broken": (*Target).broken,
		"seconds": func(d time.Duration) string {
			if d == never {
				return "never"
			}
			return fmt.Sprintf("%.3f", d.Seconds())
		},
		"value": Op.value, "total": (*Target).totalText, "ran": (*Target).ran, "idle": (*Target).idle,
	}).ParseFS(pageFile, "page.html")
	if err != nil {
		return fmt.Errorf("read the page's template: %w", err)
	}
	return page.Execute(w, r)
}
