package coherence

import (
	"reflect"
	"testing"
)

// modelCovered, modelAlone and modelEmbedded are options of tables whose stream is read, to which nobody else writes, and whose commits are
// announced.
var (
	modelCovered  = TableOptions{Covered: true, Delta: modelDelta}
	modelAlone    = TableOptions{}
	modelEmbedded = TableOptions{Authoritative: true}
)

// auto is o with fills that are read eventually where that will do.
func auto(o TableOptions) TableOptions {
	o.Fill = FillAuto
	return o
}

// scenario is a world that is explored, and how deep.
type scenario struct {
	make  func(Rules) modelWorld
	depth int
}

// item is a scenario of one item.
func item(depth int, o TableOptions, left modelBudget, more ...func(*itemModel)) scenario {
	return scenario{func(r Rules) modelWorld {
		m := newItemModel(r, o, left)
		for _, f := range more {
			f(m)
		}
		return m
	}, depth}
}

// pages is a scenario of a partition.
func pages(depth int, o TableOptions, left modelBudget, requests []pageRequest, set func(*pageModel)) scenario {
	return scenario{func(r Rules) modelWorld {
		m := newPageModel(r, o, left, requests...)
		set(m)
		return m
	}, depth}
}

// The requests of pages: the first two items, those after the second key, all, a scan.
var (
	firstTwo  = pageRequest{limit: 2}
	afterTwo  = pageRequest{after: 2, limit: 2}
	firstOne  = pageRequest{limit: 1}
	scanOfTwo = pageRequest{limit: 2, scan: true}
)

// modelLagging are the options of a table whose index lags.
var modelLagging = TableOptions{Covered: true, Delta: modelDelta, IndexLag: modelLag, Provisional: modelProv}

// modelSlow are those of a table whose index lags for longer than is assumed, though not than is watched.
var modelSlow = TableOptions{Covered: true, Delta: modelDelta, IndexLag: modelLag, Provisional: modelProv, IndexWatch: modelLag + 1}

// scenarios are what is explored. Together they have every kind of step.
var scenarios = map[string]scenario{
	"page: own": pages(6, modelAlone, modelBudget{reads: 3, writes: 2, evicts: 1}, []pageRequest{firstTwo, afterTwo},
		func(m *pageModel) { m.writes = []int8{1, -2, 4} }),
	"page: stream": pages(7, modelCovered, modelBudget{reads: 2, writes: 1, foreign: 2, fails: 1}, []pageRequest{firstOne, afterTwo},
		func(m *pageModel) { m.writes, m.theirs = []int8{3}, []int8{1, -2, 4} }),
	"page: time": pages(7, auto(modelCovered), modelBudget{reads: 2, foreign: 1, ticks: 3, losses: 1}, []pageRequest{firstTwo},
		func(m *pageModel) { m.theirs = []int8{1, 4} }),
	"page: auto": pages(7, auto(modelAlone), modelBudget{reads: 3, writes: 2, ticks: 3}, []pageRequest{firstTwo},
		func(m *pageModel) { m.writes = []int8{1, 4} }),
	"page: weak": pages(7, modelCovered, modelBudget{reads: 2, writes: 1, foreign: 1, ticks: 2, losses: 1, weak: 2}, []pageRequest{firstTwo},
		func(m *pageModel) { m.writes, m.theirs = []int8{1}, []int8{4} }),
	"page: vague": pages(7, modelCovered, modelBudget{reads: 3, writes: 1, foreign: 1, evicts: 1}, []pageRequest{firstTwo, afterTwo},
		func(m *pageModel) { m.writes, m.theirs, m.vague = []int8{1}, []int8{4}, true }),
	"page: scan": pages(6, modelCovered, modelBudget{reads: 3, writes: 1, foreign: 1, ticks: 2}, []pageRequest{scanOfTwo, firstTwo},
		func(m *pageModel) { m.writes, m.theirs = []int8{1}, []int8{4} }),
	"page: lagging": pages(8, modelLagging, modelBudget{reads: 2, writes: 1, foreign: 1, ticks: 5}, []pageRequest{firstTwo},
		func(m *pageModel) { m.writes, m.theirs, m.lagging = []int8{1}, []int8{-3}, true }),
	"page: slow": pages(7, modelSlow, modelBudget{reads: 2, foreign: 1, ticks: 7}, []pageRequest{firstTwo},
		func(m *pageModel) { m.theirs, m.lagging, m.slow = []int8{-3}, true, 1 }),
	"page: embedded": pages(6, modelEmbedded, modelBudget{reads: 3, writes: 3, fails: 1}, []pageRequest{firstTwo, afterTwo, scanOfTwo},
		func(m *pageModel) { m.writes = []int8{1, -3} }),
	"item: stream":   item(7, modelCovered, modelBudget{reads: 3, strong: 1, writes: 1, foreign: 2, repeats: 1, evicts: 1}),
	"item: all":      item(9, modelCovered, modelBudget{reads: 3, writes: 2, foreign: 2, evicts: 1}),
	"item: time":     item(7, modelCovered, modelBudget{reads: 2, foreign: 2, ticks: 4}),
	"item: auto":     item(7, auto(modelCovered), modelBudget{reads: 3, writes: 1, foreign: 1, ticks: 3, evicts: 1}),
	"item: auto own": item(7, auto(modelAlone), modelBudget{reads: 3, writes: 1, refusals: 1, timeouts: 1, ticks: 3, evicts: 1}),
	"item: weak":     item(7, modelCovered, modelBudget{reads: 3, writes: 1, foreign: 1, ticks: 2, losses: 1, evicts: 1, weak: 2}),
	"item: writers":  item(8, modelCovered, modelBudget{reads: 2, writes: 2, refusals: 1, timeouts: 1, foreign: 1}),
	"item: alone":    item(8, modelAlone, modelBudget{reads: 2, writes: 3, refusals: 1, timeouts: 1, ticks: 2}),
	"item: ttl":      item(7, modelAlone, modelBudget{reads: 2, writes: 1, foreign: 1, ticks: 6}),
	"item: gap":      item(7, auto(modelCovered), modelBudget{reads: 2, foreign: 2, ticks: 2, losses: 1, evicts: 1}),
	"item: change":   item(7, modelCovered, modelBudget{reads: 2, writes: 1, foreign: 1, changes: 1, fails: 1}),
	"item: absent":   item(6, modelAlone, modelBudget{reads: 2, foreign: 2, ticks: 5}, func(m *itemModel) { m.absent = true }),
	"item: ends":     item(6, modelCovered, modelBudget{reads: 2, writes: 2, timeouts: 2, ticks: 2, losses: 1}, func(m *itemModel) { m.uncovers = true }),
	"item: back":     item(8, modelCovered, modelBudget{reads: 3, writes: 1, foreign: 3, repeats: 1}, func(m *itemModel) { m.values = 2 }),
	"item: nameless": item(7, modelCovered, modelBudget{reads: 3, writes: 1, foreign: 1, repeats: 1, evicts: 1}, func(m *itemModel) { m.nameless, m.silent = true, true }),
	"item: embedded": item(9, modelEmbedded, modelBudget{reads: 2, strong: 2, writes: 3, evicts: 1, fails: 1}),
}

// TestModel explores all scenarios: P1 to P9 hold in every state, as readers are answered and as one more would be; and when all
// is quiet, which is tried from every state, what is served is what is stored, what is read is served, and nothing is left.
func TestModel(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runModel(t, s.make(AllRules()), s.depth)
		})
	}
}

// modelMutants has, for each rule, the scenario that must notice its absence, within modelMutantDepth more steps than TestModel
// takes; nothing for what these worlds are too small for: two keys of one hash.
var modelMutants = map[string]string{
	"R1": "item: auto own", "R3": "item: nameless", "R4": "page: lagging", "R5": "item: auto own", "R6": "item: stream", "R6q": "item: gap",
	"R7": "item: back", "R9": "item: absent", "R11": "item: alone", "R13": "item: ttl", "R16": "item: writers", "R17": "item: auto own",
	"R17own": "item: alone", "R42": "page: own", "Fills": "page: own", "R44": "page: lagging", "Prov": "page: lagging",
	"R45": "page: own", "R48": "page: scan", "R2": "item: nameless", "R12": "item: back", "R29": "item: nameless", "R41": "item: gap",
	"R43": "page: stream", "Gate": "item: time", "Watch": "page: slow", "Late": "item: time", "Lost": "item: gap", "LostQuar": "item: gap", "LostAmb": "item: ends",
	"Weak": "item: weak", "R51": "", "Epoch": "item: change", "Index": "page: vague", "TTL": "item: ttl", "Bypass": "item: stream", "Hide": "item: embedded",
	"Born": "item: embedded", "Void": "item: embedded", "Swap": "item: embedded", "Kill": "page: embedded", "Touch": "page: embedded",
	"Cross": "item: embedded", "Count": "page: embedded",
}

// modelMutantDepth is how much deeper mutants are looked for. The first violation ends the search.
const modelMutantDepth = 4

// TestModelMutants turns every rule off alone. What no interleaving misses is no rule.
func TestModelMutants(t *testing.T) {
	all := reflect.TypeFor[Rules]()
	if all.NumField() != len(modelMutants) {
		t.Errorf("%d rules, %d mutants", all.NumField(), len(modelMutants))
	}
	for i := range all.NumField() {
		name := all.Field(i).Name
		in, ok := modelMutants[name]
		if ok && in == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ok := scenarios[in]
			if !ok {
				t.Fatalf("rule %s has no mutant", name)
			}
			rules := AllRules()
			reflect.ValueOf(&rules).Elem().Field(i).SetBool(false)
			f := exploreModel(s.make(rules), s.depth+modelMutantDepth)
			if f.violation == "" {
				t.Errorf("a core without rule %s survives %d states of scenario %q", name, f.states, in)
			}
			t.Logf("| %s | %s | %d | killed: %s", name, in, f.states, f.violation)
		})
	}
}
