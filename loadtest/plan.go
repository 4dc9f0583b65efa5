package loadtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// schedule is what a run sends: requests, and when each is due. All of it is settled before the first is sent; build may
// be called by many goroutines with writers of their own.
type schedule interface {
	// due are the times, from the beginning and ascending.
	due() []time.Duration
	// build makes the kth request in r, whose memory is used again.
	build(w *writer, k int, r *request)
	// labels name the kinds of requests, label tells the kth's.
	labels() []string
	label(k int) int
}

// mix is a workload compiled for a run.
type mix struct {
	name, about string
	tables      []*tableDef
	kinds       []*kind
	steps       []*step
	names       []string
}

// compile prepares a workload. prefix begins the tables' names, scale multiplies the items.
func (w *Workload) compile(prefix string, scale float64) (*mix, error) {
	m := &mix{name: w.Name, about: w.About}
	tables, err := w.compileTables(prefix)
	if err != nil {
		return nil, fmt.Errorf("workload %s: %w", w.Name, err)
	}
	kinds, err := w.compileKinds(tables, scale)
	if err != nil {
		return nil, fmt.Errorf("workload %s: %w", w.Name, err)
	}
	for _, name := range sortedKeys(tables) {
		m.tables = append(m.tables, tables[name])
	}
	for _, name := range sortedKeys(kinds) {
		m.kinds = append(m.kinds, kinds[name])
	}
	for i, t := range w.Mix {
		s, err := t.compile(kinds)
		if err != nil {
			return nil, fmt.Errorf("workload %s: request %d of the mix: %w", w.Name, i+1, err)
		}
		m.steps = append(m.steps, s)
		label := t.Do + " " + t.Item
		if t.Index != "" {
			label += " by " + t.Index
		}
		if t.Consistent {
			label += ", strong"
		}
		m.names = append(m.names, label)
	}
	return m, nil
}

// plan is a mix spread over arrivals. It implements schedule.
type plan struct {
	*mix
	times []time.Duration
	// steps tell which step each arrival is, grown how many items its kind had gained before it.
	step  []uint8
	grown []uint32
	seed  uint64
	epoch time.Time
}

// newPlan draws what each arrival asks for. grown is what earlier plans of the run have inserted, by kind; the inserts of
// this one are added to it.
func newPlan(m *mix, times []time.Duration, seed uint64, epoch time.Time, grown map[*kind]int) *plan {
	p := &plan{mix: m, times: times, seed: seed, epoch: epoch, step: make([]uint8, len(times)), grown: make([]uint32, len(times))}
	random := rand.New(rand.NewPCG(seed, streamMix))
	total := 0.0
	for _, s := range m.steps {
		total += s.weight
	}
	for k := range times {
		at := random.Float64() * total
		i := 0
		for at -= m.steps[i].weight; at >= 0 && i < len(m.steps)-1; at -= m.steps[i].weight {
			i++
		}
		s := m.steps[i]
		p.step[k], p.grown[k] = uint8(i), uint32(grown[s.kind])
		if s.verb.inserts {
			grown[s.kind] += s.count
		}
	}
	return p
}

// due is part of schedule.
func (p *plan) due() []time.Duration { return p.times }

// labels is part of schedule.
func (p *plan) labels() []string { return p.names }

// label is part of schedule.
func (p *plan) label(k int) int { return int(p.step[k]) }

// build is part of schedule. What is drawn depends on the seed and k alone.
func (p *plan) build(w *writer, k int, r *request) {
	s := p.steps[p.step[k]]
	w.seed(p.seed, streamRequests+uint64(k)<<20)
	o := occasion{at: p.times[k], grown: int(p.grown[k]), now: p.epoch.Add(p.times[k]).Unix()}
	w.n.now = o.now
	r.op, r.thenOp, r.reads, r.finds = s.verb.op, 0, s.verb.reads, s.verb.finds
	s.verb.body(w, s, o, r)
}

// sortedKeys are the keys of m in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
