package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// demand is what a row asks of reads.
type demand struct {
	// slack is how long a write may be acknowledged without being shown. It is 0 for strong reads whatever it says.
	slack time.Duration
	// propagation is how long an index itself may take, when the writer's index has not shown the version sooner.
	propagation time.Duration
	// monotonic forbids an answer older than one that was there before the read was sent; stale is not judged at all
	// where only that is asked.
	monotonic, onlyMonotonic bool
}

// kind is how a read or a swap can be wrong.
type kind int

// A read misses an acknowledged write, goes behind an earlier read, or shows what nobody wrote; a swap is acknowledged
// although another from the same version was.
const (
	stale kind = iota
	backwards
	phantom
	twice
)

// finding is a read or a swap that breaks a demand.
type finding struct {
	kind kind
	// read and evidence are places in the operations judged: the read or swap, and the write that it missed or the earlier
	// read or swap that contradicts it; -1 for none.
	read, evidence int
	// by is how long the missed write had been acknowledged when the read was sent.
	by time.Duration
}

// judged is the outcome for one item.
type judged struct {
	findings []finding
	// reads were judged; behind of them showed less than was acknowledged when they were sent, within the slack or not.
	reads, behind int
	// swaps were acknowledged, and held against each other.
	swaps int
	// changes are the acknowledged versions after the first that were the latest when a read was sent, so that the read
	// could have missed them; first tells whether the first version was.
	changes int
	first   bool
	// worst is the longest time that a write had been acknowledged and was not shown.
	worst time.Duration
	// delays has for each acknowledged write the longest time after its acknowledgement that a read is known to have
	// been sent that did not show it, 0 if none was.
	delays []time.Duration
}

// written is one version.
type written struct {
	at         int // in ops
	start, end time.Duration
	absent     bool
}

// or is one version that two swaps may have made, of which w began first: it may be there since w began, and surely is
// once one of them is acknowledged.
func (w written) or(other written) written {
	switch {
	case w.at < 0:
		return other
	case other.end < w.end:
		w.at, w.end = other.at, other.end
	}
	return w
}

// course is what was written to an item, by version, and since when each version is evidence against a read that shows
// less.
type course struct {
	versions []written
	// since[v] is the earliest moment from which a version above v is known to be there, and by[v] which operation says so.
	since []time.Duration
	by    []int
}

// courseOf collects the writes. ops are in the order of their starts.
func courseOf(ops []Op, d demand) course {
	last := 0
	for _, op := range ops {
		last = max(last, op.Version)
	}
	c := course{versions: make([]written, last+1), since: make([]time.Duration, last+1), by: make([]int, last+1)}
	for v := range c.versions {
		c.versions[v] = written{at: -1, start: never, end: never}
	}
	c.versions[0] = written{at: -1, absent: true}
	shown := make([]time.Duration, last+1)
	for v := range shown {
		shown[v] = never
	}
	for i, op := range ops {
		if op.Write {
			c.versions[op.Version] = c.versions[op.Version].or(written{i, op.Start, op.End, op.Absent})
			if op.End != never {
				shown[op.Version] = min(shown[op.Version], op.End+d.propagation)
			}
		}
		if op.Origin && !op.Absent {
			shown[op.Version] = min(shown[op.Version], op.End)
		}
	}
	since, by := never, -1
	for v := last; v >= 0; v-- {
		c.since[v], c.by[v] = since, by
		if shown[v] < since || shown[v] == since && by < 0 {
			since, by = shown[v], c.versions[v].at
		}
	}
	return c
}

// latestAbsent is the greatest version without the item that was begun by t.
func (c course) latestAbsent(t time.Duration) int {
	for v := len(c.versions) - 1; v > 0; v-- {
		if c.versions[v].absent && c.versions[v].start <= t {
			return v
		}
	}
	return 0
}

// firstAbsent is the least version without the item that a read sent at t may show, or -1.
func (c course) firstAbsent(floor int, t, slack time.Duration) int {
	for v := floor; v < len(c.versions); v++ {
		if c.versions[v].absent && !c.overdue(v, t, slack) {
			return v
		}
	}
	return -1
}

// overdue tells whether something above version v had been known for longer than slack at t.
func (c course) overdue(v int, t, slack time.Duration) bool {
	return c.since[v] < t && t-c.since[v] > slack
}

// moving tells whether the item was being written while the read was under way.
func (c course) moving(read Op) bool {
	for _, w := range c.versions[1:] {
		if w.start <= read.End && (w.end >= read.Start) {
			return true
		}
	}
	return false
}

// judge looks at all that happened to one item. It sorts ops.
func judge(ops []Op, d demand) judged {
	slices.SortStableFunc(ops, func(a, b Op) int { return cmp.Compare(a.Start, b.Start) })
	c := courseOf(ops, d)
	strict := courseOf(ops, demand{})
	var j judged
	j.judgeSwaps(ops)
	looked := newLook(c)
	delays := make([]time.Duration, len(c.versions))
	// The greatest version shown by reads that ended before the one at hand was sent, and which showed it.
	ended := make([]int, 0, len(ops))
	for i, op := range ops {
		if !op.Write && !op.Origin {
			ended = append(ended, i)
		}
	}
	slices.SortStableFunc(ended, func(a, b int) int { return cmp.Compare(ops[a].End, ops[b].End) })
	shows := make([]int, len(ops)) // at least this version, -1 for unknown
	// What one way to read has shown binds only the same way: an item and a page are cached apart.
	peaks := map[string]int{}
	for i, op := range ops {
		if op.Write || op.Origin {
			continue
		}
		for len(ended) > 0 && ops[ended[0]].End < op.Start {
			name := ops[ended[0]].Name
			if by, ok := peaks[name]; shows[ended[0]] >= 0 && (!ok || shows[ended[0]] > shows[by]) {
				peaks[name] = ended[0]
			}
			ended = ended[1:]
		}
		shows[i] = -1
		if op.Index && op.Absent && c.moving(op) {
			continue
		}
		j.reads++
		looked.at(op)
		version := op.Version
		if op.Absent {
			version = c.latestAbsent(op.End)
		} else if w := c.versions[version]; w.start > op.End || w.absent {
			j.findings = append(j.findings, finding{kind: phantom, read: i, evidence: -1})
			continue
		}
		if behind := op.Start - strict.since[version]; strict.since[version] < op.Start {
			j.behind++
			j.worst = max(j.worst, behind)
			for v := version + 1; v < len(delays); v++ {
				if end := c.versions[v].end; end < op.Start {
					delays[v] = max(delays[v], op.Start-end)
				}
			}
		}
		slack := d.slack
		if op.Strong {
			slack = 0
		}
		missed := c.overdue(version, op.Start, slack)
		if missed && !d.onlyMonotonic {
			j.findings = append(j.findings, finding{stale, i, c.by[version], op.Start - strict.since[version]})
		}
		peak, peakBy := 0, -1
		if by, ok := peaks[op.Name]; ok {
			peak, peakBy = shows[by], by
		}
		if version < peak && (d.monotonic || op.Strong) && !(missed && !d.onlyMonotonic) {
			j.findings = append(j.findings, finding{backwards, i, peakBy, ops[i].Start - ops[peakBy].End})
		}
		shows[i] = version
		if op.Absent { // It may be an earlier one; what it surely is not is less than what was shown before.
			if shows[i] = c.firstAbsent(peak, op.Start, slack); shows[i] > version {
				shows[i] = -1
			}
		}
	}
	j.changes, j.first = looked.count()
	for v := 1; v < len(delays); v++ {
		if w := c.versions[v]; w.at >= 0 && w.end != never {
			j.delays = append(j.delays, delays[v])
		}
	}
	return j
}

// judgeSwaps holds the acknowledged swaps against each other. A version that was replaced never comes back, so whatever
// else happened, and however they overlap, only one from each version can have found its condition true.
func (j *judged) judgeSwaps(ops []Op) {
	firsts := map[int]int{}
	for i, op := range ops {
		if !op.Swap || !op.Write || op.End == never {
			continue
		}
		j.swaps++
		first, ok := firsts[op.Version]
		if !ok {
			firsts[op.Version] = i
			continue
		}
		j.findings = append(j.findings, finding{twice, i, first, op.Start - ops[first].End})
	}
}

// look follows which versions were the latest when reads were sent, in the order of those.
type look struct {
	c      course
	acked  []int // versions, in the order of their acknowledgements, of which those before next are in latest
	next   int
	latest int
	seen   []bool
}

// newLook begins before the first read.
func newLook(c course) *look {
	l := &look{c: c, seen: make([]bool, len(c.versions))}
	for v, w := range c.versions {
		if w.at >= 0 && w.end != never {
			l.acked = append(l.acked, v)
		}
	}
	slices.SortStableFunc(l.acked, func(a, b int) int { return cmp.Compare(c.versions[a].end, c.versions[b].end) })
	return l
}

// at takes a read into account.
func (l *look) at(read Op) {
	for ; l.next < len(l.acked) && l.c.versions[l.acked[l.next]].end < read.Start; l.next++ {
		l.latest = max(l.latest, l.acked[l.next])
	}
	l.seen[l.latest] = true
}

// count is how many versions after the first were looked at, and whether the first was.
func (l *look) count() (changes int, first bool) {
	for v := 2; v < len(l.seen); v++ {
		if l.seen[v] {
			changes++
		}
	}
	return changes, len(l.seen) > 1 && l.seen[1]
}

// near is how many operations are shown on either side of what is left out of a history.
const near = 3

// history cuts out of ops, which judge has sorted, what shows a finding: the operations that it is about, those next to
// them, and how it went on.
func (f finding) history(item string, ops []Op) History {
	marks := map[int]string{f.read: "offending"}
	if f.evidence >= 0 {
		marks[f.evidence] = "missed"
		if f.kind == backwards || f.kind == twice {
			marks[f.evidence] = "contradicted"
		}
	}
	if shown := writeOf(ops[f.read], ops); shown >= 0 && marks[shown] == "" && f.kind != twice {
		marks[shown] = "shown"
	}
	first, last := f.read, f.read
	for i := range marks {
		first, last = min(first, i), max(last, i)
	}
	keep := map[int]bool{}
	for i := range marks {
		keep[i] = true
	}
	if f.evidence >= 0 {
		for i := f.evidence + 1; i <= min(f.evidence+near, last); i++ {
			keep[i] = true
		}
		// Up to the first read that is right again.
		for i := f.read + 1; i < len(ops); i++ {
			if op := ops[i]; !op.Write && !op.Absent && !op.Origin && op.Version >= ops[f.evidence].Version {
				keep[i], last = true, max(last, i)
				break
			}
		}
	}
	for i := f.read - 1; i >= max(f.read-near, first); i-- {
		keep[i] = true
	}
	h := History{Item: item, Says: f.sentence(ops[f.read], ops)}
	left := 0
	for i := first; i <= last; i++ {
		if !keep[i] {
			left++
			continue
		}
		op := ops[i]
		op.Mark, op.LeftOut, left = marks[i], left, 0
		h.Ops = append(h.Ops, op)
	}
	return h
}

// writeOf is the place of the write that made what a read shows, or -1.
func writeOf(read Op, ops []Op) int {
	place := -1
	for i, op := range ops {
		if op.Write && op.Absent == read.Absent && op.Start <= read.End && (op.Version == read.Version || read.Absent) {
			place = i
		}
	}
	return place
}

// value names what was written or shown.
func (op Op) value() string {
	if op.Absent {
		return "no item"
	}
	return fmt.Sprintf("version %d", op.Version)
}

// sentence says what is wrong with a read or a swap.
func (f finding) sentence(read Op, ops []Op) string {
	switch f.kind {
	case stale:
		if f.evidence < 0 {
			return fmt.Sprintf("%s shows %s, although a later one had been there for %s when it was sent", read.Name, read.value(), round(f.by))
		}
		w := ops[f.evidence]
		what := w.Name
		if !w.Absent {
			what += " of " + w.value()
		}
		return fmt.Sprintf("%s shows %s, although %s had been acknowledged %s before it was sent", read.Name, read.value(), what, round(read.Start-w.End))
	case backwards:
		return fmt.Sprintf("%s shows %s, although %s had shown %s %s before it was sent", read.Name, read.value(), ops[f.evidence].Name, ops[f.evidence].value(), round(f.by))
	case twice:
		first := ops[f.evidence]
		return fmt.Sprintf("%s of %s by %s succeeds on the condition that it is at version %d, which a change by %s on the same condition had replaced",
			read.Name, read.value(), read.Client, read.Version-1, first.Client)
	default:
		return fmt.Sprintf("%s shows %s, which nobody had begun to write", read.Name, read.value())
	}
}

// round makes a duration readable.
func round(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}
