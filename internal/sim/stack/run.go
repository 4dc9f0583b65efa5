package stack

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Result is the outcome of one run.
type Result struct {
	Violations []string
	Trace      []string // if asked for
	// Judged is how many cached answers were judged; Errors are requests that failed; Calls are those that the model had.
	Judged, Errors, Calls int
	// Lost is how many records were lost, Found how often an audit found an entry that had outlived its bound.
	Lost, Found int
	// Slow is how many nodes have taken a stream for slower than it ever was.
	Slow int
	// AtRest are the cached answers that were held against what is stored while what the script had read was still cached: of items and
	// of pages.
	AtRest struct{ Items, Pages int }
	// Items, Own of them (those that the node had written), Base, Index and Scans are what was useful in a calm world.
	Items, Own, Base, Index, Scans Share
}

// world is one run.
type world struct {
	sc      *Scenario
	mutant  Mutant
	began   time.Time
	model   *model
	nodes   []*node
	healed  bool // nothing fails any more
	trace   bool
	clients sync.WaitGroup
	asides  sync.WaitGroup

	mu sync.Mutex

	notes []note
	res   Result
}

// note is a line of the trace.
type note struct {
	at   time.Duration
	text string
}

// note adds a line to the trace.
func (w *world) note(format string, args ...any) {
	if !w.trace {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, note{w.now(), fmt.Sprintf(format, args...)})
}

// fail records a violation.
func (w *world) fail(format string, args ...any) {
	w.note("VIOLATION "+format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.res.Violations = append(w.res.Violations, fmt.Sprintf("%v: ", w.now())+fmt.Sprintf(format, args...))
}

// aside does something after a time, whatever else goes on.
func (w *world) aside(d time.Duration, do func()) {
	w.asides.Go(func() {
		if sleep(context.Background(), d) == nil {
			do()
		}
	})
}

// rest waits.
func (w *world) rest(d time.Duration) {
	if err := sleep(context.Background(), d); err != nil {
		w.fail("%v", err)
	}
}

// Run runs a scenario. It must be called in a bubble of testing/synctest.
func Run(sc *Scenario, mutant Mutant, trace bool) *Result {
	w := &world{sc: sc, mutant: mutant, trace: trace, began: time.Now()}
	w.model = &model{w: w, operations: operations(), tokens: map[string]bool{}, streams: map[string]*tableStream{}}
	first := commit{at: -time.Hour}
	for k := range first.state {
		if k%4 != 3 {
			first.state[k] = makeItem(k, fmt.Sprintf("v0.%d", k), 5+3*k)
		}
	}
	w.model.log = []commit{first}
	w.model.newStream()
	for i := range sc.Nodes {
		n := &node{world: w, id: i}
		w.nodes = append(w.nodes, n)
		if err := n.start(); err != nil {
			w.fail("start: %v", err)
			return &w.res
		}
	}
	for _, o := range sc.Ops {
		w.clients.Go(func() {
			w.rest(o.At - w.now())
			w.nodes[o.Node%len(w.nodes)].do(o)
		})
	}
	w.clients.Wait()
	w.asides.Wait()
	w.quiesce()
	for _, n := range w.nodes {
		n.life.end()
	}
	slices.SortStableFunc(w.notes, func(a, b note) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.text, b.text)) })
	for _, x := range w.notes {
		w.res.Trace = append(w.res.Trace, fmt.Sprintf("%14v  %s", x.at, x.text))
	}
	slices.Sort(w.res.Violations)
	w.res.Calls = w.model.calls
	return &w.res
}
