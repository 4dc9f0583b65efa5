package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Verdict is the outcome of a row or of a run.
type Verdict string

// The promise held for all reads; it was broken; it held, but too few reads were answered by a cache to prove anything, or
// too few changes were looked at; the target does not have the feature; the row was left out; it could not be run.
const (
	Holds         Verdict = "holds"
	Violated      Verdict = "violated"
	TooFewHits    Verdict = "too few hits"
	TooFewSamples Verdict = "too few samples"
	NotSupported  Verdict = "not supported by target"
	NotRun        Verdict = "not run"
	Failed        Verdict = "could not be run"
)

// Report is everything that a command's run found.
type Report struct {
	Began   time.Time     `json:"began"`
	Took    time.Duration `json:"took_ns"`
	Version string        `json:"millrace_version"`
	Seed    uint64        `json:"seed"`
	Verdict Verdict       `json:"verdict"`
	Targets []*Target     `json:"targets"`
}

// Judge makes the verdict of the whole from those of the targets.
func (r *Report) Judge() {
	r.Verdict = Holds
	for _, t := range r.Targets {
		r.Verdict = worse(r.Verdict, t.Verdict)
	}
}

// severity orders verdicts. What was seen to be broken weighs more than what could not be seen.
var severity = []Verdict{NotRun, NotSupported, Holds, Failed, TooFewSamples, TooFewHits, Violated}

// worse is the graver of two verdicts.
func worse(a, b Verdict) Verdict {
	if slices.Index(severity, b) > slices.Index(severity, a) {
		return b
	}
	return a
}

// Target is what was found at one target.
type Target struct {
	Name    string  `json:"name"`
	Target  string  `json:"target"`
	Writer  string  `json:"writer,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Why says why there are no rows, or too few, or that none could be judged.
	Why string `json:"why,omitempty"`
	// Warnings are what keeps the run from saying more.
	Warnings   []string      `json:"warnings,omitempty"`
	Promise    Promise       `json:"promise"`
	Bound      time.Duration `json:"bound_ns"`
	IndexBound time.Duration `json:"index_bound_ns"`
	// MinHits is the floor that was applied, 0 if none was; HitsKnown whether the target says what is a hit.
	MinHits   float64 `json:"min_hits"`
	HitsKnown bool    `json:"hits_known"`
	// MinSamples is the floor of samples in each row but those that make few by their nature.
	MinSamples int `json:"min_samples"`
	// Requests were sent to target and writer.
	Requests int64         `json:"requests"`
	Took     time.Duration `json:"took_ns"`
	Rows     []*Row        `json:"rows"`
}

// Row is what was found of one promise.
type Row struct {
	Name    string  `json:"name"`
	Title   string  `json:"title"`
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why,omitempty"`
	// Slack is how long a write may stay unseen in this row.
	Slack time.Duration `json:"slack_ns"`
	// Writes were acknowledged, Reads judged; Errors are requests without a usable answer, which prove nothing.
	Writes int64 `json:"writes"`
	Reads  int   `json:"reads"`
	Errors int64 `json:"errors,omitempty"`
	// Swaps are conditional writes that were judged: acknowledged ones, and those whose condition had to fail and did.
	Swaps int `json:"swaps,omitempty"`
	// Samples are changes that were acknowledged and looked at afterwards, so that they could have been missed; in rows of
	// swaps, conditions that had to fail and did.
	Samples int `json:"samples"`
	// Hits is the share of the target's answers that came from a cache, if the target says.
	Hits float64 `json:"hits"`
	// Violations broke the promise. Stale reads missed something acknowledged before they were sent, allowed or not, at
	// worst by Worst.
	Violations int           `json:"violations"`
	Stale      int           `json:"stale"`
	Worst      time.Duration `json:"worst_ns"`
	// Repeats is how often in a row a condition failed on the version that had just been read, in rows that have such.
	Repeats int64 `json:"repeats,omitempty"`
	// Delays tell for every write past the target, or of an index, how long it is known to have stayed unseen.
	Delays    []time.Duration `json:"delays_ns,omitempty"`
	Histories []History       `json:"histories,omitempty"`
	Took      time.Duration   `json:"took_ns"`
}

// newReport is a report without rows.
func (p *prober) newReport() *Target {
	return &Target{
		Name: p.cfg.Name, Target: p.cfg.Target, Writer: p.cfg.Writer, Verdict: Failed, Promise: p.promise,
		Bound: p.cfg.Bound, IndexBound: p.cfg.IndexBound, MinSamples: p.cfg.MinSamples,
	}
}

// histories is how many of a row's violations are shown.
const histories = 3

// judgeRow looks at all histories of a row that has ended.
func (p *prober) judgeRow(d *driver, begun time.Duration) *Row {
	r := &Row{Name: d.row.name, Title: d.row.title, Verdict: Holds, Writes: d.made.Load(), Errors: d.errors.Load(), Repeats: d.repeats.Load()}
	demand := d.row.demand(p.cfg, p.promise)
	r.Slack = demand.slack + demand.propagation
	if n := d.asked.Load(); n > 0 {
		r.Hits = d.hits / float64(n)
	}
	type shown struct {
		f   finding
		reg *register
		ops []Op
	}
	var found []shown
	for _, reg := range d.registers {
		ops := reg.taken()
		j := judge(ops, demand)
		r.Reads += j.reads
		r.Swaps += j.swaps
		r.Samples += j.changes
		if d.row.fresh && j.first { // It was read as absent before.
			r.Samples++
		}
		r.Stale += j.behind
		r.Worst = max(r.Worst, j.worst)
		if d.row.polls() && len(j.delays) > 0 {
			if !d.row.fresh { // An item's first version came before anything could be cached.
				j.delays = j.delays[1:]
			}
			r.Delays = append(r.Delays, j.delays...)
		}
		r.Violations += len(j.findings)
		for _, f := range j.findings {
			found = append(found, shown{f, reg, ops})
		}
	}
	if d.row.swaps {
		r.Samples = int(d.refusals.Load())
		r.Swaps += r.Samples
	}
	slices.Sort(r.Delays)
	// One of each kind first, and of a kind the worst. What conditions let through twice explains what reads show then.
	slices.SortStableFunc(found, func(a, b shown) int {
		if (a.f.kind == twice) != (b.f.kind == twice) {
			if a.f.kind == twice {
				return -1
			}
			return 1
		}
		if a.f.by != b.f.by {
			if a.f.by > b.f.by {
				return -1
			}
			return 1
		}
		return 0
	})
	taken := map[string]bool{}
	for _, distinct := range []bool{true, false} {
		for _, s := range found {
			label := s.reg.name
			if distinct {
				label = fmt.Sprint(s.f.kind)
			}
			if len(r.Histories) < histories && !taken[label] && !taken[s.reg.name] {
				taken[label], taken[s.reg.name] = true, true
				r.Histories = append(r.Histories, s.f.history(s.reg.name, s.ops))
			}
		}
	}
	switch {
	case r.Violations > 0:
		r.Verdict = Violated
	case d.why != nil:
		r.Verdict, r.Why = d.verdict, d.why.Error()
	case r.Reads == 0:
		r.Verdict, r.Why = Failed, "no read was answered"
	default:
		r.judgeSamples(d.row.minSamples(p.cfg), d)
	}
	r.Took = p.now() - begun
	return r
}

// judgeSamples takes the verdict back if there is too little behind it.
func (r *Row) judgeSamples(least int, d *driver) {
	if r.Samples >= least {
		return
	}
	what, remedy := "changes were looked at", "more rounds"
	if d.row.swaps {
		what = "conditions had to fail and did"
	}
	if d.cut.Load() {
		what, remedy = what+" before the row's time was over", "a longer duration"
	}
	r.Verdict, r.Why = TooFewSamples, fmt.Sprintf("%d %s, %d are needed: %s would help", r.Samples, what, least, remedy)
}

// minHits is the floor of hits for a target that says or does not say what is one.
func (c Config) minHits(known bool) float64 {
	switch {
	case c.MinHits >= 0:
		return c.MinHits
	case known:
		return 0.3
	}
	return 0
}

// finish judges hits, which is possible only when it is known whether the target speaks of them, and sums up.
func (t *Target) finish(p *prober) {
	t.Took = p.now()
	t.HitsKnown = p.target.saysCache.Load() > 0
	t.MinHits = p.cfg.minHits(t.HitsKnown)
	t.Requests = p.target.sent.Load()
	if p.writer != nil {
		t.Requests += p.writer.sent.Load()
	}
	t.Verdict = NotRun
	for _, r := range t.Rows {
		if r.Verdict == Holds && !rowNamed(r.Name).seldomHits && r.Hits < t.MinHits {
			r.Verdict, r.Why = TooFewHits, fmt.Sprintf("%.2f of the answers were hits, %.2f are needed", r.Hits, t.MinHits)
		}
		t.Verdict = worse(t.Verdict, r.Verdict)
	}
	if t.Verdict == NotRun || t.Verdict == NotSupported {
		t.Verdict, t.Why = Failed, "nothing that was asked for could be judged"
	}
	if few := t.named(TooFewSamples); len(few) > 0 {
		t.Warnings = append(t.Warnings, "too few samples to say that it holds: "+strings.Join(few, ", "))
	}
}

// named are the names of the rows with a verdict.
func (t *Target) named(v Verdict) []string {
	var names []string
	for _, r := range t.Rows {
		if r.Verdict == v {
			names = append(names, r.Name)
		}
	}
	return names
}

// totalText counts over all rows what was judged and what of it broke a promise, as in "0 of 12 345 reads".
func (t *Target) totalText() string {
	var all Row
	for _, r := range t.Rows {
		all.Violations += r.Violations
		all.Reads += r.Reads
		all.Swaps += r.Swaps
	}
	return fmt.Sprintf("%s of %s %s", thousands(all.Violations), thousands(all.Reads+all.Swaps), all.unit())
}

// ran are the rows that were not left out.
func (t *Target) ran() []*Row {
	return slices.DeleteFunc(slices.Clone(t.Rows), func(r *Row) bool { return r.Verdict == NotRun })
}

// idle names the rows that were left out, and says why.
func (t *Target) idle() string {
	var names []string
	why := ""
	for _, r := range t.Rows {
		if r.Verdict == NotRun {
			names, why = append(names, r.Name), r.Why
		}
	}
	if len(names) == 0 {
		return ""
	}
	return strings.Join(names, ", ") + " (" + why + ")"
}

// rowNamed is the row of that name.
func rowNamed(name string) *row {
	for i := range rows {
		if rows[i].name == name {
			return &rows[i]
		}
	}
	return &row{}
}
