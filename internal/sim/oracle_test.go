package sim

import (
	"strings"
	"testing"

	"millrace/cache/coherence"
)

// What goes wrong at rest is reported by the check that looks for it.
func TestEveryCheckAtRestReports(t *testing.T) {
	other := func(w *node) *coherence.Table { return w.core.Table("leak") }
	fence := func(w *node) { w.core.Begin(w.time(), []coherence.Effect{{Table: other(w), Key: []byte("k")}}) }
	flight := func(w *node) { w.core.ReadItem(w.time(), other(w), []byte("k"), w.options(&Op{Pick: 1}), nil) }
	for _, c := range []struct {
		check, reports string
		seed           uint64
		harm           func(w *node)
	}{
		{"rest", "leak: ", 1, fence},
		{"rest", "leak: ", 1, flight},
		{"P5", "P5: ", 1, func(w *node) { // what is cached changes, and nobody is told
			w.probe("", true)
			w.log.current()[1] += 100
		}},
		{"live", "live: ", 1, func(w *node) { w.core.Shed(1 << 30) }},
		{"live after Delta", "live: ", 2, func(w *node) { w.core.Shed(1 << 30) }},
		{"leaks", "leak: ", 1, fence},
		{"leaks", "leak: ", 1, flight},
		{"memory", "memory: ", 1, func(w *node) { w.policy[1] += 8 }},
		{"emptied", "leak, emptied: ", 1, fence},
		{"emptied", "leak, emptied: ", 1, func(w *node) { w.policy[1] = 8 }},
	} {
		sc, done := Generate(c.seed), false
		w := &world{sc: sc, rules: coherence.AllRules(), streams: make(streams, 1)}
		w.harm = func(n *node, check string) {
			if check == c.check && !done {
				done = true
				c.harm(n)
			}
		}
		v := w.run().Violations
		if !strings.Contains(strings.Join(v, "\n"), ": "+c.reports) {
			t.Errorf("%s: reported is %q", c.check, v)
		}
	}
}
