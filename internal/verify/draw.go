package verify

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"
)

// Measures of a drawn history, in pixels.
const (
	labelWidth = 112
	laneHeight = 36
	barHeight  = 22
	topMargin  = 26
	endMargin  = 24
	leastStep  = 15
)

// drawing is a history laid out. The axis tells the order of all starts and ends exactly and their distances by their
// logarithms: what matters lies microseconds apart and seconds apart in one picture.
type drawing struct {
	h      History
	lanes  []string
	places map[time.Duration]float64
	width  float64
	gaps   []gap
	out    strings.Builder
}

// gap is where operations are left out.
type gap struct {
	x float64
	n int
}

// drawHistory draws a history as SVG.
func drawHistory(h History) template.HTML {
	d := &drawing{h: h, places: map[time.Duration]float64{}}
	d.layOut()
	height := topMargin + laneHeight*len(d.lanes) + endMargin
	fmt.Fprintf(&d.out, `<svg class="history" width="%.0f" height="%d" viewBox="0 0 %.0f %d" role="img" aria-label="%s">`,
		d.width, height, d.width, height, template.HTMLEscapeString(h.Says))
	for i, lane := range d.lanes {
		y := topMargin + laneHeight*i + laneHeight/2
		fmt.Fprintf(&d.out, `<line class="lane" x1="%d" y1="%d" x2="%.0f" y2="%d"/><text class="who" x="0" y="%d">%s</text>`,
			labelWidth, y, d.width, y, y+4, template.HTMLEscapeString(lane))
	}
	for _, g := range d.gaps {
		fmt.Fprintf(&d.out, `<line class="gap" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/><text class="when" x="%.1f" y="%d">%d more</text>`,
			g.x, topMargin-4, g.x, height-endMargin, g.x, topMargin-10, g.n)
	}
	for _, op := range h.Ops {
		d.bar(op)
	}
	d.arrow()
	d.times(height)
	d.out.WriteString(`</svg>`)
	return template.HTML(d.out.String()) // Made here; what is not ours is escaped.
}

// layOut finds lanes and places.
func (d *drawing) layOut() {
	var moments []time.Duration
	for _, op := range d.h.Ops {
		if !slices.Contains(d.lanes, op.Client) {
			d.lanes = append(d.lanes, op.Client)
		}
		moments = append(moments, op.Start)
		if op.End != never {
			moments = append(moments, op.End)
		}
	}
	slices.Sort(moments)
	moments = slices.Compact(moments)
	leftOut := map[time.Duration]int{}
	for _, op := range d.h.Ops {
		leftOut[op.Start] = op.LeftOut
	}
	x := float64(labelWidth + 8)
	for i, t := range moments {
		if i > 0 {
			x += leastStep + 5*math.Log10(1+float64(t-moments[i-1])/float64(20*time.Microsecond))
		}
		if n := leftOut[t]; n > 0 {
			d.gaps = append(d.gaps, gap{x + 18, n})
			x += 44
		}
		d.places[t] = x
	}
	d.width = x + 60
}

// span is where an operation's bar begins and ends; one without an end goes on to the right.
func (d *drawing) span(op Op) (from, to float64) {
	from, to = d.places[op.Start], d.width
	if op.End != never {
		to = max(d.places[op.End], from+leastStep)
	}
	return from, to
}

// lane is the middle of an operation's lane.
func (d *drawing) lane(op Op) int {
	return topMargin + laneHeight*slices.Index(d.lanes, op.Client) + laneHeight/2
}

// bar draws one operation.
func (d *drawing) bar(op Op) {
	from, to := d.span(op)
	y := d.lane(op)
	class := "read"
	if op.Write {
		class = "write"
	}
	if op.Origin {
		class = "origin"
	}
	label := fmt.Sprintf("v%d", op.Version)
	if op.Absent {
		label = "∅"
	}
	end := "its outcome is not known"
	if op.End != never {
		end = fmt.Sprintf("%.6f s", op.End.Seconds())
	}
	cache := ""
	if op.Cache != "" {
		cache = ", cache: " + op.Cache
	}
	fmt.Fprintf(&d.out, `<g class="%s %s"><title>%s: %s, %s, from %.6f s to %s%s</title><rect x="%.1f" y="%d" width="%.1f" height="%d" rx="4"/><text x="%.1f" y="%d">%s</text></g>`,
		class, op.Mark, template.HTMLEscapeString(op.Client), template.HTMLEscapeString(op.Name), op.value(), op.Start.Seconds(), end, template.HTMLEscapeString(cache),
		from, y-barHeight/2, to-from, barHeight, (from+to)/2, y+4, label)
}

// arrow points from what a read should have shown to that read.
func (d *drawing) arrow() {
	from, to := -1, -1
	for i, op := range d.h.Ops {
		switch op.Mark {
		case "missed", "contradicted":
			from = i
		case "offending":
			to = i
		}
	}
	if from < 0 || to < 0 || d.h.Ops[from].End == never {
		return
	}
	_, x1 := d.span(d.h.Ops[from])
	x2, _ := d.span(d.h.Ops[to])
	y1, y2 := d.lane(d.h.Ops[from]), d.lane(d.h.Ops[to])
	if y1 < y2 {
		y1, y2 = y1+barHeight/2, y2-barHeight/2-3
	} else {
		y1, y2 = y1-barHeight/2, y2-barHeight/2-3
	}
	middle := (x1 + x2) / 2
	lift := float64(min(y1, y2)) - 8
	if y1 < y2 {
		lift = float64(y1+y2) / 2
	}
	fmt.Fprintf(&d.out, `<path class="arrow" d="M%.1f %d C%.1f %.1f %.1f %.1f %.1f %d"/><path class="head" d="M%.1f %d l-4 -7 l8 0 z"/>`,
		x1, y1, middle, lift, middle, lift, x2+6, y2, x2+6, y2+3)
}

// times writes the moments that matter along the lower edge, as far as there is room.
func (d *drawing) times(height int) {
	free := float64(labelWidth)
	for _, op := range d.h.Ops {
		if op.Mark == "" {
			continue
		}
		x := d.places[op.Start]
		if op.Write && op.End != never {
			x = d.places[op.End]
		}
		if x < free {
			continue
		}
		t := op.Start
		if op.Write && op.End != never {
			t = op.End
		}
		fmt.Fprintf(&d.out, `<line class="tick" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/><text class="when" x="%.1f" y="%d">%.3f s</text>`,
			x, topMargin, x, height-endMargin+4, x, height-6, t.Seconds())
		free = x + 54
	}
}

// delayLimits are the upper limits of a histogram's bars.
var delayLimits = []time.Duration{
	0, time.Millisecond, 3 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond,
	time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, never,
}

// drawDelays draws how long writes stayed unseen, and the slack as a line.
func drawDelays(r *Row) template.HTML {
	counts := make([]int, len(delayLimits))
	late := make([]int, len(delayLimits))
	for _, delay := range r.Delays {
		for i, limit := range delayLimits {
			if delay <= limit {
				counts[i]++
				if delay > r.Slack {
					late[i]++
				}
				break
			}
		}
	}
	last := len(counts) - 1
	for last > 7 && counts[last] == 0 && (last == 0 || delayLimits[last-1] >= r.Slack) {
		last--
	}
	most := slices.Max(counts)
	const width, height, bar = 34, 110, 26
	var out strings.Builder
	total := width * (last + 1)
	fmt.Fprintf(&out, `<svg class="delays" viewBox="0 0 %d %d" role="img" aria-label="%s">`, total+8, height+38, template.HTMLEscapeString(r.delayText()))
	bound := float64(total)
	for i := 0; i <= last; i++ {
		x := 4 + width*i
		for _, part := range []struct {
			class string
			n     int
		}{{"bar", counts[i]}, {"late", late[i]}} {
			if part.n > 0 {
				h := max(3, (height-18)*part.n/most)
				fmt.Fprintf(&out, `<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="2"/>`, part.class, x+(width-bar)/2, height-h, bar, h)
			}
		}
		if counts[i] > 0 {
			h := max(3, (height-18)*counts[i]/most)
			fmt.Fprintf(&out, `<text class="count" x="%d" y="%d">%d</text>`, x+width/2, height-h-4, counts[i])
		}
		fmt.Fprintf(&out, `<text class="limit" x="%d" y="%d">%s</text>`, x+width/2, height+15, limitText(delayLimits[i]))
		if i > 0 && delayLimits[i-1] <= r.Slack && (r.Slack < delayLimits[i] || i == last) {
			share := math.Log(float64(max(r.Slack, 1))/float64(max(delayLimits[i-1], 1))) / math.Log(float64(min(delayLimits[i], time.Hour))/float64(max(delayLimits[i-1], 1)))
			bound = float64(x) + float64(width)*min(1, max(0, share))
		}
	}
	fmt.Fprintf(&out, `<line class="axis" x1="4" y1="%d" x2="%d" y2="%d"/>`, height, total+4, height)
	fmt.Fprintf(&out, `<line class="bound" x1="%.1f" y1="2" x2="%.1f" y2="%d"/><text class="boundText" x="%.1f" y="%d">allowed: %s</text></svg>`,
		bound, bound, height+20, min(bound, float64(total)-40), height+33, round(r.Slack))
	return template.HTML(out.String()) // Made here, of numbers.
}

// limitText names the bar up to a limit.
func limitText(d time.Duration) string {
	switch {
	case d == 0:
		return "at once"
	case d == never:
		return "more"
	case d >= time.Minute:
		return fmt.Sprintf("%.0f m", d.Minutes())
	case d >= time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
