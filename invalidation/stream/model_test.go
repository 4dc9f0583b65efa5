package stream

import (
	"flag"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// modelDepth adds to the depth that the model's scenarios are explored to.
var modelDepth = flag.Int("model-depth", 0, "explore the model so much deeper than the tests do")

// step is one thing that can happen.
type step struct {
	name string
	do   func(*world)
}

// steps are the things that can happen in w.
func (w *world) steps() []step {
	var out []step
	add := func(name string, do func(*world)) { out = append(out, step{name, do}) }
	if w.mayTick() {
		add("tick", func(w *world) { w.now++ })
	}
	for i, s := range w.shards {
		on := func(what string, do func(*world, *modelShard)) {
			add(what+" "+s.id, func(w *world) { do(w, w.shards[i]) })
		}
		if w.left.commits > 0 && !s.closed {
			on("commit", func(w *world, s *modelShard) {
				w.left.commits--
				s.hidden = append(s.hidden, entry{committed: w.now, order: w.order})
			})
		}
		for n := range s.hidden {
			on("show", func(_ *world, s *modelShard) {
				s.log = append(s.log, s.hidden[n])
				s.hidden = slices.Delete(s.hidden, n, n+1)
			})
		}
		if w.left.fillers > 0 && !s.closed && (s.read < len(s.log) || s.failed) && !twoFillers(s.log) {
			on("filler", func(w *world, s *modelShard) {
				w.left.fillers--
				s.log = append(s.log, entry{filler: true, committed: w.now})
			})
		}
		if w.left.rolls > 0 && !s.closed {
			on("roll", func(w *world, s *modelShard) { w.left.rolls--; w.close(s, 1) })
		}
		if w.left.splits > 0 && !s.closed {
			on("split", func(w *world, s *modelShard) { w.left.splits--; w.close(s, 2) })
		}
		// A shard that were listed before its parent would be taken for a gap, which is right and no use.
		if parent := w.shard(s.parent); s.listedAt < 0 && (parent == nil || parent.listedAt >= 0) {
			on("list", func(w *world, s *modelShard) { s.listedAt = w.now })
		}
		if old := w.old(s); w.left.trims > 0 && s.horizon < old {
			on("trim", func(w *world, s *modelShard) { w.left.trims--; w.mayLose = true; s.horizon = old })
		}
	}
	if w.left.expiries > 0 {
		add("expire", func(w *world) { w.left.expiries--; w.mayLose = true; w.epoch++ })
	}
	// The date of a record that was read in the tick of its commit tells what the clock does not.
	if w.left.clocks > 0 && w.tailer.dates.since > 0 && min(w.tailer.dates.least[0], w.tailer.dates.least[1]) <= 0 {
		add("clock", func(w *world) { w.left.clocks--; w.skew -= 4 })
	}
	for i, a := range w.pending {
		add(fmt.Sprintf("send %d %s", a.Kind, a.Shard), func(w *world) {
			w.answers = append(w.answers, w.execute(w.unqueue(i)))
		})
	}
	for i, e := range w.answers {
		add(fmt.Sprintf("answer %d %s", e.Of.Kind, e.Of.Shard), func(w *world) {
			w.answers = slices.Delete(w.answers, i, i+1)
			w.deliver(e)
		})
		if w.left.failures > 0 && e.Of.Kind == Read && e.Failure == None {
			add("fail "+e.Of.Shard, func(w *world) {
				w.left.failures--
				w.answers = slices.Delete(w.answers, i, i+1)
				w.shard(e.Of.Shard).failed = true
				w.deliver(Event{Of: e.Of, Sent: e.Sent, Failure: Transient})
			})
		}
		if w.left.refusals > 0 && e.Failure == None {
			for _, f := range []Failure{Transient, Throttled} {
				add(fmt.Sprintf("refuse %d %d %s", f, e.Of.Kind, e.Of.Shard), func(w *world) {
					w.left.refusals--
					w.answers = slices.Delete(w.answers, i, i+1)
					if s := w.shard(e.Of.Shard); s != nil && e.Of.Kind == Read {
						s.failed = true
					}
					w.deliver(Event{Of: e.Of, Sent: e.Sent, Failure: f})
				})
			}
		}
		if w.left.repeats > 0 && e.Of.Kind == Read && e.Failure == None && w.repeatable(e) {
			add("repeat "+e.Of.Shard, func(w *world) {
				w.left.repeats--
				w.answers[i] = w.repeat(e)
			})
		}
	}
	return out
}

// repeatable reports whether there is a record before those that an answer brings, which are those from its iterator on.
func (w *world) repeatable(e Event) bool {
	s, at := w.shard(e.Of.Shard), placeOf(e.Of.Iterator)
	last, _ := strconv.Atoi(e.Page.Last)
	return at > s.horizon && !s.log[at-1].filler && (e.Page.Records == 0 || last-e.Page.Records+1 == at)
}

// repeat is an answer that brings that record once more.
func (w *world) repeat(e Event) Event {
	s, at := w.shard(e.Of.Shard), placeOf(e.Of.Iterator)
	if e.Page.Records++; e.Page.Records == 1 {
		e.Page.Last, e.Page.Created = strconv.Itoa(at-1), s.log[at-1].dated()
	}
	return e
}

// mayTick reports whether a tick may pass, which is L and Settle: what was committed is shown, and of siblings all are
// listed or none.
func (w *world) mayTick() bool {
	for _, s := range w.shards {
		if len(s.hidden) > 0 {
			return false
		}
		for _, x := range w.shards {
			if x.listedAt >= 0 && s.listedAt < 0 && x.parent == s.parent {
				return false
			}
		}
	}
	return true
}

// old is how many entries of a shard's log are of an age to be trimmed.
func (w *world) old(s *modelShard) int {
	n := 0
	for n < len(s.log) && s.log[n].committed < w.now-3 {
		n++
	}
	return n
}

// twoFillers reports whether a log ends in as many as one may have in a row.
func twoFillers(log []entry) bool {
	n := len(log)
	return n >= 2 && log[n-1].filler && log[n-2].filler
}

// close ends a shard and makes its children, which are not listed yet.
func (w *world) close(s *modelShard, children int) {
	s.closed = true
	for i := range children {
		w.shards = append(w.shards, &modelShard{id: s.id + string(rune('a'+i)), parent: s.id, read: -1, listedAt: -1, stray: s.stray})
	}
}

// node is a state and how it was reached.
type node struct {
	*world
	from *trail
}

// trail is the last step to a state and those before it.
type trail struct {
	name string
	from *trail
}

// String is the steps in order.
func (p *trail) String() string {
	var names []string
	for ; p != nil; p = p.from {
		names = append(names, p.name)
	}
	slices.Reverse(names)
	return strings.Join(names, "; ")
}

// explore goes through every interleaving up to depth. It returns how many states there are, and the first violation.
func explore(start *world, depth int, lively uint64) (states int, violation string) {
	seen := map[[2]uint64]struct{}{start.sum(): {}}
	level := []node{{start, nil}}
	for range depth {
		var next []node
		for _, n := range level {
			for _, s := range n.steps() {
				w := n.clone()
				w.order++
				s.do(w)
				from := &trail{s.name, n.from}
				if w.wrong != "" {
					return len(seen), fmt.Sprintf("%s\nafter %s", w.wrong, from)
				}
				sum := w.sum()
				if _, ok := seen[sum]; ok {
					continue
				}
				seen[sum] = struct{}{}
				if sum[1]%lively == 0 {
					if wrong := w.settle(); wrong != "" {
						return len(seen), fmt.Sprintf("%s\nafter %s", wrong, from)
					}
				}
				next = append(next, node{w, from})
			}
		}
		level = next
	}
	return len(seen), ""
}

// settle is what comes of w when nothing happens any more but what must: everything is shown and listed, requests are
// sent when they are due and answered, time passes. It reports what is wrong then.
func (w *world) settle() string {
	w = w.clone()
	w.left = budget{}
	for _, s := range w.shards {
		if s.listedAt < 0 {
			s.listedAt = w.now
		}
		s.log = append(s.log, s.hidden...)
		s.hidden = nil
	}
	quiet, wrong := w.now, ""
	for range 60 {
		w.round()
		if w.wrong != "" {
			return w.wrong
		}
		if wrong = w.unsettled(quiet); wrong == "" {
			return ""
		}
	}
	return wrong
}

// round delivers what was answered, sends what is due, and lets a tick pass.
func (w *world) round() {
	for len(w.answers) > 0 {
		e := w.answers[0]
		w.answers = w.answers[1:]
		w.order++
		w.deliver(e)
	}
	for i := 0; i < len(w.pending); {
		if w.pending[i].Kind == List && w.due[i] > w.time() {
			i++
			continue
		}
		w.answers = append(w.answers, w.execute(w.unqueue(i)))
	}
	w.now++
}

// unsettled says what has not come about though all has been quiet since a tick.
func (w *world) unsettled(quiet int) string {
	if got := int(w.watermark) / int(tick); got <= quiet {
		return fmt.Sprintf("at %d the watermark is %d, though all was quiet from %d on", w.now, got, quiet)
	}
	for _, s := range w.shards {
		for _, e := range s.log {
			if !e.filler && !e.applied && e.order >= w.begun {
				return fmt.Sprintf("shard %s: what was committed at %d is never applied", s.id, e.committed)
			}
		}
	}
	return ""
}

// TestModel goes through every interleaving of commits, their showing in the stream, rolls, splits, late listings, empty
// answers, failing reads, expiry, trimming, time, and the requests' sending and answering, up to each scenario's depth, and checks
// after each step that what was committed up to the watermark is applied, and in every state that the watermark gets
// past it once all is quiet, with everything applied.
func TestModel(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			depth := s.depth + *modelDepth
			states, violation := explore(s.start(AllRules(), s.left), depth, 32)
			if violation != "" {
				t.Fatal(violation)
			}
			t.Logf("%d states to depth %d", states, depth)
		})
	}
}

// mutants has, for each rule, the scenario that must notice its absence, within mutantDepth more steps than TestModel takes.
var mutants = map[string]string{
	"Freeze": "split", "End": "split", "Inherit": "split", "Siblings": "split", "Late": "late", "Childless": "childless",
	"Horizon": "split", "Walk": "late", "Resume": "expiry", "Expired": "expiry", "Kept": "heir", "Trim": "trim", "Tip": "tip", "Failed": "failing",
	"Records": "tip", "Wall": "tip", "Nearest": "skewed", "Send": "tip", "Lag": "tip", "Seconds": "tip", "Min": "pair", "Whole": "start", "More": "halves", "Begin": "expiry",
	"Stale": "ending",
}

// mutantDepth is how much deeper mutants are looked for. Most show early; the first violation ends the search.
const mutantDepth = 4

// TestMutantsAreCaught turns every rule off alone. A rule that no interleaving misses is not a rule, or the model is too
// tame.
func TestMutantsAreCaught(t *testing.T) {
	all := reflect.TypeFor[Rules]()
	if all.NumField() != len(mutants) {
		t.Errorf("%d rules, %d mutants", all.NumField(), len(mutants))
	}
	for i := range all.NumField() {
		name := all.Field(i).Name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ok := scenarios[mutants[name]]
			if !ok {
				t.Fatalf("rule %s has no mutant", name)
			}
			rules := AllRules()
			reflect.ValueOf(&rules).Elem().Field(i).SetBool(false)
			states, violation := explore(s.start(rules, s.left), s.depth+mutantDepth, 32)
			if violation == "" {
				t.Errorf("a tailer without rule %s survives %d states of scenario %q", name, states, mutants[name])
			}
			t.Logf("%s killed after %d states of scenario %q: %s", name, states, mutants[name], violation)
		})
	}
}
