package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/invalidation"
)

// The properties, for 64 clients that read and write concurrently through one proxy. Every write of an item gives it
// the next version. floor is the greatest version of an item that was acknowledged to a writer or returned to a
// reader before a read is invoked, ceiling the greatest that any writer had begun when the read returned.
//
//	P1, P2  A read, of an item, a page of the table or of an index, or a scan, strong or not, returns a version from
//	        floor to ceiling: nothing older than what any client knew, nothing that nobody wrote.
//	        Before a backend that announces nothing (remote), what a page showed binds only what the backend itself
//	        orders: there items and pages are not promised to agree with each other before the write they differ in
//	        is acknowledged, and pages may go back until then.
//	P7      An item is missing from a page, or in it, only as some version from floor to ceiling has it: in the
//	        partition of the index that this version belongs to, once.
//
// At least 30 % of item reads and of page reads must be hits, or nothing was shown. The same run without the engine's
// hooks, which is without invalidation, must break a property.

// coherenceRun is one run's record.
type coherenceRun struct {
	r       *rig
	items   [coherenceItems]coherenceItem
	clients int
	steps   int
	remote  bool

	itemReads, itemHits, pageReads, pageHits atomic.Int64
	violations                               atomic.Int64

	mu    sync.Mutex
	first string
}

// The shape of the data: items are spread over partitions, in each of which every item has a sort key of its own.
const (
	coherenceItems      = 256
	coherencePartitions = 64
)

// coherenceItem is what is known of an item. Only one client writes it, one write at a time, so that what a version
// holds is known.
type coherenceItem struct {
	acked   atomic.Int64 // greatest version acknowledged
	seen    atomic.Int64 // greatest version that a read told of
	ceiling atomic.Int64 // greatest version begun
}

// exists and genreOf are what version v of an item is: now and then deleted, and moving between two partitions of
// the index. Version 0 is before the first write.
func exists(v int64) bool    { return v > 0 && v%7 != 0 }
func genreOf(v int64) string { return "g" + strconv.FormatInt(v/3%2, 10) }

// author, title are the key of item i.
func (c *coherenceRun) author(i int) string { return fmt.Sprintf("p%d", i%coherencePartitions) }
func (c *coherenceRun) title(i int) string  { return fmt.Sprintf("t%d", i/coherencePartitions) }

// genre is the partition of the index that version v of item i stands in. Every base partition has its own two.
func (c *coherenceRun) genre(i int, v int64) string { return c.author(i) + genreOf(v) }

// violated records a broken property.
func (c *coherenceRun) violated(format string, args ...any) {
	if c.violations.Add(1) == 1 {
		c.mu.Lock()
		c.first = fmt.Sprintf(format, args...)
		c.mu.Unlock()
	}
}

// floor is the least version that a read of item i invoked now may show.
func (c *coherenceRun) floor(i int, page bool) int64 {
	if page && c.remote {
		return c.items[i].acked.Load()
	}
	return max(c.items[i].acked.Load(), c.items[i].seen.Load())
}

// raise lifts v to at least to.
func raise(v *atomic.Int64, to int64) {
	for {
		old := v.Load()
		if old >= to || v.CompareAndSwap(old, to) {
			return
		}
	}
}

// write gives item i its next version.
func (c *coherenceRun) write(i int) {
	it := &c.items[i]
	v := it.ceiling.Add(1)
	key := fmt.Sprintf(`"author":{"S":%q},"title":{"S":%q}`, c.author(i), c.title(i))
	var a answer
	switch {
	case !exists(v):
		a = c.r.do(ddb.DeleteItem, `{"TableName":"books","Key":{`+key+`}}`)
	case v%2 == 0:
		a = c.r.do(ddb.PutItem, fmt.Sprintf(`{"TableName":"books","Item":{%s,"genre":{"S":%q},"year":{"N":"%d"}}}`, key, c.genre(i, v), v))
	default:
		a = c.r.do(ddb.UpdateItem, fmt.Sprintf(`{"TableName":"books","Key":{%s},"UpdateExpression":"SET genre=:g, #y=:v",`+
			`"ExpressionAttributeNames":{"#y":"year"},"ExpressionAttributeValues":{":g":{"S":%q},":v":{"N":"%d"}}}`, key, c.genre(i, v), v))
	}
	if a.err != nil {
		c.violated("write of item %d: %v", i, a.err)
		return
	}
	raise(&it.acked, v)
}

// check checks what a read showed of item i: version seen, or 0 for none. in tells whether a version shows in what
// was read. floor is from before the read.
func (c *coherenceRun) check(what string, i int, floor, seen int64, page bool, in func(v int64) bool) {
	it := &c.items[i]
	tell := &it.seen
	if page && c.remote {
		tell = new(atomic.Int64)
	}
	ceiling := it.ceiling.Load()
	if seen != 0 {
		if seen < floor || seen > ceiling || !in(seen) {
			c.violated("%s shows item %d at version %d, want %d to %d", what, i, seen, floor, ceiling)
		}
		raise(tell, seen)
		return
	}
	// The least version that explains the absence is also known now.
	for v := floor; v <= ceiling; v++ {
		if !in(v) {
			raise(tell, v)
			return
		}
	}
	c.violated("%s lacks item %d, which was there from version %d to %d", what, i, floor, ceiling)
}

// readItem reads item i.
func (c *coherenceRun) readItem(rng *rand.Rand, i int) {
	floor := c.floor(i, false)
	strong := ""
	if rng.IntN(4) == 0 {
		strong = `,"ConsistentRead":true`
	}
	a := c.r.do(ddb.GetItem, fmt.Sprintf(`{"TableName":"books","Key":{"author":{"S":%q},"title":{"S":%q}}%s}`, c.author(i), c.title(i), strong))
	c.itemReads.Add(1)
	if a.result == Hit || a.result == Negative {
		c.itemHits.Add(1)
	}
	var out struct{ Item *shownItem }
	if a.err != nil || json.Unmarshal([]byte(a.body), &out) != nil {
		c.violated("get: %v %s", a.err, a.body)
		return
	}
	c.check("GetItem", i, floor, out.Item.version(), false, exists)
}

// shownItem is an item in a response.
type shownItem struct {
	Author struct{ S string } `json:"author"`
	Title  struct{ S string } `json:"title"`
	Year   struct{ N string } `json:"year"`
}

// version is the item's; 0 when there is none.
func (s *shownItem) version() int64 {
	if s == nil {
		return 0
	}
	v, _ := strconv.ParseInt(s.Year.N, 10, 64)
	return v
}

// readPage reads a page and checks all items that it could show.
func (c *coherenceRun) readPage(what string, op ddb.Operation, body string, could []int, in func(i int, v int64) bool) {
	floors := make([]int64, len(could))
	for n, i := range could {
		floors[n] = c.floor(i, true)
	}
	a := c.r.do(op, body)
	c.pageReads.Add(1)
	if a.result == Hit {
		c.pageHits.Add(1)
	}
	var out struct{ Items []shownItem }
	if a.err != nil || json.Unmarshal([]byte(a.body), &out) != nil {
		c.violated("%s: %v %s", what, a.err, a.body)
		return
	}
	seen := map[string]int64{}
	for n := range out.Items {
		s := &out.Items[n]
		name := s.Author.S + "/" + s.Title.S
		if seen[name] != 0 {
			c.violated("%s shows %s twice", what, name)
		}
		seen[name] = s.version()
	}
	for n, i := range could {
		c.check(what, i, floors[n], seen[c.author(i)+"/"+c.title(i)], true, func(v int64) bool { return in(i, v) })
	}
}

// client reads and writes.
func (c *coherenceRun) client(n int, rng *rand.Rand) {
	for range c.steps {
		i := rng.IntN(coherenceItems)
		partition := i % coherencePartitions
		var members []int
		for m := partition; m < coherenceItems; m += coherencePartitions {
			members = append(members, m)
		}
		switch k := rng.IntN(100); {
		case k < 8:
			// One of the items that are this client's own.
			c.write(n + c.clients*rng.IntN(coherenceItems/c.clients))
		case k < 45:
			c.readItem(rng, i)
		case k < 70:
			c.readPage("Query", ddb.Query, fmt.Sprintf(`{"TableName":"books","KeyConditionExpression":"author=:a",`+
				`"ExpressionAttributeValues":{":a":{"S":%q}}}`, c.author(i)), members,
				func(_ int, v int64) bool { return exists(v) })
		case k < 98:
			genre := c.genre(i, int64(3*rng.IntN(2)))
			c.readPage("index Query", ddb.Query, fmt.Sprintf(`{"TableName":"books","IndexName":"genre-year","KeyConditionExpression":"genre=:g",`+
				`"ExpressionAttributeValues":{":g":{"S":%q}}}`, genre), members,
				func(i int, v int64) bool { return exists(v) && c.genre(i, v) == genre })
		default:
			all := make([]int, coherenceItems)
			for m := range all {
				all[m] = m
			}
			c.readPage("Scan", ddb.Scan, `{"TableName":"books"}`, all, func(_ int, v int64) bool { return exists(v) })
		}
	}
}

// runCoherence runs 64 clients over a rig.
func runCoherence(t *testing.T, o rigOptions, steps int) *coherenceRun {
	c := &coherenceRun{r: newRig(t, o), clients: 64, steps: steps, remote: o.remote}
	c.r.must(ddb.CreateTable, bookTable)
	seeds := newRand(t)
	var wg sync.WaitGroup
	for n := range c.clients {
		rng := rand.New(rand.NewPCG(seeds.Uint64(), uint64(n)))
		wg.Go(func() { c.client(n, rng) })
	}
	wg.Wait()
	return c
}

// delayed holds commits up before and after each of the steps that readers must not notice, so that every state between
// two of them lasts long enough to be met.
type delayed struct{ *invalidation.Invalidator }

// nap does nothing, or lets others run, once or many times.
func nap() {
	switch rand.IntN(3) {
	case 0:
		runtime.Gosched()
	case 1:
		for range rand.IntN(200) {
			runtime.Gosched()
		}
	}
}

// Pending is held up before and after.
func (d delayed) Pending(changes []ddb.Change) {
	nap()
	d.Invalidator.Pending(changes)
	nap()
}

// Settled is held up before and after.
func (d delayed) Settled(changes []ddb.Change) {
	nap()
	d.Invalidator.Settled(changes)
	nap()
}

// delayedReads is an engine whose reads take a while to reach it, and their answers to come back.
type delayedReads struct{ *engine.Engine }

// Do holds reads up.
func (d delayedReads) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	if req.Op.Facts().Kind == ddb.ReadOperation {
		nap()
		defer nap()
	}
	return d.Engine.Do(ctx, req)
}

func TestReadersNeverSeeLessThanAnyoneKnew(t *testing.T) {
	f := func(name string, o rigOptions, floor float64) {
		t.Run(name, func(t *testing.T) {
			steps := 400
			if o.hooks != nil {
				steps = 150
			}
			c := runCoherence(t, o, steps)
			items := float64(c.itemHits.Load()) / float64(c.itemReads.Load())
			pages := float64(c.pageHits.Load()) / float64(c.pageReads.Load())
			t.Logf("hits: %.2f of %d item reads, %.2f of %d page reads", items, c.itemReads.Load(), pages, c.pageReads.Load())
			if n := c.violations.Load(); n > 0 {
				t.Errorf("%d violations, first: %s", n, c.first)
			}
			if items < floor || pages < floor {
				t.Errorf("hit ratios %.2f of items and %.2f of pages, want %.2f", items, pages, floor)
			}
			if st := c.r.store.Core().Stats(); st.Flights+st.Fences+st.Pending+st.Fills > 0 {
				t.Errorf("left over at rest: %+v", st)
			}
		})
	}
	f("ample memory", rigOptions{}, 0.3)
	// The guard alone, before a backend that announces nothing: a write kills every page of an index.
	f("remote", rigOptions{remote: true}, 0.02)
	f("remote, in bytes", rigOptions{remote: true, lend: true, wrap: func(e *engine.Engine) backendLike { return &remoteLike{Engine: e} }}, 0.02)
	f("evictions", rigOptions{store: cache.Config{Memory: 64 << 10}}, 0)
	f("held up at every step", heldUp(cache.Config{}), 0.2)
}

// heldUp is a rig that is held up at every step.
func heldUp(store cache.Config) rigOptions {
	return rigOptions{
		store: store,
		hooks: func(v *invalidation.Invalidator) engine.CommitHooks { return delayed{v} },
		wrap:  func(e *engine.Engine) backendLike { return delayedReads{e} },
	}
}

// Of the rules for announced commits those that matter for an instant show only when that is drawn out. Without one of
// them readers must notice, or the run above could not fail for it.
func TestWithoutARuleReadersNotice(t *testing.T) {
	f := func(name string, memory int64, off func(*coherence.Rules)) {
		t.Run(name, func(t *testing.T) {
			rules := coherence.AllRules()
			off(&rules)
			for range 20 {
				if runCoherence(t, heldUp(cache.Config{Memory: memory, Core: coherence.Config{Rules: rules}}), 80).violations.Load() > 0 {
					return
				}
			}
			t.Error("no property was broken: the run does not test the rule")
		})
	}
	f("Hide", 0, func(r *coherence.Rules) { r.Hide = false })
	f("Born", 0, func(r *coherence.Rules) { r.Born = false })
	f("Touch", 0, func(r *coherence.Rules) { r.Touch = false })
	f("Void", 64<<10, func(r *coherence.Rules) { r.Void = false })
}

func TestWithoutInvalidationReadersNotice(t *testing.T) {
	c := runCoherence(t, rigOptions{unwired: true}, 200)
	if c.violations.Load() == 0 {
		t.Error("no property was broken without invalidation: the properties are not tested")
	}
}
